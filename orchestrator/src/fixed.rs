//! Answers that need no model: opt-out and opt-in words, a voice message that nobody can listen to, and that the agent is
//! paused.

use shared::{
    db::{
        DbError, TenantTx,
        billing::Access,
        messages::Author,
        people,
        runs::{End, Opening},
    },
    message::InboundMessage,
};

use crate::consent::{self, Wish};

/// As the webhook words it.
const VOICE: &str = "[attached file: voice message]";
const PAUSED: &str = "I'm paused at the moment and can't answer. Whoever looks after me here has been told.";
const CAN_NOT_LISTEN: &str = "I can't listen to voice messages. Please write it to me as a text.";

/// What becomes of a turn before a model is asked.
pub enum Beforehand {
    /// The model answers.
    Nothing,
    Answer(&'static str),
    /// The person wants no messages.
    Silence,
}

impl Beforehand {
    pub fn answer(&self) -> Option<&'static str> {
        match self {
            Self::Answer(text) => Some(text),
            Self::Nothing | Self::Silence => None,
        }
    }

    /// An end without an answer.
    pub fn end(&self) -> Option<(End, &'static str)> {
        matches!(self, Self::Silence).then_some((End::Ignored, "the person wants no messages"))
    }
}

/// `hears`: somebody turns speech into text. By the last message, which says what the person wants now. Notes a wish where it is one.
pub async fn beforehand(
    tx: &mut TenantTx,
    opening: &Opening,
    authors: &[Author],
    hears: bool,
) -> Result<Beforehand, DbError> {
    let (Some(last), Some(author)) = (opening.pending.last(), authors.last()) else {
        return Ok(Beforehand::Nothing);
    };
    if opening.channel != "whatsapp" {
        return Ok(Beforehand::Nothing);
    }
    if let Some((wish, answer)) = consent::wish(&last.message.text) {
        people::set_consent(tx, author.person, wish == Wish::NoMore).await?;
        return Ok(Beforehand::Answer(answer));
    }
    if people::has_opted_out(tx, author.person).await? {
        return Ok(Beforehand::Silence);
    }
    let only_voice = !hears && opening.pending.iter().all(|pending| is_voice(&pending.message));
    Ok(if only_voice { Beforehand::Answer(CAN_NOT_LISTEN) } else { Beforehand::Nothing })
}

/// What a tenant's people hear while its subscription is not in order. An answer that had begun is finished.
pub fn paused(opening: &Opening) -> Option<&'static str> {
    (opening.access != Access::Full && opening.interrupted.is_none()).then_some(PAUSED)
}

fn is_voice(message: &InboundMessage) -> bool {
    message.text == VOICE
}

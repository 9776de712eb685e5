//! Answers that need no model: opt-out and opt-in words, and a voice message that nobody can listen to.

use shared::{
    db::{
        DbError, TenantTx,
        messages::Author,
        people,
        runs::{End, Opening},
    },
    message::InboundMessage,
};

use crate::consent::{self, Wish};

/// As the webhook words it.
const VOICE: &str = "[attached file: voice message]";
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

fn is_voice(message: &InboundMessage) -> bool {
    message.text == VOICE
}

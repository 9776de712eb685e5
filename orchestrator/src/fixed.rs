//! Answers that need no model: opt-out and opt-in words, a voice message that nobody can listen to, and that the agent is
//! paused.

use std::time::Duration;

use shared::{
    db::{
        DbError, TenantTx, allowances,
        billing::Access,
        messages::{Author, AuthorKind, Line},
        people,
        runs::{End, Opening},
    },
    message::InboundMessage,
};
use time::OffsetDateTime;

use crate::{
    consent::{self, Wish},
    lateness,
    sayings::{self, Saying},
};

/// As the webhook words it.
const VOICE: &str = "[attached file: voice message]";
const USED_UP_SAID: &str = "the plan's answers of this month are used up, which was said";

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
    Ok(if only_voice { Beforehand::Answer(Saying::CanNotListen.to(opening)) } else { Beforehand::Nothing })
}

/// What a tenant's people hear while its subscription is not in order. An answer that had begun is finished.
fn paused(opening: &Opening) -> Option<&'static str> {
    (opening.access != Access::Full && opening.interrupted.is_none()).then(|| Saying::Paused.to(opening))
}

/// What of all that needs no model becomes of a turn: a line to say, nothing, or an end without an answer. `when`: it is now
/// this late, and what waited longer than that is asked about.
pub async fn settle(
    tx: &mut TenantTx,
    opening: &Opening,
    beforehand: &Beforehand,
    (now, within): (OffsetDateTime, Option<Duration>),
    is_errand: bool,
) -> Result<Result<Option<&'static str>, (End, &'static str)>, DbError> {
    if let Some(end) = beforehand.end() {
        return Ok(Err(end));
    }
    if let Some(answer) = beforehand.answer() {
        return Ok(Ok(Some(answer)));
    }
    let late = lateness::judge(opening, now, within);
    if let Some(end) = late.end() {
        return Ok(Err(end));
    }
    if let Some(line) = paused(opening) {
        return Ok(Ok(Some(line)));
    }
    // A turn that had begun goes on.
    let counts = opening.limited && opening.interrupted.is_none();
    if counts && allowances::answers(tx).await?.are_used_up() {
        let line = Saying::UsedUp.to(opening);
        return Ok(used_up(line, &opening.window, now, is_errand).map(Some));
    }
    Ok(Ok(late.answer(|| sayings::language(opening))))
}

/// The line beyond the plan's answers, or an end where it was said this month already. Nobody wrote an errand, so nobody is
/// told of it.
fn used_up(
    line: &'static str,
    window: &[Line],
    now: OffsetDateTime,
    is_errand: bool,
) -> Result<&'static str, (End, &'static str)> {
    let said = window.iter().any(|earlier| {
        earlier.author_kind == AuthorKind::Agent
            && Saying::UsedUp.begins(&earlier.body)
            && (earlier.sent_at.year(), earlier.sent_at.month()) == (now.year(), now.month())
    });
    if said || is_errand { Err((End::Ignored, USED_UP_SAID)) } else { Ok(line) }
}

fn is_voice(message: &InboundMessage) -> bool {
    message.text == VOICE
}

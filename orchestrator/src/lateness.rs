//! Messages that waited so long that an answer would surprise more than help: after an outage, say. Who wrote them gets one
//! line instead, and decides. Pure.

use std::time::Duration;

use shared::{
    conditions::Language,
    db::{
        messages::{AuthorKind, Line},
        runs::{End, Opening},
    },
};
use time::OffsetDateTime;

use crate::{errands, policy, sayings::Saying};

/// Longer than any platform tries to deliver: WhatsApp does for seven days. What claims to be older has a wrong clock.
const DELIVERED_WITHIN: Duration = Duration::from_hours(8 * 24);
const SAID: &str = "it came too late, which was said";
const DROPPED: &str = "it came while the account was suspended";

/// What becomes of messages that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    InTime,
    /// They get the one line.
    Tell,
    /// They got it already.
    Told,
    /// The platform let the tenant go on without what waited.
    Dropped,
}

impl Late {
    pub fn answer(self, language: impl FnOnce() -> Language) -> Option<&'static str> {
        (self == Self::Tell).then(|| Saying::Away.in_language(language()))
    }

    pub fn end(self) -> Option<(End, &'static str)> {
        match self {
            Self::Told => Some((End::Ignored, SAID)),
            Self::Dropped => Some((End::Ignored, DROPPED)),
            Self::InTime | Self::Tell => None,
        }
    }
}

/// By the newest message that wants an answer: if that one is fresh, its answer is for all of them. A turn that had begun goes
/// on, and a decision about an approval is carried out or has expired by itself.
pub fn judge(opening: &Opening, now: OffsetDateTime, within: Option<Duration>) -> Late {
    if opening.interrupted.is_some() || opening.pending.iter().any(|pending| errands::named(pending).is_some()) {
        return Late::InTime;
    }
    let wanting: Vec<_> =
        opening.pending.iter().filter(|pending| policy::wants_answer(opening, pending)).collect();
    let Some(newest) = wanting.iter().map(|pending| pending.message.sent_at).max() else { return Late::InTime };
    // By our own clock: platforms count in seconds, and differ from it.
    let waits_since = |before| wanting.iter().all(|pending| pending.received_at <= before);
    if opening.dropped_before.is_some_and(waits_since) {
        return Late::Dropped;
    }
    let Some(within) = within else { return Late::InTime };
    if now - newest <= within || now - newest > DELIVERED_WITHIN {
        return Late::InTime;
    }
    if was_told_since(&opening.window, newest) { Late::Told } else { Late::Tell }
}

fn was_told_since(window: &[Line], at: OffsetDateTime) -> bool {
    window
        .iter()
        .any(|line| line.author_kind == AuthorKind::Agent && line.sent_at > at && Saying::Away.begins(&line.body))
}

#[cfg(test)]
mod tests {
    use shared::ids::MessageId;
    use time::macros::datetime;

    use super::*;

    fn line(author_kind: AuthorKind, body: &str, sent_at: OffsetDateTime) -> Line {
        Line {
            id: MessageId::new(),
            external_id: None,
            author_kind,
            author: "somebody".into(),
            body: body.into(),
            sent_at,
            outside: false,
        }
    }

    #[test]
    fn it_counts_as_told_only_by_the_agent_and_only_afterwards() {
        let at = datetime!(2026-11-27 10:00 UTC);
        let (before, after) = (at - Duration::from_secs(1), at + Duration::from_secs(1));
        let away = Saying::Away.in_language(Language::English);
        let marked = format!("{away}\n\n_You are writing with an AI assistant._");
        assert!(was_told_since(&[line(AuthorKind::Agent, &marked, after)], at));
        for window in [
            vec![],
            vec![line(AuthorKind::Agent, away, before)],
            vec![line(AuthorKind::Person, away, after)],
            vec![line(AuthorKind::Agent, "Hello", after)],
        ] {
            assert!(!was_told_since(&window, at), "{window:?}");
        }
    }

    #[test]
    fn who_is_told_is_not_silenced_and_the_other_way_round() {
        let away = Saying::Away.in_language(Language::German);
        assert_eq!((Late::Tell.answer(|| Language::German), Late::Tell.end()), (Some(away), None));
        assert_eq!((Late::Told.answer(|| Language::German), Late::Told.end()), (None, Some((End::Ignored, SAID))));
        assert_eq!((Late::InTime.answer(|| Language::German), Late::InTime.end()), (None, None));
    }
}

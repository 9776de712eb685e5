//! What Slack does to the calls about one message, in order; drawn by proptest, carried out by the simulator's faults.

use proptest::{collection::vec, prelude::*};
use simulators::{FaultKind, FaultRule, FaultStatus, SlackSimulator};

/// Long enough to be noticed as a call without an answer.
const HANGS_MS: u64 = 600_000;

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Done,
    /// Done, and said so late.
    DoneLate,
    DoneWithoutAnAnswer,
    DoneWithAnError,
    DoneWithNonsense,
    LostWithoutAnAnswer,
    LostWithAnError,
    AskedToWait,
    Refused,
    TokenRevoked,
    /// The message to change is gone.
    NotThere,
    /// The caller dies before Slack does anything.
    CallerDies,
    /// Slack does it, and the caller dies before it hears of it.
    CallerDiesAfter,
}

/// The calls about one message; after these, everything is done as asked.
#[derive(Clone, Debug)]
pub struct Script {
    pub updates_first: bool,
    pub updates: Vec<Fate>,
    pub posts: Vec<Fate>,
    /// Look-ups only read.
    pub lookups: Vec<Fate>,
}

impl Fate {
    /// The caller can't know whether it was done.
    pub fn is_unclear(self) -> bool {
        use Fate::*;
        matches!(
            self,
            DoneWithoutAnAnswer
                | DoneWithAnError
                | DoneWithNonsense
                | LostWithoutAnAnswer
                | LostWithAnError
                | CallerDies
                | CallerDiesAfter
        )
    }

    pub fn kills(self) -> bool {
        matches!(self, Self::CallerDies | Self::CallerDiesAfter)
    }

    fn kind(self) -> FaultKind {
        match self {
            Self::Done => FaultKind::DelayMs(0),
            Self::DoneLate => FaultKind::DeliverThenTimeout(15),
            Self::DoneWithoutAnAnswer => FaultKind::DropConnectionAfter,
            Self::DoneWithAnError => FaultKind::StatusAfter { code: 502 },
            Self::DoneWithNonsense => FaultKind::GarbageJson,
            Self::LostWithoutAnAnswer => FaultKind::DropConnectionBefore,
            Self::LostWithAnError => FaultKind::Status { code: 500, retry_after: None },
            Self::AskedToWait => FaultKind::Status { code: 429, retry_after: Some(0) },
            Self::Refused => FaultKind::SlackError("is_archived".into()),
            Self::TokenRevoked => FaultKind::SlackError("token_revoked".into()),
            Self::NotThere => FaultKind::SlackError("message_not_found".into()),
            Self::CallerDies => FaultKind::DelayMs(HANGS_MS),
            Self::CallerDiesAfter => FaultKind::DeliverThenTimeout(HANGS_MS),
        }
    }
}

fn writing(refusals: Vec<Fate>) -> impl Strategy<Value = Fate> {
    use Fate::*;
    prop_oneof![
        2 => Just(Done),
        1 => Just(DoneLate),
        6 => prop::sample::select(vec![
            DoneWithoutAnAnswer, DoneWithAnError, DoneWithNonsense, LostWithoutAnAnswer, LostWithAnError,
        ]),
        2 => Just(AskedToWait),
        2 => prop::sample::select(refusals),
        3 => prop::sample::select(vec![CallerDies, CallerDiesAfter]),
    ]
}

fn lookup() -> impl Strategy<Value = Fate> {
    use Fate::*;
    prop_oneof![
        3 => Just(Done),
        2 => prop::sample::select(vec![LostWithoutAnAnswer, LostWithAnError, AskedToWait, DoneWithNonsense]),
    ]
}

pub fn script() -> impl Strategy<Value = Script> {
    let (posts, lookups) = (vec(writing(vec![Fate::Refused, Fate::TokenRevoked]), 0..6), vec(lookup(), 0..4));
    let updates = vec(writing(vec![Fate::Refused, Fate::NotThere, Fate::NotThere]), 0..4);
    (prop::bool::weighted(0.3), updates, posts, lookups)
        .prop_map(|(updates_first, updates, posts, lookups)| Script { updates_first, updates, posts, lookups })
}

impl Script {
    /// From now on, for this channel.
    pub fn begin(&self, slack: &SlackSimulator, channel: &str) {
        let lists = [
            ("chat.update", &self.updates),
            ("chat.postMessage", &self.posts),
            ("conversations.replies", &self.lookups),
        ];
        for (method, fates) in lists {
            for fate in fates {
                slack.faults().add(FaultRule::once(method, fate.kind()).target(channel));
            }
        }
    }
}

/// What of a script has happened.
pub struct Happened {
    pub updates: Vec<Fate>,
    pub posts: Vec<Fate>,
    pub lookups: Vec<Fate>,
}

impl Happened {
    pub fn so_far(script: &Script, slack: &SlackSimulator, channel: &str) -> Self {
        let rules: Vec<FaultStatus> = slack.faults().list();
        let fired = |method: &str, fates: &[Fate]| {
            let ours = |status: &&FaultStatus| {
                status.rule.method == method && status.rule.target.as_deref() == Some(channel)
            };
            fates
                .iter()
                .zip(rules.iter().filter(ours))
                .filter(|(_, status)| status.fired > 0)
                .map(|(fate, _)| *fate)
                .collect()
        };
        Self {
            updates: fired("chat.update", &script.updates),
            posts: fired("chat.postMessage", &script.posts),
            lookups: fired("conversations.replies", &script.lookups),
        }
    }

    pub fn deaths(&self) -> usize {
        self.updates.iter().chain(&self.posts).filter(|fate| fate.kills()).count()
    }
}

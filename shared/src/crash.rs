//! Named points where a process can be made to abort, as `kill -9` at the worst moment would. Test builds only.
//!
//! `KONSTRUCT_CRASH_AT=orchestrator.answered:2` aborts at the second pass; `KONSTRUCT_CRASH_ON_TEXT=…` when a prompt holds
//! that text. Without the feature `testing`, and in production, a set variable refuses the start and nothing here does
//! anything.

/// The points, in the order a message passes them; the last ones only where an answer is streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The message is read and verified, not stored.
    BeforeCommit,
    /// The message is stored, the provider was not answered.
    AfterCommit,
    /// The lane is leased, nothing is read.
    Claimed,
    /// The run and its placeholder's row are stored.
    Opened,
    /// The placeholder is visible, which is not recorded.
    PlaceholderPosted,
    /// The model was not asked.
    PromptBuilt,
    /// Some words of the answer have arrived.
    ModelMidStream,
    /// The answer is complete, and not recorded.
    Answered,
    /// Answer, ledger and outbox are stored, nothing is sent.
    Recorded,
    /// The answer is visible, which is not recorded.
    Sent,
    /// The run ended and the lane is released.
    Finished,
    /// A job's attempt is counted, its work not begun.
    JobBegun,
    /// Vectors are computed, and not stored.
    Embedded,
    /// A piece of a streamed answer is stored, and not shown.
    PieceStored,
    /// A stream is visible, and nobody knows where.
    StreamStarted,
    /// A piece was appended.
    PieceShown,
    /// What a caller wants once is made, and its answer kept; nobody was told.
    MadeOnce,
}

impl Point {
    pub const ALL: [Self; 17] = [
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::Claimed,
        Self::Opened,
        Self::PlaceholderPosted,
        Self::PromptBuilt,
        Self::ModelMidStream,
        Self::Answered,
        Self::Recorded,
        Self::Sent,
        Self::Finished,
        Self::JobBegun,
        Self::Embedded,
        Self::PieceStored,
        Self::StreamStarted,
        Self::PieceShown,
        Self::MadeOnce,
    ];

    /// As `KONSTRUCT_CRASH_AT` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeCommit => "gateway.before-commit",
            Self::AfterCommit => "gateway.after-commit",
            Self::Claimed => "orchestrator.claimed",
            Self::Opened => "orchestrator.opened",
            Self::PlaceholderPosted => "orchestrator.placeholder-posted",
            Self::PromptBuilt => "orchestrator.prompt-built",
            Self::ModelMidStream => "orchestrator.model-mid-stream",
            Self::Answered => "orchestrator.answered",
            Self::Recorded => "orchestrator.recorded",
            Self::Sent => "orchestrator.sent",
            Self::Finished => "orchestrator.finished",
            Self::JobBegun => "worker.job-begun",
            Self::Embedded => "worker.embedded",
            Self::PieceStored => "orchestrator.piece-stored",
            Self::StreamStarted => "orchestrator.stream-started",
            Self::PieceShown => "orchestrator.piece-shown",
            Self::MadeOnce => "gateway.made-once",
        }
    }
}

/// When this process should abort; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The point, and at which pass.
    pub at: Option<(Point, u64)>,
    pub on_text: Option<String>,
}

impl Plan {
    /// From the two variables' texts; the error is a sentence.
    pub fn parse(at: Option<&str>, on_text: Option<&str>) -> Result<Self, String> {
        let at = at.map(parse_at).transpose()?;
        Ok(Self { at, on_text: on_text.map(str::to_owned) })
    }

    pub fn is_empty(&self) -> bool {
        self.at.is_none() && self.on_text.is_none()
    }
}

fn parse_at(text: &str) -> Result<(Point, u64), String> {
    let (name, pass) = text.split_once(':').unwrap_or((text, "1"));
    let point = Point::ALL.into_iter().find(|point| point.name() == name);
    let pass = pass.parse().ok().filter(|pass| *pass > 0);
    point.zip(pass).ok_or_else(|| {
        let names: Vec<_> = Point::ALL.iter().map(|point| point.name()).collect();
        format!(
            "KONSTRUCT_CRASH_AT must be one of {}, with `:n` for the n-th pass; it is `{text}`.",
            names.join(", ")
        )
    })
}

#[cfg(feature = "testing")]
mod armed {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    use super::{Plan, Point};

    static PLAN: OnceLock<Plan> = OnceLock::new();
    static PASSES: AtomicU64 = AtomicU64::new(0);

    /// Once, at the start of a role.
    pub fn arm(plan: &Plan) {
        // A second role in the same process has the same plan.
        let _ = PLAN.set(plan.clone());
    }

    /// Aborts here if the plan says so.
    pub fn point(point: Point) {
        let Some((wanted, pass)) = PLAN.get().and_then(|plan| plan.at) else { return };
        if wanted == point && PASSES.fetch_add(1, Ordering::Relaxed) + 1 == pass {
            tracing::error!(point = point.name(), "A crash point was reached: the process aborts");
            std::process::abort();
        }
    }

    /// Aborts here if the text is the one the plan names.
    pub fn on_text(text: &str) {
        let poison = PLAN.get().and_then(|plan| plan.on_text.as_deref());
        if poison.is_some_and(|poison| text.contains(poison)) {
            tracing::error!("A prompt holds the poisonous text: the process aborts");
            std::process::abort();
        }
    }
}

#[cfg(not(feature = "testing"))]
mod armed {
    use super::{Plan, Point};

    pub fn arm(_: &Plan) {}

    #[inline(always)]
    pub fn point(_: Point) {}

    #[inline(always)]
    pub fn on_text(_: &str) {}
}

pub use armed::{arm, on_text, point};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_and_may_be_passed_a_few_times_first() {
        let plan = |at| Plan::parse(Some(at), None).map(|plan| plan.at);
        assert_eq!(plan("orchestrator.answered"), Ok(Some((Point::Answered, 1))));
        assert_eq!(plan("worker.embedded:3"), Ok(Some((Point::Embedded, 3))));
        for wrong in ["nowhere", "orchestrator.answered:0", "orchestrator.answered:x", ""] {
            assert!(plan(wrong).is_err(), "{wrong}");
        }
        assert!(Point::ALL.iter().all(|point| plan(point.name()) == Ok(Some((*point, 1)))));
    }
}

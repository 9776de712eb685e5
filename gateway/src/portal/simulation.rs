//! A rule held against a past conversation, message by message, as the orchestrator would have.

use serde::Serialize;
use shared::{
    conditions::{Condition, Facts, Known, Said},
    db::past::Past,
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

/// Lines the orchestrator sees before a message.
const LINES_SEEN: usize = 40;
/// How long a failed answer counts.
const FAILURES_COUNT_FOR: Duration = Duration::hours(24);
const EXCERPT_CHARS: usize = 280;

#[derive(Serialize, ToSchema)]
pub struct Match {
    conversation_id: String,
    message_id: String,
    /// The beginning of the message.
    excerpt: String,
    sent_at: String,
    /// Why the rule holds there.
    reason: String,
}

/// The first message at which the rule holds: from there on a human would have had the conversation.
pub fn first_match(condition: &Condition, past: &Past) -> Option<Match> {
    let (mut said, mut numbers): (Vec<Said>, Vec<usize>) = (Vec::new(), Vec::new());
    for (number, line) in past.lines.iter().enumerate() {
        let since = past.given_back.iter().filter(|at| **at <= line.sent_at).max();
        if !line.by_person {
            continue;
        }
        said.push(Said::new(&line.body));
        numbers.push(number);
        if !line.asks {
            continue;
        }
        let seen = numbers.partition_point(|earlier| earlier + LINES_SEEN < number);
        let seen = seen.max(numbers.partition_point(|earlier| before(since, past.lines[*earlier].sent_at)));
        let failed = past
            .failures
            .iter()
            .filter(|at| **at < line.sent_at && **at > line.sent_at - FAILURES_COUNT_FOR && !before(since, **at));
        let failed_answers = u32::try_from(failed.count()).unwrap_or(u32::MAX);
        if let Some(reason) =
            condition.holds(&Facts { said: &said[seen..], failed_answers, known: Known::default() })
        {
            return Some(Match {
                conversation_id: past.id.to_string(),
                message_id: line.message.to_string(),
                excerpt: line.body.chars().take(EXCERPT_CHARS).collect(),
                sent_at: line.sent_at.format(&Rfc3339).unwrap_or_default(),
                reason,
            });
        }
    }
    None
}

fn before(since: Option<&OffsetDateTime>, at: OffsetDateTime) -> bool {
    since.is_some_and(|since| at <= *since)
}

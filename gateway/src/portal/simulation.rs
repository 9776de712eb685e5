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

/// The first message at which the rule holds: from there on a human would have had the conversation. A rule about answers
/// holds at the message that was answered.
pub fn first_match(condition: &Condition, past: &Past) -> Option<Match> {
    let mut walk = Walk { past, said: Vec::new(), numbers: Vec::new() };
    let (about_answers, mut asked) = (condition.asks_for_answer(), None);
    for (number, line) in past.lines.iter().enumerate() {
        if line.by_person {
            walk.said.push(Said::new(&line.body));
            walk.numbers.push(number);
        }
        let found = match (about_answers, asked) {
            (false, _) if line.asks => walk.holds(condition, number, None),
            (true, Some(asked)) if line.by_agent => walk.holds(condition, asked, Some(&line.body)),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        if line.asks {
            asked = Some(number);
        }
    }
    None
}

struct Walk<'a> {
    past: &'a Past,
    /// What people have said so far.
    said: Vec<Said>,
    /// Which lines that were.
    numbers: Vec<usize>,
}

impl Walk<'_> {
    fn holds(&self, condition: &Condition, number: usize, answer: Option<&str>) -> Option<Match> {
        let (past, line) = (self.past, &self.past.lines[number]);
        let since = past.given_back.iter().filter(|at| **at <= line.sent_at).max();
        let seen = self.numbers.partition_point(|earlier| earlier + LINES_SEEN < number);
        let seen = seen.max(self.numbers.partition_point(|earlier| before(since, past.lines[*earlier].sent_at)));
        let until = self.numbers.partition_point(|said| *said <= number);
        let failed = past
            .failures
            .iter()
            .filter(|at| **at < line.sent_at && **at > line.sent_at - FAILURES_COUNT_FOR && !before(since, **at));
        let failed_answers = u32::try_from(failed.count()).unwrap_or(u32::MAX);
        let said = &self.said[seen.min(until)..until];
        let reason = condition.holds(&Facts { said, failed_answers, known: Known::default(), answer })?;
        Some(Match {
            conversation_id: past.id.to_string(),
            message_id: line.message.to_string(),
            excerpt: line.body.chars().take(EXCERPT_CHARS).collect(),
            sent_at: line.sent_at.format(&Rfc3339).unwrap_or_default(),
            reason,
        })
    }
}

fn before(since: Option<&OffsetDateTime>, at: OffsetDateTime) -> bool {
    since.is_some_and(|since| at <= *since)
}

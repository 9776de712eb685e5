//! What a prompt says of the conversation before its window: the summaries that are not shown in full anyway.

use shared::{
    db::{
        DbError, TenantDb,
        messages::Line,
        summaries::{self, Summary},
    },
    ids::ConversationId,
};
use time::{OffsetDateTime, macros::format_description};

use crate::prompt::one_line;

/// Characters of all summaries of a prompt, the newest first; about 1,000 tokens.
pub const SUMMARY_CHARS_MAX: usize = 4_000;
/// From here on a window is about to leave something out: messages, or letters.
const GROWN_MESSAGES: usize = 30;
const GROWN_CHARS: usize = 16_000;

const HEADING: &str = "Summary of what was said earlier in this conversation, made by a model; it may be inexact:";

/// The conversation's summaries. One that its window shows in full has none to show, and is not asked.
pub async fn read(db: &TenantDb, conversation: ConversationId, window: &[Line]) -> Result<Vec<Summary>, DbError> {
    if !is_outgrown(window) {
        return Ok(Vec::new());
    }
    let mut tx = db.begin().await?;
    let summaries = summaries::newest(&mut tx, conversation, None).await?;
    tx.close().await?;
    Ok(summaries)
}

/// `since`: what is shown word for word begins there.
pub fn section(summaries: &[Summary], since: Option<OffsetDateTime>) -> Option<String> {
    let mut room = SUMMARY_CHARS_MAX;
    let mut lines: Vec<String> = Vec::new();
    let earlier = |summary: &&Summary| since.is_none_or(|since| summary.from_at < since);
    for summary in summaries.iter().rev().filter(earlier) {
        let line = line(summary);
        let Some(left) = room.checked_sub(line.chars().count()) else { break };
        room = left;
        lines.push(line);
    }
    lines.reverse();
    (!lines.is_empty()).then(|| format!("{HEADING}\n{}", lines.join("\n")))
}

fn line(summary: &Summary) -> String {
    format!("- [{} to {}] {}", minute(summary.from_at), minute(summary.to_at), one_line(&summary.body))
}

fn minute(time: OffsetDateTime) -> String {
    time.format(format_description!("[year]-[month]-[day] [hour]:[minute]")).unwrap_or_default()
}

/// Whether the conversation wants a summary before its window leaves something out.
pub fn is_outgrown(window: &[Line]) -> bool {
    window.len() >= GROWN_MESSAGES
        || window.iter().map(|line| line.body.chars().count()).sum::<usize>() >= GROWN_CHARS
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    fn summary(day: i64, body: &str) -> Summary {
        let from_at = datetime!(2026-11-20 09:00 UTC) + Duration::days(day);
        Summary { body: body.into(), outside: false, from_at, to_at: from_at + Duration::hours(1) }
    }

    #[test]
    fn it_says_what_it_is_and_leaves_out_what_is_shown_anyway() {
        let told = [summary(0, "The launch is\non 14 March."), summary(1, "The venue is open.")];
        assert_eq!(
            section(&told, Some(datetime!(2026-11-21 08:00 UTC))).as_deref(),
            Some(
                "Summary of what was said earlier in this conversation, made by a model; it may be inexact:\n\
                 - [2026-11-20 09:00 to 2026-11-20 10:00] The launch is on 14 March."
            )
        );
        assert_eq!(section(&told, Some(datetime!(2026-11-20 08:00 UTC))), None);
        assert_eq!(section(&[], None), None);
    }

    #[test]
    fn its_room_is_bounded_and_the_newest_stay() {
        let many: Vec<Summary> = (0..8).map(|day| summary(day, &format!("{day}{}", "x".repeat(900)))).collect();
        let told = section(&many, None).expect("summaries");
        assert!(told.chars().count() <= SUMMARY_CHARS_MAX + HEADING.len() + 8);
        assert!(told.contains("] 7x") && !told.contains("] 0x"));
    }
}

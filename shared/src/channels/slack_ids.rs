//! Slack's ids, and the times that are ids of messages, too.

use time::{Duration, OffsetDateTime};

/// Ids and timestamps of Slack: short, and safe in any context.
pub fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The time that a timestamp of Slack is.
pub fn time_of(ts: &str) -> Option<OffsetDateTime> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    let exact = seconds.parse::<i64>().ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let micros = format!("{fraction:0<6}").get(..6).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    exact.map(|time| time + Duration::microseconds(micros))
}

/// The author's time; nonsense and the future become now.
pub fn sent_at(ts: &str, event_time: Option<i64>, now: OffsetDateTime) -> OffsetDateTime {
    time_of(ts)
        .or_else(|| event_time.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()))
        .filter(|time| *time <= now + Duration::minutes(5) && time.unix_timestamp() > 0)
        .unwrap_or(now)
}

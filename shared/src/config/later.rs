//! What has its time: facts and summaries beside the answers, and answers that come too late. `off` means never.

use std::time::Duration;

use super::{ConfigError, Variables};

/// What is told in three messages is read by one call.
const FACTS_AFTER_SECONDS: u32 = 30;
/// People have asked somebody else by then, or found out.
const ANSWER_WITHIN_SECONDS: u32 = 1_800;
const SUMMARY_AFTER_CHARS: u32 = 4_000;

pub(super) fn facts(variables: &Variables) -> Result<Option<Duration>, ConfigError> {
    let seconds = number(variables, ("KONSTRUCT_FACTS_AFTER", "seconds"), FACTS_AFTER_SECONDS)?;
    Ok(seconds.map(|seconds| Duration::from_secs(seconds.into())))
}

/// How long a message may have waited to be answered.
pub(super) fn answer(variables: &Variables) -> Result<Option<Duration>, ConfigError> {
    let seconds = number(variables, ("KONSTRUCT_ANSWER_WITHIN", "seconds"), ANSWER_WITHIN_SECONDS)?;
    Ok(seconds.map(|seconds| Duration::from_secs(seconds.into())))
}

pub(super) fn summary(variables: &Variables) -> Result<Option<usize>, ConfigError> {
    let chars = number(variables, ("KONSTRUCT_SUMMARY_AFTER", "characters"), SUMMARY_AFTER_CHARS)?;
    Ok(chars.map(|chars| usize::try_from(chars).unwrap_or(usize::MAX)))
}

fn number(variables: &Variables, (name, unit): (&str, &str), default: u32) -> Result<Option<u32>, ConfigError> {
    if variables.get(name) == Some("off") {
        return Ok(None);
    }
    variables.parsed(name, default, &format!("a number of {unit}, or `off`")).map(Some)
}

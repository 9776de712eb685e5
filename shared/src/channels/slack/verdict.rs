//! What Slack's answer says: done, not done, not now, no longer ours, or nothing clear. And what it warns about.

use std::time::Duration;

use reqwest::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};

use crate::channels::{CallError, slack_app};

const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    #[serde(default)]
    error: String,
    /// Several are separated by commas.
    #[serde(default)]
    warning: String,
}

/// What Slack did all the same, and finds wrong with the app's set-up.
fn heed(warning: &str) {
    let Some(advice) = slack_app::advice(warning) else { return };
    metrics::counter!("konstruct_slack_warnings_total", "warning" => warning.to_owned()).increment(1);
    tracing::warn!(warning, advice, "Slack warns about the app");
}

pub(crate) fn judge<T: DeserializeOwned>(
    status: StatusCode,
    retry_after: Option<Duration>,
    bytes: &[u8],
) -> Result<T, CallError> {
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(CallError::RateLimited(retry_after.unwrap_or(RETRY_AFTER_DEFAULT)));
    }
    if status.is_server_error() {
        return Err(CallError::Ambiguous(format!("status {}", status.as_u16())));
    }
    if !status.is_success() {
        return Err(CallError::Refused(format!("status {}", status.as_u16())));
    }
    let not_slacks = || CallError::Ambiguous("the answer is not Slack's".into());
    // serde would also take a list for an object, and its first item for `ok`.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(not_slacks());
    }
    let verdict: Verdict = serde_json::from_slice(bytes).map_err(|_| not_slacks())?;
    if verdict.ok {
        verdict.warning.split(',').for_each(heed);
        return serde_json::from_slice(bytes).map_err(|_| CallError::Ambiguous("the answer lacks a field".into()));
    }
    Err(match verdict.error.as_str() {
        "ratelimited" | "rate_limited" => CallError::RateLimited(retry_after.unwrap_or(RETRY_AFTER_DEFAULT)),
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            CallError::Ambiguous(verdict.error)
        }
        "not_authed" | "invalid_auth" | "token_revoked" | "token_expired" | "account_inactive" => {
            CallError::Dead(verdict.error)
        }
        _ => CallError::Refused(verdict.error),
    })
}

//! Typed clients of the channels, and the three answers a send can get.

pub mod fetch;
pub mod mrkdwn;
pub mod slack;
pub mod slack_app;
mod slack_author;
pub mod slack_change;
pub mod slack_ending;
pub mod slack_event;
pub mod slack_files;
pub mod slack_ids;
pub mod slack_kept;
pub mod slack_news;
pub mod slack_oauth;
pub mod slack_profile;
pub mod slack_text;
pub mod whatsapp;
pub mod whatsapp_codes;
pub mod whatsapp_media;
pub mod whatsapp_signup;
pub mod whatsapp_text;

use std::time::Duration;

/// Why a call did not clearly succeed. Whether to try again follows from the kind, not from the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Definitely not done, and trying again won't help.
    #[error("the platform refused: {0}")]
    Refused(String),
    /// Definitely not done; the platform asks to wait.
    #[error("the platform asks to wait {0:?}")]
    RateLimited(Duration),
    /// Definitely not done: nothing reached the platform.
    #[error("the platform can't be reached: {0}")]
    Unreachable(String),
    /// Definitely not done: the access token no longer works.
    #[error("the connection is dead: {0}")]
    Dead(String),
    /// It may have happened: look before sending again.
    #[error("no clear answer: {0}")]
    Ambiguous(String),
}

/// Only a connection that was never made is a definite no: after that the request may have arrived.
pub(crate) fn not_sent(error: &reqwest::Error) -> CallError {
    if error.is_connect() { CallError::Unreachable(brief(error)) } else { CallError::Ambiguous(brief(error)) }
}

/// The kind of a failure without its URL.
pub(crate) fn brief(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "time-out"
    } else if error.is_connect() {
        "connection refused or lost"
    } else {
        "the connection broke"
    };
    kind.to_owned()
}

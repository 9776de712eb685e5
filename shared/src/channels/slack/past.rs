//! What was said in a channel or thread within a span of time, as Slack keeps it.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{SlackApi, Target};
use crate::channels::CallError;

/// A span of time, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub since: i64,
    pub until: i64,
}

const PAGE: usize = 200;
/// Of one channel or thread.
const PAGES_MAX: usize = 10;

impl SlackApi {
    /// Messages as Slack words them, at most 2,000, and whether these are all. Those of threads are not among a channel's.
    pub async fn said_within(
        &self,
        token: &SecretString,
        target: Target<'_>,
        span: Span,
    ) -> Result<(Vec<Value>, bool), CallError> {
        let (method, mut body) = match target.thread {
            Some(thread) => ("conversations.replies", json!({ "ts": thread })),
            None => ("conversations.history", json!({})),
        };
        body["channel"] = json!(target.channel);
        body["oldest"] = json!(format!("{}.000000", span.since));
        body["latest"] = json!(format!("{}.999999", span.until));
        body["inclusive"] = json!(true);
        body["limit"] = json!(PAGE);
        let mut said = Vec::new();
        for _page in 0..PAGES_MAX {
            let mut found: Value = self.call(token, method, body.clone()).await?;
            if let Some(messages) = found["messages"].as_array_mut() {
                said.append(messages);
            }
            match found["response_metadata"]["next_cursor"].as_str().filter(|next| !next.is_empty()) {
                Some(next) => body["cursor"] = json!(next),
                None => return Ok((said, true)),
            }
        }
        Ok((said, false))
    }
}

//! The Slack Web API, as far as it is used. Plain HTTP over the one egress client instead of an SDK: the outbox needs to
//! tell "refused", "not reached" and "no clear answer" apart, and only the HTTP layer knows.

pub mod approvals;
pub mod blocks;
pub mod desk;
mod past;
mod streams;
mod surfaces;
mod turns;
mod verdict;

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;

use super::{CallError, brief, mrkdwn, not_sent, slack_profile};
use crate::{
    db::{channels::Described, people::Profile},
    egress,
    ids::OutboxId,
    pacer::Pacer,
    providers::{self, Provider},
};

pub use past::Span;
pub use streams::{Recipient, SessionStatus};
pub(crate) use verdict::judge;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Of a message.
const BLOCKS_MAX: usize = 50;
/// Marks our own messages, so that an echo or a look-up tells which outbox row it is.
pub const METADATA_EVENT: &str = "konstruct_reply";
/// Messages of a thread that a reconciliation reads at most; more is not allowed for unlisted apps.
const REPLIES_LIMIT: u32 = 15;

/// A client of one installation's API address; cheap to clone.
#[derive(Clone)]
pub struct SlackApi {
    http: Client,
    /// Bounds its downloads by itself.
    pub(super) downloads: Client,
    pub(super) base: Url,
    /// `None`: every call is made at once.
    pacer: Option<Pacer>,
}

/// Who a bot token belongs to.
#[derive(Clone, Debug, Deserialize)]
pub struct Identity {
    pub team_id: String,
    pub team: String,
    pub user_id: String,
    #[serde(default)]
    pub bot_id: String,
    /// Set for a token of a whole organization.
    #[serde(default)]
    pub enterprise_id: Option<String>,
    #[serde(default)]
    pub is_enterprise_install: bool,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub channel: &'a str,
    pub thread: Option<&'a str>,
}

impl SlackApi {
    pub fn new(base: &Url) -> Self {
        let mut base = base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let (http, downloads) = (egress::provider_client(Some(CALL_TIMEOUT)), egress::provider_client(None));
        Self { http, downloads, base, pacer: None }
    }

    pub async fn auth_test(&self, token: &SecretString) -> Result<Identity, CallError> {
        self.call(token, "auth.test", json!({})).await
    }

    /// Posts a message tagged with its outbox row; returns its `ts`.
    pub async fn post(
        &self,
        token: &SecretString,
        target: Target<'_>,
        markdown: &str,
        outbox: OutboxId,
    ) -> Result<String, CallError> {
        self.send_new(token, target, message_body(target.channel, markdown, outbox), markdown).await
    }

    /// As [`SlackApi::post`], for what ends an answer: below it people can say what they think of it.
    pub async fn post_answer(
        &self,
        token: &SecretString,
        target: Target<'_>,
        markdown: &str,
        outbox: OutboxId,
    ) -> Result<String, CallError> {
        self.send_new(token, target, answer_body(target.channel, markdown, outbox), markdown).await
    }

    async fn send_new(
        &self,
        token: &SecretString,
        target: Target<'_>,
        mut body: Value,
        markdown: &str,
    ) -> Result<String, CallError> {
        body["unfurl_links"] = json!(false);
        body["unfurl_media"] = json!(false);
        if let Some(thread) = target.thread {
            body["thread_ts"] = json!(thread);
        }
        let posted = self.call_in_turn(token, target.channel, "chat.postMessage", body.clone()).await;
        let posted: Posted = match posted {
            Err(CallError::Refused(reason)) if is_of_blocks(&reason) => {
                self.call_in_turn(token, target.channel, "chat.postMessage", without_blocks(body, markdown))
                    .await?
            }
            answered => answered?,
        };
        Ok(posted.ts)
    }

    /// Replaces a message of ours. Repeating it does no harm.
    pub async fn update(
        &self,
        token: &SecretString,
        channel: &str,
        ts: &str,
        markdown: &str,
        outbox: OutboxId,
    ) -> Result<String, CallError> {
        self.replace(token, ts, message_body(channel, markdown, outbox), markdown).await
    }

    /// As [`SlackApi::update`], for what ends an answer.
    pub async fn update_answer(
        &self,
        token: &SecretString,
        channel: &str,
        ts: &str,
        markdown: &str,
        outbox: OutboxId,
    ) -> Result<String, CallError> {
        self.replace(token, ts, answer_body(channel, markdown, outbox), markdown).await
    }

    async fn replace(
        &self,
        token: &SecretString,
        ts: &str,
        mut body: Value,
        markdown: &str,
    ) -> Result<String, CallError> {
        body["ts"] = json!(ts);
        let updated: Posted = match self.call(token, "chat.update", body.clone()).await {
            Err(CallError::Refused(reason)) if is_of_blocks(&reason) => {
                self.call(token, "chat.update", without_blocks(body, markdown)).await?
            }
            answered => answered?,
        };
        Ok(updated.ts)
    }

    /// Adds an emoji; one that is there already counts as added.
    pub async fn react(
        &self,
        token: &SecretString,
        channel: &str,
        ts: &str,
        emoji: &str,
    ) -> Result<(), CallError> {
        let body = json!({ "channel": channel, "timestamp": ts, "name": emoji });
        match self.call::<Value>(token, "reactions.add", body).await {
            Err(CallError::Refused(error)) if error == "already_reacted" => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// What people see of a user, and what the user is to the workspace or organization of the connection.
    pub async fn profile(&self, token: &SecretString, user: &str, workspace: &str) -> Result<Profile, CallError> {
        let found: Value = self.call(token, "users.info", json!({ "user": user })).await?;
        slack_profile::person(&found["user"], workspace)
            .ok_or_else(|| CallError::Refused("the profile has no name".into()))
    }

    pub async fn channel(&self, token: &SecretString, channel: &str) -> Result<Described, CallError> {
        let found: Value = self.call(token, "conversations.info", json!({ "channel": channel })).await?;
        Ok(slack_profile::channel(&found["channel"]))
    }

    /// Looks for a message of ours by its outbox row, after a send that got no clear answer.
    pub async fn find_posted(
        &self,
        token: &SecretString,
        target: Target<'_>,
        outbox: OutboxId,
    ) -> Result<Option<String>, CallError> {
        let (method, mut body) = match target.thread {
            Some(thread) => ("conversations.replies", json!({ "ts": thread })),
            None => ("conversations.history", json!({})),
        };
        body["channel"] = json!(target.channel);
        body["limit"] = json!(REPLIES_LIMIT);
        body["include_all_metadata"] = json!(true);
        let mut cursor: Option<String> = None;
        let wanted = outbox.to_string();
        for _page in 0..8 {
            if let Some(cursor) = &cursor {
                body["cursor"] = json!(cursor);
            }
            let found: Value = self.call(token, method, body.clone()).await?;
            let messages = found["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
            let ours = messages.iter().find(|message| {
                message["metadata"]["event_payload"]["outbox_id"].as_str() == Some(wanted.as_str())
            });
            if let Some(ts) = ours.and_then(|message| message["ts"].as_str()) {
                return Ok(Some(ts.to_owned()));
            }
            cursor = found["response_metadata"]["next_cursor"]
                .as_str()
                .filter(|next| !next.is_empty())
                .map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Slack takes JSON only for methods that write; the reading ones want a form.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        method: &str,
        body: Value,
    ) -> Result<T, CallError> {
        self.call_with_scopes(token, method, body).await.map(|(answer, _)| answer)
    }

    /// Also returns the scopes that the token was granted. Slack takes JSON only for methods that write; the reading ones
    /// want a form, and so does the one that asks where to bring a file.
    pub(super) async fn call_with_scopes<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        method: &str,
        body: Value,
    ) -> Result<(T, String), CallError> {
        let reads = matches!(
            method,
            "auth.test"
                | "users.info"
                | "conversations.info"
                | "conversations.replies"
                | "conversations.history"
                | "chat.getPermalink"
                | "files.info"
                | "files.getUploadURLExternal"
        );
        let request = self.request(method)?.bearer_auth(token.expose_secret());
        answered(if reads { request.form(&form(&body)) } else { request.json(&body) }).await
    }

    /// A call that proves itself by what it says.
    pub(super) async fn call_as_client<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
    ) -> Result<T, CallError> {
        answered(self.request(method)?.form(&form(body))).await.map(|(answer, _)| answer)
    }

    fn request(&self, method: &str) -> Result<RequestBuilder, CallError> {
        let url = self.base.join(method).map_err(|error| CallError::Refused(error.to_string()))?;
        Ok(self.http.post(url))
    }
}

/// What Slack says to a request, and the scopes it names.
async fn answered<T: DeserializeOwned>(request: RequestBuilder) -> Result<(T, String), CallError> {
    let outcome = asked(request).await;
    providers::note_call(Provider::Slack, &outcome);
    outcome
}

async fn asked<T: DeserializeOwned>(request: RequestBuilder) -> Result<(T, String), CallError> {
    let response = request.send().await.map_err(|error| not_sent(&error))?;
    let (status, retry_after) = (response.status(), retry_after(&response));
    let scopes = response.headers().get("x-oauth-scopes").and_then(|value| value.to_str().ok());
    let scopes = scopes.unwrap_or_default().to_owned();
    let bytes = response.bytes().await.map_err(|error| CallError::Ambiguous(brief(&error)))?;
    judge(status, retry_after, &bytes).map(|answer| (answer, scopes))
}

#[derive(Deserialize)]
struct Posted {
    ts: String,
}

fn message_body(channel: &str, markdown: &str, outbox: OutboxId) -> Value {
    json!({
        "channel": channel,
        // With blocks, the text is only the notification; `chat.update` refuses more than 4,000 characters of it.
        "text": mrkdwn::notification(markdown),
        "blocks": mrkdwn::blocks(markdown),
        "metadata": { "event_type": METADATA_EVENT, "event_payload": { "outbox_id": outbox } },
    })
}

/// Slack counts what is in blocks by a rule that it tells nobody; ours stay below what is known of it.
fn is_of_blocks(reason: &str) -> bool {
    matches!(reason, "msg_blocks_too_long" | "invalid_blocks")
}

/// The same words as one text, which Slack cuts at 40,000 letters of a new message.
fn without_blocks(mut body: Value, markdown: &str) -> Value {
    body["blocks"] = json!([]);
    body["text"] = json!(mrkdwn::from_markdown(markdown));
    body
}

/// The buttons come after the text, and a text that fills the message goes without them.
fn answer_body(channel: &str, markdown: &str, outbox: OutboxId) -> Value {
    let mut body = message_body(channel, markdown, outbox);
    if let Some(list) = body["blocks"].as_array_mut()
        && list.len() < BLOCKS_MAX
    {
        list.push(blocks::feedback(outbox));
    }
    body
}

fn form(body: &Value) -> Vec<(String, String)> {
    body.as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;

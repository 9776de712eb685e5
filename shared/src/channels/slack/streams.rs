//! Slack's ways to show work in progress: streamed messages, the status line of a thread, agent sessions.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{METADATA_EVENT, Posted, REPLIES_LIMIT, SlackApi, Target, blocks};
use crate::{channels::CallError, ids::OutboxId};

/// Pages of a thread that are looked through for an orphaned stream.
const PAGES_MAX: usize = 4;

/// Who a stream in a channel is for; Slack wants to know.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    pub user: &'a str,
    pub team: &'a str,
}

/// What Slack lists an agent's work in a thread as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// It waits for the person.
    Active,
    /// At work; Slack shows a Stop button.
    Processing,
    /// Waits for a human colleague.
    Suspended,
}

impl SessionStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Processing => "processing",
            Self::Suspended => "suspended",
        }
    }
}

impl SlackApi {
    /// Begins a message that grows, perhaps with nothing; returns its `ts`. It carries no metadata: Slack takes none before the stream ends.
    pub async fn start_stream(
        &self,
        token: &SecretString,
        target: Target<'_>,
        recipient: Recipient<'_>,
        markdown: &str,
    ) -> Result<String, CallError> {
        let mut body = json!({
            "channel": target.channel,
            "thread_ts": target.thread,
            "recipient_user_id": recipient.user,
            "recipient_team_id": recipient.team,
        });
        if !markdown.is_empty() {
            body["markdown_text"] = json!(markdown);
        }
        let started: Posted = self.call(token, "chat.startStream", body).await?;
        Ok(started.ts)
    }

    /// Appends to a stream. Repeating it would show the text twice.
    pub async fn append_stream(
        &self,
        token: &SecretString,
        channel: &str,
        ts: &str,
        markdown: &str,
    ) -> Result<(), CallError> {
        let body = json!({ "channel": channel, "ts": ts, "markdown_text": markdown });
        self.call::<Value>(token, "chat.appendStream", body).await.map(|_| ())
    }

    /// Ends a stream, with a last piece of text unless that is empty, and tags it with its outbox row. With `is_rated`, people
    /// can say below it what they think of the answer.
    pub async fn stop_stream(
        &self,
        token: &SecretString,
        channel: &str,
        ts: &str,
        markdown: &str,
        (outbox, is_rated): (OutboxId, bool),
    ) -> Result<(), CallError> {
        let mut body = json!({ "channel": channel, "ts": ts, "metadata": tag(outbox) });
        if is_rated {
            body["blocks"] = json!([blocks::feedback(outbox)]);
        }
        if !markdown.is_empty() {
            body["markdown_text"] = json!(markdown);
        }
        self.call::<Value>(token, "chat.stopStream", body).await.map(|_| ())
    }

    /// Posts Markdown as streams show it, tagged with its outbox row; returns its `ts`.
    pub async fn post_markdown(
        &self,
        token: &SecretString,
        target: Target<'_>,
        markdown: &str,
        outbox: OutboxId,
    ) -> Result<String, CallError> {
        let body = json!({
            "channel": target.channel, "thread_ts": target.thread, "markdown_text": markdown, "metadata": tag(outbox),
            "unfurl_links": false, "unfurl_media": false,
        });
        let posted: Posted = self.call(token, "chat.postMessage", body).await?;
        Ok(posted.ts)
    }

    /// Sets the whole text of a message as a stream would show it. Repeating it does no harm.
    pub async fn update_markdown(
        &self,
        token: &SecretString,
        channel: &str,
        ts: &str,
        markdown: &str,
        outbox: OutboxId,
    ) -> Result<String, CallError> {
        let body = json!({ "channel": channel, "markdown_text": markdown, "metadata": tag(outbox) });
        self.replace(token, ts, body, markdown).await
    }

    /// Takes a message of ours away; one that is gone already counts.
    pub async fn delete(&self, token: &SecretString, channel: &str, ts: &str) -> Result<(), CallError> {
        let body = json!({ "channel": channel, "ts": ts });
        match self.call::<Value>(token, "chat.delete", body).await {
            Err(CallError::Refused(error)) if error == "message_not_found" => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Looks for a stream of the bot `author` that nobody finished, in a thread, after the message `after`: one without
    /// metadata, for those that were finished carry their row's id.
    pub async fn find_stream(
        &self,
        token: &SecretString,
        target: Target<'_>,
        author: &str,
        after: &str,
    ) -> Result<Option<String>, CallError> {
        let mut body = json!({
            "channel": target.channel, "ts": target.thread, "oldest": after, "limit": REPLIES_LIMIT,
            "include_all_metadata": true,
        });
        let mut last = None;
        for _page in 0..PAGES_MAX {
            let found: Value = self.call(token, "conversations.replies", body.clone()).await?;
            let messages = found["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
            let ours = messages.iter().filter(|message| {
                message["user"].as_str() == Some(author)
                    && message["streaming_state"].is_string()
                    && message["metadata"]["event_payload"]["outbox_id"].is_null()
            });
            let mut late = ours.filter_map(|message| message["ts"].as_str()).filter(|ts| *ts > after);
            last = late.next_back().map(str::to_owned).or(last);
            match found["response_metadata"]["next_cursor"].as_str().filter(|next| !next.is_empty()) {
                Some(next) => body["cursor"] = json!(next),
                None => break,
            }
        }
        Ok(last)
    }

    /// The line under a thread that says what the agent is doing. Slack takes it away after two minutes, and when a new
    /// message comes; an empty one takes it away at once.
    pub async fn set_status(
        &self,
        token: &SecretString,
        (channel, thread): (&str, &str),
        status: &str,
    ) -> Result<(), CallError> {
        let body = json!({ "channel_id": channel, "thread_ts": thread, "status": status });
        self.call::<Value>(token, "assistant.threads.setStatus", body).await.map(|_| ())
    }

    /// The name of an assistant's thread in its list of conversations.
    pub async fn set_title(
        &self,
        token: &SecretString,
        (channel, thread): (&str, &str),
        title: &str,
    ) -> Result<(), CallError> {
        let body = json!({ "channel_id": channel, "thread_ts": thread, "title": title });
        self.call::<Value>(token, "assistant.threads.setTitle", body).await.map(|_| ())
    }

    /// What a person could ask in their direct channel: titles, and the messages that clicks send. Four at most.
    pub async fn suggest_prompts(
        &self,
        token: &SecretString,
        channel: &str,
        prompts: &[(&str, &str)],
    ) -> Result<(), CallError> {
        let prompts: Vec<Value> =
            prompts.iter().map(|(title, message)| json!({ "title": title, "message": message })).collect();
        let body = json!({ "channel_id": channel, "prompts": prompts });
        self.call::<Value>(token, "assistant.threads.setSuggestedPrompts", body).await.map(|_| ())
    }

    /// Where a session stands; creates it, and then its title counts.
    pub async fn set_session(
        &self,
        token: &SecretString,
        (channel, thread): (&str, &str),
        status: SessionStatus,
        title: &str,
    ) -> Result<(), CallError> {
        let mut body = json!({ "channel_id": channel, "thread_ts": thread, "status": status.as_str() });
        if !title.is_empty() {
            body["title"] = json!(title);
        }
        self.call::<Value>(token, "agents.sessions.setStatus", body).await.map(|_| ())
    }
}

fn tag(outbox: OutboxId) -> Value {
    json!({ "event_type": METADATA_EVENT, "event_payload": { "outbox_id": outbox } })
}

//! Calls beside the conversation: dialogs, home pages, and what only one person sees.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{METADATA_EVENT, Posted, SlackApi, Target, blocks};
use crate::{channels::CallError, ids::OutboxId};

/// Where Slack takes answers to commands and clicks.
const RESPONSE_HOST: &str = "hooks.slack.com";

#[derive(Deserialize)]
struct Opened {
    channel: Channel,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
}

#[derive(Deserialize)]
struct Permalink {
    permalink: String,
}

impl SlackApi {
    /// Opens a dialog. The trigger is good for three seconds after the click.
    pub async fn open_view(&self, token: &SecretString, trigger: &str, view: Value) -> Result<(), CallError> {
        let body = json!({ "trigger_id": trigger, "view": view });
        self.call::<Value>(token, "views.open", body).await.map(|_| ())
    }

    /// Replaces a person's home page.
    pub async fn publish_home(&self, token: &SecretString, user: &str, view: Value) -> Result<(), CallError> {
        let body = json!({ "user_id": user, "view": view });
        self.call::<Value>(token, "views.publish", body).await.map(|_| ())
    }

    /// Shows a line to one person in a channel.
    pub async fn whisper(
        &self,
        token: &SecretString,
        target: Target<'_>,
        user: &str,
        text: &str,
    ) -> Result<(), CallError> {
        let mut body = json!({ "channel": target.channel, "user": user, "text": blocks::escaped(text) });
        if let Some(thread) = target.thread {
            body["thread_ts"] = json!(thread);
        }
        self.call::<Value>(token, "chat.postEphemeral", body).await.map(|_| ())
    }

    /// The direct messages with a person.
    pub async fn open_direct(&self, token: &SecretString, user: &str) -> Result<String, CallError> {
        let opened: Opened = self.call(token, "conversations.open", json!({ "users": user })).await?;
        Ok(opened.channel.id)
    }

    /// Posts what a person asked without writing it; returns its `ts`.
    pub async fn post_question(
        &self,
        token: &SecretString,
        target: Target<'_>,
        (user, question): (&str, &str),
        outbox: OutboxId,
    ) -> Result<String, CallError> {
        let mut body = json!({
            "channel": target.channel,
            "text": blocks::escaped(question),
            "blocks": blocks::question(user, question),
            "metadata": { "event_type": METADATA_EVENT, "event_payload": { "outbox_id": outbox } },
            "unfurl_links": false,
            "unfurl_media": false,
        });
        if let Some(thread) = target.thread {
            body["thread_ts"] = json!(thread);
        }
        let posted: Posted = self.call(token, "chat.postMessage", body).await?;
        Ok(posted.ts)
    }

    /// Where a browser finds a message.
    pub async fn permalink(&self, token: &SecretString, channel: &str, ts: &str) -> Result<String, CallError> {
        let body = json!({ "channel": channel, "message_ts": ts });
        let found: Permalink = self.call(token, "chat.getPermalink", body).await?;
        Ok(found.permalink)
    }

    /// Whether people of other companies read along in a channel.
    pub async fn is_shared_outside(&self, token: &SecretString, channel: &str) -> Result<bool, CallError> {
        let found: Value = self.call(token, "conversations.info", json!({ "channel": channel })).await?;
        let is = |flag: &str| found["channel"][flag].as_bool().unwrap_or(false);
        Ok(is("is_ext_shared") || is("is_pending_ext_shared"))
    }

    /// Answers a command where it was written, also in channels the app is not in. The address came with a request that a
    /// customer's own app may have signed: only Slack's is called, and no token travels.
    pub async fn respond(&self, response_url: &str, text: &str) -> Result<(), CallError> {
        let url = self.response_address(response_url)?;
        let body =
            json!({ "response_type": "ephemeral", "replace_original": false, "text": blocks::escaped(text) });
        let response = self.http.post(url).json(&body).send().await.map_err(|error| super::not_sent(&error))?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(CallError::Refused(format!("status {}", status.as_u16()))) }
    }

    fn response_address(&self, text: &str) -> Result<Url, CallError> {
        let url: Option<Url> = text.parse().ok();
        let is_slacks = |url: &Url| {
            let hooks = url.scheme() == "https" && url.host_str() == Some(RESPONSE_HOST) && url.port().is_none();
            hooks || url.origin() == self.base.origin()
        };
        url.filter(|url| is_slacks(url) && url.username().is_empty() && url.password().is_none())
            .ok_or_else(|| CallError::Refused("the response address is not Slack's".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_61_only_slacks_own_addresses_are_answered() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let api = SlackApi::new(&"https://slack.com/api/".parse().unwrap());
        for good in ["https://hooks.slack.com/commands/T1/2/x", "https://hooks.slack.com/actions/T1/2/x"] {
            assert!(api.response_address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://hooks.slack.com/commands/x",
            "https://hooks.slack.com.evil.example/x",
            "https://hooks.slack.com:8443/x",
            "https://user:word@hooks.slack.com/x",
            "https://evil.example/hooks.slack.com",
            "http://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:8000/",
            "file:///etc/passwd",
            "hooks.slack.com",
            "",
        ] {
            assert!(api.response_address(bad).is_err(), "{bad}");
        }
    }
}

//! The notice of an escalation at the tenant's desk: who waits, why, and one button. Its thread is the customer's conversation.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    METADATA_EVENT, Posted, SlackApi, Target,
    blocks::{escaped, section},
};
use crate::{
    channels::CallError,
    db::desks::Thread,
    ids::{EscalationId, OutboxId},
};

/// Id of the button; what follows a colon refers to a row.
pub const DONE: &str = "close_escalation";
/// Of a summary.
const SHOWN_MAX: usize = 2_500;

/// By this row's id the notice is looked up.
pub fn mark(escalation: EscalationId) -> OutboxId {
    OutboxId::from_uuid(escalation.uuid())
}

fn blocks_of(thread: &Thread) -> Vec<Value> {
    let name = if thread.person_name.is_empty() { "Somebody" } else { &thread.person_name };
    let summary: String = thread.summary.chars().take(SHOWN_MAX).collect();
    let meant_for = thread.meant_for.as_deref().filter(|name| !name.is_empty());
    let meant_for = meant_for.map(|name| format!(", for *{}*", escaped(name))).unwrap_or_default();
    let mut blocks = vec![section(&format!(
        "*{}* waits for a human ({}){meant_for}.",
        escaped(name),
        escaped(&thread.platform)
    ))];
    if !summary.is_empty() {
        blocks.push(section(&escaped(&summary)));
    }
    if !thread.is_open() {
        blocks.push(section("*Closed*: the agent has the conversation again."));
        return blocks;
    }
    blocks.push(section(
        "What a full member of this workspace writes in this thread is sent to them; what they write comes here.",
    ));
    let button = json!({ "type": "button", "action_id": format!("{DONE}:{}", thread.escalation),
                         "text": { "type": "plain_text", "text": "Done: give it back" } });
    blocks.push(json!({ "type": "actions", "elements": [button] }));
    blocks
}

fn body(thread: &Thread) -> Value {
    json!({
        "channel": thread.desk.channel,
        "text": if thread.is_open() { "A conversation waits for a human" } else { "A conversation was given back" },
        "blocks": blocks_of(thread),
        "metadata": { "event_type": METADATA_EVENT, "event_payload": { "outbox_id": mark(thread.escalation) } },
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

impl SlackApi {
    /// Posts the notice, or brings the one that is there up to date; returns its `ts`.
    pub async fn show_escalation(
        &self,
        token: &SecretString,
        thread: &Thread,
        may_be_there: bool,
    ) -> Result<String, CallError> {
        let mut there = thread.external_id.clone();
        if there.is_none() && may_be_there {
            let target = Target { channel: &thread.desk.channel, thread: None };
            there = self.find_posted(token, target, mark(thread.escalation)).await?;
        }
        let mut body = body(thread);
        if let Some(ts) = there {
            body["ts"] = json!(ts);
            self.call::<Value>(token, "chat.update", body).await?;
            return Ok(ts);
        }
        let posted: Posted = self.call(token, "chat.postMessage", body).await?;
        Ok(posted.ts)
    }
}

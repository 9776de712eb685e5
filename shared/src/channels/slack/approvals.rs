//! The message that asks a second person: what would be called, word for word, and two buttons. Once it is decided, the
//! message says how, and has none.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    METADATA_EVENT, Posted, SlackApi, Target,
    blocks::{self, escaped, section},
};
use crate::{
    channels::CallError,
    db::approvals::{Approval, State},
    ids::{ApprovalId, OutboxId},
    tools::wording::lines,
};

/// Ids of the buttons; what follows a colon refers to a row.
pub const APPROVE: &str = "approve_call";
pub const DENY: &str = "deny_call";
/// Of one section; what is longer is decided in the portal, where all of it can be read.
const SHOWN_MAX: usize = 2_800;

/// By this row's id the message is looked up.
pub fn mark(approval: ApprovalId) -> OutboxId {
    OutboxId::from_uuid(approval.uuid())
}

fn blocks_of(approval: &Approval) -> Vec<Value> {
    let (name, agent) = (escaped(&approval.tool_name), escaped(&approval.agent_name));
    let asker = escaped(&approval.person_name);
    let head = format!("*{agent}* would call *{name}* because *{asker}* asked for it:");
    let shown = lines(&approval.arguments).iter().map(|line| format!("• {}", escaped(line))).collect::<Vec<_>>();
    let shown = if shown.is_empty() { "• (no arguments)".to_owned() } else { shown.join("\n") };
    let fits = shown.chars().count() <= SHOWN_MAX;
    let mut blocks = vec![section(&head)];
    blocks.push(if fits {
        section(&shown)
    } else {
        section("_The arguments are too long to be shown here. Read them and decide in the portal._")
    });
    blocks.push(section(&footer(approval)));
    if approval.state == State::Waiting && fits {
        blocks.push(buttons(approval.id));
    }
    blocks
}

fn footer(approval: &Approval) -> String {
    let by = escaped(approval.decided_name.as_deref().unwrap_or("a colleague"));
    match approval.state {
        State::Waiting => {
            "Any member of this workspace but who asked can decide, within 15 minutes. It is called once.".into()
        }
        State::Approved | State::Used => format!("*Approved* by {by}."),
        State::Denied => format!("*Denied* by {by}."),
        State::Expired => "*Expired*: nobody decided in time.".into(),
    }
}

fn buttons(id: ApprovalId) -> Value {
    let button = |act: &str, text: &str, style: &str| {
        json!({ "type": "button", "action_id": format!("{act}:{id}"), "style": style,
                "text": { "type": "plain_text", "text": text } })
    };
    json!({ "type": "actions", "elements": [button(APPROVE, "Approve", "primary"), button(DENY, "Deny", "danger")] })
}

fn body(channel: &str, approval: &Approval) -> Value {
    let text = match approval.state {
        State::Waiting => format!("{} waits for an approval", approval.tool_name),
        _ => format!("{}: {}", approval.tool_name, approval.state.as_str()),
    };
    json!({
        "channel": channel,
        "text": blocks::escaped(&text),
        "blocks": blocks_of(approval),
        "metadata": { "event_type": METADATA_EVENT, "event_payload": { "outbox_id": mark(approval.id) } },
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

impl SlackApi {
    /// Posts the question; returns its `ts`.
    pub async fn post_approval(
        &self,
        token: &SecretString,
        target: Target<'_>,
        approval: &Approval,
    ) -> Result<String, CallError> {
        let mut body = body(target.channel, approval);
        if let Some(thread) = target.thread {
            body["thread_ts"] = json!(thread);
        }
        let posted: Posted = self.call(token, "chat.postMessage", body).await?;
        Ok(posted.ts)
    }

    /// Brings the question up to date.
    pub async fn update_approval(
        &self,
        token: &SecretString,
        (channel, ts): (&str, &str),
        approval: &Approval,
    ) -> Result<(), CallError> {
        let mut body = body(channel, approval);
        body["ts"] = json!(ts);
        self.call::<Value>(token, "chat.update", body).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{
        db::approvals::Place,
        ids::{AgentId, ConnectionId, ConversationId, PersonId, RunId, ToolCallId},
        message::ChannelKind,
    };

    fn approval(state: State, arguments: Value) -> Approval {
        Approval {
            id: ApprovalId::new(),
            state,
            call: ToolCallId::new(),
            call_state: "waiting".into(),
            result: None,
            run: RunId::new(),
            agent: AgentId::new(),
            agent_name: "Kona".into(),
            tool: None,
            tool_name: "open_ticket".into(),
            arguments,
            digest: Vec::new(),
            conversation: ConversationId::new(),
            person: PersonId::new(),
            person_name: "Ada <!channel>".into(),
            asked_at: datetime!(2026-11-20 12:00 UTC),
            expires_at: datetime!(2026-11-20 12:15 UTC),
            decided_by: None,
            decided_name: Some("Grace".into()),
            decided_at: None,
            external_id: None,
            place: Place {
                connection: ConnectionId::new(),
                platform: "slack".into(),
                channel: "C1".into(),
                thread: None,
                kind: ChannelKind::Public,
                person: "U1".into(),
            },
        }
    }

    #[test]
    fn attack_127_what_is_decided_is_shown_word_for_word_and_pings_nobody() {
        let arguments = json!({ "title": "<!channel> <https://evil.example|bank>\n• approved", "n": 1 });
        let shown = body("C1", &approval(State::Waiting, arguments)).to_string();
        assert!(!shown.contains("<!channel>") && !shown.contains("<https:"), "{shown}");
        assert!(shown.contains("&lt;!channel&gt; &lt;https://evil.example|bank&gt; ⏎ • approved"), "{shown}");
        assert!(shown.contains("approve_call:apr_") && shown.contains("deny_call:apr_"), "{shown}");
    }

    #[test]
    fn what_can_not_be_shown_whole_has_no_buttons_and_neither_has_what_is_decided() {
        let long = approval(State::Waiting, json!({ "text": "x".repeat(4_000) }));
        assert!(!body("C1", &long).to_string().contains("approve_call"));
        for state in [State::Approved, State::Used, State::Denied, State::Expired] {
            let shown = body("C1", &approval(state, json!({}))).to_string();
            assert!(!shown.contains("approve_call") && !shown.contains("deny_call"), "{state:?}");
        }
    }
}

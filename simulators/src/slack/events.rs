//! The JSON of messages and events, as Slack writes them.

use serde_json::{Value, json};

use super::{
    people::{bot_id_of, bot_user_of},
    streams,
    types::{AuthorKind, ChannelType, React},
    world::{Json, Message},
};
use crate::clock;

/// A message as the Web API and events show it.
pub(crate) fn render(team: &str, app_id: &str, message: &Message, with_metadata: bool) -> Value {
    let mut json = json!({
        "type": "message", "user": message.author, "text": message.text, "ts": message.ts,
        "team": message.home.as_deref().unwrap_or(team),
    });
    if let Some(home) = &message.home {
        json["user_team"] = json!(home);
        json["source_team"] = json!(home);
    }
    if message.author_kind == AuthorKind::Bot {
        let bot_id = bot_id_of(team);
        json["bot_profile"] = json!({ "id": bot_id, "app_id": app_id, "name": "Konstruct", "team_id": team });
        json["bot_id"] = json!(bot_id);
        json["app_id"] = json!(app_id);
    } else if message.by_other_bot {
        json["bot_id"] = json!(format!("B{}", message.author));
        json["app_id"] = json!("A0OTHER");
    } else {
        json["client_msg_id"] = json!(format!("sim-{}", message.ts));
    }
    if let Some(thread_ts) = &message.thread_ts {
        json["thread_ts"] = json!(thread_ts);
    }
    streams::describe(message, &mut json);
    if message.broadcast {
        json["subtype"] = json!("thread_broadcast");
    }
    if let Some(blocks) = message.blocks.as_ref().and_then(Json::read) {
        json["blocks"] = blocks;
    }
    if let Some(files) = message.files.as_ref().and_then(Json::read) {
        json["files"] = files;
        json["subtype"] = json!("file_share");
    }
    if let Some(ts) = &message.edited_ts {
        json["edited"] = json!({ "user": message.author, "ts": ts });
    }
    if !message.reactions.is_empty() {
        json["reactions"] = json!(message.reactions);
    }
    if let Some(metadata) = message.metadata.as_ref().filter(|_| with_metadata).and_then(Json::read) {
        json["metadata"] = metadata;
    }
    json
}

pub(crate) fn new_message(rendered: &Value, channel: &str, kind: ChannelType, event_ts: &str) -> Value {
    let mut event = rendered.clone();
    event["channel"] = json!(channel);
    event["channel_type"] = json!(kind.word());
    event["event_ts"] = json!(event_ts);
    event
}

/// The twin of a message that mentions the bot: another event id, no `channel_type`.
pub(crate) fn mention(rendered: &Value, channel: &str, event_ts: &str) -> Value {
    let mut event = rendered.clone();
    event["type"] = json!("app_mention");
    event["channel"] = json!(channel);
    event["event_ts"] = json!(event_ts);
    event
}

pub(crate) fn changed(after: &Value, before: &Value, channel: &str, kind: ChannelType, event_ts: &str) -> Value {
    json!({
        "type": "message", "subtype": "message_changed", "hidden": true, "channel": channel,
        "channel_type": kind.word(), "ts": event_ts, "event_ts": event_ts, "message": after,
        "previous_message": before,
    })
}

pub(crate) fn deleted(before: &Value, channel: &str, kind: ChannelType, event_ts: &str) -> Value {
    json!({
        "type": "message", "subtype": "message_deleted", "hidden": true, "channel": channel,
        "channel_type": kind.word(), "ts": event_ts, "event_ts": event_ts, "deleted_ts": before["ts"],
        "previous_message": before,
    })
}

pub(crate) fn reacted(react: &React, item_user: &str, event_ts: &str) -> Value {
    let kind = if react.remove { "reaction_removed" } else { "reaction_added" };
    json!({
        "type": kind, "user": react.user, "reaction": react.emoji, "item_user": item_user, "event_ts": event_ts,
        "item": { "type": "message", "channel": react.channel, "ts": react.ts },
    })
}

pub(crate) fn envelope(team: &str, app_id: &str, event_id: &str, event: &Value, shared: bool) -> Value {
    // In an organization-wide installation, an event is some workspace's, and delivered for the organization.
    let organization = team.strip_prefix('E');
    let enterprise = organization.map(|_| team);
    let team = organization.map_or_else(|| team.to_owned(), |name| format!("T{name}"));
    let bot = bot_user_of(enterprise.unwrap_or(&team));
    json!({
        "token": "simulated",
        "team_id": team,
        "context_team_id": team,
        "context_enterprise_id": enterprise,
        "api_app_id": app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": clock::now_seconds(),
        "authorizations": [{
            "enterprise_id": enterprise, "team_id": team, "user_id": bot, "is_bot": true,
            "is_enterprise_install": organization.is_some(),
        }],
        "is_ext_shared_channel": shared,
        "event_context": format!("4-{event_id}"),
    })
}

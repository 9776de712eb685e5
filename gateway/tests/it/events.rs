//! What Slack sends, written down as Slack documents it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use shared::clock::Clock;

use crate::{stage::Firm, wire::Ask};

pub const EVENTS: &str = "/webhooks/slack/events";
/// A person who is no bot.
pub const ADA: &str = "UADA";

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A number that no other event of this process has.
pub fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A `ts` that no other message of this process has.
pub fn new_ts() -> String {
    format!("{}.{:06}", Clock::system().now().unix_timestamp(), next() % 1_000_000)
}

/// An inner `message` event of Ada's in `channel`.
pub fn message(channel: &str, text: &str) -> Value {
    let ts = new_ts();
    json!({
        "type": "message", "user": ADA, "text": text, "ts": ts, "channel": channel, "channel_type": "channel",
        "event_ts": ts,
    })
}

/// The twin of a message that mentions the agent.
pub fn mention_of(message: &Value) -> Value {
    let mut event = message.clone();
    event["type"] = json!("app_mention");
    if let Some(fields) = event.as_object_mut() {
        fields.remove("channel_type");
    }
    event
}

/// The same event with some fields set.
pub fn having(mut event: Value, fields: Value) -> Value {
    if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
        event.extend(fields);
    }
    event
}

/// An envelope of the platform's app, with an event id of its own.
pub fn envelope(team: &str, event: Value) -> Value {
    json!({
        "token": "x", "team_id": team, "context_team_id": team, "context_enterprise_id": null,
        "api_app_id": "A0PLATFORM", "event": event, "type": "event_callback",
        "event_id": format!("Ev{:08}", next()), "event_time": Clock::system().now().unix_timestamp(),
        "authorizations": [{
            "enterprise_id": null, "team_id": team, "user_id": "UBOT", "is_bot": true, "is_enterprise_install": false,
        }],
        "is_ext_shared_channel": false, "event_context": "4-x",
    })
}

/// A question to the agent of this firm, in a thread of its own.
pub fn question(firm: &Firm, text: &str) -> Value {
    envelope(&firm.team, message("C1", &format!("<@{}> {text}", firm.bot)))
}

/// A request with a good signature of now.
pub fn signed(secret: &str, body: impl Into<Vec<u8>>) -> Ask {
    signed_at(secret, Clock::system().now().unix_timestamp(), body)
}

pub fn signed_at(secret: &str, timestamp: i64, body: impl Into<Vec<u8>>) -> Ask {
    let (body, timestamp) = (body.into(), timestamp.to_string());
    let signature = simulators::signature(secret, &timestamp, &body);
    Ask::post(EVENTS)
        .header("content-type", "application/json")
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", signature)
        .body(body)
}

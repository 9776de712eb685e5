//! What the control calls take and show.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which ids a webhook tells of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ids {
    #[default]
    Both,
    UserId,
    /// As before user ids were introduced.
    Phone,
}

/// How far statuses follow a message by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    Silent,
    Sent,
    Delivered,
    #[default]
    Read,
    /// All of them, the last one first and each of them twice.
    Upset,
}

/// A person writes to a number.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct WhatsAppSay {
    pub number: String,
    /// The person's phone number.
    pub person: String,
    #[serde(default)]
    pub text: String,
    /// Instead of a text: fields of the message, `type` among them.
    #[serde(default)]
    pub message: Option<Value>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub ids: Ids,
    /// Written this long ago.
    #[serde(default)]
    pub seconds_ago: i64,
}

impl WhatsAppSay {
    pub fn new(number: impl Into<String>, person: impl Into<String>, text: impl Into<String>) -> Self {
        Self { number: number.into(), person: person.into(), text: text.into(), ..Self::default() }
    }

    /// With these fields of the message instead of a text.
    pub fn message(mut self, message: Value) -> Self {
        self.message = Some(message);
        self
    }

    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub fn known_by(mut self, ids: Ids) -> Self {
        self.ids = ids;
        self
    }

    pub fn seconds_ago(mut self, seconds: i64) -> Self {
        self.seconds_ago = seconds;
        self
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WhatsAppSaid {
    pub id: String,
}

/// A colleague writes on the business's own phone.
#[derive(Clone, Debug, Deserialize)]
pub struct WhatsAppEcho {
    pub number: String,
    pub person: String,
    pub text: String,
}

/// A message as the person's phone shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhoneEntry {
    pub id: String,
    /// By the business; otherwise by the person.
    pub incoming: bool,
    /// `text`, `template`, `interactive`, …
    pub kind: String,
    pub text: String,
    /// Titles of buttons below it.
    pub buttons: Vec<String>,
    /// Of the business's messages: `sent`, `delivered` or `read`; of the person's: `read` or `sent`.
    pub status: String,
    pub reaction: Option<String>,
    pub at: i64,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub struct WhatsAppHistory {
    pub seq: u64,
    /// `call`, `webhook`, `webhook_result` or `message`.
    pub what: String,
    pub number: String,
    /// The call, or the webhook's field.
    pub name: String,
    pub status: Option<u16>,
    /// A message's id, where there is one.
    pub id: Option<String>,
    pub body: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct WhatsAppOptionsPatch {
    pub webhook_url: Option<String>,
    pub pace: Option<Pace>,
    pub window_refused_at_once: Option<bool>,
    pub twice_every: Option<u64>,
    pub retry_time_scale: Option<f64>,
    pub media_address_lives_seconds: Option<u64>,
    pub holds_for_quality: Option<bool>,
    pub token_scopes: Option<Vec<String>>,
    pub token_expires_at: Option<i64>,
}

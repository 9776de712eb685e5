//! What the control API takes to change channels and people, and what people put on messages.

use serde::{Deserialize, Serialize};

use super::types::ChannelType;

/// Changes what Slack knows of a channel; unset fields stay.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChannelSetup {
    pub team: String,
    pub channel: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub channel_type: Option<ChannelType>,
    #[serde(default)]
    pub member: Option<bool>,
    #[serde(default)]
    pub archived: Option<bool>,
    /// `false` makes `chat.startStream` answer `channel_type_not_supported`.
    #[serde(default)]
    pub streams: Option<bool>,
    /// People of another company read along.
    #[serde(default)]
    pub shared: Option<bool>,
    /// `false` makes every call answer `channel_not_found`.
    #[serde(default)]
    pub exists: Option<bool>,
}

/// What `users.info` says of somebody; unset fields stay.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PersonSetup {
    pub team: String,
    pub user: String,
    pub guest: Option<bool>,
    /// The workspace the person is at home in.
    pub home: Option<String>,
}

/// Somebody puts an emoji on a message, or takes it away.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct React {
    pub team: String,
    pub channel: String,
    pub ts: String,
    pub user: String,
    /// Its name: `+1`, `thumbsup::skin-tone-3`.
    pub emoji: String,
    #[serde(default)]
    pub remove: bool,
}

//! What the control API takes and gives, over HTTP as JSON and in-process as these very types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::setups::{ChannelSetup, PersonSetup, React};
use super::{files::Serve, whims::DeliveryFaults};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelType {
    Channel,
    Group,
    Im,
    Mpim,
}

impl ChannelType {
    pub(crate) fn of_id(channel: &str) -> Self {
        match channel.as_bytes().first() {
            Some(b'D') => Self::Im,
            Some(b'G') => Self::Group,
            _ => Self::Channel,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Group => "group",
            Self::Im => "im",
            Self::Mpim => "mpim",
        }
    }
}

/// A person writes a message.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Say {
    pub team: String,
    pub channel: String,
    pub user: String,
    pub text: String,
    #[serde(default)]
    pub thread_ts: Option<String>,
    #[serde(default)]
    pub channel_type: Option<ChannelType>,
    /// Puts `<@bot>` before the text unless it is there already.
    #[serde(default)]
    pub mention: bool,
    #[serde(default)]
    pub files: Vec<FileUp>,
    /// Another company's workspace (Slack Connect).
    #[serde(default)]
    pub user_team: Option<String>,
    /// Another app's bot writes; `user` is its id.
    #[serde(default)]
    pub by_bot: bool,
}

/// A file a person attaches.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FileUp {
    pub name: String,
    #[serde(default)]
    pub mimetype: String,
    /// The content as text, or
    #[serde(default)]
    pub text: String,
    /// as bytes.
    #[serde(default)]
    pub bytes: Vec<u8>,
    #[serde(default)]
    pub serve: Serve,
    /// A size that is claimed instead of the true one.
    #[serde(default)]
    pub size: Option<u64>,
    /// An address that is named instead of Slack's own.
    #[serde(default)]
    pub url: Option<String>,
    /// The event tells nothing but the id: `files.info` knows more.
    #[serde(default)]
    pub check_file_info: bool,
}

impl FileUp {
    pub fn new(name: &str, mimetype: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), mimetype: mimetype.into(), bytes: bytes.into(), ..Self::default() }
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        if self.text.is_empty() { self.bytes.clone() } else { self.text.clone().into_bytes() }
    }
}

/// A file as it is kept, a person's or a bot's.
#[derive(Clone, Debug)]
pub struct FileSeen {
    pub id: String,
    pub name: String,
    pub title: String,
    pub user: String,
    pub bytes: Vec<u8>,
    /// The channels it was shown in, once for every time; a person's is not counted.
    pub shared_in: Vec<String>,
}

impl Say {
    pub fn new(team: &str, channel: &str, user: &str, text: &str) -> Self {
        let (team, channel, user, text) = (team.into(), channel.into(), user.into(), text.into());
        Self { team, channel, user, text, ..Self::default() }
    }

    pub fn in_thread(mut self, thread_ts: &str) -> Self {
        self.thread_ts = Some(thread_ts.into());
        self
    }

    pub fn from_team(mut self, team: &str) -> Self {
        self.user_team = Some(team.into());
        self
    }

    pub fn mentioning(mut self) -> Self {
        self.mention = true;
        self
    }

    pub fn with(mut self, file: FileUp) -> Self {
        self.files.push(file);
        self
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Said {
    pub ts: String,
    /// The thread an answer belongs to: the one written in, else the message itself.
    pub thread_ts: String,
    pub event_ids: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Edit {
    pub team: String,
    pub channel: String,
    pub ts: String,
    pub text: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delete {
    pub team: String,
    pub channel: String,
    pub ts: String,
}

/// Any inner event, put into an envelope of this workspace: `app_uninstalled`, `reaction_added`, …
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventOut {
    pub team: String,
    pub event: Value,
}

/// A request as it stands, well signed or not; sent once, without retries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Raw {
    /// A string goes out byte for byte, anything else as compact JSON.
    pub body: Value,
    #[serde(default)]
    pub signed: bool,
    /// Added to the clock for the timestamp header (and the signature), in seconds.
    #[serde(default)]
    pub timestamp_offset: Option<i64>,
    /// Sign with this instead of the configured secret.
    #[serde(default)]
    pub secret: Option<String>,
    /// Added last, so they can replace the signature's own headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Another address than `events_url`, e.g. that of the interactions webhook.
    #[serde(default)]
    pub url: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawOutcome {
    pub status: Option<u16>,
    pub body: String,
    pub error: Option<String>,
}

/// Changes options while running; unset fields stay.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OptionsPatch {
    #[serde(default)]
    pub events_url: Option<String>,
    #[serde(default)]
    pub signing_secret: Option<String>,
    #[serde(default)]
    pub self_echo: Option<bool>,
    #[serde(default)]
    pub one_message_per_second: Option<bool>,
    #[serde(default)]
    pub retry_time_scale: Option<f64>,
    #[serde(default)]
    pub delivery_timeout_ms: Option<u64>,
    #[serde(default)]
    pub update_text_max: Option<usize>,
    #[serde(default)]
    pub stream_text_max: Option<usize>,
    #[serde(default)]
    pub stream_idle_ms: Option<u64>,
    #[serde(default)]
    pub stream_total_ms: Option<u64>,
    #[serde(default)]
    pub deliveries: Option<DeliveryFaults>,
    #[serde(default)]
    pub files_scope: Option<bool>,
    #[serde(default)]
    pub stop_subscribed: Option<bool>,
    #[serde(default)]
    pub scopes: Option<String>,
    #[serde(default)]
    pub token_rotation: Option<bool>,
}

/// A person presses Stop in a thread.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stop {
    pub team: String,
    pub channel: String,
    pub thread_ts: String,
    pub user: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    InProgress,
    Completed,
    Errored,
}

/// An agent's work in a thread, as Slack lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub status: String,
    pub title: Option<String>,
}

/// The token of a workspace's bot stops working.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Revoke {
    pub team: String,
    /// What every call answers from now on: `token_revoked`, or `invalid_auth` …; `null` gives the token back.
    #[serde(default = "token_revoked")]
    pub error: Option<String>,
}

fn token_revoked() -> Option<String> {
    Some("token_revoked".to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorKind {
    Person,
    Bot,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reaction {
    pub name: String,
    pub users: Vec<String>,
    pub count: usize,
}

/// One message as a user sees it now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TranscriptEntry {
    pub ts: String,
    pub thread_ts: Option<String>,
    pub author: String,
    pub author_name: String,
    pub author_kind: AuthorKind,
    /// The text; that of the blocks if there are only blocks.
    pub text: String,
    pub edited: bool,
    pub reactions: Vec<Reaction>,
    pub metadata: Option<Value>,
    pub blocks: Option<Value>,
    /// The names of the files it shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Of a streamed message.
    #[serde(default)]
    pub streaming: Option<StreamState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryKind {
    Post,
    Update,
    Delete,
    Reaction,
    Status,
    /// A line only one person sees.
    Whisper,
    /// A dialog or a home page.
    View,
    EventSent,
    EventResult,
    Refused,
    /// The caller of this method got no clear answer; `error` says which fault it was. What was carried out all the
    /// same has its own line.
    Unclear,
}

impl HistoryKind {
    /// Something a user could see, as opposed to traffic between Slack and the product.
    pub(crate) fn is_visible(self) -> bool {
        use HistoryKind::{Delete, Post, Reaction, Status, Update, View, Whisper};
        matches!(self, Post | Update | Delete | Reaction | Status | Whisper | View)
    }
}

/// One line of the append-only log; fields that do not apply are left out of the JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub seq: u64,
    pub at_ms: u64,
    pub kind: HistoryKind,
    pub team: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_ts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_kind: Option<AuthorKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// The Web API method, for what the bot did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// 0 for the first delivery, 1 to 3 for Slack's retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The receiver's HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Slack's error word of a refusal, or its retry reason of a failed delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl HistoryEntry {
    pub(crate) fn new(kind: HistoryKind, team: &str) -> Self {
        Self {
            seq: 0,
            at_ms: 0,
            kind,
            team: team.into(),
            channel: None,
            ts: None,
            thread_ts: None,
            author: None,
            author_kind: None,
            text: None,
            metadata: None,
            method: None,
            event_id: None,
            event_type: None,
            attempt: None,
            status: None,
            error: None,
        }
    }
}

//! Slack's events as values: a pure step from bytes to what is kept, and why the rest is not.

use crate::{
    crypto::FingerprintKey,
    db::{
        inbox::{Arrival, Content},
        system::Route,
    },
    ids::ConversationId,
    message::{ChannelKind, InboundMessage, clean_text},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::slack_text;

/// Sent when a person stops the agent's work in a thread.
const STOPPED: &str = "agent_session_stopped";
/// People who write several messages in a row do so within this.
const FOLLOWS_CLOSELY: Duration = Duration::seconds(10);

/// What may be said in an outer envelope; unknown fields are Slack's business. The fields that decide whose event this is
/// must have the documented shape.
#[derive(Debug, Deserialize)]
pub struct Envelope {
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub challenge: Option<String>,
    api_app_id: Option<String>,
    pub team_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    event_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    event_time: Option<i64>,
    #[serde(default)]
    authorizations: Vec<Authorization>,
    #[serde(default, deserialize_with = "lenient")]
    is_ext_shared_channel: bool,
    event: Option<Event>,
}

#[derive(Debug, Deserialize)]
struct Authorization {
    enterprise_id: Option<String>,
    team_id: Option<String>,
    #[serde(default)]
    is_enterprise_install: bool,
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    kind: String,
    #[serde(default, deserialize_with = "lenient")]
    subtype: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    user: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    bot_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    text: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    ts: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    thread_ts: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    channel: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    channel_type: Option<String>,
    /// Of an opened home: `home` or `messages`.
    #[serde(default, deserialize_with = "lenient")]
    tab: Option<String>,
    blocks: Option<Value>,
    attachments: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    files: Vec<File>,
    /// Of an edit: the message as it is now.
    #[serde(default, deserialize_with = "lenient")]
    message: Option<Edited>,
    /// Of an edit or a deletion: the message as it was.
    #[serde(default, deserialize_with = "lenient")]
    previous_message: Option<Edited>,
}

#[derive(Debug, Deserialize)]
struct File {
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Edited {
    #[serde(default, deserialize_with = "lenient")]
    user: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    bot_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    ts: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    thread_ts: Option<String>,
}

/// A value of another type than Slack documents counts as missing: one odd field must not cost the message.
pub fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).unwrap_or_default())
}

/// Why bytes are no event.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing Slack would send; the sentence says what is wrong.
    NotAnEvent(&'static str),
    /// Perhaps an event once.
    Damaged,
}

/// An event that is stored.
pub struct Kept {
    message: Option<InboundMessage>,
    reason: &'static str,
    event_id: String,
    team: String,
    /// Channel and thread, or the kind of an event that is stored but not understood.
    lane: (String, String),
    addressed: bool,
    /// What others say among themselves is stored only in threads the agent takes part in.
    known_lane_only: bool,
    /// Written so soon after its thread began that it may have overtaken the thread's first message.
    pub follows_closely: bool,
    pub is_mention: bool,
}

/// Reads an envelope. Invalid UTF-8, a byte-order mark and lone surrogates are repaired first: the message counts, and the
/// raw bytes are kept.
pub fn parse(raw: &[u8]) -> Result<Envelope, Unreadable> {
    let text = String::from_utf8_lossy(raw);
    let text = text.trim_start_matches('\u{feff}').trim();
    if !text.starts_with('{') {
        return Err(Unreadable::NotAnEvent("The body must be one JSON object."));
    }
    let error = match serde_json::from_str(text) {
        Ok(envelope) => return Ok(envelope),
        Err(error) => error,
    };
    let reason = error.to_string();
    if reason.starts_with("recursion limit") {
        return Err(Unreadable::NotAnEvent("The body is nested too deeply."));
    }
    if reason.starts_with("trailing characters") {
        return Err(Unreadable::NotAnEvent("The body must be one JSON object."));
    }
    if reason.starts_with("duplicate field") {
        return Err(Unreadable::NotAnEvent("The body names a field twice."));
    }
    serde_json::from_str(&slack_text::without_lone_surrogates(text)).map_err(|_| Unreadable::Damaged)
}

impl Envelope {
    /// The workspace or organization this was delivered for. With Slack Connect the outer team can be another company's,
    /// so it counts only where there are no authorizations at all.
    pub fn installation(&self) -> Option<&str> {
        let id = match self.authorizations.first() {
            None => &self.team_id,
            Some(first) if first.is_enterprise_install => &first.enterprise_id,
            Some(first) => &first.team_id,
        };
        id.as_deref().filter(|id| is_id(id))
    }

    /// The app this claims to be delivered for.
    pub fn app_id(&self) -> Option<&str> {
        self.api_app_id.as_deref().filter(|id| is_id(id))
    }
}

impl Envelope {
    /// Who looks at the app's home page.
    pub fn home_opened_by(&self) -> Option<&str> {
        let event = self.event.as_ref()?;
        let is_home = event.kind == "app_home_opened" && event.tab.as_deref() == Some("home");
        event.user.as_deref().filter(|user| is_home && is_id(user))
    }
}

/// `None`: our own echo, another bot, or talk of nobody's concern.
pub fn normalize(envelope: &Envelope, route: &Route, now: OffsetDateTime) -> Option<Kept> {
    let Some(event) = &envelope.event else {
        return unknown(envelope, "event without content");
    };
    if event.kind == STOPPED {
        return unknown(envelope, "somebody pressed Stop");
    }
    if !matches!(event.kind.as_str(), "message" | "app_mention") {
        return unknown(envelope, "event kind not handled");
    }
    if is_own_or_robot(&event.user, &event.bot_id, route) {
        return None;
    }
    match event.subtype.as_deref() {
        None | Some("file_share" | "thread_broadcast" | "me_message") => {}
        Some("message_changed" | "message_deleted") => {
            return edit(envelope, event, route);
        }
        Some(_) => return beside(envelope, event, [&event.ts, &event.thread_ts], "message subtype not handled"),
    }
    let (user, channel) =
        (event.user.as_deref().unwrap_or_default(), event.channel.as_deref().unwrap_or_default());
    if !is_id(channel) || !is_id(user) {
        return unknown(envelope, "message without author or channel");
    }
    keep_message(envelope, event, user, channel, route, now)
}

fn keep_message(
    envelope: &Envelope,
    event: &Event,
    user: &str,
    channel: &str,
    route: &Route,
    now: OffsetDateTime,
) -> Option<Kept> {
    let written = event.text.as_deref().filter(|text| !text.trim().is_empty());
    let written = written.map_or_else(|| slack_text::of_blocks(event.blocks.as_ref()), str::to_owned);
    let mention = event.kind == "app_mention" || slack_text::mentions(&written, &route.bot_user_id);
    let direct = matches!(event.channel_type.as_deref(), Some("im" | "app_home"))
        || (event.channel_type.is_none() && channel.starts_with('D'));
    let Some(ts) = [&event.ts, &envelope.event_id].into_iter().flatten().find(|id| is_id(id)).cloned() else {
        return unknown(envelope, "message without a time");
    };
    let thread = event.thread_ts.clone().filter(|ts| is_id(ts)).unwrap_or_else(|| ts.clone());
    let plain = slack_text::to_plain(&written, &route.bot_user_id);
    let said = if plain.text.is_empty() { forwarded(event, route) } else { plain.text };
    let text = slack_text::with_files(said, event.files.iter().map(|file| file.name.as_deref()));
    let message = InboundMessage {
        external_id: ts.clone(),
        channel: channel.to_owned(),
        thread: Some(thread.clone()),
        channel_kind: channel_kind(event.channel_type.as_deref(), direct),
        author: user.to_owned(),
        text: clean_text(&text),
        mentions_others: plain.mentions_others,
        with_outsiders: envelope.is_ext_shared_channel,
        profile: None,
        sent_at: sent_at(&ts, envelope.event_time, now),
    };
    let begun = sent_at(&thread, envelope.event_time, now);
    Some(Kept {
        event_id: event_id(envelope),
        team: envelope.installation().unwrap_or_default().to_owned(),
        follows_closely: thread != ts && message.sent_at - begun <= FOLLOWS_CLOSELY,
        lane: (channel.to_owned(), thread),
        addressed: mention || direct,
        known_lane_only: !mention && !direct,
        is_mention: event.kind == "app_mention",
        message: Some(message),
        reason: "",
    })
}

/// Someone else's message that a person passes on without a word of their own. Whom it mentions addresses nobody now.
fn forwarded(event: &Event, route: &Route) -> String {
    let text = slack_text::to_plain(&slack_text::of_blocks(event.attachments.as_ref()), &route.bot_user_id).text;
    if text.is_empty() { text } else { format!("[forwarded] {text}") }
}

fn is_own_or_robot(user: &Option<String>, bot_id: &Option<String>, route: &Route) -> bool {
    let user = user.as_deref().unwrap_or_default();
    let own = user == route.bot_user_id && !user.is_empty();
    own || user == "USLACKBOT" || user == "USLACK" || bot_id.as_deref().is_some_and(|id| !id.is_empty())
}

fn edit(envelope: &Envelope, event: &Event, route: &Route) -> Option<Kept> {
    let reason = "edits are not followed yet";
    let Some(edited) = event.previous_message.as_ref().or(event.message.as_ref()) else {
        return unknown(envelope, reason);
    };
    if is_own_or_robot(&edited.user, &edited.bot_id, route) {
        return None;
    }
    beside(envelope, event, [&edited.ts, &edited.thread_ts], reason)
}

/// What is no message but may hold the text of one: stored only where that was, in a thread of the agent's.
fn beside(
    envelope: &Envelope,
    event: &Event,
    [ts, thread_ts]: [&Option<String>; 2],
    reason: &'static str,
) -> Option<Kept> {
    let thread = thread_ts.as_ref().or(ts.as_ref()).cloned().unwrap_or_default();
    let lane = (event.channel.clone().unwrap_or_default(), thread);
    unknown(envelope, reason).map(|kept| Kept { lane, known_lane_only: true, ..kept })
}

fn unknown(envelope: &Envelope, reason: &'static str) -> Option<Kept> {
    let kind = envelope.event.as_ref().map_or("", |event| event.kind.as_str());
    Some(Kept {
        message: None,
        reason,
        event_id: event_id(envelope),
        team: envelope.installation().unwrap_or_default().to_owned(),
        lane: ("event".into(), kind.chars().take(64).collect()),
        addressed: false,
        known_lane_only: false,
        follows_closely: false,
        is_mention: false,
    })
}

/// Empty if there is none that could tell events apart.
fn event_id(envelope: &Envelope) -> String {
    envelope.event_id.clone().filter(|id| is_id(id)).unwrap_or_default()
}

fn channel_kind(channel_type: Option<&str>, direct: bool) -> ChannelKind {
    match channel_type {
        Some("channel") => ChannelKind::Public,
        Some("group") => ChannelKind::Private,
        Some("mpim") => ChannelKind::GroupDirect,
        _ if direct => ChannelKind::Direct,
        _ => ChannelKind::Unknown,
    }
}

/// Ids and timestamps of Slack: short, and safe in any context.
pub fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The author's time; nonsense and the future become now.
fn sent_at(ts: &str, event_time: Option<i64>, now: OffsetDateTime) -> OffsetDateTime {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    let exact = seconds.parse::<i64>().ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let micros = format!("{fraction:0<6}").get(..6).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    exact
        .map(|time| time + Duration::microseconds(micros))
        .or_else(|| event_time.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()))
        .filter(|time| *time <= now + Duration::minutes(5) && time.unix_timestamp() > 0)
        .unwrap_or(now)
}

/// The conversation in which somebody pressed Stop while the agent was at work.
pub fn stopped(envelope: &Envelope, key: &FingerprintKey, route: &Route) -> Option<ConversationId> {
    let event = envelope.event.as_ref().filter(|event| event.kind == STOPPED)?;
    let (channel, thread) = event.channel.as_deref().zip(event.thread_ts.as_deref())?;
    (is_id(channel) && is_id(thread)).then(|| conversation(key, route, channel, thread))
}

/// A thread of a channel, as a keyed hash.
fn conversation(key: &FingerprintKey, route: &Route, channel: &str, thread: &str) -> ConversationId {
    let connection = route.connection.to_string();
    ConversationId::from_uuid(key.fingerprint(&["slack-lane", &connection, channel, thread]))
}

impl Kept {
    /// With the keyed hashes that dedupe it. An event without an id is told apart by its bytes.
    pub fn into_arrival(
        self,
        key: &FingerprintKey,
        route: &Route,
        raw: Vec<u8>,
        trace: Option<String>,
    ) -> Arrival {
        let connection = route.connection.to_string();
        let event_key = if self.event_id.is_empty() {
            key.fingerprint(&["slack-bytes", &connection, &String::from_utf8_lossy(&raw)])
        } else {
            key.fingerprint(&["slack-event", &connection, &self.event_id])
        };
        let message_key = self.message.as_ref().map(|message| {
            key.fingerprint(&[
                "slack-message",
                &connection,
                &self.team,
                &message.channel,
                &message.external_id,
                "new",
            ])
        });
        Arrival {
            tenant: route.tenant,
            connection: route.connection,
            event_key,
            message_key,
            conversation: conversation(key, route, &self.lane.0, &self.lane.1),
            addressed: self.addressed,
            known_lane_only: self.known_lane_only,
            raw,
            content: match self.message {
                Some(message) => Content::Message(Box::new(message)),
                None => Content::Ignored(self.reason),
            },
            trace,
        }
    }
}

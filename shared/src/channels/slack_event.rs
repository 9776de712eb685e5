//! Slack's events as values: a pure step from bytes to what is kept, and why the rest is not.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::{
    slack_author::{self, Author},
    slack_files::File,
    slack_ids::{is_id, sent_at},
    slack_kept::{Kept, lane},
    slack_text,
};
use crate::{
    crypto::FingerprintKey,
    db::system::Route,
    ids::ConversationId,
    message::{ChannelKind, InboundMessage, clean_text},
};

/// Sent when a person stops the agent's work in a thread.
const STOPPED: &str = "agent_session_stopped";
/// People who write several messages in a row do so within this.
pub(super) const FOLLOWS_CLOSELY: Duration = Duration::seconds(10);

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
    pub(super) event_time: Option<i64>,
    /// Of withheld events: the minute, in seconds since 1970.
    #[serde(default, deserialize_with = "lenient")]
    pub minute_rate_limited: Option<i64>,
    #[serde(default)]
    authorizations: Vec<Authorization>,
    #[serde(default, deserialize_with = "lenient")]
    is_ext_shared_channel: bool,
    pub(super) event: Option<Event>,
}

#[derive(Debug, Deserialize)]
struct Authorization {
    enterprise_id: Option<String>,
    team_id: Option<String>,
    #[serde(default)]
    is_enterprise_install: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Event {
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(super) kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) subtype: Option<String>,
    /// Some events describe the person, most name them.
    #[serde(default, deserialize_with = "id_of")]
    pub(super) user: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) bot_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) app_id: Option<String>,
    /// Of another bot's message that is still being written.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) streaming_state: Option<String>,
    /// The author's workspace; with Slack Connect, another company's.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) team: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) user_team: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) user_profile: Option<UserProfile>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) text: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) ts: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) thread_ts: Option<String>,
    /// Some events describe the channel, most name it.
    #[serde(default, deserialize_with = "id_of")]
    pub(super) channel: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) channel_type: Option<String>,
    /// Of an opened home: `home` or `messages`.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) tab: Option<String>,
    pub(super) blocks: Option<Value>,
    pub(super) attachments: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) files: Vec<File>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) event_ts: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) edited: Option<Edited>,
    /// Of an edit: the message as it is now.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) message: Option<Box<Event>>,
    /// Of an edit or a deletion: the message as it was.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) previous_message: Option<Box<Event>>,
    /// Of a deletion: which message.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) deleted_ts: Option<String>,
    /// Of a reaction: the emoji's name, and what it is put on.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) reaction: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) item: Option<Item>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Item {
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(super) kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) channel: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) ts: Option<String>,
}

/// What some events tell about an author.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct UserProfile {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) team: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) is_restricted: bool,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) is_ultra_restricted: bool,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) is_stranger: bool,
}

/// When a message was last edited.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Edited {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) ts: Option<String>,
}

/// A value of another type than Slack documents counts as missing: one odd field must not cost the message.
pub fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).unwrap_or_default())
}

/// An id, or the `id` of an object.
fn id_of<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(value.as_str().or(value["id"].as_str()).map(str::to_owned))
}

/// Why bytes are no event.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing Slack would send; the sentence says what is wrong.
    NotAnEvent(&'static str),
    /// Perhaps an event once.
    Damaged,
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

    /// The workspace this was delivered for, if it is one.
    pub(super) fn workspace(&self) -> Option<&str> {
        let organization = self.authorizations.first().is_some_and(|first| first.is_enterprise_install);
        self.installation().filter(|_| !organization)
    }

    /// The app this claims to be delivered for.
    pub fn app_id(&self) -> Option<&str> {
        self.api_app_id.as_deref().filter(|id| is_id(id))
    }
}

impl Envelope {
    /// Blank where there is no event inside.
    pub fn event_kind(&self) -> &str {
        self.event.as_ref().map_or("", |event| &event.kind)
    }

    /// Who looks at the app's home page.
    pub fn home_opened_by(&self) -> Option<&str> {
        let event = self.event.as_ref()?;
        let is_home = event.kind == "app_home_opened" && event.tab.as_deref() == Some("home");
        event.user.as_deref().filter(|user| is_home && is_id(user))
    }

    /// The direct channel whose conversations with the agent somebody looks at.
    pub fn messages_opened_in(&self) -> Option<&str> {
        let event = self.event.as_ref()?;
        let is_open = event.kind == "app_home_opened" && event.tab.as_deref() == Some("messages");
        event.channel.as_deref().filter(|channel| is_open && is_id(channel))
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
    let author = slack_author::author(envelope, event, route);
    let unfinished = event.streaming_state.as_deref() == Some("in_progress");
    if author == Author::Own || (author == Author::OtherBot && (!route.answers_bots || unfinished)) {
        return None;
    }
    match event.subtype.as_deref() {
        None | Some("file_share" | "thread_broadcast" | "me_message") => {}
        Some("bot_message") if author == Author::OtherBot => {}
        Some(_) => return beside(envelope, event, [&event.ts, &event.thread_ts], "message subtype not handled"),
    }
    // Some bots have no user.
    let user = [&event.user, &event.bot_id].into_iter().flatten().find(|id| is_id(id));
    let (user, channel) = (user.map_or("", String::as_str), event.channel.as_deref().unwrap_or_default());
    if !is_id(channel) || !is_id(user) {
        return unknown(envelope, "message without author or channel");
    }
    let kept = keep_message(envelope, event, user, channel, route, now);
    // What bots say to others is nobody's business.
    kept.filter(|kept| author == Author::Person || kept.addressed)
}

pub(super) fn keep_message(
    envelope: &Envelope,
    event: &Event,
    user: &str,
    channel: &str,
    route: &Route,
    now: OffsetDateTime,
) -> Option<Kept> {
    let said = said(event, route);
    let mention = event.kind == "app_mention" || said.mention;
    let direct = is_direct(event, channel);
    let Some(ts) = [&event.ts, &envelope.event_id].into_iter().flatten().find(|id| is_id(id)).cloned() else {
        return unknown(envelope, "message without a time");
    };
    let thread = event.thread_ts.clone().filter(|ts| is_id(ts)).unwrap_or_else(|| ts.clone());
    let message = InboundMessage {
        external_id: ts.clone(),
        channel: channel.to_owned(),
        thread: Some(thread.clone()),
        channel_kind: channel_kind(event.channel_type.as_deref(), direct),
        author: user.to_owned(),
        text: said.text,
        mentions_others: said.mentions_others,
        with_outsiders: envelope.is_ext_shared_channel,
        profile: None,
        outsider: slack_author::is_outsider(envelope, event),
        by_bot: slack_author::author(envelope, event, route) == Author::OtherBot,
        attachments: event.files.iter().filter_map(File::attachment).collect(),
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

/// What a message says, as it is stored.
pub(super) struct Said {
    pub(super) text: String,
    /// Names the agent.
    pub(super) mention: bool,
    pub(super) mentions_others: bool,
}

pub(super) fn said(event: &Event, route: &Route) -> Said {
    let written = event.text.as_deref().filter(|text| !text.trim().is_empty());
    let written = written.map_or_else(|| slack_text::of_blocks(event.blocks.as_ref()), str::to_owned);
    let plain = slack_text::to_plain(&written, &route.bot_user_id);
    let text = if plain.text.is_empty() { forwarded(event, route) } else { plain.text };
    let text = slack_text::with_files(text, event.files.iter().map(|file| file.name.as_deref()));
    Said {
        text: clean_text(&text),
        mention: slack_text::mentions(&written, &route.bot_user_id),
        mentions_others: plain.mentions_others,
    }
}

pub(super) fn is_direct(event: &Event, channel: &str) -> bool {
    matches!(event.channel_type.as_deref(), Some("im" | "app_home"))
        || (event.channel_type.is_none() && channel.starts_with('D'))
}

/// Someone else's message that a person passes on without a word of their own. Whom it mentions addresses nobody now.
fn forwarded(event: &Event, route: &Route) -> String {
    let text = slack_text::to_plain(&slack_text::of_blocks(event.attachments.as_ref()), &route.bot_user_id).text;
    if text.is_empty() { text } else { format!("[forwarded] {text}") }
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

/// The conversation in which somebody pressed Stop while the agent was at work.
pub fn stopped(envelope: &Envelope, key: &FingerprintKey, route: &Route) -> Option<ConversationId> {
    let event = envelope.event.as_ref().filter(|event| event.kind == STOPPED)?;
    let (channel, thread) = event.channel.as_deref().zip(event.thread_ts.as_deref())?;
    (is_id(channel) && is_id(thread)).then(|| lane(key, route, channel, thread))
}

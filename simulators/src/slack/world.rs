//! Everything the simulated Slack knows, of all workspaces; one lock guards it.
//!
//! Channels are kept by (workspace, id): the same id in two workspaces is two channels. A channel exists from
//! its first use on.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::watch;

use super::{
    blocks,
    files::Hosted,
    oauth::OAuth,
    people::{bot_user_of, name_of},
    subscription::Subscription,
    surfaces::Surfaces,
    types::{AuthorKind, ChannelType, HistoryEntry, HistoryKind, Reaction, Session, StreamState, TranscriptEntry},
};
use crate::clock;

const TRAFFIC_LINES_MAX: usize = 200_000;
const MESSAGES_PER_CHANNEL_MAX: usize = 20_000;
const STATUS_MS: u64 = 120_000;

pub(crate) struct World {
    channels: HashMap<(String, String), Channel>,
    /// What users saw, complete.
    seen: VecDeque<Line>,
    /// What went between Slack and the product, the last of it.
    traffic: VecDeque<Line>,
    seq: u64,
    last_event_micros: u64,
    pub(crate) events_caused: u64,
    pub(crate) subscription: Subscription,
    pub(crate) files: HashMap<String, Hosted>,
    /// By workspace: what its bot's calls are answered with.
    pub(crate) refused_tokens: HashMap<String, String>,
    pub(crate) surfaces: Surfaces,
    pub(crate) oauth: OAuth,
    /// By workspace and user.
    pub(crate) people: HashMap<(String, String), Person>,
    /// Tells those who wait how far the history has come.
    pub(crate) changed: watch::Sender<u64>,
}

/// A history entry as JSON text: a long run keeps millions, and this takes a quarter of the memory.
struct Line {
    seq: u64,
    team: Box<str>,
    json: Json,
}

/// JSON as text. Parsed, the same takes ten times the memory.
#[derive(Clone)]
pub(crate) struct Json(Arc<str>);

impl Json {
    pub(crate) fn of(value: &impl Serialize) -> Self {
        Self(serde_json::to_string(value).unwrap_or_default().into())
    }

    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.0).ok()
    }
}

pub(crate) struct Channel {
    pub(crate) kind: ChannelType,
    pub(crate) name: String,
    pub(crate) member: bool,
    pub(crate) archived: bool,
    pub(crate) exists: bool,
    pub(crate) shared: bool,
    /// The person of a direct message.
    pub(crate) person: Option<String>,
    pub(crate) messages: BTreeMap<String, Message>,
    /// By thread: the line, and when it was set.
    pub(crate) statuses: HashMap<String, (String, u64)>,
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) streams: bool,
    pub(crate) last_bot_post_ms: u64,
    last_ts_micros: u64,
}

#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) ts: String,
    pub(crate) thread_ts: Option<String>,
    pub(crate) author: String,
    pub(crate) author_kind: AuthorKind,
    pub(crate) text: String,
    pub(crate) blocks: Option<Json>,
    pub(crate) metadata: Option<Json>,
    pub(crate) edited_ts: Option<String>,
    pub(crate) broadcast: bool,
    /// Its links have no previews.
    pub(crate) plain: bool,
    /// As the Web API shows them.
    pub(crate) files: Option<Json>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) stream: Option<Stream>,
    /// The author's own workspace, if it is another one.
    pub(crate) home: Option<String>,
    /// Another app's bot wrote it.
    pub(crate) by_other_bot: bool,
}

/// What there is to know of somebody beyond the id.
#[derive(Clone, Default)]
pub(crate) struct Person {
    pub(crate) guest: bool,
    pub(crate) home: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) state: StreamState,
    pub(crate) begun_ms: u64,
    pub(crate) touched_ms: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            channels: HashMap::new(),
            seen: VecDeque::new(),
            traffic: VecDeque::new(),
            seq: 0,
            last_event_micros: 0,
            events_caused: 0,
            subscription: Subscription::default(),
            files: HashMap::new(),
            refused_tokens: HashMap::new(),
            surfaces: Surfaces::default(),
            oauth: OAuth::default(),
            people: HashMap::new(),
            changed: watch::Sender::new(0),
        }
    }

    pub(crate) fn channel(&mut self, team: &str, id: &str) -> &mut Channel {
        self.channels.entry((team.to_owned(), id.to_owned())).or_insert_with(|| Channel::new(id))
    }

    /// Every channel, with its workspace and its id.
    pub(crate) fn channels(&self) -> impl Iterator<Item = (&str, &str, &Channel)> {
        self.channels.iter().map(|((team, id), channel)| (team.as_str(), id.as_str(), channel))
    }

    /// How far the history has come.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn record(&mut self, mut entry: HistoryEntry) {
        self.seq += 1;
        entry.seq = self.seq;
        entry.at_ms = clock::now_ms();
        let line = Line { seq: self.seq, team: entry.team.as_str().into(), json: Json::of(&entry) };
        if entry.kind.is_visible() {
            self.seen.push_back(line);
        } else {
            self.traffic.push_back(line);
            if self.traffic.len() > TRAFFIC_LINES_MAX {
                self.traffic.pop_front();
            }
        }
        self.changed.send_replace(self.seq);
    }

    pub(crate) fn record_message(&mut self, kind: HistoryKind, team: &str, channel: &str, message: &Message) {
        let method = match kind {
            HistoryKind::Post => "chat.postMessage",
            HistoryKind::Update => "chat.update",
            _ => "chat.delete",
        };
        self.record_call(kind, method, team, channel, message);
    }

    pub(crate) fn record_call(
        &mut self,
        kind: HistoryKind,
        method: &str,
        team: &str,
        channel: &str,
        message: &Message,
    ) {
        let bot = message.author_kind == AuthorKind::Bot;
        self.record(HistoryEntry {
            channel: Some(channel.to_owned()),
            ts: Some(message.ts.clone()),
            thread_ts: message.thread_ts.clone(),
            author: Some(message.author.clone()),
            author_kind: Some(message.author_kind),
            text: Some(message.visible_text()),
            metadata: message.metadata.as_ref().and_then(Json::read),
            method: bot.then(|| method.to_owned()),
            ..HistoryEntry::new(kind, team)
        });
    }

    pub(crate) fn history(&self, team: Option<&str>, after_seq: u64) -> Vec<HistoryEntry> {
        let later = |lines: &'_ VecDeque<Line>| lines.partition_point(|line| line.seq <= after_seq);
        let seen = self.seen.range(later(&self.seen)..);
        let traffic = self.traffic.range(later(&self.traffic)..);
        let mut lines: Vec<&Line> =
            seen.chain(traffic).filter(|line| team.is_none_or(|team| *line.team == *team)).collect();
        lines.sort_unstable_by_key(|line| line.seq);
        lines.into_iter().filter_map(|line| line.json.read()).collect()
    }

    pub(crate) fn transcript(&mut self, team: &str, id: &str, thread: Option<&str>) -> Vec<TranscriptEntry> {
        let in_thread = |message: &&Message| thread.is_none_or(|root| message.belongs_to(root));
        self.channel(team, id).messages.values().filter(in_thread).map(Message::as_seen).collect()
    }

    pub(crate) fn next_file_id(&mut self) -> String {
        self.last_event_micros = clock::now_micros().max(self.last_event_micros + 1);
        format!("F{}", base36(self.last_event_micros))
    }

    /// Unique over restarts too: receivers keep event ids for weeks and would take a repeated one for a
    /// duplicate.
    pub(crate) fn next_event_id(&mut self) -> String {
        self.last_event_micros = clock::now_micros().max(self.last_event_micros + 1);
        format!("Ev{}", base36(self.last_event_micros))
    }
}

impl Channel {
    pub(crate) fn new(id: &str) -> Self {
        let kind = ChannelType::of_id(id);
        let person = id.strip_prefix('D').filter(|rest| rest.starts_with('U')).map(str::to_owned);
        let name = id.get(1..).filter(|rest| !rest.is_empty()).unwrap_or(id).to_ascii_lowercase();
        Self {
            kind,
            name,
            member: true,
            archived: false,
            exists: true,
            shared: false,
            person,
            messages: BTreeMap::new(),
            statuses: HashMap::new(),
            sessions: HashMap::new(),
            streams: true,
            last_bot_post_ms: 0,
            last_ts_micros: 0,
        }
    }

    /// The present time, but later than any `ts` given out in this channel before.
    pub(crate) fn next_ts(&mut self) -> String {
        self.last_ts_micros = clock::now_micros().max(self.last_ts_micros + 1);
        format!("{}.{:06}", self.last_ts_micros / 1_000_000, self.last_ts_micros % 1_000_000)
    }

    pub(crate) fn add(&mut self, message: Message) {
        if message.author_kind == AuthorKind::Bot {
            // As in Slack, an answer ends the "is thinking" line of its thread.
            self.statuses.remove(message.thread_ts.as_deref().unwrap_or_default());
        }
        self.messages.insert(message.ts.clone(), message);
        if self.messages.len() > MESSAGES_PER_CHANNEL_MAX {
            self.messages.pop_first();
        }
    }

    /// Slack takes a status line away that nobody renews.
    pub(crate) fn status(&self, thread_ts: &str) -> Option<String> {
        let (line, set_ms) = self.statuses.get(thread_ts)?;
        (clock::now_ms() < set_ms + STATUS_MS).then(|| line.clone())
    }

    pub(crate) fn replies(&self, root: &str) -> impl Iterator<Item = &Message> {
        // A reply is younger than what it replies to.
        let younger = self.messages.range::<str, _>((Bound::Excluded(root), Bound::Unbounded));
        younger.map(|(_, message)| message).filter(move |message| message.belongs_to(root))
    }

    pub(crate) fn is_private(&self) -> bool {
        self.kind != ChannelType::Channel
    }
}

impl Message {
    pub(crate) fn from_person(ts: String, user: &str, text: String) -> Self {
        Self {
            ts,
            thread_ts: None,
            author: user.to_owned(),
            author_kind: AuthorKind::Person,
            text,
            blocks: None,
            metadata: None,
            edited_ts: None,
            broadcast: false,
            plain: false,
            files: None,
            reactions: Vec::new(),
            stream: None,
            home: None,
            by_other_bot: false,
        }
    }

    pub(crate) fn from_bot(ts: String, team: &str) -> Self {
        Self { author_kind: AuthorKind::Bot, ..Self::from_person(ts, &bot_user_of(team), String::new()) }
    }

    pub(crate) fn belongs_to(&self, root: &str) -> bool {
        self.ts == root || self.thread_ts.as_deref() == Some(root)
    }

    pub(crate) fn is_streaming(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.state == StreamState::InProgress)
    }

    pub(crate) fn close(&mut self, state: StreamState) {
        if let Some(stream) = &mut self.stream {
            stream.state = state;
        }
    }

    pub(crate) fn visible_text(&self) -> String {
        if self.text.is_empty() {
            self.blocks.as_ref().and_then(Json::read).as_ref().map(blocks::text_of).unwrap_or_default()
        } else {
            self.text.clone()
        }
    }

    fn file_names(&self) -> Vec<String> {
        let files: Option<Vec<Value>> = self.files.as_ref().and_then(Json::read);
        let name = |file: &Value| file["name"].as_str().or(file["id"].as_str()).map(str::to_owned);
        files.iter().flatten().filter_map(name).collect()
    }

    fn as_seen(&self) -> TranscriptEntry {
        TranscriptEntry {
            ts: self.ts.clone(),
            thread_ts: self.thread_ts.clone(),
            author: self.author.clone(),
            author_name: name_of(&self.author),
            author_kind: self.author_kind,
            text: self.visible_text(),
            edited: self.edited_ts.is_some(),
            reactions: self.reactions.clone(),
            metadata: self.metadata.as_ref().and_then(Json::read),
            blocks: self.blocks.as_ref().and_then(Json::read),
            files: self.file_names(),
            streaming: self.stream.as_ref().map(|stream| stream.state),
        }
    }
}

fn base36(mut number: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from(DIGITS[(number % 36) as usize]));
        number /= 36;
    }
    digits.iter().rev().collect()
}

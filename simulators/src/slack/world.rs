//! Everything the simulated Slack knows, of all workspaces; one lock guards it.
//!
//! Channels are kept by (workspace, id): the same id in two workspaces is two channels. A channel exists from
//! its first use on.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::Value;
use tokio::sync::watch;

use super::{
    blocks,
    people::{bot_user_of, name_of},
    types::{AuthorKind, ChannelType, HistoryEntry, HistoryKind, Reaction, TranscriptEntry},
};
use crate::clock;

const HISTORY_ENTRIES_MAX: usize = 200_000;
const MESSAGES_PER_CHANNEL_MAX: usize = 20_000;

pub(crate) struct World {
    channels: HashMap<(String, String), Channel>,
    history: VecDeque<HistoryEntry>,
    seq: u64,
    last_event_micros: u64,
    /// Tells those who wait how far the history has come.
    pub(crate) changed: watch::Sender<u64>,
}

pub(crate) struct Channel {
    pub(crate) kind: ChannelType,
    pub(crate) name: String,
    pub(crate) member: bool,
    pub(crate) archived: bool,
    pub(crate) exists: bool,
    /// The person of a direct message.
    pub(crate) person: Option<String>,
    pub(crate) messages: BTreeMap<String, Message>,
    pub(crate) statuses: HashMap<String, String>,
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
    pub(crate) blocks: Option<Value>,
    pub(crate) metadata: Option<Value>,
    pub(crate) edited_ts: Option<String>,
    pub(crate) broadcast: bool,
    pub(crate) reactions: Vec<Reaction>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            channels: HashMap::new(),
            history: VecDeque::new(),
            seq: 0,
            last_event_micros: 0,
            changed: watch::Sender::new(0),
        }
    }

    pub(crate) fn channel(&mut self, team: &str, id: &str) -> &mut Channel {
        self.channels.entry((team.to_owned(), id.to_owned())).or_insert_with(|| Channel::new(id))
    }

    pub(crate) fn record(&mut self, mut entry: HistoryEntry) {
        self.seq += 1;
        entry.seq = self.seq;
        entry.at_ms = clock::now_ms();
        self.history.push_back(entry);
        if self.history.len() > HISTORY_ENTRIES_MAX {
            self.history.pop_front();
        }
        self.changed.send_replace(self.seq);
    }

    pub(crate) fn record_message(&mut self, kind: HistoryKind, team: &str, channel: &str, message: &Message) {
        let bot = message.author_kind == AuthorKind::Bot;
        let method = match kind {
            HistoryKind::Post => "chat.postMessage",
            HistoryKind::Update => "chat.update",
            _ => "chat.delete",
        };
        self.record(HistoryEntry {
            channel: Some(channel.to_owned()),
            ts: Some(message.ts.clone()),
            thread_ts: message.thread_ts.clone(),
            author: Some(message.author.clone()),
            author_kind: Some(message.author_kind),
            text: Some(message.visible_text()),
            metadata: message.metadata.clone(),
            method: bot.then(|| method.to_owned()),
            ..HistoryEntry::new(kind, team)
        });
    }

    pub(crate) fn history(&self, team: Option<&str>, after_seq: u64) -> Vec<HistoryEntry> {
        let wanted = |entry: &&HistoryEntry| entry.seq > after_seq && team.is_none_or(|team| entry.team == team);
        self.history.iter().filter(wanted).cloned().collect()
    }

    pub(crate) fn transcript(&mut self, team: &str, id: &str, thread: Option<&str>) -> Vec<TranscriptEntry> {
        let in_thread = |message: &&Message| thread.is_none_or(|root| message.belongs_to(root));
        self.channel(team, id).messages.values().filter(in_thread).map(Message::as_seen).collect()
    }

    /// Unique over restarts too: receivers keep event ids for weeks and would take a repeated one for a
    /// duplicate.
    pub(crate) fn next_event_id(&mut self) -> String {
        self.last_event_micros = clock::now_micros().max(self.last_event_micros + 1);
        format!("Ev{}", base36(self.last_event_micros))
    }
}

impl Channel {
    fn new(id: &str) -> Self {
        let kind = ChannelType::of_id(id);
        let person = id.strip_prefix('D').filter(|rest| rest.starts_with('U')).map(str::to_owned);
        let name = id.get(1..).filter(|rest| !rest.is_empty()).unwrap_or(id).to_ascii_lowercase();
        Self {
            kind,
            name,
            member: true,
            archived: false,
            exists: true,
            person,
            messages: BTreeMap::new(),
            statuses: HashMap::new(),
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

    pub(crate) fn replies(&self, root: &str) -> impl Iterator<Item = &Message> {
        self.messages.values().filter(move |message| message.ts != root && message.belongs_to(root))
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
            reactions: Vec::new(),
        }
    }

    pub(crate) fn from_bot(ts: String, team: &str) -> Self {
        Self { author_kind: AuthorKind::Bot, ..Self::from_person(ts, &bot_user_of(team), String::new()) }
    }

    pub(crate) fn belongs_to(&self, root: &str) -> bool {
        self.ts == root || self.thread_ts.as_deref() == Some(root)
    }

    pub(crate) fn visible_text(&self) -> String {
        if self.text.is_empty() {
            self.blocks.as_ref().map(blocks::text_of).unwrap_or_default()
        } else {
            self.text.clone()
        }
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
            metadata: self.metadata.clone(),
            blocks: self.blocks.clone(),
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

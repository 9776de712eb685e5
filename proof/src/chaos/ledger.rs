//! The driver's ledger: what was sent and how it was answered, what users saw, and what was broken when.
//!
//! Everything in it is told by the simulated Slack's own history, never by the product, so it can be held against what
//! the product says of itself. A tenant's words carry its canary (`kc007x`), so that no leak needs a database to be seen.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    str::FromStr,
};

use shared::ids::OutboxId;
use simulators::{AuthorKind, HistoryEntry, HistoryKind};
use uuid::Uuid;

/// Leaks that are kept word for word; more are only counted.
const LEAKS_MAX: usize = 50;

/// Workspace, channel and time: what makes a message one.
pub type MessageKey = (String, String, String);

/// A message a person wrote.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    pub said_ms: u64,
    /// The time of the thread's first message.
    pub thread: String,
    pub addressed: bool,
    /// Place in the history of the first delivery, and of the first answer with status 2xx.
    pub first_sent: Option<u64>,
    pub accepted: Option<u64>,
    pub accepted_ms: u64,
    pub deliveries: u32,
    pub accepts: u32,
    /// Events it was delivered as: a mention arrives as two.
    pub events: u32,
}

/// A moment in which a text of the agent became visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub seq: u64,
    pub at_ms: u64,
    pub team: String,
    pub channel: String,
    pub ts: String,
    pub posted: bool,
}

/// Something the driver broke, from when to when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disturbance {
    pub what: String,
    pub from_ms: u64,
    pub to_ms: u64,
}

#[derive(Default)]
pub struct Ledger {
    pub messages: HashMap<MessageKey, Sent>,
    pub shown: HashMap<Uuid, Vec<Shown>>,
    /// Calls whose caller got no clear answer, by the outbox row they were about.
    pub unclear: HashMap<Uuid, Vec<(u64, String)>>,
    /// Posts of the agent that name no outbox row.
    pub untagged: Vec<String>,
    /// Streams begin without a name; an update or their end brings it. Those that never got one.
    pub unnamed: HashMap<MessageKey, Shown>,
    /// What the agent took away again.
    pub removed: HashSet<MessageKey>,
    pub leaks: Vec<String>,
    pub leaks_total: usize,
    pub texts_examined: usize,
    /// What the bot did, by method.
    pub effects: BTreeMap<String, u64>,
    pub disturbances: Vec<Disturbance>,
    /// First deliveries, and answers with status 2xx, by second.
    pub sent_by_second: BTreeMap<u64, u64>,
    pub accepted_by_second: BTreeMap<u64, u64>,
    pub shown_by_second: BTreeMap<u64, u64>,
    pub events: u64,
    pub seq: u64,
}

impl Ledger {
    /// Takes over what happened since the last time.
    pub fn absorb(&mut self, history: &[HistoryEntry]) {
        let known = self.seq;
        for entry in history.iter().filter(|entry| entry.seq > known) {
            match (entry.kind, entry.author_kind) {
                (HistoryKind::Post, Some(AuthorKind::Person)) => self.said(entry),
                (HistoryKind::Post | HistoryKind::Update, Some(AuthorKind::Bot)) => self.showed(entry),
                (HistoryKind::Delete, Some(AuthorKind::Bot)) => self.removed.extend(key_of(entry)),
                (HistoryKind::EventSent | HistoryKind::EventResult, _) => self.delivered(entry),
                (HistoryKind::Unclear, _) => self.was_unclear(entry),
                _ => {}
            }
            if let Some(method) = entry.method.as_deref().filter(|_| entry.author_kind != Some(AuthorKind::Person))
            {
                *self.effects.entry(method.to_owned()).or_default() += 1;
            }
        }
        self.seq = history.last().map_or(self.seq, |entry| entry.seq.max(self.seq));
    }

    fn said(&mut self, entry: &HistoryEntry) {
        let Some(key) = key_of(entry) else { return };
        let bot = format!("<@UBOT{}>", entry.team.strip_prefix('T').unwrap_or(&entry.team));
        let mentioned = entry.text.as_deref().is_some_and(|text| text.contains(&bot));
        let sent = self.messages.entry(key.clone()).or_default();
        sent.said_ms = entry.at_ms;
        sent.addressed = mentioned || key.1.starts_with('D');
        sent.thread = entry.thread_ts.clone().unwrap_or(key.2);
    }

    fn showed(&mut self, entry: &HistoryEntry) {
        let Some((team, channel, ts)) = key_of(entry) else { return };
        self.texts_examined += 1;
        let foreign = foreign_canaries(entry.text.as_deref().unwrap_or_default(), &canary_of(&team));
        if !foreign.is_empty() {
            self.leaked(format!("the reply {team}/{channel}/{ts} shows {}", foreign.join(", ")));
        }
        let payload = entry.metadata.as_ref().map(|metadata| &metadata["event_payload"]["outbox_id"]);
        let row = payload.and_then(|id| id.as_str()).and_then(|id| OutboxId::from_str(id).ok());
        let key = (team.clone(), channel.clone(), ts.clone());
        let posted = entry.kind == HistoryKind::Post;
        let shown = Shown { seq: entry.seq, at_ms: entry.at_ms, team, channel, ts, posted };
        let Some(row) = row else {
            match entry.method.as_deref() {
                Some("chat.startStream") => drop(self.unnamed.insert(key, shown)),
                Some("chat.appendStream") => {}
                _ => self.untagged.push(format!("{}/{}/{}", shown.team, shown.channel, shown.ts)),
            }
            return;
        };
        *self.shown_by_second.entry(entry.at_ms / 1_000).or_default() += 1;
        let begun = self.unnamed.remove(&key);
        self.shown.entry(row.uuid()).or_default().extend(begun.into_iter().chain([shown]));
    }

    fn delivered(&mut self, entry: &HistoryEntry) {
        // The bot's own echoes have the time of a message that no person wrote, edits one of their own.
        let Some(sent) = key_of(entry).and_then(|key| self.messages.get_mut(&key)) else { return };
        if entry.kind == HistoryKind::EventSent {
            sent.deliveries += 1;
            sent.first_sent = sent.first_sent.or(Some(entry.seq));
            if entry.attempt == Some(0) {
                sent.events += 1;
                self.events += 1;
                *self.sent_by_second.entry(entry.at_ms / 1_000).or_default() += 1;
            }
        } else if entry.status.is_some_and(|status| (200..300).contains(&status)) {
            sent.accepts += 1;
            if sent.accepted.is_none() {
                (sent.accepted, sent.accepted_ms) = (Some(entry.seq), entry.at_ms);
            }
            *self.accepted_by_second.entry(entry.at_ms / 1_000).or_default() += 1;
        }
    }

    fn was_unclear(&mut self, entry: &HistoryEntry) {
        let id = entry.metadata.as_ref().map(|metadata| metadata["event_payload"]["outbox_id"].clone());
        let row = id.as_ref().and_then(|id| id.as_str()).and_then(|id| OutboxId::from_str(id).ok());
        if let (Some(row), Some(word)) = (row, entry.error.clone()) {
            self.unclear.entry(row.uuid()).or_default().push((entry.at_ms, word));
        }
    }

    pub fn leaked(&mut self, what: String) {
        self.leaks_total += 1;
        if self.leaks.len() < LEAKS_MAX {
            self.leaks.push(what);
        }
    }

    pub fn disturb(&mut self, what: impl Into<String>, from_ms: u64, to_ms: u64) {
        self.disturbances.push(Disturbance { what: what.into(), from_ms, to_ms });
    }

    /// What was broken between two moments.
    pub fn broken_between(&self, from_ms: u64, to_ms: u64) -> BTreeSet<&str> {
        let overlapping = self.disturbances.iter().filter(|one| one.from_ms <= to_ms && one.to_ms >= from_ms);
        overlapping.map(|one| one.what.as_str()).collect()
    }

    /// Whether people see a message of this outbox row now.
    pub fn is_visible(&self, row: &Uuid) -> bool {
        self.shown.get(row).is_some_and(|shown| shown.iter().any(|shown| !self.removed.contains(&shown.key())))
    }

    /// Whether the product has to keep it: it speaks to the agent, or it came after the thread was known to be the
    /// agent's.
    pub fn must_be_stored(&self, key: &MessageKey, sent: &Sent) -> bool {
        let root = (key.0.clone(), key.1.clone(), sent.thread.clone());
        let root = self.messages.get(&root).filter(|root| root.addressed);
        sent.addressed
            || root.and_then(|root| root.accepted).zip(sent.first_sent).is_some_and(|(known, sent)| known < sent)
    }
}

impl Shown {
    fn key(&self) -> MessageKey {
        (self.team.clone(), self.channel.clone(), self.ts.clone())
    }
}

fn key_of(entry: &HistoryEntry) -> Option<MessageKey> {
    Some((entry.team.clone(), entry.channel.clone()?, entry.ts.clone()?))
}

/// What only the tenant of this workspace may say: `TKC007X` → `kc007x`.
pub fn canary_of(team: &str) -> String {
    team.strip_prefix('T').unwrap_or(team).to_ascii_lowercase()
}

/// Canaries in the text, the given one left out; each once.
pub fn foreign_canaries<'a>(text: &'a str, own: &str) -> Vec<&'a str> {
    let mut found: Vec<&str> = canaries(text).filter(|canary| *canary != own).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `kc`, three digits, `x`.
pub fn canaries(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("kc").filter_map(|(start, _)| {
        let canary = text.get(start..start + 6)?;
        let digits = canary.as_bytes()[2..5].iter().all(u8::is_ascii_digit);
        (digits && canary.ends_with('x')).then_some(canary)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_are_found_wherever_they_stand() {
        assert_eq!(canaries("kc001x, <kc002x17> packs kc12").collect::<Vec<_>>(), ["kc001x", "kc002x"]);
        assert_eq!(foreign_canaries("kc001x9 kc002x kc002x1", "kc001x"), ["kc002x"]);
        assert_eq!(canary_of("TKC007X"), "kc007x");
    }
}

//! Lanes as they should be, in memory: no SQL, no clock. Moments are numbers that grow by one with each step.
//!
//! [`Model::lines`] says what must stand in the database after a step, one line a row; `lane_world` reads the same lines
//! from the database.

use std::{collections::HashMap, ops::Range};

use crate::lane_steps::{Event, LANES_EACH, TENANTS};

/// Messages one run answers at most.
const RUN_MAX: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Not in the queue.
    Out,
    /// Claimable since this moment.
    Ready(u64),
    /// Put off by its last owner.
    PutOff,
    Leased,
    /// Its owner is late: claimable since this moment.
    Expired(u64),
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub state: &'static str,
    /// Its place among the lane's runs.
    pub run: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Run {
    pub from: usize,
    pub to: usize,
    pub state: &'static str,
    /// Kind and number, and the state of each outbox row, the placeholder first.
    pub parts: Vec<(String, &'static str)>,
    pub remembers: bool,
    pub calls: usize,
}

#[derive(Clone, Debug)]
pub struct Lane {
    pub known: bool,
    /// By sequence number, which begins with 1.
    pub entries: Vec<Entry>,
    pub done: usize,
    pub queue: Queue,
    pub fence: i64,
    pub claims: i32,
    pub by_human: bool,
    pub runs: Vec<Run>,
}

/// What the accept path answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Stored(usize),
    Duplicate { settled: bool },
    NotKept,
}

pub struct Model {
    pub lanes: Vec<Lane>,
    /// The tenant that was served last; the round goes on with the next one.
    pub served: Option<usize>,
    /// Each stored identity of a tenant, and whether it is known to be addressed.
    keys: HashMap<(usize, String), bool>,
    now: u64,
}

/// Where the lane of this tenant and number stands in the model's list.
pub fn place(event: &Event) -> usize {
    event.tenant * LANES_EACH + event.lane
}

/// What makes two events the same.
pub fn identity(event: &Event) -> String {
    if event.is_ignored { event_name(event) } else { message_name(event) }
}

pub fn event_name(event: &Event) -> String {
    let twin = if event.is_twin { "twin of " } else { "" };
    let kind = if event.is_ignored { "sign" } else { "event" };
    format!("{twin}{kind} {} in lane {}", event.number, event.lane)
}

pub fn message_name(event: &Event) -> String {
    format!("message {} in lane {}", event.number, event.lane)
}

impl Model {
    pub fn new() -> Self {
        let lane = Lane {
            known: false,
            entries: Vec::new(),
            done: 0,
            queue: Queue::Out,
            fence: 0,
            claims: 0,
            by_human: false,
            runs: Vec::new(),
        };
        Self { lanes: vec![lane; TENANTS * LANES_EACH], served: None, keys: HashMap::new(), now: 0 }
    }

    /// The next moment.
    pub fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    /// One commit of the accept path. Of several copies the first one is stored, but one that opens a conversation goes
    /// before one that is kept only in known ones.
    pub fn accept(&mut self, batch: &[Event]) -> Vec<Answer> {
        let now = self.tick();
        let same = |one: &Event, other: &Event| (one.tenant, identity(one)) == (other.tenant, identity(other));
        let chosen = |event: &Event| {
            let copies = || batch.iter().enumerate().filter(|(_, other)| same(event, other));
            let opening = copies().find(|(_, copy)| !copy.is_aside);
            opening.or_else(|| copies().next()).map(|(n, _)| n).expect("an event is a copy of itself")
        };
        let of_chosen: Vec<Option<Answer>> = batch
            .iter()
            .enumerate()
            .map(|(n, event)| (chosen(event) == n).then(|| self.store(event, &identity(event), now)))
            .collect();
        let answers = batch.iter().enumerate().map(|(n, event)| match of_chosen[chosen(event)] {
            Some(Answer::Stored(_)) if chosen(event) != n => {
                Answer::Duplicate { settled: !batch[chosen(event)].is_aside }
            }
            answer => answer.expect("what was chosen was stored"),
        });
        answers.collect()
    }

    /// A mention whose twin was stored as an aside is stored once more under its own event id.
    pub fn readdress(&mut self, event: &Event) -> Answer {
        let now = self.tick();
        match self.keys.get_mut(&(event.tenant, message_name(event))) {
            Some(addressed) if !*addressed => *addressed = true,
            _ => return Answer::Duplicate { settled: true },
        }
        self.store(&Event { is_aside: false, ..event.clone() }, &event_name(event), now)
    }

    fn store(&mut self, event: &Event, identity: &str, now: u64) -> Answer {
        let lane = &mut self.lanes[place(event)];
        if event.is_aside && !lane.known {
            return Answer::NotKept;
        }
        if let Some(addressed) = self.keys.get(&(event.tenant, identity.to_owned())) {
            return Answer::Duplicate { settled: *addressed };
        }
        self.keys.insert((event.tenant, identity.to_owned()), !event.is_aside);
        lane.known = true;
        lane.entries.push(Entry { state: if event.is_ignored { "ignored" } else { "pending" }, run: None });
        // What was put off stays so: writing again must not use up the attempts.
        if !event.is_ignored && lane.queue == Queue::Out {
            lane.queue = Queue::Ready(now);
        }
        Answer::Stored(lane.entries.len())
    }

    /// Lanes that may be claimed next: those whose owner was lost first, or else the oldest of the tenant whose turn it is.
    pub fn claimable(&self) -> Vec<usize> {
        let expired = |lane: usize| match self.lanes[lane].queue {
            Queue::Expired(since) => Some(since),
            _ => None,
        };
        let ready = |lane: usize| match self.lanes[lane].queue {
            Queue::Ready(since) => Some(since),
            _ => None,
        };
        let lost = oldest(0..self.lanes.len(), expired);
        if !lost.is_empty() {
            return lost;
        }
        let first = self.served.map_or(0, |tenant| tenant + 1);
        let round = (first..first + TENANTS).map(|tenant| tenant % TENANTS);
        let turns = round.map(|tenant| oldest(tenant * LANES_EACH..(tenant + 1) * LANES_EACH, ready));
        turns.into_iter().find(|lanes| !lanes.is_empty()).unwrap_or_default()
    }

    /// Whether the lane may be claimed at all, whoever's turn it is.
    pub fn is_ready(&self, lane: usize) -> bool {
        matches!(self.lanes[lane].queue, Queue::Ready(_) | Queue::Expired(_))
    }

    pub fn claim(&mut self, lane: usize) {
        self.served = Some(lane / LANES_EACH);
        let lane = &mut self.lanes[lane];
        (lane.queue, lane.fence, lane.claims) = (Queue::Leased, lane.fence + 1, lane.claims + 1);
    }

    /// Unfinished lanes that nobody will look at.
    pub fn sweep(&mut self) -> usize {
        let now = self.tick();
        let lost = |lane: &&mut Lane| lane.queue == Queue::Out && lane.entries.len() > lane.done;
        self.lanes.iter_mut().filter(lost).map(|lane| lane.queue = Queue::Ready(now)).count()
    }
}

/// Those that have been waiting since the earliest moment.
fn oldest(lanes: Range<usize>, since: impl Fn(usize) -> Option<u64>) -> Vec<usize> {
    let first = lanes.clone().filter_map(&since).min();
    lanes.filter(|lane| first.is_some() && since(*lane) == first).collect()
}

impl Run {
    /// Its placeholder is about to be sent.
    pub fn begun(from: usize, to: usize) -> Self {
        let parts = vec![("placeholder 0".into(), "sending")];
        Self { from, to, state: "running", parts, remembers: false, calls: 0 }
    }
}

impl Lane {
    /// The sequence numbers a turn that opens now will see.
    pub fn pending(&self) -> Vec<usize> {
        let to = self.running().map_or(self.entries.len(), |run| run.to);
        let waits = |seq: &usize| self.entries[*seq - 1].state == "pending";
        (self.done + 1..=to).filter(waits).take(RUN_MAX).collect()
    }

    pub fn running(&self) -> Option<&Run> {
        self.runs.iter().find(|run| run.state == "running")
    }

    /// Ends what waits up to `to` and gives the lane back.
    pub fn finish(&mut self, run: Option<usize>, to: usize, state: &'static str, now: u64) {
        for entry in self.entries.iter_mut().take(to).filter(|entry| entry.state == "pending") {
            *entry = Entry { state, run };
        }
        if let Some(run) = run {
            self.runs[run].state = match state {
                "replied" => "done",
                "dead" => "failed",
                _ => "dropped",
            };
        }
        self.done = self.done.max(to);
        self.claims = 0;
        self.queue = if self.entries.len() > to { Queue::Ready(now) } else { Queue::Out };
    }

    /// Whether the owner under this fence has the lane, perhaps beyond its time.
    pub fn is_owned(&self, fence: i64) -> bool {
        self.fence == fence && matches!(self.queue, Queue::Leased | Queue::Expired(_))
    }

    /// Its rows, each as a line.
    pub fn lines(&self) -> Vec<String> {
        if !self.known {
            return Vec::new();
        }
        let queue = match self.queue {
            Queue::Out => "out",
            Queue::Ready(_) => "ready",
            Queue::PutOff => "put off",
            Queue::Leased => "leased",
            Queue::Expired(_) => "expired",
        };
        let (last, done, fence, claims) = (self.entries.len(), self.done, self.fence, self.claims);
        let human = if self.by_human { " human" } else { "" };
        let mut lines = vec![format!("last {last} done {done} {queue} fence {fence} claims {claims}{human}")];
        for (n, entry) in self.entries.iter().enumerate() {
            let run = entry.run.map_or(String::new(), |run| format!(" by run from {}", self.runs[run].from));
            lines.push(format!("message {} {}{run}", n + 1, entry.state));
        }
        for run in &self.runs {
            let (from, to, state) = (run.from, run.to, run.state);
            let remembers = if run.remembers { " remembers" } else { "" };
            lines.push(format!("run {from} to {to} {state}{remembers}, {} calls", run.calls));
            lines.extend(run.parts.iter().map(|(kind, state)| format!("run {from}: {kind} {state}")));
        }
        lines
    }
}

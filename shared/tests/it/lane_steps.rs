//! What can happen to lanes, drawn by proptest. Every step refers to lanes and leases by a number that is taken modulo what
//! there is, so that any part of a sequence is a sequence again and shrinking works.

use proptest::{collection::vec, prelude::*, sample::Index};

pub const TENANTS: usize = 2;
pub const LANES_EACH: usize = 3;
/// So few that copies of a message are common.
const NUMBERS: u8 = 5;

/// One event as a provider delivers it.
#[derive(Clone, Debug)]
pub struct Event {
    pub tenant: usize,
    pub lane: usize,
    pub number: u8,
    /// The other of the two events one mention arrives as: the same message under another event id.
    pub is_twin: bool,
    /// Not addressed to the agent: kept only where the conversation is known.
    pub is_aside: bool,
    /// Not a message: stored, never answered.
    pub is_ignored: bool,
}

/// How the worker's transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Commit,
    /// The process dies before the commit.
    Crash,
}

#[derive(Clone, Debug)]
pub enum Step {
    /// In one commit.
    Accept(Vec<Event>),
    /// A mention whose twin was stored as an aside.
    Readdress(Event),
    /// This many workers at the same moment.
    Claim(usize),
    Renew(Index),
    /// A lease runs out. Its owner does not know.
    Expire(Index),
    PutBack {
        lease: Index,
        pauses: bool,
    },
    /// What was put off becomes ready.
    PauseEnds,
    /// Opens the lane and starts, or finds, its run.
    Begin {
        lease: Index,
        fate: Fate,
    },
    Record {
        lease: Index,
        parts: usize,
        apologizes: bool,
        fate: Fate,
    },
    Finish {
        lease: Index,
        replied: bool,
        fate: Fate,
    },
    /// A person takes the conversation, or gives it back.
    Human {
        lane: Index,
        takes: bool,
    },
    /// A lane loses its place in the queue.
    FallOut(Index),
    Sweep,
    /// This many workers die right after their claim, one after the other.
    Deaths(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let odd = |percent: f64| prop::bool::weighted(percent);
    (0..TENANTS, 0..LANES_EACH, 0..NUMBERS, odd(0.3), odd(0.3), odd(0.15)).prop_map(
        |(tenant, lane, number, is_twin, is_aside, is_ignored)| Event {
            tenant,
            lane,
            number,
            is_twin,
            is_aside,
            is_ignored,
        },
    )
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![3 => Just(Fate::Commit), 1 => Just(Fate::Crash)]
}

fn step() -> impl Strategy<Value = Step> {
    let lease = any::<Index>;
    prop_oneof![
        5 => vec(event(), 1..6).prop_map(Step::Accept),
        1 => event().prop_map(Step::Readdress),
        6 => prop_oneof![3 => Just(1), 1 => 2..4_usize].prop_map(Step::Claim),
        1 => lease().prop_map(Step::Renew),
        3 => lease().prop_map(Step::Expire),
        1 => (lease(), any::<bool>()).prop_map(|(lease, pauses)| Step::PutBack { lease, pauses }),
        1 => Just(Step::PauseEnds),
        6 => (lease(), fate()).prop_map(|(lease, fate)| Step::Begin { lease, fate }),
        5 => (lease(), 1..3_usize, prop::bool::weighted(0.2), fate())
            .prop_map(|(lease, parts, apologizes, fate)| Step::Record { lease, parts, apologizes, fate }),
        5 => (lease(), prop::bool::weighted(0.8), fate())
            .prop_map(|(lease, replied, fate)| Step::Finish { lease, replied, fate }),
        3 => (lease(), any::<bool>()).prop_map(|(lane, takes)| Step::Human { lane, takes }),
        1 => lease().prop_map(Step::FallOut),
        1 => Just(Step::Sweep),
        1 => (1..10_usize).prop_map(Step::Deaths),
    ]
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..60)
}

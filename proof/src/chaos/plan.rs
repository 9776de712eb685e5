//! The schedule of a run: what breaks, when, and for how long. The seed decides; the same seed gives the same schedule.
//!
//! Two tracks run side by side. What takes the whole product down for a moment is on the first, one at a time and with
//! room to recover, so that each recovery can be measured; what only hurts is on the second.

use std::{fmt, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use simulators::{DeliveryFaults, FaultKind};

use super::{Fault, Layout, Role, Service};

/// Longer than a lease, so that another process takes over while the first one only sleeps.
const FREEZE_SECONDS: std::ops::Range<f64> = 9.0..12.0;
/// What recovery may take, as the bars say; the next great fault waits for it.
const TAKEOVER_ROOM: Duration = Duration::from_secs(10);
const DATABASE_ROOM: Duration = Duration::from_secs(15);
const WARM_UP: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    /// Faults go on for at least this long, traffic until there were this many events.
    pub time: Duration,
    pub events: u64,
    pub events_per_second: f64,
    pub tenants: usize,
    pub layout: Layout,
    pub deliveries: DeliveryFaults,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub at: Duration,
    pub lasts: Duration,
    pub act: Act,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// SIGKILL; started again at the end.
    Kill(Role, usize),
    /// SIGTERM; started again as soon as it has ended.
    Restart(Role, usize),
    /// SIGSTOP until the end.
    Freeze(Role, usize),
    /// Down until the end: as `pg_ctl stop -m immediate`, or SIGKILL to all of it.
    StopPostgres {
        hard: bool,
    },
    EndSessions,
    KillRedis,
    FlushRedis,
    FreezeRedis,
    Line(Role, Service, Fault),
    /// Of the way in: Slack's requests.
    Door(Fault),
    Slack {
        method: &'static str,
        kind: FaultKind,
        percent: u8,
    },
    Model {
        kind: FaultKind,
        percent: u8,
    },
    /// New files and connections are refused above so many.
    FewFiles(Role, usize, u64),
}

impl Plan {
    /// Everything at once.
    pub fn chaos(seed: u64, time: Duration, events: u64) -> Self {
        let layout = Layout { gateways: 2, orchestrators: 2, workers: 1, supervised: true, ..Layout::default() };
        let mut dice = StdRng::seed_from_u64(seed);
        // A run that takes longer than planned begins them again.
        let mut steps = great_faults(&mut dice, time, &layout);
        steps.extend(small_faults(&mut dice, time, &layout));
        steps.sort_by_key(|step| step.at);
        let deliveries = DeliveryFaults {
            seed,
            again_percent: 6,
            late_percent: 6,
            late_ms_max: 3_000,
            hang_up_percent: 4,
            hang_up_ms_max: 40,
        };
        let events_per_second = events as f64 / time.as_secs_f64().max(1.0);
        Self { seed, time, events, events_per_second, tenants: 24, layout, deliveries, steps }
    }

    /// Nothing breaks.
    pub fn calm(seed: u64, events: u64, events_per_second: f64) -> Self {
        let time = Duration::from_secs_f64(events as f64 / events_per_second);
        let layout = Layout { gateways: 1, orchestrators: 1, workers: 1, supervised: true, ..Layout::default() };
        let (tenants, deliveries, steps) = (24, DeliveryFaults { seed, ..DeliveryFaults::default() }, Vec::new());
        Self { seed, time, events, events_per_second, tenants, layout, deliveries, steps }
    }

    /// Two gateways, three orchestrators and two workers are restarted in turn, in order.
    pub fn rolling(seed: u64, time: Duration, events: u64) -> Self {
        let layout = Layout { gateways: 2, orchestrators: 3, workers: 2, supervised: true, ..Layout::default() };
        let calm = Self::calm(seed, events, events as f64 / time.as_secs_f64());
        let mut turn = Vec::new();
        for (role, count) in of_roles(&layout) {
            turn.extend((0..count).map(|index| (role, index)));
        }
        let (begin, pause) = (Duration::from_secs(3), Duration::from_secs(6));
        let mut steps = Vec::new();
        let mut at = begin;
        for (role, index) in turn.into_iter().cycle() {
            if at + pause > time {
                break;
            }
            steps.push(Step { at, lasts: Duration::ZERO, act: Act::Restart(role, index) });
            at += pause;
        }
        Self { layout, steps, ..calm }
    }
}

fn of_roles(layout: &Layout) -> [(Role, usize); 3] {
    [(Role::Gateway, layout.gateways), (Role::Orchestrator, layout.orchestrators), (Role::Worker, layout.workers)]
}

/// A fault, how long it lasts, and the time after it that nothing else may disturb.
type Drawn = (Act, Duration, Duration);

fn great_faults(dice: &mut StdRng, time: Duration, layout: &Layout) -> Vec<Step> {
    let (mut steps, mut at) = (Vec::new(), WARM_UP);
    // In the order of a shuffled deck, so that a short run meets each kind once.
    let mut deck: Vec<usize> = Vec::new();
    loop {
        if deck.is_empty() {
            deck = (0..7).collect();
        }
        let (act, lasts, room) = great_fault(deck.swap_remove(dice.random_range(0..deck.len())), dice, layout);
        if at + lasts + room > time {
            return steps;
        }
        steps.push(Step { at, lasts, act });
        at += lasts + room + milliseconds(dice, 200..1_500);
    }
}

fn great_fault(kind: usize, dice: &mut StdRng, layout: &Layout) -> Drawn {
    let orchestrator = dice.random_range(0..layout.orchestrators);
    let frozen = Duration::from_secs_f64(dice.random_range(FREEZE_SECONDS));
    let moment = milliseconds(dice, 300..1_500);
    match kind {
        0 | 1 => (Act::Kill(Role::Orchestrator, orchestrator), moment, TAKEOVER_ROOM),
        2 => (Act::Freeze(Role::Orchestrator, orchestrator), frozen, Duration::from_secs(3)),
        3 => (Act::StopPostgres { hard: dice.random_bool(0.5) }, moment, DATABASE_ROOM),
        4 => (Act::EndSessions, Duration::ZERO, Duration::from_secs(5)),
        5 => {
            let fault = database_line(dice);
            let role = Role::ALL[dice.random_range(0..3)];
            (Act::Line(role, Service::Postgres, fault), milliseconds(dice, 2_000..5_000), Duration::from_secs(5))
        }
        _ => {
            let gateway = dice.random_range(0..layout.gateways);
            (Act::Freeze(Role::Gateway, gateway), milliseconds(dice, 3_000..6_000), Duration::from_secs(3))
        }
    }
}

fn database_line(dice: &mut StdRng) -> Fault {
    match dice.random_range(0..5) {
        0 => Fault::Delay(milliseconds(dice, 50..500)),
        1 => Fault::Blackhole,
        2 => Fault::ResetAfter(dice.random_range(100..60_000)),
        3 => Fault::Refuse,
        _ => Fault::Slice { bytes: dice.random_range(20..400), pause: Duration::from_millis(2) },
    }
}

fn small_faults(dice: &mut StdRng, time: Duration, layout: &Layout) -> Vec<Step> {
    let (mut steps, mut at) = (Vec::new(), WARM_UP + Duration::from_secs(1));
    let mut deck: Vec<usize> = Vec::new();
    loop {
        if deck.is_empty() {
            deck = (0..15).collect();
        }
        let kind = deck.swap_remove(dice.random_range(0..deck.len()));
        let (act, lasts) = small_fault(kind, dice, layout);
        if at + lasts > time {
            return steps;
        }
        steps.push(Step { at, lasts, act });
        at += lasts + milliseconds(dice, 500..2_500);
    }
}

fn small_fault(kind: usize, dice: &mut StdRng, layout: &Layout) -> (Act, Duration) {
    let lasts = milliseconds(dice, 2_000..6_000);
    let percent = dice.random_range(5..40);
    let act = match kind {
        0 => return (Act::KillRedis, milliseconds(dice, 500..3_000)),
        1 => return (Act::FlushRedis, Duration::ZERO),
        2 => Act::FreezeRedis,
        3 => return (Act::Kill(Role::Worker, dice.random_range(0..layout.workers)), lasts),
        4 => return (Act::Kill(Role::Gateway, dice.random_range(0..layout.gateways)), lasts),
        5 => Act::Door(Fault::ResetAfter(dice.random_range(1..2_500))),
        6 => Act::Line(Role::Orchestrator, Service::Slack, provider_line(dice)),
        7 => Act::Line(Role::Orchestrator, Service::Model, provider_line(dice)),
        8 => Act::FewFiles(Role::Gateway, dice.random_range(0..layout.gateways), 120),
        9 => Act::Model { kind: model_fault(dice), percent },
        10 => Act::Slack { method: "chat.update", kind: slack_fault(dice), percent },
        11 => Act::Slack { method: "chat.startStream", kind: slack_fault(dice), percent },
        12 => Act::Slack { method: "chat.appendStream", kind: slack_fault(dice), percent },
        13 => Act::Slack { method: "chat.stopStream", kind: slack_fault(dice), percent },
        _ => Act::Slack { method: "chat.postMessage", kind: slack_fault(dice), percent },
    };
    (act, lasts)
}

fn provider_line(dice: &mut StdRng) -> Fault {
    match dice.random_range(0..5) {
        0 => Fault::Delay(milliseconds(dice, 100..1_500)),
        1 => Fault::ResetAfter(dice.random_range(1..4_000)),
        2 => Fault::HalfClose,
        3 => Fault::Refuse,
        _ => Fault::Limit { bytes_per_second: dice.random_range(20_000..100_000) },
    }
}

fn slack_fault(dice: &mut StdRng) -> FaultKind {
    match dice.random_range(0..8) {
        0 => FaultKind::Status { code: 429, retry_after: Some(dice.random_range(1..3)) },
        1 => FaultKind::Status { code: 503, retry_after: None },
        2 => FaultKind::StatusAfter { code: 502 },
        3 => FaultKind::DropConnectionBefore,
        4 => FaultKind::DropConnectionAfter,
        // Longer than the product waits.
        5 => FaultKind::DeliverThenTimeout(11_000),
        6 => FaultKind::GarbageJson,
        _ => FaultKind::LateDelivery { from_ms: 200, to_ms: 5_000 },
    }
}

fn model_fault(dice: &mut StdRng) -> FaultKind {
    match dice.random_range(0..9) {
        0 => FaultKind::Status { code: 429, retry_after: Some(1) },
        1 => FaultKind::Status { code: 529, retry_after: None },
        2 => FaultKind::DropConnectionBefore,
        3 => FaultKind::CloseMidStream(dice.random_range(0..4)),
        4 => FaultKind::StallAfterTokens(dice.random_range(0..4)),
        5 => FaultKind::GarbageJson,
        6 => FaultKind::Empty,
        7 => FaultKind::Endless,
        _ => FaultKind::ErrorBodyWith200,
    }
}

fn milliseconds(dice: &mut StdRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(dice.random_range(range))
}

impl Act {
    /// What the ledger calls it.
    pub fn name(&self) -> String {
        match self {
            Self::Kill(role, index) => format!("kill -9 {}-{index}", role.name()),
            Self::Restart(role, index) => format!("restart {}-{index}", role.name()),
            Self::Freeze(role, index) => format!("freeze {}-{index}", role.name()),
            Self::StopPostgres { hard: true } => "kill -9 PostgreSQL".into(),
            Self::StopPostgres { hard: false } => "stop PostgreSQL at once".into(),
            Self::EndSessions => "end all sessions of PostgreSQL".into(),
            Self::KillRedis => "kill -9 Redis".into(),
            Self::FlushRedis => "empty Redis".into(),
            Self::FreezeRedis => "freeze Redis".into(),
            Self::Line(role, service, fault) => format!("{fault:?} between {} and {service:?}", role.name()),
            Self::Door(fault) => format!("{fault:?} between Slack and the gateways"),
            Self::Slack { method, kind, .. } => format!("{method}: {kind:?}"),
            Self::Model { kind, .. } => format!("model: {kind:?}"),
            Self::FewFiles(role, index, files) => format!("{files} files for {}-{index}", role.name()),
        }
    }

    /// Sessions of the database may hang through it.
    pub fn holds_sessions(&self) -> bool {
        matches!(self, Self::Freeze(..) | Self::Line(_, Service::Postgres, _) | Self::StopPostgres { .. })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = &self.layout;
        writeln!(
            f,
            "seed {}: {} events in {:.0} s from {} tenants; {} gateways, {} orchestrators, {} workers",
            self.seed,
            super::invariants::grouped(self.events),
            self.time.as_secs_f64(),
            self.tenants,
            layout.gateways,
            layout.orchestrators,
            layout.workers
        )?;
        for step in &self.steps {
            let (at, lasts) = (step.at.as_secs_f64(), step.lasts.as_secs_f64());
            let share = match step.act {
                Act::Slack { percent, .. } | Act::Model { percent, .. } => format!(", {percent} % of the calls"),
                _ => String::new(),
            };
            writeln!(f, "{at:8.1} s  {}{share}, for {lasts:.1} s", step.act.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_schedule_and_a_long_one_meets_every_kind_of_fault() {
        let plan = |seed| Plan::chaos(seed, Duration::from_secs(600), 100_000).to_string();
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
        for what in
            ["kill -9 orchestrator", "kill -9 gateway", "kill -9 worker", "freeze orchestrator", "PostgreSQL"]
        {
            assert!(plan(1).contains(what), "{what}");
        }
        for what in
            ["kill -9 Redis", "empty Redis", "end all sessions", "model:", "chat.postMessage:", "chat.update:"]
        {
            assert!(plan(1).contains(what), "{what}");
        }
        for method in ["chat.startStream:", "chat.appendStream:", "chat.stopStream:"] {
            assert!(plan(1).contains(method), "{method}");
        }
    }

    #[test]
    fn great_faults_leave_each_other_room() {
        let plan = Plan::chaos(9, Duration::from_secs(600), 100_000);
        let ends = |act: &Act| matches!(act, Act::StopPostgres { .. });
        for (index, stop) in plan.steps.iter().enumerate().filter(|(_, step)| ends(&step.act)) {
            let quiet_until = stop.at + stop.lasts + DATABASE_ROOM;
            let next = plan.steps[index + 1..].iter().find(|step| {
                ends(&step.act) || matches!(step.act, Act::Kill(Role::Orchestrator, _) | Act::Freeze(..))
            });
            assert!(next.is_none_or(|next| next.at >= quiet_until), "{stop:?} {next:?}");
        }
    }
}

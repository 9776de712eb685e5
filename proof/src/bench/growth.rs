//! growth: what a message and a search cost while tenants and memories grow, each beside the same at the smallest size.
//!
//! Every size has a database of its own and they take turns, so that a machine that gets slower gets slower for all of them.

use std::{path::Path, time::Duration};

use super::{
    chart::{self, Chart},
    crowd::Crowd,
    growth_recall,
    office::{Office, Spent},
    report::{Figure, Report},
    sample::{Dice, Sample},
};

/// Of each tenant: the largest size comes to a million in all.
const MEMORIES: usize = 100;
const SIZES: [usize; 4] = [1, 100, 1_000, 10_000];
/// One tenant more in every database but the first.
pub const ASKER: usize = 1_000;
/// And these in the largest.
pub const LARGER: [usize; 2] = [10_000, 100_000];
const ROUNDS: usize = 3;
const MENTIONS: usize = 240;
/// Every connection of every pool has planned every statement by then.
const WARM_UP: usize = 120;
/// All at once.
const BURST: usize = 300;
const IDLE: Duration = Duration::from_secs(4);
const BAR: f64 = 1.3;

const CHARTS: [Chart; 4] = [
    Chart {
        name: "message-cpu",
        title: "Processor time a message",
        across: "tenants, each with 100 memories",
        unit: "milliseconds, from Slack's event to the visible answer and its memory",
    },
    Chart {
        name: "message-statements",
        title: "Statements a message",
        across: "tenants, each with 100 memories",
        unit: "round trips to PostgreSQL, and commits among them",
    },
    Chart {
        name: "message-wal",
        title: "Write-ahead log a message",
        across: "tenants, each with 100 memories",
        unit: "kilobytes, full-page images included",
    },
    Chart {
        name: "recall",
        title: "Search in memory, embedding apart",
        across: "memories in the whole database",
        unit: "milliseconds, median",
    },
];

/// One size, and what was measured at it.
struct Stage {
    crowd: Crowd,
    idle: Spent,
    rounds: Vec<Spent>,
    burst: Spent,
    burst_per_second: f64,
}

/// At the sizes up to `tenants_max`, for machines with little time or room.
pub async fn run(tenants_max: usize) -> anyhow::Result<Report> {
    let mut stages = Vec::new();
    for size in SIZES.into_iter().filter(|size| *size <= tenants_max.max(1)) {
        let special: Vec<usize> = match size {
            1 => Vec::new(),
            10_000 => std::iter::once(ASKER).chain(LARGER).collect(),
            _ => vec![ASKER],
        };
        let crowd = Crowd::load(size, MEMORIES, &special).await?;
        stages.push(Stage {
            crowd,
            idle: Spent::default(),
            rounds: Vec::new(),
            burst: Spent::default(),
            burst_per_second: 0.0,
        });
    }
    for round in 0..ROUNDS {
        for stage in &mut stages {
            stage.measure(round).await?;
        }
    }
    let mut report = Report::new("growth");
    for stage in &stages {
        stage.tell(&mut report, &stages[0]);
    }
    draw_messages(&mut report, &stages);
    let crowds: Vec<&Crowd> = stages.iter().map(|stage| &stage.crowd).collect();
    growth_recall::measure(&crowds, &mut report).await?;
    report.note(format!(
        "The roles run as processes of their own; Slack and the model are simulated in a further one that is not counted. \
         {ROUNDS} rounds at each size, the sizes taking turns, {MENTIONS} mentions a round with 8 on their way at the same \
         time, each by a random tenant in a fresh thread; medians. Each mention is two events and two echoes, as Slack \
         sends them. What idle roles do is taken off."
    ));
    report.note(format!(
        "PostgreSQL's time is its whole server's, and the log's bytes as well: use a server that does nothing else. Backlog: \
         {BURST} mentions at the same instant."
    ));
    report.note(
        "Floor: the same with one tenant, in the same run; of a search, the smallest database's, or `select 1`.",
    );
    Ok(report)
}

/// Draws the charts of a run into `proof/charts` of the checkout this program was built in.
pub fn draw(json: &Path) -> anyhow::Result<()> {
    chart::draw_all(&CHARTS, json, &Path::new(env!("CARGO_MANIFEST_DIR")).join("charts"))
}

impl Stage {
    async fn measure(&mut self, round: usize) -> anyhow::Result<()> {
        let office = Office::open(&self.crowd.test).await?;
        let mut dice = Dice::new(round as u64 * 7_919 + 5);
        office.talk(&self.teams(WARM_UP, &mut dice), false, &Spent::default()).await?;
        if round == 0 {
            self.idle = office.idle(IDLE).await?;
        }
        let (spent, _) = office.talk(&self.teams(MENTIONS, &mut dice), false, &self.idle).await?;
        self.rounds.push(spent);
        if round + 1 == ROUNDS {
            let (burst, per_second) = office.talk(&self.teams(BURST, &mut dice), true, &self.idle).await?;
            (self.burst, self.burst_per_second) = (burst, per_second);
        }
        office.close().await
    }

    fn teams(&self, count: usize, dice: &mut Dice) -> Vec<&str> {
        let members = &self.crowd.members;
        (0..count).map(|_| members[dice.below(members.len())].team.as_str()).collect()
    }

    fn median(&self, of: impl Fn(&Spent) -> f64) -> f64 {
        self.rounds.iter().map(of).collect::<Sample>().median()
    }

    fn tell(&self, report: &mut Report, floor: &Self) {
        let size = self.crowd.members.len();
        let at = if size == 1 { "1 tenant".to_owned() } else { format!("{size} tenants") };
        let mut add = |what: &str, unit: &'static str, of: fn(&Spent) -> f64, barred: bool| {
            let figure = Figure::new(format!("{what}, {at}"), self.median(of), unit);
            let figure = figure.floor(floor.median(of));
            report.add(if barred && size > 1 { figure.ratio_at_most(BAR) } else { figure });
        };
        add("round trips a message", "", |spent| spent.round_trips, true);
        add("commits a message", "", |spent| spent.commits, false);
        add("processor time a message", "ms", Spent::cpu_ms, true);
        add("of it the gateway", "ms", |spent| spent.gateway, false);
        add("of it the orchestrator", "ms", |spent| spent.orchestrator, false);
        add("of it the worker", "ms", |spent| spent.worker, false);
        add("of it PostgreSQL", "ms", |spent| spent.postgres, false);
        add("log a message", "kB", |spent| spent.wal_bytes / 1_000.0, false);
        let burst = Figure::new(format!("processor time in a backlog, {at}"), self.burst.cpu_ms(), "ms");
        report.add(burst.floor(floor.burst.cpu_ms()));
        let burst = Figure::new(format!("round trips in a backlog, {at}"), self.burst.round_trips, "");
        report.add(burst.floor(floor.burst.round_trips));
        let rate = Figure::new(format!("backlog answered, {at}"), self.burst_per_second, "/s");
        report.add(rate.floor(floor.burst_per_second));
    }
}

fn draw_messages(report: &mut Report, stages: &[Stage]) {
    let mut draw = |chart: &str, name: &str, of: fn(&Spent) -> f64| {
        let points = stages.iter().map(|stage| (stage.crowd.members.len() as f64, stage.median(of)));
        report.draw(chart, name, points.collect());
    };
    draw("message-cpu", "all in all", Spent::cpu_ms);
    draw("message-cpu", "PostgreSQL", |spent| spent.postgres);
    draw("message-cpu", "orchestrator", |spent| spent.orchestrator);
    draw("message-cpu", "gateway", |spent| spent.gateway);
    draw("message-cpu", "worker", |spent| spent.worker);
    draw("message-statements", "round trips", |spent| spent.round_trips);
    draw("message-statements", "commits", |spent| spent.commits);
    draw("message-wal", "log", |spent| spent.wal_bytes / 1_000.0);
}

//! Runs that measure: a flood of one tenant beside another's single message, and what more processes bring.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use simulators::{AuthorKind, HistoryKind, OptionsPatch, Say};
use tokio::time::sleep;

use super::{Layout, driver::Stage, driver_traffic::Speaker, invariants::grouped, plan::Plan};

/// Messages in each of the flooding tenant's conversations.
const FLOOD_THREAD: u64 = 20;
/// Deliveries at the same time: Slack does not wait for one before it sends the next.
const FLOOD_UNDER_WAY_MAX: usize = 200;
const PROBE_PAUSE: Duration = Duration::from_secs(2);
const PROBE_SECONDS_MAX: f64 = 2.0;
const PROBE_PATIENCE: Duration = Duration::from_secs(60);
const FLOODED_WITHIN: Duration = Duration::from_secs(1_800);
const TICK: Duration = Duration::from_millis(10);

/// How soon the quiet tenant's messages were begun.
pub struct Flood {
    pub messages: u64,
    pub seconds: f64,
    pub waiting_lanes_max: u64,
    /// From the word to the first sign of an answer, sorted.
    pub starts: Vec<f64>,
}

impl Flood {
    pub fn holds(&self) -> bool {
        self.starts.last().is_some_and(|slowest| *slowest <= PROBE_SECONDS_MAX)
    }
}

impl std::fmt::Display for Flood {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |share: f64| self.starts[((self.starts.len() - 1) as f64 * share) as usize];
        let word = if self.holds() { "holds" } else { "BROKEN" };
        writeln!(
            f,
            "one tenant sent {} messages in {:.0} s ({:.0}/s); up to {} of its conversations waited",
            grouped(self.messages),
            self.seconds,
            self.messages as f64 / self.seconds,
            grouped(self.waiting_lanes_max),
        )?;
        write!(
            f,
            "another's single message starts within {PROBE_SECONDS_MAX} s: {word} ({} messages: p50 {:.2} s, p99 {:.2} s, \
             slowest {:.2} s)",
            self.starts.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        )
    }
}

pub async fn flood(seed: u64, messages: u64) -> anyhow::Result<Flood> {
    let plan = Plan { tenants: 2, ..Plan::calm(seed, messages, 1_000.0) };
    let stage = Stage::open(&plan).await?;
    let _watchers = stage.watch();
    stage.house.slack.set_options(OptionsPatch { self_echo: Some(false), ..OptionsPatch::default() });
    let begun = Instant::now();
    let (flooding, probing) = (stage.clone(), stage.clone());
    let mut flooded = tokio::spawn(async move { pour(&flooding, messages).await });
    let (mut starts, mut waiting_lanes_max, mut seconds) = (Vec::new(), 0, None);
    // Goes on as long as the flood is being worked on, so that most of it is met full.
    while seconds.is_none() || probing.busy_lanes.load(Ordering::Relaxed) > 5 {
        starts.push(probe(&probing, starts.len()).await?);
        waiting_lanes_max = waiting_lanes_max.max(probing.busy_lanes.load(Ordering::Relaxed));
        if seconds.is_none() && flooded.is_finished() {
            (&mut flooded).await?;
            seconds = Some(begun.elapsed().as_secs_f64());
        }
        ensure!(begun.elapsed() < FLOODED_WITHIN, "the flood is not over after {FLOODED_WITHIN:?}");
        sleep(PROBE_PAUSE).await;
    }
    starts.sort_by(f64::total_cmp);
    Ok(Flood { messages, seconds: seconds.unwrap_or_default(), waiting_lanes_max, starts })
}

/// Direct messages, twenty to a conversation, as fast as they are accepted.
async fn pour(stage: &Stage, messages: u64) {
    let (slack, tenant) = (&stage.house.slack, &stage.tenants[0]);
    let mut thread = String::new();
    for number in 0..messages {
        while slack.deliveries_under_way() >= FLOOD_UNDER_WAY_MAX {
            sleep(TICK).await;
        }
        let text = format!("The parcel {}{number} is on {} March.", tenant.name, number % 28 + 1);
        let say = Say::new(&tenant.team, "DFLOOD", "UFLOOD", &text);
        if number % FLOOD_THREAD == 0 {
            thread = slack.say(say).ts;
        } else {
            slack.say(say.in_thread(&thread));
        }
    }
    while slack.deliveries_under_way() > 0 {
        sleep(TICK).await;
    }
}

/// One message of the other tenant; the seconds until the agent shows that it works on it.
async fn probe(stage: &Stage, number: usize) -> anyhow::Result<f64> {
    let (slack, tenant) = (&stage.house.slack, &stage.tenants[1]);
    let text = format!("When is the launch? I ask for {}{number}.", tenant.name);
    let begun = Instant::now();
    let said = slack.say(Say::new(&tenant.team, &format!("CQUIET{number}"), "UPERSON1", &text).mentioning());
    let channel = format!("CQUIET{number}");
    let shown = slack.wait_until(PROBE_PATIENCE, |slack| {
        let seen = slack.transcript(&tenant.team, &channel, Some(&said.thread_ts));
        seen.iter().any(|entry| matches!(entry.author_kind, AuthorKind::Bot)).then_some(())
    });
    shown.await.context("the quiet tenant is not answered at all")?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Answers a second while there is always something to answer.
pub async fn throughput(seed: u64, layout: Layout, time: Duration) -> anyhow::Result<f64> {
    let plan = Plan { layout, ..Plan::calm(seed, 1, 1.0) };
    let stage = Stage::open(&plan).await?;
    let _watchers = stage.watch();
    let mut speaker = Speaker::new(&stage.house.slack, &stage.tenants, seed);
    let (begun, warm) = (Instant::now(), time / 4);
    let mut before = None;
    while begun.elapsed() < time {
        while stage.house.slack.deliveries_under_way() < 50 && stage.busy_lanes.load(Ordering::Relaxed) < 300 {
            speaker.speak();
        }
        if before.is_none() && begun.elapsed() >= warm {
            before = Some((answers(&stage), Instant::now()));
        }
        sleep(TICK).await;
    }
    let (count, since) = before.unwrap_or((0, begun));
    Ok((answers(&stage) - count) as f64 / since.elapsed().as_secs_f64())
}

fn answers(stage: &Stage) -> usize {
    let history = stage.house.slack.history(None);
    let edited = |entry: &&simulators::HistoryEntry| {
        entry.kind == HistoryKind::Update && entry.author_kind == Some(AuthorKind::Bot)
    };
    history.iter().filter(edited).count()
}

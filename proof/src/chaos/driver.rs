//! One run: opens a house, lets people speak and things break as the plan says, waits until all is done, and judges.
//!
//! `driver_traffic.rs` speaks, `driver_faults.rs` breaks, `driver_report.rs` tells; `driver_runs.rs` holds the runs that
//! measure instead. What is sent and what is seen is written down by a task of its own, from the simulated Slack's history.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use shared::clock::Clock;
use simulators::{DeliveryFaults, ModelOptions, OptionsPatch};
use sqlx::PgConnection;
use tokio::{task::JoinHandle, time::sleep};

use super::{
    House, Tenant, driver_faults as faults,
    driver_report::Report,
    driver_traffic as traffic,
    invariants::{self, Bars},
    invariants_samples::Samples,
    invariants_stored::{self, Stored},
    ledger::Ledger,
    plan::Plan,
};

const ABSORB_INTERVAL: Duration = Duration::from_millis(200);
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Slack tries again at once, after 6 s, and after 30 s more: longer than the database is ever away.
const RETRY_TIME_SCALE: f64 = 0.1;
const DELIVERED_WITHIN: Duration = Duration::from_secs(120);
/// No message may be without an end for longer.
const DRAINED_WITHIN: Duration = Duration::from_secs(600);
/// From the end of all faults to the end of all work.
const DRAIN_SECONDS_MAX: f64 = 60.0;
/// The latest that a message becomes visible after its call failed.
const SETTLED: Duration = Duration::from_secs(6);
const PROMPTS_KEPT: usize = 100;

/// The house with everything that is written down about it.
pub struct Stage {
    pub house: House,
    pub tenants: Vec<Tenant>,
    ledger: Mutex<Ledger>,
    pub samples: tokio::sync::Mutex<Samples>,
    /// Sessions of the database may hang until then.
    pub sessions_disturbed_until_ms: AtomicU64,
    /// Conversations that wait for a turn or have one.
    pub busy_lanes: AtomicU64,
    /// Nobody speaks any more.
    pub silent: AtomicBool,
    clock: Clock,
}

impl Stage {
    pub async fn open(plan: &Plan) -> anyhow::Result<Arc<Self>> {
        let house = House::open(plan.layout.clone()).await?;
        let samples = Samples::default();
        let witness = samples.model.clone();
        house.model.set_witness(move |request| witness.see(request));
        // Slow enough that most answers are streamed.
        let model =
            ModelOptions { requests_kept: Some(PROMPTS_KEPT), token_delay_ms: 25, ..ModelOptions::default() };
        house.model.set_options(model);
        let (deliveries, retry_time_scale) = (Some(plan.deliveries), Some(RETRY_TIME_SCALE));
        house.slack.set_options(OptionsPatch { deliveries, retry_time_scale, ..OptionsPatch::default() });
        let mut tenants = Vec::new();
        for number in 0..plan.tenants {
            // The name is the canary: it stands in every prompt of the tenant.
            tenants.push(house.tenant(&format!("kc{number:03}x")).await?);
        }
        Ok(Arc::new(Self {
            house,
            tenants,
            ledger: Mutex::default(),
            samples: tokio::sync::Mutex::new(samples),
            sessions_disturbed_until_ms: AtomicU64::new(0),
            busy_lanes: AtomicU64::new(0),
            silent: AtomicBool::new(false),
            clock: Clock::system(),
        }))
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The simulators' time.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
    }

    /// A session that sees everything and changes nothing.
    pub async fn checker(&self) -> anyhow::Result<PgConnection> {
        let mut connection = self.house.postgres.superuser().await?;
        invariants_stored::become_checker(&mut connection).await?;
        Ok(connection)
    }

    pub fn absorb(&self) {
        let after = self.ledger().seq;
        let news = self.house.slack.history_after(after);
        self.ledger().absorb(&news);
    }

    /// Writes down what happens until the tasks are dropped.
    pub fn watch(self: &Arc<Self>) -> Watchers {
        let (absorbing, looking) = (self.clone(), self.clone());
        Watchers([
            tokio::spawn(async move {
                loop {
                    absorbing.absorb();
                    sleep(ABSORB_INTERVAL).await;
                }
            }),
            tokio::spawn(async move { looking.look_again_and_again().await }),
        ])
    }

    async fn look_again_and_again(&self) {
        let mut connection = None;
        loop {
            sleep(LOOK_INTERVAL).await;
            self.samples.lock().await.look_at_processes(&self.house);
            if connection.is_none() {
                connection = self.checker().await.ok();
            }
            let Some(session) = connection.as_mut() else { continue };
            // The database is down at times.
            if self.look(session).await.is_err() {
                connection = None;
            }
        }
    }

    async fn look(&self, session: &mut PgConnection) -> anyhow::Result<()> {
        let disturbed = self.now_ms() < self.sessions_disturbed_until_ms.load(Ordering::Relaxed);
        let busy: i64 = sqlx::query_scalar("select count(*) from lanes where ready_at is not null")
            .fetch_one(&mut *session)
            .await?;
        self.busy_lanes.store(u64::try_from(busy).unwrap_or_default(), Ordering::Relaxed);
        self.samples.lock().await.look_at_database(session, disturbed).await
    }

    /// Everything is whole again and nobody speaks: waits until Slack has delivered and every lane is at rest.
    async fn drain(&self) -> anyhow::Result<f64> {
        let begun = Instant::now();
        self.house.heal().await?;
        let calm = Some(DeliveryFaults::default());
        self.house.slack.set_options(OptionsPatch { deliveries: calm, ..OptionsPatch::default() });
        while self.house.slack.deliveries_under_way() > 0 {
            ensure!(begun.elapsed() < DELIVERED_WITHIN, "Slack still delivers after {DELIVERED_WITHIN:?}");
            sleep(ABSORB_INTERVAL).await;
        }
        let mut session = self.checker().await?;
        while begun.elapsed() < DRAINED_WITHIN {
            self.look(&mut session).await?;
            if self.busy_lanes.load(Ordering::Relaxed) == 0 {
                self.samples.lock().await.drained = true;
                break;
            }
            sleep(ABSORB_INTERVAL).await;
        }
        Ok(begun.elapsed().as_secs_f64())
    }
}

/// Ends with the value.
pub struct Watchers([JoinHandle<()>; 2]);

impl Drop for Watchers {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// The whole story of a plan.
pub async fn run(plan: &Plan, bars: Bars) -> anyhow::Result<Report> {
    let stage = Stage::open(plan).await?;
    let report = on_stage(&stage, plan, bars).await;
    // What may be needed to see why stays, if the run could not be told.
    if report.is_err() {
        keep_logs(&stage);
    }
    report
}

async fn on_stage(stage: &Arc<Stage>, plan: &Plan, bars: Bars) -> anyhow::Result<Report> {
    let (begun, watchers) = (Instant::now(), stage.watch());
    let breaking = tokio::spawn(faults::execute(stage.clone(), plan.clone()));
    traffic::speak(stage, plan).await;
    let spoken = begun.elapsed();
    stage.silent.store(true, Ordering::Relaxed);
    breaking.await.context("the faults stopped")??;
    faults::all_running(stage).await?;
    let drained = stage.drain().await?;
    let worked = begun.elapsed();
    sleep(SETTLED).await;
    stage.absorb();
    drop(watchers);

    let mut samples = stage.samples.lock().await;
    samples.read_logs(&stage.house);
    samples.recovered("all work done after the last fault", drained, DRAIN_SECONDS_MAX);
    let stored = Stored::read(&mut stage.checker().await?).await?;
    let ledger = stage.ledger();
    faults::database_recoveries(&ledger, &mut samples);
    let verdicts = invariants::judge(&ledger, &stored, &samples, bars);
    Ok(Report::new(plan, verdicts, &ledger, &stored, (spoken, worked)))
}

/// Copies the logs to where they survive the house.
fn keep_logs(stage: &Stage) {
    for process in stage.house.processes() {
        let kept = std::env::temp_dir().join(format!("chaos-{}.log", process.name()));
        // Only a help for whoever looks.
        let _ = std::fs::copy(process.log_path(), kept);
    }
}

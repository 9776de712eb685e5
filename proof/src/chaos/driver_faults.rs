//! Breaks what the plan says, notes from when to when, and measures what recovers.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use rustix::process::Resource;
use simulators::FaultRule;
use tokio::{task::JoinSet, time::sleep};
use uuid::Uuid;

use super::{
    Process, Role,
    driver::Stage,
    invariants_samples::Samples,
    ledger::Ledger,
    plan::{Act, Plan, Step},
};

/// A session whose process froze is ended by PostgreSQL after 10 s.
const SESSIONS_RECOVER: Duration = Duration::from_secs(12);
const TAKEOVER_SECONDS_MAX: f64 = 10.0;
const DATABASE_SECONDS_MAX: f64 = 15.0;
const TAKEOVER_LOOK: Duration = Duration::from_millis(100);
const TAKEOVER_WITHIN: Duration = Duration::from_secs(60);
const READY_WITHIN: Duration = Duration::from_secs(90);
const ENDS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// What a process may open when nothing is wrong with it.
const FILES_USUAL: u64 = 65_536;
/// Of the rate before a crash; the rate itself swings.
const FULL_SHARE: f64 = 0.9;

/// Runs the schedule; begins it again while people still speak.
pub async fn execute(stage: Arc<Stage>, plan: Plan) -> anyhow::Result<()> {
    let mut performing = JoinSet::new();
    while !plan.steps.is_empty() && !stage.silent.load(Ordering::Relaxed) {
        let begun = Instant::now();
        for step in &plan.steps {
            sleep(step.at.saturating_sub(begun.elapsed())).await;
            if stage.silent.load(Ordering::Relaxed) {
                break;
            }
            performing.spawn(perform(stage.clone(), step.clone(), plan.seed));
        }
        while let Some(performed) = performing.join_next().await {
            performed.context("a fault stopped")??;
        }
        sleep(LOOK_INTERVAL).await;
    }
    Ok(())
}

async fn perform(stage: Arc<Stage>, step: Step, seed: u64) -> anyhow::Result<()> {
    let from_ms = stage.now_ms();
    if step.act.holds_sessions() {
        let room = u64::try_from((step.lasts + SESSIONS_RECOVER).as_millis()).unwrap_or(u64::MAX);
        stage.sessions_disturbed_until_ms.fetch_max(from_ms + room, Ordering::Relaxed);
    }
    let name = step.act.name();
    act(&stage, &step, seed).await.with_context(|| name.clone())?;
    let to_ms = stage.now_ms();
    stage.ledger().disturb(name, from_ms, to_ms);
    Ok(())
}

async fn act(stage: &Arc<Stage>, step: &Step, seed: u64) -> anyhow::Result<()> {
    let (house, lasts) = (&stage.house, step.lasts);
    match &step.act {
        Act::Kill(role, index) => return kill(stage, house.process(*role, *index), lasts).await,
        Act::Restart(role, index) => {
            let process = house.process(*role, *index);
            process.terminate(ENDS_WITHIN).await?;
            process.start()?;
            ready(process).await?;
        }
        Act::Freeze(role, index) => {
            let process = house.process(*role, *index);
            // It may just have been killed.
            let _ = process.freeze();
            sleep(lasts).await;
            let _ = process.thaw();
        }
        Act::StopPostgres { hard } => {
            if *hard {
                house.postgres.crash().await?;
            } else {
                house.postgres.stop_immediately().await?;
            }
            sleep(lasts).await;
            house.postgres.start().await?;
        }
        Act::EndSessions => {
            house.postgres.terminate_backends().await?;
        }
        Act::KillRedis => {
            house.redis.kill().await?;
            sleep(lasts).await;
            house.redis.start().await?;
        }
        Act::FlushRedis => house.redis.flush().await?,
        Act::FreezeRedis => {
            house.redis.freeze()?;
            sleep(lasts).await;
            house.redis.thaw()?;
        }
        Act::Line(role, service, fault) => {
            let line = house.line(*role, *service);
            line.set(*fault);
            sleep(lasts).await;
            line.heal();
        }
        Act::Door(fault) => {
            house.balancer.set(*fault);
            sleep(lasts).await;
            house.balancer.heal();
        }
        Act::Slack { method, kind, percent } => {
            house.slack.faults().add(FaultRule::always(*method, kind.clone()).chance(*percent, seed));
            sleep(lasts).await;
            house.slack.faults().clear();
        }
        Act::Model { kind, percent } => {
            house.model.faults().add(FaultRule::always("completions", kind.clone()).chance(*percent, seed));
            sleep(lasts).await;
            house.model.faults().clear();
        }
        Act::FewFiles(role, index, files) => {
            let process = house.process(*role, *index);
            let _ = process.limit(Resource::Nofile, *files);
            sleep(lasts).await;
            let _ = process.limit(Resource::Nofile, FILES_USUAL);
        }
    }
    Ok(())
}

async fn kill(stage: &Arc<Stage>, process: &Process, lasts: Duration) -> anyhow::Result<()> {
    let pid = process.pid();
    process.kill().await?;
    if let Some(pid) = pid.filter(|_| process.role == Role::Orchestrator) {
        tokio::spawn(takeover(stage.clone(), pid, Instant::now()));
    }
    sleep(lasts).await;
    process.start()?;
    ready(process).await
}

/// Whoever restarts it after a start that the database refused is the supervisor.
async fn ready(process: &Process) -> anyhow::Result<()> {
    let begun = Instant::now();
    while process.ready().await.is_err() {
        ensure!(begun.elapsed() < READY_WITHIN, "{} does not become ready", process.name());
        sleep(LOOK_INTERVAL).await;
    }
    Ok(())
}

/// Roles that are still down because the database was, when they should have started.
pub async fn all_running(stage: &Stage) -> anyhow::Result<()> {
    stage.house.heal().await?;
    for process in stage.house.processes() {
        if !process.is_running() {
            // The supervisor may be faster.
            let _ = process.start();
        }
        ready(process).await?;
    }
    Ok(())
}

/// How long the conversations of a killed process wait for another owner.
async fn takeover(stage: Arc<Stage>, pid: u32, killed: Instant) {
    let Ok(mut session) = stage.checker().await else { return };
    let orphans: Result<Vec<(Uuid, i64)>, _> = sqlx::query_as(
        "select conversation_id, fence from lanes where ready_at is not null and owner like '%-' || $1 || '-%'",
    )
    .bind(pid.to_string())
    .fetch_all(&mut session)
    .await;
    let mut orphans = orphans.unwrap_or_default();
    while !orphans.is_empty() && killed.elapsed() < TAKEOVER_WITHIN {
        sleep(TAKEOVER_LOOK).await;
        let ids: Vec<Uuid> = orphans.iter().map(|(conversation, _)| *conversation).collect();
        let now: Result<Vec<(Uuid, i64)>, _> =
            sqlx::query_as("select conversation_id, fence from lanes where conversation_id = any ($1)")
                .bind(&ids)
                .fetch_all(&mut session)
                .await;
        // Whatever ended the session would be measured, not the takeover.
        let Ok(now) = now else { return };
        let seconds = killed.elapsed().as_secs_f64();
        let (waiting, taken): (Vec<_>, Vec<_>) = orphans.into_iter().partition(|orphan| now.contains(orphan));
        let mut samples = stage.samples.lock().await;
        for _ in taken {
            samples.recovered("takeover after kill -9", seconds, TAKEOVER_SECONDS_MAX);
        }
        orphans = waiting;
    }
    let mut samples = stage.samples.lock().await;
    for _ in orphans {
        samples.recovered("takeover after kill -9", killed.elapsed().as_secs_f64(), TAKEOVER_SECONDS_MAX);
    }
}

/// From the moment the database answers again to the rate before its crash, of events accepted and answers shown.
pub fn database_recoveries(ledger: &Ledger, samples: &mut Samples) {
    let crashes =
        ledger.disturbances.iter().filter(|one| one.what.contains("PostgreSQL") && !one.what.contains("sessions"));
    let last = ledger.sent_by_second.keys().last().copied().unwrap_or_default();
    for crash in crashes {
        let (down, up) = (crash.from_ms / 1_000, crash.to_ms.div_ceil(1_000));
        // After the last word, no rate can be full.
        if up + 18 > last {
            continue;
        }
        for (what, rates) in [
            ("full rate of accepted events after a PostgreSQL crash", &ledger.accepted_by_second),
            ("full rate of answers after a PostgreSQL crash", &ledger.shown_by_second),
        ] {
            let rate = |from: u64, to: u64| {
                rates.range(from..to).map(|(_, count)| *count).sum::<u64>() as f64 / (to - from) as f64
            };
            let before = rate(down.saturating_sub(10), down);
            let full = (up..last).find(|second| rate(*second, second + 3) >= FULL_SHARE * before);
            let seconds = full.map_or(600.0, |second| second.saturating_sub(up) as f64);
            samples.recovered(what, seconds, DATABASE_SECONDS_MAX);
        }
    }
}

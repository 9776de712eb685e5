//! Background jobs: enqueued in the caller's transaction, run by apalis, bounded by our own row.
//!
//! apalis wakes and hands out; `jobs` is the record. That makes its measured traps harmless: attempts are counted in our
//! row before the work (a re-queue after a crash ignores apalis' limit), back-off is a new push with a later `run_at`
//! (its own has none), one job is fetched at a time (prefetched jobs stop the heartbeat), the worker's name is new at
//! every start (an old name leaves jobs stuck for ever), and a database error restarts the worker under its monitor.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use apalis::prelude::*;
use apalis_postgres::{Config as PostgresConfig, PostgresStorage};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::types::Json;

use crate::{
    crash,
    db::{
        Db, DbError, TenantDb, TenantTx,
        audit::{self, Actor},
        system,
    },
    ids::{JobId, TenantId},
    jobs::Job,
};

pub(crate) const QUEUE: &str = "konstruct";
pub const ATTEMPTS_MAX: i32 = 6;
const BACKOFF_BASE_SECONDS: u64 = 2;
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How long what a suspended tenant would say waits before it is looked at again.
const SUSPENDED_PAUSE: Duration = Duration::from_secs(20);
/// How long jobs that are being run may take to end once the process is asked to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// What a failed job does next.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("{0}")]
    Retry(String),
    /// Trying again can't help.
    #[error("{0}")]
    Fail(String),
}

impl From<DbError> for JobError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Damaged(_) | DbError::Conflict(_) | DbError::Limit(_) => Self::Fail(error.to_string()),
            other => Self::Retry(other.to_string()),
        }
    }
}

/// All that apalis is told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Wake {
    tenant: TenantId,
    job: JobId,
}

/// The job and its wake-up are stored as the caller's transaction ends: all of it is committed, or nothing.
pub async fn enqueue(tx: &mut TenantTx, job: &Job) -> Result<JobId, DbError> {
    enqueue_after(tx, job, Duration::ZERO).await
}

/// As [`enqueue`], for a job that has to wait.
pub async fn enqueue_after(tx: &mut TenantTx, job: &Job, after: Duration) -> Result<JobId, DbError> {
    let (tenant, id) = (tx.tenant(), JobId::new());
    let payload = serde_json::to_value(job).map_err(|error| DbError::Damaged(error.to_string()))?;
    tx.enqueue(id, job.kind(), payload, after.as_secs_f64());
    push(tx, Wake { tenant, job: id }, after)?;
    Ok(id)
}

/// Whether the same job waits already. Two at once may both find that it does not.
pub async fn is_waiting(tx: &mut TenantTx, job: &Job) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let payload = serde_json::to_value(job).map_err(|error| DbError::Damaged(error.to_string()))?;
    if tx.enqueues(job.kind(), &payload) {
        return Ok(true);
    }
    Ok(sqlx::query_scalar(
        "select exists (select from jobs
                         where tenant_id = $1 and state = 'queued' and kind = $2 and payload = $3)",
    )
    .bind(tenant)
    .bind(job.kind())
    .bind(Json(payload))
    .fetch_one(tx.conn())
    .await?)
}

/// Begins a job anew that was given up, with all of its attempts; recorded. `false`: it is not given up.
pub async fn retry(tx: &mut TenantTx, actor: &Actor, id: JobId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let kind: Option<String> = sqlx::query_scalar(
        "update jobs set state = 'queued', attempts = 0, run_after = clock_timestamp(), error = null, finished_at = null
          where tenant_id = $1 and job_id = $2 and state = 'dead' returning kind",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(kind) = kind else { return Ok(false) };
    audit::append(tx, actor, "job.retry", ("job", &id.to_string()), json!({ "kind": kind })).await?;
    push(tx, Wake { tenant, job: id }, Duration::ZERO)?;
    Ok(true)
}

/// Puts a job aside that was given up; recorded. `false`: it is not given up.
pub async fn discard(tx: &mut TenantTx, actor: &Actor, id: JobId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let kind: Option<String> = sqlx::query_scalar(
        "update jobs set state = 'discarded' where tenant_id = $1 and job_id = $2 and state = 'dead' returning kind",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(kind) = kind else { return Ok(false) };
    audit::append(tx, actor, "job.discard", ("job", &id.to_string()), json!({ "kind": kind })).await?;
    Ok(true)
}

fn push(tx: &mut TenantTx, wake: Wake, after: Duration) -> Result<(), DbError> {
    let bytes = serde_json::to_vec(&wake).map_err(|error| DbError::Damaged(error.to_string()))?;
    tx.wake(bytes, after.as_secs_f64());
    Ok(())
}

pub type JobFuture = Pin<Box<dyn Future<Output = Result<(), JobError>> + Send>>;
/// Runs one job of one tenant. May be called twice for the same job.
pub type Handler = Arc<dyn Fn(TenantDb, Job) -> JobFuture + Send + Sync>;

#[derive(Clone)]
struct Runner {
    db: Db,
    handler: Handler,
}

/// Runs jobs until `stop` resolves. `name` must be new at every process start.
pub async fn run(db: &Db, name: &str, handler: Handler, stop: impl Future<Output = ()> + Send + 'static) {
    let runner = Runner { db: db.clone(), handler };
    let (pool, name) = (db.jobs_pool(), name.to_owned());
    let monitor = Monitor::new()
        .register(move |restart| {
            let config =
                PostgresConfig::default().queue(QUEUE).batch_size(1).heartbeat_interval(Duration::from_secs(5));
            let backend = PostgresStorage::<Wake>::new(&pool)
                .with_config(config)
                .with_pubsub()
                .poll_with_interval(POLL_INTERVAL);
            WorkerBuilder::new(format!("{name}-{restart}"))
                .backend(backend)
                .data(runner.clone())
                .catch_panic()
                .build(perform)
        })
        .should_restart(|_, error| {
            tracing::warn!(%error, "The job runner stopped and is started again");
            true
        })
        .shutdown_timeout(SHUTDOWN_TIMEOUT);
    let stop = async {
        stop.await;
        Ok(())
    };
    if let Err(error) = monitor.run_with_signal(stop).await {
        tracing::error!(%error, "The job runner ended");
    }
}

/// apalis is told `Ok` whatever became of the job: our own row holds its state.
async fn perform(wake: Wake, runner: Data<Runner>) -> Result<(), BoxDynError> {
    let db = runner.db.tenant(wake.tenant);
    let Some((job, attempts, silence)) = begin_attempt(&db, wake.job).await? else {
        return Ok(());
    };
    match silence {
        Some(Silence::ForNow) if job.speaks() => return Ok(put_off(&db, wake).await?),
        Some(Silence::Dropped) if job.speaks() => {
            return Ok(end(&db, wake.job, "discarded", Some("it waited while the tenant was suspended")).await?);
        }
        _ => {}
    }
    crash::point(crash::Point::JobBegun);
    let result = (runner.handler)(db.clone(), job.clone()).await;
    let outcome = match &result {
        Ok(()) => "done",
        Err(JobError::Retry(_)) if attempts < ATTEMPTS_MAX => "retry",
        Err(_) => "dead",
    };
    metrics::counter!("konstruct_jobs_total", "kind" => job.kind(), "outcome" => outcome).increment(1);
    match result {
        Ok(()) => end(&db, wake.job, "done", None).await?,
        Err(error) if outcome == "retry" => {
            tracing::warn!(tenant.id = %wake.tenant, job.kind = job.kind(), attempts, %error, "A job will be tried again");
            try_again(&db, wake, attempts, &error.to_string()).await?;
        }
        Err(error) => {
            tracing::error!(tenant.id = %wake.tenant, job.kind = job.kind(), attempts, %error, "A job was given up");
            end(&db, wake.job, "dead", Some(&error.to_string())).await?;
        }
    }
    Ok(())
}

/// Why a job says nothing.
#[derive(Clone, Copy)]
enum Silence {
    /// Its tenant is suspended.
    ForNow,
    /// Its tenant was, and what waited meanwhile is not wanted any more.
    Dropped,
}

/// Counts the attempt before the work. `None`: done already, or given up after too many crashes.
async fn begin_attempt(db: &TenantDb, id: JobId) -> Result<Option<(Job, i32, Option<Silence>)>, DbError> {
    let mut tx = db.begin().await?;
    let begun: Option<(Json<Job>, i32, Option<bool>)> = sqlx::query_as(
        "update jobs
            set attempts = attempts + 1, run_after = clock_timestamp() + interval '60 seconds',
                state = case when attempts >= $3 then 'dead' else state end,
                finished_at = case when attempts >= $3 then clock_timestamp() end
          where tenant_id = $1 and job_id = $2 and state = 'queued'
         returning payload, attempts,
                   (select case when t.suspended_at is not null then true
                                when held_at <= t.dropped_before then false end
                      from tenants t where t.tenant_id = $1)",
    )
    .bind(tx.tenant())
    .bind(id)
    .bind(ATTEMPTS_MAX)
    .fetch_optional(tx.conn())
    .await?;
    tx.commit().await?;
    let silence = |suspended| if suspended { Silence::ForNow } else { Silence::Dropped };
    Ok(begun
        .filter(|(_, attempts, _)| *attempts <= ATTEMPTS_MAX)
        .map(|(Json(job), attempts, suspended)| (job, attempts, suspended.map(silence))))
}

/// Lets a job wait as if it had not been looked at.
async fn put_off(db: &TenantDb, wake: Wake) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "update jobs
            set attempts = attempts - 1, run_after = clock_timestamp() + make_interval(secs => $3),
                held_at = coalesce(held_at, clock_timestamp())
          where tenant_id = $1 and job_id = $2 and state = 'queued'",
    )
    .bind(tx.tenant())
    .bind(wake.job)
    .bind(SUSPENDED_PAUSE.as_secs_f64())
    .execute(tx.conn())
    .await?;
    push(&mut tx, wake, SUSPENDED_PAUSE)?;
    tx.commit().await
}

async fn end(db: &TenantDb, id: JobId, state: &str, error: Option<&str>) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "update jobs set state = $3, error = $4, finished_at = clock_timestamp() where tenant_id = $1 and job_id = $2",
    )
    .bind(tx.tenant())
    .bind(id)
    .bind(state)
    .bind(error)
    .execute(tx.conn())
    .await?;
    tx.commit().await
}

async fn try_again(db: &TenantDb, wake: Wake, attempts: i32, error: &str) -> Result<(), DbError> {
    let pause = Duration::from_secs(BACKOFF_BASE_SECONDS << attempts.clamp(0, 8));
    let mut tx = db.begin().await?;
    sqlx::query(
        "update jobs set error = $3, run_after = clock_timestamp() + make_interval(secs => $4)
          where tenant_id = $1 and job_id = $2",
    )
    .bind(tx.tenant())
    .bind(wake.job)
    .bind(error)
    .bind(pause.as_secs_f64())
    .execute(tx.conn())
    .await?;
    push(&mut tx, wake, pause)?;
    tx.commit().await
}

/// Wakes queued jobs whose wake-up was lost; waking one twice is harmless.
pub async fn sweep(db: &Db) -> Result<usize, DbError> {
    let overdue = system::overdue_jobs(&db.system()).await?;
    for (tenant, job) in &overdue {
        let mut tx = db.tenant(*tenant).begin().await?;
        sqlx::query(
            "update jobs set run_after = clock_timestamp() where tenant_id = $1 and job_id = $2 and state = 'queued'",
        )
        .bind(*tenant)
        .bind(*job)
        .execute(tx.conn())
        .await?;
        push(&mut tx, Wake { tenant: *tenant, job: *job }, Duration::ZERO)?;
        tx.commit().await?;
    }
    Ok(overdue.len())
}

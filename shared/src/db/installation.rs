//! What the whole installation is like: which processes are alive, what waits and for how long, now and minute by minute. Numbers
//! and times only, nothing of a tenant's.

use sqlx::{FromRow, Row};
use time::OffsetDateTime;

use super::{DbError, SystemDb};
use crate::providers::{Provider, Tally};

#[derive(Clone, Debug, FromRow)]
pub struct Process {
    pub name: String,
    /// `gateway`, `orchestrator` or `worker`.
    pub role: String,
    pub version: String,
    pub started_at: OffsetDateTime,
    pub beat_at: OffsetDateTime,
    /// It beat within the last minute.
    pub alive: bool,
}

/// What waits. Seconds are zero where nothing does.
#[derive(Clone, Debug, FromRow)]
pub struct Load {
    /// Conversations whose turn nobody has begun.
    pub lanes_waiting: i64,
    pub oldest_lane_seconds: f64,
    pub jobs_waiting: i64,
    pub oldest_job_seconds: f64,
    /// Given up, and not put aside.
    pub jobs_dead: i64,
}

/// A stretch of minutes: the fewest processes that were alive in it, and the most that waited.
#[derive(Clone, Debug)]
pub struct Sample {
    pub at: OffsetDateTime,
    pub gateways: i32,
    pub orchestrators: i32,
    pub workers: i32,
    pub load: Load,
}

/// How a provider answered in the last hour, and when it last did within thirty days.
#[derive(Clone, Debug)]
pub struct ProviderHealth {
    pub provider: Provider,
    pub answered: i64,
    pub failed: i64,
    /// As a process told within twenty seconds of it; `None`: not for thirty days.
    pub last_answered_at: Option<OffsetDateTime>,
    pub last_failed_at: Option<OffsetDateTime>,
}

/// How one answered in a stretch of minutes.
#[derive(Clone, Debug)]
pub struct ProviderSample {
    pub at: OffsetDateTime,
    pub provider: String,
    pub answered: i64,
    pub failed: i64,
}

macro_rules! load {
    () => {
        "select *
           from (select count(*) as lanes_waiting,
                        coalesce(extract(epoch from now() - min(ready_at)), 0)::float8 as oldest_lane_seconds
                   from lanes where ready_at <= now() and owner is null) as ready
          cross join (select count(*) as jobs_waiting,
                             coalesce(extract(epoch from now() - min(run_after)), 0)::float8 as oldest_job_seconds
                        from jobs where state = 'queued' and run_after <= now()) as queued
          cross join (select count(*) as jobs_dead from jobs where state = 'dead') as dead"
    };
}

/// When a gateway was last known to be alive; `None`: never.
///
/// Reason: it belongs to no tenant.
pub async fn last_heartbeat(db: &SystemDb) -> Result<Option<OffsetDateTime>, DbError> {
    Ok(sqlx::query_scalar("select at from heartbeats where role = 'gateway'").fetch_optional(db.read()).await?)
}

/// Notes that some gateway is alive: while none is, nobody hears what providers send.
///
/// Reason: it belongs to no tenant.
pub async fn heartbeat(db: &SystemDb) -> Result<(), DbError> {
    sqlx::query(
        "insert into heartbeats as h (role, at) values ('gateway', clock_timestamp())
         on conflict (role) do update set at = greatest(h.at, excluded.at)",
    )
    .execute(db.write())
    .await?;
    Ok(())
}

/// Notes that a process is alive.
///
/// Reason: it belongs to no tenant.
pub async fn beat(db: &SystemDb, name: &str, role: &str) -> Result<(), DbError> {
    sqlx::query(
        "insert into processes (name, role, version) values ($1, $2, $3)
         on conflict (name) do update set beat_at = clock_timestamp()",
    )
    .bind(name)
    .bind(role)
    .bind(env!("CARGO_PKG_VERSION"))
    .execute(db.write())
    .await?;
    Ok(())
}

/// Notes that a process ends in order.
///
/// Reason: it belongs to no tenant.
pub async fn ends(db: &SystemDb, name: &str) -> Result<(), DbError> {
    sqlx::query("delete from processes where name = $1").bind(name).execute(db.write()).await?;
    Ok(())
}

/// Those that were alive within a day, the newest first, 500 at most.
///
/// Reason: who looks after the platform asks; it shows nothing of a tenant's.
pub async fn processes(db: &SystemDb) -> Result<Vec<Process>, DbError> {
    Ok(sqlx::query_as(
        "select name, role, version, started_at, beat_at, beat_at > now() - interval '1 minute' as alive
           from processes where beat_at > now() - interval '1 day' order by started_at desc, name limit 500",
    )
    .fetch_all(db.read())
    .await?)
}

/// What waits at this moment.
///
/// Reason: who looks after the platform asks; it shows nothing of a tenant's.
pub async fn load(db: &SystemDb) -> Result<Load, DbError> {
    Ok(sqlx::query_as(load!()).fetch_one(db.read()).await?)
}

/// Keeps a sample of this minute, unless somebody has; forgets what is older than thirty days, and processes that have been
/// silent for a day.
///
/// Reason: it belongs to no tenant.
pub async fn sample(db: &SystemDb) -> Result<bool, DbError> {
    let kept = sqlx::query(concat!(
        "insert into load_samples (at, gateways, orchestrators, workers, lanes_waiting, oldest_lane_seconds, jobs_waiting,
                                   oldest_job_seconds, jobs_dead)
         select date_trunc('minute', now()), p.gateways, p.orchestrators, p.workers, l.*
           from (select count(*) filter (where role = 'gateway') as gateways,
                        count(*) filter (where role = 'orchestrator') as orchestrators,
                        count(*) filter (where role = 'worker') as workers
                   from processes where beat_at > now() - interval '1 minute') p
          cross join (",
        load!(),
        ") l
         where not exists (select from load_samples where at = date_trunc('minute', now()))
         on conflict (at) do nothing"
    ))
    .execute(db.write())
    .await?;
    if kept.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("delete from load_samples where at < now() - interval '30 days'").execute(db.write()).await?;
    sqlx::query("delete from provider_samples where at < now() - interval '30 days'").execute(db.write()).await?;
    sqlx::query("delete from processes where beat_at < now() - interval '1 day'").execute(db.write()).await?;
    Ok(true)
}

/// The last hours, oldest first, in stretches of so many minutes. A stretch without a sample is not there: no worker was alive.
///
/// Reason: who looks after the platform asks; it shows nothing of a tenant's.
pub async fn history(db: &SystemDb, hours: i32, minutes: i32) -> Result<Vec<Sample>, DbError> {
    let rows = sqlx::query(
        "select date_bin(make_interval(mins => $2), at, timestamptz '2000-01-01 00:00Z') as since,
                min(gateways) as gateways, min(orchestrators) as orchestrators, min(workers) as workers,
                max(lanes_waiting) as lanes_waiting, max(oldest_lane_seconds) as oldest_lane_seconds,
                max(jobs_waiting) as jobs_waiting, max(oldest_job_seconds) as oldest_job_seconds,
                max(jobs_dead) as jobs_dead
           from load_samples where at > now() - make_interval(hours => $1)
          group by since order by since",
    )
    .bind(hours)
    .bind(minutes)
    .fetch_all(db.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Sample {
                at: row.try_get("since")?,
                gateways: row.try_get("gateways")?,
                orchestrators: row.try_get("orchestrators")?,
                workers: row.try_get("workers")?,
                load: Load::from_row(row)?,
            })
        })
        .collect()
}

/// Adds how providers answered a process to this minute.
///
/// Reason: it belongs to no tenant.
pub async fn note_providers(db: &SystemDb, tallies: &[Tally]) -> Result<(), DbError> {
    sqlx::query(
        "insert into provider_samples as s (provider, at, answered, failed, last_answered_at, last_failed_at)
         select t.provider, date_trunc('minute', now()), t.answered, t.failed, case when t.answered > 0 then now() end,
                case when t.failed > 0 then now() end
           from unnest($1::text[], $2::bigint[], $3::bigint[]) t (provider, answered, failed)
         on conflict (provider, at) do update
            set answered = s.answered + excluded.answered, failed = s.failed + excluded.failed,
                last_answered_at = greatest(s.last_answered_at, excluded.last_answered_at),
                last_failed_at = greatest(s.last_failed_at, excluded.last_failed_at)",
    )
    .bind(tallies.iter().map(|tally| tally.provider.as_str()).collect::<Vec<_>>())
    .bind(tallies.iter().map(|tally| tally.answered).collect::<Vec<_>>())
    .bind(tallies.iter().map(|tally| tally.failed).collect::<Vec<_>>())
    .execute(db.write())
    .await?;
    Ok(())
}

/// Every provider that was called within thirty days.
///
/// Reason: who looks after the platform asks; it shows nothing of a tenant's.
pub async fn providers(db: &SystemDb) -> Result<Vec<ProviderHealth>, DbError> {
    let rows = sqlx::query(
        "select provider, coalesce(sum(answered) filter (where at > now() - interval '1 hour'), 0)::bigint as answered,
                coalesce(sum(failed) filter (where at > now() - interval '1 hour'), 0)::bigint as failed,
                max(last_answered_at) as last_answered_at, max(last_failed_at) as last_failed_at
           from provider_samples group by provider",
    )
    .fetch_all(db.read())
    .await?;
    let mut providers = Vec::new();
    for row in &rows {
        // A newer version may know more of them.
        let Some(provider) = Provider::parse(row.try_get("provider")?) else { continue };
        providers.push(ProviderHealth {
            provider,
            answered: row.try_get("answered")?,
            failed: row.try_get("failed")?,
            last_answered_at: row.try_get("last_answered_at")?,
            last_failed_at: row.try_get("last_failed_at")?,
        });
    }
    Ok(providers)
}

/// The last hours of them, oldest first, in the stretches of [`history`]; what was not called in one is not there.
///
/// Reason: who looks after the platform asks; it shows nothing of a tenant's.
pub async fn provider_history(db: &SystemDb, hours: i32, minutes: i32) -> Result<Vec<ProviderSample>, DbError> {
    let rows = sqlx::query(
        "select date_bin(make_interval(mins => $2), at, timestamptz '2000-01-01 00:00Z') as since, provider,
                sum(answered)::bigint as answered, sum(failed)::bigint as failed
           from provider_samples where at > now() - make_interval(hours => $1)
          group by since, provider order by since, provider",
    )
    .bind(hours)
    .bind(minutes)
    .fetch_all(db.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ProviderSample {
                at: row.try_get("since")?,
                provider: row.try_get("provider")?,
                answered: row.try_get("answered")?,
                failed: row.try_get("failed")?,
            })
        })
        .collect()
}

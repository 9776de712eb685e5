//! Jobs that were given up: what they were and why, for who looks after the platform. Never what they are about.
//!
//! Beginning one anew and putting one aside are the tenant's rows, and stand in `queue`.

use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{DbError, SystemDb};
use crate::ids::{JobId, TenantId};

#[derive(Clone, Debug)]
pub struct DeadJob {
    pub id: JobId,
    pub tenant: TenantId,
    pub tenant_name: String,
    pub kind: String,
    pub attempts: i32,
    /// The error of the last attempt; `None`: the process died in it.
    pub error: Option<String>,
    pub created_at: OffsetDateTime,
    pub finished_at: Option<OffsetDateTime>,
}

/// Before this one, the newest first.
///
/// Reason: who looks after the platform asks for what nobody else will look at; it shows no content of a tenant's.
pub async fn list(db: &SystemDb, before: Option<JobId>, limit: i64) -> Result<Vec<DeadJob>, DbError> {
    let rows = sqlx::query(
        "select j.job_id, j.tenant_id, t.name, j.kind, j.attempts, j.error, j.created_at, j.finished_at
           from jobs j join tenants t on t.tenant_id = j.tenant_id
          where j.state = 'dead' and ($1::uuid is null or j.job_id < $1)
          order by j.job_id desc
          limit $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(dead_job).collect()
}

/// Whose it is.
///
/// Reason: who looks after the platform names the job; what is done with it is done under its tenant.
pub async fn tenant_of(db: &SystemDb, job: JobId) -> Result<Option<TenantId>, DbError> {
    Ok(sqlx::query_scalar("select tenant_id from jobs where state = 'dead' and job_id = $1")
        .bind(job)
        .fetch_optional(db.read())
        .await?)
}

fn dead_job(row: &PgRow) -> Result<DeadJob, DbError> {
    Ok(DeadJob {
        id: row.try_get("job_id")?,
        tenant: row.try_get("tenant_id")?,
        tenant_name: row.try_get("name")?,
        kind: row.try_get("kind")?,
        attempts: row.try_get("attempts")?,
        error: row.try_get("error")?,
        created_at: row.try_get("created_at")?,
        finished_at: row.try_get("finished_at")?,
    })
}

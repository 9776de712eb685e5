//! Which tenants have work for the loops of the orchestrator and the schedule: ids only, at most 100 at a time.

use super::{DbError, SystemDb};
use crate::ids::TenantId;

/// Tenants with conversations that facts are to be drawn from, where nobody wrote for `quiet` seconds; at most 100.
///
/// Reason: the loop asks who has work; what was said is read under each tenant.
pub async fn tenants_to_learn(db: &SystemDb, quiet: f64) -> Result<Vec<TenantId>, DbError> {
    Ok(sqlx::query_scalar(
        "select distinct tenant_id from learnings
          where leased_until <= now()
            and (changed_at <= now() - make_interval(secs => $1) or since <= now() - make_interval(secs => 10 * $1))
          limit 100",
    )
    .bind(quiet)
    .fetch_all(db.read())
    .await?)
}

/// Tenants with conversations to sum up, at most 100.
///
/// Reason: the loop asks who has work; what was said is read under each tenant.
pub async fn tenants_to_sum_up(db: &SystemDb) -> Result<Vec<TenantId>, DbError> {
    Ok(sqlx::query_scalar("select distinct tenant_id from summary_requests where leased_until <= now() limit 100")
        .fetch_all(db.read())
        .await?)
}

/// Tenants with answers to rehearse, at most 100.
///
/// Reason: the loop asks who has work; what is asked is read under each tenant.
pub async fn tenants_to_rehearse(db: &SystemDb) -> Result<Vec<TenantId>, DbError> {
    Ok(sqlx::query_scalar(
        "select distinct tenant_id from rehearsals where state = 'waiting' and leased_until <= now() limit 100",
    )
    .fetch_all(db.read())
    .await?)
}

//! Tenants that the platform has stopped: what comes in is kept, and nothing goes out.
//!
//! Their lanes are put aside: `ready_at` is infinity, so that the claim passes them by and no list has to be kept. A message
//! that arrives makes its lane ready once more; whoever claims it looks at the tenant and puts it aside again. The tenant's
//! row is locked by both sides, so that a lane is never put aside after the suspension was lifted.

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    DbError, SystemDb, TenantTx,
    audit::{Actor, append_to},
    count_commit,
    lanes::Lease,
    system::{TenantLine, tenant_line},
};
use crate::ids::TenantId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    pub since: OffsetDateTime,
    /// As the tenant's people are told.
    pub why: String,
}

impl Suspension {
    pub(super) fn read(row: &PgRow) -> Result<Option<Self>, DbError> {
        let since: Option<OffsetDateTime> = row.try_get("suspended_at")?;
        let why: Option<String> = row.try_get("suspended_why")?;
        Ok(since.zip(why).map(|(since, why)| Self { since, why }))
    }
}

/// What becomes of what came in meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// As after an outage: what is too old is asked about.
    Answer,
    /// Nobody is answered.
    Drop,
}

/// Stops a tenant, audited in its own log. Turns that are under way lose their conversation within a second; what they have
/// sent stays. A tenant that is stopped gets the new reason.
///
/// Reason: a tenant does not stop itself, and who looks after the platform is no member of it.
pub async fn suspend(db: &SystemDb, actor: &Actor, tenant: TenantId, why: &str) -> Result<TenantLine, DbError> {
    let mut tx = db.begin(tenant).await?;
    let row = sqlx::query(
        "update tenants set suspended_at = coalesce(suspended_at, clock_timestamp()), suspended_why = $2
          where tenant_id = $1
         returning tenant_id, name, plan, created_at, suspended_at, suspended_why, support_access",
    )
    .bind(tenant)
    .bind(why)
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(DbError::NotFound)?;
    sqlx::query(
        "update lanes
            set fence = fence + case when owner is null then 0 else 1 end, owner = null, claims = 0,
                ready_at = 'infinity'
          where tenant_id = $1 and ready_at is not null",
    )
    .bind(tenant)
    .execute(&mut *tx)
    .await?;
    let target = tenant.to_string();
    append_to(&mut *tx, actor, "tenant.suspend", ("tenant", &target), json!({ "why": why })).await?;
    count_commit();
    tx.commit().await?;
    tenant_line(&row)
}

/// Lets a tenant go on, audited in its own log. One that is not stopped stays as it is; one that ends is not found.
///
/// Reason: see [`suspend`].
pub async fn lift(
    db: &SystemDb,
    actor: &Actor,
    tenant: TenantId,
    waiting: Waiting,
) -> Result<TenantLine, DbError> {
    let mut tx = db.begin(tenant).await?;
    let was: Option<bool> = sqlx::query_scalar(
        "select suspended_at is not null from tenants where tenant_id = $1 and ending_at is null for update",
    )
    .bind(tenant)
    .fetch_optional(&mut *tx)
    .await?;
    let was_suspended = was.ok_or(DbError::NotFound)?;
    let row = sqlx::query(
        "update tenants
            set suspended_at = null, suspended_why = null,
                dropped_before = case when suspended_at is not null and $2 then clock_timestamp() else dropped_before end
          where tenant_id = $1
         returning tenant_id, name, plan, created_at, suspended_at, suspended_why, support_access",
    )
    .bind(tenant)
    .bind(waiting == Waiting::Drop)
    .fetch_one(&mut *tx)
    .await?;
    if was_suspended {
        sqlx::query(
            "update lanes set ready_at = clock_timestamp(), claims = 0
              where tenant_id = $1 and ready_at = 'infinity'",
        )
        .bind(tenant)
        .execute(&mut *tx)
        .await?;
        let detail = json!({ "waiting": if waiting == Waiting::Drop { "drop" } else { "answer" } });
        append_to(&mut *tx, actor, "tenant.lift", ("tenant", &tenant.to_string()), detail).await?;
        count_commit();
        tx.commit().await?;
    }
    tenant_line(&row)
}

/// Puts a conversation of a stopped tenant aside, and forgets the claim. `false`: it was let go on meanwhile, or the lease is
/// lost. Waits for who is just lifting it, and makes them wait.
pub async fn put_aside(tx: &mut TenantTx, lease: &Lease) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let put = sqlx::query(
        "with stopped as (
             select tenant_id from tenants where tenant_id = $1 and suspended_at is not null for share
         )
         update lanes set owner = null, claims = greatest(claims - 1, 0), ready_at = 'infinity'
          where tenant_id = $1 and conversation_id = $2 and fence = $3 and owner is not null
            and exists (select from stopped)",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .execute(tx.conn())
    .await?;
    Ok(put.rows_affected() > 0)
}

/// Whether the tenant is stopped.
pub async fn is_suspended(tx: &mut TenantTx) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar("select exists (select from tenants where tenant_id = $1 and suspended_at is not null)")
        .bind(tenant)
        .fetch_one(tx.conn())
        .await?)
}

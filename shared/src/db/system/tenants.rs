//! Tenants as the platform sees them: made, listed, given a plan.

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use crate::{
    db::{
        DbError, SystemDb,
        audit::{Actor, append_to},
        count_commit, count_round_trip,
        plans::Plan,
        suspensions::Suspension,
    },
    ids::{ApiKeyId, TenantId},
};

/// A new tenant with its first API key, audited, in one transaction.
///
/// Reason: a tenant can't create itself before it exists.
pub async fn create_tenant(
    db: &SystemDb,
    tenant: TenantId,
    name: &str,
    plan: &str,
    key: ApiKeyId,
    key_hash: &[u8; 32],
) -> Result<(), DbError> {
    let mut tx = db.begin(tenant).await?;
    for _ in 0..3 {
        count_round_trip();
    }
    sqlx::query("insert into tenants (tenant_id, name, plan) values ($1, $2, $3)")
        .bind(tenant)
        .bind(name)
        .bind(plan)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "insert into api_keys (api_key_id, tenant_id, key_hash, name, role)
         values ($1, $2, $3, 'first key', 'customer_admin')",
    )
    .bind(key)
    .bind(tenant)
    .bind(key_hash.as_slice())
    .execute(&mut *tx)
    .await?;
    sqlx::query("select audit_append('command_line', 'konstruct', 'tenant.create', 'tenant', $1, '{}')")
        .bind(tenant.to_string())
        .execute(&mut *tx)
        .await?;
    count_commit();
    tx.commit().await?;
    Ok(())
}

/// Tenants of one page.
pub const TENANTS_PAGE: usize = 100;

/// A tenant as the platform sees it.
#[derive(Clone, Debug)]
pub struct TenantLine {
    pub tenant: TenantId,
    pub name: String,
    pub plan: String,
    pub created_at: OffsetDateTime,
    pub suspended: Option<Suspension>,
    /// What the tenant lets platform admins do: `none`, `read` or `write`.
    pub support_access: String,
}

/// One page of all tenants, oldest first.
///
/// Reason: who looks after the platform asks for the tenants; it shows no content of theirs.
pub async fn list_tenants(db: &SystemDb, after: Option<TenantId>) -> Result<Vec<TenantLine>, DbError> {
    let rows = sqlx::query(
        "select tenant_id, name, plan, created_at, suspended_at, suspended_why, support_access from tenants
          where tenant_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid)
          order by tenant_id limit 100",
    )
    .bind(after)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(tenant_line).collect()
}

pub(in crate::db) fn tenant_line(row: &PgRow) -> Result<TenantLine, DbError> {
    Ok(TenantLine {
        tenant: row.try_get("tenant_id")?,
        name: row.try_get("name")?,
        plan: row.try_get("plan")?,
        created_at: row.try_get("created_at")?,
        suspended: Suspension::read(row)?,
        support_access: row.try_get("support_access")?,
    })
}

/// Gives a tenant another plan, audited in its own log.
///
/// Reason: a tenant does not choose its own limits, and who looks after the platform is no member of it.
pub async fn change_plan(
    db: &SystemDb,
    actor: &Actor,
    tenant: TenantId,
    plan: &Plan,
) -> Result<TenantLine, DbError> {
    let mut tx = db.begin(tenant).await?;
    let row = sqlx::query(
        "update tenants set plan = $2 where tenant_id = $1
         returning tenant_id, name, plan, created_at, suspended_at, suspended_why, support_access",
    )
    .bind(tenant)
    .bind(plan.name)
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(DbError::NotFound)?;
    let target = tenant.to_string();
    append_to(&mut *tx, actor, "tenant.plan", ("tenant", &target), json!({ "plan": plan.name })).await?;
    count_commit();
    tx.commit().await?;
    tenant_line(&row)
}

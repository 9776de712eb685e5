//! What a tenant lets platform admins do for it.

use serde_json::json;
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
};

/// `none`: nobody of the platform sees any content. `read`: they may look, as a member. `write`: and change what is set up.
pub const LEVELS: [&str; 3] = ["none", "read", "write"];

/// The level, and since when it is that.
pub async fn show(tx: &mut TenantTx) -> Result<(String, OffsetDateTime), DbError> {
    let tenant = tx.tenant();
    sqlx::query_as("select support_access, support_changed_at from tenants where tenant_id = $1")
        .bind(tenant)
        .fetch_optional(tx.conn())
        .await?
        .ok_or(DbError::NotFound)
}

/// Sets the level, audited. Whoever is inside is out with their next request, also where the new level allows more.
pub async fn set(tx: &mut TenantTx, actor: &Actor, level: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let changed = sqlx::query(
        "update tenants set support_access = $2, support_changed_at = clock_timestamp()
          where tenant_id = $1 and support_access <> $2",
    )
    .bind(tenant)
    .bind(level)
    .execute(tx.conn())
    .await?;
    if changed.rows_affected() == 1 {
        let target = tenant.to_string();
        audit::append(tx, actor, "support.access", ("tenant", &target), json!({ "access": level })).await?;
    }
    Ok(())
}

//! The tenant's own row.

use super::{DbError, TenantTx};

pub async fn name(tx: &mut TenantTx) -> Result<String, DbError> {
    let tenant = tx.tenant();
    sqlx::query_scalar("select name from tenants where tenant_id = $1")
        .bind(tenant)
        .fetch_optional(tx.conn())
        .await?
        .ok_or(DbError::NotFound)
}

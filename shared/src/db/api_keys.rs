//! A tenant's API keys. The look-up by hash, which finds the tenant, stands in `system`.

use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::ids::ApiKeyId;

/// Living ones of a tenant.
const KEYS_MAX: i64 = 200;

/// A key, without what it is known by.
#[derive(Clone, Debug)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    pub role: String,
    pub created_at: OffsetDateTime,
    pub expires_at: Option<OffsetDateTime>,
    /// To the minute.
    pub last_used_at: Option<OffsetDateTime>,
}

/// The keys that were not revoked, oldest first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<ApiKey>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select api_key_id, name, role, created_at, expires_at, last_used_at from api_keys
          where tenant_id = $1 and revoked_at is null order by created_at, api_key_id limit 1000",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(api_key).collect()
}

fn api_key(row: &PgRow) -> Result<ApiKey, DbError> {
    Ok(ApiKey {
        id: row.try_get("api_key_id")?,
        name: row.try_get("name")?,
        role: row.try_get("role")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: row.try_get("last_used_at")?,
    })
}

/// Stores a key by its hash. `days`: how long it works; `None` is for ever.
pub async fn create(
    tx: &mut TenantTx,
    hash: &[u8; 32],
    name: &str,
    role: &str,
    days: Option<i32>,
) -> Result<ApiKey, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "insert into api_keys (tenant_id, api_key_id, key_hash, name, role, expires_at)
         select $1, $2, $3, $4, $5, clock_timestamp() + make_interval(days => $6)
          where (select count(*) from api_keys where tenant_id = $1 and revoked_at is null) < $7
         returning api_key_id, name, role, created_at, expires_at, last_used_at",
    )
    .bind(tenant)
    .bind(ApiKeyId::new())
    .bind(hash.as_slice())
    .bind(name)
    .bind(role)
    .bind(days)
    .bind(KEYS_MAX)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::Conflict("There are 200 keys: revoke those that are no longer used first."))?;
    api_key(&row)
}

pub async fn revoke(tx: &mut TenantTx, id: ApiKeyId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let revoked = sqlx::query(
        "update api_keys set revoked_at = clock_timestamp()
          where tenant_id = $1 and api_key_id = $2 and revoked_at is null",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    if revoked.rows_affected() == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

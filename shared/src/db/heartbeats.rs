//! When the gateways were last alive. A file of the system role: an installation's life belongs to no tenant.

use time::OffsetDateTime;

use super::{DbError, SystemDb};

/// When a gateway was last known to be alive; `None`: never.
///
/// Reason: it belongs to no tenant.
pub async fn last(db: &SystemDb) -> Result<Option<OffsetDateTime>, DbError> {
    Ok(sqlx::query_scalar("select at from heartbeats where role = 'gateway'").fetch_optional(db.read()).await?)
}

/// Notes that a gateway is alive.
///
/// Reason: it belongs to no tenant.
pub async fn beat(db: &SystemDb) -> Result<(), DbError> {
    sqlx::query(
        "insert into heartbeats as h (role, at) values ('gateway', clock_timestamp())
         on conflict (role) do update set at = greatest(h.at, excluded.at)",
    )
    .execute(db.write())
    .await?;
    Ok(())
}

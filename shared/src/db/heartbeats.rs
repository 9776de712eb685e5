//! When the gateways were last alive. A file of the system role: an installation's life belongs to no tenant.

use sqlx::Row;
use time::OffsetDateTime;

use super::{DbError, SystemDb};

/// A time in which no gateway was alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    pub from: OffsetDateTime,
    pub to: OffsetDateTime,
}

/// Notes that a gateway is alive. Of several that begin after a silence, one is told of it; nobody before the first beat.
///
/// Reason: it belongs to no tenant.
pub async fn beat(db: &SystemDb) -> Result<Silence, DbError> {
    let row = sqlx::query(
        "with before as (select at from heartbeats where role = 'gateway' for update)
         -- Counting reads the row before it is changed: a row that its own statement has changed can't be locked any more.
         insert into heartbeats as h (role, at) select 'gateway', clock_timestamp() from (select count(*) from before) b
         on conflict (role) do update set at = greatest(h.at, excluded.at)
         returning at, coalesce((select at from before), at) as before",
    )
    .fetch_one(db.write())
    .await?;
    Ok(Silence { from: row.try_get("before")?, to: row.try_get("at")? })
}

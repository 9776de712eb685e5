//! When somebody of the tenant is there, and by which clock.

use serde_json::Value;
use sqlx::types::Json;

use super::{DbError, TenantTx};
use crate::hours::Hours;

/// What the tenant said; [`Hours::unknown`] if nothing.
pub async fn get(tx: &mut TenantTx) -> Result<Hours, DbError> {
    let tenant = tx.tenant();
    let row: Option<(String, Json<Value>, Vec<String>)> =
        sqlx::query_as("select time_zone, week, closed_days from office_hours where tenant_id = $1")
            .bind(tenant)
            .fetch_optional(tx.conn())
            .await?;
    let Some((zone, Json(week), closed)) = row else { return Ok(Hours::unknown()) };
    Hours::parse(&zone, &week, &closed).map_err(|error| DbError::Damaged(format!("office hours: {error}")))
}

pub async fn set(tx: &mut TenantTx, hours: &Hours) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into office_hours (tenant_id, time_zone, week, closed_days) values ($1, $2, $3, $4)
         on conflict (tenant_id) do update
            set time_zone = excluded.time_zone, week = excluded.week, closed_days = excluded.closed_days,
                changed_at = clock_timestamp()",
    )
    .bind(tenant)
    .bind(hours.zone.name())
    .bind(Json(hours.week()))
    .bind(hours.closed_days())
    .execute(tx.conn())
    .await?;
    Ok(())
}

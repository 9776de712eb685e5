//! When somebody of the tenant is there, and by which clock: follow-ups, routines and the rule `hours` go by it.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    db::{audit, office_hours, routines},
    hours::Hours,
};
use utoipa::ToSchema;

use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
};

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfficeHours {
    /// A name of the tz database.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// Stretches of each day; without any, nothing is said about when somebody is there.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({ "monday": ["09:00-12:00", "13:00-17:00"] }))]
    week: Value,
    /// Days on which nobody is there.
    #[serde(default)]
    #[schema(example = json!(["2026-12-25"]))]
    closed_days: Vec<String>,
}

/// The tenant's clock and business hours; UTC and no hours until somebody says otherwise.
#[utoipa::path(get, path = "/api/v1/office-hours",
    responses((status = 200, body = OfficeHours), (status = 401, body = Problem)))]
pub async fn show(operator: Operator) -> Result<Json<OfficeHours>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let hours = office_hours::get(&mut tx).await?;
    tx.close().await?;
    Ok(Json(hours.into()))
}

/// Replaces them. Routines are planned anew.
#[utoipa::path(put, path = "/api/v1/office-hours", request_body = OfficeHours,
    responses((status = 200, body = OfficeHours), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn set(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    body: Result<Json<OfficeHours>, JsonRejection>,
) -> Result<Json<OfficeHours>, ApiError> {
    let Json(body) = body?;
    let hours = Hours::parse(&body.time_zone, &body.week, &body.closed_days).map_err(ApiError::invalid)?;
    let mut tx = admin.db.begin().await?;
    office_hours::set(&mut tx, &hours).await?;
    routines::plan_again(&mut tx, gateway.clock.now()).await?;
    let detail =
        json!({ "time_zone": hours.zone.name(), "week": hours.week(), "closed_days": hours.closed_days() });
    let target = admin.tenant.to_string();
    audit::append(&mut tx, &admin.actor, "office_hours.set", ("tenant", &target), detail).await?;
    tx.commit().await?;
    Ok(Json(hours.into()))
}

impl From<Hours> for OfficeHours {
    fn from(hours: Hours) -> Self {
        Self { time_zone: hours.zone.name().to_owned(), week: hours.week(), closed_days: hours.closed_days() }
    }
}

//! Where the tenant's people see to escalations in Slack: a channel. What they write in the thread of one goes to the customer.

use axum::{Json, extract::rejection::JsonRejection, http::StatusCode};
use serde::{Deserialize, Serialize};
use shared::db::desks::{self, Desk};
use utoipa::ToSchema;

use super::bindings;
use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
};

#[derive(Serialize, ToSchema)]
pub struct EscalationDesk {
    /// `null`: nothing is shown in Slack.
    desk: Option<DeskBody>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeskBody {
    /// A connection with Slack.
    #[schema(example = "con_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    connection: String,
    /// Slack's id of a channel that the agent is in. Whoever can read there reads what customers wrote.
    #[schema(example = "C024BE91L")]
    channel: String,
}

/// Where escalations are shown.
#[utoipa::path(get, path = "/api/v1/escalation-desk",
    responses((status = 200, body = EscalationDesk), (status = 401, body = Problem)))]
pub async fn show(operator: Operator) -> Result<Json<EscalationDesk>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let desk = desks::get(&mut tx).await?;
    tx.close().await?;
    Ok(Json(EscalationDesk { desk: desk.map(DeskBody::from) }))
}

/// Has escalations shown there from now on. Only full members of the workspace can answer.
#[utoipa::path(put, path = "/api/v1/escalation-desk", request_body = DeskBody,
    responses((status = 200, body = EscalationDesk), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn set(
    Admin(admin): Admin,
    body: Result<Json<DeskBody>, JsonRejection>,
) -> Result<Json<EscalationDesk>, ApiError> {
    let Json(body) = body?;
    let connection = bindings::connection(&body.connection)?;
    let desk = Desk { connection, channel: bindings::channel(&body.channel)?.to_owned() };
    let mut tx = admin.db.begin().await?;
    desks::set(&mut tx, &admin.actor, &desk).await?;
    tx.commit().await?;
    Ok(Json(EscalationDesk { desk: Some(desk.into()) }))
}

/// Has nothing shown in Slack from now on.
#[utoipa::path(delete, path = "/api/v1/escalation-desk",
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn remove(Admin(admin): Admin) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    desks::remove(&mut tx, &admin.actor).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Desk> for DeskBody {
    fn from(desk: Desk) -> Self {
        Self { connection: desk.connection.to_string(), channel: desk.channel }
    }
}

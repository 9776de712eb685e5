//! Where somebody is signed in, and which of their tenants this browser speaks for.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use shared::{
    db::devices,
    ids::{SessionId, TenantId},
};
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::{Session, accounts_of, described_anew, identities::ProveOwner};
use crate::{
    Gateway,
    auth::Person,
    client::Client,
    cookies,
    error::{ApiError, Problem},
    path_id::PathId,
};

#[derive(Serialize, ToSchema)]
pub struct DeviceBody {
    #[schema(example = "ses_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// The address it signed in from.
    address: String,
    /// What the browser called itself.
    agent: String,
    created_at: String,
    /// To the minute.
    last_seen_at: String,
    /// The one that asks.
    is_current: bool,
}

#[derive(Serialize, ToSchema)]
pub struct DeviceList {
    items: Vec<DeviceBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchTenant {
    #[schema(example = "ten_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    tenant_id: String,
}

/// The devices one is signed in on, the last used first.
#[utoipa::path(get, path = "/api/v1/auth/sessions", security(("session" = [])),
    responses((status = 200, body = DeviceList), (status = 401, body = Problem)))]
pub async fn list(Person(person): Person, State(gateway): State<Gateway>) -> Result<Json<DeviceList>, ApiError> {
    let items = devices::list(&accounts_of(&gateway), person.user).await?;
    let body = |item: devices::Open| DeviceBody {
        is_current: item.session == person.session,
        id: item.session.to_string(),
        address: item.address,
        agent: item.agent,
        created_at: item.created_at.format(&Rfc3339).unwrap_or_default(),
        last_seen_at: item.last_seen_at.format(&Rfc3339).unwrap_or_default(),
    };
    Ok(Json(DeviceList { items: items.into_iter().map(body).collect() }))
}

/// Signs out everywhere, here included. Whoever found a page open can't: it takes the password.
#[utoipa::path(delete, path = "/api/v1/auth/sessions", request_body = ProveOwner, security(("session" = [])),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn end_all(
    Person(person): Person,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<ProveOwner>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(body) = body?;
    body.judge(&gateway, &client, person.user).await?;
    let tenant = person.tenant.map(|(tenant, _)| tenant);
    devices::sign_out_everywhere(&accounts_of(&gateway), tenant, person.user, person.session).await?;
    Ok((StatusCode::NO_CONTENT, cookies::signed_out()))
}

/// Signs one device out.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{session_id}", request_body = ProveOwner,
    params(("session_id" = String, Path)), security(("session" = [])),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub async fn end(
    Person(person): Person,
    client: Client,
    State(gateway): State<Gateway>,
    PathId(session): PathId<SessionId>,
    body: Result<Json<ProveOwner>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(body) = body?;
    body.judge(&gateway, &client, person.user).await?;
    let tenant = person.tenant.map(|(tenant, _)| tenant);
    devices::sign_out_device(&accounts_of(&gateway), tenant, person.user, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes this browser speak for another tenant of its person.
#[utoipa::path(post, path = "/api/v1/auth/tenant", request_body = SwitchTenant, security(("session" = [])),
    responses((status = 200, body = Session), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn switch(
    Person(person): Person,
    State(gateway): State<Gateway>,
    headers: axum::http::HeaderMap,
    body: Result<Json<SwitchTenant>, JsonRejection>,
) -> Result<Json<Session>, ApiError> {
    let Json(body) = body?;
    let tenant: TenantId = body.tenant_id.parse().map_err(|_| ApiError::not_found())?;
    devices::switch(&accounts_of(&gateway), person.session, person.user, tenant).await?;
    described_anew(&gateway, &headers).await
}

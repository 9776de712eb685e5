//! All tenants, for who looks after the platform: names and plans, nobody's content.

use axum::{
    Json,
    extract::{
        Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        audit::Actor,
        plans::{PLANS, Plan},
        suspensions::{self, Waiting},
        system::{self, TenantLine},
    },
    ids::TenantId,
};
use time::format_description::well_known::Rfc3339;
use utoipa::{IntoParams, ToSchema};

use super::auth::{SuspensionBody, checked_name};
use crate::{
    Gateway,
    auth::PlatformAdmin,
    error::{ApiError, Problem},
    path_id::PathId,
};

const REASON_MAX: usize = 500;

#[derive(Serialize, ToSchema)]
pub struct TenantBody {
    #[schema(example = "ten_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    #[schema(example = "starter")]
    plan: String,
    created_at: String,
    suspended: Option<SuspensionBody>,
    /// What the tenant lets platform admins do: `none`, `read` or `write`.
    #[schema(example = "none")]
    support_access: String,
}

#[derive(Serialize, ToSchema)]
pub struct TenantList {
    items: Vec<TenantBody>,
    /// For the next page: `?after=`; `null` at the end.
    next: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The `next` of the page before.
    after: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTenant {
    #[schema(example = "pro")]
    plan: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendTenant {
    /// 1 to 500 characters, for the tenant's people.
    #[schema(example = "An invoice of June is open")]
    reason: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LiftSuspension {
    /// What becomes of messages that came in meanwhile: `answer` (what waited too long is asked about) or `drop`.
    #[schema(example = "answer")]
    waiting: String,
}

/// All tenants, oldest first, a hundred at a time.
#[utoipa::path(get, path = "/api/v1/tenants", params(Page), security(("session" = [])),
    responses((status = 200, body = TenantList), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn list(
    admin: PlatformAdmin,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<TenantList>, ApiError> {
    let Query(page) = page.map_err(|_| ApiError::invalid("Only `after` may be asked for."))?;
    let after: Option<TenantId> = page
        .after
        .map(|after| after.parse())
        .transpose()
        .map_err(|_| ApiError::invalid("`after` must be the `next` of the page before."))?;
    let items = system::list_tenants(&admin.db, after).await?;
    let next = (items.len() == system::TENANTS_PAGE).then(|| items.last().map(|last| last.tenant.to_string()));
    Ok(Json(TenantList { items: items.into_iter().map(TenantBody::from).collect(), next: next.flatten() }))
}

/// Changes a tenant's plan. What it already has beyond the new limits stays; nothing is added until there is room.
#[utoipa::path(patch, path = "/api/v1/tenants/{tenant_id}", params(("tenant_id" = String, Path)),
    request_body = ChangeTenant, security(("session" = [])),
    responses((status = 200, body = TenantBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn change(
    admin: PlatformAdmin,
    PathId(tenant): PathId<TenantId>,
    body: Result<Json<ChangeTenant>, JsonRejection>,
) -> Result<Json<TenantBody>, ApiError> {
    let Json(body) = body?;
    let Some(plan) = PLANS.iter().find(|plan| plan.name == body.plan) else {
        let names: Vec<&str> = PLANS.iter().map(|plan: &Plan| plan.name).collect();
        return Err(ApiError::invalid(format!("`plan` must be one of: {}.", names.join(", "))));
    };
    let changed = system::change_plan(&admin.db, &Actor::User(admin.person.user), tenant, plan).await?;
    Ok(Json(changed.into()))
}

/// Stops a tenant: what comes in is kept, nothing is answered or sent, and only its admins get in, to look and to pay. Within
/// five seconds, also for what is under way. Once more changes the reason.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant_id}/suspend", params(("tenant_id" = String, Path)),
    request_body = SuspendTenant, security(("session" = [])),
    responses((status = 200, body = TenantBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn suspend(
    admin: PlatformAdmin,
    PathId(tenant): PathId<TenantId>,
    State(gateway): State<Gateway>,
    body: Result<Json<SuspendTenant>, JsonRejection>,
) -> Result<Json<TenantBody>, ApiError> {
    let Json(body) = body?;
    let why = checked_name("reason", &body.reason, REASON_MAX)?;
    let line = suspensions::suspend(&admin.db, &Actor::User(admin.person.user), tenant, why).await?;
    tracing::warn!(user.id = %admin.person.user, tenant.id = %tenant, "A tenant was suspended");
    gateway.announcer.changed(tenant);
    Ok(Json(line.into()))
}

/// Lets a suspended tenant go on. One that is not suspended stays as it is.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant_id}/resume", params(("tenant_id" = String, Path)),
    request_body = LiftSuspension, security(("session" = [])),
    responses((status = 200, body = TenantBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn resume(
    admin: PlatformAdmin,
    PathId(tenant): PathId<TenantId>,
    State(gateway): State<Gateway>,
    body: Result<Json<LiftSuspension>, JsonRejection>,
) -> Result<Json<TenantBody>, ApiError> {
    let Json(body) = body?;
    let waiting = match body.waiting.as_str() {
        "answer" => Waiting::Answer,
        "drop" => Waiting::Drop,
        _ => return Err(ApiError::invalid("`waiting` must be `answer` or `drop`.")),
    };
    let line = suspensions::lift(&admin.db, &Actor::User(admin.person.user), tenant, waiting).await?;
    tracing::warn!(user.id = %admin.person.user, tenant.id = %tenant, ?waiting, "A tenant may go on");
    gateway.waker.wake();
    gateway.announcer.changed(tenant);
    Ok(Json(line.into()))
}

impl From<TenantLine> for TenantBody {
    fn from(line: TenantLine) -> Self {
        Self {
            id: line.tenant.to_string(),
            name: line.name,
            plan: line.plan,
            created_at: line.created_at.format(&Rfc3339).unwrap_or_default(),
            suspended: line.suspended.map(SuspensionBody::from),
            support_access: line.support_access,
        }
    }
}

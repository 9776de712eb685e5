//! All tenants, for who looks after the platform: names and plans, nobody's content.

use axum::{
    Json,
    extract::{
        Query,
        rejection::{JsonRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        audit::Actor,
        plans::{PLANS, Plan},
        system::{self, TenantLine},
    },
    ids::TenantId,
};
use time::format_description::well_known::Rfc3339;
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::PlatformAdmin,
    error::{ApiError, Problem},
    path_id::PathId,
};

#[derive(Serialize, ToSchema)]
pub struct TenantBody {
    #[schema(example = "ten_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    #[schema(example = "starter")]
    plan: String,
    created_at: String,
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

impl From<TenantLine> for TenantBody {
    fn from(line: TenantLine) -> Self {
        Self {
            id: line.tenant.to_string(),
            name: line.name,
            plan: line.plan,
            created_at: line.created_at.format(&Rfc3339).unwrap_or_default(),
        }
    }
}

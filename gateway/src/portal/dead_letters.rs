//! Jobs that were given up, of all tenants, for who looks after the platform: look at them, begin one anew, put one aside.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        TenantTx,
        audit::Actor,
        dead_jobs::{self, DeadJob},
    },
    ids::JobId,
    queue,
};
use utoipa::{IntoParams, ToSchema};

use super::conversations::written;
use crate::{
    Gateway,
    auth::PlatformAdmin,
    error::{ApiError, Problem},
    paging,
    path_id::PathId,
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 by default.
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct DeadLetterBody {
    #[schema(example = "job_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    tenant_id: String,
    tenant: String,
    #[schema(example = "send_email")]
    kind: String,
    attempts: i32,
    /// The error of the last attempt; `null`: the process died in it.
    error: Option<String>,
    created_at: String,
    /// When it was given up.
    given_up_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct DeadLetterList {
    /// The newest first.
    items: Vec<DeadLetterBody>,
    next_cursor: Option<String>,
}

/// What was given up, of all tenants. What a job is about stays its tenant's.
#[utoipa::path(get, path = "/api/v1/dead-letters", params(Page), security(("session" = [])),
    responses((status = 200, body = DeadLetterList), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn list(
    admin: PlatformAdmin,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<DeadLetterList>, ApiError> {
    let Query(page) = page.map_err(|_| ApiError::invalid("The query may have `cursor` and `limit` only."))?;
    let limit = paging::limit(page.limit)?;
    let before = paging::cursor(page.cursor.as_deref(), |id| id.parse().ok())?;
    let mut found = dead_jobs::list(&admin.db, before, limit + 1).await?;
    let next_cursor = paging::next(&mut found, limit, |last| last.id.to_string());
    Ok(Json(DeadLetterList { items: found.into_iter().map(DeadLetterBody::from).collect(), next_cursor }))
}

/// Begins it anew, with all of its attempts; recorded in its tenant's log. Jobs may run twice: one that was half done is
/// not done again.
#[utoipa::path(post, path = "/api/v1/dead-letters/{job_id}/retry", params(("job_id" = String, Path)), security(("session" = [])),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn retry(
    State(gateway): State<Gateway>,
    admin: PlatformAdmin,
    PathId(job): PathId<JobId>,
) -> Result<StatusCode, ApiError> {
    let (mut tx, actor) = open(&gateway, &admin, job).await?;
    settled(queue::retry(&mut tx, &actor, job).await?)?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts it aside for good: it is no longer listed, and stays on record; recorded in its tenant's log.
#[utoipa::path(post, path = "/api/v1/dead-letters/{job_id}/discard", params(("job_id" = String, Path)), security(("session" = [])),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn discard(
    State(gateway): State<Gateway>,
    admin: PlatformAdmin,
    PathId(job): PathId<JobId>,
) -> Result<StatusCode, ApiError> {
    let (mut tx, actor) = open(&gateway, &admin, job).await?;
    settled(queue::discard(&mut tx, &actor, job).await?)?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A transaction of the job's tenant.
async fn open(gateway: &Gateway, admin: &PlatformAdmin, job: JobId) -> Result<(TenantTx, Actor), ApiError> {
    let tenant = dead_jobs::tenant_of(&admin.db, job).await?.ok_or_else(ApiError::not_found)?;
    Ok((gateway.db.tenant(tenant).begin().await?, Actor::User(admin.person.user)))
}

/// Somebody else saw to it meanwhile.
fn settled(is_changed: bool) -> Result<(), ApiError> {
    if is_changed { Ok(()) } else { Err(ApiError::not_found()) }
}

impl From<DeadJob> for DeadLetterBody {
    fn from(job: DeadJob) -> Self {
        Self {
            id: job.id.to_string(),
            tenant_id: job.tenant.to_string(),
            tenant: job.tenant_name,
            kind: job.kind,
            attempts: job.attempts,
            error: job.error,
            created_at: written(job.created_at),
            given_up_at: job.finished_at.map(written),
        }
    }
}

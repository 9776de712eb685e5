//! Approvals: calls of tools that wait for a second person. What is shown is what is stored, and what is carried out.

use axum::{
    Json,
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use shared::{
    db::approvals::{self, Approval, State},
    ids::ApprovalId,
};
use utoipa::{IntoParams, ToSchema};

use super::conversations::written;
use crate::{
    auth::Operator,
    error::{ApiError, Problem},
    paging,
    path_id::PathId,
};

/// What people in a conversation are told of who decides by the API.
const OPERATOR: &str = "an operator";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// `waiting`, `approved`, `denied`, `expired` or `used`; all of them by default.
    state: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 by default.
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct ApprovalBody {
    #[schema(example = "apr_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// `waiting`; `approved`, and about to be carried out; `used`: carried out, once; `denied`; `expired`.
    state: String,
    conversation_id: String,
    run_id: String,
    agent: String,
    /// `null`: it was deleted since.
    tool_id: Option<String>,
    tool: String,
    /// Exactly what is sent.
    #[schema(value_type = Object)]
    arguments: serde_json::Value,
    /// Of tool and arguments, in hexadecimal digits: the approval is for nothing else.
    digest: String,
    /// Who asked for it.
    person_id: String,
    person: String,
    asked_at: String,
    expires_at: String,
    /// A user, a key or a person.
    decided_by: Option<String>,
    decided_name: Option<String>,
    decided_at: Option<String>,
    /// Of the call: `waiting`, `running`, `done`, `failed`, `refused`, `denied`, `expired`, or `unknown` if nobody knows
    /// whether it was carried out.
    call_state: String,
    /// What was answered.
    result: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ApprovalList {
    /// Newest first.
    items: Vec<ApprovalBody>,
    next_cursor: Option<String>,
}

/// The tenant's approvals, the latest first.
#[utoipa::path(get, path = "/api/v1/approvals", params(Page),
    responses((status = 200, body = ApprovalList), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn list(
    operator: Operator,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<ApprovalList>, ApiError> {
    let Query(page) = page.map_err(|_| {
        ApiError::invalid("The query may have `state`, `cursor` and `limit`, a whole number, and nothing else.")
    })?;
    let limit = paging::limit(page.limit)?;
    let before = paging::cursor(page.cursor.as_deref(), |cursor| cursor.parse::<ApprovalId>().ok())?;
    let state = page.state.as_deref().map(|state| {
        State::parse(state).ok_or_else(|| {
            ApiError::invalid("`state` must be `waiting`, `approved`, `denied`, `expired` or `used`.")
        })
    });
    let state = state.transpose()?;
    let mut tx = operator.db.begin().await?;
    let mut found = approvals::list(&mut tx, state, before, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, |last| last.id.to_string());
    Ok(Json(ApprovalList { items: found.into_iter().map(ApprovalBody::from).collect(), next_cursor }))
}

/// Approves a call that waits. It is carried out once, in a turn of its own, unless the tool was changed since.
#[utoipa::path(post, path = "/api/v1/approvals/{approval_id}/approve", params(("approval_id" = String, Path)),
    responses((status = 200, body = ApprovalBody), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn approve(operator: Operator, PathId(id): PathId<ApprovalId>) -> Result<Json<ApprovalBody>, ApiError> {
    decide(&operator, id, true).await
}

/// Denies a call that waits. Nothing is done, and who asked is told so.
#[utoipa::path(post, path = "/api/v1/approvals/{approval_id}/deny", params(("approval_id" = String, Path)),
    responses((status = 200, body = ApprovalBody), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn deny(operator: Operator, PathId(id): PathId<ApprovalId>) -> Result<Json<ApprovalBody>, ApiError> {
    decide(&operator, id, false).await
}

async fn decide(operator: &Operator, id: ApprovalId, approve: bool) -> Result<Json<ApprovalBody>, ApiError> {
    let mut tx = operator.db.begin().await?;
    if approvals::find(&mut tx, id).await?.is_none() {
        return Err(ApiError::not_found());
    }
    if !approvals::decide(&mut tx, id, approve, &operator.actor, OPERATOR).await? {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "approval_over",
            "It is decided already, or the 15 minutes are over. Ask the agent again.",
        ));
    }
    let found = approvals::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    tx.commit().await?;
    Ok(Json(found.into()))
}

impl From<Approval> for ApprovalBody {
    fn from(row: Approval) -> Self {
        Self {
            id: row.id.to_string(),
            state: row.state.as_str().to_owned(),
            conversation_id: row.conversation.to_string(),
            run_id: row.run.to_string(),
            agent: row.agent_name,
            tool_id: row.tool.map(|id| id.to_string()),
            tool: row.tool_name,
            arguments: row.arguments,
            digest: row.digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            person_id: row.person.to_string(),
            person: row.person_name,
            asked_at: written(row.asked_at),
            expires_at: written(row.expires_at),
            decided_by: row.decided_by,
            decided_name: row.decided_name,
            decided_at: row.decided_at.map(written),
            call_state: row.call_state,
            result: row.result,
        }
    }
}

//! What agents will come back to: set by their tool, and called off here.

use axum::{
    Json,
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use shared::{
    db::follow_ups::{self, FollowUp},
    ids::FollowUpId,
};
use utoipa::{IntoParams, ToSchema};

use super::conversations::written;
use crate::{
    auth::Operator,
    error::{ApiError, Problem},
    paging,
    path_id::PathId,
};

const STATES: [&str; 4] = ["waiting", "begun", "cancelled", "dropped"];

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// `waiting`, `begun`, `cancelled` or `dropped`; all of them by default.
    state: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 by default.
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct FollowUpBody {
    #[schema(example = "fup_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    conversation_id: String,
    person_id: String,
    person: String,
    /// Empty once the person is forgotten.
    about: String,
    due_at: String,
    /// `dropped`: a human had the conversation when it was due.
    state: String,
    created_at: String,
    ended_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct FollowUpList {
    /// Newest first.
    items: Vec<FollowUpBody>,
    next_cursor: Option<String>,
}

/// What agents will come back to, came back to, or no longer will.
#[utoipa::path(get, path = "/api/v1/follow-ups", params(Page),
    responses((status = 200, body = FollowUpList), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn list(
    operator: Operator,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<FollowUpList>, ApiError> {
    let Query(page) = page.map_err(|_| {
        ApiError::invalid("The query may have `state`, `cursor` and `limit`, a whole number, and nothing else.")
    })?;
    let limit = paging::limit(page.limit)?;
    if page.state.as_deref().is_some_and(|state| !STATES.contains(&state)) {
        return Err(ApiError::invalid("`state` must be `waiting`, `begun`, `cancelled` or `dropped`."));
    }
    let cursor = paging::cursor(page.cursor.as_deref(), |text| text.parse::<FollowUpId>().ok())?;
    let mut tx = operator.db.begin().await?;
    let mut found = follow_ups::list(&mut tx, page.state.as_deref(), cursor, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, |last| last.id.to_string());
    Ok(Json(FollowUpList { items: found.into_iter().map(FollowUpBody::from).collect(), next_cursor }))
}

/// Calls one off that still waits.
#[utoipa::path(delete, path = "/api/v1/follow-ups/{follow_up_id}", params(("follow_up_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn cancel(operator: Operator, PathId(id): PathId<FollowUpId>) -> Result<StatusCode, ApiError> {
    let mut tx = operator.db.begin().await?;
    if !follow_ups::cancel(&mut tx, id, &operator.actor).await? {
        let known = follow_ups::find(&mut tx, id).await?.is_some();
        tx.close().await?;
        return Err(if known {
            ApiError::new(
                StatusCode::CONFLICT,
                "follow_up_over",
                "It waits no longer: it was begun or called off.",
            )
        } else {
            ApiError::not_found()
        });
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<FollowUp> for FollowUpBody {
    fn from(found: FollowUp) -> Self {
        Self {
            id: found.id.to_string(),
            conversation_id: found.conversation.to_string(),
            person_id: found.person.to_string(),
            person: found.person_name,
            about: found.about,
            due_at: written(found.due_at),
            state: found.state,
            created_at: written(found.created_at),
            ended_at: found.ended_at.map(written),
        }
    }
}

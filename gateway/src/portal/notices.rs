//! What a tenant's admins should know.

use axum::{
    Json,
    extract::{
        Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};
use shared::{
    db::notices::{self, Notice},
    ids::NoticeId,
};
use time::format_description::well_known::Rfc3339;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
};

const IDS_MAX: usize = 200;

#[derive(Serialize, ToSchema)]
pub struct NoticeBody {
    #[schema(example = "not_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// `connection_dead`, `token_refused`, `workspace_removed`, `events_held_back`, `escalation`,
    /// `budget_alert`, `budget_exhausted`, `payment_due`, `access_changed`, `send_failed` or `send_unclear`.
    kind: String,
    connection_id: Option<String>,
    /// The conversation that waits for a human, or in which something went wrong.
    conversation_id: Option<String>,
    /// What happened, and what to do.
    body: String,
    created_at: String,
    seen_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct NoticeList {
    items: Vec<NoticeBody>,
    /// For the next page; `null` on the last one.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The `cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    #[schema(value_type = Vec<String>)]
    ids: Vec<NoticeId>,
}

#[derive(Serialize, ToSchema)]
pub struct SeenCount {
    /// How many of them nobody had seen before.
    new: u64,
}

/// The tenant's notices, newest first, 50 a page.
#[utoipa::path(get, path = "/api/v1/notices", params(Page),
    responses((status = 200, body = NoticeList), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn list(
    operator: Operator,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<NoticeList>, ApiError> {
    let unreadable = || ApiError::invalid("The only parameter is `cursor`, as the page before gave it.");
    let Query(page) = page.map_err(|_| unreadable())?;
    let before = page.cursor.map(|cursor| cursor.parse::<NoticeId>()).transpose().map_err(|_| unreadable())?;
    let mut tx = operator.db.begin().await?;
    let found = notices::list(&mut tx, before).await?;
    tx.close().await?;
    let full = i64::try_from(found.len()).is_ok_and(|count| count >= notices::PAGE);
    let cursor = found.last().filter(|_| full).map(|last| last.id.to_string());
    Ok(Json(NoticeList { items: found.into_iter().map(NoticeBody::from).collect(), cursor }))
}

/// Notes that these were seen. Ids of others are as if they did not exist.
#[utoipa::path(post, path = "/api/v1/notices/seen", request_body = Seen,
    responses((status = 200, body = SeenCount), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn mark_seen(
    admin: Admin,
    State(gateway): State<Gateway>,
    body: Result<Json<Seen>, JsonRejection>,
) -> Result<Json<SeenCount>, ApiError> {
    let Json(Seen { ids }) = body?;
    if ids.len() > IDS_MAX {
        return Err(ApiError::invalid("At most 200 ids at once."));
    }
    let mut tx = admin.0.db.begin().await?;
    let new = notices::mark_seen(&mut tx, &ids).await?;
    tx.commit().await?;
    gateway.announcer.changed(admin.0.tenant);
    Ok(Json(SeenCount { new }))
}

impl From<Notice> for NoticeBody {
    fn from(notice: Notice) -> Self {
        Self {
            id: notice.id.to_string(),
            kind: notice.kind,
            connection_id: notice.connection.map(|id| id.to_string()),
            conversation_id: notice.conversation.map(|id| id.to_string()),
            body: notice.body,
            created_at: notice.created_at.format(&Rfc3339).unwrap_or_default(),
            seen_at: notice.seen_at.and_then(|at| at.format(&Rfc3339).ok()),
        }
    }
}

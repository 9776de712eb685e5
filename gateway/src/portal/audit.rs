//! The audit log for admins: read it, and have its chain walked.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Query, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::db::{
    audit,
    audit_chain::{self, Fault, FaultKind, Verdict},
    audit_pages::{self, Event, Filter},
};
use utoipa::{IntoParams, ToSchema};

use super::conversations::written;
use crate::{
    auth::Admin,
    error::{ApiError, Problem},
    paging,
};

const NAME_MAX: usize = 80;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 by default.
    limit: Option<i64>,
    /// An act like `member.remove`, or all that begin with a word: `member`.
    action: Option<String>,
    /// Who did it, by id (`usr_…`, `key_…`, `per_…`) or by kind (`user`, `api_key`, `person`, `command_line`, `system`).
    actor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct EventBody {
    /// Its place in the tenant's chain, from 1.
    n: i64,
    at: String,
    /// `user`, `api_key`, `person`, `command_line` or `system`.
    actor_kind: String,
    actor_id: String,
    /// What a member, a key or a person is called today.
    actor_name: Option<String>,
    #[schema(example = "member.remove")]
    action: String,
    target_kind: String,
    target_id: String,
    #[schema(value_type = Object)]
    detail: Value,
}

#[derive(Serialize, ToSchema)]
pub struct EventList {
    /// The newest first.
    items: Vec<EventBody>,
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct VerdictBody {
    whole: bool,
    /// Rows that fit, from the first.
    events: i64,
    /// The hash of the last of them. Keep it elsewhere: a chain that was forged to its end shows by it alone.
    head: String,
    fault: Option<FaultBody>,
}

#[derive(Serialize, ToSchema)]
pub struct FaultBody {
    /// The first row that does not fit. What comes after it was not looked at.
    n: i64,
    /// `changed`, `missing`, `out_of_place` or `not_the_head`.
    #[schema(value_type = String)]
    kind: FaultKind,
    /// A sentence for people.
    detail: String,
}

/// What was done in the tenant, the newest first.
#[utoipa::path(get, path = "/api/v1/audit", params(Asked),
    responses((status = 200, body = EventList), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn list(
    Admin(admin): Admin,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<EventList>, ApiError> {
    let Query(asked) = asked.map_err(|_| {
        ApiError::invalid("The query may have `cursor`, `limit`, `action` and `actor`, and nothing else.")
    })?;
    let limit = paging::limit(asked.limit)?;
    let (action, actor) = (asked.action.as_deref().unwrap_or(""), asked.actor.as_deref().unwrap_or(""));
    if [action, actor].iter().any(|name| name.chars().count() > NAME_MAX || name.contains('\0')) {
        return Err(ApiError::invalid(format!(
            "`action` and `actor` may have at most {NAME_MAX} characters, none of them U+0000."
        )));
    }
    let before = paging::cursor(asked.cursor.as_deref(), |n| n.parse().ok())?;
    let mut tx = admin.db.begin().await?;
    let mut found = audit_pages::list(&mut tx, &Filter { action, actor, before }, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, |last| last.n.to_string());
    Ok(Json(EventList { items: found.into_iter().map(EventBody::from).collect(), next_cursor }))
}

/// Walks the chain from its first row and says whether it is whole, or which row does not fit. A walk that finds it whole is
/// recorded in it.
#[utoipa::path(post, path = "/api/v1/audit/verify",
    responses((status = 200, body = VerdictBody), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn verify(Admin(admin): Admin) -> Result<Json<VerdictBody>, ApiError> {
    let mut tx = admin.db.begin().await?;
    let verdict = audit_chain::verify(&mut tx, &BTreeMap::new()).await?;
    if let Some(fault) = verdict.fault {
        // Nothing is appended to a broken chain: it might not even take it, and the one who asked has to be told.
        tx.close().await?;
        tracing::error!(tenant.id = %admin.tenant, row = fault.n, "A tenant's audit log does not fit together");
    } else {
        let detail = json!({ "events": verdict.events, "head": verdict.head });
        audit::append(&mut tx, &admin.actor, "audit.verify", ("audit", "log"), detail).await?;
        tx.commit().await?;
    }
    Ok(Json(verdict.into()))
}

impl From<Event> for EventBody {
    fn from(row: Event) -> Self {
        Self {
            n: row.n,
            at: written(row.at),
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            action: row.action,
            target_kind: row.target_kind,
            target_id: row.target_id,
            detail: row.detail,
        }
    }
}

impl From<Verdict> for VerdictBody {
    fn from(verdict: Verdict) -> Self {
        Self {
            whole: verdict.is_whole(),
            events: verdict.events,
            head: verdict.head,
            fault: verdict.fault.map(FaultBody::from),
        }
    }
}

impl From<Fault> for FaultBody {
    fn from(fault: Fault) -> Self {
        Self { n: fault.n, kind: fault.kind, detail: fault.sentence() }
    }
}

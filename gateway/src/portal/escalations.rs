//! Escalations: conversations that wait for a human or have one. Who takes one has the conversation; closing it gives the
//! conversation back to the agent.

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        TenantTx,
        audit::Actor,
        escalations::{self, Escalation, Filter, State as Stage},
        members, takeovers,
    },
    ids::{EscalationId, UserId},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Gateway,
    auth::Operator,
    error::{ApiError, Problem},
};

const PAGE_DEFAULT: i64 = 50;
const PAGE_MAX: i64 = 100;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// `waiting`, `human` or `closed`; all of them by default.
    state: Option<String>,
    /// Those that a rule means for this member: `usr_…`, or `me`.
    meant_for: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 by default.
    limit: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct EscalationBody {
    #[schema(example = "esc_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    conversation_id: String,
    /// `waiting`: nobody is there yet. `human`: somebody has it. `closed`: the agent has the conversation again.
    state: String,
    /// Which rule handed it over; `null`: the person asked for a human.
    rule: Option<RuleRef>,
    reason: String,
    /// The message at which it happened; `null`: a command.
    message_id: Option<String>,
    person_id: String,
    person: String,
    /// What to know first. Empty once the person is forgotten.
    summary: String,
    /// The member whom its rule chose. `null`: anybody. Anybody may take it all the same.
    #[schema(example = "usr_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    meant_for: Option<String>,
    opened_at: String,
    taken_at: Option<String>,
    /// A user or a key.
    assigned_to: Option<String>,
    closed_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct RuleRef {
    id: String,
    version: i32,
    name: String,
}

#[derive(Serialize, ToSchema)]
pub struct EscalationList {
    /// Newest first.
    items: Vec<EscalationBody>,
    next_cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// A member; who asks by default.
    #[schema(example = "usr_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    user_id: Option<String>,
}

/// The tenant's escalations, the latest first.
#[utoipa::path(get, path = "/api/v1/escalations", params(Page),
    responses((status = 200, body = EscalationList), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn list(
    operator: Operator,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<EscalationList>, ApiError> {
    let Query(page) = page.map_err(|_| {
        ApiError::invalid(
            "The query may have `state`, `meant_for`, `cursor` and `limit`, a whole number, and nothing else.",
        )
    })?;
    let limit = page.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(ApiError::invalid(format!("`limit` must be 1 to {PAGE_MAX}.")));
    }
    let state = page.state.as_deref().map(|state| {
        Stage::parse(state).ok_or_else(|| ApiError::invalid("`state` must be `waiting`, `human` or `closed`."))
    });
    let cursor = page.cursor.as_deref().map(|cursor| {
        let unreadable = || ApiError::invalid("`cursor` must be the `next_cursor` of an earlier answer.");
        cursor.parse::<EscalationId>().map_err(|_| unreadable())
    });
    let meant_for = page.meant_for.as_deref().map(|member| meant_for(&operator.actor, member));
    let (state, cursor, meant_for) = (state.transpose()?, cursor.transpose()?, meant_for.transpose()?);
    let mut tx = operator.db.begin().await?;
    let mut found = escalations::list(&mut tx, Filter { state, meant_for }, cursor, limit + 1).await?;
    tx.close().await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(Json(EscalationList { items: found.into_iter().map(EscalationBody::from).collect(), next_cursor }))
}

/// Who acts as a member sees what is meant for that member.
fn meant_for(actor: &Actor, asked: &str) -> Result<UserId, ApiError> {
    match (asked, actor) {
        ("me", Actor::User(user)) => Ok(*user),
        ("me", Actor::Impersonator(acting)) => Ok(acting.subject),
        ("me", _) => Err(ApiError::invalid("`meant_for=me` is for members: a key names one, `usr_…`.")),
        (id, _) => id.parse().map_err(|error| ApiError::invalid(format!("`meant_for`: {error}."))),
    }
}

/// One escalation.
#[utoipa::path(get, path = "/api/v1/escalations/{escalation_id}", params(("escalation_id" = String, Path)),
    responses((status = 200, body = EscalationBody), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn show(operator: Operator, Path(id): Path<String>) -> Result<Json<EscalationBody>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let found = find(&mut tx, &id).await?;
    tx.close().await?;
    Ok(Json(found.into()))
}

/// Takes an escalation, or gives it to a colleague. Who has it may reply in the conversation. One that is closed stays so.
#[utoipa::path(post, path = "/api/v1/escalations/{escalation_id}/assign", params(("escalation_id" = String, Path)), request_body = Assign,
    responses((status = 200, body = EscalationBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn assign(
    operator: Operator,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Result<Json<Assign>, JsonRejection>,
) -> Result<Json<EscalationBody>, ApiError> {
    let Json(body) = body?;
    let member = body
        .user_id
        .as_deref()
        .map(|id| id.parse::<UserId>().map_err(|error| ApiError::invalid(format!("`user_id`: {error}."))));
    let member = member.transpose()?;
    let mut tx = operator.db.begin().await?;
    let found = find(&mut tx, &id).await?;
    let to = match member {
        Some(user) if members::list(&mut tx).await?.iter().any(|member| member.user == user) => user.to_string(),
        Some(_) => return Err(ApiError::invalid("`user_id` must be a member of the tenant.")),
        None => operator.actor.id(),
    };
    let found = escalations::assign(&mut tx, found, &operator.actor, &to).await?;
    tx.commit().await?;
    gateway.waker.wake();
    gateway.announcer.changed(operator.tenant);
    Ok(Json(found.into()))
}

/// Closes an escalation: the agent answers what is written from now on, and knows what was said meanwhile.
#[utoipa::path(post, path = "/api/v1/escalations/{escalation_id}/close", params(("escalation_id" = String, Path)),
    responses((status = 200, body = EscalationBody), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn close(
    operator: Operator,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<Json<EscalationBody>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let found = find(&mut tx, &id).await?;
    // A later escalation of the same conversation is none of this one's business.
    if found.closed_at.is_none() {
        takeovers::release(&mut tx, found.conversation, &operator.actor).await?;
    }
    let found = find(&mut tx, &id).await?;
    tx.commit().await?;
    gateway.announcer.changed(operator.tenant);
    Ok(Json(found.into()))
}

/// What is no id of this tenant's is not found, whatever else it is.
async fn find(tx: &mut TenantTx, id: &str) -> Result<Escalation, ApiError> {
    let id: EscalationId = id.parse().map_err(|_| ApiError::not_found())?;
    escalations::find(tx, id).await?.ok_or_else(ApiError::not_found)
}

fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

impl From<Escalation> for EscalationBody {
    fn from(row: Escalation) -> Self {
        let name = row.rule_name;
        Self {
            id: row.id.to_string(),
            conversation_id: row.conversation.to_string(),
            state: row.state,
            rule: row.rule.map(|(id, version)| RuleRef {
                id: id.to_string(),
                version,
                name: name.unwrap_or_default(),
            }),
            reason: row.reason,
            message_id: row.message.map(|id| id.to_string()),
            person_id: row.person.to_string(),
            person: row.person_name,
            summary: row.summary,
            meant_for: row.meant_for.map(|user| user.to_string()),
            opened_at: written(row.opened_at),
            taken_at: row.taken_at.map(written),
            assigned_to: row.assigned_to,
            closed_at: row.closed_at.map(written),
        }
    }
}

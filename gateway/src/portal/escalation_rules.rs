//! Rules by which conversations are handed to humans: read them, change them, and try one on what was said before.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use shared::{
    conditions::{Condition, LENGTH_MAX},
    db::{
        DbError, TenantTx,
        escalation_rules::{self as rules, ASSIGNED_MAX, NAME_MAX, Rule, Shape},
        past,
    },
    ids::{RuleId, UserId},
};
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::simulation::{self, Match};
use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
};

/// Conversations a simulation looks at, at most.
const CONVERSATIONS_MAX: u32 = 10_000;
/// Read at a time.
const PAGE: i64 = 500;
/// Matches a simulation shows.
const SHOWN_MAX: usize = 100;
/// A simulation says what it has seen by then; the request may take fifteen seconds.
const SIMULATION_TIME: Duration = Duration::from_secs(10);

#[derive(Serialize, ToSchema)]
pub struct RuleBody {
    #[schema(example = "rul_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// Each change makes the next one.
    version: i32,
    name: String,
    #[schema(example = "keyword in (refund, invoice) and failed_attempts > 2")]
    condition: String,
    enabled: bool,
    /// Members who get in turn what it hands over; without any: everybody.
    #[schema(example = json!(["usr_01k9z3w6h8f2m5x7q4r1t0v9sb"]))]
    assign_to: Vec<String>,
    /// Only among versions: the rule was deleted by this one.
    deleted: bool,
    /// Who made it so (a user, a key), and when.
    changed_by: String,
    changed_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct RuleList {
    /// The oldest first: the first that holds is the one that is named.
    items: Vec<RuleBody>,
}

#[derive(Serialize, ToSchema)]
pub struct RuleVersions {
    /// The newest first, 200 at most.
    items: Vec<RuleBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// 1 to 80 characters.
    name: String,
    /// 1 to 500 characters: words of the message, `keyword in (…)`, `count`, `failed_attempts`, `asks_for_human`, `language`,
    /// combined by `and`, `or`, `not` and parentheses.
    #[schema(example = "keyword in (refund, invoice) and failed_attempts > 2")]
    condition: String,
    /// `true` by default.
    enabled: Option<bool>,
    /// Members who may change things here, 20 at most: who has the fewest open escalations gets the next. Nobody is named by
    /// default: everybody.
    #[schema(example = json!(["usr_01k9z3w6h8f2m5x7q4r1t0v9sb"]))]
    assign_to: Option<Vec<String>>,
}

/// What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleChange {
    name: Option<String>,
    condition: Option<String>,
    enabled: Option<bool>,
    /// As for a new rule; `[]`: everybody.
    assign_to: Option<Vec<String>>,
    /// The version the change was made from: if another one came in between, the answer is 409.
    version: Option<i32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Simulate {
    condition: String,
    /// The latest conversations to look at: 1 to 10,000, which is the default.
    conversations: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub struct Simulated {
    /// The condition as it is understood.
    condition: String,
    /// How many conversations were looked at.
    conversations: u32,
    /// How many of them the rule would have handed over.
    escalated: u32,
    /// `false`: the time was up before all were looked at.
    complete: bool,
    /// Where, the latest conversations first, 100 at most.
    items: Vec<Match>,
}

/// The tenant's rules. That who asks for a human gets one is none of them: it always holds.
#[utoipa::path(get, path = "/api/v1/escalation-rules", responses((status = 200, body = RuleList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<RuleList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = rules::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(RuleList { items: items.into_iter().map(RuleBody::from).collect() }))
}

/// Makes a rule. It counts from the next message on.
#[utoipa::path(post, path = "/api/v1/escalation-rules", request_body = NewRule, params(OnceKey),
    responses((status = 201, body = RuleBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn create(
    admin: Admin,
    once: Once,
    body: Result<Json<NewRule>, JsonRejection>,
) -> Result<(StatusCode, Json<RuleBody>), ApiError> {
    let Json(body) = body?;
    let shape = Shape {
        name: name(&body.name)?,
        condition: condition(&body.condition)?,
        enabled: body.enabled.unwrap_or(true),
        assign_to: members(body.assign_to.as_deref().unwrap_or_default())?,
    };
    let mut tx = admin.0.db.begin().await?;
    let made = rules::create(&mut tx, &admin.0.actor, &shape).await.map_err(no_member)?;
    once.commit(tx, StatusCode::CREATED, made.into()).await
}

/// What a rule was before, and who changed it; also of one that was deleted.
#[utoipa::path(get, path = "/api/v1/escalation-rules/{rule_id}/versions", params(("rule_id" = String, Path)),
    responses((status = 200, body = RuleVersions), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn versions(operator: Operator, Path(id): Path<String>) -> Result<Json<RuleVersions>, ApiError> {
    let id: RuleId = id.parse().map_err(|_| ApiError::not_found())?;
    let mut tx = operator.db.begin().await?;
    let items = rules::versions(&mut tx, id).await?;
    tx.close().await?;
    if items.is_empty() {
        return Err(ApiError::not_found());
    }
    Ok(Json(RuleVersions { items: items.into_iter().map(RuleBody::from).collect() }))
}

/// Changes a rule, or switches it on or off: its next version.
#[utoipa::path(patch, path = "/api/v1/escalation-rules/{rule_id}", params(("rule_id" = String, Path)), request_body = RuleChange,
    responses((status = 200, body = RuleBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn change(
    admin: Admin,
    Path(id): Path<String>,
    body: Result<Json<RuleChange>, JsonRejection>,
) -> Result<Json<RuleBody>, ApiError> {
    let Json(body) = body?;
    let (named, asked) =
        (body.name.as_deref().map(name).transpose()?, body.condition.as_deref().map(condition).transpose()?);
    let assigned = body.assign_to.as_deref().map(members).transpose()?;
    let mut tx = admin.0.db.begin().await?;
    let current = find(&mut tx, &id).await?;
    if body.version.is_some_and(|version| version != current.version) {
        let detail = format!("Somebody has changed the rule: it has version {} now.", current.version);
        return Err(ApiError::new(StatusCode::CONFLICT, "conflict", detail));
    }
    // Who has left since stays in a rule that is changed otherwise, and gets nothing.
    rules::check_members(&mut tx, assigned.as_deref().unwrap_or_default()).await.map_err(no_member)?;
    let shape = Shape {
        name: named.unwrap_or_else(|| current.name.clone()),
        condition: asked.unwrap_or_else(|| current.condition.clone()),
        enabled: body.enabled.unwrap_or(current.enabled),
        assign_to: assigned.unwrap_or_else(|| current.assign_to.clone()),
    };
    let changed = rules::replace(&mut tx, &admin.0.actor, &current, &shape, false).await?;
    tx.commit().await?;
    Ok(Json(changed.into()))
}

/// Deletes a rule. Its versions stay, and what they handed over.
#[utoipa::path(delete, path = "/api/v1/escalation-rules/{rule_id}", params(("rule_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove(admin: Admin, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.0.db.begin().await?;
    let current = find(&mut tx, &id).await?;
    let (name, condition, assign_to) =
        (current.name.clone(), current.condition.clone(), current.assign_to.clone());
    let shape = Shape { name, condition, enabled: false, assign_to };
    rules::replace(&mut tx, &admin.0.actor, &current, &shape, true).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which of the latest conversations a rule would have handed over, at which message and why. Changes nothing.
#[utoipa::path(post, path = "/api/v1/escalation-rules/simulate", request_body = Simulate,
    responses((status = 200, body = Simulated), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn simulate(
    operator: Operator,
    body: Result<Json<Simulate>, JsonRejection>,
) -> Result<Json<Simulated>, ApiError> {
    let Json(body) = body?;
    let parsed = Condition::parse(&body.condition).map_err(unreadable)?;
    if parsed.asks_for_known() {
        return Err(ApiError::invalid(
            "A condition with `hours`, `cost`, `silence` or `vip` can't be simulated: what they were then is not known.",
        ));
    }
    let most = body.conversations.unwrap_or(CONVERSATIONS_MAX);
    if !(1..=CONVERSATIONS_MAX).contains(&most) {
        return Err(ApiError::invalid(format!("`conversations` must be 1 to {CONVERSATIONS_MAX}.")));
    }
    let mut told = Simulated {
        condition: parsed.to_string(),
        conversations: 0,
        escalated: 0,
        complete: true,
        items: Vec::new(),
    };
    let (begun, mut before) = (Instant::now(), None);
    let mut tx = operator.db.begin().await?;
    while told.conversations < most {
        if begun.elapsed() > SIMULATION_TIME {
            told.complete = false;
            break;
        }
        let page = PAGE.min(i64::from(most - told.conversations));
        let found = past::conversations(&mut tx, before, page, parsed.asks_for_answer()).await?;
        let Some(last) = found.last() else { break };
        before = Some((last.last_message_at, last.id));
        for conversation in &found {
            told.conversations += 1;
            if let Some(at) = simulation::first_match(&parsed, conversation) {
                told.escalated += 1;
                if told.items.len() < SHOWN_MAX {
                    told.items.push(at);
                }
            }
        }
    }
    tx.close().await?;
    Ok(Json(told))
}

async fn find(tx: &mut TenantTx, id: &str) -> Result<Rule, ApiError> {
    let id: RuleId = id.parse().map_err(|_| ApiError::not_found())?;
    rules::lock(tx, id).await?.ok_or_else(ApiError::not_found)
}

fn name(given: &str) -> Result<String, ApiError> {
    let name = given.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!(
            "`name` must have 1 to {NAME_MAX} characters, without line breaks and the like."
        )));
    }
    Ok(name.to_owned())
}

/// Kept as it was written.
fn condition(given: &str) -> Result<String, ApiError> {
    let given = given.trim();
    Condition::parse(given).map_err(unreadable)?;
    if given.contains('\0') || given.chars().count() > LENGTH_MAX {
        return Err(ApiError::invalid(format!("`condition` may have {LENGTH_MAX} characters at most.")));
    }
    Ok(given.to_owned())
}

/// Ids of members, each once. Whether they are members is the database's to say.
fn members(given: &[String]) -> Result<Vec<UserId>, ApiError> {
    if given.len() > ASSIGNED_MAX {
        return Err(ApiError::invalid(format!("`assign_to` may name {ASSIGNED_MAX} members at most.")));
    }
    let read = |id: &String| id.parse().map_err(|error| ApiError::invalid(format!("`assign_to`: {error}.")));
    let members: Vec<UserId> = given.iter().map(read).collect::<Result<_, _>>()?;
    if members.iter().collect::<HashSet<_>>().len() < members.len() {
        return Err(ApiError::invalid("`assign_to` must name each member once."));
    }
    Ok(members)
}

fn no_member(error: DbError) -> ApiError {
    match error {
        DbError::NotFound => ApiError::invalid(
            "`assign_to` must name members of the tenant who may change things here: one of these is none, or may only look.",
        ),
        error => error.into(),
    }
}

fn unreadable(error: shared::conditions::ConditionError) -> ApiError {
    ApiError::invalid(format!("`condition`: {error}"))
}

impl From<Rule> for RuleBody {
    fn from(rule: Rule) -> Self {
        Self {
            id: rule.id.to_string(),
            version: rule.version,
            name: rule.name,
            condition: rule.condition,
            enabled: rule.enabled,
            assign_to: rule.assign_to.iter().map(UserId::to_string).collect(),
            deleted: rule.deleted,
            changed_by: rule.actor,
            changed_at: rule.created_at.format(&Rfc3339).unwrap_or_default(),
        }
    }
}

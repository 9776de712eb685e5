//! Budgets: how much models may cost, in a day or a month.

use axum::{Json, extract::rejection::JsonRejection, http::StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use shared::{
    db::{
        audit,
        budgets::{self, Budget, Limit, NewBudget, Scope, currencies::said},
    },
    ids::BudgetId,
};
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

const LIMIT_USD_MAX: f64 = 1_000_000.0;
/// Units of any currency.
const LIMIT_MAX: f64 = 1_000_000_000.0;
const MICRO: f64 = 1_000_000.0;
const ZONE_MAX: usize = 64;

#[derive(Serialize, ToSchema)]
pub struct BudgetBody {
    #[schema(example = "bud_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// `tenant`, `agent`, `person` or `conversation`.
    scope: &'static str,
    /// The id of the agent, person or conversation; `null` for the tenant.
    target: Option<String>,
    /// `month` or `day`.
    period: String,
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// What the limit was said in.
    #[schema(example = "EUR")]
    currency: String,
    /// What one unit of it is worth in this period: the rate in effect when it began, as an exact decimal.
    #[schema(example = "1.0825")]
    usd_per_unit: String,
    /// In `currency`. `null`: no limit is set.
    budget_limit: Option<f64>,
    /// What that comes to in this period.
    budget_limit_usd: Option<f64>,
    /// The limit in words.
    #[schema(example = "No limit set")]
    limit: String,
    /// Since the period began, as the ledger says.
    spent_usd: f64,
    spent_micro_usd: i64,
    /// In `currency`, rounded up to its millionth.
    spent: f64,
    /// Held for calls that are under way.
    reserved_usd: f64,
    reserved: f64,
    period_start: String,
}

#[derive(Serialize, ToSchema)]
pub struct BudgetList {
    items: Vec<BudgetBody>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Month,
    Day,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetRequest {
    /// `tenant`, `agent`, `person` or `conversation`.
    scope: String,
    /// The id of the agent, person or conversation.
    target: Option<String>,
    period: Period,
    /// Where the period begins at midnight; UTC if not said.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// In the tenant's currency. `null`: no limit; what is spent is counted all the same.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<f64>)]
    budget_limit: Option<Option<f64>>,
    /// Instead, in US dollars, whatever the tenant's currency is.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<f64>)]
    budget_limit_usd: Option<Option<f64>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeBudget {
    /// In the tenant's currency. `null`: no limit any more.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<f64>)]
    budget_limit: Option<Option<f64>>,
    /// Instead, in US dollars, whatever the tenant's currency is.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<f64>)]
    budget_limit_usd: Option<Option<f64>>,
}

/// `null` is something that was said.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The tenant's budgets, its own first.
#[utoipa::path(get, path = "/api/v1/budgets",
    responses((status = 200, body = BudgetList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<BudgetList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = budgets::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(BudgetList { items: items.into_iter().map(BudgetBody::from).collect() }))
}

/// Sets a budget up. It begins with what was spent in its period so far.
#[utoipa::path(post, path = "/api/v1/budgets", request_body = BudgetRequest, params(OnceKey),
    responses((status = 201, body = BudgetBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn create(
    Admin(admin): Admin,
    once: Once,
    body: Result<Json<BudgetRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<BudgetBody>), ApiError> {
    let Json(body) = body?;
    let zone = body.time_zone.as_deref().unwrap_or("UTC");
    let new = NewBudget {
        scope: scope(&body.scope, body.target.as_deref())?,
        period: match body.period {
            Period::Month => "month",
            Period::Day => "day",
        },
        time_zone: zone,
        limit: limit(body.budget_limit, body.budget_limit_usd)?,
    };
    let mut tx = admin.db.begin().await?;
    let plain = zone.len() <= ZONE_MAX && zone.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !budgets::knows_zone(&mut tx, zone).await? {
        return Err(ApiError::invalid("`time_zone` must be a name such as Europe/Berlin."));
    }
    let budget = budgets::create(&mut tx, &new).await?;
    let detail = json!({ "scope": new.scope.name(), "target": body.target, "period": new.period,
                         "limit_micro": budget.limit_micro, "currency": budget.unit.currency,
                         "limit_micro_usd": budget.limit_micro_usd });
    audit::append(&mut tx, &admin.actor, "budget.create", ("budget", &budget.id.to_string()), detail).await?;
    once.commit(tx, StatusCode::CREATED, budget.into()).await
}

/// Changes the limit; it holds with the next call.
#[utoipa::path(patch, path = "/api/v1/budgets/{budget_id}", params(("budget_id" = String, Path)),
    request_body = ChangeBudget,
    responses((status = 200, body = BudgetBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn change(
    Admin(admin): Admin,
    PathId(id): PathId<BudgetId>,
    body: Result<Json<ChangeBudget>, JsonRejection>,
) -> Result<Json<BudgetBody>, ApiError> {
    let Json(body) = body?;
    let limit = limit(body.budget_limit, body.budget_limit_usd)?;
    let mut tx = admin.db.begin().await?;
    let budget = budgets::set_limit(&mut tx, id, limit).await?;
    let detail = json!({ "limit_micro": budget.limit_micro, "currency": budget.unit.currency,
                         "limit_micro_usd": budget.limit_micro_usd });
    audit::append(&mut tx, &admin.actor, "budget.change", ("budget", &id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(Json(budget.into()))
}

/// Deletes a budget. The ledger stays.
#[utoipa::path(delete, path = "/api/v1/budgets/{budget_id}", params(("budget_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn remove(Admin(admin): Admin, PathId(id): PathId<BudgetId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    budgets::remove(&mut tx, id).await?;
    audit::append(&mut tx, &admin.actor, "budget.delete", ("budget", &id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn scope(name: &str, target: Option<&str>) -> Result<Scope, ApiError> {
    let scope = match (name, target) {
        ("tenant", None) => Some(Scope::Tenant),
        ("agent", Some(id)) => id.parse().ok().map(Scope::Agent),
        ("person", Some(id)) => id.parse().ok().map(Scope::Person),
        ("conversation", Some(id)) => id.parse().ok().map(Scope::Conversation),
        _ => None,
    };
    scope.ok_or_else(|| {
        ApiError::invalid(
            "`scope` must be `tenant` without a `target`, or `agent`, `person` or `conversation` with its id as `target`.",
        )
    })
}

/// What is left out is a mistake, and no limit a decision.
fn limit(own: Option<Option<f64>>, usd: Option<Option<f64>>) -> Result<Limit<'static>, ApiError> {
    match (own, usd) {
        (Some(own), None) => Ok(Limit::own(micro("budget_limit", own, LIMIT_MAX)?)),
        (None, Some(usd)) => Ok(Limit::usd(micro("budget_limit_usd", usd, LIMIT_USD_MAX)?)),
        _ => Err(ApiError::invalid(
            "Say the limit once: `budget_limit` in your currency or `budget_limit_usd`; `null` is no limit.",
        )),
    }
}

fn micro(field: &str, amount: Option<f64>, most: f64) -> Result<Option<i64>, ApiError> {
    let Some(amount) = amount else { return Ok(None) };
    if !(0.0..=most).contains(&amount) {
        return Err(ApiError::invalid(format!("`{field}` must be `null` or a number from 0 to {most}.")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 10^15")]
    Ok(Some((amount * MICRO).round() as i64))
}

/// Exact to the micro-dollar: far less than 2^53 of them.
#[expect(clippy::cast_precision_loss, reason = "at most 10^12, but for what a provider claims")]
pub(crate) fn usd(micro: i64) -> f64 {
    micro as f64 / MICRO
}

impl From<Budget> for BudgetBody {
    fn from(budget: Budget) -> Self {
        let target = match budget.scope {
            Scope::Tenant => None,
            Scope::Agent(id) => Some(id.to_string()),
            Scope::Person(id) => Some(id.to_string()),
            Scope::Conversation(id) => Some(id.to_string()),
        };
        let limit = match budget.limit_micro {
            None => "No limit set".to_owned(),
            Some(micro) => format!("{} a {}", said(micro, &budget.unit.currency), budget.period),
        };
        let own = |micro_usd| usd(budget.unit.from_micro_usd(micro_usd));
        let (spent, reserved) = (own(budget.spent_micro_usd), own(budget.reserved_micro_usd));
        Self {
            id: budget.id.to_string(),
            scope: budget.scope.name(),
            target,
            period: budget.period,
            time_zone: budget.time_zone,
            usd_per_unit: budget.unit.usd_per_unit(),
            currency: budget.unit.currency,
            // Millionths of a unit as of a dollar.
            budget_limit: budget.limit_micro.map(usd),
            budget_limit_usd: budget.limit_micro_usd.map(usd),
            spent,
            reserved,
            limit,
            spent_usd: usd(budget.spent_micro_usd),
            spent_micro_usd: budget.spent_micro_usd,
            reserved_usd: usd(budget.reserved_micro_usd),
            period_start: budget.period_start.format(&Rfc3339).unwrap_or_default(),
        }
    }
}

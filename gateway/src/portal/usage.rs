//! What models were used for, and what it cost: sums of the ledger.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        budgets::{
            self,
            currencies::{self, Unit},
        },
        usage_report::{self, By, Usage},
    },
    ids::{AgentId, PersonId},
};
use time::{Date, Duration, format_description::BorrowedFormatItem, macros::format_description};
use utoipa::{IntoParams, ToSchema};

use super::budgets::usd;
use crate::{
    Gateway,
    auth::Operator,
    error::{ApiError, Problem},
};

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const DAYS_DEFAULT: i64 = 30;
const DAYS_MAX: i64 = 400;
const ZONE_MAX: usize = 64;

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    Agent,
    Person,
    Model,
    Day,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// `agent`, `person`, `model` or `day`.
    #[param(inline)]
    by: Grouping,
    /// The first day, `2026-11-01`; if not said, 30 days ago.
    from: Option<String>,
    /// The last day; if not said, today.
    to: Option<String>,
    /// Whose days they are, such as `Europe/Berlin`; UTC if not said.
    time_zone: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct UsageBody {
    /// An id, a model's name or a day; `null` for what belongs to none.
    key: Option<String>,
    name: Option<String>,
    calls: i64,
    /// Calls that failed or were cut off.
    failed_calls: i64,
    input_tokens: i64,
    output_tokens: i64,
    audio_seconds: i64,
    /// Of the calls whose model has a price.
    cost_usd: f64,
    cost_micro_usd: i64,
    /// In the report's currency, rounded up to its millionth.
    cost: f64,
    /// Of it, paid with keys of the tenant's own.
    own_cost_usd: f64,
    own_cost: f64,
    /// Calls of models without a price: they cost something, but nobody knows what.
    unpriced_calls: i64,
}

#[derive(Serialize, ToSchema)]
pub struct UsageReport {
    from: String,
    to: String,
    time_zone: String,
    /// The tenant's.
    #[schema(example = "EUR")]
    currency: String,
    /// What one unit of it was worth when the first day began, as an exact decimal.
    #[schema(example = "1.0825")]
    usd_per_unit: String,
    /// The dearest first; of days, the latest.
    items: Vec<UsageBody>,
}

/// The ledger, summed up by agent, person, model or day.
#[utoipa::path(get, path = "/api/v1/usage", params(Span),
    responses((status = 200, body = UsageReport), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn report(
    State(gateway): State<Gateway>,
    operator: Operator,
    span: Result<Query<Span>, QueryRejection>,
) -> Result<Json<UsageReport>, ApiError> {
    let Query(span) = span.map_err(|refusal| ApiError::invalid(refusal.body_text()))?;
    let (from, to) = days(span.from.as_deref(), span.to.as_deref(), gateway.clock.now().date())?;
    let zone = span.time_zone.as_deref().unwrap_or("UTC");
    let mut tx = operator.db.begin().await?;
    let plain = zone.len() <= ZONE_MAX && zone.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !budgets::knows_zone(&mut tx, zone).await? {
        return Err(ApiError::invalid("`time_zone` must be a name such as Europe/Berlin."));
    }
    let by = match span.by {
        Grouping::Agent => By::Agent,
        Grouping::Person => By::Person,
        Grouping::Model => By::Model,
        Grouping::Day => By::Day,
    };
    let items = usage_report::report(&mut tx, by, (from, to), zone).await?;
    let unit = currencies::since(&mut tx, from, zone).await?;
    tx.close().await?;
    Ok(Json(UsageReport {
        from: day(from),
        to: day(to),
        time_zone: zone.to_owned(),
        items: items.into_iter().map(|usage| body(by, usage, &unit)).collect(),
        usd_per_unit: unit.usd_per_unit(),
        currency: unit.currency,
    }))
}

/// From one day to another, both included; the last thirty days if nothing is said.
pub(super) fn days(from: Option<&str>, to: Option<&str>, today: Date) -> Result<(Date, Date), ApiError> {
    let day = |text: &str| {
        Date::parse(text, DAY).map_err(|_| ApiError::invalid("`from` and `to` must be days such as 2026-11-01."))
    };
    let to = to.map(day).transpose()?.unwrap_or(today);
    let from = match from {
        Some(text) => day(text)?,
        None => to.checked_sub(Duration::days(DAYS_DEFAULT)).unwrap_or(to),
    };
    if from > to || (to - from).whole_days() > DAYS_MAX {
        return Err(ApiError::invalid(format!("`from` must be before `to`, by {DAYS_MAX} days at most.")));
    }
    Ok((from, to))
}

/// A day as it is written.
pub(super) fn day(day: Date) -> String {
    day.format(DAY).unwrap_or_default()
}

fn body(by: By, usage: Usage, unit: &Unit) -> UsageBody {
    let key = usage.key.map(|key| match (by, key.parse()) {
        (By::Agent, Ok(id)) => AgentId::from_uuid(id).to_string(),
        (By::Person, Ok(id)) => PersonId::from_uuid(id).to_string(),
        _ => key,
    });
    UsageBody {
        key,
        name: usage.name,
        calls: usage.calls,
        failed_calls: usage.failed_calls,
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        audio_seconds: usage.audio_seconds,
        cost_usd: usd(usage.cost_micro_usd),
        cost_micro_usd: usage.cost_micro_usd,
        cost: usd(unit.from_micro_usd(usage.cost_micro_usd)),
        own_cost_usd: usd(usage.own_cost_micro_usd),
        own_cost: usd(unit.from_micro_usd(usage.own_cost_micro_usd)),
        unpriced_calls: usage.unpriced_calls,
    }
}

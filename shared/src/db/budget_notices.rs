//! What a tenant's admins are told of its budgets: each thing once in a period.

use sqlx::Row;

use super::{
    DbError, TenantTx,
    budgets::currencies,
    notices::{self, Kind},
};
use crate::ids::BudgetId;

/// Tells the admins of thresholds that were reached, each once in a period. For the transaction that booked the calls.
pub async fn tell_thresholds(tx: &mut TenantTx) -> Result<usize, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "update budgets b
            set alerted_percent =
                budget_reached(b.spent_micro_usd, micro_usd_of(b.limit_micro, b.currency, b.period_start))
          where b.tenant_id = $1
            and b.alerted_percent <
                budget_reached(b.spent_micro_usd, micro_usd_of(b.limit_micro, b.currency, b.period_start))
         returning b.scope, b.period, b.limit_micro, b.currency, b.alerted_percent",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    for row in &rows {
        let percent: i32 = row.try_get("alerted_percent")?;
        let body = format!(
            "{percent} % of the {} is spent. When it is used up, people are told so and handed to a human; a higher limit \
             takes effect at once.",
            named(row)?
        );
        notices::tell(tx, Kind::BudgetAlert, None, &body).await?;
    }
    Ok(rows.len())
}

/// Tells the admins that somebody went without an answer, once in a period for each of the budgets.
pub async fn tell_exhausted(
    tx: &mut TenantTx,
    budgets: &[BudgetId],
    unpriced: Option<&str>,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "update budgets b
            set alerted_percent = 101, period_start = greatest(b.period_start, p.start),
                spent_micro_usd = case when b.period_start < p.start then 0 else b.spent_micro_usd end
           from (select budget_id, budget_period_start(period, time_zone, now()) as start
                   from budgets where tenant_id = $1) p
          where b.tenant_id = $1 and b.budget_id = any ($2) and p.budget_id = b.budget_id
            and (b.alerted_percent < 101 or b.period_start < p.start)
         returning b.scope, b.period, b.limit_micro, b.currency",
    )
    .bind(tenant)
    .bind(budgets)
    .fetch_all(tx.conn())
    .await?;
    for row in &rows {
        let budget = named(row)?;
        let body = match unpriced {
            Some(model) => format!(
                "Nobody knows what the model `{model}` costs, so it is not asked under the {budget}. If a key of your own \
                 pays it, say its price beside the key (Model keys). Otherwise choose a model with a price, or ask your \
                 operator to add one. Whoever asks meanwhile is handed to a human."
            ),
            None => format!(
                "The {budget} has no room for another answer. Whoever asks is told so and handed to a human; a higher limit \
                 takes effect at once."
            ),
        };
        notices::tell(tx, Kind::BudgetExhausted, None, &body).await?;
    }
    Ok(())
}

fn named(row: &sqlx::postgres::PgRow) -> Result<String, DbError> {
    let (scope, period): (String, String) = (row.try_get("scope")?, row.try_get("period")?);
    let limit = currencies::said(row.try_get("limit_micro")?, row.try_get("currency")?);
    let scope = match scope.as_str() {
        "tenant" => "whole organization",
        "agent" => "an agent",
        "person" => "a person",
        _ => "a conversation",
    };
    let period = if period == "day" { "daily" } else { "monthly" };
    Ok(format!("{period} budget of {limit} for {scope}"))
}

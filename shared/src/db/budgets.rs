//! Budgets: how much models may cost, in a day or a month, for a tenant, an agent, a person or a conversation.
//!
//! Money is held before a call and let go by the call's ledger row. The counters are kept by a trigger on the ledger
//! (`budget_count()`), so that whoever books a call counts it. A call is made only if every budget it counts against has
//! room for the most it may cost: what is spent never exceeds a limit.

use sqlx::{Postgres, Row, postgres::PgArguments, query::QueryAs};
use time::OffsetDateTime;

use super::{DbError, TenantDb, TenantTx, alone, usage::KeyOwner};
use crate::ids::{AgentId, BudgetId, ConversationId, PersonId, RunId, TenantId, UsageId};

pub mod currencies;
use currencies::Unit;

/// Budgets of one tenant.
pub const BUDGETS_MAX: i64 = 500;
/// A call that was not booked within this time never will be: its process is gone. Longer than any turn.
const STALE_AFTER_SECONDS: f64 = 900.0;

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Tenant,
    Agent(AgentId),
    Person(PersonId),
    Conversation(ConversationId),
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Agent(_) => "agent",
            Self::Person(_) => "person",
            Self::Conversation(_) => "conversation",
        }
    }

    fn columns(self) -> (Option<AgentId>, Option<PersonId>, Option<ConversationId>) {
        match self {
            Self::Tenant => (None, None, None),
            Self::Agent(id) => (Some(id), None, None),
            Self::Person(id) => (None, Some(id), None),
            Self::Conversation(id) => (None, None, Some(id)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    pub id: BudgetId,
    pub scope: Scope,
    /// `month` or `day`.
    pub period: String,
    pub time_zone: String,
    /// What the limit was said in, and what it is worth in this period.
    pub unit: Unit,
    /// In millionths of the unit. `None`: no limit is set.
    pub limit_micro: Option<i64>,
    /// What it comes to in this period.
    pub limit_micro_usd: Option<i64>,
    pub period_start: OffsetDateTime,
    pub spent_micro_usd: i64,
    pub reserved_micro_usd: i64,
}

pub struct NewBudget<'a> {
    pub scope: Scope,
    pub period: &'a str,
    pub time_zone: &'a str,
    pub limit: Limit<'a>,
}

/// How much may be spent.
#[derive(Clone, Copy, Debug)]
pub struct Limit<'a> {
    /// In millionths of the currency's unit. `None`: there is no limit.
    pub micro: Option<i64>,
    /// `None`: the tenant's.
    pub currency: Option<&'a str>,
}

impl Limit<'static> {
    pub fn usd(micro: Option<i64>) -> Self {
        Self { micro, currency: Some("USD") }
    }

    /// In the tenant's currency.
    pub fn own(micro: Option<i64>) -> Self {
        Self { micro, currency: None }
    }
}

/// Whose call it is.
#[derive(Clone, Copy, Debug)]
pub struct Spender {
    /// Of a case that is tried none, as there is no conversation.
    pub run: Option<RunId>,
    pub agent: AgentId,
    pub conversation: Option<ConversationId>,
    pub person: Option<PersonId>,
}

/// A call about to be made, and the most it may take.
#[derive(Clone, Copy, Debug)]
pub struct Planned<'a> {
    pub id: UsageId,
    pub model: &'a str,
    pub owner: KeyOwner,
    pub input_tokens: i64,
    pub output_tokens: i64,
    /// As the ledger names it.
    pub purpose: &'static str,
}

/// Whether a call may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No budget with a limit is concerned.
    Free,
    /// This much is held for it.
    Held(i64),
    /// These budgets have no room for it.
    Short(Vec<BudgetId>),
    /// Nobody knows what the model costs, and there is a limit.
    Unpriced(Vec<BudgetId>),
}

/// When the period began that is running.
macro_rules! begun {
    () => {
        "greatest(period_start, budget_period_start(period, time_zone, now()))"
    };
}

macro_rules! columns {
    () => {
        concat!(
            "budget_id, scope, agent_id, person_id, conversation_id, period, time_zone, currency, limit_micro,
       micro_usd_of(limit_micro, currency, ",
            begun!(),
            ") as limit_micro_usd, ",
            currencies::rate!("currency", begun!()),
            " as rate, ",
            begun!(),
            " as period_start,
       case when period_start < budget_period_start(period, time_zone, now()) then 0 else spent_micro_usd end as spent,
       reserved_micro_usd"
        )
    };
}

/// The budgets, the tenant's first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Budget>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(concat!(
        "select ",
        columns!(),
        " from budgets where tenant_id = $1 order by scope <> 'tenant', budget_id limit $2"
    ))
    .bind(tenant)
    .bind(BUDGETS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(budget).collect()
}

/// Sets a budget up, with what the ledger says was spent since its period began.
pub async fn create(tx: &mut TenantTx, new: &NewBudget<'_>) -> Result<Budget, DbError> {
    let (tenant, (agent, person, conversation)) = (tx.tenant(), new.scope.columns());
    let row = sqlx::query(concat!(
        "insert into budgets (tenant_id, budget_id, scope, agent_id, person_id, conversation_id, period, time_zone,
                              limit_micro, currency, period_start, spent_micro_usd)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9,
                coalesce($11, (select currency from tenants where tenant_id = $1)), p.start,
                (select coalesce(sum(u.cost_micro_usd), 0) from usage u
                  where u.tenant_id = $1 and u.created_at >= p.start
                    and ($4::uuid is null or u.agent_id = $4) and ($5::uuid is null or u.person_id = $5)
                    and ($6::uuid is null or u.conversation_id = $6))
           from (select budget_period_start($7, $8, now()) as start) p
          where (select count(*) from budgets where tenant_id = $1) < $10
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(BudgetId::new())
    .bind(new.scope.name())
    .bind(agent)
    .bind(person)
    .bind(conversation)
    .bind(new.period)
    .bind(new.time_zone)
    .bind(new.limit.micro)
    .bind(BUDGETS_MAX)
    .bind(new.limit.currency)
    .fetch_optional(tx.conn())
    .await
    .map_err(|error| match DbError::from(error) {
        error if error.constraint().is_some_and(|name| name.ends_with("_fkey")) => DbError::NotFound,
        error if error.constraint().is_some_and(|name| name.ends_with("_key")) => {
            DbError::Conflict("There is a budget for this already: change its limit.")
        }
        error => error,
    })?;
    row.as_ref().map(budget).ok_or(DbError::Conflict("There are 500 budgets already: delete one first."))?
}

/// Changes the limit. Thresholds below the new one may be reported again.
pub async fn set_limit(tx: &mut TenantTx, id: BudgetId, limit: Limit<'_>) -> Result<Budget, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!(
        "update budgets
            set limit_micro = $3, currency = coalesce($4, (select currency from tenants where tenant_id = $1)),
                alerted_percent = 0
          where tenant_id = $1 and budget_id = $2
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(id)
    .bind(limit.micro)
    .bind(limit.currency)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(budget).ok_or(DbError::NotFound)?
}

pub async fn remove(tx: &mut TenantTx, id: BudgetId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let removed = sqlx::query("delete from budgets where tenant_id = $1 and budget_id = $2")
        .bind(tenant)
        .bind(id)
        .execute(tx.conn())
        .await?;
    if removed.rows_affected() == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

/// Whether the server knows the time zone.
pub async fn knows_zone(tx: &mut TenantTx, name: &str) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar("select exists (select from pg_timezone_names where name = $1)")
        .bind(name)
        .fetch_one(tx.conn())
        .await?)
}

macro_rules! arguments {
    () => {
        "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    };
}

/// Holds what the call may cost in every budget that concerns it, or says why it may not be made.
pub async fn reserve(tx: &mut TenantTx, who: &Spender, call: &Planned<'_>) -> Result<Verdict, DbError> {
    let (tenant, sql) = (tx.tenant(), concat!("select budget, room, cost from budget_reserve($1, ", arguments!()));
    verdict(reservation(sql, tenant, who, call).fetch_all(tx.conn()).await?)
}

/// The same as a transaction by itself: one round trip.
pub async fn reserve_alone(db: &TenantDb, who: &Spender, call: &Planned<'_>) -> Result<Verdict, DbError> {
    let sql = concat!("select budget, room, cost from ", alone!("budget_reserve"), arguments!());
    verdict(reservation(sql, db.id(), who, call).fetch_all(db.alone()).await?)
}

type Room = (BudgetId, i64, Option<i64>);

fn reservation<'q>(
    sql: &'static str,
    tenant: TenantId,
    who: &Spender,
    call: &Planned<'q>,
) -> QueryAs<'q, Postgres, Room, PgArguments> {
    let (owner, key) = call.owner.parts();
    sqlx::query_as(sql)
        .bind(tenant)
        .bind(call.id)
        .bind(who.run)
        .bind(who.agent)
        .bind(who.conversation)
        .bind(who.person)
        .bind(call.model)
        .bind(owner)
        .bind(key)
        .bind(call.input_tokens)
        .bind(call.output_tokens)
        .bind(call.purpose)
}

/// What the budgets concerned, with their room, and the call's cost come to.
fn verdict(rows: Vec<Room>) -> Result<Verdict, DbError> {
    let Some((_, _, cost)) = rows.first() else { return Ok(Verdict::Free) };
    let Some(cost) = *cost else { return Ok(Verdict::Unpriced(rows.into_iter().map(|(id, ..)| id).collect())) };
    let short: Vec<BudgetId> = rows.iter().filter(|(_, room, _)| *room < cost).map(|(id, ..)| *id).collect();
    Ok(if short.is_empty() { Verdict::Held(cost) } else { Verdict::Short(short) })
}

/// Books calls whose process is gone, at what was held for them. Returns how many.
pub async fn settle_stale(tx: &mut TenantTx) -> Result<u64, DbError> {
    let tenant = tx.tenant();
    let settled = sqlx::query(
        "insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, person_id, purpose, model, key_owner,
                            llm_key_id, status, input_tokens, output_tokens, estimated, cost_micro_usd)
         select distinct on (r.usage_id) $1, r.usage_id, r.run_id, r.agent_id, r.conversation_id, r.person_id, r.purpose,
                r.model, r.key_owner, r.llm_key_id, 'unknown', r.input_tokens, r.output_tokens, true, r.amount_micro_usd
           from budget_reservations r
          where r.tenant_id = $1 and r.created_at < clock_timestamp() - make_interval(secs => $2)
          order by r.usage_id
         on conflict (tenant_id, usage_id) do nothing",
    )
    .bind(tenant)
    .bind(STALE_AFTER_SECONDS)
    .execute(tx.conn())
    .await?;
    Ok(settled.rows_affected())
}

/// What summing up came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SummedUp {
    pub budgets: u64,
    /// Counters that differed from the ledger: none, unless a budget was set up while a call was being booked.
    pub corrected: u64,
}

/// Sums the ledger up, and corrects counters that differ.
pub async fn sum_up(tx: &mut TenantTx) -> Result<SummedUp, DbError> {
    let tenant = tx.tenant();
    // Whoever books waits until the sum is taken.
    let locked = sqlx::query("select from budgets where tenant_id = $1 order by budget_id for no key update")
        .bind(tenant)
        .execute(tx.conn())
        .await?;
    let corrected = sqlx::query(
        "update budgets b set spent_micro_usd = d.ledger_micro_usd, reserved_micro_usd = d.held_micro_usd
           from budget_drift() d
          where b.tenant_id = $1 and d.tenant_id = $1 and d.budget_id = b.budget_id",
    )
    .bind(tenant)
    .execute(tx.conn())
    .await?;
    Ok(SummedUp { budgets: locked.rows_affected(), corrected: corrected.rows_affected() })
}

fn budget(row: &sqlx::postgres::PgRow) -> Result<Budget, DbError> {
    let scope: String = row.try_get("scope")?;
    let scope = match scope.as_str() {
        "agent" => row.try_get::<Option<_>, _>("agent_id")?.map(Scope::Agent),
        "person" => row.try_get::<Option<_>, _>("person_id")?.map(Scope::Person),
        "conversation" => row.try_get::<Option<_>, _>("conversation_id")?.map(Scope::Conversation),
        _ => Some(Scope::Tenant),
    };
    Ok(Budget {
        id: row.try_get("budget_id")?,
        scope: scope.ok_or_else(|| DbError::Damaged("a budget for nobody".into()))?,
        period: row.try_get("period")?,
        time_zone: row.try_get("time_zone")?,
        unit: Unit::of(row)?,
        limit_micro: row.try_get("limit_micro")?,
        limit_micro_usd: row.try_get("limit_micro_usd")?,
        period_start: row.try_get("period_start")?,
        spent_micro_usd: row.try_get("spent")?,
        reserved_micro_usd: row.try_get("reserved_micro_usd")?,
    })
}

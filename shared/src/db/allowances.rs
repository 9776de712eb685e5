//! What a plan includes of things that grow by themselves: answers a month, and memories.
//!
//! Nothing is lost at a limit. A message beyond it is kept and its author told once; memories beyond it rest, the oldest
//! first, and come back with a larger plan. Admins are told with a sentence that names the limit.

use sqlx::Row;

use super::{
    DbError, SystemDb, TenantTx,
    billing::plans_paid_by,
    notices::{self, Kind},
    plans::{PLANS, Plan, in_force},
};
use crate::ids::TenantId;

/// The plan that counts.
async fn plan(tx: &mut TenantTx) -> Result<&'static Plan, DbError> {
    let tenant = tx.tenant();
    let sql = concat!(
        "select (select plan from tenants where tenant_id = $1) as plan, ",
        plans_paid_by!("$1"),
        " as paid"
    );
    let row = sqlx::query(sql).bind(tenant).fetch_one(tx.conn()).await?;
    let given: String = row.try_get::<Option<_>, _>("plan")?.ok_or(DbError::NotFound)?;
    let paid: Vec<String> = row.try_get("paid")?;
    in_force(&given, &paid)
}

/// Answers that agents have begun this month (UTC), and how many the plan includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// At most the largest plan's limit.
    pub begun: i64,
    /// `None`: as many as it likes.
    pub limit: Option<i64>,
}

impl Answers {
    pub fn are_used_up(self) -> bool {
        self.limit.is_some_and(|limit| self.begun >= limit)
    }
}

/// The plan and what counts against it, in one statement: every turn asks. Counts no further than the largest limit.
const ANSWERS: &str = concat!(
    "select t.plan, ",
    plans_paid_by!("$1"),
    " as paid,
            (select count(*) from (select from runs r where r.tenant_id = $1 and r.started_at >= month.begins limit $2) r)
              as begun,
            exists (select from notices n
                     where n.tenant_id = $1 and n.kind = $3 and n.created_at >= month.begins) as told
       from tenants t
      cross join (select date_trunc('month', now() at time zone 'UTC') at time zone 'UTC' as begins) month
      where t.tenant_id = $1"
);

/// How many answers are used up. Once they all are, the admins are told, once a month. An answer that is begun at the same
/// time may be one too many.
pub async fn answers(tx: &mut TenantTx) -> Result<Answers, DbError> {
    let (tenant, most) = (tx.tenant(), PLANS.iter().filter_map(|plan| plan.answers).max());
    let row = sqlx::query(ANSWERS)
        .bind(tenant)
        .bind(most)
        .bind(Kind::AnswersUsedUp.as_str())
        .fetch_optional(tx.conn())
        .await?
        .ok_or(DbError::NotFound)?;
    let (given, paid): (String, Vec<String>) = (row.try_get("plan")?, row.try_get("paid")?);
    let plan = in_force(&given, &paid)?;
    let Some(limit) = plan.answers else { return Ok(Answers { begun: 0, limit: None }) };
    let answers = Answers { begun: row.try_get("begun")?, limit: Some(limit) };
    if answers.are_used_up() && !row.try_get::<bool, _>("told")? {
        let sentence = format!(
            "The plan `{}` includes {limit} answers a month, and they are used up: whoever writes is told so once, and what \
             they write is kept. Answer by hand, or change to a larger plan under Settings › Billing.",
            plan.name
        );
        notices::tell(tx, Kind::AnswersUsedUp, None, &sentence).await?;
    }
    Ok(answers)
}

/// Ranks only where there is something to do: most tenants are far from their limit.
const REST: &str = "
with state as (
    select exists (select from memories m where m.tenant_id = $1 and m.valid_until = '1970-01-01 00:00:00+00') as resting,
           $2 < 9223372036854775807
             and (select count(*) from memories m where m.tenant_id = $1 and m.kind = 'message') > $2 as too_many
), ranked as (
    select m.memory_id, row_number() over (order by m.said_at desc, m.memory_id desc) > $2 as rests
      from state s join memories m on s.resting or s.too_many
     where m.tenant_id = $1 and m.kind = 'message'
), changed as (
    update memories m
       set valid_until = case when r.rests then timestamptz '1970-01-01 00:00:00+00' end
      from ranked r
     where m.tenant_id = $1 and m.memory_id = r.memory_id
       and r.rests = (m.valid_until is distinct from timestamptz '1970-01-01 00:00:00+00')
    returning m.memory_id
)
select s.too_many and not s.resting as is_news, (select count(*) from changed) as changed from state s";

/// Lets the oldest messages beyond the plan's limit rest, or brings them back; returns how many changed. For a transaction
/// of all audiences. Facts and documents are not counted.
pub async fn let_memories_rest(tx: &mut TenantTx) -> Result<i64, DbError> {
    let plan = plan(tx).await?;
    let (tenant, limit) = (tx.tenant(), plan.memories.unwrap_or(i64::MAX));
    let row = sqlx::query(REST).bind(tenant).bind(limit).fetch_one(tx.conn()).await?;
    if row.try_get("is_news")? {
        let sentence = format!(
            "The plan `{}` includes {limit} memories: of older messages nobody is reminded any more. None is lost; a larger \
             plan under Settings › Billing brings them back.",
            plan.name
        );
        notices::tell(tx, Kind::MemoriesRest, None, &sentence).await?;
    }
    Ok(row.try_get("changed")?)
}

/// The next tenants, in the order of their ids, at most 500.
///
/// Reason: the hourly look asks whose memories are to be counted; they are counted under each tenant.
pub async fn tenants_after(db: &SystemDb, after: Option<TenantId>) -> Result<Vec<TenantId>, DbError> {
    Ok(sqlx::query_scalar(
        "select tenant_id from tenants where $1::uuid is null or tenant_id > $1 order by tenant_id limit 500",
    )
    .bind(after)
    .fetch_all(db.read())
    .await?)
}

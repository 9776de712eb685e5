//! What was used, and what it cost: sums of the ledger. Calls of models without a price are counted, but have no cost.

use sqlx::Row;
use time::Date;

use super::{DbError, TenantTx};

/// Groups of one report, the dearest first; of days, the newest.
pub const GROUPS_MAX: i64 = 400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Agent,
    Person,
    Model,
    Day,
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// An id, a model's name, a day; `None`: what belongs to none (a voice message belongs to no agent).
    pub key: Option<String>,
    pub name: Option<String>,
    pub calls: i64,
    /// Not answered, or cut off.
    pub failed_calls: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub audio_seconds: i64,
    /// Of the calls that have a price.
    pub cost_micro_usd: i64,
    /// Of it, by keys of the tenant's own.
    pub own_cost_micro_usd: i64,
    pub unpriced_calls: i64,
}

/// Groups by the key, names each, and orders them.
macro_rules! report {
    ($key:literal, $name:literal, $order:literal) => {
        concat!(
            "select s.*, ",
            $name,
            " as name
               from (select ",
            $key,
            " as key, count(*) filter (where u.purpose <> 'channel') as calls,
                            count(*) filter (where u.status <> 'ok') as failed,
                            sum(u.input_tokens)::bigint as input, sum(u.output_tokens)::bigint as output,
                            coalesce(sum(u.audio_seconds), 0)::bigint as seconds,
                            coalesce(sum(u.cost_micro_usd), 0)::bigint as cost,
                            coalesce(sum(u.cost_micro_usd) filter (where u.key_owner = 'tenant'), 0)::bigint as own_cost,
                            count(*) filter (where u.cost_micro_usd is null) as unpriced
                       from usage u
                      where u.tenant_id = $1 and u.created_at >= $2::date::timestamp at time zone $4
                        and u.created_at < ($3::date + 1)::timestamp at time zone $4
                      group by 1 order by ",
            $order,
            " limit $5) s order by ",
            $order
        )
    };
}

const AGENTS: &str = report!(
    "u.agent_id::text",
    "(select a.name from agents a where a.tenant_id = $1 and a.agent_id::text = s.key)",
    "cost desc, calls desc"
);
const PERSONS: &str = report!(
    "u.person_id::text",
    "(select p.display_name from people p where p.tenant_id = $1 and p.person_id::text = s.key)",
    "cost desc, calls desc"
);
const MODELS: &str = report!("u.model", "s.key", "cost desc, calls desc");
const DAYS: &str = report!("to_char(u.created_at at time zone $4, 'YYYY-MM-DD')", "s.key", "key desc");

/// The ledger from one day to another, both included, summed up. Days are those of the time zone.
pub async fn report(
    tx: &mut TenantTx,
    by: By,
    (from, to): (Date, Date),
    time_zone: &str,
) -> Result<Vec<Usage>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(match by {
        By::Agent => AGENTS,
        By::Person => PERSONS,
        By::Model => MODELS,
        By::Day => DAYS,
    })
    .bind(tenant)
    .bind(from)
    .bind(to)
    .bind(time_zone)
    .bind(GROUPS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(usage).collect()
}

fn usage(row: &sqlx::postgres::PgRow) -> Result<Usage, DbError> {
    Ok(Usage {
        key: row.try_get("key")?,
        name: row.try_get("name")?,
        calls: row.try_get("calls")?,
        failed_calls: row.try_get("failed")?,
        input_tokens: row.try_get("input")?,
        output_tokens: row.try_get("output")?,
        audio_seconds: row.try_get("seconds")?,
        cost_micro_usd: row.try_get("cost")?,
        own_cost_micro_usd: row.try_get("own_cost")?,
        unpriced_calls: row.try_get("unpriced")?,
    })
}

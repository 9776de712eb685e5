//! How far our messages got, as a platform reports it: late, twice, and in any order.

use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::ids::{ConnectionId, OutboxId};

/// The stages of a message. A later one is never taken back by an earlier one that arrives late; a message that was seen
/// has not failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    Accepted,
    Sent,
    Failed,
    Delivered,
    Read,
    Played,
}

impl Progress {
    /// A word that is not known yet counts as the least.
    pub fn parse(word: &str) -> Self {
        match word {
            "sent" => Self::Sent,
            "failed" => Self::Failed,
            "delivered" => Self::Delivered,
            "read" => Self::Read,
            "played" => Self::Played,
            _ => Self::Accepted,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
        }
    }

    fn rank(self) -> i32 {
        self as i32
    }
}

/// One report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The platform's id of the message.
    pub external_id: String,
    pub progress: Progress,
    pub at: OffsetDateTime,
    /// What we sent along, if it was ours.
    pub outbox: Option<OutboxId>,
    /// Whom it went to, for the price; not stored.
    pub recipient: String,
    pub error_code: Option<i32>,
    pub error: Option<String>,
    pub category: Option<String>,
    /// `regular`, or why it is free.
    pub pricing: Option<String>,
}

/// The reports of one message are taken together, the furthest first, so that a statement touches no row twice. A price
/// that was reported once stays. What was given up as unknown, and is reported as there, was sent; what was sent and is
/// reported as failed was not.
const RECORD: &str = "
with given as (
    select * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::int[], $7::timestamptz[], $8::int[],
                         $9::text[], $10::text[], $11::text[], $12::text[])
      as g (connection_id, external_id, outbox_id, status, rank, changed_at, error_code, error, category, pricing,
            recipient)
), furthest as (
    select distinct on (connection_id, external_id) connection_id, external_id, status, rank, changed_at, error_code,
           error,
           (max(outbox_id::text) over message)::uuid as outbox_id,
           max(category) over message as category, max(pricing) over message as pricing,
           max(recipient) over message as recipient
      from given
    window message as (partition by connection_id, external_id)
     order by connection_id, external_id, rank desc
), priced as (
    select f.*, case when f.pricing <> 'regular' then 0 else p.micro_usd end as cost
      from furthest f
      left join lateral (
        select micro_usd from channel_prices p
         where p.channel = 'whatsapp' and p.category = f.category and starts_with(f.recipient, p.market)
           and p.effective_from <= f.changed_at
         order by length(p.market) desc, p.effective_from desc limit 1
      ) p on true
), stored as (
    insert into delivery_statuses as d (tenant_id, connection_id, external_id, outbox_id, status, rank, changed_at,
                                        error_code, error, pricing_category, pricing_type, cost_micro_usd)
    select $1, connection_id, external_id, outbox_id, status, rank, changed_at, error_code, error, category, pricing, cost
      from priced order by connection_id, external_id
    on conflict (tenant_id, connection_id, external_id) do update
       set status = case when excluded.rank > d.rank then excluded.status else d.status end,
           changed_at = case when excluded.rank > d.rank then excluded.changed_at else d.changed_at end,
           error_code = case when excluded.rank > d.rank then excluded.error_code else d.error_code end,
           error = case when excluded.rank > d.rank then excluded.error else d.error end,
           rank = greatest(excluded.rank, d.rank),
           outbox_id = coalesce(d.outbox_id, excluded.outbox_id),
           pricing_category = coalesce(d.pricing_category, excluded.pricing_category),
           pricing_type = coalesce(d.pricing_type, excluded.pricing_type),
           cost_micro_usd = coalesce(d.cost_micro_usd, excluded.cost_micro_usd)
    returning d.outbox_id, d.external_id, d.status, d.error_code, d.error
)
update outbox o
   set state = case when s.status = 'failed' then 'dead' else 'sent' end,
       external_id = coalesce(o.external_id, s.external_id),
       error = case when s.status = 'failed' then concat_ws(': ', s.error_code, s.error) end,
       sent_at = coalesce(o.sent_at, clock_timestamp())
  from stored s
 where o.tenant_id = $1 and o.outbox_id = s.outbox_id
   and ((s.status = 'failed' and o.state in ('sending', 'sent', 'unknown'))
        or (s.status in ('sent', 'delivered', 'read', 'played') and o.state = 'unknown'))";

/// Records reports about messages of the tenant's connections. Recording them again changes nothing.
pub async fn record(tx: &mut TenantTx, reports: &[(ConnectionId, Status)]) -> Result<(), DbError> {
    if reports.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant();
    let list = |pick: fn(&Status) -> Option<&str>| {
        reports.iter().map(|(_, status)| pick(status).map(str::to_owned)).collect::<Vec<_>>()
    };
    sqlx::query(RECORD)
        .bind(tenant)
        .bind(reports.iter().map(|(connection, _)| *connection).collect::<Vec<_>>())
        .bind(list(|status| Some(&status.external_id)))
        .bind(reports.iter().map(|(_, status)| status.outbox).collect::<Vec<_>>())
        .bind(list(|status| Some(status.progress.as_str())))
        .bind(reports.iter().map(|(_, status)| status.progress.rank()).collect::<Vec<_>>())
        .bind(reports.iter().map(|(_, status)| status.at).collect::<Vec<_>>())
        .bind(reports.iter().map(|(_, status)| status.error_code).collect::<Vec<_>>())
        .bind(list(|status| status.error.as_deref()))
        .bind(list(|status| status.category.as_deref()))
        .bind(list(|status| status.pricing.as_deref()))
        .bind(list(|status| Some(&status.recipient)))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What the platform said about a message that got no clear answer: its id, and whether it failed.
pub async fn find(tx: &mut TenantTx, outbox: OutboxId) -> Result<Option<(String, bool)>, DbError> {
    let tenant = tx.tenant();
    let found = sqlx::query_as(
        "select external_id, status = 'failed' from delivery_statuses
          where tenant_id = $1 and outbox_id = $2 order by rank desc limit 1",
    )
    .bind(tenant)
    .bind(outbox)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found)
}

//! How far our messages got, as a platform reports it: late, twice, and in any order.

use std::time::Duration;

use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    notices::{self, Kind},
    resends::{self, AGE_MAX, RESENDS_MAX},
};
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
/// reported as failed was not: it waits to be sent again, if that makes sense. A report about a message that another has
/// taken the place of says nothing about its row.
const RECORD: &str = "
with given as (
    select * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::int[], $7::timestamptz[], $8::int[],
                         $9::text[], $10::text[], $11::text[], $12::text[], $13::float8[])
      as g (connection_id, external_id, outbox_id, status, rank, changed_at, error_code, error, category, pricing,
            recipient, pause)
), furthest as (
    select distinct on (connection_id, external_id) connection_id, external_id, status, rank, changed_at, error_code,
           error, pause,
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
    returning d.connection_id, d.outbox_id, d.external_id, d.status, d.error_code, d.error
), verdicts as (
    select s.*, s.status = 'failed' as failed, f.pause from stored s join furthest f using (connection_id, external_id)
), locked as (
    -- Read as it is once nobody else is at it: whoever sends again may just have got the id that is reported here.
    select o.outbox_id, o.external_id, o.state, o.resend_at, v.external_id as reported, v.status, v.failed, v.error_code, v.error,
           case when o.resends < $14 and o.created_at > clock_timestamp() - make_interval(secs => $15) then v.pause end as pause
      from outbox o join verdicts v on v.outbox_id = o.outbox_id
     where o.tenant_id = $1 and (v.failed or o.state = 'unknown' or o.resend_at is not null)
       for no key update of o
), settled as (
    update outbox o
       set state = case when not k.failed then 'sent' when k.pause is not null then 'sending' else 'dead' end,
           resend_at = case when k.failed and k.pause is not null then clock_timestamp() end,
           external_id = coalesce(o.external_id, k.reported),
           error = case when k.failed then concat_ws(': ', k.error_code, k.error) end,
           sent_at = coalesce(o.sent_at, clock_timestamp())
      from locked k
     where o.tenant_id = $1 and o.outbox_id = k.outbox_id
       and (k.external_id is null or k.external_id = k.reported)
       and ((k.failed and k.resend_at is null and k.state in ('sending', 'sent', 'unknown'))
            or (k.status in ('sent', 'delivered', 'read', 'played') and k.state = 'unknown')
            or (k.status in ('delivered', 'read', 'played') and k.state = 'sending' and k.resend_at is not null))
    returning o.outbox_id, o.conversation_id, o.run_id, o.kind, o.body, o.external_id, o.state, o.error, o.resends,
              k.pause, k.failed
), said as (
    -- Its turn ended without knowing that it had arrived.
    insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, agent_id, run_id, body, sent_at)
    select $1, s.outbox_id, s.conversation_id, s.external_id, 'agent', r.agent_id, r.run_id, s.body, clock_timestamp()
      from settled s join runs r on r.tenant_id = $1 and r.run_id = s.run_id
     where not s.failed and s.kind <> 'placeholder' and r.state <> 'running'
    on conflict do nothing
)
select outbox_id, conversation_id, state, error, resends, pause from settled where failed";

/// Records reports about messages of the tenant's connections, and what follows from them. Recording them again changes
/// nothing. `pause`: after which time a failure is worth another try, if it is.
pub async fn record(
    tx: &mut TenantTx,
    reports: &[(ConnectionId, Status)],
    pause: impl Fn(&Status) -> Option<Duration>,
) -> Result<(), DbError> {
    if reports.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant();
    let list = |pick: fn(&Status) -> Option<&str>| {
        reports.iter().map(|(_, status)| pick(status).map(str::to_owned)).collect::<Vec<_>>()
    };
    let pauses = reports.iter().map(|(_, status)| pause(status).map(|pause| pause.as_secs_f64()));
    let failed = sqlx::query(RECORD)
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
        .bind(pauses.collect::<Vec<_>>())
        .bind(RESENDS_MAX)
        .bind(AGE_MAX.as_secs_f64())
        .fetch_all(tx.conn())
        .await?;
    for row in &failed {
        follow_up(tx, row).await?;
    }
    Ok(())
}

/// Draws the consequences of a failure that was reported before anybody here knew whose message it was.
pub async fn catch_up(
    tx: &mut TenantTx,
    connection: ConnectionId,
    external_id: &str,
    pause: impl Fn(&Status) -> Option<Duration>,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select outbox_id, changed_at, error_code, error from delivery_statuses
          where tenant_id = $1 and connection_id = $2 and external_id = $3 and status = 'failed'",
    )
    .bind(tenant)
    .bind(connection)
    .bind(external_id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(()) };
    let failure = Status {
        external_id: external_id.to_owned(),
        progress: Progress::Failed,
        at: row.try_get("changed_at")?,
        outbox: row.try_get("outbox_id")?,
        recipient: String::new(),
        error_code: row.try_get("error_code")?,
        error: row.try_get("error")?,
        category: None,
        pricing: None,
    };
    record(tx, &[(connection, failure)], pause).await
}

/// Of a message that failed: another try a while later, each time a longer one, or a word to those who can look.
async fn follow_up(tx: &mut TenantTx, row: &PgRow) -> Result<(), DbError> {
    let (state, error): (String, Option<String>) = (row.try_get("state")?, row.try_get("error")?);
    if state != "sending" {
        let reason = error.unwrap_or_default();
        return notices::tell_of_send(tx, Kind::SendFailed, row.try_get("conversation_id")?, &reason).await;
    }
    let (pause, resends): (f64, i32) = (row.try_get("pause")?, row.try_get("resends")?);
    let pause = Duration::from_secs_f64(pause * 3_f64.powi(resends));
    resends::put_off(tx, row.try_get("outbox_id")?, pause).await
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

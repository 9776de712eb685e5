//! What happened, counted by day, agent and channel: messages, answers, what became of conversations, times, opinions, costs.
//!
//! Nothing is written for it while something happens. What is counted stands in rows whose ids hold the time they were made, so a
//! day is a range of keys; only conversations have ids of another kind. A day can be counted anew at any time: its counts are
//! replaced. A tenant's progress says which days wait for that. A day waits when something new fell on it, or on a conversation that began on it, or when
//! somebody changed their mind about one of its answers, and all of them when the tenant's clock is another one.

pub mod events;
pub mod journeys;
mod report;

use std::collections::BTreeSet;

use sqlx::Row;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

pub use self::report::{Counted, Figures, Filter, Group, Key, Span, counted, lines, report};
use super::{DbError, SystemDb, TenantTx};
use crate::ids::{ConversationId, EscalationId, TenantId};

/// Acts of the log that one look takes in; the next one goes on.
const ACTS_MAX: i64 = 1_000;
/// Days of one look that counts all of them; older ones are not counted.
const DAYS_MAX: i64 = 1_100;

/// Tenants whose days should be looked at, 50 at most: new ones; those that something is said to have happened at, or whose log
/// has grown, ten minutes after the last look; and all an hour after it.
///
/// Reason: the worker asks whose turn it is; the days are counted under each tenant.
pub async fn due(db: &SystemDb, heard: &BTreeSet<TenantId>) -> Result<Vec<TenantId>, DbError> {
    Ok(sqlx::query_scalar(
        "select t.tenant_id
           from tenants t
           left join analytics_progress p on p.tenant_id = t.tenant_id
           left join audit_heads h on h.tenant_id = t.tenant_id
          where p.tenant_id is null or p.looked_at < now() - interval '1 hour'
             or p.looked_at < now() - interval '10 minutes' and (t.tenant_id = any($1) or h.n > p.seen_n)
          order by p.looked_at nulls first
          limit 50",
    )
    .bind(heard.iter().copied().collect::<Vec<_>>())
    .fetch_all(db.read())
    .await?)
}

/// Begins a look. `false`: somebody else has.
pub async fn take_due(tx: &mut TenantTx) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let taken = sqlx::query(
        "insert into analytics_progress as p (tenant_id) values ($1)
         on conflict (tenant_id) do update set looked_at = clock_timestamp()
          where p.looked_at < clock_timestamp() - interval '10 minutes'",
    )
    .bind(tenant)
    .execute(tx.conn())
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// How far it got.
struct Progress {
    time_zone: Option<String>,
    seen_at: Option<OffsetDateTime>,
    seen_n: i64,
    /// Of the office hours.
    zone: String,
    head_n: i64,
    now: OffsetDateTime,
}

/// Conversations and escalations that acts of the log are about, and up to which act.
#[derive(Default)]
struct Acts {
    conversations: Vec<Uuid>,
    escalations: Vec<Uuid>,
    seen_n: i64,
}

/// Notes which days have to be counted anew; returns how many wait.
pub async fn look(tx: &mut TenantTx) -> Result<i32, DbError> {
    let progress = begin_look(tx).await?;
    let (days, seen_n) = match progress.seen_at {
        Some(seen_at) if progress.time_zone.as_ref() == Some(&progress.zone) => {
            let acts = acts(tx, &progress).await?;
            (touched(tx, &progress.zone, seen_at, &acts).await?, acts.seen_n)
        }
        _ => (all_days(tx, &progress.zone).await?, progress.head_n),
    };
    let tenant = tx.tenant();
    let waiting: i32 = sqlx::query_scalar(
        "update analytics_progress p
            set time_zone = $2, seen_at = $3, seen_n = $4, looked_at = clock_timestamp(),
                pending = array(select distinct day from unnest(p.pending || $5) day order by day desc)
          where p.tenant_id = $1
         returning cardinality(p.pending)",
    )
    .bind(tenant)
    .bind(&progress.zone)
    .bind(progress.now)
    .bind(seen_n)
    .bind(days)
    .fetch_one(tx.conn())
    .await?;
    Ok(waiting)
}

/// Under the row's lock: nobody else looks or counts meanwhile.
async fn begin_look(tx: &mut TenantTx) -> Result<Progress, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select p.time_zone, p.seen_at, p.seen_n, now() as now,
                -- The database may know fewer zones than we do.
                coalesce((select o.time_zone from office_hours o
                           where o.tenant_id = $1 and exists (select from pg_timezone_names z where z.name = o.time_zone)),
                         'UTC') as zone,
                coalesce((select h.n from audit_heads h where h.tenant_id = $1), 0) as head_n
           from analytics_progress p where p.tenant_id = $1 for no key update of p",
    )
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    Ok(Progress {
        time_zone: row.try_get("time_zone")?,
        seen_at: row.try_get("seen_at")?,
        seen_n: row.try_get("seen_n")?,
        zone: row.try_get("zone")?,
        head_n: row.try_get("head_n")?,
        now: row.try_get("now")?,
    })
}

/// Who took or gave back conversations since.
async fn acts(tx: &mut TenantTx, progress: &Progress) -> Result<Acts, DbError> {
    let tenant = tx.tenant();
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "select n, target_id from audit_events
          where tenant_id = $1 and n > $2 and n <= $3
            and action in ('conversation.takeover', 'conversation.release', 'escalation.take', 'escalation.assign',
                           'escalation.close')
          order by n limit $4",
    )
    .bind(tenant)
    .bind(progress.seen_n)
    .bind(progress.head_n)
    .bind(ACTS_MAX)
    .fetch_all(tx.conn())
    .await?;
    let is_all = (rows.len() as i64) < ACTS_MAX;
    let mut acts = Acts { seen_n: progress.head_n, ..Acts::default() };
    for (n, target) in &rows {
        if let Ok(id) = target.parse::<ConversationId>() {
            acts.conversations.push(id.uuid());
        } else if let Ok(id) = target.parse::<EscalationId>() {
            acts.escalations.push(id.uuid());
        }
        if !is_all {
            acts.seen_n = *n;
        }
    }
    Ok(acts)
}

/// The last days if there is something new, and those on which its conversations began. A day is looked back over: what was under
/// way at the last look may have ended since.
const TOUCHED: &str = "
with since as (
    select $3::timestamptz - interval '1 day' as at, id_floor($3::timestamptz - interval '1 day') as id
), news (conversation_id) as (
    select m.conversation_id from messages m, since where m.tenant_id = $1 and m.message_id >= since.id
    union
    select r.conversation_id from runs r, since where r.tenant_id = $1 and r.run_id >= since.id
    union
    select u.conversation_id from usage u, since where u.tenant_id = $1 and u.usage_id >= since.id
    union
    select e.conversation_id from escalations e, since
     where e.tenant_id = $1 and (e.escalation_id >= since.id or e.escalation_id = any($5))
    union
    select unnest($4::uuid[])
), times (at) as (
    select day from since, generate_series(since.at, now() + interval '1 day', interval '1 day') day
     where exists (select from news)
    union all
    select c.created_at from conversations c, news n where c.tenant_id = $1 and c.conversation_id = n.conversation_id
    union all
    select id_time(e) from unnest($5::uuid[]) e
    union all
    select id_time(f.run_id) from feedback f, since where f.tenant_id = $1 and f.changed_at >= since.at
)
select distinct (least(at, now()) at time zone $2)::date from times";

async fn touched(
    tx: &mut TenantTx,
    zone: &str,
    seen_at: OffsetDateTime,
    acts: &Acts,
) -> Result<Vec<Date>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(TOUCHED)
        .bind(tenant)
        .bind(zone)
        .bind(seen_at)
        .bind(&acts.conversations)
        .bind(&acts.escalations)
        .fetch_all(tx.conn())
        .await?)
}

/// From the first conversation or call to today, and whatever was counted by another clock.
async fn all_days(tx: &mut TenantTx, zone: &str) -> Result<Vec<Date>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "with first as (
             select least((select min(c.created_at) from conversations c where c.tenant_id = $1),
                          (select id_time(u.usage_id) from usage u where u.tenant_id = $1
                            order by u.usage_id limit 1)) as at
         )
         select day::date as day
           from first, generate_series(greatest((first.at at time zone $2)::date::timestamp,
                                                (now() at time zone $2)::date - $3::bigint * interval '1 day'),
                                       now() at time zone $2, interval '1 day') day
         union
         select d.day from analytics_days d where d.tenant_id = $1",
    )
    .bind(tenant)
    .bind(zone)
    .bind(DAYS_MAX)
    .fetch_all(tx.conn())
    .await?)
}

/// Counts one day, $2, of the time zone $3. What a conversation went through belongs to the day it began on and to the agent that
/// answered there first; everything else to the day it happened on.
const COUNT: &str = "
insert into analytics_days (tenant_id, day, agent_id, channel, measure, bucket, amount)
with bounds as (
    select since, till, id_floor(since) as low, id_floor(till) as high
      from (select $2::date::timestamp at time zone $3 as since, ($2::date + 1)::timestamp at time zone $3 as till) day
), journeys as (
    select c.conversation_id, a.spent as first_answer, e.escalated, e.taken or t.taken as taken_over, t.released, e.closed
      from conversations c
     cross join bounds
      left join lateral (
        select r.finished_at - i.received_at as spent
          from runs r
          join inbox i on i.tenant_id = $1 and i.conversation_id = r.conversation_id and i.seq = r.from_seq
         where r.tenant_id = $1 and r.conversation_id = c.conversation_id and r.state = 'done'
         order by r.from_seq limit 1
      ) a on true
     cross join lateral (
        select count(*) > 0 as escalated, count(e.taken_at) > 0 as taken,
               count(*) > 0 and count(*) = count(e.closed_at) as closed
          from escalations e where e.tenant_id = $1 and e.conversation_id = c.conversation_id
      ) e
     cross join lateral (
        select count(*) filter (where v.action = 'conversation.takeover') > 0 as taken,
               count(*) filter (where v.action = 'conversation.release') > 0 as released
          from audit_events v
         where v.tenant_id = $1 and v.target_id = type_id('cnv', c.conversation_id)
           and v.action in ('conversation.takeover', 'conversation.release')
      ) t
     -- By the index of the latest messages: none is older than its conversation.
     where c.tenant_id = $1 and c.last_message_at >= bounds.since
       and c.created_at >= bounds.since and c.created_at < bounds.till
), facts (conversation_id, agent_id, measure, bucket, amount) as (
    select j.conversation_id, null::uuid, f.measure, 0, 1::bigint
      from journeys j
     cross join lateral (values ('arrived', true), ('answered', j.first_answer is not null), ('escalated', j.escalated),
                                ('taken_over', j.taken_over), ('released', j.released), ('closed', j.closed))
                     as f (measure, holds)
     where f.holds
    union all
    select j.conversation_id, null, 'first_answer_times', time_step(j.first_answer), 1
      from journeys j where j.first_answer is not null
    union all
    select m.conversation_id, null, case m.author_kind when 'person' then 'messages' else 'operator_messages' end, 0, 1
      from messages m, bounds
     where m.tenant_id = $1 and m.message_id >= low and m.message_id < high and m.author_kind <> 'agent'
    union all
    select r.conversation_id, r.agent_id,
           case r.state when 'done' then 'answers' when 'failed' then 'failures' else 'interruptions' end, 0, 1
      from runs r, bounds
     where r.tenant_id = $1 and r.run_id >= low and r.run_id < high and r.state <> 'running'
    union all
    select r.conversation_id, r.agent_id, 'answer_times', time_step(r.finished_at - i.received_at), 1
      from bounds, runs r
      join inbox i on i.tenant_id = $1 and i.conversation_id = r.conversation_id and i.seq = r.from_seq
     where r.tenant_id = $1 and r.run_id >= low and r.run_id < high and r.state = 'done'
    union all
    select r.conversation_id, r.agent_id, f.verdict, 0, 1
      from bounds, runs r
      join feedback f on f.tenant_id = $1 and f.run_id = r.run_id
     where r.tenant_id = $1 and r.run_id >= low and r.run_id < high and f.verdict is not null
    union all
    select e.conversation_id, null, s.measure, s.bucket, 1
      from bounds, escalations e
     cross join lateral (values ('escalations', 0), ('human_times', time_step(e.taken_at - e.opened_at)))
                     as s (measure, bucket)
     where e.tenant_id = $1 and e.escalation_id >= low and e.escalation_id < high and s.bucket is not null
    union all
    select u.conversation_id, u.agent_id, s.measure, 0, s.amount
      from bounds, usage u
     cross join lateral (values ('model_calls', 1::bigint), ('failed_calls', (u.status <> 'ok')::integer),
                                ('unpriced_calls', (u.cost_micro_usd is null)::integer), ('cost_micro_usd', u.cost_micro_usd))
                     as s (measure, amount)
     where u.tenant_id = $1 and u.usage_id >= low and u.usage_id < high and u.purpose <> 'channel' and s.amount > 0
    union all
    select o.conversation_id, r.agent_id, s.measure, 0, s.amount
      from bounds, outbox o
      join delivery_statuses d on d.tenant_id = $1 and d.outbox_id = o.outbox_id and d.pricing_type is not null
      left join runs r on r.tenant_id = $1 and r.run_id = o.run_id
     cross join lateral (values ('channel_sends', 1::bigint), ('unpriced_sends', (d.cost_micro_usd is null)::integer),
                                ('channel_cost_micro_usd', d.cost_micro_usd)) as s (measure, amount)
     where o.tenant_id = $1 and o.outbox_id >= low and o.outbox_id < high and s.amount > 0
), summed as (
    select conversation_id, agent_id, measure, bucket, sum(amount) as amount from facts group by 1, 2, 3, 4
)
select $1, $2, coalesce(s.agent_id, first.agent_id, '00000000-0000-0000-0000-000000000000'),
       coalesce(k.channel, 'none'), s.measure, s.bucket, sum(s.amount)::bigint
  from summed s
  left join conversations c on c.tenant_id = $1 and c.conversation_id = s.conversation_id
  left join channel_connections k on k.tenant_id = $1 and k.connection_id = c.connection_id
  left join lateral (
    select r.agent_id from runs r
     where r.tenant_id = $1 and r.conversation_id = s.conversation_id order by r.from_seq, r.run_id limit 1
  ) first on s.agent_id is null
 group by 3, 4, 5, 6";

/// Counts the next day that waits, the latest first; `None`: none does.
pub async fn count_next(tx: &mut TenantTx) -> Result<Option<Date>, DbError> {
    let tenant = tx.tenant();
    let next: Option<(String, Date)> = sqlx::query_as(
        "select time_zone, pending[1] from analytics_progress
          where tenant_id = $1 and cardinality(pending) > 0 and time_zone is not null for no key update",
    )
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?;
    let Some((zone, day)) = next else { return Ok(None) };
    sqlx::query("delete from analytics_days where tenant_id = $1 and day = $2")
        .bind(tenant)
        .bind(day)
        .execute(tx.conn())
        .await?;
    sqlx::query(COUNT).bind(tenant).bind(day).bind(zone).execute(tx.conn()).await?;
    sqlx::query("update analytics_progress set pending = array_remove(pending, $2) where tenant_id = $1")
        .bind(tenant)
        .bind(day)
        .execute(tx.conn())
        .await?;
    Ok(Some(day))
}

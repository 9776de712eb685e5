//! What happened, event by event: the rows that days are counted from, the newest first.
//!
//! Every source is read in the order of its own index and no further than a page; only then they are put together.

use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    super::{DbError, TenantTx},
    Span,
};
use crate::ids::{AgentId, ConversationId, PersonId};

/// Every kind of event.
pub const KINDS: [&str; 14] = [
    "message",
    "operator_message",
    "answer",
    "failure",
    "interruption",
    "good",
    "bad",
    "escalation",
    "human",
    "escalation_closed",
    "takeover",
    "release",
    "model_call",
    "channel_send",
];

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at: OffsetDateTime,
    pub kind: String,
    /// Of the row it is: a message, run, escalation, call, or sent message.
    pub id: Uuid,
    /// `None`: of a call in none.
    pub conversation: Option<ConversationId>,
    /// `None`: no agent's.
    pub agent: Option<AgentId>,
    /// Who wrote, who was answered, whose opinion it is.
    pub person: Option<PersonId>,
    pub channel: Option<String>,
    /// Of an answer, from the message to the whole of it; of a human, from the moment one was asked for.
    pub spent_ms: Option<i64>,
    /// Of a call or a sent message; `None`: nobody knows its price.
    pub cost_micro_usd: Option<i64>,
    /// Of a call, the model.
    pub model: Option<String>,
}

/// Where a page ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: OffsetDateTime,
    pub id: Uuid,
    pub kind: String,
}

/// Which events. What is empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    pub kinds: &'a [&'a str],
    pub conversation: Option<ConversationId>,
    /// Only what was the agent's own: answers, opinions of them, calls, sent messages.
    pub agent: Option<AgentId>,
    pub person: Option<PersonId>,
    /// `slack` or `whatsapp`.
    pub channel: Option<&'a str>,
    /// Only what came before.
    pub before: Option<&'a Place>,
}

/// One source: its rows as events, those that are wanted, by its own index.
macro_rules! source {
    ($rows:literal, $order:literal) => {
        concat!(
            "(select e.*, k.channel from (select ",
            $rows,
            ") e
               left join conversations c on c.tenant_id = $1 and c.conversation_id = e.conversation_id
               left join channel_connections k on k.tenant_id = $1 and k.connection_id = c.connection_id
              where ($5::timestamptz is null or (e.at, e.id, e.kind) < ($5, $6::uuid, $7::text))
                and ($8::uuid is null or e.conversation_id = $8) and ($9::uuid is null or e.agent_id = $9)
                and ($10::uuid is null or e.person_id = $10) and ($11::text is null or k.channel = $11)
                and (cardinality($12::text[]) = 0 or e.kind = any($12))
              order by ",
            $order,
            " limit $13)"
        )
    };
}

/// Ids hold the millisecond they were made in.
const EVENTS: &str = concat!(
    "with bounds as (
        select since, till, id_floor(since) as low, id_floor(till) as high
          from (select $2::date::timestamp at time zone $4 as since,
                       least(($3::date + 1)::timestamp at time zone $4, $5::timestamptz + interval '1 millisecond') as till) span
     ), events as (",
    source!(
        "id_time(m.message_id) as at, m.message_id as id,
         case m.author_kind when 'person' then 'message' else 'operator_message' end as kind, m.conversation_id,
         null::uuid as agent_id, m.person_id, null::bigint as spent_ms, null::bigint as cost, null::text as model
           from messages m
          where m.tenant_id = $1 and m.message_id >= (select low from bounds) and m.message_id < (select high from bounds)
            and m.author_kind <> 'agent'",
        "e.id desc"
    ),
    " union all ",
    source!(
        "id_time(r.run_id) as at, r.run_id as id,
         case r.state when 'done' then 'answer' when 'failed' then 'failure' else 'interruption' end as kind, r.conversation_id,
         r.agent_id,
         (select max(u.person_id::text)::uuid from usage u where u.tenant_id = $1 and u.run_id = r.run_id) as person_id,
         case r.state when 'done' then (
            select floor(extract(epoch from r.finished_at - i.received_at) * 1000)::bigint from inbox i
             where i.tenant_id = $1 and i.conversation_id = r.conversation_id and i.seq = r.from_seq) end as spent_ms,
         null::bigint as cost, null::text as model
           from runs r
          where r.tenant_id = $1 and r.run_id >= (select low from bounds) and r.run_id < (select high from bounds)
            and r.state <> 'running'",
        "e.id desc"
    ),
    " union all ",
    source!(
        "f.changed_at as at, f.run_id as id, f.verdict as kind, r.conversation_id, r.agent_id, f.person_id,
         null::bigint as spent_ms, null::bigint as cost, null::text as model
           from feedback f join runs r on r.tenant_id = $1 and r.run_id = f.run_id
          where f.tenant_id = $1 and f.changed_at >= (select since from bounds) and f.changed_at < (select till from bounds)
            and f.verdict is not null",
        "e.at desc, e.id desc, e.kind desc"
    ),
    " union all ",
    source!(
        "s.at, x.escalation_id as id, s.kind, x.conversation_id, null::uuid as agent_id, x.person_id,
         case s.kind when 'human' then floor(extract(epoch from x.taken_at - x.opened_at) * 1000)::bigint end as spent_ms,
         null::bigint as cost, null::text as model
           from escalations x
          cross join lateral (values (x.opened_at, 'escalation'), (x.taken_at, 'human'), (x.closed_at, 'escalation_closed'))
                          as s (at, kind)
          where x.tenant_id = $1 and s.at >= (select since from bounds) and s.at < (select till from bounds)",
        "e.at desc, e.id desc, e.kind desc"
    ),
    " union all ",
    source!(
        "v.at, lpad(to_hex(v.n), 32, '0')::uuid as id, split_part(v.action, '.', 2) as kind, id_of(v.target_id) as conversation_id,
         null::uuid as agent_id, null::uuid as person_id, null::bigint as spent_ms, null::bigint as cost, null::text as model
           from audit_events v
          where v.tenant_id = $1 and v.at >= (select since from bounds) and v.at < (select till from bounds)
            and v.action in ('conversation.takeover', 'conversation.release')",
        "e.at desc, e.id desc, e.kind desc"
    ),
    " union all ",
    source!(
        "id_time(u.usage_id) as at, u.usage_id as id, 'model_call'::text as kind, u.conversation_id, u.agent_id, u.person_id,
         null::bigint as spent_ms, u.cost_micro_usd as cost, u.model
           from usage u
          where u.tenant_id = $1 and u.usage_id >= (select low from bounds) and u.usage_id < (select high from bounds)
            and u.purpose <> 'channel'",
        "e.id desc"
    ),
    " union all ",
    source!(
        "id_time(o.outbox_id) as at, o.outbox_id as id, 'channel_send'::text as kind, o.conversation_id, r.agent_id,
         null::uuid as person_id, null::bigint as spent_ms, d.cost_micro_usd as cost, null::text as model
           from outbox o
           join delivery_statuses d on d.tenant_id = $1 and d.outbox_id = o.outbox_id and d.pricing_type is not null
           left join runs r on r.tenant_id = $1 and r.run_id = o.run_id
          where o.tenant_id = $1 and o.outbox_id >= (select low from bounds) and o.outbox_id < (select high from bounds)",
        "e.id desc"
    ),
    ") select * from events order by at desc, id desc, kind desc limit $13"
);

/// What happened on days of the time zone, the newest first.
pub async fn list(
    tx: &mut TenantTx,
    span: Span,
    time_zone: &str,
    wanted: &Wanted<'_>,
    limit: i64,
) -> Result<Vec<Event>, DbError> {
    // One conversation is found by itself, a month is not.
    tx.plan_anew().await?;
    let tenant = tx.tenant();
    let rows = sqlx::query(EVENTS)
        .bind(tenant)
        .bind(span.from)
        .bind(span.to)
        .bind(time_zone)
        .bind(wanted.before.map(|place| place.at))
        .bind(wanted.before.map(|place| place.id))
        .bind(wanted.before.map(|place| place.kind.as_str()))
        .bind(wanted.conversation)
        .bind(wanted.agent)
        .bind(wanted.person)
        .bind(wanted.channel)
        .bind(wanted.kinds)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(event).collect()
}

fn event(row: &PgRow) -> Result<Event, DbError> {
    Ok(Event {
        at: row.try_get("at")?,
        kind: row.try_get("kind")?,
        id: row.try_get("id")?,
        conversation: row.try_get("conversation_id")?,
        agent: row.try_get("agent_id")?,
        person: row.try_get("person_id")?,
        channel: row.try_get("channel")?,
        spent_ms: row.try_get("spent_ms")?,
        cost_micro_usd: row.try_get("cost")?,
        model: row.try_get("model")?,
    })
}

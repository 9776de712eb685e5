//! What each conversation went through, from its first message to what people thought of it and what it cost.

use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    super::{DbError, TenantTx},
    Span,
};
use crate::ids::{AgentId, ConversationId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    pub conversation: ConversationId,
    pub channel: String,
    pub began_at: OffsetDateTime,
    pub last_message_at: OffsetDateTime,
    /// Who answered first.
    pub agent: Option<AgentId>,
    pub first_answer_ms: Option<i64>,
    /// What people wrote.
    pub messages: i64,
    pub answers: i64,
    pub escalations: i64,
    pub taken_over: bool,
    pub released: bool,
    /// It was handed over, and all of it is seen to.
    pub closed: bool,
    pub good: i64,
    pub bad: i64,
    /// Of models.
    pub cost_micro_usd: i64,
    pub channel_cost_micro_usd: i64,
}

/// Where a page ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub last_message_at: OffsetDateTime,
    pub conversation: ConversationId,
}

/// Which conversations. What is `None` does not matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Who answered in it.
    pub agent: Option<AgentId>,
    /// `slack` or `whatsapp`.
    pub channel: Option<&'a str>,
    pub before: Option<Place>,
}

/// The page first, by the index of the latest messages (none is older than its conversation); then what each went through.
const JOURNEYS: &str = "
with page as (
    select c.conversation_id, c.connection_id, c.created_at, c.last_message_at, k.channel
      from conversations c
      join channel_connections k on k.tenant_id = $1 and k.connection_id = c.connection_id
     where c.tenant_id = $1 and c.last_message_at >= $2::date::timestamp at time zone $4
       and c.created_at >= $2::date::timestamp at time zone $4 and c.created_at < ($3::date + 1)::timestamp at time zone $4
       and ($5::timestamptz is null or (c.last_message_at, c.conversation_id) < ($5, $6::uuid))
       and ($7::uuid is null or exists (select from runs r where r.tenant_id = $1 and r.conversation_id = c.conversation_id
                                                             and r.agent_id = $7 and r.state = 'done'))
       and ($8::text is null or k.channel = $8)
     order by c.last_message_at desc, c.conversation_id desc limit $9
)
select p.*, a.agent_id, a.spent_ms, m.messages, r.answers, e.escalations, e.taken or t.taken as taken_over, t.released, e.closed,
       f.good, f.bad, u.cost, d.channel_cost
  from page p
  left join lateral (
    select r.agent_id, floor(extract(epoch from r.finished_at - i.received_at) * 1000)::bigint as spent_ms
      from runs r
      join inbox i on i.tenant_id = $1 and i.conversation_id = r.conversation_id and i.seq = r.from_seq
     where r.tenant_id = $1 and r.conversation_id = p.conversation_id and r.state = 'done' order by r.from_seq limit 1
  ) a on true
 cross join lateral (
    select count(*) as messages from messages m
     where m.tenant_id = $1 and m.conversation_id = p.conversation_id and m.author_kind = 'person'
  ) m
 cross join lateral (
    select count(*) as answers from runs r
     where r.tenant_id = $1 and r.conversation_id = p.conversation_id and r.state = 'done'
  ) r
 cross join lateral (
    select count(*) as escalations, count(e.taken_at) > 0 as taken,
           count(*) > 0 and count(*) = count(e.closed_at) as closed
      from escalations e where e.tenant_id = $1 and e.conversation_id = p.conversation_id
  ) e
 cross join lateral (
    select count(*) filter (where v.action = 'conversation.takeover') > 0 as taken,
           count(*) filter (where v.action = 'conversation.release') > 0 as released
      from audit_events v
     where v.tenant_id = $1 and v.target_id = type_id('cnv', p.conversation_id)
       and v.action in ('conversation.takeover', 'conversation.release')
  ) t
 cross join lateral (
    select count(*) filter (where f.verdict = 'good') as good, count(*) filter (where f.verdict = 'bad') as bad
      from runs r join feedback f on f.tenant_id = $1 and f.run_id = r.run_id
     where r.tenant_id = $1 and r.conversation_id = p.conversation_id
  ) f
 cross join lateral (
    select coalesce(sum(u.cost_micro_usd), 0)::bigint as cost from usage u
     where u.tenant_id = $1 and u.conversation_id = p.conversation_id and u.purpose <> 'channel'
  ) u
 cross join lateral (
    select coalesce(sum(d.cost_micro_usd), 0)::bigint as channel_cost
      from messages m
      join delivery_statuses d on d.tenant_id = $1 and d.connection_id = p.connection_id and d.external_id = m.external_id
     where m.tenant_id = $1 and m.conversation_id = p.conversation_id and m.author_kind <> 'person'
  ) d
 order by p.last_message_at desc, p.conversation_id desc";

/// Conversations that began on days of the time zone, those first in which something was said last.
pub async fn list(
    tx: &mut TenantTx,
    span: Span,
    time_zone: &str,
    wanted: Wanted<'_>,
    limit: i64,
) -> Result<Vec<Journey>, DbError> {
    tx.plan_anew().await?;
    let tenant = tx.tenant();
    let rows = sqlx::query(JOURNEYS)
        .bind(tenant)
        .bind(span.from)
        .bind(span.to)
        .bind(time_zone)
        .bind(wanted.before.map(|place| place.last_message_at))
        .bind(wanted.before.map(|place| place.conversation))
        .bind(wanted.agent)
        .bind(wanted.channel)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(journey).collect()
}

fn journey(row: &PgRow) -> Result<Journey, DbError> {
    Ok(Journey {
        conversation: row.try_get("conversation_id")?,
        channel: row.try_get("channel")?,
        began_at: row.try_get("created_at")?,
        last_message_at: row.try_get("last_message_at")?,
        agent: row.try_get("agent_id")?,
        first_answer_ms: row.try_get("spent_ms")?,
        messages: row.try_get("messages")?,
        answers: row.try_get("answers")?,
        escalations: row.try_get("escalations")?,
        taken_over: row.try_get("taken_over")?,
        released: row.try_get("released")?,
        closed: row.try_get("closed")?,
        good: row.try_get("good")?,
        bad: row.try_get("bad")?,
        cost_micro_usd: row.try_get("cost")?,
        channel_cost_micro_usd: row.try_get("channel_cost")?,
    })
}

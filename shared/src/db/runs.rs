//! Runs: one turn of an agent, from the messages it answers to the reply.
//!
//! A run is opened, answered and finished in three short transactions; each starts by checking the fence, so a worker
//! that lost its lease writes nothing.

use serde::Deserialize;
use serde_json::Value;
use sqlx::{Row, types::Json};
use uuid::Uuid;

use super::{
    DbError, TenantTx, agents,
    interruptions::{self, Notice},
    lanes::Lease,
    messages::Line,
    outbox::Part,
    usage::ModelCall,
};
use crate::{
    ids::{ConnectionId, MessageId, OutboxId, RunId},
    message::{ChannelKind, InboundMessage},
};

/// Messages answered together at most.
pub const MESSAGES_MAX: i64 = 20;

/// A message that waits for an answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Pending {
    pub seq: i64,
    pub addressed: bool,
    pub message: InboundMessage,
    pub trace: Option<String>,
}

/// An earlier, unfinished run of the same conversation: its owner died.
#[derive(Clone, Debug)]
pub struct Interrupted {
    pub run: RunId,
    pub to_seq: i64,
}

/// Everything a turn needs to know about where it happens.
pub struct Opening {
    pub tenant_name: String,
    pub by_human: bool,
    pub last_seq: i64,
    pub connection: ConnectionId,
    pub channel: String,
    /// The provider's id of what is connected: a Slack workspace.
    pub account: String,
    pub sealed_token: Vec<u8>,
    pub connection_active: bool,
    /// The token has less than a minute left: it has to be renewed before it is used.
    pub token_runs_out: bool,
    pub bot_user_id: String,
    pub agent: Option<agents::Agent>,
    /// The agent has spoken here before.
    pub takes_part: bool,
    pub channel_kind: ChannelKind,
    pub interrupted: Option<Interrupted>,
    /// Of interrupted runs: to be delivered before anything else.
    pub notices: Vec<Notice>,
    pub pending: Vec<Pending>,
    /// What was said here before, oldest first.
    pub window: Vec<Line>,
}

const OPEN: &str = "
select (select name from tenants t where t.tenant_id = $1) as tenant_name,
       l.by_human, l.last_seq, c.connection_id, c.channel, c.external_id as account, c.access_token, c.status = 'active' as active,
       exists (select from token_rotations t
                where t.tenant_id = $1 and t.connection_id = c.connection_id
                  and t.expires_at < clock_timestamp() + interval '1 minute') as token_runs_out,
       c.bot_user_id, a.agent_id, a.name, a.role, a.tone, a.instructions, a.model, a.is_default,
       exists (select from messages m where m.tenant_id = $1 and m.conversation_id = $2 and m.author_kind = 'agent')
         as takes_part,
       r.run_id, r.to_seq, waiting.list as pending, said.list as said,
       (select jsonb_agg(jsonb_build_object('id', o.outbox_id, 'body', o.body, 'channel', v.channel_external_id,
                                            'thread', v.thread_external_id, 'placeholder', p.outbox_id,
                                            'target', p.external_id, 'stream', s.outbox_id,
                                            'streamed', s.external_id, 'text', s.head || s.text)
                         order by o.created_at)
          from outbox o
          join conversations v on v.tenant_id = $1 and v.conversation_id = $2
          left join outbox p on p.tenant_id = $1 and p.run_id = o.run_id and p.kind = 'placeholder'
          left join lateral (
            select a.outbox_id, a.external_id, a.head,
                   (select string_agg(x.text, '' order by x.n) from outbox_parts x
                     where x.tenant_id = $1 and x.outbox_id = a.outbox_id) as text
              from outbox a
             where a.tenant_id = $1 and a.run_id = o.run_id and a.operation = 'stream'
             order by a.part desc limit 1
          ) s on true
         where o.tenant_id = $1 and o.conversation_id = $2 and o.state = 'sending' and o.kind = 'notice') as notices,
       coalesce((select kind from channels k where k.tenant_id = $1 and k.connection_id = c.connection_id
                   and k.external_id = waiting.list -> 0 -> 'message' ->> 'channel'), 'unknown') as channel_kind
  from lanes l
  join channel_connections c on c.tenant_id = l.tenant_id and c.connection_id = l.connection_id
  left join agents a on a.tenant_id = l.tenant_id and a.is_default
  left join runs r on r.tenant_id = l.tenant_id and r.conversation_id = l.conversation_id and r.state = 'running'
  left join lateral (
    select jsonb_agg(jsonb_build_object('seq', i.seq, 'addressed', i.addressed, 'message', i.normalized, 'trace', i.trace)
                     order by i.seq) as list
      from (select * from inbox i
             where i.tenant_id = $1 and i.conversation_id = $2 and i.seq > l.done_seq and i.state = 'pending'
               and i.seq <= coalesce(r.to_seq, i.seq)
             order by i.seq limit 20) i
  ) waiting on true
  left join lateral (
    select jsonb_agg(jsonb_build_object('id', m.message_id, 'external_id', m.external_id, 'author_kind', m.author_kind,
                                        'author', m.author, 'body', m.body, 'sent_at', m.sent_at)
                     order by m.sent_at, m.message_id) as list
      from (select m.*, coalesce(p.display_name, b.name, m.operator_name, 'a colleague') as author
              from messages m
              left join people p on p.tenant_id = m.tenant_id and p.person_id = m.person_id
              left join agents b on b.tenant_id = m.tenant_id and b.agent_id = m.agent_id
             where m.tenant_id = $1 and m.conversation_id = $2 and m.deleted_at is null
             order by m.sent_at desc, m.message_id desc limit 40) m
  ) said on true
 where l.tenant_id = $1 and l.conversation_id = $2 and l.fence = $3
   for no key update of l";

/// Reads what the turn is about and holds the lane's row until the transaction ends.
pub async fn open(tx: &mut TenantTx, lease: &Lease) -> Result<Opening, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(OPEN)
        .bind(tenant)
        .bind(lease.conversation)
        .bind(lease.fence)
        .fetch_optional(tx.conn())
        .await?
        .ok_or(DbError::Fenced)?;
    let agent_id: Option<Uuid> = row.try_get("agent_id")?;
    let pending: Option<Json<Vec<Pending>>> = row.try_get("pending")?;
    let said: Option<Json<Vec<Line>>> = row.try_get("said")?;
    let run: Option<RunId> = row.try_get("run_id")?;
    let kind: String = row.try_get("channel_kind")?;
    Ok(Opening {
        tenant_name: row.try_get("tenant_name")?,
        by_human: row.try_get("by_human")?,
        last_seq: row.try_get("last_seq")?,
        connection: row.try_get("connection_id")?,
        channel: row.try_get("channel")?,
        account: row.try_get("account")?,
        sealed_token: row.try_get("access_token")?,
        connection_active: row.try_get("active")?,
        token_runs_out: row.try_get("token_runs_out")?,
        bot_user_id: row.try_get("bot_user_id")?,
        agent: agent_id.map(|_| agents::agent(&row)).transpose()?,
        takes_part: row.try_get("takes_part")?,
        channel_kind: ChannelKind::parse(&kind),
        interrupted: run
            .map(|run| Ok::<_, DbError>(Interrupted { run, to_seq: row.try_get("to_seq")? }))
            .transpose()?,
        notices: interruptions::notices(&row)?,
        pending: pending.map(|Json(list)| list).unwrap_or_default(),
        window: said.map(|Json(list)| list).unwrap_or_default(),
    })
}

/// Messages that arrived after `seq` and wait for the next run.
pub async fn arrived_after(tx: &mut TenantTx, lease: &Lease, seq: i64) -> Result<Vec<InboundMessage>, DbError> {
    let tenant = tx.tenant();
    let rows: Vec<Json<InboundMessage>> = sqlx::query_scalar(
        "select normalized from inbox
          where tenant_id = $1 and conversation_id = $2 and seq > $3 and state = 'pending' and addressed
          order by seq limit 20",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(seq)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|Json(message)| message).collect())
}

/// A run about to begin, with the placeholder its channel shows at once.
pub struct Start<'a> {
    pub run: RunId,
    pub agent: crate::ids::AgentId,
    pub from_seq: i64,
    pub to_seq: i64,
    pub trace: Option<&'a str>,
    /// The row and its text; `None` where nothing is shown before the answer.
    pub placeholder: Option<(OutboxId, &'a str)>,
}

/// Fixes which messages the run answers, and writes the placeholder's row before anything is sent.
pub async fn start(tx: &mut TenantTx, lease: &Lease, start: &Start<'_>) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with run as (
             insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence, trace)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
         )
         insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, operation, body, fence)
         select $1, $9, $3, $2, 'placeholder', 'post', $10, $7 where $9 is not null",
    )
    .bind(tenant)
    .bind(start.run)
    .bind(lease.conversation)
    .bind(start.agent)
    .bind(start.from_seq)
    .bind(start.to_seq)
    .bind(lease.fence)
    .bind(start.trace)
    .bind(start.placeholder.map(|(id, _)| id))
    .bind(start.placeholder.map(|(_, text)| text))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The result of a run's model call, about to be sent.
pub struct Answer<'a> {
    pub run: RunId,
    /// What the placeholder became on the channel, if it was shown.
    pub placeholder: Option<&'a str>,
    pub request_hash: &'a [u8; 32],
    /// `None` for an apology: there is nothing to memoise.
    pub result: Option<Value>,
    pub calls: &'a [ModelCall],
    pub parts: &'a [Part],
    /// `answer` or `apology`.
    pub kind: &'static str,
}

/// The ledger rows are written in any case: the calls were made. Everything else only under the fence and while no
/// human has taken over.
const RECORD: &str = "
with lane as (
    select tenant_id from lanes
     where tenant_id = $1 and conversation_id = $2 and fence = $3 and not by_human
       for no key update
), spent as (
    insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, purpose, model, key_owner, status,
                       input_tokens, output_tokens, estimated, cost_micro_usd)
    select $1, c.usage_id, $4, r.agent_id, $2, 'answer', c.model, c.key_owner, c.status, c.input_tokens,
           c.output_tokens, c.estimated,
           (c.input_tokens * p.input_micro_usd_per_million + c.output_tokens * p.output_micro_usd_per_million) / 1000000
      from jsonb_to_recordset($5) as c (usage_id uuid, model text, key_owner text, status text, input_tokens bigint,
                                        output_tokens bigint, estimated boolean)
      join runs r on r.tenant_id = $1 and r.run_id = $4
      left join lateral (
        select * from model_prices p where p.model = c.model and p.effective_from <= now()
         order by p.effective_from desc limit 1
      ) p on true
    on conflict (tenant_id, usage_id) do nothing
), shown as (
    update outbox o set state = 'sent', external_id = $6, sent_at = clock_timestamp()
      from lane where o.tenant_id = $1 and o.run_id = $4 and o.kind = 'placeholder' and $6 <> ''
), memo as (
    insert into run_steps (tenant_id, run_id, step, request_hash, result)
    select $1, $4, 'answer', $7, $8 from lane where $8 is not null
    on conflict (tenant_id, run_id, step) do nothing
), parts as (
    insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, part, operation, body, target_external_id,
                        fence)
    select $1, g.outbox_id, $2, $4, $9, g.part, g.operation, g.body, g.target, $3
      from lane, unnest($10::uuid[], $11::int[], $12::text[], $13::text[], $14::text[])
                   as g (outbox_id, part, operation, body, target)
    on conflict (tenant_id, run_id, kind, part) do nothing
)
select count(*) from lane";

/// Writes ledger, memo and outbox together. `false`: the lease is lost or a human took over; nothing may be sent.
pub async fn record_answer(tx: &mut TenantTx, lease: &Lease, answer: &Answer<'_>) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let parts = answer.parts;
    let held: i64 = sqlx::query_scalar(RECORD)
        .bind(tenant)
        .bind(lease.conversation)
        .bind(lease.fence)
        .bind(answer.run)
        .bind(Json(answer.calls))
        .bind(answer.placeholder.unwrap_or_default())
        .bind(answer.request_hash.as_slice())
        .bind(answer.result.as_ref().map(Json))
        .bind(answer.kind)
        .bind(parts.iter().map(|part| part.id).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| part.part).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| part.operation.as_str()).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| part.body.as_str()).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| part.target.as_deref()).collect::<Vec<_>>())
        .fetch_one(tx.conn())
        .await?;
    Ok(held == 1)
}

/// How a run and its messages end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Replied,
    /// Answered with an apology, or given up.
    Dead,
    /// A human has the conversation.
    Held,
    /// Nothing to answer.
    Ignored,
}

impl End {
    fn inbox_state(self) -> &'static str {
        match self {
            Self::Replied => "replied",
            Self::Dead => "dead",
            Self::Held => "held",
            Self::Ignored => "ignored",
        }
    }

    fn run_state(self) -> &'static str {
        match self {
            Self::Replied => "done",
            Self::Dead => "failed",
            Self::Held | Self::Ignored => "dropped",
        }
    }
}

pub struct Finish<'a> {
    pub run: Option<RunId>,
    pub to_seq: i64,
    pub end: End,
    pub reason: Option<&'a str>,
    /// What became of each outbox row.
    pub sent: &'a [(OutboxId, &'static str, Option<String>, Option<String>)],
}

/// Inbox rows that ended earlier keep their state. The agent's words become messages of the conversation.
const FINISH: &str = "
with lane as (
    update lanes
       set done_seq = greatest(done_seq, $4), owner = null, claims = 0,
           ready_at = case when last_seq > $4 then clock_timestamp() end
     where tenant_id = $1 and conversation_id = $2 and fence = $3
    returning tenant_id, ready_at
), delivered as (
    update outbox o
       -- A failure that the platform reported meanwhile stays one.
       set state = case when o.state = 'dead' then o.state else g.state end,
           error = case when o.state = 'dead' then o.error else g.error end,
           external_id = coalesce(g.external_id, o.external_id),
           sent_at = case when g.state = 'sent' then clock_timestamp() end
      from lane, unnest($5::uuid[], $6::text[], $7::text[], $8::text[]) as g (outbox_id, state, external_id, error)
     where o.tenant_id = $1 and o.outbox_id = g.outbox_id
    returning o.outbox_id, o.kind, o.body, o.external_id, o.state
), said as (
    insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, agent_id, run_id, body,
                          sent_at)
    select $1, g.message_id, $2, d.external_id, 'agent', r.agent_id, r.run_id, d.body, clock_timestamp()
      from delivered d
      join unnest($5::uuid[], $9::uuid[]) as g (outbox_id, message_id) using (outbox_id)
      join runs r on r.tenant_id = $1 and r.run_id = $10
     where d.kind <> 'placeholder' and d.state = 'sent'
    on conflict (tenant_id, conversation_id, external_id) do nothing
), ended as (
    update runs r set state = $11, failure = $12, finished_at = clock_timestamp()
      from lane where r.tenant_id = $1 and r.run_id = $10
), answered as (
    update inbox i set state = $13::inbox_state, reason = $12, run_id = $10, ended_at = clock_timestamp()
      from lane
     where i.tenant_id = $1 and i.conversation_id = $2 and i.seq <= $4 and i.state = 'pending'
)
select ready_at is not null from lane";

/// Ends a run and gives the lane back, in one statement. `true`: more arrived meanwhile, and the lane is ready again.
pub async fn finish(tx: &mut TenantTx, lease: &Lease, finish: &Finish<'_>) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let sent = finish.sent;
    let waits: Option<bool> = sqlx::query_scalar(FINISH)
        .bind(tenant)
        .bind(lease.conversation)
        .bind(lease.fence)
        .bind(finish.to_seq)
        .bind(sent.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
        .bind(sent.iter().map(|(_, state, ..)| *state).collect::<Vec<_>>())
        .bind(sent.iter().map(|(_, _, external, _)| external.as_deref()).collect::<Vec<_>>())
        .bind(sent.iter().map(|(.., error)| error.as_deref()).collect::<Vec<_>>())
        .bind(sent.iter().map(|_| MessageId::new()).collect::<Vec<_>>())
        .bind(finish.run)
        .bind(finish.end.run_state())
        .bind(finish.reason)
        .bind(finish.end.inbox_state())
        .fetch_optional(tx.conn())
        .await?;
    waits.ok_or(DbError::Fenced)
}

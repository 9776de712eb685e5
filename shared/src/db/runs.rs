//! Runs: one turn of an agent, from the messages it answers to the reply.
//!
//! A run is opened, answered and finished in three short transactions; each starts by checking the fence, so a worker
//! that lost its lease writes nothing.

use serde_json::Value;
use sqlx::{Postgres, postgres::PgArguments, query::QueryScalar, types::Json};

pub use super::openings::{Interrupted, MESSAGES_MAX, Opening, Pending, arrived_after, open, words};
use super::{DbError, TenantDb, TenantTx, alone, lanes::Lease, outbox::Part, traces::Sizes, usage::ModelCall};
use crate::ids::{MemoryId, MessageId, OutboxId, PersonId, RunId, TenantId};

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

/// What a model was shown when it was asked: for whoever asks later why it answered so.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    /// Best first, with their scores. Ids only: what is forgotten later leaves no words here.
    pub recalled: Vec<(MemoryId, f64)>,
    pub sizes: Sizes,
    /// The conversation is about to be longer than its window: it wants a summary.
    pub outgrown: bool,
}

/// The result of a run's model call, about to be sent.
pub struct Answer<'a> {
    pub run: RunId,
    /// Whose question it answers, for the ledger.
    pub asker: Option<PersonId>,
    /// What the placeholder became on the channel, if it was shown.
    pub placeholder: Option<&'a str>,
    pub request_hash: &'a [u8; 32],
    /// `None` for an apology: there is nothing to memoise.
    pub result: Option<Value>,
    pub calls: &'a [ModelCall],
    /// `None`: the model was not asked.
    pub basis: Option<&'a Basis>,
    pub parts: &'a [Part],
    /// `answer` or `apology`.
    pub kind: &'static str,
}

/// Books model calls of a run: $1 is the tenant, $2 the conversation, $4 the run and $5 the calls.
macro_rules! spent {
    ($asker:literal) => {
        concat!(
            "insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, person_id, purpose, model, key_owner,
                       llm_key_id, status, input_tokens, cached_tokens, output_tokens, estimated, cost_micro_usd)
    select $1, c.usage_id, $4, r.agent_id, $2, ",
            $asker,
            ", 'answer', c.model, c.key_owner, c.llm_key_id, c.status,
           c.input_tokens, c.cached_tokens, c.output_tokens, c.estimated,
           floor(call_cost($1, c.llm_key_id, c.model, c.input_tokens, c.cached_tokens, c.output_tokens))::bigint
      from jsonb_to_recordset($5) as c (usage_id uuid, model text, key_owner text, llm_key_id uuid, status text,
                                        input_tokens bigint, cached_tokens bigint, output_tokens bigint,
                                        estimated boolean)
      join runs r on r.tenant_id = $1 and r.run_id = $4
    on conflict (tenant_id, usage_id) do nothing"
        )
    };
}
pub(super) use spent;

/// The ledger rows are written in any case: the calls were made. Everything else only under the fence and while no
/// human has taken over.
const RECORD: &str = concat!(
    "
with lane as (
    select tenant_id from lanes
     where tenant_id = $1 and conversation_id = $2 and fence = $3 and not by_human
       for no key update
), spent as (
    ",
    spent!("$18"),
    "
), shown as (
    update outbox o set state = 'sent', external_id = $6, sent_at = clock_timestamp()
      from lane where o.tenant_id = $1 and o.run_id = $4 and o.kind = 'placeholder' and $6 <> ''
), memo as (
    insert into run_steps (tenant_id, run_id, step, request_hash, result)
    select $1, $4, 'answer', $7, $8 from lane where $8 is not null
    on conflict (tenant_id, run_id, step) do nothing
), basis as (
    update runs r set recalled = $15, recall_scores = $16, basis = $17
      from lane where r.tenant_id = $1 and r.run_id = $4 and $17::jsonb is not null
), outgrown as (
    insert into summary_requests (tenant_id, conversation_id) select $1, $2 from lane where $19
    on conflict (tenant_id, conversation_id) do update set asked_at = excluded.asked_at
), parts as (
    insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, part, operation, body, target_external_id,
                        fence)
    select $1, g.outbox_id, $2, $4, $9, g.part, g.operation, g.body, g.target, $3
      from lane, unnest($10::uuid[], $11::int[], $12::text[], $13::text[], $14::text[])
                   as g (outbox_id, part, operation, body, target)
    on conflict (tenant_id, run_id, kind, part) do nothing
)
select count(*) from lane"
);

/// Writes ledger, memo and outbox together. `false`: the lease is lost or a human took over; nothing may be sent.
pub async fn record_answer(tx: &mut TenantTx, lease: &Lease, answer: &Answer<'_>) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let parts = answer.parts;
    let recalled = answer.basis.map_or(&[][..], |basis| &basis.recalled);
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
        .bind(recalled.iter().map(|(memory, _)| *memory).collect::<Vec<_>>())
        .bind(recalled.iter().map(|(_, score)| *score).collect::<Vec<_>>())
        .bind(answer.basis.map(|basis| Json(&basis.sizes)))
        .bind(answer.asker)
        .bind(answer.basis.is_some_and(|basis| basis.outgrown))
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

type Ending<'q> = QueryScalar<'q, Postgres, Option<bool>, PgArguments>;

/// The arguments of `run_finish` after the tenant.
macro_rules! outcome {
    () => {
        "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    };
}

/// Ends a run and gives the lane back, in one statement. `true`: more arrived meanwhile, and the lane is ready again.
pub async fn finish(tx: &mut TenantTx, lease: &Lease, finish: &Finish<'_>) -> Result<bool, DbError> {
    let (tenant, sql) = (tx.tenant(), concat!("select run_finish($1, ", outcome!()));
    ending(sql, tenant, lease, finish).fetch_one(tx.conn()).await?.ok_or(DbError::Fenced)
}

/// The same as a transaction by itself: one round trip.
pub async fn finish_alone(db: &TenantDb, lease: &Lease, finish: &Finish<'_>) -> Result<bool, DbError> {
    let sql = concat!("select waits from ", alone!("run_finish"), outcome!(), " as run (waits)");
    ending(sql, db.id(), lease, finish).fetch_one(db.alone()).await?.ok_or(DbError::Fenced)
}

fn ending<'q>(sql: &'static str, tenant: TenantId, lease: &Lease, finish: &Finish<'q>) -> Ending<'q> {
    let sent = finish.sent;
    sqlx::query_scalar(sql)
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
}

//! Why an agent answered as it did, or did not: what is recorded of a conversation's runs, and of messages that got none.
//!
//! Needs an all-audiences transaction, for it shows the words of the memories that a run was reminded of. What was
//! forgotten since is an id without words.

use serde::{Deserialize, Serialize};
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::ids::{ConversationId, MemoryId, RunId};

/// How much of what a prompt held, and how long it took: what [`super::runs::Basis`] records. Numbers only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sizes {
    /// In characters.
    pub instructions: usize,
    pub memories: usize,
    pub summary: usize,
    pub conversation: usize,
    /// Of the conversation.
    pub messages: usize,
    pub files: usize,
    /// Search and its question's vector; the model, until its last word.
    pub recall_ms: u64,
    pub model_ms: u64,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub seq: i64,
    pub run: Option<RunId>,
}

/// A run, or a message that got none.
#[derive(Clone, Debug)]
pub struct Step {
    pub at: Position,
    /// When the first message of it arrived; `None` once that is no longer known.
    pub arrived_at: Option<OffsetDateTime>,
    /// Of the run; of the message, if it got none.
    pub state: String,
    /// Why it failed, was dropped or got no answer.
    pub reason: Option<String>,
    pub run: Option<Run>,
}

#[derive(Clone, Debug)]
pub struct Run {
    pub id: RunId,
    pub agent: String,
    /// How many messages it answers.
    pub messages: i64,
    pub started_at: OffsetDateTime,
    pub finished_at: Option<OffsetDateTime>,
    /// Best first.
    pub recalled: Vec<(MemoryId, f64)>,
    /// `None`: the model was not asked, or it was before this was recorded.
    pub sizes: Option<Sizes>,
}

/// The newest first: interrupted runs begin at the same message as those that follow them.
const STEPS: &str = "
with page as materialized (
    (select r.from_seq as seq, r.run_id
       from runs r
      where r.tenant_id = $1 and r.conversation_id = $2
        and ($3::bigint is null or (r.from_seq, r.run_id) < ($3, $4::uuid))
      order by r.from_seq desc, r.run_id desc
      limit $5)
    union all
    (select i.seq, null::uuid
       from inbox i
      where i.tenant_id = $1 and i.conversation_id = $2 and ($3::bigint is null or i.seq < $3)
        and i.state in ('ignored', 'held', 'dead')
        and not exists (select from runs r
                         where r.tenant_id = $1 and r.conversation_id = $2 and i.seq between r.from_seq and r.to_seq)
      order by i.seq desc
      limit $5)
    order by 1 desc, 2 desc nulls last
    limit $5
)
select p.seq, p.run_id, i.received_at, coalesce(r.state, i.state::text) as state, coalesce(r.failure, i.reason) as reason,
       coalesce(a.name, '') as agent, r.to_seq - r.from_seq + 1 as messages, r.started_at, r.finished_at, r.recalled,
       r.recall_scores, r.basis
  from page p
  left join runs r on r.tenant_id = $1 and r.run_id = p.run_id
  left join agents a on a.tenant_id = r.tenant_id and a.agent_id = r.agent_id
  left join inbox i on i.tenant_id = $1 and i.conversation_id = $2 and i.seq = p.seq
 order by p.seq desc, p.run_id desc nulls last";

pub async fn steps(
    tx: &mut TenantTx,
    conversation: ConversationId,
    before: Option<Position>,
    limit: i64,
) -> Result<Vec<Step>, DbError> {
    let tenant = tx.tenant();
    // A message that got no run sorts behind a run that begins with it.
    let run = before.map(|position| position.run.map_or(uuid::Uuid::nil(), RunId::uuid));
    let rows = sqlx::query(STEPS)
        .bind(tenant)
        .bind(conversation)
        .bind(before.map(|position| position.seq))
        .bind(run)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(step).collect()
}

fn step(row: &PgRow) -> Result<Step, DbError> {
    let run: Option<RunId> = row.try_get("run_id")?;
    Ok(Step {
        at: Position { seq: row.try_get("seq")?, run },
        arrived_at: row.try_get("received_at")?,
        state: row.try_get("state")?,
        reason: row.try_get("reason")?,
        run: run.map(|id| read_run(row, id)).transpose()?,
    })
}

fn read_run(row: &PgRow, id: RunId) -> Result<Run, DbError> {
    let (ids, scores): (Vec<MemoryId>, Vec<f64>) = (row.try_get("recalled")?, row.try_get("recall_scores")?);
    let sizes: Option<Json<Sizes>> = row.try_get("basis")?;
    Ok(Run {
        id,
        agent: row.try_get("agent")?,
        messages: row.try_get("messages")?,
        started_at: row.try_get("started_at")?,
        finished_at: row.try_get("finished_at")?,
        recalled: ids.into_iter().zip(scores).collect(),
        sizes: sizes.map(|Json(sizes)| sizes),
    })
}

/// A call of a model.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    pub run: RunId,
    pub purpose: String,
    pub model: String,
    pub status: String,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub estimated: bool,
    /// `None`: the model has no price.
    pub cost_micro_usd: Option<i64>,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// Something a run sent, or meant to.
#[derive(Clone, Debug, Deserialize)]
pub struct Delivery {
    pub run: RunId,
    pub kind: String,
    pub state: String,
    pub error: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub written_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub sent_at: Option<OffsetDateTime>,
}

/// What somebody thinks of a run's answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Opinion {
    pub run: RunId,
    pub person: String,
    pub verdict: String,
    pub comment: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// What is on record of some runs.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub calls: Vec<Call>,
    pub deliveries: Vec<Delivery>,
    pub opinions: Vec<Opinion>,
}

/// Rows of three tables in one answer.
const EVIDENCE: &str = "
select coalesce((
           select jsonb_agg(jsonb_build_object(
                      'run', type_id('run', u.run_id), 'purpose', u.purpose, 'model', u.model, 'status', u.status,
                      'input_tokens', u.input_tokens, 'output_tokens', u.output_tokens, 'estimated', u.estimated,
                      'cost_micro_usd', u.cost_micro_usd, 'at', u.created_at) order by u.usage_id)
             from usage u
            where u.tenant_id = $1 and u.run_id = any ($2) and u.purpose <> 'channel'), '[]') as calls,
       coalesce((
           select jsonb_agg(jsonb_build_object(
                      'run', type_id('run', o.run_id), 'kind', o.kind, 'state', o.state, 'error', o.error,
                      'written_at', o.created_at, 'sent_at', o.sent_at) order by o.created_at, o.part, o.outbox_id)
             from outbox o
            where o.tenant_id = $1 and o.run_id = any ($2)), '[]') as deliveries,
       coalesce((
           select jsonb_agg(jsonb_build_object(
                      'run', type_id('run', f.run_id), 'person', coalesce(p.display_name, ''), 'verdict', f.verdict,
                      'comment', f.comment, 'at', f.changed_at) order by f.changed_at, f.person_id)
             from feedback f
             left join people p on p.tenant_id = f.tenant_id and p.person_id = f.person_id
            where f.tenant_id = $1 and f.run_id = any ($2) and f.verdict is not null), '[]') as opinions";

pub async fn evidence(tx: &mut TenantTx, runs: &[RunId]) -> Result<Evidence, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(EVIDENCE).bind(tenant).bind(runs).fetch_one(tx.conn()).await?;
    let Json(calls) = row.try_get("calls")?;
    let Json(deliveries) = row.try_get("deliveries")?;
    let Json(opinions) = row.try_get("opinions")?;
    Ok(Evidence { calls, deliveries, opinions })
}

/// What is still remembered of these.
#[derive(Clone, Debug)]
pub struct Reminder {
    pub id: MemoryId,
    pub author: String,
    pub said_at: OffsetDateTime,
    pub body: String,
}

pub async fn reminders(tx: &mut TenantTx, ids: &[MemoryId]) -> Result<Vec<Reminder>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select m.memory_id, coalesce(p.display_name, '') as author, m.said_at, m.body
           from memories m
           left join people p on p.tenant_id = m.tenant_id and p.person_id = m.person_id
          where m.tenant_id = $1 and m.memory_id = any ($2)",
    )
    .bind(tenant)
    .bind(ids)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Reminder {
                id: row.try_get("memory_id")?,
                author: row.try_get("author")?,
                said_at: row.try_get("said_at")?,
                body: row.try_get("body")?,
            })
        })
        .collect()
}

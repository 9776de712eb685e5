//! The ledger of tools: every call with its intent before the effect, and its result after it.
//!
//! Nothing is called whose intent is not on disk under the fence. A result is a fact, so it is noted whoever owns the
//! conversation by then, but only by who wrote the intent. Between the two nobody knows: a read may be made again, a write
//! never is.

use serde_json::{Value, json};
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    escalations::{self, Cause, New},
    lanes::Lease,
    runs::spent,
    usage::ModelCall,
};
use crate::{
    ids::{ConversationId, PersonId, RunId, ToolCallId, ToolId},
    tools::Class,
};

/// A write whose result was not noted within this time never will be: its process is gone. Longer than any call.
pub const LOST_AFTER_SECONDS: u64 = 120;
/// Longest name that is kept of what a model asked for, in characters.
const NAME_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The intent is on disk.
    Running,
    Done,
    /// It is known that nothing came of it.
    Failed,
    /// It may not be called, or not with that.
    Refused,
    /// For somebody's approval.
    Waiting,
    Denied,
    Expired,
    /// Whether anything came of it is not known.
    Unknown,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Refused,
        Self::Waiting,
        Self::Denied,
        Self::Expired,
        Self::Unknown,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Waiting => "waiting",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }

    /// What is none of them is not known.
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.as_str() == text).unwrap_or(Self::Unknown)
    }
}

/// A call about to be written down.
pub struct NewCall<'a> {
    pub id: ToolCallId,
    pub run: RunId,
    pub person: PersonId,
    pub step: i32,
    pub position: i32,
    pub name: &'a str,
    pub tool: Option<ToolId>,
    pub class: Class,
    pub arguments: &'a Value,
    pub digest: [u8; 32],
    pub state: State,
    /// What the model is told, if that is known already.
    pub result: Option<&'a str>,
}

/// A call of an earlier life of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    pub id: ToolCallId,
    pub step: i32,
    pub position: i32,
    pub class: Class,
    pub state: State,
    pub result: Option<String>,
}

/// What a model asked for in one step, which was paid for.
pub struct Step<'a> {
    pub run: RunId,
    pub asker: PersonId,
    /// `tools-1`, `tools-2`, …
    pub name: &'a str,
    pub request_hash: &'a [u8; 32],
    pub said: &'a Value,
    pub calls: &'a [ModelCall],
}

/// Books the model's calls in any case, and remembers what it asked for under the fence. `false`: the lease is lost.
pub async fn record_step(tx: &mut TenantTx, lease: &Lease, step: &Step<'_>) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let held: i64 = sqlx::query_scalar(concat!(
        "with lane as (
             select tenant_id from lanes
              where tenant_id = $1 and conversation_id = $2 and fence = $3 and not by_human
                for no key update
         ), spent as (",
        spent!("$6"),
        "), memo as (
             insert into run_steps (tenant_id, run_id, step, request_hash, result)
             select $1, $4, $7, $8, $9 from lane
             on conflict (tenant_id, run_id, step) do nothing
         )
         select count(*) from lane"
    ))
    .bind(tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(step.run)
    .bind(Json(step.calls))
    .bind(step.asker)
    .bind(step.name)
    .bind(step.request_hash.as_slice())
    .bind(Json(step.said))
    .fetch_one(tx.conn())
    .await?;
    Ok(held == 1)
}

/// What an earlier life of the run did: what its model asked for by the steps' names, and the calls.
pub async fn past(tx: &mut TenantTx, run: RunId) -> Result<(Vec<(String, Value)>, Vec<Past>), DbError> {
    let tenant = tx.tenant();
    let steps: Vec<(String, Json<Value>)> = sqlx::query_as(
        "select step, result from run_steps where tenant_id = $1 and run_id = $2 and step like 'tools-%'",
    )
    .bind(tenant)
    .bind(run)
    .fetch_all(tx.conn())
    .await?;
    let rows = sqlx::query(
        "select call_id, step, position, class, state, result from tool_calls
          where tenant_id = $1 and run_id = $2 order by step, position",
    )
    .bind(tenant)
    .bind(run)
    .fetch_all(tx.conn())
    .await?;
    let steps = steps.into_iter().map(|(name, Json(said))| (name, said)).collect();
    Ok((steps, rows.iter().map(past_call).collect::<Result<_, _>>()?))
}

fn past_call(row: &PgRow) -> Result<Past, DbError> {
    Ok(Past {
        id: row.try_get("call_id")?,
        step: row.try_get("step")?,
        position: row.try_get("position")?,
        class: Class::parse(row.try_get("class")?),
        state: State::parse(row.try_get("state")?),
        result: row.try_get("result")?,
    })
}

/// Writes a call down, under the fence. `false`: the lease is lost, or it stands there already; nothing may be called.
pub async fn begin(tx: &mut TenantTx, lease: &Lease, new: &NewCall<'_>) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let name: String = new.name.chars().filter(|letter| !letter.is_control()).take(NAME_MAX).collect();
    let written = sqlx::query(
        "with lane as (
             select tenant_id from lanes
              where tenant_id = $1 and conversation_id = $2 and fence = $3 and not by_human
                for no key update
         )
         insert into tool_calls (tenant_id, call_id, run_id, conversation_id, person_id, step, position, name, tool_id, class,
                                 arguments, digest, state, result, attempts, fence, finished_at)
         select $1, $4, $5, $2, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, case when $14 = 'running' then 1 else 0 end, $3,
                case when $14 not in ('running', 'waiting') then clock_timestamp() end
           from lane
         on conflict (tenant_id, run_id, step, position) do nothing",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(new.id)
    .bind(new.run)
    .bind(new.person)
    .bind(new.step)
    .bind(new.position)
    .bind(name)
    .bind(new.tool)
    .bind(new.class.as_str())
    .bind(Json(new.arguments))
    .bind(new.digest.as_slice())
    .bind(new.state.as_str())
    .bind(new.result)
    .execute(tx.conn())
    .await?;
    Ok(written.rows_affected() == 1)
}

/// A read that was cut off is made again, under the new owner's fence. `false`: the lease is lost, or it is no such read.
pub async fn begin_again(tx: &mut TenantTx, lease: &Lease, id: ToolCallId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let begun = sqlx::query(
        "with lane as (
             select tenant_id from lanes
              where tenant_id = $1 and conversation_id = $2 and fence = $3 and not by_human
                for no key update
         )
         update tool_calls c set attempts = c.attempts + 1, fence = $3
           from lane
          where c.tenant_id = $1 and c.call_id = $4 and c.state = 'running' and c.class = 'read'",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// Notes the result of a call that this fence's owner began. `false`: somebody has given it up meanwhile.
pub async fn finish(
    tx: &mut TenantTx,
    lease: &Lease,
    id: ToolCallId,
    state: State,
    result: &str,
) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let finished = sqlx::query(
        "update tool_calls set state = $4, result = $5, finished_at = clock_timestamp()
          where tenant_id = $1 and call_id = $2 and fence = $3 and state = 'running'",
    )
    .bind(tenant)
    .bind(id)
    .bind(lease.fence)
    .bind(state.as_str())
    .bind(result)
    .execute(tx.conn())
    .await?;
    let finished = finished.rows_affected() == 1;
    if finished && state == State::Unknown {
        note_unknown(tx, id).await?;
    }
    Ok(finished)
}

/// A write that its owner left behind: whether anything came of it is not known from now on. `None`: its result is.
pub async fn give_up(tx: &mut TenantTx, id: ToolCallId, result: &str) -> Result<Option<Lost>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "update tool_calls set state = 'unknown', result = $3, finished_at = clock_timestamp()
          where tenant_id = $1 and call_id = $2 and state = 'running' and class = 'write'
         returning name, conversation_id, person_id",
    )
    .bind(tenant)
    .bind(id)
    .bind(result)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    note_unknown(tx, id).await?;
    Ok(Some(Lost {
        name: row.try_get("name")?,
        conversation: row.try_get("conversation_id")?,
        person: row.try_get("person_id")?,
    }))
}

/// A write of which nobody knows whether it was carried out.
#[derive(Clone, Debug)]
pub struct Lost {
    pub name: String,
    pub conversation: ConversationId,
    pub person: PersonId,
}

impl Lost {
    /// For whoever looks into it.
    pub fn reason(&self) -> String {
        unknown(&self.name)
    }
}

/// Why a conversation is handed over then.
pub fn unknown(name: &str) -> String {
    format!("it is not known whether the tool “{name}” did what it was approved for")
}

/// Gives up a write whose process is gone, whatever became of its run, and hands the conversation over.
pub async fn settle(tx: &mut TenantTx, id: ToolCallId) -> Result<bool, DbError> {
    let Some(lost) = give_up(tx, id, "The process that made the call is gone.").await? else { return Ok(false) };
    let reason = lost.reason();
    let new = New {
        conversation: lost.conversation,
        person: lost.person,
        message: None,
        cause: Cause::Tool,
        reason: &reason,
    };
    escalations::open(tx, &new).await?;
    Ok(true)
}

async fn note_unknown(tx: &mut TenantTx, id: ToolCallId) -> Result<(), DbError> {
    audit::append(tx, &Actor::System, "tool.unknown", ("tool_call", &id.to_string()), json!({})).await
}

/// Whether a write of this conversation was carried out: only then may an answer say so.
pub async fn any_write_done(tx: &mut TenantTx, conversation: ConversationId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select exists (select from tool_calls
                         where tenant_id = $1 and conversation_id = $2 and class = 'write' and state = 'done')",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_one(tx.conn())
    .await?)
}

/// A call as a trace shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub id: ToolCallId,
    pub run: RunId,
    pub name: String,
    pub class: String,
    pub arguments: Value,
    pub state: String,
    pub result: Option<String>,
    pub attempts: i32,
    pub started_at: OffsetDateTime,
    pub finished_at: Option<OffsetDateTime>,
    /// `None`: none was needed.
    pub approval: Option<String>,
    pub decided_name: Option<String>,
}

/// Calls of these runs, in their order.
pub async fn of_runs(tx: &mut TenantTx, runs: &[RunId]) -> Result<Vec<Shown>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select c.call_id, c.run_id, c.name, c.class, c.arguments, c.state, c.result, c.attempts, c.started_at,
                c.finished_at, a.state as approval, a.decided_name
           from tool_calls c
           left join approvals a on a.tenant_id = $1 and a.call_id = c.call_id
          where c.tenant_id = $1 and c.run_id = any ($2)
          order by c.run_id, c.step, c.position",
    )
    .bind(tenant)
    .bind(runs)
    .fetch_all(tx.conn())
    .await?;
    let shown = |row: &PgRow| {
        let Json(arguments) = row.try_get("arguments")?;
        Ok(Shown {
            id: row.try_get("call_id")?,
            run: row.try_get("run_id")?,
            name: row.try_get("name")?,
            class: row.try_get("class")?,
            arguments,
            state: row.try_get("state")?,
            result: row.try_get("result")?,
            attempts: row.try_get("attempts")?,
            started_at: row.try_get("started_at")?,
            finished_at: row.try_get("finished_at")?,
            approval: row.try_get("approval")?,
            decided_name: row.try_get("decided_name")?,
        })
    };
    rows.iter().map(shown).collect()
}

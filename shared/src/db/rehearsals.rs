//! Rehearsals: answers that nobody is sent. `waiting → done | failed`.
//!
//! The gateway writes what is asked for, the orchestrator answers: roles speak through rows. A replay shows a model what a run
//! was made from, as it reads today: what was deleted or forgotten since is not shown again.

pub mod cases;
pub mod forks;
mod material;

use serde_json::json;
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;

pub use self::material::{Material, Place, material};
use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    runs::Basis,
};
use crate::ids::{AgentId, CaseId, ConversationId, ForkId, MemoryId, RehearsalId, RunId};

/// Of one tenant, at a time.
const WAITING_MAX: i64 = 20;
/// Whoever died at it so often is not followed.
const ATTEMPTS_MAX: i32 = 3;

/// What is different from the agent as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub model: Option<String>,
    pub instructions: Option<String>,
}

/// An answer that nobody is sent.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    pub id: RehearsalId,
    pub draft: Draft,
    pub with_memory: bool,
    pub state: String,
    pub answer: Option<String>,
    /// Why there is none.
    pub reason: Option<String>,
    pub answered_by: Option<String>,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub recalled: Vec<MemoryId>,
    pub created_at: OffsetDateTime,
    pub finished_at: Option<OffsetDateTime>,
}

macro_rules! columns {
    () => {
        "rehearsal_id, model, instructions, with_memory, state, answer, reason, answered_by, input_tokens, output_tokens,
         recalled, created_at, finished_at"
    };
}
pub(super) use columns;

/// Asks for a replay of a run of this conversation; recorded. [`DbError::NotFound`]: there is no such run.
pub async fn replay(
    tx: &mut TenantTx,
    actor: &Actor,
    (conversation, run): (ConversationId, RunId),
    draft: &Draft,
    with_memory: bool,
) -> Result<Rehearsal, DbError> {
    let tenant = tx.tenant();
    let asked: Option<bool> = sqlx::query_scalar(
        "select basis is not null from runs where tenant_id = $1 and run_id = $2 and conversation_id = $3",
    )
    .bind(tenant)
    .bind(run)
    .bind(conversation)
    .fetch_optional(tx.conn())
    .await?;
    match asked {
        None => return Err(DbError::NotFound),
        Some(false) => {
            return Err(DbError::Conflict("No model was asked in this run: there is nothing to replay."));
        }
        Some(true) => {}
    }
    make_room(tx).await?;
    let row = sqlx::query(concat!(
        "insert into rehearsals (tenant_id, rehearsal_id, kind, conversation_id, run_id, agent_id, model, instructions,
                                 with_memory, requested_by)
         select $1, $2, 'replay', r.conversation_id, r.run_id, r.agent_id, $4, $5, $6, $7
           from runs r where r.tenant_id = $1 and r.run_id = $3
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(RehearsalId::new())
    .bind(run)
    .bind(&draft.model)
    .bind(&draft.instructions)
    .bind(with_memory)
    .bind(actor.id())
    .fetch_one(tx.conn())
    .await?;
    let asked = rehearsal(&row)?;
    let detail = json!({ "run": run, "model": draft.model, "with_memory": with_memory,
                         "instructions": draft.instructions.is_some() });
    audit::append(tx, actor, "run.replay", ("rehearsal", &asked.id.to_string()), detail).await?;
    Ok(asked)
}

async fn make_room(tx: &mut TenantTx) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let waiting = sqlx::query_scalar("select count(*) from rehearsals where tenant_id = $1 and state = 'waiting'")
        .bind(tenant)
        .fetch_one(tx.conn())
        .await?;
    has_room(waiting)
}

/// Whether one more fits beside so many that wait.
pub(super) fn has_room(waiting: i64) -> Result<(), DbError> {
    if waiting >= WAITING_MAX {
        return Err(DbError::Conflict(
            "20 answers are being rehearsed already: wait until some of them are there.",
        ));
    }
    Ok(())
}

/// Whether the conversation has this run.
pub async fn is_run_of(tx: &mut TenantTx, conversation: ConversationId, run: RunId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select exists (select from runs where tenant_id = $1 and run_id = $2 and conversation_id = $3)",
    )
    .bind(tenant)
    .bind(run)
    .bind(conversation)
    .fetch_one(tx.conn())
    .await?)
}

/// What a run said, and its replays, the newest first, 50 at most.
pub async fn replays(tx: &mut TenantTx, run: RunId) -> Result<(Option<String>, Vec<Rehearsal>), DbError> {
    let tenant = tx.tenant();
    let original: Option<Option<String>> = sqlx::query_scalar(
        "select result ->> 'text' from run_steps where tenant_id = $1 and run_id = $2 and step = 'answer'",
    )
    .bind(tenant)
    .bind(run)
    .fetch_optional(tx.conn())
    .await?;
    let rows = sqlx::query(concat!(
        "select ",
        columns!(),
        " from rehearsals where tenant_id = $1 and run_id = $2 and kind = 'replay' order by rehearsal_id desc limit 50"
    ))
    .bind(tenant)
    .bind(run)
    .fetch_all(tx.conn())
    .await?;
    Ok((original.flatten(), rows.iter().map(rehearsal).collect::<Result<_, _>>()?))
}

pub(super) fn rehearsal(row: &PgRow) -> Result<Rehearsal, DbError> {
    Ok(Rehearsal {
        id: row.try_get("rehearsal_id")?,
        draft: Draft { model: row.try_get("model")?, instructions: row.try_get("instructions")? },
        with_memory: row.try_get("with_memory")?,
        state: row.try_get("state")?,
        answer: row.try_get("answer")?,
        reason: row.try_get("reason")?,
        answered_by: row.try_get("answered_by")?,
        input_tokens: row.try_get("input_tokens")?,
        output_tokens: row.try_get("output_tokens")?,
        recalled: row.try_get("recalled")?,
        created_at: row.try_get("created_at")?,
        finished_at: row.try_get("finished_at")?,
    })
}

/// What is to be answered.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: RehearsalId,
    /// Of a case none, as there is no run.
    pub conversation: Option<ConversationId>,
    pub run: Option<RunId>,
    pub agent: AgentId,
    pub draft: Draft,
    pub with_memory: bool,
    pub fork: Option<ForkId>,
    pub case: Option<CaseId>,
    /// What an operator says in the fork, or what the case asks.
    pub question: Option<String>,
    pub asked_at: OffsetDateTime,
    /// It has stopped too many workers to be tried.
    pub is_hopeless: bool,
}

/// Takes the oldest one. A lease, since a model is asked meanwhile: one that is not ended runs out.
pub async fn claim(tx: &mut TenantTx) -> Result<Option<Claimed>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "with due as (
             select rehearsal_id from rehearsals
              where tenant_id = $1 and state = 'waiting' and leased_until <= clock_timestamp()
              order by rehearsal_id limit 1 for update skip locked
         )
         update rehearsals r
            set leased_until = clock_timestamp() + interval '5 minutes', attempts = r.attempts + 1
           from due
          where r.tenant_id = $1 and r.rehearsal_id = due.rehearsal_id
         returning r.rehearsal_id, r.conversation_id, r.run_id, r.agent_id, r.model, r.instructions, r.with_memory,
                   r.attempts, r.fork_id, r.case_id, r.question, r.created_at",
    )
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Claimed {
            id: row.try_get("rehearsal_id")?,
            conversation: row.try_get("conversation_id")?,
            run: row.try_get("run_id")?,
            agent: row.try_get("agent_id")?,
            draft: Draft { model: row.try_get("model")?, instructions: row.try_get("instructions")? },
            with_memory: row.try_get("with_memory")?,
            fork: row.try_get("fork_id")?,
            case: row.try_get("case_id")?,
            question: row.try_get("question")?,
            asked_at: row.try_get("created_at")?,
            is_hopeless: row.try_get::<i32, _>("attempts")? > ATTEMPTS_MAX,
        })
    })
    .transpose()
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    Answered { text: &'a str, by: &'a str, input_tokens: i64, output_tokens: i64, basis: &'a Basis },
    Failed { reason: &'a str },
}

/// Ends it, if it waits.
pub async fn finish(tx: &mut TenantTx, id: RehearsalId, outcome: &Outcome<'_>) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let (text, by, tokens, basis, reason) = match outcome {
        Outcome::Answered { text, by, input_tokens, output_tokens, basis } => {
            (Some(*text), Some(*by), (*input_tokens, *output_tokens), Some(*basis), None)
        }
        Outcome::Failed { reason } => (None, None, (0, 0), None, Some(*reason)),
    };
    let recalled = basis.map_or(&[][..], |basis| &basis.recalled);
    sqlx::query(
        "update rehearsals
            set state = case when $3::text is null then 'failed' else 'done' end, answer = $3, answered_by = $4,
                input_tokens = $5, output_tokens = $6, recalled = $7, basis = $8, reason = $9,
                finished_at = clock_timestamp()
          where tenant_id = $1 and rehearsal_id = $2 and state = 'waiting'",
    )
    .bind(tenant)
    .bind(id)
    .bind(text)
    .bind(by)
    .bind(tokens.0)
    .bind(tokens.1)
    .bind(recalled.iter().map(|(memory, _)| *memory).collect::<Vec<_>>())
    .bind(basis.map(|basis| Json(&basis.sizes)))
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(())
}

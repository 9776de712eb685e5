//! Cases: questions that a tenant keeps, with what their answer must contain, cite, or hand over to a human.
//!
//! They are tried together with an agent as it is or as it is drafted. A case that blocks keeps other instructions and another
//! model from being taken until it has passed with exactly these.

use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{Row, postgres::PgRow};

use super::{
    super::{
        DbError, TenantTx,
        agents::{self, Agent},
        audit::{self, Actor},
    },
    Draft, Rehearsal, columns as answer_columns, rehearsal,
};
use crate::ids::{AgentId, CaseId, RehearsalId, TrialId};

/// Of one tenant.
pub const CASES_MAX: i64 = 100;

#[derive(Clone, Debug)]
pub struct Case {
    pub id: CaseId,
    pub shape: Shape,
}

/// What a case says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub name: String,
    pub question: String,
    /// `None`: every agent.
    pub agent: Option<AgentId>,
    pub must_contain: Vec<String>,
    /// Titles of documents.
    pub must_cite: Vec<String>,
    pub must_escalate: bool,
    pub blocks: bool,
}

macro_rules! columns {
    () => {
        "case_id, name, question, agent_id, must_contain, must_cite, must_escalate, blocks"
    };
}

/// By name.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Case>, DbError> {
    let tenant = tx.tenant();
    let rows =
        sqlx::query(concat!("select ", columns!(), " from cases where tenant_id = $1 order by name limit $2"))
            .bind(tenant)
            .bind(CASES_MAX)
            .fetch_all(tx.conn())
            .await?;
    rows.iter().map(case).collect()
}

pub async fn find(tx: &mut TenantTx, id: CaseId) -> Result<Option<Case>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!("select ", columns!(), " from cases where tenant_id = $1 and case_id = $2"))
        .bind(tenant)
        .bind(id)
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(case).transpose()
}

fn case(row: &PgRow) -> Result<Case, DbError> {
    Ok(Case {
        id: row.try_get("case_id")?,
        shape: Shape {
            name: row.try_get("name")?,
            question: row.try_get("question")?,
            agent: row.try_get("agent_id")?,
            must_contain: row.try_get("must_contain")?,
            must_cite: row.try_get("must_cite")?,
            must_escalate: row.try_get("must_escalate")?,
            blocks: row.try_get("blocks")?,
        },
    })
}

/// Keeps a case; recorded. [`DbError::NotFound`]: its agent is not there.
pub async fn create(tx: &mut TenantTx, actor: &Actor, shape: &Shape) -> Result<Case, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!(
        "insert into cases (tenant_id, case_id, name, question, agent_id, must_contain, must_cite, must_escalate, blocks,
                            created_by)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 where (select count(*) from cases where tenant_id = $1) < $11
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(CaseId::new())
    .bind(&shape.name)
    .bind(&shape.question)
    .bind(shape.agent)
    .bind(&shape.must_contain)
    .bind(&shape.must_cite)
    .bind(shape.must_escalate)
    .bind(shape.blocks)
    .bind(actor.id())
    .bind(CASES_MAX)
    .fetch_optional(tx.conn())
    .await
    .map_err(refused)?;
    let made = case(&row.ok_or(DbError::Conflict("There are 100 cases already: delete one first."))?)?;
    record(tx, actor, "case.create", &made).await?;
    Ok(made)
}

/// Says it anew; recorded. What was tried before does not count any more. [`DbError::NotFound`]: there is no such case, or its
/// agent is not there.
pub async fn change(tx: &mut TenantTx, actor: &Actor, id: CaseId, shape: &Shape) -> Result<Case, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!(
        "with tried as (
             delete from rehearsals where tenant_id = $1 and case_id = $2
         )
         update cases
            set name = $3, question = $4, agent_id = $5, must_contain = $6, must_cite = $7, must_escalate = $8, blocks = $9
          where tenant_id = $1 and case_id = $2
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(id)
    .bind(&shape.name)
    .bind(&shape.question)
    .bind(shape.agent)
    .bind(&shape.must_contain)
    .bind(&shape.must_cite)
    .bind(shape.must_escalate)
    .bind(shape.blocks)
    .fetch_optional(tx.conn())
    .await
    .map_err(refused)?;
    let changed = case(&row.ok_or(DbError::NotFound)?)?;
    record(tx, actor, "case.change", &changed).await?;
    Ok(changed)
}

fn refused(error: sqlx::Error) -> DbError {
    match DbError::from(error) {
        error if error.constraint().is_some_and(|name| name.ends_with("_fkey")) => DbError::NotFound,
        error if error.constraint().is_some_and(|name| name.ends_with("_name_key")) => {
            DbError::Conflict("There is a case of this name already.")
        }
        error => error,
    }
}

async fn record(tx: &mut TenantTx, actor: &Actor, act: &str, case: &Case) -> Result<(), DbError> {
    let shape = &case.shape;
    let detail = json!({ "name": shape.name, "agent": shape.agent, "blocks": shape.blocks,
                         "must_escalate": shape.must_escalate });
    audit::append(tx, actor, act, ("case", &case.id.to_string()), detail).await
}

/// Deletes it with what was tried; recorded. `false`: there is none.
pub async fn remove(tx: &mut TenantTx, actor: &Actor, id: CaseId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let name: Option<String> =
        sqlx::query_scalar("delete from cases where tenant_id = $1 and case_id = $2 returning name")
            .bind(tenant)
            .bind(id)
            .fetch_optional(tx.conn())
            .await?;
    let Some(name) = name else { return Ok(false) };
    audit::append(tx, actor, "case.remove", ("case", &id.to_string()), json!({ "name": name })).await?;
    Ok(true)
}

/// Which instructions and which model an agent has, or would have.
pub fn draft_hash(agent: &Agent, draft: &Draft) -> Vec<u8> {
    let instructions = draft.instructions.as_ref().unwrap_or(&agent.instructions);
    let model = draft.model.as_ref().or(agent.model.as_ref());
    let mut hash = Sha256::new();
    hash.update((instructions.len() as u64).to_be_bytes());
    hash.update(instructions.as_bytes());
    hash.update(model.map_or("", String::as_str).as_bytes());
    hash.finalize().to_vec()
}

/// Has cases of an agent tried, all of them or those that are named; recorded. [`DbError::NotFound`]: there is no such agent, or
/// none of the cases is its own.
pub async fn run(
    tx: &mut TenantTx,
    actor: &Actor,
    agent: AgentId,
    draft: &Draft,
    only: Option<&[CaseId]>,
) -> Result<(TrialId, u64), DbError> {
    let (tenant, trial) = (tx.tenant(), TrialId::new());
    let as_it_is = agents::find(tx, agent).await?.ok_or(DbError::NotFound)?;
    let waits: bool = sqlx::query_scalar(
        "select exists (select from rehearsals where tenant_id = $1 and kind = 'case' and state = 'waiting')",
    )
    .bind(tenant)
    .fetch_one(tx.conn())
    .await?;
    if waits {
        return Err(DbError::Conflict("Cases are being tried already: wait until they are through."));
    }
    let begun = sqlx::query(
        "insert into rehearsals (tenant_id, rehearsal_id, kind, agent_id, model, instructions, with_memory, requested_by,
                                 question, case_id, trial_id, draft_hash)
         select $1, gen_random_uuid(), 'case', $3, $4, $5, true, $6, c.question, c.case_id, $2, $7
           from cases c
          where c.tenant_id = $1 and coalesce(c.agent_id, $3) = $3 and ($8::uuid[] is null or c.case_id = any ($8))",
    )
    .bind(tenant)
    .bind(trial)
    .bind(agent)
    .bind(&draft.model)
    // Word for word: the agent may be changed before the answers are there.
    .bind(draft.instructions.as_ref().unwrap_or(&as_it_is.instructions))
    .bind(actor.id())
    .bind(draft_hash(&as_it_is, draft))
    .bind(only)
    .execute(tx.conn())
    .await?
    .rows_affected();
    if begun == 0 {
        return Err(DbError::NotFound);
    }
    let detail = json!({ "agent": agent, "cases": begun, "model": draft.model,
                         "instructions": draft.instructions.is_some() });
    audit::append(tx, actor, "case.run", ("trial", &trial.to_string()), detail).await?;
    Ok((trial, begun))
}

/// A case that was tried.
#[derive(Clone, Debug)]
pub struct Tried {
    pub case: CaseId,
    pub name: String,
    /// What its answer lacks; empty while there is none.
    pub complaints: Vec<String>,
    pub answer: Rehearsal,
}

impl Tried {
    pub fn has_passed(&self) -> bool {
        self.answer.state == "done" && self.complaints.is_empty()
    }
}

/// By the cases' names; empty: there is no such trial.
pub async fn tried(tx: &mut TenantTx, trial: TrialId) -> Result<Vec<Tried>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(concat!(
        "select c.case_id, c.name, coalesce(r.complaints, '{}') as complaints, ",
        answer_columns!(),
        " from rehearsals r
          join lateral (select k.case_id, k.name from cases k where k.tenant_id = $1 and k.case_id = r.case_id) c on true
         where r.tenant_id = $1 and r.trial_id = $2
         order by c.name"
    ))
    .bind(tenant)
    .bind(trial)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Tried {
                case: row.try_get("case_id")?,
                name: row.try_get("name")?,
                complaints: row.try_get("complaints")?,
                answer: rehearsal(row)?,
            })
        })
        .collect()
}

/// What a tried case lacks, beside its answer.
pub async fn complain(tx: &mut TenantTx, id: RehearsalId, complaints: &[String]) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update rehearsals set complaints = $3 where tenant_id = $1 and rehearsal_id = $2 and kind = 'case'",
    )
    .bind(tenant)
    .bind(id)
    .bind(complaints)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The cases that keep an agent from being as this draft says: those that block, and did not pass when they were last tried
/// with it, or were not tried with it.
pub async fn in_the_way(tx: &mut TenantTx, agent: AgentId, draft_hash: &[u8]) -> Result<Vec<String>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select c.name
           from cases c
           left join lateral (
             select r.state = 'done' and cardinality(r.complaints) = 0 as passed
               from rehearsals r
              where r.tenant_id = $1 and r.case_id = c.case_id and r.agent_id = $2 and r.draft_hash = $3
                and r.state <> 'waiting'
              order by r.created_at desc, r.rehearsal_id desc limit 1
           ) last on true
          where c.tenant_id = $1 and c.blocks and coalesce(c.agent_id, $2) = $2 and last.passed is not true
          order by c.name",
    )
    .bind(tenant)
    .bind(agent)
    .bind(draft_hash)
    .fetch_all(tx.conn())
    .await?)
}

//! AI employees: name, role, tone and instructions.

use sqlx::Row;

use super::{
    DbError, TenantTx,
    plans::{self, Addition},
};
use crate::ids::AgentId;

#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    pub id: AgentId,
    pub name: String,
    pub role: String,
    pub tone: String,
    pub instructions: String,
    /// `None`: the platform's configured model.
    pub model: Option<String>,
    pub manner: Manner,
    pub is_default: bool,
}

/// How an agent's model is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Manner {
    /// From 0, always the likeliest word, to 2; `None`: the provider's own.
    pub temperature: Option<f64>,
    /// Tokens an answer may have, from 50 to 8,000; `None`: as the platform has it.
    pub answer_tokens: Option<i32>,
}

/// What may be said about an agent when it is shaped; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AgentShape {
    pub role: Option<String>,
    pub tone: Option<String>,
    pub instructions: Option<String>,
    pub model: Option<String>,
    /// `Some(None)` takes it back.
    pub temperature: Option<Option<f64>>,
    pub answer_tokens: Option<Option<i32>>,
}

/// As [`agent`] reads them.
macro_rules! columns {
    () => {
        "agent_id, name, role, tone, instructions, model, temperature, answer_tokens, is_default"
    };
}

/// Creates or reshapes the agent called `name`; the tenant's first one becomes the default that answers.
pub async fn shape(tx: &mut TenantTx, name: &str, shape: &AgentShape) -> Result<Agent, DbError> {
    let tenant = tx.tenant();
    let known: bool = sqlx::query_scalar("select exists (select from agents where tenant_id = $1 and name = $2)")
        .bind(tenant)
        .bind(name)
        .fetch_one(tx.conn())
        .await?;
    if !known {
        plans::make_room(tx, Addition::Agent).await?;
    }
    let row = sqlx::query(concat!(
        "insert into agents as a (tenant_id, agent_id, name, role, tone, instructions, model, temperature,
                                  answer_tokens, is_default)
         values ($1, $2, $3, coalesce($4, ''), coalesce($5, ''), coalesce($6, ''), $7, $9, $11,
                 not exists (select from agents where tenant_id = $1 and is_default))
         on conflict (tenant_id, name) do update
            set role = coalesce($4, a.role), tone = coalesce($5, a.tone),
                instructions = coalesce($6, a.instructions), model = coalesce($7, a.model),
                temperature = case when $8 then $9 else a.temperature end,
                answer_tokens = case when $10 then $11 else a.answer_tokens end,
                updated_at = clock_timestamp()
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(AgentId::new())
    .bind(name)
    .bind(&shape.role)
    .bind(&shape.tone)
    .bind(&shape.instructions)
    .bind(&shape.model)
    .bind(shape.temperature.is_some())
    .bind(shape.temperature.flatten())
    .bind(shape.answer_tokens.is_some())
    .bind(shape.answer_tokens.flatten())
    .fetch_one(tx.conn())
    .await?;
    agent(&row)
}

/// The agents, default first, then by name.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Agent>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(concat!(
        "select ",
        columns!(),
        " from agents
          where tenant_id = $1 order by is_default desc, name limit 200"
    ))
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(agent).collect()
}

pub async fn find(tx: &mut TenantTx, id: AgentId) -> Result<Option<Agent>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!(
        "select ",
        columns!(),
        " from agents
          where tenant_id = $1 and agent_id = $2"
    ))
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(agent).transpose()
}

/// Held until the transaction ends: what is compared with it is not changed meanwhile.
pub async fn named(tx: &mut TenantTx, name: &str) -> Result<Option<Agent>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!(
        "select ",
        columns!(),
        " from agents
          where tenant_id = $1 and name = $2
            for no key update"
    ))
    .bind(tenant)
    .bind(name)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(agent).transpose()
}

pub(super) fn agent(row: &sqlx::postgres::PgRow) -> Result<Agent, DbError> {
    Ok(Agent {
        id: row.try_get("agent_id")?,
        name: row.try_get("name")?,
        role: row.try_get("role")?,
        tone: row.try_get("tone")?,
        instructions: row.try_get("instructions")?,
        model: row.try_get("model")?,
        manner: Manner { temperature: row.try_get("temperature")?, answer_tokens: row.try_get("answer_tokens")? },
        is_default: row.try_get("is_default")?,
    })
}

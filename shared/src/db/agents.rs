//! AI employees: name, role, tone and instructions.

use sqlx::Row;

use super::{
    DbError, TenantTx,
    plans::{self, Addition},
};
use crate::ids::AgentId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub id: AgentId,
    pub name: String,
    pub role: String,
    pub tone: String,
    pub instructions: String,
    /// `None`: the platform's configured model.
    pub model: Option<String>,
    pub is_default: bool,
}

/// What may be said about an agent when it is shaped; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AgentShape {
    pub role: Option<String>,
    pub tone: Option<String>,
    pub instructions: Option<String>,
    pub model: Option<String>,
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
    let row = sqlx::query(
        "insert into agents as a (tenant_id, agent_id, name, role, tone, instructions, model, is_default)
         values ($1, $2, $3, coalesce($4, ''), coalesce($5, ''), coalesce($6, ''), $7,
                 not exists (select from agents where tenant_id = $1 and is_default))
         on conflict (tenant_id, name) do update
            set role = coalesce($4, a.role), tone = coalesce($5, a.tone),
                instructions = coalesce($6, a.instructions), model = coalesce($7, a.model),
                updated_at = clock_timestamp()
         returning agent_id, name, role, tone, instructions, model, is_default",
    )
    .bind(tenant)
    .bind(AgentId::new())
    .bind(name)
    .bind(&shape.role)
    .bind(&shape.tone)
    .bind(&shape.instructions)
    .bind(&shape.model)
    .fetch_one(tx.conn())
    .await?;
    agent(&row)
}

/// The agents, default first, then by name.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Agent>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select agent_id, name, role, tone, instructions, model, is_default from agents
          where tenant_id = $1 order by is_default desc, name limit 200",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(agent).collect()
}

pub async fn find(tx: &mut TenantTx, id: AgentId) -> Result<Option<Agent>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select agent_id, name, role, tone, instructions, model, is_default from agents
          where tenant_id = $1 and agent_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(agent).transpose()
}

/// Held until the transaction ends: what is compared with it is not changed meanwhile.
pub async fn named(tx: &mut TenantTx, name: &str) -> Result<Option<Agent>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select agent_id, name, role, tone, instructions, model, is_default from agents
          where tenant_id = $1 and name = $2
            for no key update",
    )
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
        is_default: row.try_get("is_default")?,
    })
}

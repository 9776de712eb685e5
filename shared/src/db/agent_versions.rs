//! What an agent was each time it was changed, and which change somebody saw who changes it: two who edit at once are told.

use serde_json::Value;
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;

use super::{DbError, TenantTx, audit::Actor};
use crate::ids::AgentId;

/// Versions shown of one agent, the newest.
const VERSIONS_MAX: i64 = 200;

/// An agent as it was made by one change.
#[derive(Clone, Debug)]
pub struct AgentVersion {
    pub version: i32,
    /// As the API shows it.
    pub shape: Value,
    /// Who made it so, as the audit log names them, and when.
    pub actor: String,
    pub created_at: OffsetDateTime,
}

/// The agent of this name and its version, locked until the transaction ends. 0: it was never changed since there are
/// versions. `None`: there is no such agent yet.
pub async fn lock(tx: &mut TenantTx, name: &str) -> Result<Option<(AgentId, i32)>, DbError> {
    let tenant = tx.tenant();
    let agent: Option<AgentId> =
        sqlx::query_scalar("select agent_id from agents where tenant_id = $1 and name = $2 for update")
            .bind(tenant)
            .bind(name)
            .fetch_optional(tx.conn())
            .await?;
    let Some(agent) = agent else { return Ok(None) };
    // A statement of its own: whoever waited for the lock sees what was written meanwhile.
    Ok(Some((agent, latest(tx, agent).await?)))
}

/// The version of an agent whose row the transaction holds; 0: it has none.
pub async fn latest(tx: &mut TenantTx, agent: AgentId) -> Result<i32, DbError> {
    let tenant = tx.tenant();
    let version: Option<i32> =
        sqlx::query_scalar("select max(version) from agent_versions where tenant_id = $1 and agent_id = $2")
            .bind(tenant)
            .bind(agent)
            .fetch_one(tx.conn())
            .await?;
    Ok(version.unwrap_or_default())
}

/// Keeps what an agent is from now on.
pub async fn keep(
    tx: &mut TenantTx,
    actor: &Actor,
    (agent, version): (AgentId, i32),
    shape: &Value,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let (kind, who) = actor.parts();
    sqlx::query(
        "insert into agent_versions (tenant_id, agent_id, version, shape, actor_kind, actor_id)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tenant)
    .bind(agent)
    .bind(version)
    .bind(Json(shape))
    .bind(kind)
    .bind(who)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The version of every agent that has one.
pub async fn current(tx: &mut TenantTx) -> Result<Vec<(AgentId, i32)>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as("select agent_id, max(version) from agent_versions where tenant_id = $1 group by agent_id")
        .bind(tenant)
        .fetch_all(tx.conn())
        .await?)
}

/// What an agent was, newest first.
pub async fn list(tx: &mut TenantTx, agent: AgentId) -> Result<Vec<AgentVersion>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select version, shape, actor_id, created_at from agent_versions
          where tenant_id = $1 and agent_id = $2 order by version desc limit $3",
    )
    .bind(tenant)
    .bind(agent)
    .bind(VERSIONS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(version).collect()
}

fn version(row: &PgRow) -> Result<AgentVersion, DbError> {
    let Json(shape) = row.try_get("shape")?;
    Ok(AgentVersion {
        version: row.try_get("version")?,
        shape,
        actor: row.try_get("actor_id")?,
        created_at: row.try_get("created_at")?,
    })
}

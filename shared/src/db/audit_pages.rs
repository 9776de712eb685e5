//! The audit log as admins read it: newest first, by act and by who did it.

use serde_json::Value;
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{DbError, TenantTx};
use crate::ids::{ApiKeyId, PersonId, UserId};

/// One act.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its place in the tenant's chain, from 1.
    pub n: i64,
    pub at: OffsetDateTime,
    pub actor_kind: String,
    pub actor_id: String,
    /// Of a member, an API key or a person in a channel, as they are called today.
    pub actor_name: Option<String>,
    pub action: String,
    pub target_kind: String,
    pub target_id: String,
    pub detail: Value,
}

/// Which acts. What is empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// An act, or all whose names begin with it and a dot.
    pub action: &'a str,
    /// An actor's id, or a kind of actor.
    pub actor: &'a str,
    /// Only what came before this one.
    pub before: Option<i64>,
}

/// The newest first.
pub async fn list(tx: &mut TenantTx, filter: &Filter<'_>, limit: i64) -> Result<Vec<Event>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select n, at, actor_kind, actor_id, action, target_kind, target_id, detail
           from audit_events
          where tenant_id = $1 and ($2::bigint is null or n < $2)
            and ($3 = '' or action = $3 or starts_with(action, $3 || '.'))
            and ($4 = '' or actor_id = $4 or actor_kind = $4)
          order by n desc
          limit $5",
    )
    .bind(tenant)
    .bind(filter.before)
    .bind(filter.action)
    .bind(filter.actor)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    let mut events = rows.iter().map(event).collect::<Result<Vec<Event>, DbError>>()?;
    name_actors(tx, &mut events).await?;
    Ok(events)
}

/// The act at a place of the log, its actor not named.
pub(super) async fn find(tx: &mut TenantTx, n: i64) -> Result<Event, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select n, at, actor_kind, actor_id, action, target_kind, target_id, detail
           from audit_events where tenant_id = $1 and n = $2",
    )
    .bind(tenant)
    .bind(n)
    .fetch_optional(tx.conn())
    .await?;
    event(&row.ok_or(DbError::NotFound)?)
}

/// An act as its row has it, its actor not named yet.
fn event(row: &PgRow) -> Result<Event, DbError> {
    let Json(detail) = row.try_get("detail")?;
    Ok(Event {
        n: row.try_get("n")?,
        at: row.try_get("at")?,
        actor_kind: row.try_get("actor_kind")?,
        actor_id: row.try_get("actor_id")?,
        actor_name: None,
        action: row.try_get("action")?,
        target_kind: row.try_get("target_kind")?,
        target_id: row.try_get("target_id")?,
        detail,
    })
}

/// The log holds ids in their written form, which the database does not know: they are read here.
async fn name_actors(tx: &mut TenantTx, events: &mut [Event]) -> Result<(), DbError> {
    let mut asked: Vec<(Uuid, String)> = Vec::new();
    for event in events.iter() {
        let id = match event.actor_kind.as_str() {
            "user" => event.actor_id.parse::<UserId>().map(UserId::uuid).ok(),
            "api_key" => event.actor_id.parse::<ApiKeyId>().map(ApiKeyId::uuid).ok(),
            "person" => event.actor_id.parse::<PersonId>().map(PersonId::uuid).ok(),
            _ => None,
        };
        asked.extend(id.map(|id| (id, event.actor_id.clone())));
    }
    asked.sort_unstable();
    asked.dedup();
    let tenant = tx.tenant();
    let named: Vec<(Uuid, String)> = sqlx::query_as(
        "select user_id, name from memberships where tenant_id = $1 and user_id = any ($2)
         union all
         select api_key_id, name from api_keys where tenant_id = $1 and api_key_id = any ($2)
         union all
         select person_id, display_name from people where tenant_id = $1 and person_id = any ($2)",
    )
    .bind(tenant)
    .bind(asked.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .fetch_all(tx.conn())
    .await?;
    for event in events {
        let id = asked.iter().find(|(_, written)| *written == event.actor_id).map(|(id, _)| *id);
        event.actor_name = named.iter().find(|(of, _)| Some(*of) == id).map(|(_, name)| name.clone());
    }
    Ok(())
}

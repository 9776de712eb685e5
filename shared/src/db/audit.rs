//! The audit log. Appending is a definer function of its own role: no service can update or delete a row.

use serde_json::Value;
use sqlx::types::Json;

use super::{DbError, TenantTx};

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    ApiKey(crate::ids::ApiKeyId),
    CommandLine,
    System,
}

impl Actor {
    fn parts(&self) -> (&'static str, String) {
        match self {
            Self::ApiKey(key) => ("api_key", key.to_string()),
            Self::CommandLine => ("command_line", "konstruct".into()),
            Self::System => ("system", "konstruct".into()),
        }
    }
}

/// Appends to the tenant's chain in the caller's transaction: the act and its record exist together or not at all.
pub async fn append(
    tx: &mut TenantTx,
    actor: &Actor,
    action: &str,
    (target_kind, target_id): (&str, &str),
    detail: Value,
) -> Result<(), DbError> {
    let (actor_kind, actor_id) = actor.parts();
    sqlx::query("select audit_append($1, $2, $3, $4, $5, $6)")
        .bind(actor_kind)
        .bind(actor_id)
        .bind(action)
        .bind(target_kind)
        .bind(target_id)
        .bind(Json(detail))
        .execute(tx.conn())
        .await?;
    Ok(())
}

//! The audit log. Appending is a definer function of its own role: no service can update or delete a row.

use serde_json::Value;
use sqlx::{Executor, Postgres, types::Json};

use super::{DbError, TenantTx, impersonations::Impersonation};

/// Under this name a row's detail says who acted as whom, and why.
const IMPERSONATION: &str = "impersonation";

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    User(crate::ids::UserId),
    /// A platform admin who acts as a member: both are named with everything that is done.
    Impersonator(Box<Impersonation>),
    ApiKey(crate::ids::ApiKeyId),
    /// Someone who talks to an agent, acting for themselves.
    Person(crate::ids::PersonId),
    CommandLine,
    System,
}

impl Actor {
    /// The actor that [`Actor::parts`] wrote down.
    pub(super) fn restore(kind: &str, id: &str) -> Result<Self, DbError> {
        match kind {
            "api_key" => {
                let key = id.parse().map_err(|_| DbError::Damaged(format!("an actor's key `{id}`")))?;
                Ok(Self::ApiKey(key))
            }
            "user" => {
                let user = id.parse().map_err(|_| DbError::Damaged(format!("an actor's account `{id}`")))?;
                Ok(Self::User(user))
            }
            "command_line" => Ok(Self::CommandLine),
            _ => Ok(Self::System),
        }
    }

    pub(super) fn parts(&self) -> (&'static str, String) {
        match self {
            Self::User(user) => ("user", user.to_string()),
            Self::Impersonator(acting) => ("user", acting.admin.to_string()),
            Self::ApiKey(key) => ("api_key", key.to_string()),
            Self::Person(person) => ("person", person.to_string()),
            Self::CommandLine => ("command_line", "konstruct".into()),
            Self::System => ("system", "konstruct".into()),
        }
    }

    /// As the log names them.
    pub fn id(&self) -> String {
        self.parts().1
    }
}

/// Appends to the tenant's chain as the caller's transaction ends: the act and its record exist together or not at all.
pub async fn append(
    tx: &mut TenantTx,
    actor: &Actor,
    action: &str,
    target: (&str, &str),
    detail: Value,
) -> Result<(), DbError> {
    tx.record(actor.parts(), action, target, logged(actor, detail));
    Ok(())
}

/// A detail as it stands in the log: with who acts as whom.
pub(super) fn logged(actor: &Actor, mut detail: Value) -> Value {
    if let Actor::Impersonator(acting) = actor {
        detail[IMPERSONATION] = acting.as_logged();
    }
    detail
}

/// For transactions of the system role, which set the tenant as well.
pub(super) async fn append_to<'c>(
    connection: impl Executor<'c, Database = Postgres>,
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
        .bind(Json(logged(actor, detail)))
        .execute(connection)
        .await?;
    Ok(())
}

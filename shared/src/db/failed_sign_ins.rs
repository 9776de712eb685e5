//! Sign-ins that failed, in the audit log of each tenant whose member was tried.
//!
//! Callers count: an account is told of a few times an hour, however often somebody tries.

use serde_json::json;

use super::{
    DbError, SystemDb,
    audit::{Actor, append_to},
    count_commit,
};
use crate::ids::{TenantId, UserId};

/// Of an account's tenants that are told.
const TENANTS_MAX: i64 = 20;

/// What did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Password,
    /// The password fitted, the second factor did not.
    Code,
    /// The account is not confirmed, or switched off.
    Account,
}

impl Why {
    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::Account => "account",
        }
    }
}

/// Notes that somebody at `address` failed to sign in as this user. Nothing of what they typed is kept.
///
/// Reason: who signs in has no tenant yet; which logs are told follows from the user's memberships.
pub async fn note(db: &SystemDb, user: UserId, why: Why, address: &str) -> Result<(), DbError> {
    let tenants: Vec<TenantId> =
        sqlx::query_scalar("select tenant_id from memberships where user_id = $1 order by tenant_id limit $2")
            .bind(user)
            .bind(TENANTS_MAX)
            .fetch_all(db.read())
            .await?;
    for tenant in tenants {
        let mut tx = db.begin(tenant).await?;
        let detail = json!({ "why": why.as_str(), "address": address });
        // The system says so: whoever tried is not known to be the user.
        append_to(&mut *tx, &Actor::System, "session.failed", ("user", &user.to_string()), detail).await?;
        count_commit();
        tx.commit().await?;
    }
    Ok(())
}

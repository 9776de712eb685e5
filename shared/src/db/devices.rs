//! The devices of a user: which there are, signing them out, and which tenant one speaks for.

use sqlx::Row;
use time::OffsetDateTime;

use super::{
    DbError, SystemDb, count_commit,
    sessions::{audit, end, end_all, end_by_token},
};
use crate::ids::{SessionId, TenantId, UserId};

/// Signs the device out that shows one of its tokens; nothing happens if it is signed out already.
///
/// Reason: a session belongs to a user; see `sessions`.
pub async fn sign_out(db: &SystemDb, token: &str) -> Result<(), DbError> {
    let mut tx = db.begin_untied().await?;
    end_by_token(&mut tx, token, "signed_out").await?;
    count_commit();
    tx.commit().await?;
    Ok(())
}

/// Signs one device of the user out. Not found: it is another user's, or signed out already.
///
/// Reason: a session belongs to a user; see `sessions`.
pub async fn sign_out_device(
    db: &SystemDb,
    tenant: Option<TenantId>,
    user: UserId,
    session: SessionId,
) -> Result<(), DbError> {
    let mut tx = db.begin_for(tenant).await?;
    let owned: bool = sqlx::query_scalar(
        "select exists (select from sessions where session_id = $1 and user_id = $2 and expires_at > now())",
    )
    .bind(session)
    .bind(user)
    .fetch_one(&mut *tx)
    .await?;
    if !owned || !end(&mut tx, session, "signed_out").await? {
        return Err(DbError::NotFound);
    }
    if tenant.is_some() {
        audit(&mut tx, user, "session.end", session).await?;
    }
    count_commit();
    tx.commit().await?;
    Ok(())
}

/// Signs the user out everywhere, here included.
///
/// Reason: a session belongs to a user; see `sessions`.
pub async fn sign_out_everywhere(
    db: &SystemDb,
    tenant: Option<TenantId>,
    user: UserId,
    here: SessionId,
) -> Result<(), DbError> {
    let mut tx = db.begin_for(tenant).await?;
    end_all(&mut tx, user, None, "signed_out").await?;
    if tenant.is_some() {
        audit(&mut tx, user, "session.end_all", here).await?;
    }
    count_commit();
    tx.commit().await?;
    Ok(())
}

/// A device somebody is signed in on.
#[derive(Debug)]
pub struct Open {
    pub session: SessionId,
    pub address: String,
    pub agent: String,
    pub created_at: OffsetDateTime,
    /// To the minute.
    pub last_seen_at: OffsetDateTime,
}

/// The user's devices, the last used first.
///
/// Reason: a session belongs to a user; see `sessions`.
pub async fn list(db: &SystemDb, user: UserId) -> Result<Vec<Open>, DbError> {
    let rows = sqlx::query(
        "select session_id, address, agent, created_at, last_seen_at from sessions
          where user_id = $1 and ended_at is null and expires_at > now()
          order by last_seen_at desc limit 200",
    )
    .bind(user)
    .fetch_all(db.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Open {
                session: row.try_get("session_id")?,
                address: row.try_get("address")?,
                agent: row.try_get("agent")?,
                created_at: row.try_get("created_at")?,
                last_seen_at: row.try_get("last_seen_at")?,
            })
        })
        .collect()
}

/// Makes the session speak for another tenant of its user. Not found: no membership there.
///
/// Reason: a session belongs to a user; the membership is checked in the same statement.
pub async fn switch(db: &SystemDb, session: SessionId, user: UserId, tenant: TenantId) -> Result<(), DbError> {
    let switched = sqlx::query(
        "update sessions set current_tenant = $3
          where session_id = $1 and user_id = $2
            and exists (select from memberships where tenant_id = $3 and user_id = $2)",
    )
    .bind(session)
    .bind(user)
    .bind(tenant)
    .execute(db.write())
    .await?;
    if switched.rows_affected() == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

//! A user's second factor: the secret an app makes codes from, and recovery codes.
//!
//! All of it runs as the system role: an account belongs to no tenant.

use serde_json::json;
use sqlx::Row;

use super::{
    DbError, SystemDb,
    audit::{Actor, append_to},
    count_commit,
};
use crate::ids::{TenantId, UserId};

/// What codes are checked against.
#[derive(Debug)]
pub struct Factor {
    /// Sealed; see [`place`].
    pub secret: Vec<u8>,
    /// It is asked for when signing in.
    pub is_on: bool,
}

/// Where the sealed secret of a user lives.
pub fn place(user: UserId) -> crate::crypto::Place {
    crate::crypto::Place { tenant: None, table: "users", column: "totp_secret", row: user.uuid() }
}

/// Reason: an account belongs to no tenant.
pub async fn find(db: &SystemDb, user: UserId) -> Result<Option<Factor>, DbError> {
    let row = sqlx::query(
        "select totp_secret, totp_since is not null as is_on from users
          where user_id = $1 and totp_secret is not null",
    )
    .bind(user)
    .fetch_optional(db.read())
    .await?;
    row.map(|row| Ok(Factor { secret: row.try_get("totp_secret")?, is_on: row.try_get("is_on")? })).transpose()
}

/// Keeps a secret that is about to be shown. A factor that is on is not replaced.
///
/// Reason: an account belongs to no tenant.
pub async fn propose(db: &SystemDb, user: UserId, secret: &[u8]) -> Result<(), DbError> {
    let kept = sqlx::query(
        "update users set totp_secret = $2, totp_step = null where user_id = $1 and totp_since is null",
    )
    .bind(user)
    .bind(secret)
    .execute(db.write())
    .await?;
    if kept.rows_affected() == 1 {
        Ok(())
    } else {
        Err(DbError::Conflict("The second factor is on: turn it off before you set up another app."))
    }
}

/// Turns the factor on, with the recovery codes that replace all earlier ones.
///
/// Reason: an account belongs to no tenant.
pub async fn turn_on(
    db: &SystemDb,
    home: Option<TenantId>,
    user: UserId,
    step: i64,
    codes: &[[u8; 32]],
) -> Result<(), DbError> {
    let mut tx = db.begin_for(home).await?;
    let turned = sqlx::query(
        "update users set totp_since = clock_timestamp(), totp_step = $2
          where user_id = $1 and totp_since is null and totp_secret is not null",
    )
    .bind(user)
    .bind(step)
    .execute(&mut *tx)
    .await?;
    if turned.rows_affected() == 0 {
        return Err(DbError::Conflict("The second factor is on already."));
    }
    let hashes: Vec<&[u8]> = codes.iter().map(<[u8; 32]>::as_slice).collect();
    sqlx::query("delete from recovery_codes where user_id = $1").bind(user).execute(&mut *tx).await?;
    sqlx::query("insert into recovery_codes (user_id, code_hash) select $1, unnest($2::bytea[])")
        .bind(user)
        .bind(hashes)
        .execute(&mut *tx)
        .await?;
    audit(&mut tx, &Actor::User(user), home, user, "second_factor.on").await?;
    count_commit();
    tx.commit().await?;
    Ok(())
}

/// Turns the factor off.
///
/// Reason: an account belongs to no tenant.
pub async fn turn_off(db: &SystemDb, actor: &Actor, home: Option<TenantId>, user: UserId) -> Result<(), DbError> {
    let mut tx = db.begin_for(home).await?;
    sqlx::query(
        "with gone as (delete from recovery_codes where user_id = $1)
         update users set totp_secret = null, totp_since = null, totp_step = null where user_id = $1",
    )
    .bind(user)
    .execute(&mut *tx)
    .await?;
    audit(&mut tx, actor, home, user, "second_factor.off").await?;
    count_commit();
    tx.commit().await?;
    Ok(())
}

async fn audit(
    connection: &mut sqlx::PgConnection,
    actor: &Actor,
    home: Option<TenantId>,
    user: UserId,
    action: &str,
) -> Result<(), DbError> {
    if home.is_none() {
        return Ok(());
    }
    append_to(connection, actor, action, ("user", &user.to_string()), json!({})).await
}

/// Uses up the code of this half minute, and all before it. False: it was used.
///
/// Reason: an account belongs to no tenant.
pub async fn use_step(db: &SystemDb, user: UserId, step: i64) -> Result<bool, DbError> {
    let used = sqlx::query(
        "update users set totp_step = $2 where user_id = $1 and totp_since is not null and totp_step < $2",
    )
    .bind(user)
    .bind(step)
    .execute(db.write())
    .await?;
    Ok(used.rows_affected() == 1)
}

/// Uses up a recovery code. False: there is none like it.
///
/// Reason: an account belongs to no tenant.
pub async fn use_recovery_code(db: &SystemDb, user: UserId, hash: &[u8; 32]) -> Result<bool, DbError> {
    let used = sqlx::query("delete from recovery_codes where user_id = $1 and code_hash = $2")
        .bind(user)
        .bind(hash.as_slice())
        .execute(db.write())
        .await?;
    Ok(used.rows_affected() == 1)
}

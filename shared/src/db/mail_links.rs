//! Links in mails that prove whose an address is. Each works once, and is known by its hash only.

use sqlx::PgConnection;

use super::{
    DbError, SystemDb,
    accounts::{Account, account, audit_password, set_password},
    count_commit,
};
use crate::ids::{TenantId, UserId};

const VERIFY_HOURS: i32 = 48;
const RESET_MINUTES: i32 = 60;

/// What a link in a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Verify,
    Reset,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
        }
    }

    fn minutes(self) -> i32 {
        match self {
            Self::Verify => VERIFY_HOURS * 60,
            Self::Reset => RESET_MINUTES,
        }
    }
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    user: UserId,
    purpose: Purpose,
    hash: &[u8; 32],
) -> Result<(), DbError> {
    sqlx::query(
        "with gone as (delete from user_tokens where user_id = $2 and expires_at < now())
         insert into user_tokens (token_hash, user_id, purpose, expires_at)
         values ($1, $2, $3, clock_timestamp() + make_interval(mins => $4))",
    )
    .bind(hash.as_slice())
    .bind(user)
    .bind(purpose.name())
    .bind(purpose.minutes())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whose living link this is.
///
/// Reason: the token is all that is known of somebody who follows a link.
pub async fn find_by_token(db: &SystemDb, purpose: Purpose, hash: &[u8; 32]) -> Result<Option<Account>, DbError> {
    let row = sqlx::query(
        "select user_id, mail, name, password_hash, mail_verified_at is not null as is_verified,
                disabled_at is not null as is_disabled
           from users join user_tokens using (user_id)
          where token_hash = $1 and purpose = $2 and expires_at > now()",
    )
    .bind(hash.as_slice())
    .bind(purpose.name())
    .fetch_optional(db.read())
    .await?;
    row.map(|row| account(&row)).transpose()
}

/// Gives out a link to reset the password; older ones work until they expire.
///
/// Reason: an account belongs to no tenant.
pub async fn allow_reset(db: &SystemDb, user: UserId, hash: &[u8; 32]) -> Result<(), DbError> {
    let mut tx = db.begin_untied().await?;
    insert(&mut tx, user, Purpose::Reset, hash).await?;
    count_commit();
    tx.commit().await?;
    Ok(())
}

/// Uses up a link that proves the address. False: it was used meanwhile.
///
/// Reason: an account belongs to no tenant.
pub async fn verify(db: &SystemDb, hash: &[u8; 32]) -> Result<bool, DbError> {
    let verified = sqlx::query(
        "with used as (delete from user_tokens where token_hash = $1 and purpose = 'verify' and expires_at > now()
                       returning user_id)
         update users u set mail_verified_at = coalesce(mail_verified_at, clock_timestamp())
           from used where u.user_id = used.user_id",
    )
    .bind(hash.as_slice())
    .execute(db.write())
    .await?;
    Ok(verified.rows_affected() == 1)
}

/// Uses up a link and sets the password. Whoever holds the link reads the mails, so the address is proved; every device
/// is signed out. False: the link was used meanwhile.
///
/// Reason: an account belongs to no tenant.
pub async fn reset_password(
    db: &SystemDb,
    home: Option<TenantId>,
    user: UserId,
    hash: &[u8; 32],
    password_hash: &str,
) -> Result<bool, DbError> {
    let mut tx = db.begin_for(home).await?;
    let used = sqlx::query(
        "delete from user_tokens where token_hash = $1 and user_id = $2 and purpose = 'reset' and expires_at > now()",
    )
    .bind(hash.as_slice())
    .bind(user)
    .execute(&mut *tx)
    .await?;
    if used.rows_affected() == 0 {
        return Ok(false);
    }
    set_password(&mut tx, user, password_hash, None).await?;
    sqlx::query(
        "update users set mail_verified_at = coalesce(mail_verified_at, clock_timestamp()) where user_id = $1",
    )
    .bind(user)
    .execute(&mut *tx)
    .await?;
    audit_password(&mut tx, home, user, "password.reset").await?;
    count_commit();
    tx.commit().await?;
    Ok(true)
}

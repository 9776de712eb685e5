//! Who somebody is to the provider they sign in by, and their visits to its page.
//!
//! All of it runs as the system role: who comes from there is nobody's member yet. An account is found by issuer and
//! subject only; that a mail address is the same connects nothing.

use serde_json::json;
use sqlx::{PgConnection, Row};
use time::OffsetDateTime;

use super::{
    DbError, SystemDb,
    accounts::{Account, account},
    audit::{Actor, append_to},
    count_commit,
};
use crate::{
    ids::{IdentityId, TenantId, UserId},
    oidc::Proof,
};

/// From asking for the provider's page until one is signed in, with time for a second factor there.
const VISIT_MINUTES: i32 = 15;
/// Ways to sign in by providers, of one account.
const OF_ONE_MAX: i64 = 10;
const LABEL_MAX: usize = 254;

/// A visit about to begin.
#[derive(Clone, Copy, Debug)]
pub struct NewVisit<'a> {
    pub state: &'a [u8; 32],
    pub browser: &'a [u8; 32],
    /// Somebody signed in who adds a way to sign in.
    pub user: Option<UserId>,
    /// Hash of the token of an invitation.
    pub invitation: Option<&'a [u8; 32]>,
}

/// What an account signs in by.
#[derive(Clone, Debug)]
pub struct Identity {
    pub id: IdentityId,
    pub issuer: String,
    pub label: String,
    pub created_at: OffsetDateTime,
    pub last_used_at: OffsetDateTime,
}

/// Why a visit is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nobody's, of another browser, or it came back before.
    Unknown,
    Late,
}

/// Remembers a visit; those of the past are forgotten.
///
/// Reason: who begins one is nobody yet.
pub async fn begin(db: &SystemDb, new: &NewVisit<'_>) -> Result<(), DbError> {
    sqlx::query(
        "with gone as (delete from provider_visits where expires_at < now() - interval '1 hour')
         insert into provider_visits (state_hash, browser_hash, user_id, invitation_hash, expires_at)
         values ($1, $2, $3, $4, clock_timestamp() + make_interval(mins => $5))",
    )
    .bind(new.state.as_slice())
    .bind(new.browser.as_slice())
    .bind(new.user)
    .bind(new.invitation.map(<[u8; 32]>::as_slice))
    .bind(VISIT_MINUTES)
    .execute(db.write())
    .await?;
    Ok(())
}

/// Takes a visit that comes back, once; the somebody who adds a way to sign in. Who has the state but not the browser's
/// cookie can't use it up.
///
/// Reason: who comes back is nobody yet.
pub async fn come_back(
    db: &SystemDb,
    state: &[u8; 32],
    browser: &[u8; 32],
) -> Result<Result<Option<UserId>, Refused>, DbError> {
    let row = sqlx::query(
        "with before as (select state_hash, expires_at > now() as is_fresh from provider_visits
                          where state_hash = $1 and browser_hash = $2 and came_back_at is null for update)
         update provider_visits v set came_back_at = clock_timestamp()
           from before where v.state_hash = before.state_hash
         returning v.user_id, before.is_fresh",
    )
    .bind(state.as_slice())
    .bind(browser.as_slice())
    .fetch_optional(db.write())
    .await?;
    let Some(row) = row else { return Ok(Err(Refused::Unknown)) };
    Ok(if row.try_get("is_fresh")? { Ok(row.try_get("user_id")?) } else { Err(Refused::Late) })
}

/// Keeps what the provider proved, until its person is signed in.
///
/// Reason: who comes back is nobody yet.
pub async fn prove(db: &SystemDb, state: &[u8; 32], proof: &Proof) -> Result<(), DbError> {
    sqlx::query(
        "update provider_visits
            set issuer = $2, subject = $3, mail = $4, is_mail_proved = $5, name = $6, is_strong = $7
          where state_hash = $1 and came_back_at is not null and user_id is null",
    )
    .bind(state.as_slice())
    .bind(&proof.issuer)
    .bind(&proof.subject)
    .bind(&proof.mail)
    .bind(proof.is_mail_proved)
    .bind(&proof.name)
    .bind(proof.is_strong)
    .execute(db.write())
    .await?;
    Ok(())
}

/// Who waits in this browser to be signed in.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub proof: Proof,
    pub invitation: Option<[u8; 32]>,
}

/// Reason: the browser's cookie is all that is known of them.
pub async fn waiting(db: &SystemDb, browser: &[u8; 32]) -> Result<Option<Waiting>, DbError> {
    let row = sqlx::query(
        "select issuer, subject, mail, is_mail_proved, name, is_strong, invitation_hash from provider_visits
          where browser_hash = $1 and issuer is not null and expires_at > now()",
    )
    .bind(browser.as_slice())
    .fetch_optional(db.read())
    .await?;
    row.map(|row| {
        let invitation: Option<Vec<u8>> = row.try_get("invitation_hash")?;
        Ok(Waiting {
            proof: Proof {
                issuer: row.try_get("issuer")?,
                subject: row.try_get("subject")?,
                mail: row.try_get("mail")?,
                is_mail_proved: row.try_get("is_mail_proved")?,
                name: row.try_get("name")?,
                is_strong: row.try_get("is_strong")?,
            },
            invitation: invitation.and_then(|hash| hash.try_into().ok()),
        })
    })
    .transpose()
}

/// Ends a visit with its person signed in. False: it was used meanwhile.
///
/// Reason: a visit belongs to no tenant.
pub async fn end(db: &SystemDb, browser: &[u8; 32]) -> Result<bool, DbError> {
    let ended = sqlx::query("delete from provider_visits where browser_hash = $1")
        .bind(browser.as_slice())
        .execute(db.write())
        .await?;
    Ok(ended.rows_affected() == 1)
}

/// Whose account this is at the provider; notes that it was used.
///
/// Reason: what the provider proves is all that is known of them.
pub async fn find(db: &SystemDb, proof: &Proof) -> Result<Option<Account>, DbError> {
    let row = sqlx::query(
        "with used as (update identities set last_used_at = clock_timestamp()
                        where issuer = $1 and subject = $2 returning user_id)
         select user_id, mail, name, password_hash, mail_verified_at is not null as is_verified,
                disabled_at is not null as is_disabled
           from users join used using (user_id)",
    )
    .bind(&proof.issuer)
    .bind(&proof.subject)
    .fetch_optional(db.write())
    .await?;
    row.map(|row| account(&row)).transpose()
}

/// Connects an account with who its owner is at the provider; both were proved. True: it was not connected before.
///
/// Reason: an account belongs to no tenant.
pub async fn connect(db: &SystemDb, home: Option<TenantId>, user: UserId, proof: &Proof) -> Result<bool, DbError> {
    let mut tx = db.begin_for(home).await?;
    let is_new = insert(&mut tx, user, proof).await?;
    if let Some(id) = is_new.filter(|_| home.is_some()) {
        audit(&mut tx, user, "identity.connect", id, &proof.issuer).await?;
    }
    count_commit();
    tx.commit().await?;
    Ok(is_new.is_some())
}

/// `None`: it is this account's already.
pub(super) async fn insert(
    connection: &mut PgConnection,
    user: UserId,
    proof: &Proof,
) -> Result<Option<IdentityId>, DbError> {
    // Two that are added at once are counted one after the other.
    sqlx::query("select from users where user_id = $1 for update").bind(user).execute(&mut *connection).await?;
    let id = IdentityId::new();
    let inserted = sqlx::query(
        "insert into identities (identity_id, user_id, issuer, subject, label)
         select $1, $2, $3, $4, $5 where (select count(*) from identities where user_id = $2) < $6
         on conflict (issuer, subject) do nothing",
    )
    .bind(id)
    .bind(user)
    .bind(&proof.issuer)
    .bind(&proof.subject)
    .bind(proof.mail.as_deref().unwrap_or_default().chars().take(LABEL_MAX).collect::<String>())
    .bind(OF_ONE_MAX)
    .execute(&mut *connection)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Some(id));
    }
    let owner: Option<UserId> =
        sqlx::query_scalar("select user_id from identities where issuer = $1 and subject = $2")
            .bind(&proof.issuer)
            .bind(&proof.subject)
            .fetch_optional(connection)
            .await?;
    match owner {
        Some(owner) if owner == user => Ok(None),
        Some(_) => Err(DbError::Conflict("That account of the provider belongs to another account here.")),
        None => Err(DbError::Conflict("Ten ways to sign in are enough: remove one first.")),
    }
}

/// What an account signs in by, the oldest first.
///
/// Reason: an account belongs to no tenant.
pub async fn list(db: &SystemDb, user: UserId) -> Result<Vec<Identity>, DbError> {
    let rows = sqlx::query(
        "select identity_id, issuer, label, created_at, last_used_at from identities
          where user_id = $1 order by created_at, identity_id limit 100",
    )
    .bind(user)
    .fetch_all(db.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Identity {
                id: row.try_get("identity_id")?,
                issuer: row.try_get("issuer")?,
                label: row.try_get("label")?,
                created_at: row.try_get("created_at")?,
                last_used_at: row.try_get("last_used_at")?,
            })
        })
        .collect()
}

/// Nobody signs in by it any more.
///
/// Reason: an account belongs to no tenant.
pub async fn disconnect(
    db: &SystemDb,
    home: Option<TenantId>,
    user: UserId,
    id: IdentityId,
) -> Result<(), DbError> {
    let mut tx = db.begin_for(home).await?;
    let issuer: String =
        sqlx::query_scalar("delete from identities where identity_id = $1 and user_id = $2 returning issuer")
            .bind(id)
            .bind(user)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(DbError::NotFound)?;
    if home.is_some() {
        audit(&mut tx, user, "identity.disconnect", id, &issuer).await?;
    }
    count_commit();
    tx.commit().await?;
    Ok(())
}

async fn audit(
    connection: &mut PgConnection,
    user: UserId,
    action: &str,
    id: IdentityId,
    issuer: &str,
) -> Result<(), DbError> {
    let target = ("identity", id.to_string());
    append_to(connection, &Actor::User(user), action, (target.0, &target.1), json!({ "issuer": issuer })).await
}

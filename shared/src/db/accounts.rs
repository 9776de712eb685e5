//! Accounts: who can sign in. The links in mails that prove an address stand in `mail_links`.
//!
//! All of it runs as the system role: an account belongs to no tenant. What a statement does for a tenant (its first
//! rows, its audit log) it does in a transaction that is bound to it.

use serde_json::json;
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    DbError, SystemDb,
    audit::{Actor, append_to},
    count_commit, identities,
    mail_links::{self, Purpose},
};
use crate::{
    ids::{AgentId, SessionId, TenantId, UserId},
    oidc::Proof,
};

/// The agent a new tenant begins with.
const FIRST_AGENT: &str = "Kona";

/// Somebody who can sign in, or could once their address is proved.
#[derive(Clone, Debug)]
pub struct Account {
    pub user: UserId,
    pub mail: String,
    pub name: String,
    /// An Argon2id string; `None`: they came by a provider, and have chosen no password.
    pub password_hash: Option<String>,
    pub is_verified: bool,
    pub is_disabled: bool,
}

impl Account {
    pub fn may_sign_in(&self) -> bool {
        self.is_verified && !self.is_disabled
    }
}

/// What somebody is to a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub tenant: TenantId,
    pub tenant_name: String,
    pub role: String,
    pub is_owner: bool,
    pub read_only: bool,
}

/// Somebody about to sign up. Addresses are lower case.
#[derive(Clone, Copy, Debug)]
pub struct SignUp<'a> {
    pub mail: &'a str,
    pub name: &'a str,
    pub tenant_name: &'a str,
    pub by: SignUpBy<'a>,
}

/// What somebody signs up by.
#[derive(Clone, Copy, Debug)]
pub enum SignUpBy<'a> {
    Password {
        hash: &'a str,
        /// Hash of the token that will prove the address.
        token: &'a [u8; 32],
    },
    /// A provider has proved the address.
    Provider(&'a Proof),
}

/// A new account with its own tenant, which it owns, and that tenant's first agent: all of it, or nothing. `None`: the
/// address has an account.
pub async fn sign_up(db: &SystemDb, new: &SignUp<'_>) -> Result<Option<(TenantId, UserId)>, DbError> {
    let (tenant, user) = (TenantId::new(), UserId::new());
    let mut tx = db.begin(tenant).await?;
    let (password_hash, is_proved) = match new.by {
        SignUpBy::Password { hash, .. } => (Some(hash), false),
        SignUpBy::Provider(_) => (None, true),
    };
    if !insert_user(&mut tx, user, (new.mail, new.name), password_hash, is_proved).await? {
        return Ok(None);
    }
    sqlx::query("insert into tenants (tenant_id, name) values ($1, $2)")
        .bind(tenant)
        .bind(new.tenant_name)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "insert into memberships (tenant_id, user_id, mail, name, role, is_owner)
         values ($1, $2, $3, $4, 'customer_admin', true)",
    )
    .bind(tenant)
    .bind(user)
    .bind(new.mail)
    .bind(new.name)
    .execute(&mut *tx)
    .await?;
    sqlx::query("insert into agents (tenant_id, agent_id, name, is_default) values ($1, $2, $3, true)")
        .bind(tenant)
        .bind(AgentId::new())
        .bind(FIRST_AGENT)
        .execute(&mut *tx)
        .await?;
    let by = match new.by {
        SignUpBy::Password { token, .. } => {
            mail_links::insert(&mut tx, user, Purpose::Verify, token).await?;
            "sign-up"
        }
        SignUpBy::Provider(proof) => {
            identities::insert(&mut tx, user, proof).await?;
            "provider"
        }
    };
    let target = ("tenant", tenant.to_string());
    append_to(&mut *tx, &Actor::User(user), "tenant.create", (target.0, &target.1), json!({ "by": by })).await?;
    count_commit();
    tx.commit().await?;
    Ok(Some((tenant, user)))
}

/// False: the address has an account.
pub(super) async fn insert_user(
    connection: &mut PgConnection,
    user: UserId,
    (mail, name): (&str, &str),
    password_hash: Option<&str>,
    verified: bool,
) -> Result<bool, DbError> {
    let inserted = sqlx::query(
        "insert into users (user_id, mail, name, password_hash, mail_verified_at)
         values ($1, $2, $3, $4, case when $5 then clock_timestamp() end)
         on conflict (mail) do nothing",
    )
    .bind(user)
    .bind(mail)
    .bind(name)
    .bind(password_hash)
    .bind(verified)
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Reason: the address is all that is known of somebody who signs in.
pub async fn find_by_mail(db: &SystemDb, mail: &str) -> Result<Option<Account>, DbError> {
    let row = sqlx::query(
        "select user_id, mail, name, password_hash, mail_verified_at is not null as is_verified,
                disabled_at is not null as is_disabled
           from users where mail = $1",
    )
    .bind(mail)
    .fetch_optional(db.read())
    .await?;
    row.map(|row| account(&row)).transpose()
}

/// Reason: a session names its user only.
pub async fn find(db: &SystemDb, user: UserId) -> Result<Option<Account>, DbError> {
    let row = sqlx::query(
        "select user_id, mail, name, password_hash, mail_verified_at is not null as is_verified,
                disabled_at is not null as is_disabled
           from users where user_id = $1",
    )
    .bind(user)
    .fetch_optional(db.read())
    .await?;
    row.map(|row| account(&row)).transpose()
}

pub(super) fn account(row: &PgRow) -> Result<Account, DbError> {
    Ok(Account {
        user: row.try_get("user_id")?,
        mail: row.try_get("mail")?,
        name: row.try_get("name")?,
        password_hash: row.try_get("password_hash")?,
        is_verified: row.try_get("is_verified")?,
        is_disabled: row.try_get("is_disabled")?,
    })
}

/// The tenants of a user, own ones first.
///
/// Reason: which tenants these are is the question.
pub async fn memberships(db: &SystemDb, user: UserId) -> Result<Vec<Membership>, DbError> {
    let rows = sqlx::query(
        "select m.tenant_id, t.name, m.role, m.is_owner, m.read_only
           from memberships m join tenants t on t.tenant_id = m.tenant_id
          where m.user_id = $1
          order by m.is_owner desc, m.created_at limit 200",
    )
    .bind(user)
    .fetch_all(db.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Membership {
                tenant: row.try_get("tenant_id")?,
                tenant_name: row.try_get("name")?,
                role: row.try_get("role")?,
                is_owner: row.try_get("is_owner")?,
                read_only: row.try_get("read_only")?,
            })
        })
        .collect()
}

/// The tenant that sends mails to this user, and whose audit log tells of them: their first one, or one that invites them.
///
/// Reason: which tenant this is is the question.
pub async fn home(db: &SystemDb, user: UserId) -> Result<Option<TenantId>, DbError> {
    Ok(sqlx::query_scalar(
        "select tenant_id
           from (select tenant_id, 0 as place, created_at from memberships where user_id = $1
                 union all
                 select i.tenant_id, 1, i.created_at
                   from invitations i join users u on u.mail = i.mail
                  where u.user_id = $1 and i.accepted_at is null and i.revoked_at is null) homes
          order by place, created_at limit 1",
    )
    .bind(user)
    .fetch_optional(db.read())
    .await?)
}

/// A stronger hash of the same password, if it is still the same.
///
/// Reason: an account belongs to no tenant.
pub async fn rehash(db: &SystemDb, account: &Account, password_hash: &str) -> Result<(), DbError> {
    sqlx::query("update users set password_hash = $3 where user_id = $1 and password_hash = $2")
        .bind(account.user)
        .bind(&account.password_hash)
        .bind(password_hash)
        .execute(db.write())
        .await?;
    Ok(())
}

/// Sets the password; every other device is signed out, and links that were mailed are dead.
///
/// Reason: an account belongs to no tenant.
pub async fn change_password(
    db: &SystemDb,
    home: Option<TenantId>,
    user: UserId,
    here: SessionId,
    password_hash: &str,
) -> Result<(), DbError> {
    let mut tx = db.begin_for(home).await?;
    set_password(&mut tx, user, password_hash, Some(here)).await?;
    audit_password(&mut tx, home, user, "password.change").await?;
    count_commit();
    tx.commit().await?;
    Ok(())
}

pub(super) async fn set_password(
    connection: &mut PgConnection,
    user: UserId,
    password_hash: &str,
    keep: Option<SessionId>,
) -> Result<(), DbError> {
    sqlx::query("update users set password_hash = $2 where user_id = $1")
        .bind(user)
        .bind(password_hash)
        .execute(&mut *connection)
        .await?;
    sqlx::query("delete from user_tokens where user_id = $1").bind(user).execute(&mut *connection).await?;
    super::sessions::end_all(connection, user, keep, "password_changed").await?;
    Ok(())
}

pub(super) async fn audit_password(
    connection: &mut PgConnection,
    home: Option<TenantId>,
    user: UserId,
    action: &str,
) -> Result<(), DbError> {
    if home.is_none() {
        return Ok(());
    }
    append_to(connection, &Actor::User(user), action, ("user", &user.to_string()), json!({})).await
}

/// Lets somebody look after the platform, or no longer. Not found: the address has no account.
///
/// Reason: the platform's own role belongs to no tenant.
pub async fn set_platform_admin(db: &SystemDb, mail: &str, granted: bool) -> Result<UserId, DbError> {
    sqlx::query_scalar("update users set is_platform_admin = $2 where mail = $1 returning user_id")
        .bind(mail)
        .bind(granted)
        .fetch_optional(db.write())
        .await?
        .ok_or(DbError::NotFound)
}

/// Locks somebody out everywhere, or lets them in again. Not found: the address has no account.
///
/// Reason: an account belongs to no tenant.
pub async fn set_disabled(db: &SystemDb, mail: &str, disabled: bool) -> Result<UserId, DbError> {
    let mut tx = db.begin_untied().await?;
    let user: UserId = sqlx::query_scalar(
        "update users set disabled_at = case when $2 then coalesce(disabled_at, clock_timestamp()) end
          where mail = $1 returning user_id",
    )
    .bind(mail)
    .bind(disabled)
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(DbError::NotFound)?;
    if disabled {
        super::sessions::end_all(&mut tx, user, None, "disabled").await?;
        sqlx::query("delete from user_tokens where user_id = $1").bind(user).execute(&mut *tx).await?;
    }
    count_commit();
    tx.commit().await?;
    Ok(user)
}

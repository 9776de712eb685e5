//! Devices on which somebody is signed in.
//!
//! A session is a family of refresh tokens. Each refresh token works once and leads to the next; one that comes back after
//! that was stolen from one of two, so the family ends. Only the one before the newest is forgiven, for ten seconds: two
//! tabs of a browser may ask at once, and an answer may be lost. They get the same next token: it follows from the old one
//! by a keyed hash, so nothing but hashes has to be stored.
//!
//! All of it runs as the system role: a device is signed in as a user, and tenants follow from memberships.

use serde_json::json;
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    DbError, SystemDb,
    audit::{Actor, append_to},
    count_commit,
    impersonations::{Impersonation, impersonation_joins, impersonation_lives},
    suspensions::Suspension,
};
use crate::{
    crypto::{FingerprintKey, new_token, token_hash},
    ids::{SessionId, TenantId, UserId},
};

/// How long an access token works; then the browser shows its refresh token.
pub const ACCESS_SECONDS: i32 = 15 * 60;
/// A device that was not used for this long has to sign in again.
pub const REFRESH_SECONDS: i32 = 7 * 24 * 3600;
/// Nobody stays signed in for longer without showing their password.
const SESSION_DAYS: i32 = 30;
/// How long the token before the newest is forgiven.
const GRACE_SECONDS: f64 = 10.0;
/// What ended is shown to nobody and kept for a while, for questions.
const KEPT_DAYS: i32 = 30;
const AGENT_MAX: usize = 300;
/// `last_seen_at` is this exact.
const SEEN_SECONDS: i32 = 60;

/// What the browser shows us.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub session: SessionId,
    pub access: String,
    pub refresh: String,
}

/// Where somebody signs in from, and by what.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    pub address: &'a str,
    /// What the browser calls itself.
    pub agent: &'a str,
    pub way: Way,
}

/// What somebody has shown, for the audit log.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// `password`, `provider`, `mail_link` (with the password) or `invitation`.
    pub first: &'static str,
    /// `app` or `recovery_code`, where a second factor was asked for.
    pub second: Option<&'static str>,
}

/// Somebody with a living access token, with what they are at this moment.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub session: SessionId,
    pub user: UserId,
    pub mail: String,
    pub name: String,
    pub is_platform_admin: bool,
    pub has_second_factor: bool,
    /// The tenant they speak for, and their role there; `None` without a membership.
    pub tenant: Option<(TenantId, String)>,
    pub is_owner: bool,
    pub read_only: bool,
    /// The platform has stopped the tenant they speak for.
    pub suspended: Option<Suspension>,
    /// They act as somebody else, or did until a moment ago.
    pub impersonation: Option<Box<Impersonation>>,
}

/// Reason: the token is all that is known of the caller. Role and membership are read with it, so that what was taken
/// from somebody is gone with their next request.
pub async fn find(db: &SystemDb, access: &str) -> Result<Option<SignedIn>, DbError> {
    let row = sqlx::query(concat!(
        "with found as (
         select s.session_id, u.user_id, u.mail, u.name, u.is_platform_admin,
                u.totp_since is not null as has_second_factor,
                m.tenant_id, m.role, coalesce(m.is_owner, false) as is_owner, coalesce(m.read_only, false) as read_only,
                case when i.tenant_id is null then t.suspended_at else it.suspended_at end as suspended_at,
                case when i.tenant_id is null then t.suspended_why else it.suspended_why end as suspended_why,
                i.impersonation_id, i.tenant_id as acts_in, it.name as acts_in_name, i.subject_id,
                im.name as subject_name, im.role as subject_role, i.reason, i.ticket,
                i.expires_at as impersonation_ends,
                it.support_access = 'write' and not im.read_only as can_write, ",
        impersonation_lives!(),
        " as lives, s.last_seen_at < now() - make_interval(secs => $2) as unseen
           from session_tokens t0
           join sessions s on s.session_id = t0.session_id
           join users u on u.user_id = s.user_id
           left join memberships m on m.tenant_id = s.current_tenant and m.user_id = s.user_id
           left join tenants t on t.tenant_id = m.tenant_id
           left join impersonations i on i.session_id = s.session_id and i.left_at is null ",
        impersonation_joins!(),
        " where t0.token_hash = $1 and t0.kind = 'access' and t0.expires_at > now()
            and s.ended_at is null and s.expires_at > now() and u.disabled_at is null
         ), seen as (
             update sessions s set last_seen_at = clock_timestamp()
               from found where s.session_id = found.session_id and found.unseen
         )
         select * from found"
    ))
    .bind(token_hash(access).as_slice())
    .bind(f64::from(SEEN_SECONDS))
    .fetch_optional(db.read())
    .await?;
    row.as_ref().map(signed_in).transpose()
}

fn signed_in(row: &PgRow) -> Result<SignedIn, DbError> {
    let impersonation = Impersonation::read(row)?.map(Box::new);
    let (mut tenant, mut role): (Option<TenantId>, Option<String>) =
        (row.try_get("tenant_id")?, row.try_get("role")?);
    let (mut is_owner, mut read_only) = (row.try_get("is_owner")?, row.try_get("read_only")?);
    if let Some(acting) = &impersonation {
        // Of what the admin is elsewhere, nothing counts here.
        (tenant, role) = (acting.lives.then_some(acting.tenant), Some(acting.role.clone()));
        (is_owner, read_only) = (false, !acting.can_write);
    }
    Ok(SignedIn {
        session: row.try_get("session_id")?,
        user: row.try_get("user_id")?,
        mail: row.try_get("mail")?,
        name: row.try_get("name")?,
        is_platform_admin: row.try_get("is_platform_admin")?,
        has_second_factor: row.try_get("has_second_factor")?,
        tenant: tenant.zip(role),
        is_owner,
        read_only,
        suspended: Suspension::read(row)?,
        impersonation,
    })
}

/// Signs a device in. Whatever it was signed in as before ends: an identity that was put into the browser beforehand is
/// worth nothing.
///
/// Reason: a session belongs to a user; see the top.
pub async fn open(
    db: &SystemDb,
    user: UserId,
    tenant: Option<TenantId>,
    device: Device<'_>,
    replaces: Option<&str>,
) -> Result<Tokens, DbError> {
    let tokens = Tokens { session: SessionId::new(), access: new_token("ksa_"), refresh: new_token("ksr_") };
    let mut tx = db.begin_for(tenant).await?;
    if let Some(before) = replaces {
        end_by_token(&mut tx, before, "replaced").await?;
    }
    sqlx::query(
        "delete from sessions where user_id = $1 and coalesce(ended_at, expires_at) < now() - make_interval(days => $2)",
    )
    .bind(user)
    .bind(KEPT_DAYS)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "insert into sessions (session_id, user_id, current_tenant, address, agent, expires_at)
         values ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(days => $6))",
    )
    .bind(tokens.session)
    .bind(user)
    .bind(tenant)
    .bind(device.address)
    .bind(device.agent.chars().filter(|letter| !letter.is_control()).take(AGENT_MAX).collect::<String>())
    .bind(SESSION_DAYS)
    .execute(&mut *tx)
    .await?;
    insert_tokens(&mut tx, &tokens, 0).await?;
    if tenant.is_some() {
        let Way { first, second } = device.way;
        let detail = json!({ "way": first, "second_factor": second, "address": device.address });
        let subject = ("session", &*tokens.session.to_string());
        append_to(&mut *tx, &Actor::User(user), "session.open", subject, detail).await?;
    }
    count_commit();
    tx.commit().await?;
    Ok(tokens)
}

async fn insert_tokens(connection: &mut PgConnection, tokens: &Tokens, generation: i32) -> Result<(), DbError> {
    sqlx::query(
        "with gone as (delete from session_tokens where session_id = $1 and kind = 'access' and expires_at < now())
         insert into session_tokens (token_hash, session_id, kind, generation, expires_at)
         values ($2, $1, 'access', $4, clock_timestamp() + make_interval(secs => $5)),
                ($3, $1, 'refresh', $4, clock_timestamp() + make_interval(secs => $6))",
    )
    .bind(tokens.session)
    .bind(token_hash(&tokens.access).as_slice())
    .bind(token_hash(&tokens.refresh).as_slice())
    .bind(generation)
    .bind(f64::from(ACCESS_SECONDS))
    .bind(f64::from(REFRESH_SECONDS))
    .execute(connection)
    .await?;
    Ok(())
}

/// What showing a refresh token came to.
#[derive(Debug)]
pub enum Rotation {
    Renewed(Tokens),
    /// Nobody's, ended, or too old.
    Refused,
    /// It had been used before: the family has ended.
    Stolen {
        user: UserId,
        tenant: Option<TenantId>,
        mail: String,
        agent: String,
    },
}

/// Exchanges a refresh token for the next pair.
///
/// Reason: a session belongs to a user; see the top.
pub async fn rotate(db: &SystemDb, key: &FingerprintKey, refresh: &str) -> Result<Rotation, DbError> {
    let hash = token_hash(refresh);
    let known: Option<(SessionId, Option<TenantId>)> = sqlx::query_as(
        "select s.session_id, s.current_tenant from session_tokens t join sessions s on s.session_id = t.session_id
          where t.token_hash = $1 and t.kind = 'refresh'",
    )
    .bind(hash.as_slice())
    .fetch_optional(db.read())
    .await?;
    let Some((session, tenant)) = known else { return Ok(Rotation::Refused) };
    let mut tx = db.begin_for(tenant).await?;
    let row = sqlx::query(
        "select s.user_id, s.agent, u.mail, s.generation - t.generation as behind, t.generation,
                extract(epoch from clock_timestamp() - s.rotated_at)::float8 as since,
                t.expires_at > now() as is_fresh
           from sessions s
           join users u on u.user_id = s.user_id
           join session_tokens t on t.session_id = s.session_id and t.token_hash = $2
          where s.session_id = $1 and s.ended_at is null and s.expires_at > now() and u.disabled_at is null
            for update of s",
    )
    .bind(session)
    .bind(hash.as_slice())
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(Rotation::Refused) };
    let (behind, since): (i32, f64) = (row.try_get("behind")?, row.try_get("since")?);
    let generation = row.try_get::<i32, _>("generation")? + 1;
    let next = Tokens {
        session,
        access: key.token("ksa_", &["access", refresh]),
        refresh: key.token("ksr_", &["refresh", refresh]),
    };
    match behind {
        0 if row.try_get("is_fresh")? => {
            insert_tokens(&mut tx, &next, generation).await?;
            sqlx::query(
                "update sessions set generation = $2, rotated_at = clock_timestamp(), last_seen_at = clock_timestamp()
                  where session_id = $1",
            )
            .bind(session)
            .bind(generation)
            .execute(&mut *tx)
            .await?;
            count_commit();
            tx.commit().await?;
            Ok(Rotation::Renewed(next))
        }
        0 => Ok(Rotation::Refused),
        1 if since <= GRACE_SECONDS => Ok(Rotation::Renewed(next)),
        _ => {
            let (user, mail, agent) = (row.try_get("user_id")?, row.try_get("mail")?, row.try_get("agent")?);
            end(&mut tx, session, "stolen").await?;
            if tenant.is_some() {
                audit(&mut tx, user, "session.stolen", session).await?;
            }
            count_commit();
            tx.commit().await?;
            Ok(Rotation::Stolen { user, tenant, mail, agent })
        }
    }
}

pub(super) async fn audit(
    connection: &mut PgConnection,
    user: UserId,
    action: &str,
    session: SessionId,
) -> Result<(), DbError> {
    append_to(connection, &Actor::User(user), action, ("session", &session.to_string()), json!({})).await
}

pub(super) async fn end(connection: &mut PgConnection, session: SessionId, reason: &str) -> Result<bool, DbError> {
    let ended = sqlx::query(
        "with gone as (delete from session_tokens where session_id = $1)
         update sessions set ended_at = clock_timestamp(), end_reason = $2
          where session_id = $1 and ended_at is null",
    )
    .bind(session)
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// Ends the session that one of its tokens names.
pub(super) async fn end_by_token(connection: &mut PgConnection, token: &str, reason: &str) -> Result<(), DbError> {
    let session: Option<SessionId> =
        sqlx::query_scalar("select session_id from session_tokens where token_hash = $1")
            .bind(token_hash(token).as_slice())
            .fetch_optional(&mut *connection)
            .await?;
    if let Some(session) = session {
        end(connection, session, reason).await?;
    }
    Ok(())
}

/// Ends every session of a user but one.
pub(super) async fn end_all(
    connection: &mut PgConnection,
    user: UserId,
    keep: Option<SessionId>,
    reason: &str,
) -> Result<(), DbError> {
    sqlx::query(
        "with ended as (update sessions set ended_at = clock_timestamp(), end_reason = $3
                         where user_id = $1 and ended_at is null and session_id is distinct from $2
                         returning session_id)
         delete from session_tokens t using ended e where t.session_id = e.session_id",
    )
    .bind(user)
    .bind(keep)
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

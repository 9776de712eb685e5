//! Platform admins who act in a tenant as one of its members, with its consent.
//!
//! Whether one goes on is worked out with every request, from the consent, the admin's role and session, the member and the
//! clock: nothing has to be told that it is over. One that is over still holds its session until the admin leaves it, so
//! that no open page goes on in the admin's own tenant. All of it runs as the system role: who looks after the platform is
//! no member. Each begin, look, change and end stands in the tenant's audit log.

use serde_json::{Value, json};
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;

use super::{
    DbError, SystemDb,
    audit::{Actor, append_to, logged},
    count_commit,
    sessions::SignedIn,
};
use crate::ids::{ImpersonationId, TenantId, UserId};

pub const MINUTES: i32 = 30;
/// Longest path that is noted; none of the API's is longer.
const PATH_MAX: usize = 300;

/// What an impersonation `i` is joined with, beside its session `s` and the session's user `u`.
macro_rules! impersonation_joins {
    () => {
        " left join tenants it on it.tenant_id = i.tenant_id
          left join memberships im on im.tenant_id = i.tenant_id and im.user_id = i.subject_id
          left join users iu on iu.user_id = i.subject_id "
    };
}
pub(super) use impersonation_joins;

/// Whether it goes on. A consent that was given again does not revive what an earlier one allowed.
macro_rules! impersonation_lives {
    () => {
        " (i.ended_at is null and i.expires_at > now() and u.is_platform_admin
           and it.support_access <> 'none' and it.support_changed_at <= i.started_at
           and im.user_id is not null and iu.disabled_at is null and not iu.is_platform_admin) "
    };
}
pub(super) use impersonation_lives;

/// One that somebody's session is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonation {
    pub id: ImpersonationId,
    pub tenant: TenantId,
    pub tenant_name: String,
    pub admin: UserId,
    pub admin_name: String,
    pub admin_mail: String,
    /// The member they act as.
    pub subject: UserId,
    pub subject_name: String,
    /// The member's role.
    pub role: String,
    /// The tenant lets them change things, and so may the member.
    pub can_write: bool,
    pub reason: String,
    pub ticket: String,
    pub expires_at: OffsetDateTime,
    /// It goes on. Otherwise the session is nobody's until it is left.
    pub lives: bool,
}

impl Impersonation {
    /// With every row of the audit log that it leads to.
    pub(super) fn as_logged(&self) -> Value {
        json!({
            "id": self.id,
            "admin": format!("{} <{}>", self.admin_name, self.admin_mail),
            "acts_as": self.subject,
            "acts_as_name": self.subject_name,
            "reason": self.reason,
            "ticket": self.ticket,
        })
    }

    /// Of a row of [`super::sessions::find`]; `None`: the session is in none.
    pub(super) fn read(row: &PgRow) -> Result<Option<Self>, DbError> {
        let Some(id) = row.try_get::<Option<ImpersonationId>, _>("impersonation_id")? else { return Ok(None) };
        let or_empty = |name: &str| Ok::<_, DbError>(row.try_get::<Option<String>, _>(name)?.unwrap_or_default());
        Ok(Some(Self {
            id,
            tenant: row.try_get("acts_in")?,
            tenant_name: or_empty("acts_in_name")?,
            admin: row.try_get("user_id")?,
            admin_name: row.try_get("name")?,
            admin_mail: row.try_get("mail")?,
            subject: row.try_get("subject_id")?,
            subject_name: or_empty("subject_name")?,
            role: or_empty("subject_role")?,
            can_write: row.try_get::<Option<bool>, _>("can_write")?.unwrap_or(false),
            reason: row.try_get("reason")?,
            ticket: row.try_get("ticket")?,
            expires_at: row.try_get("impersonation_ends")?,
            lives: row.try_get::<Option<bool>, _>("lives")?.unwrap_or(false),
        }))
    }
}

/// What an admin asks for.
#[derive(Clone, Copy, Debug)]
pub struct Begin<'a> {
    pub tenant: TenantId,
    /// The mail address of the member to act as.
    pub member: &'a str,
    pub reason: &'a str,
    pub ticket: &'a str,
}

/// Why an admin does not act in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such tenant.
    NoTenant,
    NoConsent,
    /// Nobody with this address is a member, or it is an account that nobody acts as.
    NoMember,
    /// The session is in one.
    Inside,
}

/// Begins one, in the tenant's log. A refusal for want of consent stands there, too.
///
/// Reason: see the top.
pub async fn begin(
    db: &SystemDb,
    admin: &SignedIn,
    asked: &Begin<'_>,
) -> Result<Result<ImpersonationId, Refusal>, DbError> {
    let mut tx = db.begin(asked.tenant).await?;
    let consent: Option<String> =
        sqlx::query_scalar("select support_access from tenants where tenant_id = $1 for no key update")
            .bind(asked.tenant)
            .fetch_optional(&mut *tx)
            .await?;
    let Some(consent) = consent else { return Ok(Err(Refusal::NoTenant)) };
    let target = asked.tenant.to_string();
    let who = json!({
        "admin": format!("{} <{}>", admin.name, admin.mail), "as": asked.member,
        "reason": asked.reason, "ticket": asked.ticket,
    });
    let actor = Actor::User(admin.user);
    if consent == "none" {
        append_to(&mut *tx, &actor, "impersonation.refused", ("tenant", &target), who).await?;
        count_commit();
        tx.commit().await?;
        return Ok(Err(Refusal::NoConsent));
    }
    let subject: Option<UserId> = sqlx::query_scalar(
        "select m.user_id from memberships m join users u on u.user_id = m.user_id
          where m.tenant_id = $1 and u.mail = $2 and u.disabled_at is null and not u.is_platform_admin",
    )
    .bind(asked.tenant)
    .bind(asked.member)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(subject) = subject else { return Ok(Err(Refusal::NoMember)) };
    let id = ImpersonationId::new();
    let begun = sqlx::query(
        "insert into impersonations
                (impersonation_id, session_id, admin_id, tenant_id, subject_id, reason, ticket, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + make_interval(mins => $8))
         on conflict do nothing",
    )
    .bind(id)
    .bind(admin.session)
    .bind(admin.user)
    .bind(asked.tenant)
    .bind(subject)
    .bind(asked.reason)
    .bind(asked.ticket)
    .bind(MINUTES)
    .execute(&mut *tx)
    .await?;
    if begun.rows_affected() == 0 {
        return Ok(Err(Refusal::Inside));
    }
    let mut detail = who;
    detail["acts_as"] = json!(subject);
    detail["access"] = json!(consent);
    detail["minutes"] = json!(MINUTES);
    append_to(&mut *tx, &actor, "impersonation.start", ("impersonation", &id.to_string()), detail).await?;
    count_commit();
    tx.commit().await?;
    Ok(Ok(id))
}

/// Notes in somebody's own tenant that they tried what only platform admins may.
///
/// Reason: see the top.
pub async fn note_attempt(db: &SystemDb, person: &SignedIn) -> Result<(), DbError> {
    let Some((tenant, _)) = person.tenant else { return Ok(()) };
    let mut tx = db.begin(tenant).await?;
    let (actor, target) = (Actor::User(person.user), tenant.to_string());
    append_to(&mut *tx, &actor, "impersonation.refused", ("tenant", &target), json!({})).await?;
    count_commit();
    tx.commit().await?;
    Ok(())
}

/// Notes in the tenant's log what was looked at, once for each path.
///
/// Reason: see the top.
pub async fn note_look(db: &SystemDb, acting: &Impersonation, path: &str) -> Result<(), DbError> {
    let path: String = path.chars().take(PATH_MAX).collect();
    let actor = Actor::Impersonator(Box::new(acting.clone()));
    let (kind, id) = actor.parts();
    let mut tx = db.begin(acting.tenant).await?;
    let noted = sqlx::query(
        "with looked as (
             insert into impersonation_looks (impersonation_id, path) values ($1, $2) on conflict do nothing returning path)
         select audit_append($3, $4, 'impersonation.look', 'path', path, $5) from looked",
    )
    .bind(acting.id)
    .bind(&path)
    .bind(kind)
    .bind(id)
    .bind(Json(logged(&actor, json!({}))))
    .fetch_optional(&mut *tx)
    .await?;
    if noted.is_some() {
        count_commit();
        tx.commit().await?;
    }
    Ok(())
}

/// The admin is themselves again. An impersonation that was over already keeps its end.
///
/// Reason: see the top.
pub async fn leave(db: &SystemDb, acting: &Impersonation) -> Result<(), DbError> {
    let mut tx = db.begin(acting.tenant).await?;
    end(&mut tx, acting.id, acting.admin, "stopped").await?;
    sqlx::query("update impersonations set left_at = clock_timestamp() where impersonation_id = $1")
        .bind(acting.id)
        .execute(&mut *tx)
        .await?;
    count_commit();
    tx.commit().await?;
    Ok(())
}

/// Records the end once; its reason is what ended it first, as far as it can still be seen.
async fn end(
    tx: &mut sqlx::PgConnection,
    id: ImpersonationId,
    admin: UserId,
    otherwise: &str,
) -> Result<bool, DbError> {
    let reason: Option<String> = sqlx::query_scalar(concat!(
        "update impersonations e
            set ended_at = clock_timestamp(),
                end_reason = (
                    select case when ",
        impersonation_lives!(),
        "                       and s.ended_at is null and s.expires_at > now() and u.disabled_at is null then $2
                                when i.expires_at <= now() then 'expired'
                                when s.session_id is null or s.ended_at is not null or s.expires_at <= now()
                                then 'session'
                                when it.support_access = 'none' or it.support_changed_at > i.started_at then 'consent'
                                else 'rights' end
                      from impersonations i
                      left join sessions s on s.session_id = i.session_id
                      left join users u on u.user_id = i.admin_id ",
        impersonation_joins!(),
        "           where i.impersonation_id = e.impersonation_id)
          where e.impersonation_id = $1 and e.ended_at is null
         returning end_reason"
    ))
    .bind(id)
    .bind(otherwise)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(reason) = reason else { return Ok(false) };
    let target = id.to_string();
    let detail = json!({ "why": reason });
    append_to(tx, &Actor::User(admin), "impersonation.end", ("impersonation", &target), detail).await?;
    Ok(true)
}

/// Records the ends that nobody asked for; returns how many.
///
/// Reason: an impersonation ends by time, or by what becomes of consent, session and rights, in whichever tenant.
pub async fn end_due(db: &SystemDb) -> Result<usize, DbError> {
    let due: Vec<(ImpersonationId, TenantId, UserId)> = sqlx::query_as(concat!(
        "select i.impersonation_id, i.tenant_id, i.admin_id
           from impersonations i
           left join sessions s on s.session_id = i.session_id
           left join users u on u.user_id = i.admin_id ",
        impersonation_joins!(),
        " where i.ended_at is null
            and not coalesce(",
        impersonation_lives!(),
        " and s.ended_at is null and s.expires_at > now() and u.disabled_at is null, false)
          limit 100"
    ))
    .fetch_all(db.read())
    .await?;
    let mut ended = 0;
    for (id, tenant, admin) in due {
        let mut tx = db.begin(tenant).await?;
        ended += usize::from(end(&mut tx, id, admin, "rights").await?);
        count_commit();
        tx.commit().await?;
    }
    Ok(ended)
}

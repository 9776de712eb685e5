//! Invitations into a tenant: given out by its admins, accepted by whoever reads the mail.

use serde_json::json;
use sqlx::{PgConnection, Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    DbError, SystemDb, TenantTx,
    accounts::insert_user,
    audit::{Actor, append_to},
    count_commit, identities,
    plans::{self, Addition},
};
use crate::{
    ids::{InvitationId, TenantId, UserId},
    oidc::Proof,
};

pub const LIVES_DAYS: i32 = 7;
/// Open ones of a tenant.
const OPEN_MAX: i64 = 500;

#[derive(Clone, Debug)]
pub struct Invitation {
    pub id: InvitationId,
    /// The name of the tenant, as the mail has it.
    pub into: String,
    pub mail: String,
    pub role: String,
    pub read_only: bool,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// An invitation about to be given out. Addresses are lower case.
#[derive(Clone, Copy, Debug)]
pub struct NewInvitation<'a> {
    pub mail: &'a str,
    pub role: &'a str,
    pub read_only: bool,
    /// Whoever accepts it owns the tenant, if nobody does.
    pub makes_owner: bool,
    pub token: &'a [u8; 32],
}

/// Not yet accepted or revoked, oldest first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Invitation>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select invitation_id, mail, role, read_only, created_at, expires_at,
                (select name from tenants where tenant_id = $1) as tenant_name
           from invitations
          where tenant_id = $1 and accepted_at is null and revoked_at is null
          order by created_at limit 1000",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(invitation).collect()
}

fn invitation(row: &PgRow) -> Result<Invitation, DbError> {
    Ok(Invitation {
        id: row.try_get("invitation_id")?,
        into: row.try_get("tenant_name")?,
        mail: row.try_get("mail")?,
        role: row.try_get("role")?,
        read_only: row.try_get("read_only")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}

pub async fn create(tx: &mut TenantTx, actor: &Actor, new: &NewInvitation<'_>) -> Result<Invitation, DbError> {
    let tenant = tx.tenant();
    let (is_member, open): (bool, i64) = sqlx::query_as(
        "select exists (select from memberships where tenant_id = $1 and mail = $2),
                (select count(*) from invitations where tenant_id = $1 and accepted_at is null and revoked_at is null)",
    )
    .bind(tenant)
    .bind(new.mail)
    .fetch_one(tx.conn())
    .await?;
    if is_member {
        return Err(DbError::Conflict("Somebody with this address is a member already."));
    }
    if open >= OPEN_MAX {
        return Err(DbError::Conflict("There are 500 open invitations: revoke some of them first."));
    }
    plans::make_room(tx, Addition::Seat).await?;
    let row = sqlx::query(
        "insert into invitations (tenant_id, invitation_id, mail, role, read_only, makes_owner, token_hash, invited_by,
                                  expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + make_interval(days => $9))
         returning invitation_id, mail, role, read_only, created_at, expires_at,
                   (select name from tenants where tenant_id = $1) as tenant_name",
    )
    .bind(tenant)
    .bind(InvitationId::new())
    .bind(new.mail)
    .bind(new.role)
    .bind(new.read_only)
    .bind(new.makes_owner)
    .bind(new.token.as_slice())
    .bind(actor.id())
    .bind(LIVES_DAYS)
    .fetch_one(tx.conn())
    .await
    .map_err(|error| {
        DbError::from(error).on_constraint(
            "invitations_one_open",
            "This address is invited already: send the invitation again, or revoke it.",
        )
    })?;
    invitation(&row)
}

/// Gives an open invitation a new token and another week; the old link is dead.
pub async fn renew(tx: &mut TenantTx, id: InvitationId, token: &[u8; 32]) -> Result<Invitation, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "update invitations set token_hash = $3, expires_at = clock_timestamp() + make_interval(days => $4)
          where tenant_id = $1 and invitation_id = $2 and accepted_at is null and revoked_at is null
         returning invitation_id, mail, role, read_only, created_at, expires_at,
                   (select name from tenants where tenant_id = $1) as tenant_name",
    )
    .bind(tenant)
    .bind(id)
    .bind(token.as_slice())
    .bind(LIVES_DAYS)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    invitation(&row)
}

pub async fn revoke(tx: &mut TenantTx, id: InvitationId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let revoked = sqlx::query(
        "update invitations set revoked_at = clock_timestamp()
          where tenant_id = $1 and invitation_id = $2 and accepted_at is null and revoked_at is null",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    if revoked.rows_affected() == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

/// What a living link offers.
#[derive(Clone, Debug)]
pub struct Offer {
    pub tenant: TenantId,
    pub tenant_name: String,
    pub invitation: InvitationId,
    pub mail: String,
    pub role: String,
}

/// Reason: the token is all that is known of somebody who follows a link.
pub async fn find(db: &SystemDb, token: &[u8; 32]) -> Result<Option<Offer>, DbError> {
    let row = sqlx::query(
        "select i.tenant_id, t.name, i.invitation_id, i.mail, i.role
           from invitations i join tenants t on t.tenant_id = i.tenant_id
          where i.token_hash = $1 and i.accepted_at is null and i.revoked_at is null and i.expires_at > now()",
    )
    .bind(token.as_slice())
    .fetch_optional(db.read())
    .await?;
    row.map(|row| {
        Ok(Offer {
            tenant: row.try_get("tenant_id")?,
            tenant_name: row.try_get("name")?,
            invitation: row.try_get("invitation_id")?,
            mail: row.try_get("mail")?,
            role: row.try_get("role")?,
        })
    })
    .transpose()
}

/// Who accepts.
#[derive(Clone, Copy, Debug)]
pub enum Joining<'a> {
    /// They proved that the account is theirs.
    Account(UserId),
    New {
        name: &'a str,
        password_hash: &'a str,
    },
    /// Somebody new whom a provider knows by the invited address.
    Known {
        name: &'a str,
        proof: &'a Proof,
    },
}

/// The link came by mail: the address is proved by it.
async fn insert_invited(
    connection: &mut PgConnection,
    user: UserId,
    who: (&str, &str),
    password_hash: Option<&str>,
) -> Result<(), DbError> {
    if insert_user(connection, user, who, password_hash, true).await? {
        return Ok(());
    }
    Err(DbError::Conflict("There is an account with this address now: use its password."))
}

/// Uses an invitation up: account, membership and audit row, or nothing. Not found: it was used or revoked meanwhile.
///
/// Reason: who joins is no member yet, and may have no account yet.
pub async fn accept(
    db: &SystemDb,
    offer: &Offer,
    token: &[u8; 32],
    joining: Joining<'_>,
) -> Result<UserId, DbError> {
    let mut tx = db.begin(offer.tenant).await?;
    let accepted: Option<(String, String, bool, bool)> = sqlx::query_as(
        "update invitations set accepted_at = clock_timestamp()
          where tenant_id = $1 and invitation_id = $2 and token_hash = $3 and accepted_at is null
            and revoked_at is null and expires_at > now()
         returning mail, role, read_only, makes_owner",
    )
    .bind(offer.tenant)
    .bind(offer.invitation)
    .bind(token.as_slice())
    .fetch_optional(&mut *tx)
    .await?;
    let (mail, role, read_only, makes_owner) = accepted.ok_or(DbError::NotFound)?;
    let user = match joining {
        Joining::Account(user) => user,
        Joining::New { name, password_hash } => {
            let user = UserId::new();
            insert_invited(&mut tx, user, (&mail, name), Some(password_hash)).await?;
            user
        }
        Joining::Known { name, proof } => {
            let user = UserId::new();
            insert_invited(&mut tx, user, (&mail, name), None).await?;
            identities::insert(&mut tx, user, proof).await?;
            user
        }
    };
    // The link came by mail: the address is proved by it. No row: another account's address.
    let joined = sqlx::query(
        "with proved as (
             update users set mail_verified_at = coalesce(mail_verified_at, clock_timestamp())
              where user_id = $2 and mail = $3 returning user_id, mail, name)
         insert into memberships (tenant_id, user_id, mail, name, role, read_only, is_owner)
         select $1, user_id, mail, name, $4, $5,
                $6 and not exists (select from memberships where tenant_id = $1 and is_owner)
           from proved",
    )
    .bind(offer.tenant)
    .bind(user)
    .bind(&mail)
    .bind(&role)
    .bind(read_only)
    .bind(makes_owner)
    .execute(&mut *tx)
    .await
    .map_err(|error| {
        DbError::from(error).on_constraint("memberships_pkey", "You are a member already: sign in.")
    })?;
    if joined.rows_affected() == 0 {
        return Err(DbError::NotFound);
    }
    let target = ("invitation", offer.invitation.to_string());
    append_to(&mut *tx, &Actor::User(user), "invitation.accept", (target.0, &target.1), json!({ "role": role }))
        .await?;
    count_commit();
    tx.commit().await?;
    Ok(user)
}

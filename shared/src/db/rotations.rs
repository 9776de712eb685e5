//! Tokens that live for hours, and the refresh tokens that renew them.
//!
//! A refresh token works once. Whoever uses it holds the row's lease, so that no two do; the pair that comes back replaces
//! the old one in one statement, and only if the row still holds the refresh token that was used: a slow writer can't
//! undo a newer installation.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use time::OffsetDateTime;

use super::{DbError, TenantTx, connections, data_keys};
use crate::{
    channels::slack_oauth::{Refreshed, Rotation},
    crypto::{Keyring, Place},
    ids::{ConnectionId, TenantId},
};

/// A token is renewed this long before it runs out.
const AHEAD: &str = "2 hours";
/// Longer than a call to the platform may take.
const LEASE: &str = "30 seconds";
/// After a failure, and until a scheduled job has done its work.
const AGAIN: &str = "5 minutes";

/// The right to use a refresh token.
pub struct Held {
    pub refresh_token: SecretString,
    /// As it stands in the row.
    sealed: Vec<u8>,
}

/// What asking for the right came to.
pub enum Lease {
    Yours(Held),
    /// Somebody else is renewing it.
    Busy,
    /// It lives long enough, or it is not one that runs out.
    NotNeeded,
}

/// Where a rotation stands.
pub struct Standing {
    pub expires_at: OffsetDateTime,
    /// By the database's clock, with a minute to spare.
    pub expired: bool,
}

fn place(tenant: TenantId, connection: ConnectionId) -> Place {
    Place { tenant: Some(tenant), table: "token_rotations", column: "refresh_token", row: connection.uuid() }
}

fn seconds(rotation: &Rotation) -> f64 {
    Duration::from_secs(u64::from(rotation.expires_in)).as_secs_f64()
}

/// Sets what a connection was just installed with: a token that runs out, or (`None`) one that does not.
pub(super) async fn replace(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: ConnectionId,
    rotation: Option<&Rotation>,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let Some(rotation) = rotation else {
        sqlx::query("delete from token_rotations where tenant_id = $1 and connection_id = $2")
            .bind(tenant)
            .bind(id)
            .execute(tx.conn())
            .await?;
        return Ok(());
    };
    let key = data_keys::sealing(tx, keys).await?;
    sqlx::query(
        "insert into token_rotations (tenant_id, connection_id, refresh_token, expires_at, refresh_at)
         values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4),
                 clock_timestamp() + make_interval(secs => $4) - $5::interval)
         on conflict (tenant_id, connection_id) do update
            set refresh_token = excluded.refresh_token, expires_at = excluded.expires_at,
                refresh_at = excluded.refresh_at, leased_until = null, refused_at = null",
    )
    .bind(tenant)
    .bind(id)
    .bind(key.seal(&place(tenant, id), rotation.refresh_token.expose_secret().as_bytes()))
    .bind(seconds(rotation))
    .bind(AHEAD)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes the right to renew a token. `at_once`: also if it would live on for a while.
pub async fn lease(tx: &mut TenantTx, keys: &Keyring, id: ConnectionId, at_once: bool) -> Result<Lease, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select refresh_token, leased_until > clock_timestamp() as busy,
                $3 or expires_at < clock_timestamp() + $4::interval as needed
           from token_rotations where tenant_id = $1 and connection_id = $2 for update",
    )
    .bind(tenant)
    .bind(id)
    .bind(at_once)
    .bind(AHEAD)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(Lease::NotNeeded) };
    if row.try_get::<Option<bool>, _>("busy")?.unwrap_or(false) {
        return Ok(Lease::Busy);
    }
    if !row.try_get::<bool, _>("needed")? {
        return Ok(Lease::NotNeeded);
    }
    sqlx::query(
        "update token_rotations set leased_until = clock_timestamp() + $3::interval
          where tenant_id = $1 and connection_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(LEASE)
    .execute(tx.conn())
    .await?;
    let sealed: Vec<u8> = row.try_get("refresh_token")?;
    let refresh_token = data_keys::open_text(tx, keys, &place(tenant, id), &sealed).await?;
    Ok(Lease::Yours(Held { refresh_token, sealed }))
}

/// Replaces both tokens. `false`: the workspace was installed anew meanwhile, and that installation stands.
pub async fn store(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: ConnectionId,
    held: &Held,
    new: &Refreshed,
) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let key = data_keys::sealing(tx, keys).await?;
    let seal = |place: Place, token: &SecretString| key.seal(&place, token.expose_secret().as_bytes());
    let stored = sqlx::query(
        "with renewed as (
             update token_rotations
                set refresh_token = $4, expires_at = clock_timestamp() + make_interval(secs => $5),
                    refresh_at = clock_timestamp() + make_interval(secs => $5) - $6::interval,
                    leased_until = null, refused_at = null
              where tenant_id = $1 and connection_id = $2 and refresh_token = $3
             returning connection_id
         )
         update channel_connections c set access_token = $7
           from renewed where c.tenant_id = $1 and c.connection_id = renewed.connection_id",
    )
    .bind(tenant)
    .bind(id)
    .bind(&held.sealed)
    .bind(seal(place(tenant, id), &new.rotation.refresh_token))
    .bind(seconds(&new.rotation))
    .bind(AHEAD)
    .bind(seal(connections::token_place(tenant, id), &new.access_token))
    .execute(tx.conn())
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// Gives the right back without a new pair; the schedule looks again in a while. `refused`: the platform does not take
/// the refresh token any more. `true`: that is news.
pub async fn put_off(tx: &mut TenantTx, id: ConnectionId, held: &Held, refused: bool) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let news: Option<bool> = sqlx::query_scalar(
        "update token_rotations r
            set leased_until = null,
                refresh_at = case when r.refresh_at is not null then clock_timestamp() + $4::interval end,
                refused_at = case when $5 then coalesce(r.refused_at, clock_timestamp()) else r.refused_at end
           from (select refused_at from token_rotations where tenant_id = $1 and connection_id = $2) before
          where r.tenant_id = $1 and r.connection_id = $2 and r.refresh_token = $3
         returning $5 and before.refused_at is null",
    )
    .bind(tenant)
    .bind(id)
    .bind(&held.sealed)
    .bind(AGAIN)
    .bind(refused)
    .fetch_optional(tx.conn())
    .await?;
    Ok(news.unwrap_or(false))
}

/// Of a connection whose token runs out: when.
pub async fn standing(tx: &mut TenantTx, id: ConnectionId) -> Result<Option<Standing>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select expires_at, expires_at < clock_timestamp() + interval '1 minute' as expired
           from token_rotations where tenant_id = $1 and connection_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| Ok(Standing { expires_at: row.try_get("expires_at")?, expired: row.try_get("expired")? }))
        .transpose()
}

/// For the schedule: puts the next look off. `true`: it is due, and nobody else has put it off; a job must renew it.
pub async fn take_due(tx: &mut TenantTx, id: ConnectionId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let taken = sqlx::query(
        "update token_rotations set refresh_at = clock_timestamp() + $3::interval
          where tenant_id = $1 and connection_id = $2 and refresh_at <= clock_timestamp()",
    )
    .bind(tenant)
    .bind(id)
    .bind(AGAIN)
    .execute(tx.conn())
    .await?;
    Ok(taken.rows_affected() == 1)
}

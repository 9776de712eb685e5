//! What callers want done once, however often they ask: remembered by their key, for a day.
//!
//! A claim is a row without an answer. The answer is written in the transaction that does the thing, and only while the
//! claim is still this try's: there is never an answer without the thing, nor the thing twice. A claim whose process is gone
//! is taken over by the next try.

use sqlx::Row;
use uuid::Uuid;

use super::{DbError, SystemDb, TenantTx, data_keys};
use crate::crypto::{Keyring, Place};

/// Longer than any request may take. After that, its process is gone.
const CLAIM_SECONDS: i32 = 60;
/// As in the policies of the sweep.
const KEPT_HOURS: i32 = 24;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who asks, as the audit log names them.
    pub principal: String,
    pub key: [u8; 32],
    /// Of method, address and body.
    pub request: [u8; 32],
    /// This try, and no other.
    pub attempt: Uuid,
}

/// The right to do it.
#[derive(Clone, Copy, Debug)]
pub struct Claim(Uuid);

/// What a key comes to.
#[derive(Debug)]
pub enum Claimed {
    Ours(Claim),
    /// It was done.
    Answered {
        status: u16,
        body: Vec<u8>,
    },
    /// Something else was asked for with this key.
    Other,
    /// Somebody is about to do it.
    InFlight,
}

/// Claims what is asked for, unless it was done or is being done.
pub async fn claim(tx: &mut TenantTx, keys: &Keyring, asked: &Asked) -> Result<Claimed, DbError> {
    let tenant = tx.tenant();
    let claimed = sqlx::query(
        "insert into idempotency_keys as k (tenant_id, principal, key_hash, request_hash, attempt_id)
         values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, principal, key_hash) do update
            set request_hash = excluded.request_hash, attempt_id = excluded.attempt_id, begun_at = excluded.begun_at,
                status = null, answer = null
          where k.begun_at < clock_timestamp() - make_interval(hours => $7)
             or (k.answer is null and k.begun_at < clock_timestamp() - make_interval(secs => $6))",
    )
    .bind(tenant)
    .bind(&asked.principal)
    .bind(asked.key.as_slice())
    .bind(asked.request.as_slice())
    .bind(asked.attempt)
    .bind(f64::from(CLAIM_SECONDS))
    .bind(KEPT_HOURS)
    .execute(tx.conn())
    .await?;
    if claimed.rows_affected() == 1 {
        return Ok(Claimed::Ours(Claim(asked.attempt)));
    }
    let row = sqlx::query(
        "select attempt_id, request_hash = $4 as is_same, status, answer from idempotency_keys
          where tenant_id = $1 and principal = $2 and key_hash = $3",
    )
    .bind(tenant)
    .bind(&asked.principal)
    .bind(asked.key.as_slice())
    .bind(asked.request.as_slice())
    .fetch_optional(tx.conn())
    .await?;
    // Gone in this moment: given up, or swept.
    let Some(row) = row else { return Ok(Claimed::InFlight) };
    if !row.try_get::<bool, _>("is_same")? {
        return Ok(Claimed::Other);
    }
    let (Some(status), Some(sealed)) =
        (row.try_get::<Option<i32>, _>("status")?, row.try_get::<Option<Vec<u8>>, _>("answer")?)
    else {
        return Ok(Claimed::InFlight);
    };
    let place = place(tx, row.try_get("attempt_id")?);
    let body = data_keys::open(tx, keys, &place, &sealed).await?;
    Ok(Claimed::Answered { status: u16::try_from(status).unwrap_or_default(), body: body.to_vec() })
}

fn place(tx: &TenantTx, attempt: Uuid) -> Place {
    Place { tenant: Some(tx.tenant()), table: "idempotency_keys", column: "answer", row: attempt }
}

/// Keeps the answer with what was done.
pub async fn answer(
    tx: &mut TenantTx,
    keys: &Keyring,
    claim: Claim,
    status: u16,
    body: &[u8],
) -> Result<(), DbError> {
    let (tenant, key) = (tx.tenant(), data_keys::sealing(tx, keys).await?);
    let sealed = key.seal(&place(tx, claim.0), body);
    let kept = sqlx::query(
        "update idempotency_keys set status = $3, answer = $4
          where tenant_id = $1 and attempt_id = $2 and answer is null",
    )
    .bind(tenant)
    .bind(claim.0)
    .bind(i32::from(status))
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    if kept.rows_affected() == 1 {
        return Ok(());
    }
    Err(DbError::Conflict("This took so long that another try with the same `Idempotency-Key` has taken over."))
}

/// Gives a claim up: nothing was done, and the next try may do it.
pub async fn release(tx: &mut TenantTx, claim: Claim) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("delete from idempotency_keys where tenant_id = $1 and attempt_id = $2 and answer is null")
        .bind(tenant)
        .bind(claim.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets what is older than a day; returns how much that was.
///
/// Reason: the sweep is for all tenants at once.
pub async fn sweep(db: &SystemDb) -> Result<u64, DbError> {
    let swept = sqlx::query(
        "delete from idempotency_keys where begun_at < clock_timestamp() - make_interval(hours => $1)",
    )
    .bind(KEPT_HOURS)
    .execute(db.write())
    .await?;
    Ok(swept.rows_affected())
}

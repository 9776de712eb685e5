//! What callers want done once, however often they ask: remembered by their key, for a day.
//!
//! A claim is a row without an answer. The answer is written in the transaction that does the thing, and only while the
//! claim is still this try's: there is never an answer without the thing, nor the thing twice. A claim whose process is gone
//! is taken over by the next try.

use std::sync::Arc;

use sqlx::Row;
use uuid::Uuid;

use super::{DbError, SystemDb, TenantTx, data_keys, tx::Answer};
use crate::crypto::{DataKey, Keyring, Place};

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

/// The right to do it, and what the answer will be sealed under.
#[derive(Clone, Debug)]
pub struct Claim {
    attempt: Uuid,
    key: Arc<DataKey>,
}

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
    let (tenant, new) = (tx.tenant(), DataKey::random());
    let (ours, known): (bool, Option<(Uuid, Vec<u8>)>) = sqlx::query_as(
        "with claimed as (
             insert into idempotency_keys as k (tenant_id, principal, key_hash, request_hash, attempt_id)
             values ($1, $2, $3, $4, $5)
             on conflict (tenant_id, principal, key_hash) do update
                set request_hash = excluded.request_hash, attempt_id = excluded.attempt_id,
                    begun_at = excluded.begun_at, status = null, answer = null
              where k.begun_at < clock_timestamp() - make_interval(hours => $7)
                 or (k.answer is null and k.begun_at < clock_timestamp() - make_interval(secs => $6))
             returning k.attempt_id
         ), made as (
             insert into data_keys (tenant_id, data_key_id, sealed) values ($1, $8, $9) on conflict do nothing
             returning data_key_id, sealed
         )
         select exists (select from claimed),
                (select (k.data_key_id, k.sealed)
                   from (select data_key_id, sealed from made
                         union all
                         select data_key_id, sealed from data_keys where tenant_id = $1) k)",
    )
    .bind(tenant)
    .bind(&asked.principal)
    .bind(asked.key.as_slice())
    .bind(asked.request.as_slice())
    .bind(asked.attempt)
    .bind(f64::from(CLAIM_SECONDS))
    .bind(KEPT_HOURS)
    .bind(new.id)
    .bind(keys.wrap(tenant, &new))
    .fetch_one(tx.conn())
    .await?;
    if ours {
        let key = match known {
            Some((id, sealed)) => data_keys::unwrap(tx, keys, id, &sealed)?,
            // Somebody has made it in this moment.
            None => data_keys::sealing(tx, keys).await?,
        };
        return Ok(Claimed::Ours(Claim { attempt: asked.attempt, key }));
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

/// Keeps the answer with what was done, as the transaction ends.
pub fn answer(tx: &mut TenantTx, claim: &Claim, status: u16, body: &[u8]) {
    let sealed = claim.key.seal(&place(tx, claim.attempt), body);
    tx.answers(Answer { attempt: claim.attempt, data_key: claim.key.id, status: i32::from(status), sealed });
}

/// Gives a claim up: nothing was done, and the next try may do it.
pub async fn release(tx: &mut TenantTx, claim: &Claim) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("delete from idempotency_keys where tenant_id = $1 and attempt_id = $2 and answer is null")
        .bind(tenant)
        .bind(claim.attempt)
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

//! Tenants' data keys: every secret of a tenant is sealed under its own, and that under a master key.
//!
//! Sealing reads the key's row, and holds it until the transaction ends: nothing is sealed under a key that is gone. Opening
//! asks for a key once in five minutes. Without its data key nothing of a tenant's secrets can be read again by anybody, wherever
//! copies of its rows lie.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    DbError, TenantDb, TenantTx,
    audit::{self, Actor},
};
use crate::{
    crypto::{self, DataKey, Keyring, Place, SealError, data_key_of},
    ids::TenantId,
};

/// The key that the tenant's secrets are sealed under; made where there is none.
pub async fn sealing(tx: &mut TenantTx, keys: &Keyring) -> Result<Arc<DataKey>, DbError> {
    if let Some(key) = held(tx, keys).await? {
        return Ok(key);
    }
    let (tenant, new) = (tx.tenant(), DataKey::random());
    // Whoever makes one at the same moment is waited for.
    let made = sqlx::query(
        "insert into data_keys (tenant_id, data_key_id, sealed) values ($1, $2, $3) on conflict do nothing",
    )
    .bind(tenant)
    .bind(new.id)
    .bind(keys.wrap(tenant, &new))
    .execute(tx.conn())
    .await?;
    if made.rows_affected() == 1 {
        return Ok(Arc::new(new));
    }
    held(tx, keys).await?.ok_or_else(|| DbError::Damaged("a data key that was just made is gone".into()))
}

/// The tenant's key, which stays until the transaction ends.
async fn held(tx: &mut TenantTx, keys: &Keyring) -> Result<Option<Arc<DataKey>>, DbError> {
    let tenant = tx.tenant();
    let row: Option<(Uuid, Vec<u8>)> =
        sqlx::query_as("select data_key_id, sealed from data_keys where tenant_id = $1 for key share")
            .bind(tenant)
            .fetch_optional(tx.conn())
            .await?;
    row.map(|(id, sealed)| unwrap(tx, keys, id, &sealed)).transpose()
}

pub(super) fn unwrap(tx: &TenantTx, keys: &Keyring, id: Uuid, sealed: &[u8]) -> Result<Arc<DataKey>, DbError> {
    keys.unwrap_key(tx.tenant(), id, sealed)
        .map_err(|error| DbError::Damaged(format!("the data key {id}: {error}")))
}

/// Opens a secret of the tenant's, whichever way it is sealed.
pub async fn open(
    tx: &mut TenantTx,
    keys: &Keyring,
    place: &Place,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DbError> {
    if let Some(opened) = at_hand(tx.tenant(), keys, place, sealed) {
        return opened;
    }
    let (tenant, Some(id)) = (tx.tenant(), data_key_of(sealed)) else {
        return Err(damaged(place, &SealError::Damaged));
    };
    let row: Option<Vec<u8>> =
        sqlx::query_scalar("select sealed from data_keys where tenant_id = $1 and data_key_id = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(tx.conn())
            .await?;
    let wrapped = row.ok_or_else(|| DbError::Damaged(what(place, "its data key is gone")))?;
    unwrap(tx, keys, id, &wrapped)?.open(place, sealed).map_err(|error| damaged(place, &error))
}

/// The same for text, such as a token.
pub async fn open_text(
    tx: &mut TenantTx,
    keys: &Keyring,
    place: &Place,
    sealed: &[u8],
) -> Result<SecretString, DbError> {
    text(place, &open(tx, keys, place, sealed).await?)
}

/// The same outside of a transaction; one begins only where the data key is not at hand.
pub async fn open_text_in(
    db: &TenantDb,
    keys: &Keyring,
    place: &Place,
    sealed: &[u8],
) -> Result<SecretString, DbError> {
    if let Some(opened) = at_hand(db.id(), keys, place, sealed) {
        return text(place, &opened?);
    }
    let mut tx = db.begin().await?;
    let opened = open_text(&mut tx, keys, place, sealed).await;
    tx.close().await?;
    opened
}

/// Opens what needs no look at the database.
fn at_hand(
    tenant: TenantId,
    keys: &Keyring,
    place: &Place,
    sealed: &[u8],
) -> Option<Result<Zeroizing<Vec<u8>>, DbError>> {
    let opened = match data_key_of(sealed) {
        Some(id) => keys.at_hand(tenant, id)?.open(place, sealed),
        None => keys.open(place, sealed),
    };
    Some(opened.map_err(|error| damaged(place, &error)))
}

/// Destroys the tenant's data key: what was sealed under it can't be read any more, here or in a backup of its rows.
pub async fn shred(tx: &mut TenantTx, actor: &Actor) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let gone = sqlx::query("delete from data_keys where tenant_id = $1").bind(tenant).execute(tx.conn()).await?;
    if gone.rows_affected() == 0 {
        return Ok(false);
    }
    audit::append(tx, actor, "secrets.shred", ("tenant", &tenant.to_string()), json!({})).await?;
    Ok(true)
}

fn text(place: &Place, opened: &[u8]) -> Result<SecretString, DbError> {
    crypto::as_text(opened).map_err(|error| damaged(place, &error))
}

fn damaged(place: &Place, error: &SealError) -> DbError {
    DbError::Damaged(what(place, &error.to_string()))
}

fn what(place: &Place, trouble: &str) -> String {
    format!("{}.{} of row {}: {trouble}", place.table, place.column, place.row)
}

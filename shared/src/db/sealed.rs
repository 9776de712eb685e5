//! Every column that holds a sealed secret, and how one is sealed anew: a tenant's data key under the first master key, its
//! secrets under the data key.
//!
//! Rows are locked, opened, sealed and written a hundred at a time, so that the work can stop anywhere and be begun again: what
//! is sealed as it should be stays as it is, and every value opens at any moment.

use serde_json::json;
use sqlx::Row;
use uuid::Uuid;

use super::{
    DbError, SystemDb, TenantDb, TenantTx,
    audit::{self, Actor},
    count_commit, data_keys,
};
use crate::{
    crypto::{Keyring, Place, data_key_of},
    ids::TenantId,
};

/// Rows of one transaction.
const BATCH: i64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub table: &'static str,
    pub column: &'static str,
    read: &'static str,
    write: &'static str,
}

macro_rules! column {
    ($table:literal, $row:literal, $column:literal) => {
        Column {
            table: $table,
            column: $column,
            read: concat!(
                "select ",
                $row,
                " as row_id, ",
                $column,
                " as sealed from ",
                $table,
                " where tenant_id = $1 and length(",
                $column,
                ") > 0 and ($2::uuid is null or ",
                $row,
                " > $2)
                  order by ",
                $row,
                " limit $3 for no key update"
            ),
            write: concat!("update ", $table, " set ", $column, " = $3 where tenant_id = $1 and ", $row, " = $2"),
        }
    };
}

/// The one column of a tenant that is sealed under a master key.
pub const DATA_KEYS: Column = column!("data_keys", "data_key_id", "sealed");

/// Of the tenants. A test compares them with what is sealed anywhere.
pub const COLUMNS: [Column; 14] = [
    DATA_KEYS,
    column!("channel_connections", "connection_id", "access_token"),
    column!("channel_connections", "connection_id", "signing_secret"),
    column!("channel_connections", "connection_id", "client_secret"),
    column!("channel_connections", "connection_id", "verify_token"),
    column!("token_rotations", "connection_id", "refresh_token"),
    column!("install_links", "link_id", "client_secret"),
    column!("install_links", "link_id", "signing_secret"),
    column!("mails", "mail_id", "content"),
    column!("llm_keys", "llm_key_id", "sealed"),
    column!("tools", "tool_id", "header_value"),
    column!("mcp_servers", "server_id", "token"),
    column!("webhook_endpoints", "endpoint_id", "secret"),
    column!("idempotency_keys", "attempt_id", "answer"),
];

/// How far it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    pub looked_at: u64,
    pub resealed: u64,
}

/// All secrets of a tenant.
pub async fn rotate(db: &TenantDb, keys: &Keyring) -> Result<Rotated, DbError> {
    let mut all = Rotated::default();
    for column in &COLUMNS {
        let mut after = None;
        loop {
            let mut tx = db.begin().await?;
            let (rotated, last) = rotate_batch(&mut tx, keys, column, after).await?;
            if rotated.resealed > 0 {
                let detail = json!({ "column": column.column, "count": rotated.resealed });
                audit::append(&mut tx, &Actor::CommandLine, "secrets.rotate", ("table", column.table), detail)
                    .await?;
            }
            tx.commit().await?;
            all.looked_at += rotated.looked_at;
            all.resealed += rotated.resealed;
            after = last;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(all)
}

/// The next rows of a column; the last one's id, if there may be more.
pub async fn rotate_batch(
    tx: &mut TenantTx,
    keys: &Keyring,
    at: &Column,
    after: Option<Uuid>,
) -> Result<(Rotated, Option<Uuid>), DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(at.read).bind(tenant).bind(after).bind(BATCH).fetch_all(tx.conn()).await?;
    let mut rotated = Rotated { looked_at: u64::try_from(rows.len()).unwrap_or_default(), resealed: 0 };
    let mut last = None;
    for found in &rows {
        let (id, sealed): (Uuid, Vec<u8>) = (found.try_get("row_id")?, found.try_get("sealed")?);
        last = Some(id);
        let place = Place { tenant: Some(tenant), table: at.table, column: at.column, row: id };
        let anew = if *at == DATA_KEYS {
            reseal(keys, &place, &sealed)?
        } else {
            seal_under_data_key(tx, keys, &place, &sealed).await?
        };
        if let Some(anew) = anew {
            write(tx, at, id, &anew).await?;
            rotated.resealed += 1;
        }
    }
    let full = i64::try_from(rows.len()).is_ok_and(|count| count == BATCH);
    Ok((rotated, last.filter(|_| full)))
}

/// Replaces one value. Its row is locked.
pub async fn write(tx: &mut TenantTx, at: &Column, id: Uuid, sealed: &[u8]) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(at.write).bind(tenant).bind(id).bind(sealed).execute(tx.conn()).await?;
    Ok(())
}

/// What belongs to no tenant: the platform's own secret, and second factors.
///
/// Reason: neither has a tenant. The second factor's column is the one `second_factor` writes.
pub async fn rotate_untied(db: &SystemDb, keys: &Keyring) -> Result<Rotated, DbError> {
    let mut rotated = Rotated::default();
    let mut tx = db.begin_untied().await?;
    let sealed: Option<Vec<u8>> =
        sqlx::query_scalar("select sealed from system_secrets where name = 'fingerprint' for no key update")
            .fetch_optional(&mut *tx)
            .await?;
    if let Some(sealed) = sealed {
        rotated.looked_at += 1;
        let place = Place { tenant: None, table: "system_secrets", column: "sealed", row: Uuid::nil() };
        if let Some(anew) = reseal(keys, &place, &sealed)? {
            sqlx::query("update system_secrets set sealed = $1 where name = 'fingerprint'")
                .bind(anew)
                .execute(&mut *tx)
                .await?;
            rotated.resealed += 1;
        }
    }
    count_commit();
    tx.commit().await?;
    let mut after: Option<Uuid> = None;
    loop {
        let mut tx = db.begin_untied().await?;
        let rows: Vec<(Uuid, Vec<u8>)> = sqlx::query_as(
            "select user_id, totp_secret from users
              where length(totp_secret) > 0 and ($1::uuid is null or user_id > $1)
              order by user_id limit 100 for no key update",
        )
        .bind(after)
        .fetch_all(&mut *tx)
        .await?;
        for (user, sealed) in &rows {
            let place = Place { tenant: None, table: "users", column: "totp_secret", row: *user };
            if let Some(anew) = reseal(keys, &place, sealed)? {
                sqlx::query("update users set totp_secret = $2 where user_id = $1")
                    .bind(user)
                    .bind(anew)
                    .execute(&mut *tx)
                    .await?;
                rotated.resealed += 1;
            }
        }
        count_commit();
        tx.commit().await?;
        rotated.looked_at += u64::try_from(rows.len()).unwrap_or_default();
        after = rows.last().map(|(user, _)| *user);
        if after.is_none() {
            return Ok(rotated);
        }
    }
}

/// The next tenants in the order of their ids, at most 500.
///
/// Reason: a rotation goes through all of them; secrets are read under each.
pub async fn tenants(db: &SystemDb, after: Option<TenantId>) -> Result<Vec<TenantId>, DbError> {
    Ok(sqlx::query_scalar(
        "select tenant_id from tenants where $1::uuid is null or tenant_id > $1 order by tenant_id limit 500",
    )
    .bind(after)
    .fetch_all(db.read())
    .await?)
}

/// `None`: it is sealed under a data key already.
async fn seal_under_data_key(
    tx: &mut TenantTx,
    keys: &Keyring,
    place: &Place,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, DbError> {
    if data_key_of(sealed).is_some() {
        return Ok(None);
    }
    let opened = data_keys::open(tx, keys, place, sealed).await?;
    Ok(Some(data_keys::sealing(tx, keys).await?.seal(place, &opened)))
}

/// `None`: it is sealed under the first key already.
fn reseal(keys: &Keyring, place: &Place, sealed: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
    if keys.seals_like(sealed) {
        return Ok(None);
    }
    let opened = keys.open(place, sealed).map_err(|error| {
        DbError::Damaged(format!("{}.{} of row {}: {error}", place.table, place.column, place.row))
    })?;
    Ok(Some(keys.seal(place, &opened)))
}

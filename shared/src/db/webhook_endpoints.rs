//! Where a tenant's own systems are told what its audit log says, and of messages and notices where they ask for them by name.

pub mod deliveries;
pub mod subjects;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    data_keys,
};
use crate::{
    crypto::{Keyring, Place},
    ids::{TenantId, WebhookEndpointId},
};

/// Endpoints of one tenant.
pub const ENDPOINTS_MAX: i64 = 10;
/// Acts, or words with which their names begin, of one endpoint.
pub const ACTIONS_MAX: usize = 50;
/// Asks for the whole log beside what is named; the same as naming nothing.
pub const LOG: &str = "log";
/// Of which an endpoint is told whatever else it asked for.
pub const PING: &str = "webhook_endpoint.ping";

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub id: WebhookEndpointId,
    pub url: String,
    /// Empty: all acts of the log.
    pub actions: Vec<String>,
    /// Whether the words of a message go along.
    pub with_text: bool,
    pub enabled: bool,
    /// Since when what it was told is given up.
    pub failing_since: Option<OffsetDateTime>,
    pub created_by: String,
    pub created_at: OffsetDateTime,
}

/// One that is about to be made.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    pub url: &'a str,
    pub actions: &'a [String],
    pub with_text: bool,
}

/// What is left out stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change<'a> {
    pub url: Option<&'a str>,
    pub actions: Option<&'a [String]>,
    pub with_text: Option<bool>,
    pub enabled: Option<bool>,
}

macro_rules! columns {
    () => {
        "endpoint_id, url, actions, with_text, enabled, failing_since, created_by, created_at"
    };
}

fn place(tenant: TenantId, id: WebhookEndpointId) -> Place {
    Place { tenant: Some(tenant), table: "webhook_endpoints", column: "secret", row: id.uuid() }
}

pub async fn open(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: WebhookEndpointId,
    sealed: &[u8],
) -> Result<SecretString, DbError> {
    data_keys::open_text(tx, keys, &place(tx.tenant(), id), sealed).await
}

/// It is told of what is done from now on.
pub async fn create(
    tx: &mut TenantTx,
    keys: &Keyring,
    actor: &Actor,
    new: &New<'_>,
    secret: &SecretString,
) -> Result<Endpoint, DbError> {
    let (tenant, id) = (tx.tenant(), WebhookEndpointId::new());
    let sealed = data_keys::sealing(tx, keys).await?.seal(&place(tenant, id), secret.expose_secret().as_bytes());
    let row = sqlx::query(concat!(
        "insert into webhook_endpoints (tenant_id, endpoint_id, url, actions, with_text, secret, enabled, told_n, created_by)
         select $1, $2, $3, $4, $8, $5, true, coalesce((select h.n from audit_heads h where h.tenant_id = $1), 0), $6
          where (select count(*) from webhook_endpoints where tenant_id = $1 and deleted_at is null) < $7
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(id)
    .bind(new.url)
    .bind(new.actions)
    .bind(sealed)
    .bind(actor.id())
    .bind(ENDPOINTS_MAX)
    .bind(new.with_text)
    .fetch_optional(tx.conn())
    .await?;
    let row = row.ok_or(DbError::Conflict("There are 10 endpoints already: delete one first."))?;
    let detail = json!({ "url": new.url, "actions": new.actions, "with_text": new.with_text });
    audit::append(tx, actor, "webhook_endpoint.create", ("webhook_endpoint", &id.to_string()), detail).await?;
    endpoint(&row)
}

/// The endpoints, oldest first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Endpoint>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(concat!(
        "select ",
        columns!(),
        " from webhook_endpoints where tenant_id = $1 and deleted_at is null order by endpoint_id limit $2"
    ))
    .bind(tenant)
    .bind(ENDPOINTS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(endpoint).collect()
}

/// Whether there is such an endpoint.
pub async fn exists(tx: &mut TenantTx, id: WebhookEndpointId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select exists (select from webhook_endpoints
                         where tenant_id = $1 and endpoint_id = $2 and deleted_at is null)",
    )
    .bind(tenant)
    .bind(id)
    .fetch_one(tx.conn())
    .await?)
}

/// One that is switched on again is told of what is done from then on.
pub async fn change(
    tx: &mut TenantTx,
    actor: &Actor,
    id: WebhookEndpointId,
    to: &Change<'_>,
) -> Result<Endpoint, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!(
        "update webhook_endpoints
            set url = coalesce($3, url), actions = coalesce($4, actions), enabled = coalesce($5, enabled),
                with_text = coalesce($6, with_text),
                told_n = case when $5 and not enabled
                              then coalesce((select h.n from audit_heads h where h.tenant_id = $1), 0) else told_n end,
                failing_since = case when $5 then null else failing_since end
          where tenant_id = $1 and endpoint_id = $2 and deleted_at is null
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(id)
    .bind(to.url)
    .bind(to.actions)
    .bind(to.enabled)
    .bind(to.with_text)
    .fetch_optional(tx.conn())
    .await?;
    let changed = endpoint(&row.ok_or(DbError::NotFound)?)?;
    let detail = json!({ "url": changed.url, "actions": changed.actions, "with_text": changed.with_text,
                         "enabled": changed.enabled });
    audit::append(tx, actor, "webhook_endpoint.change", ("webhook_endpoint", &id.to_string()), detail).await?;
    Ok(changed)
}

/// Deletes an endpoint with its secret. What it was told stays on record.
pub async fn remove(tx: &mut TenantTx, actor: &Actor, id: WebhookEndpointId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let removed = sqlx::query(
        "update webhook_endpoints set deleted_at = clock_timestamp(), enabled = false, secret = null
          where tenant_id = $1 and endpoint_id = $2 and deleted_at is null",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    if removed.rows_affected() == 0 {
        return Err(DbError::NotFound);
    }
    audit::append(tx, actor, "webhook_endpoint.delete", ("webhook_endpoint", &id.to_string()), json!({})).await
}

/// Puts a line into the log that this endpoint is told of.
pub async fn ping(tx: &mut TenantTx, actor: &Actor, id: WebhookEndpointId) -> Result<(), DbError> {
    if !exists(tx, id).await? {
        return Err(DbError::NotFound);
    }
    audit::append(tx, actor, PING, ("webhook_endpoint", &id.to_string()), json!({})).await
}

fn endpoint(row: &PgRow) -> Result<Endpoint, DbError> {
    Ok(Endpoint {
        id: row.try_get("endpoint_id")?,
        url: row.try_get("url")?,
        actions: row.try_get("actions")?,
        with_text: row.try_get("with_text")?,
        enabled: row.try_get("enabled")?,
        failing_since: row.try_get("failing_since")?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
    })
}

//! A tenant's ties to Slack workspaces and WhatsApp numbers. Tokens are sealed under their row.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sqlx::Row;
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    system::{self, Route},
};
use crate::{
    crypto::{Keyring, Place},
    ids::{ConnectionId, TenantId},
};

/// A connection without its secrets.
#[derive(Clone, Debug, Serialize)]
pub struct Connection {
    pub id: ConnectionId,
    pub channel: String,
    pub external_id: String,
    pub app_id: String,
    pub bot_user_id: String,
    pub display_name: String,
    pub status: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A checked Slack connection, about to be stored.
pub struct NewSlackConnection {
    pub team_id: String,
    pub team_name: String,
    pub bot_user_id: String,
    pub bot_id: String,
    pub bot_token: SecretString,
    /// The customer's own app, with the secret that signs its requests.
    pub own_app: Option<(String, SecretString)>,
}

pub(super) fn token_place(tenant: TenantId, connection: ConnectionId) -> Place {
    Place { tenant: Some(tenant), table: "channel_connections", column: "access_token", row: connection.uuid() }
}

pub(super) fn secret_place(tenant: TenantId, connection: ConnectionId) -> Place {
    Place { tenant: Some(tenant), table: "channel_connections", column: "signing_secret", row: connection.uuid() }
}

/// Opens a connection's token as it was read from its row.
pub fn open_token(
    keys: &Keyring,
    tenant: TenantId,
    connection: ConnectionId,
    sealed: &[u8],
) -> Result<SecretString, DbError> {
    keys.open_text(&token_place(tenant, connection), sealed)
        .map_err(|error| DbError::Damaged(format!("the token of {connection}: {error}")))
}

/// Stores or renews the tenant's connection to this workspace, and its route. A workspace that another tenant already
/// connected is refused, never taken over.
pub async fn connect_slack(
    tx: &mut TenantTx,
    keys: &Keyring,
    new: &NewSlackConnection,
) -> Result<Connection, DbError> {
    let tenant = tx.tenant();
    let app_id = new.own_app.as_ref().map_or("", |(app_id, _)| app_id.as_str());
    let known: Option<ConnectionId> = sqlx::query_scalar(
        "select connection_id from channel_connections
          where tenant_id = $1 and channel = 'slack' and app_id = $2 and external_id = $3 for update",
    )
    .bind(tenant)
    .bind(app_id)
    .bind(&new.team_id)
    .fetch_optional(tx.conn())
    .await?;
    let id = known.unwrap_or_else(ConnectionId::new);
    let token = keys.seal(&token_place(tenant, id), new.bot_token.expose_secret().as_bytes());
    let secret = new
        .own_app
        .as_ref()
        .map(|(_, secret)| keys.seal(&secret_place(tenant, id), secret.expose_secret().as_bytes()));
    let row = sqlx::query(
        "insert into channel_connections (tenant_id, connection_id, channel, external_id, app_id, bot_user_id, bot_id,
                                          display_name, access_token, signing_secret)
         values ($1, $2, 'slack', $3, $4, $5, $6, $7, $8, $9)
         on conflict (tenant_id, connection_id) do update
            set bot_user_id = excluded.bot_user_id, bot_id = excluded.bot_id, display_name = excluded.display_name,
                access_token = excluded.access_token, signing_secret = excluded.signing_secret,
                status = 'active', dead_reason = null
         returning connection_id, channel, external_id, app_id, bot_user_id, display_name, status, created_at",
    )
    .bind(tenant)
    .bind(id)
    .bind(&new.team_id)
    .bind(app_id)
    .bind(&new.bot_user_id)
    .bind(&new.bot_id)
    .bind(&new.team_name)
    .bind(token)
    .bind(secret)
    .fetch_one(tx.conn())
    .await?;
    store_route(tx, id, app_id, new, known.is_some()).await?;
    connection(&row)
}

async fn store_route(
    tx: &mut TenantTx,
    id: ConnectionId,
    app_id: &str,
    new: &NewSlackConnection,
    known: bool,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    // Two statements instead of an upsert: `on conflict do update` would touch another tenant's row.
    let statement = if known {
        "update connection_routes set bot_user_id = $5, bot_id = $6
          where tenant_id = $1 and connection_id = $2 and channel = 'slack' and app_id = $3 and external_id = $4"
    } else {
        "insert into connection_routes (tenant_id, connection_id, channel, app_id, external_id, bot_user_id, bot_id)
         values ($1, $2, 'slack', $3, $4, $5, $6)"
    };
    sqlx::query(statement)
        .bind(tenant)
        .bind(id)
        .bind(app_id)
        .bind(&new.team_id)
        .bind(&new.bot_user_id)
        .bind(&new.bot_id)
        .execute(tx.conn())
        .await
        .map_err(|error| {
            DbError::from(error).on_constraint(
                "connection_routes_pkey",
                "This workspace is already connected. Disconnect it where it is connected now, or use your own Slack app.",
            )
        })?;
    Ok(())
}

/// The connections, newest first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Connection>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select connection_id, channel, external_id, app_id, bot_user_id, display_name, status, created_at
           from channel_connections where tenant_id = $1 order by created_at desc, connection_id limit 200",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(connection).collect()
}

/// The opened access token, for jobs that call the platform.
pub async fn token(tx: &mut TenantTx, keys: &Keyring, id: ConnectionId) -> Result<SecretString, DbError> {
    let tenant = tx.tenant();
    let sealed: Vec<u8> = sqlx::query_scalar(
        "select access_token from channel_connections where tenant_id = $1 and connection_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    open_token(keys, tenant, id, &sealed)
}

/// Where requests of this connection lead, with the platform's id of its workspace.
pub async fn route(tx: &mut TenantTx, id: ConnectionId) -> Result<(Route, String), DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select tenant_id, connection_id, bot_user_id, bot_id, account_id, external_id from connection_routes
          where tenant_id = $1 and connection_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    Ok((system::route(&row)?, row.try_get("external_id")?))
}

/// The secret that signs requests of a connection's own app.
pub async fn signing_secret(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: ConnectionId,
) -> Result<Option<SecretString>, DbError> {
    let tenant = tx.tenant();
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "select signing_secret from channel_connections where tenant_id = $1 and connection_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?
    .flatten();
    sealed
        .map(|sealed| {
            keys.open_text(&secret_place(tenant, id), &sealed)
                .map_err(|error| DbError::Damaged(format!("the signing secret of {id}: {error}")))
        })
        .transpose()
}

/// Marks a connection dead: its token no longer works. Its data stays; connecting again revives it.
pub async fn mark_dead(tx: &mut TenantTx, id: ConnectionId, reason: &str) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let marked = sqlx::query(
        "update channel_connections set status = 'dead', dead_reason = $3
          where tenant_id = $1 and connection_id = $2 and status = 'active'",
    )
    .bind(tenant)
    .bind(id)
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(marked.rows_affected() == 1)
}

pub(super) fn connection(row: &sqlx::postgres::PgRow) -> Result<Connection, DbError> {
    Ok(Connection {
        id: row.try_get("connection_id")?,
        channel: row.try_get("channel")?,
        external_id: row.try_get("external_id")?,
        app_id: row.try_get("app_id")?,
        bot_user_id: row.try_get("bot_user_id")?,
        display_name: row.try_get("display_name")?,
        status: row.try_get("status")?,
        created_at: row.try_get("created_at")?,
    })
}

//! A tenant's ties to Slack workspaces and WhatsApp numbers. Tokens are sealed under their row.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sqlx::Row;
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    plans::{self, Addition},
    rotations,
    system::{self, Route},
};
use crate::{
    channels::slack_oauth::{Rotation, SlackClient},
    crypto::{Keyring, Place},
    ids::{ConnectionId, TenantId},
};

/// What happens to what guests and people of other companies ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outsiders {
    Ignore,
    /// They are answered, but never from what insiders said elsewhere.
    AnswerWithoutMemory,
    LikeMembers,
}

impl Outsiders {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::AnswerWithoutMemory => "answer_without_memory",
            Self::LikeMembers => "like_members",
        }
    }

    /// What is not known gets no more than what is safe.
    pub fn parse(text: &str) -> Self {
        match text {
            "ignore" => Self::Ignore,
            "like_members" => Self::LikeMembers,
            _ => Self::AnswerWithoutMemory,
        }
    }
}

/// How a connection treats those who are no colleagues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub outsiders: Outsiders,
    /// Other bots that name the agent are answered, a few times in a row.
    pub answers_bots: bool,
}

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
#[derive(Default)]
pub struct NewSlackConnection {
    /// The workspace's id; of an installation for a whole organization, the organization's.
    pub team_id: String,
    pub team_name: String,
    pub bot_user_id: String,
    pub bot_id: String,
    pub bot_token: SecretString,
    /// The customer's own app, with the secret that signs its requests.
    pub own_app: Option<(String, SecretString)>,
    /// The own app as an OAuth client. `None` leaves the one that is stored.
    pub client: Option<SlackClient>,
    pub org_wide: bool,
    /// What the token was granted, separated by commas; '' if that is not known.
    pub scopes: String,
    /// For a token that runs out: what to renew it with.
    pub rotation: Option<Rotation>,
}

pub(super) fn token_place(tenant: TenantId, connection: ConnectionId) -> Place {
    Place { tenant: Some(tenant), table: "channel_connections", column: "access_token", row: connection.uuid() }
}

fn client_place(tenant: TenantId, connection: ConnectionId) -> Place {
    Place { tenant: Some(tenant), table: "channel_connections", column: "client_secret", row: connection.uuid() }
}

pub(super) fn secret_place(tenant: TenantId, connection: ConnectionId) -> Place {
    Place { tenant: Some(tenant), table: "channel_connections", column: "signing_secret", row: connection.uuid() }
}

/// A token as its row holds it.
pub(super) fn sealed_token(keys: &Keyring, tenant: TenantId, id: ConnectionId, token: &SecretString) -> Vec<u8> {
    keys.seal(&token_place(tenant, id), token.expose_secret().as_bytes())
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
    if known.is_none() {
        plans::make_room(tx, Addition::Channel).await?;
    }
    let id = known.unwrap_or_else(ConnectionId::new);
    let connection = store_slack(tx, keys, id, new).await?;
    store_route(tx, id, app_id, new, known.is_some()).await?;
    rotations::replace(tx, keys, id, new.rotation.as_ref()).await?;
    Ok(connection)
}

async fn store_slack(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: ConnectionId,
    new: &NewSlackConnection,
) -> Result<Connection, DbError> {
    let tenant = tx.tenant();
    let own_app = new.own_app.as_ref();
    let seal = |place: Place, secret: &SecretString| keys.seal(&place, secret.expose_secret().as_bytes());
    let client = new.client.as_ref();
    let row = sqlx::query(
        "insert into channel_connections as c
                (tenant_id, connection_id, channel, external_id, app_id, bot_user_id, bot_id, display_name, access_token,
                 signing_secret, client_id, client_secret, org_wide, scopes)
         values ($1, $2, 'slack', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (tenant_id, connection_id) do update
            set bot_user_id = excluded.bot_user_id, bot_id = excluded.bot_id, display_name = excluded.display_name,
                access_token = excluded.access_token, signing_secret = excluded.signing_secret,
                client_id = coalesce(nullif(excluded.client_id, ''), c.client_id),
                client_secret = coalesce(excluded.client_secret, c.client_secret),
                org_wide = excluded.org_wide, scopes = excluded.scopes, installed_at = clock_timestamp(),
                status = 'active', dead_reason = null
         returning connection_id, channel, external_id, app_id, bot_user_id, display_name, status, created_at",
    )
    .bind(tenant)
    .bind(id)
    .bind(&new.team_id)
    .bind(own_app.map_or("", |(app_id, _)| app_id.as_str()))
    .bind(&new.bot_user_id)
    .bind(&new.bot_id)
    .bind(&new.team_name)
    .bind(sealed_token(keys, tenant, id, &new.bot_token))
    .bind(own_app.map(|(_, secret)| seal(secret_place(tenant, id), secret)))
    .bind(client.map_or("", |client| client.id.as_str()))
    .bind(client.map(|client| seal(client_place(tenant, id), &client.secret)))
    .bind(new.org_wide)
    .bind(&new.scopes)
    .fetch_one(tx.conn())
    .await?;
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

pub async fn find(tx: &mut TenantTx, id: ConnectionId) -> Result<Option<Connection>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select connection_id, channel, external_id, app_id, bot_user_id, display_name, status, created_at
           from channel_connections where tenant_id = $1 and connection_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(connection).transpose()
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
    let row = sqlx::query(concat!(
        "select ",
        system::route_columns!(),
        ", r.external_id from connection_routes r where r.tenant_id = $1 and r.connection_id = $2",
    ))
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

/// The connection's own app as an OAuth client; `None` means the platform's.
pub async fn client(tx: &mut TenantTx, keys: &Keyring, id: ConnectionId) -> Result<Option<SlackClient>, DbError> {
    let tenant = tx.tenant();
    let row: Option<(String, Option<Vec<u8>>)> = sqlx::query_as(
        "select client_id, client_secret from channel_connections where tenant_id = $1 and connection_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let (client_id, sealed) = row.ok_or(DbError::NotFound)?;
    sealed
        .map(|sealed| {
            keys.open_text(&client_place(tenant, id), &sealed)
                .map(|secret| SlackClient { id: client_id, secret })
                .map_err(|error| DbError::Damaged(format!("the client secret of {id}: {error}")))
        })
        .transpose()
}

pub async fn policy(tx: &mut TenantTx, id: ConnectionId) -> Result<Policy, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select c.outsiders, r.answers_bots from channel_connections c
           join connection_routes r on r.tenant_id = c.tenant_id and r.channel = c.channel and r.app_id = c.app_id
                                   and r.external_id = c.external_id
          where c.tenant_id = $1 and c.connection_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    let outsiders: String = row.try_get("outsiders")?;
    Ok(Policy { outsiders: Outsiders::parse(&outsiders), answers_bots: row.try_get("answers_bots")? })
}

/// [`DbError::NotFound`]: the tenant has no such connection.
pub async fn set_policy(tx: &mut TenantTx, id: ConnectionId, policy: Policy) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let set = sqlx::query(
        "with connection as (
             update channel_connections set outsiders = $3 where tenant_id = $1 and connection_id = $2
             returning channel, app_id, external_id
         )
         update connection_routes r set answers_bots = $4 from connection c
          where r.tenant_id = $1 and r.channel = c.channel and r.app_id = c.app_id and r.external_id = c.external_id",
    )
    .bind(tenant)
    .bind(id)
    .bind(policy.outsiders.as_str())
    .bind(policy.answers_bots)
    .execute(tx.conn())
    .await?;
    if set.rows_affected() == 1 { Ok(()) } else { Err(DbError::NotFound) }
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

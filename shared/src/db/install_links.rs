//! Links to connect a workspace with, and the visits to the platform's consent page that they stand for.
//!
//! A link leads to a visit when it is opened: the visit has a state, which the platform carries back, and a browser. Both
//! are stored as hashes, both must fit, and a visit ends once. What it ends in is decided by one update.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Row, postgres::PgRow};
use url::Url;

use super::{DbError, TenantTx, audit::Actor, data_keys};
use crate::{
    channels::{slack_app::INSTALL_PATH, slack_oauth::SlackClient},
    crypto::{Keyring, Place},
    ids::{ConnectionId, LinkId, TenantId},
};

/// From opening the link to coming back from the consent page.
const VISIT_MINUTES: i32 = 10;
/// Links of a tenant that can be used at the same time.
const OPEN_MAX: i64 = 50;

/// A customer's own Slack app.
pub struct OwnApp {
    pub app_id: String,
    pub signing_secret: SecretString,
    pub client: SlackClient,
}

/// A link about to be given out.
pub struct NewLink<'a> {
    pub actor: &'a Actor,
    /// Only this connection may be renewed by it.
    pub renews: Option<ConnectionId>,
    pub own_app: Option<&'a OwnApp>,
    pub lives: Duration,
}

/// Where an opened link leads.
#[derive(Debug)]
pub struct Opened {
    /// '' is the platform's own app.
    pub client_id: String,
    /// The workspace of the connection that is to be renewed.
    pub workspace: Option<String>,
}

/// A visit that came back as it should; it can't do so again.
pub struct Visit {
    pub actor: Actor,
    pub renews: Option<ConnectionId>,
    pub own_app: Option<OwnApp>,
}

/// Why a visit is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Unknown,
    Used,
    Late,
    OtherBrowser,
}

fn place(tenant: TenantId, link: LinkId, column: &'static str) -> Place {
    Place { tenant: Some(tenant), table: "install_links", column, row: link.uuid() }
}

/// What a link looks like.
pub fn url(public: &Url, tenant: TenantId, token: &str) -> String {
    format!("{public}{INSTALL_PATH}?tenant={tenant}&link={token}")
}

/// Stores a link by the hash of its token, and forgets those of earlier days.
pub async fn create(
    tx: &mut TenantTx,
    keys: &Keyring,
    token_hash: &[u8; 32],
    new: &NewLink<'_>,
) -> Result<LinkId, DbError> {
    let (tenant, id) = (tx.tenant(), LinkId::new());
    sqlx::query(
        "delete from install_links where tenant_id = $1 and expires_at < clock_timestamp() - interval '1 day'",
    )
    .bind(tenant)
    .execute(tx.conn())
    .await?;
    let (actor_kind, actor_id) = new.actor.parts();
    let key = data_keys::sealing(tx, keys).await?;
    let seal =
        |column, secret: &SecretString| key.seal(&place(tenant, id, column), secret.expose_secret().as_bytes());
    let own = new.own_app;
    let stored = sqlx::query(
        "insert into install_links (tenant_id, link_id, link_hash, actor_kind, actor_id, connection_id, app_id, client_id,
                                    client_secret, signing_secret, expires_at)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp() + make_interval(secs => $11)
          where (select count(*) from install_links
                  where tenant_id = $1 and used_at is null and expires_at > clock_timestamp()) < $12",
    )
    .bind(tenant)
    .bind(id)
    .bind(token_hash.as_slice())
    .bind(actor_kind)
    .bind(actor_id)
    .bind(new.renews)
    .bind(own.map_or("", |app| app.app_id.as_str()))
    .bind(own.map_or("", |app| app.client.id.as_str()))
    .bind(own.map(|app| seal("client_secret", &app.client.secret)))
    .bind(own.map(|app| seal("signing_secret", &app.signing_secret)))
    .bind(new.lives.as_secs_f64())
    .bind(OPEN_MAX)
    .execute(tx.conn())
    .await?;
    if stored.rows_affected() == 1 {
        return Ok(id);
    }
    Err(DbError::Conflict("There are 50 unused links already: use one of them, or wait until they expire."))
}

/// Binds the link to the visit of one browser; an earlier visit of it is void. `None`: unknown, used or expired.
pub async fn open(
    tx: &mut TenantTx,
    link_hash: &[u8; 32],
    state_hash: &[u8; 32],
    browser_hash: &[u8; 32],
) -> Result<Option<Opened>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "update install_links l
            set state_hash = $3, browser_hash = $4,
                state_expires_at = clock_timestamp() + make_interval(mins => $5)
          where l.tenant_id = $1 and l.link_hash = $2 and l.used_at is null and l.expires_at > clock_timestamp()
         returning coalesce(nullif(l.client_id, ''),
                            (select c.client_id from channel_connections c
                              where c.tenant_id = $1 and c.connection_id = l.connection_id), '') as client_id,
                   (select c.external_id from channel_connections c
                     where c.tenant_id = $1 and c.connection_id = l.connection_id) as workspace",
    )
    .bind(tenant)
    .bind(link_hash.as_slice())
    .bind(state_hash.as_slice())
    .bind(browser_hash.as_slice())
    .bind(VISIT_MINUTES)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| Ok(Opened { client_id: row.try_get("client_id")?, workspace: row.try_get("workspace")? }))
        .transpose()
}

/// Takes a visit that comes back, once. Somebody who has the state but not the browser's cookie can't use it up.
pub async fn take(
    tx: &mut TenantTx,
    keys: &Keyring,
    state_hash: &[u8; 32],
    browser_hash: &[u8; 32],
) -> Result<Result<Visit, Refused>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "update install_links set used_at = clock_timestamp()
          where tenant_id = $1 and state_hash = $2 and browser_hash = $3 and used_at is null
            and state_expires_at > clock_timestamp()
         returning link_id, actor_kind, actor_id, connection_id, app_id, client_id, client_secret, signing_secret",
    )
    .bind(tenant)
    .bind(state_hash.as_slice())
    .bind(browser_hash.as_slice())
    .fetch_optional(tx.conn())
    .await?;
    match row {
        Some(row) => visit(tx, keys, &row).await.map(Ok),
        None => why_refused(tx, state_hash, browser_hash).await.map(Err),
    }
}

async fn visit(tx: &mut TenantTx, keys: &Keyring, row: &PgRow) -> Result<Visit, DbError> {
    let secrets = (secret(tx, keys, row, "client_secret").await?, secret(tx, keys, row, "signing_secret").await?);
    let own_app = match secrets {
        (Some(secret), Some(signing_secret)) => Some(OwnApp {
            app_id: row.try_get("app_id")?,
            signing_secret,
            client: SlackClient { id: row.try_get("client_id")?, secret },
        }),
        _ => None,
    };
    let (kind, id): (String, String) = (row.try_get("actor_kind")?, row.try_get("actor_id")?);
    Ok(Visit { actor: Actor::restore(&kind, &id)?, renews: row.try_get("connection_id")?, own_app })
}

async fn secret(
    tx: &mut TenantTx,
    keys: &Keyring,
    row: &PgRow,
    column: &'static str,
) -> Result<Option<SecretString>, DbError> {
    let (link, sealed): (LinkId, Option<Vec<u8>>) = (row.try_get("link_id")?, row.try_get(column)?);
    let Some(sealed) = sealed else { return Ok(None) };
    data_keys::open_text(tx, keys, &place(tx.tenant(), link, column), &sealed).await.map(Some)
}

async fn why_refused(
    tx: &mut TenantTx,
    state_hash: &[u8; 32],
    browser_hash: &[u8; 32],
) -> Result<Refused, DbError> {
    let tenant = tx.tenant();
    let row: Option<(bool, bool)> = sqlx::query_as(
        "select used_at is not null, browser_hash = $3 from install_links where tenant_id = $1 and state_hash = $2",
    )
    .bind(tenant)
    .bind(state_hash.as_slice())
    .bind(browser_hash.as_slice())
    .fetch_optional(tx.conn())
    .await?;
    Ok(match row {
        None => Refused::Unknown,
        Some((_, false)) => Refused::OtherBrowser,
        Some((true, _)) => Refused::Used,
        Some((false, _)) => Refused::Late,
    })
}

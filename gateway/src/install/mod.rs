//! Connecting Slack by a click: a link from the API → Slack's consent page → back with a code → a connection.
//!
//! Here the links are made; [`visit`] is what happens when one is opened, [`page`] what people see at its end.

mod page;
pub mod visit;

use std::time::Duration;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    channels::{slack_app, slack_oauth::SlackClient},
    config::Config,
    crypto::{Keyring, new_token, token_hash},
    db::{
        DbError, TenantDb, TenantTx,
        audit::{self, Actor},
        install_links::{self, NewLink, OwnApp},
        tenants,
    },
};
use url::Url;
use utoipa::ToSchema;

use crate::{
    Gateway,
    auth::Admin,
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    portal::connections::own_app,
};

/// Until a link has to be opened.
const LINK_LIVES: Duration = Duration::from_secs(10 * 60);
/// Longest OAuth client id or secret of a customer's own app in bytes.
const CLIENT_MAX: usize = 128;

/// With nothing in it: by the platform's app. With all four: by the customer's own.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    #[schema(example = "A012ABCDEF")]
    app_id: Option<String>,
    #[schema(value_type = Option<String>)]
    signing_secret: Option<SecretString>,
    #[schema(example = "1234.5678")]
    client_id: Option<String>,
    #[schema(value_type = Option<String>)]
    client_secret: Option<SecretString>,
}

#[derive(Serialize, ToSchema)]
pub struct InstallLink {
    /// To be opened by somebody who may install apps in the workspace; good for one installation.
    url: String,
    expires_in_seconds: u64,
    /// What must stand under *OAuth & Permissions → Redirect URLs* of the app.
    redirect_url: String,
}

/// A link to connect a Slack workspace by a click.
#[utoipa::path(post, path = "/api/v1/connections/slack/install", request_body = Begin, params(OnceKey),
    responses((status = 201, body = InstallLink), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn begin(
    admin: Admin,
    State(gateway): State<Gateway>,
    once: Once,
    body: Result<Option<Json<Begin>>, JsonRejection>,
) -> Result<(StatusCode, Json<InstallLink>), ApiError> {
    let own = own_client(body?.map(|Json(body)| body).unwrap_or_default())?;
    if own.is_none() && gateway.slack_client.is_none() {
        return Err(no_client());
    }
    let mut tx = admin.0.db.begin().await?;
    let body = InstallLink {
        url: link(&gateway.keys, &gateway.public_url, &mut tx, &admin.0.actor, own.as_ref()).await?,
        expires_in_seconds: LINK_LIVES.as_secs(),
        redirect_url: slack_app::redirect_url(&gateway.public_url),
    };
    once.commit(tx, StatusCode::CREATED, body).await
}

/// The same for the command line, by the platform's app.
pub async fn install_link(config: &Config, db: &TenantDb, actor: &Actor) -> Result<String, ApiError> {
    if config.slack.client.is_none() {
        return Err(no_client());
    }
    let mut tx = db.begin().await?;
    let url = link(&config.master_keys, &config.public_url, &mut tx, actor, None).await?;
    tx.commit().await?;
    Ok(url)
}

fn no_client() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "no_slack_app",
        "This Konstruct has no Slack app of its own: its operator sets SLACK_CLIENT_ID and SLACK_CLIENT_SECRET, or you \
         give `app_id`, `signing_secret`, `client_id` and `client_secret` of yours.",
    )
}

/// An own app needs what proves its events and what proves us to Slack.
fn own_client(body: Begin) -> Result<Option<OwnApp>, ApiError> {
    let (client_id, secret) = (body.client_id, body.client_secret);
    let Some((app_id, signing_secret)) = own_app(body.app_id, body.signing_secret)? else {
        return if client_id.is_none() && secret.is_none() { Ok(None) } else { Err(incomplete()) };
    };
    let (Some(id), Some(secret)) = (client_id, secret) else { return Err(incomplete()) };
    let plausible = |text: &str| {
        !text.is_empty() && text.len() <= CLIENT_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let secret = secret.expose_secret().trim().to_owned();
    if !plausible(id.trim()) || !plausible(&secret) {
        return Err(ApiError::invalid(
            "`client_id` and `client_secret` must be those of your app's Basic Information page.",
        ));
    }
    let client = SlackClient { id: id.trim().to_owned(), secret: SecretString::from(secret) };
    Ok(Some(OwnApp { app_id, signing_secret, client }))
}

fn incomplete() -> ApiError {
    ApiError::invalid(
        "Your own Slack app needs all of `app_id`, `signing_secret`, `client_id` and `client_secret`.",
    )
}

async fn link(
    keys: &Keyring,
    public: &Url,
    tx: &mut TenantTx,
    actor: &Actor,
    own_app: Option<&OwnApp>,
) -> Result<String, DbError> {
    let token = new_token("");
    let new = NewLink { actor, renews: None, own_app, lives: LINK_LIVES };
    tenants::name(tx).await?;
    let id = install_links::create(tx, keys, &token_hash(&token), &new).await?;
    let detail = json!({ "channel": "slack", "own_app": own_app.map(|app| &app.app_id) });
    audit::append(tx, actor, "connection.install_link", ("install_link", &id.to_string()), detail).await?;
    Ok(install_links::url(public, tx.tenant(), &token))
}

//! A tenant's channels. Connecting by hand checks the token with the platform before anything is stored.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    channels::{slack::SlackApi, slack_app},
    crypto::Keyring,
    db::{
        DbError, TenantDb, TenantTx,
        audit::{self, Actor},
        connections::{self, Connection, NewSlackConnection},
    },
    ids::TenantId,
};
use time::format_description::well_known::Rfc3339;
use url::Url;
use utoipa::ToSchema;

use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    portal::connect_whatsapp::{WhatsAppNumber, ask_meta, direct_news, keep_number},
    webhooks::{own_url, whatsapp},
};

/// Longest bot token in bytes; Slack's have fewer than 100.
const TOKEN_MAX: usize = 512;

#[derive(Serialize, ToSchema)]
pub struct ConnectionBody {
    #[schema(example = "con_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    #[schema(example = "slack")]
    channel: String,
    /// Slack's team id, or WhatsApp's phone number id.
    external_id: String,
    /// The customer's own Slack app, or `own` for a Meta app of theirs.
    app_id: Option<String>,
    display_name: String,
    bot_user_id: String,
    /// What to enter as Slack's request URL under *Event Subscriptions*, or as Meta's callback URL. An own app has an address
    /// of its own.
    events_url: String,
    /// `active`, or `dead` when the platform no longer accepts the token.
    status: String,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct ConnectionList {
    items: Vec<ConnectionBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(tag = "channel", rename_all = "snake_case", deny_unknown_fields)]
pub enum Connect {
    Slack {
        #[schema(value_type = String, example = "xoxb-…")]
        bot_token: SecretString,
        /// With `signing_secret`: the customer's own Slack app.
        app_id: Option<String>,
        #[schema(value_type = Option<String>)]
        signing_secret: Option<SecretString>,
    },
    #[serde(rename = "whatsapp")]
    WhatsApp {
        #[schema(example = "106540352242922")]
        phone_number_id: String,
        #[schema(value_type = String)]
        access_token: SecretString,
        /// The WhatsApp Business account; learned from the first webhook if it is left out.
        account_id: Option<String>,
        /// With `verify_token`: the customer's own Meta app.
        #[schema(value_type = Option<String>)]
        app_secret: Option<SecretString>,
        #[schema(value_type = Option<String>)]
        verify_token: Option<SecretString>,
    },
}

/// The tenant's connections, newest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/connections",
    responses((status = 200, body = ConnectionList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator, State(gateway): State<Gateway>) -> Result<Json<ConnectionList>, ApiError> {
    let (tenant, url) = (operator.db.id(), &gateway.public_url);
    let mut tx = operator.db.begin().await?;
    let items = connections::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(ConnectionList {
        items: items.into_iter().map(|item| ConnectionBody::of(item, tenant, url)).collect(),
    }))
}

/// Connects a channel by hand, or renews its token.
#[utoipa::path(post, path = "/api/v1/connections", request_body = Connect, params(OnceKey),
    responses((status = 201, body = ConnectionBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem)))]
pub async fn connect(
    admin: Admin,
    State(gateway): State<Gateway>,
    once: Once,
    body: Result<Json<Connect>, JsonRejection>,
) -> Result<(StatusCode, Json<ConnectionBody>), ApiError> {
    let Json(body) = body?;
    let (keys, db, actor) = (&gateway.keys, &admin.0.db, &admin.0.actor);
    let of = |connection| ConnectionBody::of(connection, db.id(), &gateway.public_url);
    let made = match body {
        Connect::Slack { bot_token, app_id, signing_secret } => {
            let new = ask_slack(&gateway.slack, bot_token, own_app(app_id, signing_secret)?).await?;
            let mut tx = db.begin().await?;
            let connection = keep_slack(&mut tx, keys, actor, &new).await?;
            once.commit(tx, StatusCode::CREATED, of(connection)).await?
        }
        Connect::WhatsApp { phone_number_id, access_token, account_id, app_secret, verify_token } => {
            let (account, secret, token) = (account_id.as_deref(), app_secret.as_ref(), verify_token.as_ref());
            let number = WhatsAppNumber::checked(&phone_number_id, &access_token, account, secret, token)?;
            let own = number.own_app.as_ref().map(|own| own.verify_token.clone()).zip(number.account_id.clone());
            let (api, token) = (&gateway.whatsapp_api, number.access_token.clone());
            let new = ask_meta(api, number).await?;
            let mut tx = db.begin().await?;
            let connection = keep_number(&mut tx, keys, actor, &new).await?;
            let id = connection.id;
            let made = once.commit(tx, StatusCode::CREATED, of(connection)).await?;
            if let Some((verify_token, account)) = own {
                let url = own_url(&gateway.public_url, whatsapp::WEBHOOK_PATH, db.id(), id);
                direct_news(api, (&token, &account), (&url, &verify_token)).await;
            }
            made
        }
    };
    gateway.routes.invalidate_all();
    Ok(made)
}

/// A customer's own app needs both its id and its secret; a blank secret would let anyone sign.
pub fn own_app(
    app_id: Option<String>,
    secret: Option<SecretString>,
) -> Result<Option<(String, SecretString)>, ApiError> {
    match (app_id, secret) {
        (None, None) => Ok(None),
        (Some(app_id), Some(secret)) => {
            let id_like =
                !app_id.is_empty() && app_id.len() <= 32 && app_id.chars().all(|c| c.is_ascii_alphanumeric());
            if !id_like {
                return Err(ApiError::invalid("`app_id` must be Slack's app id, such as `A012ABCDEF`."));
            }
            // Copied values often bring a space or a line break along.
            let secret = secret.expose_secret().trim();
            if secret.len() < 16 {
                return Err(ApiError::invalid(
                    "`signing_secret` is blank or too short to be Slack's signing secret.",
                ));
            }
            Ok(Some((app_id, SecretString::from(secret))))
        }
        _ => Err(ApiError::invalid("Your own Slack app needs both `app_id` and `signing_secret`.")),
    }
}

/// A token becomes a header: nothing that breaks out of one.
pub(crate) fn checked_token(token: &SecretString) -> Result<SecretString, ApiError> {
    let token = token.expose_secret().trim();
    if token.is_empty() || token.len() > TOKEN_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid("`bot_token` must be the `xoxb-…` token from your app's OAuth page."));
    }
    Ok(SecretString::from(token))
}

/// Checks the token with Slack, then stores connection, route and audit row together.
pub async fn connect_slack(
    slack: &SlackApi,
    keys: &Keyring,
    db: &TenantDb,
    actor: &Actor,
    bot_token: SecretString,
    own_app: Option<(String, SecretString)>,
) -> Result<Connection, ApiError> {
    let new = ask_slack(slack, bot_token, own_app).await?;
    let mut tx = db.begin().await?;
    let connection = keep_slack(&mut tx, keys, actor, &new).await?;
    tx.commit().await?;
    Ok(connection)
}

/// Whose token it is, as Slack says.
async fn ask_slack(
    slack: &SlackApi,
    bot_token: SecretString,
    own_app: Option<(String, SecretString)>,
) -> Result<NewSlackConnection, ApiError> {
    let bot_token = checked_token(&bot_token)?;
    let (identity, scopes) = slack.auth_test_with_scopes(&bot_token).await?;
    let organization = identity.enterprise_id.filter(|id| identity.is_enterprise_install && !id.is_empty());
    Ok(NewSlackConnection {
        org_wide: organization.is_some(),
        // A token of a whole organization belongs to no workspace.
        team_id: organization.unwrap_or(identity.team_id),
        team_name: identity.team,
        bot_user_id: identity.user_id,
        bot_id: identity.bot_id,
        bot_token,
        own_app,
        scopes,
        ..NewSlackConnection::default()
    })
}

async fn keep_slack(
    tx: &mut TenantTx,
    keys: &Keyring,
    actor: &Actor,
    new: &NewSlackConnection,
) -> Result<Connection, DbError> {
    let connection = connections::connect_slack(tx, keys, new).await?;
    let detail = json!({ "channel": "slack", "team": connection.external_id, "own_app": connection.app_id });
    audit::append(tx, actor, "connection.connect", ("connection", &connection.id.to_string()), detail).await?;
    Ok(connection)
}

/// The request or callback URL to enter at the platform for this connection.
pub fn events_url(public: &Url, tenant: TenantId, connection: &Connection) -> String {
    let path = match connection.channel.as_str() {
        whatsapp::CHANNEL => whatsapp::WEBHOOK_PATH,
        _ => slack_app::EVENTS_PATH,
    };
    let platforms = connection.app_id.is_empty();
    if platforms { format!("{public}{path}") } else { own_url(public, path, tenant, connection.id) }
}

impl ConnectionBody {
    pub(crate) fn of(connection: Connection, tenant: TenantId, public: &Url) -> Self {
        Self {
            events_url: events_url(public, tenant, &connection),
            id: connection.id.to_string(),
            channel: connection.channel,
            external_id: connection.external_id,
            app_id: Some(connection.app_id).filter(|id| !id.is_empty()),
            display_name: connection.display_name,
            bot_user_id: connection.bot_user_id,
            status: connection.status,
            created_at: connection.created_at.format(&Rfc3339).unwrap_or_default(),
        }
    }
}

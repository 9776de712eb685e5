//! Connecting a WhatsApp number by hand: the token is checked with Meta before anything is stored.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared::{
    channels::{CallError, whatsapp::WhatsAppApi},
    crypto::Keyring,
    db::{
        DbError, TenantDb, TenantTx,
        audit::{self, Actor},
        connections::Connection,
        numbers::{self, NewNumber, OwnApp},
    },
};

use crate::error::ApiError;

/// Longest access token in bytes; Meta's have a few hundred.
const TOKEN_MAX: usize = 2_048;
const SECRET_MIN: usize = 16;
const ID_MAX: usize = 32;

/// What a customer enters.
pub struct WhatsAppNumber {
    pub phone_number_id: String,
    pub access_token: SecretString,
    /// The WhatsApp Business account; learned from the first webhook if it is left out.
    pub account_id: Option<String>,
    pub own_app: Option<OwnMetaApp>,
}

/// The customer's own Meta app.
pub struct OwnMetaApp {
    pub app_secret: SecretString,
    pub verify_token: SecretString,
}

impl WhatsAppNumber {
    /// Refuses what can't be right before Meta is asked. An own app needs both its secrets: a blank one would let anyone
    /// sign.
    pub fn checked(
        phone_number_id: &str,
        access_token: &SecretString,
        account_id: Option<&str>,
        app_secret: Option<&SecretString>,
        verify_token: Option<&SecretString>,
    ) -> Result<Self, ApiError> {
        let token = access_token.expose_secret().trim();
        // A token becomes a header: nothing that breaks out of one.
        if token.is_empty() || token.len() > TOKEN_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiError::invalid(
                "`access_token` must be the system user's token from Meta Business Settings.",
            ));
        }
        let own_app = match (app_secret, verify_token) {
            (None, None) => None,
            (Some(secret), Some(token)) => Some(OwnMetaApp {
                app_secret: own("app_secret", secret)?,
                verify_token: own("verify_token", token)?,
            }),
            _ => return Err(ApiError::invalid("Your own Meta app needs both `app_secret` and `verify_token`.")),
        };
        Ok(Self {
            phone_number_id: id("phone_number_id", phone_number_id)?,
            access_token: SecretString::from(token),
            account_id: account_id.map(|account| id("account_id", account)).transpose()?,
            own_app,
        })
    }
}

fn id(name: &str, given: &str) -> Result<String, ApiError> {
    let given = given.trim();
    if given.is_empty() || given.len() > ID_MAX || !given.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(ApiError::invalid(format!(
            "`{name}` must be the id shown under WhatsApp → API Setup of your Meta app, such as `106540352242922`."
        )));
    }
    Ok(given.to_owned())
}

/// Copied values often bring a space or a line break along.
fn own(name: &str, secret: &SecretString) -> Result<SecretString, ApiError> {
    let secret = secret.expose_secret().trim();
    if secret.len() < SECRET_MIN {
        return Err(ApiError::invalid(format!("`{name}` is blank or shorter than {SECRET_MIN} characters.")));
    }
    Ok(SecretString::from(secret))
}

/// Checks the token with Meta, then stores connection, route and audit row together.
pub async fn connect_whatsapp(
    api: &WhatsAppApi,
    keys: &Keyring,
    db: &TenantDb,
    actor: &Actor,
    number: WhatsAppNumber,
) -> Result<Connection, ApiError> {
    let new = ask_meta(api, number).await?;
    let mut tx = db.begin().await?;
    let connection = keep_number(&mut tx, keys, actor, &new).await?;
    tx.commit().await?;
    Ok(connection)
}

/// What number it is, as Meta says.
pub(super) async fn ask_meta(api: &WhatsAppApi, number: WhatsAppNumber) -> Result<NewNumber, ApiError> {
    look_at_token(api, &number.access_token).await?;
    let found = api.number(&number.access_token, &number.phone_number_id).await.map_err(refused)?;
    if found.id != number.phone_number_id {
        return Err(ApiError::invalid("Meta knows this id as something else than a phone number."));
    }
    let name = [found.verified_name.as_str(), found.display_phone_number.as_str(), found.id.as_str()];
    let display_name = name.into_iter().find(|name| !name.trim().is_empty()).unwrap_or_default().to_owned();
    Ok(NewNumber {
        phone_number_id: number.phone_number_id,
        account_id: number.account_id.unwrap_or_default(),
        display_name: shared::message::clean_text(&display_name),
        access_token: number.access_token,
        own_app: number.own_app.map(|own| OwnApp { secret: own.app_secret, verify_token: own.verify_token }),
    })
}

pub(super) async fn keep_number(
    tx: &mut TenantTx,
    keys: &Keyring,
    actor: &Actor,
    new: &NewNumber,
) -> Result<Connection, DbError> {
    let connection = numbers::connect(tx, keys, new).await?;
    let own_app = new.own_app.is_some();
    let detail = json!({ "channel": "whatsapp", "number": connection.external_id, "own_app": own_app });
    audit::append(tx, actor, "connection.connect", ("connection", &connection.id.to_string()), detail).await?;
    Ok(connection)
}

/// Meta's own word on what the token may do, where it gives one; the number decides otherwise.
async fn look_at_token(api: &WhatsAppApi, token: &SecretString) -> Result<(), ApiError> {
    match api.debug_token(token).await {
        Ok(info) if !info.is_valid => Err(refused(CallError::Dead("it is no longer valid".into()))),
        Ok(info) => match info.missing_scopes() {
            missing if missing.is_empty() || info.scopes.is_empty() => Ok(()),
            missing => Err(ApiError::invalid(format!(
                "This access token lacks {}. Create a new one for the system user, with that permission.",
                missing.join(" and ")
            ))),
        },
        Err(error @ CallError::Dead(_)) => Err(refused(error)),
        Err(error) => {
            tracing::info!(%error, "Meta says nothing of what an access token may do");
            Ok(())
        }
    }
}

/// Has the news of a customer's account come to the connection's own address, so that nobody needs to enter it at Meta, who
/// looks at the address at once. Where that fails it is entered by hand.
pub async fn direct_news(
    api: &WhatsAppApi,
    (token, account): (&SecretString, &str),
    (address, verify_token): (&str, &SecretString),
) {
    if let Err(error) = api.subscribe(token, account, Some((address, verify_token))).await {
        tracing::info!(%error, "Meta did not take an own app's address; it is entered by hand");
    }
}

/// Meta's answer as the customer's.
pub(crate) fn refused(error: CallError) -> ApiError {
    match error {
        CallError::Dead(reason) => ApiError::invalid(format!(
            "Meta does not accept this access token ({reason}). Create a new one for the system user, with the permissions \
             whatsapp_business_messaging and whatsapp_business_management."
        )),
        CallError::Refused(reason) => ApiError::invalid(format!("Meta refused the check ({reason}).")),
        CallError::RateLimited(_) | CallError::Unreachable(_) | CallError::Ambiguous(_) => ApiError::new(
            axum::http::StatusCode::BAD_GATEWAY,
            "provider_unavailable",
            "Meta did not answer the check. Nothing was changed; try again in a moment.",
        ),
    }
}

//! Signing up: an account, its own tenant and that tenant's first agent, or nothing.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use shared::{
    crypto::{new_token, token_hash},
    db::{
        accounts::{self, SignUp, SignUpBy},
        mail_links::{self, Purpose},
        mails::{self, Mail},
        sessions::Way,
    },
};
use utoipa::ToSchema;

use super::{NAME_MAX, Session, accounts_of, checked_mail, checked_name, limits, link, sign_in};
use crate::{
    Gateway,
    auth::OwnPage,
    client::Client,
    error::{ApiError, Problem},
    passwords::{self, Verdict},
};

pub(super) const TENANT_NAME_MAX: usize = 200;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpBody {
    #[schema(example = "ada@example.com")]
    mail: String,
    #[schema(value_type = String)]
    password: SecretString,
    #[schema(example = "Ada Lovelace")]
    name: String,
    /// The organization's name; without one the tenant is called like the person.
    tenant_name: Option<String>,
}

/// What happens next; the same whether or not the address was known.
#[derive(Serialize, ToSchema)]
pub struct Mailed {
    detail: &'static str,
}

impl Mailed {
    pub(super) fn answer(detail: &'static str) -> (StatusCode, Json<Self>) {
        (StatusCode::ACCEPTED, Json(Self { detail }))
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyBody {
    /// From the mail's link.
    #[schema(value_type = String)]
    token: SecretString,
    /// The one that was chosen when signing up: a link alone gives nobody an account that somebody else began.
    #[schema(value_type = String)]
    password: SecretString,
}

/// Makes an account with a tenant of its own. The link in the mail that follows lets its owner in.
#[utoipa::path(post, path = "/api/v1/auth/signup", request_body = SignUpBody, security(()),
    responses((status = 202, body = Mailed), (status = 400, body = Problem), (status = 403, body = Problem),
              (status = 429, body = Problem)))]
pub async fn sign_up(
    _page: OwnPage,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<SignUpBody>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    if !gateway.signup {
        return Err(signup_off());
    }
    let Json(body) = body?;
    let (mail, name) = (checked_mail(&body.mail)?, checked_name("name", &body.name, NAME_MAX)?);
    let tenant_name = match &body.tenant_name {
        Some(given) => checked_name("tenant_name", given, TENANT_NAME_MAX)?,
        None => name,
    };
    passwords::check_new(&body.password, &mail, &[name, tenant_name])?;
    limits::mail(&gateway, &client, &mail).await?;
    let (db, token) = (accounts_of(&gateway), new_token("ksv_"));
    let password_hash = gateway.passwords.hash(&body.password).await?;
    let hash = token_hash(&token);
    let by = SignUpBy::Password { hash: &password_hash, token: &hash };
    let new = SignUp { mail: &mail, name, tenant_name, by };
    let (tenant, text) = match accounts::sign_up(&db, &new).await? {
        Some((tenant, _)) => {
            (Some(tenant), Mail::VerifyAddress { link: link(&gateway.public_url, "verify", &token) })
        }
        None => (
            known(&gateway, &mail, &token).await?,
            Mail::AccountExists { link: link(&gateway.public_url, "reset", &token) },
        ),
    };
    if let Some(tenant) = tenant {
        let mut tx = gateway.db.tenant(tenant).begin().await?;
        mails::enqueue(&mut tx, &gateway.keys, &mail, &text).await?;
        tx.commit().await?;
    }
    Ok(Mailed::answer("Look for our mail: its link opens your account."))
}

pub(super) fn signup_off() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "signup_off",
        "This installation does not take sign-ups: ask its operator for an invitation.",
    )
}

/// Makes the token one that resets the password of the account with this address; the tenant that mails it.
async fn known(gateway: &Gateway, mail: &str, token: &str) -> Result<Option<shared::ids::TenantId>, ApiError> {
    let db = accounts_of(gateway);
    match accounts::find_by_mail(&db, mail).await? {
        Some(account) if !account.is_disabled => {
            mail_links::allow_reset(&db, account.user, &token_hash(token)).await?;
            Ok(accounts::home(&db, account.user).await?)
        }
        _ => Ok(None),
    }
}

/// Proves the address and signs in.
#[utoipa::path(post, path = "/api/v1/auth/verify", request_body = VerifyBody, security(()),
    responses((status = 200, body = Session), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn verify(
    _page: OwnPage,
    client: Client,
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    body: Result<Json<VerifyBody>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    use secrecy::ExposeSecret;
    let Json(body) = body?;
    limits::token(&gateway, &client).await?;
    let (db, hash) = (accounts_of(&gateway), token_hash(body.token.expose_secret()));
    let account = mail_links::find_by_token(&db, Purpose::Verify, &hash).await?;
    if let Some(account) = &account {
        limits::password(&gateway, &client, &account.mail).await?;
    }
    let stored = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let verdict = gateway.passwords.verify(&body.password, stored).await?;
    match account {
        Some(account)
            if verdict != Verdict::Wrong && !account.is_disabled && mail_links::verify(&db, &hash).await? =>
        {
            let tenant = accounts::home(&db, account.user).await?;
            sign_in(&gateway, &client, &headers, (account.user, tenant), Way { first: "mail_link", second: None })
                .await
        }
        _ => Err(ApiError::dead_link()),
    }
}

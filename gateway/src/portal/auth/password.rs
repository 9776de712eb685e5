//! Passwords that are changed, or forgotten.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::IntoResponse,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared::{
    crypto::{new_token, token_hash},
    db::{
        DbError, SystemDb,
        accounts::{self, Account},
        mail_links::{self, Purpose},
        mails::{self, Mail},
    },
};
use utoipa::ToSchema;

use super::{accounts_of, checked_mail, limits, link, signup::Mailed};
use crate::{
    Gateway,
    auth::{OwnPage, Person},
    client::Client,
    error::{ApiError, Problem},
    passwords::{self, Verdict},
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    #[schema(value_type = String)]
    current: SecretString,
    #[schema(value_type = String)]
    password: SecretString,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgotPassword {
    #[schema(example = "ada@example.com")]
    mail: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// From the mail's link.
    #[schema(value_type = String)]
    token: SecretString,
    #[schema(value_type = String)]
    password: SecretString,
}

/// Changes the password; every other device is signed out.
#[utoipa::path(post, path = "/api/v1/auth/password", request_body = ChangePassword, security(("session" = [])),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn change(
    Person(person): Person,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<ChangePassword>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(body) = body?;
    limits::password(&gateway, &client, &person.mail).await?;
    let db = accounts_of(&gateway);
    let account = accounts::find(&db, person.user).await?.ok_or_else(ApiError::unauthorized)?;
    check_new(&db, &account, &body.password).await?;
    if gateway.passwords.verify(&body.current, account.password_hash.as_deref()).await? == Verdict::Wrong {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "wrong_password", "`current` is not your password."));
    }
    let hash = gateway.passwords.hash(&body.password).await?;
    let tenant = person.tenant.map(|(tenant, _)| tenant);
    accounts::change_password(&db, tenant, person.user, person.session, &hash).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mails a link to reset the password, if the address has an account.
#[utoipa::path(post, path = "/api/v1/auth/password/forgot", request_body = ForgotPassword, security(()),
    responses((status = 202, body = Mailed), (status = 400, body = Problem), (status = 403, body = Problem),
              (status = 429, body = Problem)))]
pub async fn forgot(
    _page: OwnPage,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<ForgotPassword>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(body) = body?;
    let mail = checked_mail(&body.mail)?;
    limits::mail(&gateway, &client, &mail).await?;
    // Beside the answer, which must not take longer for addresses that have an account.
    tokio::spawn(async move {
        if let Err(error) = mail_link(&gateway, &mail).await {
            tracing::warn!(%error, "A link to reset a password could not be mailed");
        }
    });
    Ok(Mailed::answer("If this address has an account, a link to set a new password is on its way."))
}

async fn mail_link(gateway: &Gateway, mail: &str) -> Result<(), DbError> {
    let (db, token) = (accounts_of(gateway), new_token("ksp_"));
    let Some(account) = accounts::find_by_mail(&db, mail).await? else { return Ok(()) };
    let Some(tenant) = accounts::home(&db, account.user).await?.filter(|_| !account.is_disabled) else {
        return Ok(());
    };
    mail_links::allow_reset(&db, account.user, &token_hash(&token)).await?;
    let mut tx = gateway.db.tenant(tenant).begin().await?;
    let text = Mail::ResetPassword { link: link(&gateway.public_url, "reset", &token) };
    mails::enqueue(&mut tx, &gateway.keys, &account.mail, &text).await?;
    tx.commit().await
}

/// Sets a new password with the link from a mail; every device is signed out. Sign in with the new one.
#[utoipa::path(post, path = "/api/v1/auth/password/reset", request_body = ResetPassword, security(()),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn reset(
    _page: OwnPage,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<ResetPassword>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(body) = body?;
    limits::token(&gateway, &client).await?;
    let (db, hash) = (accounts_of(&gateway), token_hash(body.token.expose_secret()));
    let account = mail_links::find_by_token(&db, Purpose::Reset, &hash).await?;
    let account = account.filter(|account| !account.is_disabled).ok_or_else(ApiError::dead_link)?;
    check_new(&db, &account, &body.password).await?;
    let password_hash = gateway.passwords.hash(&body.password).await?;
    let home = accounts::home(&db, account.user).await?;
    if !mail_links::reset_password(&db, home, account.user, &hash, &password_hash).await? {
        return Err(ApiError::dead_link());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// With the names of everything its owner belongs to.
async fn check_new(db: &SystemDb, account: &Account, password: &SecretString) -> Result<(), ApiError> {
    let memberships = accounts::memberships(db, account.user).await?;
    let tenants = memberships.iter().map(|membership| membership.tenant_name.as_str());
    let names: Vec<&str> = tenants.chain([account.name.as_str()]).collect();
    passwords::check_new(password, &account.mail, &names)
}

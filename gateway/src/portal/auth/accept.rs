//! Accepting an invitation, with or without an account.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::HeaderMap,
    response::IntoResponse,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use shared::{
    crypto::token_hash,
    db::{
        accounts,
        invitations::{self, Joining},
        sessions::Way,
    },
};
use utoipa::ToSchema;

use super::{NAME_MAX, Session, accounts_of, checked_name, limits, sign_in, totp};
use crate::{
    Gateway,
    auth::OwnPage,
    client::Client,
    error::{ApiError, Problem},
    passwords::{self, Verdict},
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowInvitation {
    /// From the mail's link.
    #[schema(value_type = String)]
    token: SecretString,
}

/// What a link invites to.
#[derive(Serialize, ToSchema)]
pub struct OfferBody {
    tenant_name: String,
    mail: String,
    #[schema(example = "customer_operator")]
    role: String,
    /// The address has an account: its password is asked for, instead of a new one.
    has_account: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// From the mail's link.
    #[schema(value_type = String)]
    token: SecretString,
    /// The account's password, or one for the new account.
    #[schema(value_type = String)]
    password: SecretString,
    /// For a new account.
    name: Option<String>,
    /// Of the account's second factor, if it is on: what the app shows, or a recovery code.
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
}

/// What an invitation's link leads to. Only who reads the mail knows its token.
#[utoipa::path(post, path = "/api/v1/auth/invitation", request_body = ShowInvitation, security(()),
    responses((status = 200, body = OfferBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn show(
    _page: OwnPage,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<ShowInvitation>, JsonRejection>,
) -> Result<Json<OfferBody>, ApiError> {
    let Json(body) = body?;
    limits::token(&gateway, &client).await?;
    let (db, hash) = (accounts_of(&gateway), token_hash(body.token.expose_secret()));
    let offer = invitations::find(&db, &hash).await?.ok_or_else(ApiError::dead_link)?;
    let has_account = accounts::find_by_mail(&db, &offer.mail).await?.is_some();
    Ok(Json(OfferBody { tenant_name: offer.tenant_name, mail: offer.mail, role: offer.role, has_account }))
}

/// Joins the tenant and signs in, as the account of the invited address: an existing one, or a new one.
#[utoipa::path(post, path = "/api/v1/auth/accept", request_body = AcceptInvitation, security(()),
    responses((status = 200, body = Session), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem)))]
pub async fn accept(
    _page: OwnPage,
    client: Client,
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    body: Result<Json<AcceptInvitation>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(body) = body?;
    limits::token(&gateway, &client).await?;
    let (db, hash) = (accounts_of(&gateway), token_hash(body.token.expose_secret()));
    let offer = invitations::find(&db, &hash).await?.ok_or_else(ApiError::dead_link)?;
    let new_hash;
    let mut second = None;
    let joining = match accounts::find_by_mail(&db, &offer.mail).await? {
        Some(account) => {
            limits::password(&gateway, &client, &account.mail).await?;
            let verdict = gateway.passwords.verify(&body.password, account.password_hash.as_deref()).await?;
            if verdict == Verdict::Wrong || account.is_disabled {
                return Err(ApiError::wrong_password());
            }
            second = totp::prove(&gateway, &account, body.code.as_ref()).await?;
            Joining::Account(account.user)
        }
        None => {
            let name = checked_name("name", body.name.as_deref().unwrap_or_default(), NAME_MAX)?;
            passwords::check_new(&body.password, &offer.mail, &[name, &offer.tenant_name])?;
            new_hash = gateway.passwords.hash(&body.password).await?;
            Joining::New { name, password_hash: &new_hash }
        }
    };
    let user = match invitations::accept(&db, &offer, &hash, joining).await {
        Err(shared::db::DbError::NotFound) => return Err(ApiError::dead_link()),
        accepted => accepted?,
    };
    sign_in(&gateway, &client, &headers, (user, Some(offer.tenant)), Way { first: "invitation", second }).await
}

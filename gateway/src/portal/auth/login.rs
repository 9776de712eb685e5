//! Signing in with a password, staying signed in, signing out.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use secrecy::SecretString;
use serde::Deserialize;
use shared::{
    db::{
        accounts, devices,
        failed_sign_ins::{self, Why},
        mails::{self, Mail},
        sessions::{self, Rotation, Way},
    },
    ids::UserId,
};
use utoipa::ToSchema;

use super::{Session, accounts_of, checked_mail, limits, shown, sign_in, totp};
use crate::{
    Gateway,
    auth::OwnPage,
    client::Client,
    cookies,
    error::{ApiError, Problem},
    passwords::Verdict,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    #[schema(example = "ada@example.com")]
    mail: String,
    #[schema(value_type = String)]
    password: SecretString,
    /// Of the second factor, if it is on: what the app shows, or a recovery code.
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
}

/// Signs in. What the browser was signed in as before ends.
#[utoipa::path(post, path = "/api/v1/auth/login", request_body = LoginBody, security(()),
    responses((status = 200, body = Session), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn login(
    _page: OwnPage,
    client: Client,
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    body: Result<Json<LoginBody>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(body) = body?;
    let mail = checked_mail(&body.mail)?;
    limits::password(&gateway, &client, &mail).await?;
    let db = accounts_of(&gateway);
    let account = accounts::find_by_mail(&db, &mail).await?;
    let stored = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let verdict = gateway.passwords.verify(&body.password, stored).await?;
    let account = match account {
        Some(account) if verdict != Verdict::Wrong && account.may_sign_in() => account,
        Some(account) => {
            let why = if verdict == Verdict::Wrong { Why::Password } else { Why::Account };
            note_failure(&gateway, &client, account.user, why);
            return Err(ApiError::wrong_password());
        }
        None => return Err(ApiError::wrong_password()),
    };
    let proved = totp::prove(&gateway, &account, body.code.as_ref()).await;
    // Being asked for the code is a step of every sign-in.
    if proved.is_err() && body.code.is_some() {
        note_failure(&gateway, &client, account.user, Why::Code);
    }
    let way = Way { first: "password", second: proved? };
    if verdict == Verdict::RightButWeak {
        let stronger = gateway.passwords.hash(&body.password).await?;
        accounts::rehash(&db, &account, &stronger).await?;
    }
    let tenant = accounts::memberships(&db, account.user).await?.first().map(|membership| membership.tenant);
    sign_in(&gateway, &client, &headers, (account.user, tenant), way).await
}

/// Beside the answer, which takes as long for an address that nobody has.
fn note_failure(gateway: &Gateway, client: &Client, user: UserId, why: Why) {
    let (gateway, address) = (gateway.clone(), client.address.to_string());
    tokio::spawn(async move {
        if !limits::may_note(&gateway, &user.to_string()).await {
            return;
        }
        if let Err(error) = failed_sign_ins::note(&accounts_of(&gateway), user, why, &address).await {
            tracing::warn!(%error, "A failed sign-in could not be noted");
        }
    });
}

/// Exchanges the refresh cookie for a new pair. A refresh token that was used before signs the device out.
#[utoipa::path(post, path = "/api/v1/auth/refresh", security(()),
    responses((status = 200, body = Session), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn refresh(
    _page: OwnPage,
    State(gateway): State<Gateway>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let token = cookies::value(&headers, cookies::REFRESH).ok_or_else(ApiError::unauthorized)?;
    match sessions::rotate(&accounts_of(&gateway), &gateway.fingerprints, token).await? {
        Rotation::Renewed(tokens) => shown(&gateway, &tokens).await,
        Rotation::Refused => Err(ApiError::unauthorized()),
        Rotation::Stolen { user, tenant, mail, agent } => {
            tracing::warn!(user.id = %user, "A used refresh token came back: the device was signed out");
            if let Some(tenant) = tenant {
                let mut tx = gateway.db.tenant(tenant).begin().await?;
                mails::enqueue(&mut tx, &gateway.keys, &mail, &Mail::SessionStolen { device: agent }).await?;
                tx.commit().await?;
            }
            Err(ApiError::unauthorized())
        }
    }
}

/// Signs this browser out. Signed out already is fine.
#[utoipa::path(post, path = "/api/v1/auth/logout", security(()),
    responses((status = 204), (status = 403, body = Problem)))]
pub async fn logout(
    _page: OwnPage,
    State(gateway): State<Gateway>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    for name in [cookies::ACCESS, cookies::REFRESH] {
        if let Some(token) = cookies::value(&headers, name) {
            devices::sign_out(&accounts_of(&gateway), token).await?;
        }
    }
    Ok((StatusCode::NO_CONTENT, cookies::signed_out()))
}

//! The second factor: codes from an app (RFC 6238), each taken once, and recovery codes.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use shared::{
    crypto::{random_bytes, token_hash},
    db::{DbError, accounts, accounts::Account, audit::Actor, second_factor},
    ids::UserId,
};
use totp_rs::{Builder, Secret, Totp};
use utoipa::ToSchema;

use super::{accounts_of, limits};
use crate::{
    Gateway,
    auth::Person,
    client::Client,
    error::{ApiError, Problem},
    passwords::Verdict,
};

const RECOVERY_CODES: usize = 10;
/// Digits and letters that can't be mistaken for each other: 32, so that five bits choose one.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 140 bits: their hash needs no salt and no time.
const CODE_LETTERS: usize = 28;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginTotp {
    #[schema(value_type = String)]
    password: SecretString,
}

/// What the app is told. Shown only now.
#[derive(Serialize, ToSchema)]
pub struct TotpSecret {
    /// To type in.
    secret: String,
    /// To draw as a QR code.
    #[schema(example = "otpauth://totp/Konstruct:ada%40example.com?secret=…&issuer=Konstruct")]
    uri: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmTotp {
    /// What the app shows.
    #[schema(value_type = String, example = "123456")]
    code: SecretString,
}

/// Codes to keep on paper; each signs in once without the app. Shown only now.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndTotp {
    #[schema(value_type = String)]
    password: SecretString,
    /// What the app shows, or a recovery code.
    #[schema(value_type = String)]
    code: SecretString,
}

/// Begins to set up an app. Nothing is asked for before its first code was confirmed.
#[utoipa::path(post, path = "/api/v1/auth/totp", request_body = BeginTotp, security(("session" = [])),
    responses((status = 200, body = TotpSecret), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem)))]
pub async fn begin(
    Person(person): Person,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<BeginTotp>, JsonRejection>,
) -> Result<Json<TotpSecret>, ApiError> {
    let Json(body) = body?;
    let account = own_account(&gateway, &client, person.user, &body.password).await?;
    let secret = random_bytes::<20>();
    let sealed = gateway.keys.seal(&second_factor::place(account.user), &secret);
    second_factor::propose(&accounts_of(&gateway), account.user, &sealed).await?;
    let totp = totp(&secret, &account.mail)?;
    let uri = totp.to_url().map_err(|error| {
        tracing::error!(%error, "A second factor can't be shown");
        ApiError::internal()
    })?;
    Ok(Json(TotpSecret { secret: totp.secret().to_base32(), uri }))
}

/// Turns the second factor on with the app's first code.
#[utoipa::path(post, path = "/api/v1/auth/totp/confirm", request_body = ConfirmTotp, security(("session" = [])),
    responses((status = 200, body = RecoveryCodes), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem)))]
pub async fn confirm(
    Person(person): Person,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<ConfirmTotp>, JsonRejection>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let Json(body) = body?;
    limits::password(&gateway, &client, &person.mail).await?;
    let db = accounts_of(&gateway);
    let factor = second_factor::find(&db, person.user).await?.filter(|factor| !factor.is_on);
    let factor = factor.ok_or(DbError::Conflict("There is nothing to confirm: begin to set up an app first."))?;
    let step = step(&gateway, person.user, &factor.secret, body.code.expose_secret())?;
    let step = step.ok_or_else(ApiError::wrong_code)?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    let hashes: Vec<[u8; 32]> = codes.iter().map(|code| token_hash(&plain(code))).collect();
    let home = person.tenant.map(|(tenant, _)| tenant);
    second_factor::turn_on(&db, home, person.user, step, &hashes).await?;
    Ok(Json(RecoveryCodes { recovery_codes: codes }))
}

/// Turns the second factor off.
#[utoipa::path(delete, path = "/api/v1/auth/totp", request_body = EndTotp, security(("session" = [])),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn end(
    Person(person): Person,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<EndTotp>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(body) = body?;
    let account = own_account(&gateway, &client, person.user, &body.password).await?;
    prove(&gateway, &account, Some(&body.code)).await?;
    let home = person.tenant.map(|(tenant, _)| tenant);
    second_factor::turn_off(&accounts_of(&gateway), &Actor::User(person.user), home, person.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who changes what protects an account shows its password once more.
pub(super) async fn own_account(
    gateway: &Gateway,
    client: &Client,
    user: UserId,
    password: &SecretString,
) -> Result<Account, ApiError> {
    let account = accounts::find(&accounts_of(gateway), user).await?.ok_or_else(ApiError::unauthorized)?;
    limits::password(gateway, client, &account.mail).await?;
    match gateway.passwords.verify(password, account.password_hash.as_deref()).await? {
        Verdict::Wrong => {
            Err(ApiError::new(StatusCode::FORBIDDEN, "wrong_password", "`password` is not your password."))
        }
        _ => Ok(account),
    }
}

/// Whether somebody who knows the password also has what the second factor asks for, if it is on; and by what they showed it.
pub async fn prove(
    gateway: &Gateway,
    account: &Account,
    code: Option<&SecretString>,
) -> Result<Option<&'static str>, ApiError> {
    let db = accounts_of(gateway);
    let Some(factor) = second_factor::find(&db, account.user).await?.filter(|factor| factor.is_on) else {
        return Ok(None);
    };
    let code = code.ok_or_else(ApiError::code_required)?.expose_secret();
    let (taken, by) = match step(gateway, account.user, &factor.secret, code)? {
        Some(step) => (second_factor::use_step(&db, account.user, step).await?, "app"),
        None => {
            let hash = token_hash(&plain(code));
            (second_factor::use_recovery_code(&db, account.user, &hash).await?, "recovery_code")
        }
    };
    if taken { Ok(Some(by)) } else { Err(ApiError::wrong_code()) }
}

/// The half minute whose code this is, if it is one of now.
fn step(gateway: &Gateway, user: UserId, sealed: &[u8], code: &str) -> Result<Option<i64>, ApiError> {
    let secret = gateway.keys.open(&second_factor::place(user), sealed);
    let secret = secret.map_err(|error| DbError::Damaged(format!("a second factor: {error}")))?;
    let now = u64::try_from(gateway.clock.now().unix_timestamp()).unwrap_or_default();
    Ok(totp(&secret, "code")?.check(code.trim(), now).and_then(|step| i64::try_from(step).ok()))
}

fn totp(secret: &[u8], mail: &str) -> Result<Totp, ApiError> {
    // A colon separates issuer and name in the app's address.
    let builder = Builder::new().with_secret(Secret::from(secret)).with_issuer(Some("Konstruct"));
    builder.with_account_name(mail.replace(':', " ")).build().map_err(|error| {
        tracing::error!(%error, "A second factor can't be built");
        ApiError::internal()
    })
}

fn recovery_code() -> String {
    let letters: Vec<u8> =
        random_bytes::<CODE_LETTERS>().iter().map(|byte| LETTERS[usize::from(byte & 31)]).collect();
    let groups: Vec<String> = letters.chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect();
    groups.join("-")
}

/// As people type it in again.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

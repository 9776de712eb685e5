//! `Idempotency-Key`: whoever asks again gets the answer of the first time, and nothing is done twice.
//!
//! [`read`] takes a request's measure; a handler that makes something takes [`Once`] after its rule of access and ends with
//! [`Once::commit`], which keeps the answer in the transaction that makes it. A handler of large bodies, which nobody should
//! hold before it is known who sends them, is behind [`note`] instead, and takes [`Later`]. See decisions 0124 and 0145.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json,
    body::{Body, Bytes, to_bytes},
    extract::{FromRequestParts, Request},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    crash::{self, Point},
    crypto::token_hash,
    db::{
        DbError, TenantDb, TenantTx,
        idempotency::{self, Asked, Claim, Claimed},
    },
};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{Gateway, auth::Operator, error::ApiError, router::API_BODY_MAX};

pub(crate) const HEADER: &str = "idempotency-key";
/// On an answer of before.
const REPLAYED: &str = "idempotency-replayed";
/// Longest key in bytes.
const KEY_MAX: usize = 255;

/// How a description says that a route takes it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read from the headers themselves")]
pub struct OnceKey {
    /// Up to 255 characters of your choice. Asked again with the same key and body within 24 hours, the first answer comes
    /// back and nothing is done twice.
    #[param(rename = "idempotency-key")]
    idempotency_key: Option<String>,
}

/// What a handler has claimed and not ended.
type Slot = Arc<Mutex<Option<(TenantDb, Claim)>>>;

/// A key with the hash of what it was sent with, and the claim on it, once there is one.
#[derive(Clone)]
struct Measured {
    key: [u8; 32],
    request: [u8; 32],
    claim: Slot,
}

/// A key, and the measure of what is known before the body: its address and kind.
#[derive(Clone)]
struct Noted {
    key: [u8; 32],
    head: Vec<u8>,
    claim: Slot,
}

/// Takes the measure of a request that brings a key. A claim that its handler did not end is given up.
pub async fn read(request: Request, next: Next) -> Response {
    let key = match brought(&request) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(refusal) => return refusal.into_response(),
    };
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, API_BODY_MAX).await else { return ApiError::too_large().into_response() };
    let claim = Slot::default();
    let request = hash_of(&head_of(&parts), &body);
    parts.extensions.insert(Measured { key, request, claim: Arc::clone(&claim) });
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    give_up(&claim).await;
    response
}

/// The same where the handler reads the body itself.
pub async fn note(request: Request, next: Next) -> Response {
    let key = match brought(&request) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(refusal) => return refusal.into_response(),
    };
    let (mut parts, body) = request.into_parts();
    let claim = Slot::default();
    let head = head_of(&parts);
    parts.extensions.insert(Noted { key, head, claim: Arc::clone(&claim) });
    let response = next.run(Request::from_parts(parts, body)).await;
    give_up(&claim).await;
    response
}

/// The hash of the key that a request brings, if it asks for something to be made.
fn brought(request: &Request) -> Result<Option<[u8; 32]>, ApiError> {
    let brings = *request.method() == Method::POST && request.headers().contains_key(HEADER);
    brings.then(|| key(request.headers())).transpose()
}

async fn give_up(claim: &Slot) {
    let left = claim.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((db, claim)) = left
        && let Err(error) = release(&db, &claim).await
    {
        // It ends by itself after a minute.
        tracing::warn!(%error, "A claim on an idempotency key could not be given up");
    }
}

fn key(headers: &HeaderMap) -> Result<[u8; 32], ApiError> {
    let mut values = headers.get_all(HEADER).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).filter(|_| values.next().is_none());
    match value.map(str::trim) {
        Some(key) if !key.is_empty() && key.len() <= KEY_MAX => Ok(token_hash(key)),
        _ => Err(ApiError::invalid(format!(
            "`Idempotency-Key` must be there once, with 1 to {KEY_MAX} plain characters."
        ))),
    }
}

/// Addresses hold no line breaks, and neither do headers.
fn head_of(parts: &Parts) -> Vec<u8> {
    let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let address = parts.uri.path_and_query().map_or("", |address| address.as_str());
    [address.as_bytes(), b"\n", kind, b"\n"].concat()
}

fn hash_of(head: &[u8], body: &Bytes) -> [u8; 32] {
    shared::crypto::content_hash(&[head, body])
}

async fn release(db: &TenantDb, claim: &Claim) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    idempotency::release(&mut tx, claim).await?;
    tx.commit().await
}

/// The right to make what a request asks for; without a key, nothing but that.
pub struct Once {
    measured: Option<Measured>,
}

/// Why a handler is not entered.
pub enum NotAgain {
    Problem(ApiError),
    Answered(Response),
}

impl IntoResponse for NotAgain {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Answered(response) => response,
        }
    }
}

impl From<ApiError> for NotAgain {
    fn from(error: ApiError) -> Self {
        Self::Problem(error)
    }
}

impl From<DbError> for NotAgain {
    fn from(error: DbError) -> Self {
        Self::Problem(error.into())
    }
}

impl FromRequestParts<Gateway> for Once {
    type Rejection = NotAgain;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, NotAgain> {
        let Some(measured) = parts.extensions.get::<Measured>().cloned() else {
            return Ok(Self { measured: None });
        };
        let operator = Operator::from_request_parts(parts, gateway).await?;
        claimed(gateway, operator, measured).await
    }
}

/// The right to make what a request asks for, once its body is read.
pub struct Later {
    gateway: Gateway,
    noted: Option<(Operator, Noted)>,
}

impl FromRequestParts<Gateway> for Later {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let noted = match parts.extensions.get::<Noted>().cloned() {
            Some(noted) => Some((Operator::from_request_parts(parts, gateway).await?, noted)),
            None => None,
        };
        Ok(Self { gateway: gateway.clone(), noted })
    }
}

impl Later {
    pub async fn with(self, body: &Bytes) -> Result<Once, NotAgain> {
        let Some((operator, noted)) = self.noted else {
            return Ok(Once { measured: None });
        };
        let request = hash_of(&noted.head, body);
        claimed(&self.gateway, operator, Measured { key: noted.key, request, claim: noted.claim }).await
    }
}

async fn claimed(gateway: &Gateway, operator: Operator, measured: Measured) -> Result<Once, NotAgain> {
    let Operator { db, actor, .. } = operator;
    let (key, request) = (measured.key, measured.request);
    let asked = Asked { principal: actor.id(), key, request, attempt: Uuid::now_v7() };
    let mut tx = db.begin().await?;
    let claimed = idempotency::claim(&mut tx, &gateway.keys, &asked).await?;
    tx.commit().await?;
    match claimed {
        Claimed::Ours(claim) => {
            *measured.claim.lock().unwrap_or_else(PoisonError::into_inner) = Some((db, claim));
            Ok(Once { measured: Some(measured) })
        }
        Claimed::Answered { status, body } => Err(NotAgain::Answered(replayed(status, body))),
        Claimed::Other => Err(ApiError::key_reused().into()),
        Claimed::InFlight => Err(ApiError::in_flight().into()),
    }
}

fn replayed(status: u16, body: Vec<u8>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    (
        status,
        [(header::CONTENT_TYPE, "application/json"), (header::HeaderName::from_static(REPLAYED), "true")],
        body,
    )
        .into_response()
}

impl Once {
    /// Commits what was made, and the answer to whoever asks again.
    pub async fn commit<T: Serialize>(
        self,
        mut tx: TenantTx,
        status: StatusCode,
        body: T,
    ) -> Result<(StatusCode, Json<T>), ApiError> {
        if let Some(claim) = self.measured.as_ref().and_then(Measured::claim) {
            let bytes = serde_json::to_vec(&body).map_err(|error| {
                tracing::error!(%error, "An answer can't be kept");
                ApiError::internal()
            })?;
            idempotency::answer(&mut tx, &claim, status.as_u16(), &bytes);
        }
        tx.commit().await?;
        if let Some(measured) = &self.measured {
            measured.end();
        }
        crash::point(Point::MadeOnce);
        Ok((status, Json(body)))
    }
}

impl Measured {
    fn claim(&self) -> Option<Claim> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, claim)| claim.clone())
    }

    /// Nothing is left to be given up.
    fn end(&self) {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

//! `POST /webhooks/slack/events`: nothing but verify, store, answer. Slack waits three seconds.
//!
//! The signature is checked over the raw bytes before anything is trusted. The platform's own app is tried first; only
//! then do the claimed app and workspace select the one connection whose secret must fit. A customer's secret speaks for
//! that connection and no other: anybody may claim any app id when connecting.
//!
//! Slack's check of the address itself (`url_verification`) names neither app nor workspace. For an own app the address
//! names the connection instead, and is good for that check only.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use shared::{
    channels::slack_event::{self, Envelope, Unreadable},
    db::{DbError, connections, inbox, system},
    telemetry,
};
use tracing::Instrument;

pub use super::slack_signature::Signature;
use super::{
    Addressee,
    body::{self, Unread},
    slack_store::{held_back, store_event},
};
use crate::Gateway;

const BODY_MAX: usize = 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// From the last byte of a request to its answer; Slack gives up after three seconds. What is on its way to disk then
/// still gets there, and Slack's next try finds it.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_500);
const CHALLENGE_MAX: usize = 1024;
/// Of one workspace that belongs to nobody, or is held back: what is kept to look at, a minute.
const SAMPLES_MAX: u32 = 20;
pub(super) const CHANNEL: &str = "slack";
/// How routes name the app that the platform itself runs.
const PLATFORM_APP: &str = "";

/// Why a request gets no 200.
pub enum Refusal {
    /// Not Slack's, or not now.
    Forged,
    TooLarge,
    TooSlow,
    Malformed(&'static str),
    /// Not stored: Slack must send it again.
    Unavailable,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Forged => {
                (StatusCode::UNAUTHORIZED, "The signature is missing, wrong or too old.").into_response()
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "An event may have 1 MiB.").into_response(),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "The event did not arrive within 5 s.").into_response(),
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, why).into_response(),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "The event could not be stored; send it again.").into_response()
            }
        }
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Self::TooLarge,
            Unread::TooSlow => Self::TooSlow,
            Unread::EndedEarly => Self::Malformed("The body ended early."),
        }
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        tracing::error!(%error, "A Slack event could not be stored");
        Self::Unavailable
    }
}

pub async fn receive(
    State(gateway): State<Gateway>,
    addressee: Result<Query<Addressee>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let started = Instant::now();
    let span =
        tracing::info_span!("slack_event", trace_id = tracing::field::Empty, tenant.id = tracing::field::Empty);
    telemetry::continue_trace(&span, headers.get("traceparent").and_then(|value| value.to_str().ok()));
    let response = accept(&gateway, addressee.ok(), &headers, body)
        .instrument(span)
        .await
        .unwrap_or_else(IntoResponse::into_response);
    metrics::histogram!("konstruct_accept_seconds", "status" => response.status().as_str().to_owned())
        .record(started.elapsed().as_secs_f64());
    response
}

async fn accept(
    gateway: &Gateway,
    addressee: Option<Query<Addressee>>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let signature = Signature::read(headers, gateway.clock.now().unix_timestamp())?;
    let raw = read_body(headers, body).await?;
    let answer = verify_and_store(gateway, addressee.map(|Query(named)| named), headers, &signature, raw);
    tokio::time::timeout(ANSWER_TIMEOUT, answer).await.unwrap_or(Err(Refusal::Unavailable))
}

async fn verify_and_store(
    gateway: &Gateway,
    addressee: Option<Addressee>,
    headers: &HeaderMap,
    signature: &Signature,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let parsed = slack_event::parse(&raw);
    let claim = parsed.as_ref().ok().map(|envelope| Claim {
        app: envelope.app_id(),
        installation: envelope.installation(),
        checks_address: envelope.kind == "url_verification",
    });
    let signer = verify(gateway, addressee, signature, &raw, claim).await?;
    if !body::is_json(headers) {
        return Err(Refusal::Malformed("The content type must be application/json."));
    }
    let envelope = match parsed {
        Ok(envelope) => envelope,
        Err(Unreadable::NotAnEvent(why)) => return Err(Refusal::Malformed(why)),
        Err(Unreadable::Damaged) => return quarantine(gateway, "not readable as JSON", raw).await,
    };
    match envelope.kind.as_str() {
        "url_verification" => challenge(&envelope),
        "event_callback" => store_event(gateway, signer, envelope, raw).await,
        "app_rate_limited" => held_back(gateway, signer, &envelope, raw).await,
        _ => quarantine(gateway, "unknown envelope", raw).await,
    }
}

pub(super) async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    Ok(body::read(headers, body, BODY_MAX, BODY_TIMEOUT).await?)
}

/// Whose a request says it is; it selects the secret that must fit, and nothing else.
pub(super) struct Claim<'a> {
    pub app: Option<&'a str>,
    /// The workspace or organization.
    pub installation: Option<&'a str>,
    /// Names neither, and only wants to know whether the address is ours.
    pub checks_address: bool,
}

/// Whose app signed a request.
pub(super) enum Signer {
    Platform,
    /// A customer's own, in the workspace of this connection.
    OwnApp(system::Route),
    /// A customer's own, and all it wants is to know whether the address is ours.
    Checker,
}

pub(super) async fn verify(
    gateway: &Gateway,
    addressee: Option<Addressee>,
    signature: &Signature,
    raw: &[u8],
    claim: Option<Claim<'_>>,
) -> Result<Signer, Refusal> {
    if signature.fits(gateway.slack_secret.expose_secret(), raw) {
        return Ok(Signer::Platform);
    }
    let claim = claim.ok_or(Refusal::Forged)?;
    let (named, signer) = if claim.checks_address {
        (addressee.ok_or(Refusal::Forged)?, Signer::Checker)
    } else {
        let (app_id, team) = claim.app.zip(claim.installation).ok_or(Refusal::Forged)?;
        let route = system::find_route(&gateway.db.system(), CHANNEL, app_id, team).await?;
        let route = route.ok_or(Refusal::Forged)?;
        (Addressee { tenant: route.tenant, connection: route.connection }, Signer::OwnApp(route))
    };
    let mut tx = gateway.db.tenant(named.tenant).begin().await?;
    let secret = connections::signing_secret(&mut tx, &gateway.keys, named.connection).await?;
    tx.close().await?;
    let genuine = secret.is_some_and(|secret| signature.fits(secret.expose_secret(), raw));
    if genuine { Ok(signer) } else { Err(Refusal::Forged) }
}

fn challenge(envelope: &Envelope) -> Result<Response, Refusal> {
    match envelope.challenge.as_deref() {
        Some(text) if text.len() <= CHALLENGE_MAX => {
            Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.to_owned()).into_response())
        }
        _ => Err(Refusal::Malformed("The challenge is missing or longer than 1 KiB.")),
    }
}

pub(super) fn counted(outcome: &'static str) -> Response {
    metrics::counter!("konstruct_events_total", "outcome" => outcome).increment(1);
    StatusCode::OK.into_response()
}

/// Where the platform's own app leads, remembered for a moment.
pub(super) async fn find_route(gateway: &Gateway, team: &str) -> Result<Option<system::Route>, Refusal> {
    let key = (CHANNEL, PLATFORM_APP.to_owned(), team.to_owned());
    if let Some(known) = gateway.routes.get(&key).await {
        return Ok(known);
    }
    let found = system::find_route(&gateway.db.system(), CHANNEL, PLATFORM_APP, team).await?;
    gateway.routes.insert(key, found.clone()).await;
    Ok(found)
}

/// Quarantines the first ones of a workspace: a flood must cost little, and the rest would tell nothing new.
pub(super) async fn sample(
    gateway: &Gateway,
    team: &str,
    reason: &'static str,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let count = gateway.samples.get_with((reason, team.to_owned()), async { Arc::default() }).await;
    if count.fetch_add(1, Ordering::Relaxed) < SAMPLES_MAX {
        return quarantine(gateway, reason, raw).await;
    }
    Ok(counted("dropped"))
}

/// Kept for an operator to look at; the sender is told 200, for sending it again would not help.
pub(super) async fn quarantine(gateway: &Gateway, reason: &'static str, raw: Bytes) -> Result<Response, Refusal> {
    metrics::counter!("konstruct_events_total", "outcome" => "quarantined").increment(1);
    let system = gateway.db.system();
    // Shielded: the sender may hang up while it is being written.
    let stored = tokio::spawn(async move { inbox::quarantine(&system, CHANNEL, reason, &raw).await });
    match stored.await {
        Ok(result) => result?,
        Err(_) => return Err(Refusal::Unavailable),
    }
    Ok(StatusCode::OK.into_response())
}

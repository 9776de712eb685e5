//! `POST /webhooks/slack/events`: nothing but verify, store, answer. Slack waits three seconds.
//!
//! The signature is checked over the raw bytes before anything is trusted. The platform's own app is tried first; only
//! then do the claimed app and workspace select the one connection whose secret must fit. A customer's secret speaks for
//! that connection and no other: anybody may claim any app id when connecting.
//!
//! Slack's check of the address itself (`url_verification`) names neither app nor workspace. For an own app the address
//! names the connection instead, and is good for that check only.

use std::time::{Duration, Instant};

use axum::{
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use shared::{
    channels::slack_event::{self, Envelope, Unreadable},
    db::{connections, system},
    telemetry,
};
use tracing::Instrument;

use super::{
    Addressee,
    aside::{self, Odd},
    body,
    slack_store::{held_back, store_event},
};
pub use super::{refusal::Refusal, slack_signature::Signature};
use crate::Gateway;

const BODY_MAX: usize = 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// From the last byte of a request to its answer; Slack gives up after three seconds. What is on its way to disk then
/// still gets there, and Slack's next try finds it.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_500);
const CHALLENGE_MAX: usize = 1024;
pub(super) const CHANNEL: &str = "slack";
/// How routes name the app that the platform itself runs.
const PLATFORM_APP: &str = "";

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
    let response =
        accept(&gateway, addressee.ok(), &headers, body).instrument(span).await.unwrap_or_else(Refusal::for_slack);
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
    body::read(headers, body, BODY_MAX, BODY_TIMEOUT).await
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

/// Puts aside what belongs to nobody, or is held back: the first ones of a workspace.
pub(super) async fn sample(
    gateway: &Gateway,
    team: &str,
    reason: &'static str,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let odd = Odd { provider: CHANNEL, reason, of: team.to_owned() };
    Ok(counted(aside::sample(gateway, odd, raw).await?))
}

/// Puts aside what can't be read.
pub(super) async fn quarantine(gateway: &Gateway, reason: &'static str, raw: Bytes) -> Result<Response, Refusal> {
    Ok(counted(aside::keep(gateway, (CHANNEL, reason), raw).await?))
}

//! `POST /webhooks/slack/events`: nothing but verify, store, answer. Slack waits three seconds.
//!
//! The signature is checked over the raw bytes before anything is trusted. The platform's own app is tried first; only
//! then do the claimed app and workspace select the one connection whose secret must fit. A customer's secret speaks for
//! that connection and no other: anybody may claim any app id when connecting.
//!
//! Slack's check of the address itself (`url_verification`) names neither app nor workspace. For an own app the address
//! names the connection instead, and is good for that check only.

use std::{
    error::Error,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body_util::LengthLimitError;
use secrecy::ExposeSecret;
use shared::{
    channels::{
        slack_change, slack_ending,
        slack_event::{self, Envelope, Unreadable},
    },
    crash,
    db::{DbError, connections, inbox, system},
    telemetry,
};
use tracing::Instrument;

pub use super::slack_signature::Signature;
use super::{Addressee, slack_acts, slack_changes, slack_stop};
use crate::Gateway;

const BODY_MAX: usize = 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// From the last byte of a request to its answer; Slack gives up after three seconds. What is on its way to disk then
/// still gets there, and Slack's next try finds it.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_500);
/// How long a follow-up waits for the message that begins its thread, look by look; less than [`ANSWER_TIMEOUT`] in all.
pub(super) const HOLD_BACK: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_millis(800),
];
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
    if !is_json(headers) {
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
        "app_rate_limited" => {
            tracing::error!(
                team = envelope.team_id.as_deref().unwrap_or_default(),
                "Slack holds back events of this workspace: more than 30,000 an hour"
            );
            sample(gateway, envelope.team_id.as_deref().unwrap_or_default(), "app_rate_limited", raw).await
        }
        _ => quarantine(gateway, "unknown envelope", raw).await,
    }
}

pub(super) async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > BODY_MAX) {
        return Err(Refusal::TooLarge);
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_MAX)).await {
        Ok(Ok(raw)) => Ok(raw),
        Ok(Err(error)) if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) => {
            Err(Refusal::TooLarge)
        }
        Ok(Err(_)) => Err(Refusal::Malformed("The body ended early.")),
        Err(_) => Err(Refusal::TooSlow),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| {
        kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    })
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

async fn store_event(
    gateway: &Gateway,
    signer: Signer,
    envelope: Envelope,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let route = match signer {
        Signer::OwnApp(route) => route,
        Signer::Checker => return Err(Refusal::Forged),
        Signer::Platform => {
            let Some(team) = envelope.installation() else {
                return quarantine(gateway, "no workspace named", raw).await;
            };
            let Some(route) = find_route(gateway, team).await? else {
                return sample(gateway, team, "no tenant has connected this workspace", raw).await;
            };
            route
        }
    };
    tracing::Span::current().record("tenant.id", tracing::field::display(route.tenant));
    let trace = telemetry::traceparent();
    if let Some(id) = trace.as_deref().and_then(telemetry::trace_id) {
        tracing::Span::current().record("trace_id", id);
    }
    if slack_ending::may_be_one(envelope.event_kind()) {
        // Shielded: the sender may hang up while it is being written.
        let (gateway, route, raw) = (gateway.clone(), route.clone(), raw.clone());
        let heard = tokio::spawn(async move { super::slack_ending::hear(&gateway, &route, &raw).await });
        heard.await.map_err(|_| Refusal::Unavailable)??;
    }
    if let Some(user) = envelope.home_opened_by() {
        slack_acts::open_home(&gateway.db.tenant(route.tenant), route.connection, user).await?;
        return Ok(counted("home"));
    }
    if let Some(channel) = envelope.messages_opened_in() {
        slack_acts::open_messages(&gateway.db.tenant(route.tenant), route.connection, channel).await?;
        return Ok(counted("home"));
    }
    if let Some(conversation) = slack_event::stopped(&envelope, &gateway.fingerprints, &route) {
        slack_stop::stop(gateway, &gateway.db.tenant(route.tenant), conversation).await?;
    }
    let now = gateway.clock.now();
    match slack_change::read(&envelope, &route, now) {
        slack_change::Read::NoChange => {}
        slack_change::Read::Nothing => return Ok(counted("not_kept")),
        slack_change::Read::Changed(changed) => {
            let db = gateway.db.tenant(route.tenant);
            let outcome = slack_changes::follow(gateway, &db, &route, *changed, (raw, trace)).await?;
            return Ok(counted(outcome));
        }
    }
    let Some(kept) = slack_event::normalize(&envelope, &route, now) else {
        return Ok(counted("not_kept"));
    };
    let (mention, follows_closely) = (kept.is_mention, kept.follows_closely);
    let arrival = Arc::new(kept.into_arrival(&gateway.fingerprints, &route, raw.into(), trace));
    crash::point(crash::Point::BeforeCommit);
    let mut accepted = gateway.ingest.accept(arrival.clone()).await?;
    crash::point(crash::Point::AfterCommit);
    // Slack promises no order: what begins the thread may be a moment behind.
    for pause in HOLD_BACK {
        if !follows_closely || accepted != inbox::Accepted::NotKept {
            break;
        }
        tokio::time::sleep(pause).await;
        accepted = gateway.ingest.accept(arrival.clone()).await?;
    }
    // A mention arrives as two events; if the other one came first and was not seen to be a mention, say so now.
    if mention && accepted == (inbox::Accepted::Duplicate { settled: false }) {
        accepted = gateway.ingest.readdress(arrival).await?;
    }
    let outcome = match accepted {
        inbox::Accepted::Stored { .. } => {
            gateway.waker.wake();
            "stored"
        }
        inbox::Accepted::Duplicate { .. } => "duplicate",
        inbox::Accepted::NotKept => "not_kept",
    };
    Ok(counted(outcome))
}

fn counted(outcome: &'static str) -> Response {
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

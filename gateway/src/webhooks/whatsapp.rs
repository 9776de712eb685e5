//! `GET` and `POST /webhooks/whatsapp`: verify, store, answer.
//!
//! One POST tells about many numbers of many tenants. The signature is checked over the raw bytes before anything is
//! trusted: with the platform's secret, otherwise with those of the own-app connections that the body names; such a secret
//! speaks for its connection only. Then each tenant's part is stored under that tenant, and 200 follows after all of them:
//! Meta sends everything else again, for up to seven days.

use std::{
    collections::BTreeSet,
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
    crypto::same_secret,
    db::{DbError, numbers},
    telemetry,
};
use tracing::Instrument;

use super::{
    Addressee,
    aside::{self, Odd},
    body,
    refusal::Refusal,
    whatsapp_event::{self, Unreadable},
    whatsapp_routes::{Key, find, fits, only_signed},
    whatsapp_store::{counted, store},
};
use crate::Gateway;

/// Meta sends up to 3 MB.
const BODY_MAX: usize = 3 * 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const CHALLENGE_MAX: usize = 1024;
/// Numbers and accounts of one body whose own app's secret is tried.
const CANDIDATES_MAX: usize = 8;
/// Wrong verify tokens a minute; whoever registers a webhook needs one try.
const WRONG_TOKENS_MAX: u32 = 60;
pub const CHANNEL: &str = "whatsapp";
const PLATFORM_APP: &str = "";
/// Below the public URL.
pub const WEBHOOK_PATH: &str = "webhooks/whatsapp";

/// Meta asks whether the address is ours. Only a repeated verify token proves that whoever registers it may.
pub async fn verify(
    State(gateway): State<Gateway>,
    addressee: Result<Query<Addressee>, QueryRejection>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    let parameters = query.map(|Query(all)| all).unwrap_or_default();
    let single = |name: &str| {
        let mut values = parameters.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    };
    let refused = || (StatusCode::FORBIDDEN, "The verify token is not the one entered here.").into_response();
    let (Some("subscribe"), Some(token), Some(challenge)) =
        (single("hub.mode"), single("hub.verify_token"), single("hub.challenge"))
    else {
        return refused();
    };
    let wrong = gateway.samples.get_with(("verify token", String::new()), async { Arc::default() }).await;
    if wrong.load(Ordering::Relaxed) >= WRONG_TOKENS_MAX {
        return (StatusCode::TOO_MANY_REQUESTS, "Too many wrong verify tokens; try again in a minute.")
            .into_response();
    }
    if challenge.len() > CHALLENGE_MAX || !is_verify_token(&gateway, addressee.ok(), token).await {
        wrong.fetch_add(1, Ordering::Relaxed);
        return refused();
    }
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], challenge.to_owned()).into_response()
}

async fn is_verify_token(gateway: &Gateway, addressee: Option<Query<Addressee>>, token: &str) -> bool {
    let Some(Query(named)) = addressee else {
        let app = gateway.whatsapp.app.as_ref();
        return app.is_some_and(|app| same_secret(app.verify_token.expose_secret(), token));
    };
    let read = async {
        let mut tx = gateway.db.tenant(named.tenant).begin().await?;
        let own = numbers::verify_token(&mut tx, &gateway.keys, named.connection).await?;
        tx.close().await?;
        Ok::<_, DbError>(own)
    };
    match read.await {
        Ok(own) => own.is_some_and(|own| same_secret(own.expose_secret(), token)),
        Err(error) => {
            tracing::warn!(%error, "A verify token could not be read");
            false
        }
    }
}

pub async fn receive(
    State(gateway): State<Gateway>,
    addressee: Result<Query<Addressee>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let started = Instant::now();
    let span = tracing::info_span!("whatsapp_webhook", trace_id = tracing::field::Empty);
    telemetry::continue_trace(&span, headers.get("traceparent").and_then(|value| value.to_str().ok()));
    let response = accept(&gateway, addressee.ok().map(|Query(named)| named), &headers, body)
        .instrument(span)
        .await
        .unwrap_or_else(IntoResponse::into_response);
    metrics::histogram!("konstruct_accept_seconds", "status" => response.status().as_str().to_owned())
        .record(started.elapsed().as_secs_f64());
    response
}

async fn accept(
    gateway: &Gateway,
    addressee: Option<Addressee>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let signature = signature(headers)?;
    let raw = body::read(headers, body, BODY_MAX, BODY_TIMEOUT).await?;
    let answer = verify_and_store(gateway, addressee, headers, signature, raw);
    tokio::time::timeout(ANSWER_TIMEOUT, answer).await.unwrap_or(Err(Refusal::Unavailable))
}

/// The hexadecimal digits of the one header.
fn signature(headers: &HeaderMap) -> Result<&[u8], Refusal> {
    let mut values = headers.get_all("x-hub-signature-256").iter();
    let value = values.next().and_then(|value| value.to_str().ok()).ok_or(Refusal::Forged)?;
    if values.next().is_some() {
        return Err(Refusal::Forged);
    }
    value.strip_prefix("sha256=").map(str::as_bytes).ok_or(Refusal::Forged)
}

async fn verify_and_store(
    gateway: &Gateway,
    addressee: Option<Addressee>,
    headers: &HeaderMap,
    signature: &[u8],
    raw: Bytes,
) -> Result<Response, Refusal> {
    let text = whatsapp_event::text_of(&raw);
    let parsed = whatsapp_event::pieces(&text);
    let platform = gateway.whatsapp.app.as_ref();
    let by_platform = platform.is_some_and(|app| fits(app.secret.expose_secret(), signature, &raw));
    let wanted: BTreeSet<Key> = parsed.iter().flatten().map(Key::of).collect();
    let mut destinations = if by_platform {
        find(gateway, PLATFORM_APP, wanted).await?
    } else {
        let found = find(gateway, numbers::OWN_APP, wanted.into_iter().take(CANDIDATES_MAX).collect()).await?;
        only_signed(gateway, found, signature, &raw).await?
    };
    // The address and the signature must speak of the same tenant.
    if let Some(named) = addressee {
        destinations.values_mut().for_each(|routes| routes.retain(|route| route.tenant == named.tenant));
        destinations.retain(|_, routes| !routes.is_empty());
    }
    if destinations.is_empty() && (!by_platform || addressee.is_some()) {
        return Err(Refusal::Forged);
    }
    if !body::is_json(headers) {
        return Err(Refusal::Malformed("The content type must be application/json."));
    }
    match parsed {
        Ok(pieces) => store(gateway, &pieces, &destinations).await?,
        Err(Unreadable::NotAnEvent(why)) => return Err(Refusal::Malformed(why)),
        Err(Unreadable::Odd(reason)) => {
            let odd = Odd { provider: CHANNEL, reason, of: String::new() };
            counted(aside::sample(gateway, odd, raw).await?);
        }
    }
    Ok(StatusCode::OK.into_response())
}

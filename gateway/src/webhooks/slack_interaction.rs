//! `POST /webhooks/slack/interactions`: what people press, send in and choose. Verify → store → answer, within three seconds.
//!
//! The signature is checked as for events. Then the workspace leads to a tenant, and everything a payload refers to is looked
//! up there: another tenant's ids are like missing ones.

use std::time::Instant;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use shared::{db::system::Route, telemetry};
use tracing::Instrument;

use super::{
    Addressee,
    slack::{ANSWER_TIMEOUT, CHANNEL, Claim, Refusal, Signature, Signer, find_route, read_body, sample, verify},
    slack_acts::{self, Act},
    slack_form,
};
use crate::Gateway;

/// What Slack is told. Whatever can be refused is refused with 200: sending it again would not help.
pub enum Answer {
    Taken,
    /// Shown at once: errors in a dialog's fields, a line only the asker sees.
    Shown(Value),
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Taken => StatusCode::OK.into_response(),
            Self::Shown(body) => Json(body).into_response(),
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
    let span = tracing::info_span!("slack_interaction", tenant.id = tracing::field::Empty);
    telemetry::continue_trace(&span, headers.get("traceparent").and_then(|value| value.to_str().ok()));
    let answering = async {
        let signature = Signature::read(&headers, gateway.clock.now().unix_timestamp())?;
        let raw = read_body(&headers, body).await?;
        let answer = accept(&gateway, addressee.ok().map(|Query(named)| named), &headers, &signature, raw);
        tokio::time::timeout(ANSWER_TIMEOUT, answer).await.unwrap_or(Err(Refusal::Unavailable))
    };
    let response = answering.instrument(span).await.unwrap_or_else(IntoResponse::into_response);
    metrics::histogram!("konstruct_interaction_seconds", "status" => response.status().as_str().to_owned())
        .record(started.elapsed().as_secs_f64());
    response
}

async fn accept(
    gateway: &Gateway,
    addressee: Option<Addressee>,
    headers: &HeaderMap,
    signature: &Signature,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let parsed = slack_form::payload(&raw);
    let claim = parsed.as_ref().ok().map(|payload| Claim {
        app: payload.app_id(),
        installation: payload.installation(),
        checks_address: false,
    });
    let signer = verify(gateway, addressee, signature, &raw, claim).await?;
    if !is_form(headers) {
        return Err(Refusal::Malformed("The content type must be application/x-www-form-urlencoded."));
    }
    let payload = parsed.map_err(|why| Refusal::Malformed(why.0))?;
    let Some(team) = payload.installation().map(str::to_owned) else {
        return sample(gateway, "", "an interaction that names no workspace", raw).await;
    };
    let Some(route) = route_of(gateway, signer, &team).await? else {
        return sample(gateway, &team, "no tenant has connected this workspace", raw).await;
    };
    let act = Act::new(gateway, route, &payload, &raw);
    Ok(slack_acts::perform(&act).await?.into_response())
}

/// Where a verified request belongs; `None`: to nobody.
pub(super) async fn route_of(gateway: &Gateway, signer: Signer, team: &str) -> Result<Option<Route>, Refusal> {
    let route = match signer {
        Signer::OwnApp(route) => Some(route),
        Signer::Checker => return Err(Refusal::Forged),
        Signer::Platform => find_route(gateway, team).await?,
    };
    if let Some(route) = &route {
        tracing::Span::current().record("tenant.id", tracing::field::display(route.tenant));
    }
    Ok(route)
}

pub(super) fn is_form(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

/// The parts of an identity that name its kind and its platform.
pub const IDENTITY: [&str; 2] = ["interaction", CHANNEL];

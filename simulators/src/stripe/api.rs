//! `/v1/…`: who calls, what should go wrong, whether it was asked before, and which function answers.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Core,
    calls::{self, Parameters, Refusal},
    life::StripeMove,
    pages,
};
use crate::{
    control::{ControlError, read},
    faults::FaultKind,
    server::Scissors,
};

const KEY_MAX: usize = 255;

pub(super) fn routes(core: Arc<Core>) -> Router {
    Router::new()
        .route("/", get(pages::overview))
        .route("/checkout/{id}", get(pages::checkout).post(pages::paid))
        .route("/portal/{id}", get(pages::portal).post(pages::chosen))
        .route("/invoice/{id}", get(pages::invoice).post(pages::invoice_paid))
        .route("/_sim/happens", post(happens))
        .route("/_sim/events", get(events))
        .route("/_sim/metered", get(metered))
        .route("/v1/{*rest}", any(call))
        .with_state(core)
}

#[derive(Deserialize)]
struct Happening {
    subscription: String,
    what: StripeMove,
}

async fn happens(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let Happening { subscription, what } = read(&body)?;
    if core.happens(&subscription, what) {
        Ok(Json(json!({ "ok": true })))
    } else {
        Err(ControlError::not_found("There is no such subscription."))
    }
}

async fn events(State(core): State<Arc<Core>>) -> Json<Vec<Value>> {
    Json(core.world().events.clone())
}

async fn metered(State(core): State<Arc<Core>>) -> Json<Vec<Value>> {
    Json(core.world().metered.clone())
}

async fn call(
    State(core): State<Arc<Core>>,
    Extension(scissors): Extension<Scissors>,
    method: Method,
    Path(rest): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let name = rest.split('/').next().unwrap_or_default().to_owned();
    let fault = core.faults.strike(&name, None);
    match &fault {
        Some(FaultKind::DropConnectionBefore) => return scissors.cut().await,
        Some(FaultKind::DelayMs(ms)) => tokio::time::sleep(Duration::from_millis(*ms)).await,
        Some(FaultKind::Status { code, .. }) => return status(*code).into_response(),
        _ => {}
    }
    let mut given = parameters(query.as_deref().unwrap_or_default().as_bytes());
    given.extend(parameters(&body));
    let (code, answer) = match caller(&core, &headers) {
        Ok(()) => once(&core, &method, &rest, &headers, &given),
        Err(refusal) => (refusal.status.as_u16(), refusal.body()),
    };
    match fault {
        Some(FaultKind::DropConnectionAfter) => return scissors.cut().await,
        Some(FaultKind::DeliverThenTimeout(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(FaultKind::StatusAfter { code }) => return status(code).into_response(),
        _ => {}
    }
    (status(code), Json(shown(answer))).into_response()
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Without what only the simulator keeps.
fn shown(mut answer: Value) -> Value {
    if let Value::Object(fields) = &mut answer {
        fields.retain(|name, _| !name.starts_with('_'));
    }
    answer
}

fn caller(core: &Core, headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.and_then(|value| value.strip_prefix("Bearer ")) == Some(core.options().secret_key.as_str()) {
        Ok(())
    } else {
        Err(Refusal::new("api_key_invalid", "Invalid API Key provided."))
    }
}

/// A key that was used before gets the same answer; with other parameters it is refused.
fn once(core: &Arc<Core>, method: &Method, path: &str, headers: &HeaderMap, given: &Parameters) -> (u16, Value) {
    let key =
        headers.get("idempotency-key").and_then(|value| value.to_str().ok()).filter(|_| *method == Method::POST);
    let asked = format!("{path} {given:?}");
    if let Some(key) = key {
        if key.len() > KEY_MAX {
            let refusal = Refusal::new("parameter_invalid", "The idempotency key is longer than 255 characters.");
            return (refusal.status.as_u16(), refusal.body());
        }
        match core.world().answered.get(key) {
            Some((before, code, answer)) if *before == asked => return (*code, answer.clone()),
            Some(_) => {
                let refusal = Refusal::new(
                    "idempotency_key_in_use",
                    "Keys for idempotent requests can only be used with the same parameters they were first used with.",
                );
                return (refusal.status.as_u16(), refusal.body());
            }
            None => {}
        }
    }
    let (code, answer) = match calls::answer(core, method, path, given) {
        Ok(answer) => (200, answer),
        Err(refusal) => (refusal.status.as_u16(), refusal.body()),
    };
    if let Some(key) = key {
        core.world().answered.insert(key.to_owned(), (asked, code, answer.clone()));
    }
    (code, answer)
}

/// `a[b]=c&…`, decoded.
fn parameters(form: &[u8]) -> Parameters {
    form.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &[u8]) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let hex = after.get(..2).and_then(|pair| hex::decode(pair).ok()).and_then(|pair| pair.first().copied());
        bytes.push(match (first, hex) {
            (b'%', Some(byte)) => {
                rest = &after[2..];
                byte
            }
            (b'+', _) => b' ',
            (other, _) => *other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

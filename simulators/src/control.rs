//! What the `/_sim/` control endpoints of all simulators share.
//!
//! Bodies are read whatever their content type says, so that a plain `curl -d` works.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::faults::{FaultRule, Faults};

/// A control call that makes no sense, said in one sentence.
pub(crate) struct ControlError(pub(crate) StatusCode, pub(crate) String);

impl ControlError {
    pub(crate) fn not_found(sentence: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, sentence.into())
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ControlError> {
    serde_json::from_slice(body)
        .map_err(|error| ControlError(StatusCode::BAD_REQUEST, format!("The body does not fit: {error}.")))
}

/// `/healthz` and `/_sim/faults`, the same on every simulator.
pub(crate) fn common_routes(faults: Arc<Faults>) -> Router {
    Router::new()
        .route("/healthz", axum::routing::get(|| async { "ok" }))
        .route("/_sim/faults", post(add_faults).get(list_faults).delete(clear_faults))
        .with_state(faults)
}

async fn add_faults(State(faults): State<Arc<Faults>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let rules = match read::<Value>(&body)? {
        Value::Array(rules) => rules,
        Value::Object(mut fields) if fields.contains_key("rules") => match fields.remove("rules") {
            Some(Value::Array(rules)) => rules,
            _ => {
                return Err(ControlError(StatusCode::BAD_REQUEST, "`rules` must be a list.".into()));
            }
        },
        rule => vec![rule],
    };
    let rules: Vec<FaultRule> = rules
        .into_iter()
        .map(serde_json::from_value)
        .collect::<Result<_, _>>()
        .map_err(|error| ControlError(StatusCode::BAD_REQUEST, format!("Not a fault rule: {error}.")))?;
    for rule in rules {
        faults.add(rule);
    }
    Ok(Json(json!({ "rules": faults.list() })))
}

async fn list_faults(State(faults): State<Arc<Faults>>) -> Json<Value> {
    Json(json!({ "rules": faults.list() }))
}

async fn clear_faults(State(faults): State<Arc<Faults>>) -> Json<Value> {
    faults.clear();
    Json(json!({ "rules": [] }))
}

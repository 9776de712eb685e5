//! What the model does not take, in OpenAI's words.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::ModelOptions;
use crate::faults::FaultKind;

/// `None`: the request is in order.
pub(super) fn refusal_of(key: Option<&str>, request: &Value, fault: Option<&FaultKind>) -> Option<Response> {
    match fault {
        Some(FaultKind::Status { code, retry_after }) => {
            let mut response = failure(*code);
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            return Some(response);
        }
        Some(FaultKind::SlackError(word)) => {
            return Some(refuse(StatusCode::BAD_REQUEST, "Simulated refusal.", word));
        }
        _ => {}
    }
    if !is_valid_key(key) {
        return Some(wrong_key());
    }
    let bad = |sentence| Some(refuse(StatusCode::BAD_REQUEST, sentence, "invalid_request_error"));
    if !request.is_object() {
        return bad("We could not parse the JSON body of your request.");
    }
    if request["model"].as_str().is_none_or(str::is_empty) {
        return bad("you must provide a model parameter");
    }
    match request["messages"].as_array() {
        Some(messages) if !messages.is_empty() => None,
        _ => bad("Missing required parameter: 'messages'."),
    }
}

/// `None`: this model takes such requests.
pub(super) fn unfit(request: &Value, options: &ModelOptions) -> Option<Response> {
    let parts = request["messages"].as_array().into_iter().flatten();
    let mut parts = parts.flat_map(|message| message["content"].as_array().into_iter().flatten());
    if options.blind && parts.any(|part| part["type"] == "image_url") {
        let sentence = "This model does not support image input.";
        return Some(refuse(StatusCode::BAD_REQUEST, sentence, "invalid_request_error"));
    }
    let odd = |sentence, code, field| Some(refuse_field(StatusCode::BAD_REQUEST, sentence, code, Some(field)));
    if options.thinks && request.get("max_tokens").is_some() {
        let sentence = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                        'max_completion_tokens' instead.";
        return odd(sentence, "unsupported_parameter", "max_tokens");
    }
    if options.thinks && request["temperature"].as_f64().is_some_and(|temperature| temperature != 1.0) {
        let sentence = "Unsupported value: 'temperature' does not support this value with this model. Only the default \
                        (1) value is supported.";
        return odd(sentence, "unsupported_value", "temperature");
    }
    None
}

/// Any key will do, except none and those that begin with `sk-invalid`.
pub(super) fn is_valid_key(key: Option<&str>) -> bool {
    key.is_some_and(|key| !key.is_empty() && !key.starts_with("sk-invalid"))
}

pub(super) fn wrong_key() -> Response {
    refuse(StatusCode::UNAUTHORIZED, "Incorrect API key provided.", "invalid_api_key")
}

pub(super) fn failure(code: u16) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refuse(status, "Simulated failure.", "simulated_failure")
}

pub(super) fn refuse(status: StatusCode, message: &str, code: &str) -> Response {
    refuse_field(status, message, code, None)
}

fn refuse_field(status: StatusCode, message: &str, code: &str, field: Option<&str>) -> Response {
    let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
    let error = json!({ "error": { "message": message, "type": kind, "param": field, "code": code } });
    (status, Json(error)).into_response()
}

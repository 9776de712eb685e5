//! `/VERSION/…`: who calls, what should go wrong, and which function answers. Meta answers errors with a code of its own.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Core, accounts, media, send,
    types::WhatsAppHistory,
    world::{account_of, display_number_of, is_revoked, number_of},
};
use crate::{faults::FaultKind, form, server::Scissors};

/// A refusal in Meta's own form.
#[derive(Debug)]
pub(super) struct Refusal {
    code: i64,
    details: String,
}

pub(super) type Answer = Result<Value, Refusal>;

impl Refusal {
    pub(super) fn new(code: i64, details: impl Into<String>) -> Self {
        Self { code, details: details.into() }
    }

    fn status(&self) -> StatusCode {
        match self.code {
            190 => StatusCode::UNAUTHORIZED,
            1 | 2 | 131_000 => StatusCode::INTERNAL_SERVER_ERROR,
            4 | 80_007 | 130_429 | 131_056 => StatusCode::TOO_MANY_REQUESTS,
            131_016 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = json!({
            "message": format!("(#{}) {}", self.code, self.details),
            "type": "OAuthException",
            "code": self.code,
            "error_data": { "messaging_product": "whatsapp", "details": self.details },
            "fbtrace_id": "Asimulated",
        });
        (self.status(), Json(json!({ "error": error }))).into_response()
    }
}

/// Anything below a version: `/v26.0/OBJECT` and `/v26.0/OBJECT/EDGE`.
pub(super) async fn call(
    State(core): State<Arc<Core>>,
    Extension(scissors): Extension<Scissors>,
    method: Method,
    Path((_, rest)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (object, edge) = rest.split_once('/').unwrap_or((&rest, ""));
    let by_query = match (object, edge) {
        ("oauth", "access_token") => Some(accounts::exchange(&core, &query)),
        ("debug_token", "") => Some(caller(&headers).and_then(|_| accounts::debug_token(&core, &query))),
        _ => None,
    };
    if let Some(answer) = by_query {
        return answer.map_or_else(IntoResponse::into_response, |body| Json(body).into_response());
    }
    let (form, body) = (form::fields(&headers, &body), serde_json::from_slice(&body).unwrap_or(Value::Null));
    let name = name_of(&method, edge, &body);
    let person = body["to"].as_str().or(body["recipient"].as_str()).unwrap_or(object);
    let fault = core.faults.strike(name, Some(person));
    match &fault {
        Some(FaultKind::DropConnectionBefore) => return scissors.cut().await,
        Some(FaultKind::DelayMs(ms)) => tokio::time::sleep(Duration::from_millis(*ms)).await,
        Some(FaultKind::Status { code, .. }) => return status(*code).into_response(),
        Some(FaultKind::GraphError(code)) => {
            core.note(object, name, Some(400), &body);
            return Refusal::new(*code, "simulated").into_response();
        }
        _ => {}
    }
    let answer = match caller(&headers) {
        Ok(number) if name == "media" && object == number => media::upload(&core, &number, form),
        Ok(number) if name == "subscribed_apps" && object == account_of(&number) => {
            accounts::subscribe(&core, &number, &body).await
        }
        Ok(number) => dispatch(&core, &number, (object, edge), name, &body),
        Err(refusal) => Err(refusal),
    };
    let answered = answer.as_ref().map_or_else(|refusal| refusal.status().as_u16(), |_| 200);
    core.note(object, name, Some(answered), &body);
    match fault {
        Some(FaultKind::DropConnectionAfter) => return scissors.cut().await,
        Some(FaultKind::DeliverThenTimeout(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(FaultKind::GarbageJson) => {
            return ([(header::CONTENT_TYPE, "application/json")], "{\"mes").into_response();
        }
        Some(FaultKind::Empty) => return StatusCode::OK.into_response(),
        Some(FaultKind::StatusAfter { code }) => return status(code).into_response(),
        _ => {}
    }
    match answer {
        Ok(body) => Json(body).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// What faults and the history call it.
fn name_of(method: &Method, edge: &str, body: &Value) -> &'static str {
    match (method.as_str(), edge) {
        ("POST", "messages") if body["status"] == "read" => "read",
        ("POST", "messages") => "messages",
        ("POST", "media") => "media",
        ("GET", "message_templates") => "templates",
        ("POST", "subscribed_apps") => "subscribed_apps",
        ("GET", "subscribed_apps") => "subscriptions",
        ("POST", "register") => "register",
        ("POST", "smb_app_data") => "smb_app_data",
        ("GET", "") => "object",
        _ => "unknown",
    }
}

/// The number that the token speaks for.
fn caller(headers: &HeaderMap) -> Result<String, Refusal> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if is_revoked(token) {
        return Err(Refusal::new(190, "Error validating access token: the session has been invalidated"));
    }
    number_of(token).ok_or_else(|| Refusal::new(190, "Invalid OAuth access token"))
}

fn dispatch(core: &Arc<Core>, number: &str, (object, edge): (&str, &str), name: &str, body: &Value) -> Answer {
    let account = account_of(number);
    let unknown = || Refusal::new(33, format!("Object with ID '{object}' does not exist"));
    match name {
        "object" if object == number => Ok(json!({
            "id": number, "display_phone_number": format!("+{}", display_number_of(number)),
            "verified_name": "Simulated business", "quality_rating": "GREEN",
        })),
        "object" => media::describe(core, number, object),
        "messages" | "read" if object == number && body["messaging_product"] != "whatsapp" => {
            Err(Refusal::new(100, "The parameter messaging_product is required."))
        }
        "messages" if object == number => send::send(core, number, body),
        "read" if object == number => send::read(core, number, body),
        "templates" if object == account => Ok(templates(core, number)),
        "subscriptions" if object == account => Ok(accounts::subscriptions(core, number)),
        "register" if object == number => {
            let pin = body["pin"].as_str().unwrap_or_default();
            if pin.len() != 6 {
                return Err(Refusal::new(100, "The parameter pin must have six digits."));
            }
            core.world().number(number).registered = true;
            Ok(json!({ "success": true }))
        }
        "smb_app_data" if object == number => Ok(json!({ "messaging_product": "whatsapp", "request_id": "1" })),
        _ => Err(if edge.is_empty() {
            unknown()
        } else {
            Refusal::new(100, format!("Unknown path components: /{edge}"))
        }),
    }
}

fn templates(core: &Core, number: &str) -> Value {
    let mut world = core.world();
    let listed = world.number(number).templates.iter().map(|((name, language), state)| {
        json!({ "id": format!("T{name}"), "name": name, "language": language, "status": state, "category": "UTILITY" })
    });
    json!({ "data": listed.collect::<Vec<_>>(), "paging": {} })
}

impl Core {
    pub(super) fn note(&self, number: &str, name: &str, status: Option<u16>, body: &Value) {
        self.world().record(WhatsAppHistory {
            seq: 0,
            what: "call".into(),
            number: number.to_owned(),
            name: name.to_owned(),
            status,
            id: None,
            body: body.clone(),
        });
    }
}

//! `/_sim/…`: speak as a person, look at their phone, change how Meta behaves.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    response::Html,
    routing::{any, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Core, graph, media,
    types::{WhatsAppHistory, WhatsAppSaid},
};
use crate::control::{ControlError, read};

const PAGE: &str = include_str!("phone.html");

pub(super) fn routes(core: Arc<Core>) -> Router {
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/_sim/say", post(say))
        .route("/_sim/echo", post(echo))
        .route("/_sim/change", post(change))
        .route("/_sim/hold", post(hold))
        .route("/_sim/release", post(release))
        .route("/_sim/chat", post(chat))
        .route("/_sim/file", post(media::keep))
        .route("/_sim/phone", get(phone))
        .route("/_sim/history", get(history))
        .route("/_sim/options", post(options))
        .route("/_media/{id}", get(media::download))
        .route("/{version}/{*rest}", any(graph::call))
        .with_state(core)
}

async fn say(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<WhatsAppSaid>, ControlError> {
    Ok(Json(core.say(read(&body)?)))
}

async fn echo(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    Ok(Json(json!({ "id": core.echo(&read(&body)?) })))
}

#[derive(Deserialize)]
struct Change {
    number: String,
    field: String,
    value: Value,
}

async fn change(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let change: Change = read(&body)?;
    core.send_change(&change.number, &change.field, change.value);
    Ok(Json(json!({ "ok": true })))
}

async fn hold(State(core): State<Arc<Core>>) -> Json<Value> {
    core.world().held = Some(Vec::new());
    Json(json!({ "ok": true }))
}

async fn release(State(core): State<Arc<Core>>) -> Json<Value> {
    core.release();
    Json(json!({ "ok": true }))
}

/// What a person did with the chat besides writing, and how long ago they wrote.
#[derive(Deserialize)]
struct ChatPatch {
    number: String,
    person: String,
    #[serde(default)]
    opted_out: Option<bool>,
    #[serde(default)]
    wrote_seconds_ago: Option<i64>,
}

async fn chat(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let patch: ChatPatch = read(&body)?;
    let mut world = core.world();
    let chat = world.chat(&patch.number, &patch.person);
    chat.opted_out = patch.opted_out.unwrap_or(chat.opted_out);
    if let Some(seconds) = patch.wrote_seconds_ago {
        chat.wrote_at = Some(crate::clock::now_seconds() - seconds);
    }
    Ok(Json(json!({ "ok": true })))
}

#[derive(Deserialize)]
struct Place {
    number: String,
    person: String,
}

async fn phone(State(core): State<Arc<Core>>, Query(place): Query<Place>) -> Json<Value> {
    let mut world = core.world();
    let typing = world.is_typing(&place.number, &place.person);
    Json(json!({ "typing": typing, "entries": world.phone(&place.number, &place.person) }))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    after: u64,
}

async fn history(State(core): State<Arc<Core>>, Query(since): Query<Since>) -> Json<Vec<WhatsAppHistory>> {
    Json(core.world().history(since.after))
}

/// Answers with the options as they are now, without the secret.
async fn options(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    core.set_options(read(&body)?);
    let options = core.options();
    Ok(Json(json!({
        "webhook_url": options.webhook_url,
        "pace": options.pace,
        "window_refused_at_once": options.window_refused_at_once,
        "twice_every": options.twice_every,
        "retry_time_scale": options.retry_time_scale,
        "media_address_lives_seconds": options.media_address_lives.as_secs(),
        "holds_for_quality": options.holds_for_quality,
        "token_scopes": options.token_scopes,
        "token_expires_at": options.token_expires_at,
    })))
}

//! `/_sim/…`: speak as a person, look at what users see, change how Slack behaves.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{any, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Core, consent, files,
    oauth::{ClockMove, Uninstall},
    surfaces::respond as respond_to,
    types::{EventOut, HistoryEntry, React, Revoke, Said, Stop, TranscriptEntry},
    web,
};
use crate::control::{ControlError, read};

const WAIT_MS_MAX: u64 = 60_000;

pub(super) fn routes(core: Arc<Core>) -> Router {
    Router::new()
        .route("/api/{method}", any(web::call))
        .route("/files-pri/{place}/download/{name}", get(files::download))
        .route("/upload/v1/{id}", post(files::upload))
        .route("/oauth/v2/authorize", get(consent::show).post(consent::decide))
        .route("/_sim/app", post(app))
        .route("/_sim/uninstall", post(uninstall))
        .route("/_sim/clock", post(move_clock))
        .route("/_sim/say", post(say))
        .route("/_sim/edit", post(edit))
        .route("/_sim/delete", post(delete))
        .route("/_sim/event", post(event))
        .route("/_sim/raw", post(raw))
        .route("/_sim/channel", post(channel))
        .route("/_sim/person", post(person))
        .route("/_sim/react", post(react))
        .route("/_sim/revoke", post(revoke))
        .route("/_sim/click", post(click))
        .route("/_sim/shortcut", post(shortcut))
        .route("/_sim/submit", post(submit))
        .route("/_sim/command", post(command))
        .route("/_sim/surfaces", get(surfaces))
        .route("/response/{id}", post(respond))
        .route("/_sim/stop", post(stop))
        .route("/_sim/expire", post(expire))
        .route("/_sim/session", get(session))
        .route("/_sim/transcript", get(transcript))
        .route("/_sim/history", get(history))
        .route("/_sim/status", get(status))
        .route("/_sim/options", post(options))
        .with_state(core)
}

async fn say(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Said>, ControlError> {
    Ok(Json(core.say(read(&body)?)))
}

async fn edit(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    Ok(Json(json!({ "event_ids": core.edit(read(&body)?)? })))
}

async fn delete(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    Ok(Json(json!({ "event_ids": core.delete(read(&body)?)? })))
}

async fn event(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let EventOut { team, event } = read(&body)?;
    Ok(Json(json!({ "event_ids": [core.send_event(&team, &event)] })))
}

async fn raw(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    Ok(Json(json!(core.send_raw(read(&body)?).await)))
}

async fn channel(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    core.set_channel(read(&body)?);
    Ok(Json(json!({ "ok": true })))
}

async fn person(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    core.set_person(read(&body)?);
    Ok(Json(json!({ "ok": true })))
}

async fn react(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let react: React = read(&body)?;
    Ok(Json(json!({ "event_ids": core.react(&react)? })))
}

async fn revoke(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let revoke: Revoke = read(&body)?;
    Ok(Json(json!({ "event_ids": core.revoke(&revoke).into_iter().collect::<Vec<_>>() })))
}

async fn click(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    core.click(&read(&body)?).await.map(|outcome| Json(json!(outcome))).ok_or_else(nothing_to_press)
}

async fn shortcut(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    core.shortcut(&read(&body)?).await.map(|outcome| Json(json!(outcome))).ok_or_else(nothing_to_press)
}

async fn submit(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    core.submit(&read(&body)?).await.map(|outcome| Json(json!(outcome))).ok_or_else(nothing_to_press)
}

async fn command(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    Ok(Json(json!(core.command(&read(&body)?).await)))
}

fn nothing_to_press() -> ControlError {
    ControlError::not_found("There is no such message, button or dialog in front of this person.")
}

#[derive(Deserialize)]
struct Who {
    team: String,
    user: String,
}

/// What one person has in front of them beside channels.
async fn surfaces(State(core): State<Arc<Core>>, Query(who): Query<Who>) -> Json<Value> {
    let surfaces = &core.world().surfaces;
    Json(json!({
        "dialogs": surfaces.dialogs(&who.team, &who.user),
        "home": surfaces.home(&who.team, &who.user),
        "whispers": surfaces.whispers(&who.team, &who.user),
    }))
}

async fn respond(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let Ok(body) = serde_json::from_slice(&body) else {
        return (StatusCode::BAD_REQUEST, "invalid_payload");
    };
    match respond_to(&core, &id, &body) {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(word) => (StatusCode::NOT_FOUND, word),
    }
}

async fn stop(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let stop: Stop = read(&body)?;
    Ok(Json(json!({ "event_ids": [core.stop_session(&stop)] })))
}

/// Closes the streams of a channel, as if they had lasted too long.
async fn expire(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let place: Place = read(&body)?;
    Ok(Json(json!({ "expired": core.expire_streams(&place.team, &place.channel) })))
}

async fn app(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    core.register_app(read(&body)?);
    Ok(Json(json!({ "ok": true })))
}

async fn uninstall(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let Uninstall { team } = read(&body)?;
    Ok(Json(json!({ "event_ids": core.uninstall(&team) })))
}

async fn move_clock(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    let ClockMove { advance_seconds } = read(&body)?;
    core.advance_clock(advance_seconds);
    Ok(Json(json!({ "ok": true })))
}

/// Answers with the options as they are now, without the secret.
async fn options(State(core): State<Arc<Core>>, body: Bytes) -> Result<Json<Value>, ControlError> {
    core.set_options(read(&body)?);
    let options = core.options();
    Ok(Json(json!({
        "events_url": options.events_url,
        "app_id": options.app_id,
        "self_echo": options.self_echo,
        "one_message_per_second": options.one_message_per_second,
        "retry_time_scale": options.retry_time_scale,
        "delivery_timeout_ms": options.delivery_timeout_ms,
        "update_text_max": options.update_text_max,
        "stream_text_max": options.stream_text_max,
        "stream_idle_ms": options.stream_idle_ms,
        "stream_total_ms": options.stream_total_ms,
        "deliveries": options.deliveries,
        "files_scope": options.files_scope,
        "stop_subscribed": options.stop_subscribed,
        "scopes": options.scopes,
        "token_rotation": options.token_rotation,
    })))
}

#[derive(Deserialize)]
struct Place {
    team: String,
    channel: String,
    thread_ts: Option<String>,
}

async fn transcript(State(core): State<Arc<Core>>, Query(place): Query<Place>) -> Json<Vec<TranscriptEntry>> {
    Json(core.world().transcript(&place.team, &place.channel, place.thread_ts.as_deref()))
}

async fn status(State(core): State<Arc<Core>>, Query(place): Query<Place>) -> Json<Value> {
    let thread_ts = place.thread_ts.unwrap_or_default();
    Json(json!({ "status": core.world().channel(&place.team, &place.channel).status(&thread_ts) }))
}

async fn session(State(core): State<Arc<Core>>, Query(place): Query<Place>) -> Json<Value> {
    let thread_ts = place.thread_ts.unwrap_or_default();
    Json(json!({ "session": core.world().channel(&place.team, &place.channel).sessions.get(&thread_ts) }))
}

#[derive(Deserialize)]
struct Since {
    team: Option<String>,
    #[serde(default)]
    after: u64,
    /// Wait this long for something newer than `after`.
    #[serde(default)]
    wait_ms: u64,
}

async fn history(State(core): State<Arc<Core>>, Query(since): Query<Since>) -> Json<Vec<HistoryEntry>> {
    let mut changed = core.world().changed.subscribe();
    let news = async {
        loop {
            changed.mark_unchanged();
            let entries = core.world().history(since.team.as_deref(), since.after);
            if !entries.is_empty() || changed.changed().await.is_err() {
                return entries;
            }
        }
    };
    let time_limit = Duration::from_millis(since.wait_ms.min(WAIT_MS_MAX));
    Json(tokio::time::timeout(time_limit, news).await.unwrap_or_default())
}

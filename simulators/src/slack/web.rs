//! `/api/METHOD`: who calls, what should go wrong, and which function answers.
//!
//! Slack answers 200 even when it refuses; only rate limits and simulated faults use another status.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Core, agent,
    args::Args,
    chat, conversations, files, oauth, people,
    people::Caller,
    streams, surfaces,
    types::{HistoryEntry, HistoryKind},
};
use crate::{faults::FaultKind, server::Scissors};

/// A refusal in Slack's own words.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: String,
    pub(crate) messages: Vec<String>,
    pub(crate) retry_after_seconds: Option<u64>,
}

pub(crate) type Answer = Result<Value, Refusal>;

impl Refusal {
    pub(crate) fn new(error: &str) -> Self {
        Self { error: error.to_owned(), messages: Vec::new(), retry_after_seconds: None }
    }

    pub(crate) fn rate_limited() -> Self {
        Self { retry_after_seconds: Some(1), ..Self::new("ratelimited") }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "ok": false, "error": self.error });
        if !self.messages.is_empty() {
            body["response_metadata"] = json!({ "messages": self.messages });
        }
        match self.retry_after_seconds {
            Some(seconds) => with_retry_after(StatusCode::TOO_MANY_REQUESTS, Some(seconds), body),
            None => Json(body).into_response(),
        }
    }
}

pub(crate) async fn call(
    State(core): State<Arc<Core>>,
    Extension(scissors): Extension<Scissors>,
    Path(method): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let args = match Args::read(request).await {
        Ok(args) => args,
        Err(refusal) => return refusal.into_response(),
    };
    let channel = args.text("channel").or_else(|| args.text("channel_id"));
    let fault = core.faults.strike(&method, channel.as_deref());
    let token = bearer(&headers).or_else(|| args.text("token"));
    if let Some(word) = fault.as_ref().and_then(FaultKind::unclear) {
        core.note(HistoryKind::Unclear, &method, channel.as_deref(), token.as_deref(), &args, word);
    }
    match &fault {
        Some(FaultKind::DropConnectionBefore) => return scissors.cut().await,
        Some(FaultKind::LateDelivery { from_ms, .. }) => {
            tokio::spawn(carry_out_later(core, method, token, args, Duration::from_millis(*from_ms)));
            return scissors.cut().await;
        }
        Some(FaultKind::DelayMs(ms)) => tokio::time::sleep(Duration::from_millis(*ms)).await,
        _ => {}
    }

    let answer = match fault_before(&fault) {
        Some(Before::Refuse(refusal)) => Err(refusal),
        Some(Before::Answer(response)) => {
            let status = response.status();
            core.note(HistoryKind::Refused, &method, channel.as_deref(), token.as_deref(), &args, status.as_str());
            return response;
        }
        None => dispatch(&core, &method, token.as_deref(), &args),
    };
    if let Err(refusal) = &answer {
        core.note(HistoryKind::Refused, &method, channel.as_deref(), token.as_deref(), &args, &refusal.error);
    }

    match fault {
        Some(FaultKind::DropConnectionAfter) => return scissors.cut().await,
        Some(FaultKind::DeliverThenTimeout(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(FaultKind::GarbageJson) => {
            return ([(header::CONTENT_TYPE, "application/json")], "{\"ok\":tr").into_response();
        }
        Some(FaultKind::Empty) => return StatusCode::OK.into_response(),
        Some(FaultKind::StatusAfter { code }) => return error_status(code).into_response(),
        _ => {}
    }
    match answer {
        Ok(body) => ([("x-oauth-scopes", core.scopes_of(token.as_deref()))], Json(body)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Nobody waits for the answer any more.
async fn carry_out_later(core: Arc<Core>, method: String, token: Option<String>, args: Args, pause: Duration) {
    tokio::time::sleep(pause).await;
    if let Err(refusal) = dispatch(&core, &method, token.as_deref(), &args) {
        let channel = args.text("channel");
        core.note(HistoryKind::Refused, &method, channel.as_deref(), token.as_deref(), &args, &refusal.error);
    }
}

fn dispatch(core: &Arc<Core>, method: &str, token: Option<&str>, args: &Args) -> Answer {
    // Here an app proves itself by its secret.
    match method {
        "oauth.v2.access" => return oauth::access(core, args),
        "oauth.v2.exchange" => return oauth::exchange(core, args),
        _ => {}
    }
    let caller = core.world().caller(token).map_err(Refusal::new)?;
    if let Some(error) = core.world().refused_tokens.get(&caller.team) {
        return Err(Refusal::new(error));
    }
    match method {
        "auth.revoke" => oauth::revoke(core, &caller, token.unwrap_or_default(), args),
        "apps.uninstall" => oauth::uninstall(core, &caller, args),
        "auth.test" => Ok(auth_test(&caller)),
        "bots.info" => Ok(bots_info(core, &caller)),
        "users.info" => users_info(core, &caller, args),
        "chat.postMessage" => chat::post(core, &caller, args),
        "chat.update" => chat::update(core, &caller, args),
        "chat.delete" => chat::delete(core, &caller, args),
        "chat.getPermalink" => chat::permalink(core, &caller, args),
        "chat.postEphemeral" => surfaces::post_ephemeral(core, &caller, args),
        "views.open" => surfaces::open_view(core, &caller, args),
        "views.update" => surfaces::update_view(core, &caller, args),
        "views.publish" => surfaces::publish_view(core, &caller, args),
        "reactions.add" => chat::react(core, &caller, args, true),
        "reactions.remove" => chat::react(core, &caller, args, false),
        "files.info" => files::info(core, &caller, args),
        "files.getUploadURLExternal" => files::upload_url(core, &caller, args),
        "files.completeUploadExternal" => files::complete(core, &caller, args),
        "chat.startStream" => streams::start(core, &caller, args),
        "chat.appendStream" => streams::append(core, &caller, args),
        "chat.stopStream" => streams::stop(core, &caller, args),
        "assistant.threads.setStatus" => agent::set_status(core, &caller, args),
        "assistant.threads.setTitle" => agent::set_title(core, &caller, args),
        "assistant.threads.setSuggestedPrompts" => agent::set_suggested_prompts(core, &caller, args),
        "agents.sessions.setStatus" => agent::set_session(core, &caller, args),
        "agents.sessions.rename" => agent::rename_session(core, &caller, args),
        "conversations.open" => conversations::open(core, &caller, args),
        "conversations.info" => conversations::info(core, &caller, args),
        "conversations.replies" => conversations::replies(core, &caller, args),
        "conversations.history" => conversations::history(core, &caller, args),
        _ => Err(Refusal::new("unknown_method")),
    }
}

enum Before {
    Refuse(Refusal),
    Answer(Response),
}

fn fault_before(fault: &Option<FaultKind>) -> Option<Before> {
    match fault.as_ref()? {
        FaultKind::Status { code, retry_after } => {
            let status = error_status(*code);
            let error = if *code == 429 { "ratelimited" } else { "internal_error" };
            let body = json!({ "ok": false, "error": error });
            Some(Before::Answer(with_retry_after(status, *retry_after, body)))
        }
        FaultKind::SlackError(error) if error == "ratelimited" => Some(Before::Refuse(Refusal::rate_limited())),
        FaultKind::SlackError(error) => Some(Before::Refuse(Refusal::new(error))),
        _ => None,
    }
}

fn error_status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl Core {
    fn note(
        &self,
        kind: HistoryKind,
        method: &str,
        channel: Option<&str>,
        token: Option<&str>,
        args: &Args,
        error: &str,
    ) {
        let mut world = self.world();
        let team = world.caller(token).map(|caller| caller.team).unwrap_or_default();
        world.record(HistoryEntry {
            channel: channel.map(str::to_owned),
            ts: args.text("ts").or_else(|| args.text("timestamp")),
            thread_ts: args.text("thread_ts"),
            text: args.text("text").or_else(|| args.text("markdown_text")),
            metadata: args.structured("metadata", "").ok().flatten(),
            method: Some(method.to_owned()),
            error: Some(error.to_owned()),
            ..HistoryEntry::new(kind, &team)
        });
    }
}

fn auth_test(caller: &Caller) -> Value {
    let team = &caller.team;
    let organization = team.starts_with('E');
    json!({
        "ok": true,
        "url": format!("https://{}.slack.com/", team.to_ascii_lowercase()),
        "team": people::workspace_name(team),
        "user": "konstruct",
        "team_id": team,
        "user_id": people::bot_user_of(team),
        "bot_id": people::bot_id_of(team),
        "enterprise_id": organization.then_some(team),
        "is_enterprise_install": organization,
    })
}

fn bots_info(core: &Core, caller: &Caller) -> Value {
    json!({
        "ok": true,
        "bot": {
            "id": people::bot_id_of(&caller.team),
            "deleted": false,
            "name": "Konstruct",
            "user_id": people::bot_user_of(&caller.team),
            "app_id": core.options().app_id,
        },
    })
}

fn users_info(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let user = args.need("user", "user_not_found")?;
    // A known person of another workspace is a stranger here; an id tells nothing of its workspace but the
    // bot's.
    let foreign_bot = user.starts_with("UBOT") && user != people::bot_user_of(&caller.team);
    if !people::is_user_id(&user) || user.starts_with("UMISSING") || foreign_bot {
        return Err(Refusal::new("user_not_found"));
    }
    let known = core.world().people.get(&(caller.team.clone(), user.clone())).cloned().unwrap_or_default();
    let home = known.home.as_ref().unwrap_or(&caller.team);
    let name = people::name_of(&user);
    let is_bot = user.starts_with("UBOT");
    let handle = name.to_ascii_lowercase().replace(' ', ".");
    Ok(json!({
        "ok": true,
        "user": {
            "id": user, "team_id": home, "name": handle, "deleted": false, "real_name": name,
            "tz": "Europe/Berlin", "tz_offset": 3600, "is_bot": is_bot, "is_app_user": false,
            "is_restricted": known.guest, "is_ultra_restricted": false, "is_stranger": *home != caller.team,
            "profile": {
                "real_name": name, "real_name_normalized": name, "display_name": name,
                "display_name_normalized": name, "team": home,
            },
        },
    }))
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(|token| token.trim().to_owned())
}

fn with_retry_after(status: StatusCode, seconds: Option<u64>, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

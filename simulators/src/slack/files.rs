//! Files: what people attach, where it is downloaded from, and what a bot uploads.
//!
//! Bytes are given out only for the workspace's own bot token, and only from this host. As in Slack, a caller without
//! the right gets a page of HTML with status 200.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Core,
    args::Args,
    chat::is_ts,
    conversations::{Access, find},
    events,
    people::{Caller, bot_user_of},
    types::{FileSeen, FileUp, HistoryKind},
    web::{Answer, Refusal, bearer},
    world::{Json, Message},
};
use crate::{clock, form};

const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in</body></html>";
const UPLOAD_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Of a file that never ends.
static CHUNK: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// How a download goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Serve {
    #[default]
    Whole,
    /// This many bytes at a time, with a pause before each.
    Slow {
        bytes: usize,
        pause_ms: u64,
    },
    /// More and more, whatever was promised.
    Endless,
    /// The page of one who is not signed in, though the token is right.
    Html,
    /// Elsewhere.
    Redirect(String),
    Status(u16),
    /// This much, then the connection closes.
    BreakOff(usize),
}

/// A file Slack keeps.
#[derive(Clone)]
pub(crate) struct Hosted {
    pub(crate) id: String,
    team: String,
    name: String,
    title: String,
    mimetype: String,
    user: String,
    size: u64,
    bytes: Bytes,
    serve: Serve,
    url: Option<String>,
    /// Of a bot's upload that is not complete: the length that was announced.
    announced: Option<usize>,
    created: i64,
    /// Channel, thread and message in which it is shown.
    shares: Vec<(String, Option<String>, String)>,
}

impl Core {
    /// Keeps what a person attaches and returns how the message shows it.
    pub(crate) fn attach(&self, team: &str, user: &str, files: &[FileUp]) -> Vec<Value> {
        let shown = files.iter().map(|file| {
            let hosted = Hosted {
                id: self.world().next_file_id(),
                team: team.to_owned(),
                name: file.name.clone(),
                title: file.name.clone(),
                mimetype: file.mimetype.clone(),
                user: user.to_owned(),
                size: file.size.unwrap_or(file.content().len() as u64),
                bytes: file.content().into(),
                serve: file.serve.clone(),
                url: file.url.clone(),
                announced: None,
                created: clock::now_seconds(),
                shares: Vec::new(),
            };
            let shown = if file.check_file_info {
                json!({ "id": hosted.id, "mode": "file_access", "file_access": "check_file_info", "user": user,
                        "created": 0, "timestamp": 0 })
            } else {
                self.described(&hosted)
            };
            self.world().files.insert(hosted.id.clone(), hosted);
            shown
        });
        shown.collect()
    }

    pub(crate) fn files(&self, team: &str) -> Vec<FileSeen> {
        let world = self.world();
        let of_team = world.files.values().filter(|file| file.team == team && file.announced.is_none());
        let mut seen: Vec<FileSeen> = of_team
            .map(|file| FileSeen {
                id: file.id.clone(),
                name: file.name.clone(),
                title: file.title.clone(),
                user: file.user.clone(),
                bytes: file.bytes.to_vec(),
                shared_in: file.shares.iter().map(|(channel, ..)| channel.clone()).collect(),
            })
            .collect();
        seen.sort_by(|one, other| one.id.cmp(&other.id));
        seen
    }

    fn described(&self, file: &Hosted) -> Value {
        let plain: String = file.name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
        let own = format!("{}files-pri/{}-{}/download/{plain}", self.own_address(), file.team, file.id);
        let url = file.url.clone().unwrap_or(own);
        let kind = file.name.rsplit_once('.').map_or("text", |(_, end)| end).to_lowercase();
        let shares: Value = file
            .shares
            .iter()
            .map(|(channel, thread, ts)| (channel.clone(), json!([{ "ts": ts, "thread_ts": thread }])))
            .collect::<serde_json::Map<_, _>>()
            .into();
        json!({
            "id": file.id, "created": file.created, "timestamp": file.created, "name": file.name,
            "title": file.title, "mimetype": file.mimetype, "filetype": kind, "user": file.user,
            "user_team": file.team, "size": file.size, "mode": "hosted", "is_external": false,
            "external_type": "", "is_public": false, "url_private": url, "url_private_download": url,
            "file_access": "visible", "shares": { "public": shares },
        })
    }
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._-".contains(letter)
}

pub(crate) fn info(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("file", "file_not_found")?;
    if !core.options().files_scope {
        return Err(Refusal::new("missing_scope"));
    }
    let file = core.world().files.get(&id).filter(|file| file.team == caller.team).cloned();
    let file = file.filter(|file| file.announced.is_none()).ok_or(Refusal::new("file_not_found"))?;
    Ok(json!({ "ok": true, "file": core.described(&file) }))
}

pub(crate) fn upload_url(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let name = args.need("filename", "invalid_arguments")?;
    let length: usize = args.text("length").and_then(|text| text.parse().ok()).unwrap_or_default();
    if length == 0 || length > UPLOAD_BYTES_MAX {
        return Err(Refusal::new("invalid_arguments"));
    }
    let mut world = core.world();
    let id = world.next_file_id();
    let file = Hosted {
        id: id.clone(),
        team: caller.team.clone(),
        title: name.clone(),
        name,
        mimetype: "application/octet-stream".to_owned(),
        user: bot_user_of(&caller.team),
        size: length as u64,
        bytes: Bytes::new(),
        serve: Serve::Whole,
        url: None,
        announced: Some(length),
        created: clock::now_seconds(),
        shares: Vec::new(),
    };
    world.files.insert(id.clone(), file);
    Ok(json!({ "ok": true, "file_id": id, "upload_url": format!("{}upload/v1/{id}", core.own_address()) }))
}

/// The bytes themselves; who knows the address may send them.
pub(crate) async fn upload(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // The first part of a form, as Slack's own client sends a file; any other body is the file itself.
    let bytes = match form::fields(&headers, &body) {
        Some(fields) => fields.into_iter().next().map_or_else(Bytes::new, |field| field.bytes),
        None => body,
    };
    match core.world().files.get_mut(&id) {
        Some(file) if file.announced == Some(bytes.len()) => {
            file.bytes = bytes;
            format!("OK - {}", file.size).into_response()
        }
        Some(_) => (StatusCode::BAD_REQUEST, "The length is not the one announced.").into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[derive(Deserialize)]
struct Completed {
    id: String,
    title: Option<String>,
}

pub(crate) fn complete(core: &Arc<Core>, caller: &Caller, args: &Args) -> Answer {
    let files = args.structured("files", "invalid_arguments")?.unwrap_or_default();
    let files: Vec<Completed> = serde_json::from_value(files).map_err(|_| Refusal::new("invalid_arguments"))?;
    if files.is_empty() {
        return Err(Refusal::new("invalid_arguments"));
    }
    let channel = args.text("channel_id");
    let thread = args.text("thread_ts").filter(|ts| !ts.is_empty());
    if thread.as_deref().is_some_and(|ts| !is_ts(ts)) {
        return Err(Refusal::new("invalid_thread_ts"));
    }
    let mut world = core.world();
    if let Some(channel) = &channel {
        find(&mut world, &caller.team, channel, Access::Write)?;
    }
    for wanted in &files {
        let known = world.files.get_mut(&wanted.id).filter(|file| file.team == caller.team);
        let file = known.ok_or(Refusal::new("file_not_found"))?;
        if file.bytes.len() as u64 != file.size {
            return Err(Refusal::new("file_update_failed"));
        }
        file.title = wanted.title.clone().unwrap_or_else(|| file.title.clone());
        file.announced = None;
    }
    if let Some(channel) = channel {
        core.share(&mut world, caller, &channel, thread, &files, args.text("initial_comment"));
    }
    let done: Vec<Value> = files.iter().map(|file| json!({ "id": file.id, "title": file.title })).collect();
    Ok(json!({ "ok": true, "files": done }))
}

impl Core {
    fn share(
        self: &Arc<Self>,
        world: &mut super::world::World,
        caller: &Caller,
        id: &str,
        thread: Option<String>,
        files: &[Completed],
        comment: Option<String>,
    ) {
        let team = &caller.team;
        let ts = world.channel(team, id).next_ts();
        let mut shown = Vec::new();
        for wanted in files {
            if let Some(file) = world.files.get_mut(&wanted.id) {
                file.shares.push((id.to_owned(), thread.clone(), ts.clone()));
                shown.push(file.clone());
            }
        }
        let shown: Vec<Value> = shown.iter().map(|file| self.described(file)).collect();
        let message = Message {
            thread_ts: thread,
            text: comment.unwrap_or_default(),
            files: Some(Json::of(&shown)),
            ..Message::from_bot(ts, team)
        };
        let channel = world.channel(team, id);
        let kind = channel.kind;
        channel.add(message.clone());
        self.preview(&message);
        world.record_message(HistoryKind::Post, team, id, &message);
        let rendered = events::render(team, &self.options().app_id, &message, true);
        let event = events::new_message(&rendered, id, kind, &message.ts);
        self.echo(world, team, event);
    }
}

pub(crate) async fn download(
    State(core): State<Arc<Core>>,
    Path((place, _name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let caller = core.world().caller(bearer(&headers).as_deref());
    let id = place.split_once('-').map_or("", |(_, id)| id);
    let file = core.world().files.get(id).cloned();
    let (Ok(caller), Some(file)) = (caller, file) else {
        return page();
    };
    if caller.team != file.team || !core.options().files_scope {
        return page();
    }
    let kind = [(header::CONTENT_TYPE, file.mimetype.clone())];
    match file.serve {
        Serve::Whole => (kind, file.bytes).into_response(),
        Serve::Html => page(),
        Serve::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Serve::Status(code) => StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST).into_response(),
        Serve::Slow { bytes, pause_ms } => (kind, slowly(file.bytes, bytes, pause_ms)).into_response(),
        Serve::Endless => {
            let more = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&CHUNK)));
            (kind, Body::from_stream(more)).into_response()
        }
        Serve::BreakOff(length) => {
            let start = file.bytes.slice(..length.min(file.bytes.len()));
            let pieces = [Ok(start), Err(std::io::Error::other("broken off"))];
            (kind, Body::from_stream(stream::iter(pieces))).into_response()
        }
    }
}

fn page() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], LOGIN_PAGE).into_response()
}

fn slowly(all: Bytes, step: usize, pause_ms: u64) -> Body {
    let pieces = stream::unfold(all, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        let piece = rest.split_to(step.clamp(1, rest.len()));
        Some((Ok::<_, Infallible>(piece), rest))
    });
    Body::from_stream(pieces)
}

//! `/`: a page to write as a person and to see what the agent posted. It is of the control API and uses nothing else.
//!
//! The files are in the binary. The page may load nothing but them, and speak to nobody but this simulator.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{Core, people, types::ChannelType, world::Channel};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const INDEX: &str = include_str!("page/index.html");
const FILES: [(&str, &str, &str); 9] = [
    ("app.js", "text/javascript", include_str!("page/app.js")),
    ("api.js", "text/javascript", include_str!("page/api.js")),
    ("blocks.js", "text/javascript", include_str!("page/blocks.js")),
    ("dom.js", "text/javascript", include_str!("page/dom.js")),
    ("message.js", "text/javascript", include_str!("page/message.js")),
    ("mrkdwn.js", "text/javascript", include_str!("page/mrkdwn.js")),
    ("surfaces.js", "text/javascript", include_str!("page/surfaces.js")),
    ("style.css", "text/css", include_str!("page/style.css")),
    ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];
/// What there is to choose before anybody wrote anything.
const FIRST_TEAM: &str = "TDEMO";
const FIRST_CHANNELS: [&str; 2] = ["CGENERAL", "GSECRET"];

pub(super) fn routes(core: Arc<Core>) -> Router {
    Router::new()
        .route("/", get(async || served("text/html", INDEX)))
        .route("/_page/{file}", get(file))
        .route("/_sim/directory", get(directory))
        .with_state(core)
}

async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(file, ..)| *file == name) {
        Some((_, kind, text)) => served(kind, text),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn served(kind: &str, text: &'static str) -> Response {
    let headers: [(HeaderName, String); 4] = [
        (header::CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        // A newer simulator brings a newer page.
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, text).into_response()
}

/// Workspaces, their channels, the people one can be, and how far the history has come.
async fn directory(State(core): State<Arc<Core>>) -> Json<Value> {
    let world = core.world();
    let first = FIRST_CHANNELS.map(|id| (id.to_owned(), described(id, &Channel::new(id))));
    let first: BTreeMap<String, Value> = first.into_iter().collect();
    let mut teams = BTreeMap::from([(FIRST_TEAM.to_owned(), first.clone())]);
    for (team, id, channel) in world.channels() {
        let channels = teams.entry(team.to_owned()).or_insert_with(|| first.clone());
        channels.insert(id.to_owned(), described(id, channel));
    }
    let workspaces: Vec<Value> = teams
        .into_iter()
        .map(|(team, channels)| {
            let bot = people::bot_user_of(&team);
            json!({
                "team": team,
                "name": people::workspace_name(&team),
                "bot": { "user_id": bot, "name": people::name_of(&bot) },
                "channels": channels.into_values().collect::<Vec<_>>(),
            })
        })
        .collect();
    let people: Vec<Value> =
        people::KNOWN_PEOPLE.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
    Json(json!({ "seq": world.seq(), "people": people, "workspaces": workspaces }))
}

fn described(id: &str, channel: &Channel) -> Value {
    let person = channel.person.as_ref().filter(|_| channel.kind == ChannelType::Im);
    json!({ "id": id, "name": channel.name, "kind": channel.kind, "person": person })
}

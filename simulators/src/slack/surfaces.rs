//! What Slack keeps beside channels: dialogs, home pages, lines only one person sees, and the addresses for answers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Core,
    args::Args,
    blocks,
    conversations::{Access, find},
    people::{self, Caller},
    types::{HistoryEntry, HistoryKind},
    web::{Answer, Refusal},
};
use crate::clock;

const TRIGGER_MS: u64 = 3_000;
const RESPONSE_MS: u64 = 30 * 60 * 1_000;
const RESPONSE_USES: u32 = 5;
const VIEW_BYTES_MAX: usize = 250_000;
const VIEW_BLOCKS_MAX: usize = 100;
const VIEW_TITLE_CHARS_MAX: usize = 24;
const VIEW_METADATA_CHARS_MAX: usize = 3_000;
const VIEW_ID_CHARS_MAX: usize = 255;

#[derive(Default)]
pub(crate) struct Surfaces {
    last: u64,
    triggers: HashMap<String, Trigger>,
    /// Dialogs that are open.
    dialogs: Vec<Dialog>,
    homes: HashMap<(String, String), Value>,
    whispers: Vec<Whisper>,
    responses: HashMap<String, Response>,
}

struct Trigger {
    team: String,
    user: String,
    until_ms: u64,
    used: bool,
}

struct Response {
    team: String,
    channel: String,
    user: String,
    until_ms: u64,
    uses: u32,
}

/// A dialog in front of a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dialog {
    pub id: String,
    pub team: String,
    pub user: String,
    pub view: Value,
    /// What was said about its fields when it was sent in.
    pub errors: Option<Value>,
}

/// A line only one person sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Whisper {
    pub ts: String,
    pub team: String,
    pub channel: String,
    pub user: String,
    pub thread_ts: Option<String>,
    pub text: String,
    pub blocks: Option<Value>,
}

impl Surfaces {
    fn next(&mut self, prefix: &str) -> String {
        self.last = clock::now_micros().max(self.last + 1);
        format!("{prefix}{}", self.last)
    }

    pub(crate) fn new_trigger(&mut self, team: &str, user: &str) -> String {
        let id = self.next("1.2.");
        let until_ms = clock::now_ms() + TRIGGER_MS;
        let trigger = Trigger { team: team.into(), user: user.into(), until_ms, used: false };
        self.triggers.insert(id.clone(), trigger);
        id
    }

    pub(crate) fn new_response(&mut self, team: &str, channel: &str, user: &str) -> String {
        let id = self.next("r");
        let until_ms = clock::now_ms() + RESPONSE_MS;
        let (team, channel, user) = (team.into(), channel.into(), user.into());
        self.responses.insert(id.clone(), Response { team, channel, user, until_ms, uses: 0 });
        id
    }

    /// The place an answer belongs to, if the address may be used once more.
    fn use_response(&mut self, id: &str) -> Result<(String, String, String), &'static str> {
        let response = self.responses.get_mut(id).ok_or("invalid_url")?;
        if clock::now_ms() > response.until_ms {
            return Err("expired_url");
        }
        if response.uses == RESPONSE_USES {
            return Err("used_url");
        }
        response.uses += 1;
        Ok((response.team.clone(), response.channel.clone(), response.user.clone()))
    }

    pub(crate) fn dialogs(&self, team: &str, user: &str) -> Vec<Dialog> {
        self.dialogs.iter().filter(|dialog| dialog.team == team && dialog.user == user).cloned().collect()
    }

    pub(crate) fn dialog_mut(&mut self, team: &str, id: &str) -> Option<&mut Dialog> {
        self.dialogs.iter_mut().find(|dialog| dialog.team == team && dialog.id == id)
    }

    pub(crate) fn close(&mut self, id: &str) {
        self.dialogs.retain(|dialog| dialog.id != id);
    }

    pub(crate) fn home(&self, team: &str, user: &str) -> Option<Value> {
        self.homes.get(&(team.to_owned(), user.to_owned())).cloned()
    }

    pub(crate) fn whispers(&self, team: &str, user: &str) -> Vec<Whisper> {
        self.whispers.iter().filter(|line| line.team == team && line.user == user).cloned().collect()
    }

    pub(crate) fn whisper(&mut self, (team, channel, user): (&str, &str, &str), body: &Value) -> String {
        let ts = self.next("");
        self.whispers.push(Whisper {
            ts: ts.clone(),
            team: team.into(),
            channel: channel.into(),
            user: user.into(),
            thread_ts: body["thread_ts"].as_str().map(str::to_owned),
            text: body["text"].as_str().unwrap_or_default().to_owned(),
            blocks: body.get("blocks").filter(|blocks| blocks.is_array()).cloned(),
        });
        ts
    }
}

/// `chat.postEphemeral`.
pub(crate) fn post_ephemeral(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let channel = args.need("channel", "channel_not_found")?;
    let user = args.need("user", "user_not_in_channel")?;
    let blocks = args.structured("blocks", "invalid_blocks_format")?;
    if let Some(blocks) = &blocks {
        blocks::check(blocks)?;
    }
    let text = args.text("text").unwrap_or_default();
    if text.is_empty() && blocks.is_none() {
        return Err(Refusal::new("no_text"));
    }
    let mut world = core.world();
    find(&mut world, &caller.team, &channel, Access::Write)?;
    let body = json!({ "text": text, "blocks": blocks, "thread_ts": args.text("thread_ts") });
    let ts = world.surfaces.whisper((&caller.team, &channel, &user), &body);
    world.record(HistoryEntry {
        channel: Some(channel),
        text: Some(text),
        method: Some("chat.postEphemeral".into()),
        ..HistoryEntry::new(HistoryKind::Whisper, &caller.team)
    });
    Ok(json!({ "ok": true, "message_ts": ts }))
}

/// `views.open`.
pub(crate) fn open_view(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let trigger_id = args.need("trigger_id", "invalid_arguments")?;
    let view = read_view(args, "modal")?;
    let mut world = core.world();
    let trigger = world.surfaces.triggers.get_mut(&trigger_id).ok_or(Refusal::new("invalid_trigger_id"))?;
    if trigger.team != caller.team {
        return Err(Refusal::new("invalid_trigger_id"));
    }
    if trigger.used {
        return Err(Refusal::new("exchanged_trigger_id"));
    }
    if clock::now_ms() > trigger.until_ms {
        return Err(Refusal::new("expired_trigger_id"));
    }
    trigger.used = true;
    let user = trigger.user.clone();
    let id = world.surfaces.next("V");
    let dialog = Dialog { id: id.clone(), team: caller.team.clone(), user, view: view.clone(), errors: None };
    world.surfaces.dialogs.push(dialog);
    record_view(&mut world, caller, "views.open");
    Ok(json!({ "ok": true, "view": shown(&view, &id, caller) }))
}

/// `views.update`.
pub(crate) fn update_view(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("view_id", "not_found")?;
    let view = read_view(args, "modal")?;
    let mut world = core.world();
    let dialog = world.surfaces.dialog_mut(&caller.team, &id).ok_or(Refusal::new("not_found"))?;
    (dialog.view, dialog.errors) = (view.clone(), None);
    record_view(&mut world, caller, "views.update");
    Ok(json!({ "ok": true, "view": shown(&view, &id, caller) }))
}

/// `views.publish`.
pub(crate) fn publish_view(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let user = args.need("user_id", "invalid_arguments")?;
    if !people::is_user_id(&user) {
        return Err(Refusal::new("user_not_found"));
    }
    let view = read_view(args, "home")?;
    let mut world = core.world();
    world.surfaces.homes.insert((caller.team.clone(), user.clone()), view.clone());
    record_view(&mut world, caller, "views.publish");
    Ok(json!({ "ok": true, "view": shown(&view, &format!("VHOME{user}"), caller) }))
}

/// What is posted to a `response_url`; the status and words Slack answers with.
pub(crate) fn respond(core: &Core, id: &str, body: &Value) -> Result<(), &'static str> {
    let mut world = core.world();
    if body.get("blocks").is_some_and(|blocks| blocks::check(blocks).is_err()) {
        return Err("invalid_blocks");
    }
    let (team, channel, user) = world.surfaces.use_response(id)?;
    world.surfaces.whisper((&team, &channel, &user), body);
    let entry = HistoryEntry::new(HistoryKind::Whisper, &team);
    world.record(HistoryEntry { channel: Some(channel), method: Some("response_url".into()), ..entry });
    Ok(())
}

fn record_view(world: &mut super::world::World, caller: &Caller, method: &str) {
    let entry = HistoryEntry::new(HistoryKind::View, &caller.team);
    world.record(HistoryEntry { method: Some(method.to_owned()), ..entry });
}

fn shown(view: &Value, id: &str, caller: &Caller) -> Value {
    let mut view = view.clone();
    view["id"] = json!(id);
    view["team_id"] = json!(caller.team);
    view["hash"] = json!("1.simulated");
    view
}

fn read_view(args: &Args, kind: &str) -> Result<Value, Refusal> {
    let view = args.structured("view", "invalid_arguments")?.ok_or(Refusal::new("invalid_arguments"))?;
    let wrong =
        |what: String| Refusal { messages: vec![format!("[ERROR] {what}")], ..Refusal::new("invalid_arguments") };
    if view.to_string().len() > VIEW_BYTES_MAX {
        return Err(Refusal::new("view_too_large"));
    }
    if view["type"] != kind {
        return Err(wrong(format!("unsupported type: {} [json-pointer:/view/type]", view["type"])));
    }
    blocks::check_list(view.get("blocks").unwrap_or(&Value::Null), VIEW_BLOCKS_MAX)?;
    for (name, chars_max) in [("callback_id", VIEW_ID_CHARS_MAX), ("private_metadata", VIEW_METADATA_CHARS_MAX)] {
        if view[name].as_str().is_some_and(|text| text.chars().count() > chars_max) {
            return Err(wrong(format!(
                "must be less than {} characters [json-pointer:/view/{name}]",
                chars_max + 1
            )));
        }
    }
    if kind == "home" {
        return Ok(view);
    }
    let has_input =
        view["blocks"].as_array().is_some_and(|list| list.iter().any(|block| block["type"] == "input"));
    for (name, needed) in [("title", true), ("submit", has_input), ("close", false)] {
        let text = view[name]["text"].as_str().unwrap_or_default();
        let missing = needed && (text.is_empty() || view[name]["type"] != "plain_text");
        if missing || text.chars().count() > VIEW_TITLE_CHARS_MAX {
            return Err(wrong(format!(
                "1 to {VIEW_TITLE_CHARS_MAX} characters of plain text [json-pointer:/view/{name}]"
            )));
        }
    }
    Ok(view)
}

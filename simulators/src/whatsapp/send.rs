//! The messages that Meta takes and refuses, and what becomes of those it takes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Core,
    graph::{Answer, Refusal},
    news,
    types::{Pace, PhoneEntry, WhatsAppHistory},
    world::{World, user_id_of},
};
use crate::{clock, faults::FaultKind};

const TEXT_CHARS_MAX: usize = 4_096;
const BODY_CHARS_MAX: usize = 1_024;
const TITLE_CHARS_MAX: usize = 20;
const BUTTONS_MAX: usize = 3;
const ROWS_MAX: usize = 10;
const WINDOW_SECONDS: i64 = 24 * 3_600;

/// What a body says, in the form a phone shows it.
struct Shown {
    kind: &'static str,
    text: String,
    buttons: Vec<String>,
}

pub(super) fn send(core: &Arc<Core>, number: &str, body: &Value) -> Answer {
    let mut world = core.world();
    let person = recipient(&mut world, number, body)?;
    if body["type"] == "reaction" {
        return react(&mut world, number, body);
    }
    let shown = read_message(&mut world, number, body)?;
    let id = world.next_message_id();
    // A user id in `to` reaches nobody, without a word.
    let held = core.options().holds_for_quality;
    let Some(person) = person else { return Ok(accepted(&id, body, held)) };
    let chat = world.chat(number, &person);
    let open = chat.wrote_at.is_some_and(|at| clock::now_seconds() - at < WINDOW_SECONDS);
    let refused = (shown.kind != "template" && !open).then_some((131_047, "Re-engagement message"));
    let refused = refused.or_else(|| {
        (shown.kind == "template" && chat.opted_out).then_some((131_050, "User has stopped marketing messages"))
    });
    if let (Some((code, title)), true) = (refused, core.options().window_refused_at_once) {
        return Err(Refusal::new(code, title));
    }
    let struck = match core.faults.strike("status", Some(&person)) {
        Some(FaultKind::GraphError(code)) => Some((code, "simulated")),
        _ => refused,
    };
    let entry = PhoneEntry {
        id: id.clone(),
        incoming: true,
        kind: shown.kind.into(),
        text: shown.text,
        buttons: shown.buttons,
        status: "sent".into(),
        reaction: None,
        at: clock::now_seconds(),
    };
    if struck.is_none() {
        if body["text"]["preview_url"] == true {
            core.previews.fetch((&core.runtime, &core.http), &entry.text);
        }
        let chat = world.chat(number, &person);
        chat.typing_until = 0;
        chat.entries.push(entry.clone());
    }
    world.record(WhatsAppHistory {
        seq: 0,
        what: "message".into(),
        number: number.to_owned(),
        name: person.clone(),
        status: None,
        id: Some(id.clone()),
        body: body.clone(),
    });
    let category = if entry.kind == "template" { "utility" } else { "service" };
    progress(core, &mut world, number, &person, &id, body, category, struck);
    Ok(accepted(&id, body, held))
}

fn accepted(id: &str, body: &Value, held: bool) -> Value {
    let status = if held { "held_for_quality_assessment" } else { "accepted" };
    let person = body["to"].as_str().or(body["recipient"].as_str()).unwrap_or_default();
    json!({
        "messaging_product": "whatsapp",
        "contacts": [{ "input": person, "wa_id": person }],
        "messages": [{ "id": id, "message_status": status }],
    })
}

/// The phone number a message goes to; `None` if it goes nowhere.
fn recipient(world: &mut World, number: &str, body: &Value) -> Result<Option<String>, Refusal> {
    if let Some(to) = body["to"].as_str() {
        let to = to.trim_start_matches('+');
        return Ok((!to.is_empty() && to.bytes().all(|byte| byte.is_ascii_digit())).then(|| to.to_owned()));
    }
    let Some(user_id) = body["recipient"].as_str() else {
        return Err(Refusal::new(131_008, "The parameter to is required."));
    };
    world.person_of(number, user_id).map(Some).ok_or_else(|| Refusal::new(131_026, "Message undeliverable"))
}

fn react(world: &mut World, number: &str, body: &Value) -> Answer {
    let reaction = &body["reaction"];
    let id = reaction["message_id"].as_str().unwrap_or_default();
    let emoji = reaction["emoji"].as_str().unwrap_or_default().to_owned();
    let Some((_, entry)) = world.find(number, id) else {
        return Err(Refusal::new(131_009, "The message to react to does not exist."));
    };
    entry.reaction = Some(emoji).filter(|emoji| !emoji.is_empty());
    world.touch();
    let id = world.next_message_id();
    Ok(accepted(&id, body, false))
}

fn read_message(world: &mut World, number: &str, body: &Value) -> Result<Shown, Refusal> {
    let text = |value: &Value, max: usize| {
        let text = value.as_str().unwrap_or_default();
        let fits = !text.is_empty() && text.chars().count() <= max;
        fits.then(|| text.to_owned())
            .ok_or_else(|| Refusal::new(131_009, format!("A text of 1 to {max} characters is needed.")))
    };
    match body["type"].as_str().unwrap_or("text") {
        "text" => {
            Ok(Shown { kind: "text", text: text(&body["text"]["body"], TEXT_CHARS_MAX)?, buttons: Vec::new() })
        }
        "template" => template(world, number, &body["template"]),
        "interactive" => {
            let interactive = &body["interactive"];
            let shown = text(&interactive["body"]["text"], BODY_CHARS_MAX)?;
            Ok(Shown { kind: "interactive", text: shown, buttons: buttons(interactive)? })
        }
        kind @ ("image" | "document" | "audio" | "video" | "sticker") => {
            let id = body[kind]["id"].as_str().unwrap_or_default();
            if world.files.get(id).is_none_or(|file| file.number != number) {
                return Err(Refusal::new(131_053, "Media upload error: no such media"));
            }
            let caption = body[kind]["caption"].as_str().unwrap_or_default();
            let name = body[kind]["filename"].as_str().unwrap_or(id);
            Ok(Shown {
                kind: "media",
                text: format!("[{kind} {name}] {caption}").trim().to_owned(),
                buttons: Vec::new(),
            })
        }
        other => Err(Refusal::new(131_051, format!("Unsupported message type {other}"))),
    }
}

fn template(world: &mut World, number: &str, template: &Value) -> Result<Shown, Refusal> {
    let name = template["name"].as_str().unwrap_or_default().to_owned();
    let language = template["language"]["code"].as_str().unwrap_or_default().to_owned();
    match world.number(number).templates.get(&(name.clone(), language)).map(String::as_str) {
        Some("APPROVED") => {}
        Some(_) => return Err(Refusal::new(132_015, "Template is paused")),
        None => return Err(Refusal::new(132_001, "Template name does not exist in the translation")),
    }
    let parameters = template["components"][0]["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let words: Vec<&str> = parameters.iter().filter_map(|parameter| parameter["text"].as_str()).collect();
    if words.iter().any(|text| text.contains('\n')) {
        return Err(Refusal::new(132_018, "Parameter text must not have new-line characters"));
    }
    Ok(Shown {
        kind: "template",
        text: format!("[{name}] {}", words.join(" ")).trim().to_owned(),
        buttons: Vec::new(),
    })
}

fn buttons(interactive: &Value) -> Result<Vec<String>, Refusal> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let action = &interactive["action"];
    let titles: Vec<String> = match interactive["type"].as_str().unwrap_or_default() {
        "button" => list(&action["buttons"])
            .iter()
            .filter_map(|button| button["reply"]["title"].as_str().map(str::to_owned))
            .collect(),
        "list" => list(&action["sections"])
            .iter()
            .flat_map(|section| list(&section["rows"]))
            .filter_map(|row| row["title"].as_str().map(str::to_owned))
            .collect(),
        "request_contact_info" => vec!["Share phone number".into()],
        _ => return Err(Refusal::new(131_009, "Interactive type is invalid")),
    };
    let max = if interactive["type"] == "button" { BUTTONS_MAX } else { ROWS_MAX };
    let title_max = if interactive["type"] == "button" { TITLE_CHARS_MAX } else { 24 };
    if titles.is_empty() || titles.len() > max || titles.iter().any(|title| title.chars().count() > title_max) {
        return Err(Refusal::new(131_009, "Buttons: too many, or a title too long"));
    }
    Ok(titles)
}

/// Sends the statuses that follow a message.
#[expect(clippy::too_many_arguments, reason = "what a status is made of")]
fn progress(
    core: &Arc<Core>,
    world: &mut World,
    number: &str,
    person: &str,
    id: &str,
    body: &Value,
    category: &str,
    failed: Option<(i64, &str)>,
) {
    let all: &[&str] = match core.options().pace {
        Pace::Silent => return,
        _ if failed.is_some() => &["failed"],
        Pace::Sent => &["sent"],
        Pace::Delivered => &["sent", "delivered"],
        Pace::Read => &["sent", "delivered", "read"],
        Pace::Upset => &["read", "read", "delivered", "sent", "delivered", "sent"],
    };
    let user_id = user_id_of(number, person);
    for status in all {
        let mut value = news::status(id, status, person, &user_id, category);
        if let Some((code, title)) = failed {
            value["errors"] = json!([{ "code": code, "title": title, "message": title }]);
        }
        if let Some(data) = body["biz_opaque_callback_data"].as_str() {
            value["biz_opaque_callback_data"] = json!(data);
        }
        if let Some((_, entry)) = world.find(number, id) {
            let rank = |status: &str| ["sent", "delivered", "read"].iter().position(|known| *known == status);
            if rank(status) > rank(&entry.status) {
                entry.status = (*status).to_owned();
            }
        }
        let contacts = json!([{ "wa_id": person, "user_id": user_id, "profile": { "name": "Ada" } }]);
        let content = json!({ "contacts": contacts, "statuses": [value] });
        core.send(world, number, "messages", news::value(number, content));
    }
}

/// Read marks and the typing indicator.
pub(super) fn read(core: &Arc<Core>, number: &str, body: &Value) -> Answer {
    let mut world = core.world();
    let id = body["message_id"].as_str().unwrap_or_default();
    let Some((person, entry)) = world.find(number, id) else {
        return Err(Refusal::new(131_009, "The message to mark as read does not exist."));
    };
    if entry.incoming {
        return Err(Refusal::new(131_009, "Only messages of people can be marked as read."));
    }
    entry.status = "read".into();
    if body["typing_indicator"]["type"] == "text" {
        world.type_now(number, &person);
    }
    world.touch();
    Ok(json!({ "success": true }))
}

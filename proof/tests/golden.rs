//! What Slack sends, payload by payload (`gateway/tests/golden/slack/`), and what it becomes: one snapshot to look at.
//!
//! After a change of the normalized form: `INSTA_UPDATE=always cargo test --workspace --test golden`, then read the
//! snapshot's difference. A new payload is one more file.

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf};

use gateway::testing::{self, Unreadable};
use proof::fuzz;
use serde_json::{Value, json};
use shared::{
    crypto::FingerprintKey,
    db::{
        changes::Change,
        inbox::{Arrival, Content},
        system::Route,
    },
    ids::{ConnectionId, TenantId},
};
use time::{OffsetDateTime, macros::datetime};
use url::form_urlencoded;
use uuid::Uuid;

const PAYLOADS_LEAST: usize = 80;
/// The day they were written.
const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

/// The files of one folder by name.
fn payloads(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../gateway/tests/golden/slack").join(folder);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        (name, fs::read(&path).expect("the file can be read"))
    };
    let paths = files.map(|file| file.expect("the folder can be read").path());
    paths.filter(|path| path.is_file()).map(read).collect()
}

fn kona() -> Route {
    Route {
        tenant: TenantId::from_uuid(Uuid::from_u128(1)),
        connection: ConnectionId::from_uuid(Uuid::from_u128(2)),
        bot_user_id: "U0KONA9RT".into(),
        bot_id: "B0KONA4WE".into(),
        account: String::new(),
        answers_bots: false,
        has_desk: false,
    }
}

/// What becomes of these bytes, in words.
fn outcome(raw: &[u8]) -> String {
    let envelope = match testing::parse(raw) {
        Ok(envelope) => envelope,
        Err(Unreadable::NotAnEvent(sentence)) => return format!("refused: {sentence}\n"),
        Err(Unreadable::Damaged) => return "quarantined: damaged\n".into(),
    };
    let installation = envelope.installation().unwrap_or("nobody");
    if envelope.kind != "event_callback" {
        return format!("{} for {installation}\n", envelope.kind);
    }
    let route = kona();
    if let Some(news) = testing::read_news(&envelope, &route, NOW) {
        return format!("for {installation}: {news:?}\n");
    }
    match testing::read(&envelope, &route, NOW) {
        testing::Read::NoChange => {}
        testing::Read::Nothing => return format!("for {installation}: no change of a person's\n"),
        testing::Read::Changed(changed) => {
            let Change { external_id, changed_at, what, concerns_agent, .. } =
                changed.change(&FingerprintKey::new([7; 32]), &route);
            let asks = if changed.message.is_some() { ", a question as it reads now" } else { "" };
            let whose = if concerns_agent { "kept" } else { "kept where the agent takes part" };
            return format!("for {installation}: {whose}{asks}\n{external_id} at {changed_at}: {what:?}\n");
        }
    }
    let Some(kept) = testing::normalize(&envelope, &route, NOW) else {
        return format!("for {installation}: not kept\n");
    };
    let manner = [(kept.follows_closely, "follows closely"), (kept.is_mention, "a mention")];
    let arrival = kept.into_arrival(&FingerprintKey::new([7; 32]), &route, raw.to_vec(), None);
    let manner = manner.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| format!(", {word}"));
    let mut text = format!("for {installation}: {}{}\n", whom(&arrival), manner.collect::<String>());
    text.push_str(&content(&arrival.content));
    text
}

fn whom(arrival: &Arrival) -> &'static str {
    match (arrival.addressed, arrival.known_lane_only) {
        (true, _) => "addressed",
        (false, true) => "kept where the agent takes part",
        (false, false) => "kept",
    }
}

fn content(content: &Content) -> String {
    match content {
        Content::Message(message) => serde_yaml_ng::to_string(message).expect("a message can be written"),
        other => format!("{other:?}\n"),
    }
}

#[test]
fn every_payload_becomes_what_the_snapshot_says() {
    let payloads = payloads("");
    assert!(payloads.len() >= PAYLOADS_LEAST, "{} payloads", payloads.len());
    let mut all = String::new();
    for (name, raw) in &payloads {
        writeln!(all, "## {name}\n{}", outcome(raw)).expect("a string takes everything");
    }
    insta::assert_snapshot!("slack", all);
}

/// `payload=…`, as a click arrives.
fn click(json: &Value) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).append_pair("payload", &json.to_string()).finish().into_bytes()
}

/// The fields of a command.
fn form(json: &Value) -> Vec<u8> {
    let fields = json.as_object().expect("an object").iter();
    let pairs = fields.map(|(name, value)| (name, value.as_str().expect("a form has texts")));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
}

fn pressed(raw: &[u8]) -> String {
    let payload = match testing::payload(raw) {
        Ok(payload) => payload,
        Err(why) => return format!("refused: {}\n", why.0),
    };
    let told = json!({
        "kind": payload.kind, "installation": payload.installation(), "app": payload.app_id(),
        "user": payload.user(), "outsider": payload.is_outsider(), "channel": payload.channel(),
        "act": payload.act(), "identity": payload.identity(), "note": payload.field("note", "text"),
        "action": payload.action().map(|action| json!([action.name(), action.reference(), shortened(&action.value)])),
        "message": [&payload.message.ts, &payload.message.user, &payload.message.text],
    });
    serde_yaml_ng::to_string(&told).expect("it can be written")
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

fn commanded(raw: &[u8]) -> String {
    if testing::is_certificate_check(raw) {
        return "Slack looks at the certificate\n".into();
    }
    let command = match testing::command(raw) {
        Ok(command) => command,
        Err(why) => return format!("refused: {}\n", why.0),
    };
    let told = json!({
        "command": command.name(), "text": command.text(), "installation": command.installation(),
        "app": command.app_id(), "user": command.user(), "channel": command.channel(),
        "trigger": command.trigger(),
    });
    serde_yaml_ng::to_string(&told).expect("it can be written")
}

/// Each payload of a folder as a form, and what is read from it.
fn told_of(folder: &str, form: fn(&Value) -> Vec<u8>, tell: fn(&[u8]) -> String, target: &str) -> String {
    let target = fuzz::find(target);
    let mut all = String::new();
    for (name, json) in payloads(folder) {
        let raw = form(&serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{name}: {error}")));
        let held = std::panic::catch_unwind(|| (target.run)(&raw));
        assert!(held.is_ok(), "{name} breaks {}", target.name);
        writeln!(all, "## {name}\n{}", tell(&raw)).expect("a string takes everything");
    }
    all
}

#[test]
fn what_people_press_and_command_is_read_as_the_snapshots_say() {
    insta::assert_snapshot!("slack_interactions", told_of("interactions", click, pressed, "slack_interaction"));
    insta::assert_snapshot!("slack_commands", told_of("commands", form, commanded, "slack_command"));
}

#[test]
fn every_payload_keeps_the_promises_of_the_fuzz_target() {
    let target = fuzz::find("slack_event");
    for (name, raw) in payloads("") {
        let held = std::panic::catch_unwind(|| (target.run)(&raw));
        assert!(held.is_ok(), "{name} breaks {}", target.name);
    }
}

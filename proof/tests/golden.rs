//! What Slack sends, payload by payload (`gateway/tests/golden/slack`), and what it becomes: one snapshot to look at.
//!
//! After a change of the normalized form: `INSTA_UPDATE=always cargo test --workspace --test golden`, then read the
//! snapshot's difference. A new payload is one more file.

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf};

use gateway::testing::{self, Unreadable};
use proof::fuzz;
use shared::{
    crypto::FingerprintKey,
    db::{
        inbox::{Arrival, Content},
        system::Route,
    },
    ids::{ConnectionId, TenantId},
};
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

const PAYLOADS_LEAST: usize = 80;
/// The day they were written.
const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

fn payloads() -> BTreeMap<String, Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../gateway/tests/golden/slack");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        (name, fs::read(&path).expect("the file can be read"))
    };
    files.map(|file| read(file.expect("the folder can be read").path())).collect()
}

fn kona() -> Route {
    Route {
        tenant: TenantId::from_uuid(Uuid::from_u128(1)),
        connection: ConnectionId::from_uuid(Uuid::from_u128(2)),
        bot_user_id: "U0KONA9RT".into(),
        bot_id: "B0KONA4WE".into(),
        account: String::new(),
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
    let payloads = payloads();
    assert!(payloads.len() >= PAYLOADS_LEAST, "{} payloads", payloads.len());
    let mut all = String::new();
    for (name, raw) in &payloads {
        writeln!(all, "## {name}\n{}", outcome(raw)).expect("a string takes everything");
    }
    insta::assert_snapshot!("slack", all);
}

#[test]
fn every_payload_keeps_the_promises_of_the_fuzz_target() {
    let target = fuzz::find("slack_event");
    for (name, raw) in payloads() {
        let held = std::panic::catch_unwind(|| (target.run)(&raw));
        assert!(held.is_ok(), "{name} breaks {}", target.name);
    }
}

//! Every kind of message of the contract, and what it comes to: a change of wording is a readable diff.

use serde_json::{Value, json};
use time::macros::datetime;

use super::{
    whatsapp_event::pieces,
    whatsapp_row::{Kept, normalize},
};

const CASES: &str = include_str!("golden/whatsapp.json");

/// A body as Meta sends it, around the message of the case.
fn body(case: &Value) -> String {
    let mut message = json!({
        "from": "4915100000001", "from_user_id": "DE.1a2b3c", "id": "wamid.IN", "timestamp": "1767000000",
    });
    for (name, value) in case["message"].as_object().into_iter().flatten() {
        message[name] = value.clone();
    }
    let ada = json!([{ "profile": { "name": "Ada" }, "wa_id": "4915100000001", "user_id": "DE.1a2b3c" }]);
    let contacts = case.get("contacts").unwrap_or(&ada);
    let value = json!({
        "messaging_product": "whatsapp", "metadata": { "phone_number_id": "PN1" }, "contacts": contacts,
        "messages": [message],
    });
    let changes = json!([{ "field": "messages", "value": value }]);
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "WABA1", "changes": changes }] }).to_string()
}

fn told(case: &Value) -> String {
    let body = body(case);
    let found = pieces(&body).unwrap();
    let [piece] = found.as_slice() else { panic!("one message is one piece: {found:?}") };
    match normalize(piece, datetime!(2026-01-01 12:00 UTC)) {
        Kept::Odd(reason) => format!("put aside: {reason}"),
        Kept::Status(_) => "a status".into(),
        Kept::Reaction(reaction) => format!("{reaction:?}"),
        Kept::Rewritten(rewritten) => format!("{rewritten:?}"),
        Kept::Row(row) => match (row.message, row.change) {
            (Some(message), _) => {
                let profile = message.profile.unwrap();
                let by = format!("{} ({}, {:?})", message.author, profile.name, profile.phone.unwrap_or_default());
                format!("{:?} by {by} at {}", message.text, message.sent_at)
            }
            (None, Some(change)) => format!("ignored: {}; {change:?}", row.reason),
            (None, None) => format!("ignored: {}", row.reason),
        },
    }
}

#[test]
fn every_kind_of_message_has_its_words() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    let lines: Vec<String> =
        cases.iter().map(|case| format!("{}: {}", case["name"].as_str().unwrap(), told(case))).collect();
    insta::assert_snapshot!("whatsapp_messages", lines.join("\n"));
}

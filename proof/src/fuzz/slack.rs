//! What Slack sends, or somebody who says he is Slack: events, their text, signatures, addresses, answers to our calls.

use gateway::testing::{self, Envelope, Unreadable};
use serde_json::Value;
use shared::{
    channels::CallError,
    crypto::FingerprintKey,
    db::{
        changes::What,
        inbox::{Arrival, Content},
        system::Route,
    },
    ids::{ConnectionId, TenantId},
    message::{TEXT_MAX, is_hidden},
    testing::slack_verdict,
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::first_line;

const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
const BOT: &str = "UBOT";
/// What is added to a text that is cut.
const MARK: usize = 16;
/// Longest name of a lane for what is no message.
const LANES_LIKE: usize = 64;

fn route() -> Route {
    Route {
        tenant: TenantId::from_uuid(Uuid::from_u128(1)),
        connection: ConnectionId::from_uuid(Uuid::from_u128(2)),
        bot_user_id: BOT.into(),
        bot_id: "BBOT".into(),
        account: String::new(),
        answers_bots: false,
        has_desk: false,
    }
}

/// From bytes to what is stored. The same bytes give the same arrival; what a message says can be stored and shown.
pub fn event(raw: &[u8]) {
    let envelope = match testing::parse(raw) {
        Ok(envelope) => envelope,
        Err(Unreadable::NotAnEvent(sentence)) => return assert!(sentence.ends_with('.')),
        Err(Unreadable::Damaged) => return,
    };
    for id in [envelope.installation(), envelope.app_id()].into_iter().flatten() {
        assert_id(id);
    }
    if let testing::Read::Changed(changed) = testing::read(&envelope, &route(), NOW) {
        changes(&changed);
    }
    let (one, other) = (arrival(raw, &envelope), arrival(raw, &envelope));
    let Some(arrival) = one else { return assert!(other.is_none()) };
    let again = other.expect("the same bytes are kept again");
    let key = |arrival: &Arrival| (arrival.event_key, arrival.message_key, arrival.conversation);
    assert_eq!(key(&arrival), key(&again));
    assert!(arrival.addressed != arrival.known_lane_only || !arrival.addressed, "what is addressed opens a lane");
    let Content::Message(message) = &arrival.content else {
        return assert!(arrival.message_key.is_none(), "what is no message has no message's identity");
    };
    assert!(arrival.message_key.is_some());
    for id in [&message.external_id, &message.channel, &message.author] {
        assert_id(id);
    }
    message.thread.iter().for_each(|thread| assert_id(thread));
    assert!(message.text.chars().count() <= TEXT_MAX + MARK, "{} characters", message.text.chars().count());
    assert!(!message.text.contains('\0'), "PostgreSQL refuses it");
    assert!(!message.text.contains(is_hidden), "nobody sees that");
    assert!(message.sent_at <= NOW + Duration::minutes(5) && message.sent_at.unix_timestamp() > 0);
    // As the database stores and the orchestrator reads it.
    let stored = serde_json::to_string(message).expect("a message can be written");
    let read = serde_json::from_str(&stored).expect("a message can be read");
    assert_eq!(**message, read);
}

fn changes(changed: &testing::Changed) {
    let change = changed.change(&FingerprintKey::new([7; 32]), &route());
    assert_id(&change.external_id);
    assert!(change.changed_at <= NOW + Duration::minutes(5) && change.changed_at.unix_timestamp() > 0);
    match change.what {
        What::Edited { text, addressed, .. } => {
            assert!(text.chars().count() <= TEXT_MAX + MARK && !text.contains('\0') && !text.contains(is_hidden));
            assert!(addressed || changed.message.is_none(), "only what is addressed may be asked anew");
        }
        What::Deleted => assert!(changed.message.is_none(), "what is gone asks nothing"),
    }
}

fn arrival(raw: &[u8], envelope: &Envelope) -> Option<Arrival> {
    let kept = testing::normalize(envelope, &route(), NOW)?;
    Some(kept.into_arrival(&FingerprintKey::new([7; 32]), &route(), raw.to_vec(), None))
}

pub(super) fn assert_id(id: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    assert!(!id.is_empty() && id.len() <= LANES_LIKE && id.bytes().all(plain), "{id:?} is no id");
}

/// Slack's mark-up as a person reads it.
pub fn text(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let plain = testing::to_plain(&text, BOT);
    assert!(
        plain.text.len() <= text.len() + text.matches('<').count() * 3,
        "a link gains two brackets and a space"
    );
    assert_eq!(plain.text.trim(), plain.text);
    if testing::mentions(&text, BOT) {
        assert!(text.contains("<@UBOT"));
    }
    assert!(!testing::mentions(&text, ""), "nobody is not mentioned");

    let repaired = testing::without_lone_surrogates(&text);
    assert_eq!(testing::without_lone_surrogates(&repaired), repaired, "once is enough");
    if let Ok(value) = serde_json::from_str::<Value>(&text) {
        assert_eq!(repaired, text, "what is readable needs no repair");
        let found = testing::of_blocks(Some(&value));
        assert!(found.len() <= text.len() * 4 + 8, "text is found, not made");
        let files = [Some(found.as_str()), None];
        assert!(testing::with_files(String::new(), files.into_iter()).starts_with("[attached file: "));
    }
}

/// Timestamp and signature, a line each.
pub fn signature(input: &[u8]) {
    let (timestamp, rest) = first_line(input);
    let (signature, rest) = first_line(rest);
    let mut headers =
        vec![("x-slack-request-timestamp", timestamp.as_bytes()), ("x-slack-signature", signature.as_bytes())];
    if rest.starts_with(b"twice") {
        headers.push(("x-slack-signature", b"v0="));
    }
    let now = NOW.unix_timestamp();
    if testing::reads_signature(&headers, now) == Some(true) {
        let seconds: i64 = timestamp.parse().expect("a timestamp is a number");
        assert!(now.abs_diff(seconds) <= 300, "{seconds} is not now");
        assert!(signature.starts_with("v0=") && !rest.starts_with(b"twice"));
    }
}

/// The address of a request, which may name a connection.
pub fn address(input: &[u8]) {
    let address = String::from_utf8_lossy(input);
    if testing::addressee(&address) {
        assert!(address.contains("tenant") && address.contains("connection"), "{address}");
    }
}

/// What a call to the Web API was answered with: two bytes of status, then the body. Only `ok` is a yes.
pub fn answer(input: &[u8]) {
    let (line, body) = first_line(input);
    let Some(verdict) = line.trim().parse().ok().and_then(|status| slack_verdict(status, body)) else { return };
    let said_ok = serde_json::from_slice::<Value>(body).is_ok_and(|value| value["ok"] == true);
    match verdict {
        Ok(_) => assert!(said_ok, "a yes that nobody said"),
        // A body that says yes is never a clear no, whatever else is wrong, unless the status says so.
        Err(CallError::Refused(why)) => assert!(!said_ok || why.starts_with("status "), "{why}"),
        Err(_) => {}
    }
}

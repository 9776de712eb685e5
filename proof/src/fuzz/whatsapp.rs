//! What Meta sends, or somebody who says he is Meta: webhooks, and answers to our calls. And our Markdown for it.

use gateway::testing::whatsapp::{self, Kept, Unreadable};
use shared::{
    channels::{
        CallError,
        whatsapp::{TEXT_MAX as PIECE_MAX, is_phone, is_user_id},
        whatsapp_text,
    },
    crypto::FingerprintKey,
    db::system::Route,
    ids::{ConnectionId, TenantId},
    message::{TEXT_MAX, is_hidden},
    testing::whatsapp_verdict,
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::first_line;

const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
/// What is added to a text that is cut.
const MARK: usize = 16;

/// From bytes to what is stored: each piece is a part of the body, and what a message says can be stored and shown.
pub fn webhook(raw: &[u8]) {
    let text = whatsapp::text_of(raw);
    let pieces = match whatsapp::pieces(&text) {
        Ok(pieces) => pieces,
        Err(Unreadable::NotAnEvent(sentence)) => return assert!(sentence.ends_with('.')),
        Err(Unreadable::Odd(reason)) => return assert!(!reason.is_empty()),
    };
    let route = Route {
        tenant: TenantId::from_uuid(Uuid::from_u128(1)),
        connection: ConnectionId::from_uuid(Uuid::from_u128(2)),
        bot_user_id: String::new(),
        bot_id: String::new(),
        account: String::new(),
        answers_bots: false,
        has_desk: false,
    };
    for piece in &pieces {
        assert!(text.contains(piece.raw), "a piece is a part of the body");
        let row = match whatsapp::normalize(piece, NOW) {
            Kept::Odd(reason) => {
                assert!(!reason.is_empty());
                continue;
            }
            Kept::Status(status) => {
                assert!(!status.external_id.is_empty() && status.at <= NOW + Duration::minutes(5));
                continue;
            }
            Kept::Reaction(reaction) => {
                assert!(!reaction.message.is_empty() && reaction.at <= NOW + Duration::minutes(5));
                assert!(is_user_id(&reaction.user) || is_phone(&reaction.user), "{}", reaction.user);
                continue;
            }
            Kept::Rewritten(rewritten) => {
                let change = rewritten.into_change(&FingerprintKey::new([7; 32]), &route);
                assert!(!change.external_id.is_empty() && change.changed_at <= NOW + Duration::minutes(5));
                continue;
            }
            Kept::Row(row) => row,
        };
        let key = FingerprintKey::new([7; 32]);
        let (one, other) = (
            row.clone().into_arrival(&key, &route, piece.raw, None),
            row.clone().into_arrival(&key, &route, piece.raw, None),
        );
        assert_eq!((one.event_key, one.conversation), (other.event_key, other.conversation));
        let Some(message) = row.message else {
            assert!(!row.reason.is_empty() && !one.addressed);
            continue;
        };
        assert!(is_user_id(&message.author) || is_phone(&message.author), "{}", message.author);
        assert!(message.text.chars().count() <= TEXT_MAX + MARK && !message.text.trim().is_empty());
        assert!(!message.text.contains('\0') && !message.text.contains(is_hidden));
        assert!(message.sent_at <= NOW + Duration::minutes(5) && message.sent_at.unix_timestamp() > 0);
        assert!(message.with_outsiders, "a customer is an outsider");
    }
}

/// A status, then the body of an answer. Only a message's id is a yes.
pub fn answer(input: &[u8]) {
    let (line, body) = first_line(input);
    let Some(verdict) = line.trim().parse().ok().and_then(|status| whatsapp_verdict(status, body)) else { return };
    let said_error =
        serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|value| value["error"]["code"].is_i64());
    match verdict {
        Ok(()) => assert!(!said_error && String::from_utf8_lossy(body).contains("messages")),
        Err(CallError::Refused(why)) => assert!(said_error || why.starts_with("status "), "{why}"),
        Err(_) => {}
    }
}

/// A model's Markdown, cut into messages that WhatsApp takes.
pub fn markdown(input: &[u8]) {
    let text = whatsapp_text::from_markdown(&String::from_utf8_lossy(input));
    assert!(!text.contains(is_hidden) && text.trim() == text);
    for piece in whatsapp_text::split(&text, PIECE_MAX) {
        assert!(piece.chars().count() <= PIECE_MAX && !piece.trim().is_empty());
    }
}

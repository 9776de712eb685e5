//! Slack's forms: what people press, send in and command.

use gateway::testing::{self, FormUnreadable};

use super::slack::assert_id;

/// Longest reference, trigger or name that is worth a look-up.
const IDENTITY_MAX: usize = 256;

/// What decides whose a payload is, is an id or missing; a refusal is one sentence and repeats nothing.
pub fn interaction(raw: &[u8]) {
    let payload = match testing::payload(raw) {
        Ok(payload) => payload,
        Err(why) => return assert_sentence(&why),
    };
    for id in [payload.installation(), payload.app_id(), payload.user()].into_iter().flatten() {
        assert_id(id);
    }
    if !payload.channel().is_empty() {
        assert_id(payload.channel());
    }
    if let Some([kind, id]) = payload.identity() {
        assert!(matches!(kind, "view" | "trigger") && !id.is_empty() && id.len() <= IDENTITY_MAX, "{kind} {id:?}");
    }
    if let Some(action) = payload.action() {
        assert!(!action.name().contains(':'), "a name ends at the colon");
        assert!(payload.kind != "block_actions" || payload.act() == action.name());
    }
    let field = payload.field("note", "text");
    assert_eq!(field.trim(), field);
}

pub fn command(raw: &[u8]) {
    let command = match testing::command(raw) {
        Ok(command) => command,
        Err(why) => return assert_sentence(&why),
    };
    for id in [command.installation(), command.app_id(), command.user(), command.channel()].into_iter().flatten() {
        assert_id(id);
    }
    assert!(command.trigger().is_none_or(|trigger| !trigger.is_empty() && trigger.len() <= IDENTITY_MAX));
    assert_eq!(command.text().trim(), command.text());
    if testing::is_certificate_check(raw) {
        assert!(command.installation().is_none() || !raw.is_empty());
    }
}

fn assert_sentence(FormUnreadable(sentence): &FormUnreadable) {
    assert!(sentence.ends_with('.') && !sentence.contains(char::is_control), "{sentence:?}");
}

//! Tests of [`super`].

use reqwest::StatusCode;

use super::*;
use crate::channels::slack_app;

fn verdict(status: u16, body: &str) -> CallError {
    judge::<Posted>(StatusCode::from_u16(status).unwrap(), None, body.as_bytes()).err().expect("an error")
}

#[test]
fn every_answer_is_one_of_yes_no_and_unclear() {
    assert!(judge::<Posted>(StatusCode::OK, None, br#"{"ok":true,"ts":"1.2"}"#).is_ok());
    assert_eq!(verdict(200, r#"{"ok":false,"error":"is_archived"}"#), CallError::Refused("is_archived".into()));
    assert_eq!(verdict(200, r#"{"ok":false,"error":"token_revoked"}"#), CallError::Dead("token_revoked".into()));
    assert_eq!(verdict(429, ""), CallError::RateLimited(Duration::from_secs(1)));
    assert_eq!(verdict(404, ""), CallError::Refused("status 404".into()));
    for unclear in
        [(503, ""), (200, "<html>"), (200, r#"{"ok":true}"#), (200, r#"{"ok":false,"error":"fatal_error"}"#)]
    {
        assert!(matches!(verdict(unclear.0, unclear.1), CallError::Ambiguous(_)), "{unclear:?}");
    }
}

#[test]
fn a_warning_comes_with_what_to_do_about_it() {
    let known = "missing_agent_session_stopped_event_subscription";
    assert!(slack_app::advice(known).is_some_and(|advice| advice.contains("Event Subscriptions")));
    assert_eq!(slack_app::advice("missing_charset"), None);
    for warning in [known, "missing_charset,superfluous_charset", ""] {
        let answer = format!(r#"{{"ok":true,"ts":"1.2","warning":"{warning}"}}"#);
        assert!(judge::<Posted>(StatusCode::OK, None, answer.as_bytes()).is_ok(), "{warning}");
    }
}

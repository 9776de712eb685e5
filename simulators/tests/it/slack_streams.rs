//! Streamed messages of the simulated Slack: what it takes, and what it refuses in Slack's own words.

use serde_json::{Value, json};
use simulators::{OptionsPatch, Say, SlackSimulator, Stop, StreamState};

use crate::harness::*;

fn with(mut body: Value, fields: Value) -> Value {
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

async fn started(slack: &SlackSimulator) -> (String, String) {
    let root = slack.say(Say::new(TEAM, "DADA", "UADA", "hi")).ts;
    let body = json!({ "channel": "DADA", "thread_ts": root, "markdown_text": "One " });
    let answer = call(slack, DEMO, "chat.startStream", body).await;
    (root, answer["ts"].as_str().unwrap().to_owned())
}

fn shown(slack: &SlackSimulator, ts: &str) -> (String, Option<StreamState>) {
    let entries = slack.transcript(TEAM, "DADA", None);
    let entry = entries.into_iter().find(|entry| entry.ts == ts).unwrap();
    (entry.text, entry.streaming)
}

#[tokio::test]
async fn a_stream_grows_and_ends_and_takes_nothing_more() {
    let slack = quiet_slack().await;
    let (_, ts) = started(&slack).await;
    let piece = json!({ "channel": "DADA", "ts": ts, "markdown_text": "two " });
    assert_eq!(call(&slack, DEMO, "chat.appendStream", piece.clone()).await["ok"], true);
    let early = json!({ "channel": "DADA", "ts": ts, "text": "other" });
    assert_eq!(error_of(&slack, "chat.update", early.clone()).await, "streaming_state_conflict");
    let end = with(
        json!({ "channel": "DADA", "ts": ts, "markdown_text": "three." }),
        json!({ "metadata": { "event_type": "t", "event_payload": { "outbox_id": "o1" } } }),
    );
    assert_eq!(call(&slack, DEMO, "chat.stopStream", end.clone()).await["ok"], true);
    assert_eq!(shown(&slack, &ts), ("One two three.".into(), Some(StreamState::Completed)));
    for (method, body) in [("chat.appendStream", piece), ("chat.stopStream", end)] {
        assert_eq!(error_of(&slack, method, body).await, "message_not_in_streaming_state", "{method}");
    }
    assert_eq!(call(&slack, DEMO, "chat.update", early).await["ok"], true);
    // Every state a person saw is in the history.
    let history = slack.history(Some(TEAM)).into_iter().filter(|entry| entry.ts.as_deref() == Some(&ts));
    let seen: Vec<_> = history.filter(|entry| entry.error.is_none()).filter_map(|entry| entry.text).collect();
    assert_eq!(seen, ["One ", "One two ", "One two three.", "other"]);
}

#[tokio::test]
async fn what_slack_refuses_is_refused() {
    let slack = quiet_slack().await;
    let (root, ts) = started(&slack).await;
    let begin = json!({ "channel": "C1", "thread_ts": root, "markdown_text": "x" });
    for (method, body, error) in [
        ("chat.startStream", json!({ "channel": "DADA", "markdown_text": "x" }), "invalid_arguments"),
        ("chat.startStream", begin.clone(), "missing_recipient_user_id"),
        ("chat.startStream", with(begin, json!({ "recipient_user_id": "UADA" })), "missing_recipient_team_id"),
        (
            "chat.appendStream",
            json!({ "channel": "DADA", "ts": "1.2", "markdown_text": "x" }),
            "message_not_found",
        ),
        (
            "chat.appendStream",
            json!({ "channel": "DADA", "ts": root, "markdown_text": "x" }),
            "message_not_owned_by_app",
        ),
        ("chat.appendStream", json!({ "channel": "DADA", "ts": ts }), "no_text"),
        (
            "chat.appendStream",
            json!({ "channel": "DADA", "ts": ts, "markdown_text": "x".repeat(11_999) }),
            "msg_too_long",
        ),
    ] {
        assert_eq!(error_of(&slack, method, body.clone()).await, error, "{method} {body}");
    }
    assert_eq!(shown(&slack, &ts).0, "One ", "what was refused is not shown");
}

#[tokio::test]
async fn streams_end_by_themselves_and_by_stop() {
    let slack = quiet_slack().await;
    let (root, ts) = started(&slack).await;
    slack.stop(&Stop { team: TEAM.into(), channel: "DADA".into(), thread_ts: root, user: "UADA".into() });
    assert_eq!(shown(&slack, &ts).1, Some(StreamState::Completed));
    let (_, ts) = started(&slack).await;
    slack.set_options(OptionsPatch { stream_idle_ms: Some(0), ..OptionsPatch::default() });
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let piece = json!({ "channel": "DADA", "ts": ts, "markdown_text": "x" });
    assert_eq!(error_of(&slack, "chat.appendStream", piece).await, "message_not_in_streaming_state");
}

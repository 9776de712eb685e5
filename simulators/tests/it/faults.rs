//! Slack misbehaves on cue: exactly as often as told, and honestly about what was stored.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulators::{FaultKind, FaultRule, SlackSimulator};

use crate::harness::*;

async fn post(slack: &SlackSimulator, channel: &str) -> reqwest::Result<reqwest::Response> {
    let url = format!("{}chat.postMessage", slack.api_url());
    let client = http().post(url).bearer_auth(DEMO).timeout(Duration::from_millis(400));
    client.json(&json!({ "channel": channel, "text": "x" })).send().await
}

fn stored(slack: &SlackSimulator) -> usize {
    slack.transcript(TEAM, "C1", None).len()
}

#[tokio::test]
async fn a_rule_skips_fires_and_is_spent() {
    let slack = quiet_slack().await;
    let kind = FaultKind::Status { code: 503, retry_after: Some(30) };
    slack.faults().add(FaultRule::always("chat.postMessage", kind).skip(1).times(2));

    let mut statuses = Vec::new();
    for _ in 0..4 {
        let answer = post(&slack, "C1").await.unwrap();
        statuses.push((answer.status().as_u16(), answer.headers().get("retry-after").is_some()));
    }
    assert_eq!(statuses, [(200, false), (503, true), (503, true), (200, false)]);
    assert_eq!(stored(&slack), 2);
    let status = &slack.faults().list()[0];
    assert_eq!((status.seen, status.fired), (4, 2));
    assert_eq!(call(&slack, DEMO, "auth.test", json!({})).await["ok"], true, "other methods are spared");
}

#[tokio::test]
async fn a_dropped_connection_stores_nothing_before_and_everything_after() {
    let slack = quiet_slack().await;
    slack.faults().add(FaultRule::once("chat.postMessage", FaultKind::DropConnectionBefore));
    assert!(post(&slack, "C1").await.is_err());
    assert_eq!(stored(&slack), 0);

    slack.faults().add(FaultRule::once("*", FaultKind::DropConnectionAfter));
    let error = post(&slack, "C1").await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
    assert_eq!(stored(&slack), 1);
}

#[tokio::test]
async fn delivered_then_timed_out_is_stored() {
    let slack = quiet_slack().await;
    slack.faults().add(FaultRule::once("chat.postMessage", FaultKind::DeliverThenTimeout(5_000)));
    assert!(post(&slack, "C1").await.unwrap_err().is_timeout());
    assert_eq!(stored(&slack), 1);
    assert!(post(&slack, "C1").await.is_ok());
}

#[tokio::test]
async fn a_delay_only_delays_and_slack_errors_store_nothing() {
    let slack = quiet_slack().await;
    slack.faults().add(FaultRule::once("chat.postMessage", FaultKind::DelayMs(120)));
    let begin = Instant::now();
    assert_eq!(post(&slack, "C1").await.unwrap().status(), 200);
    assert!(begin.elapsed() >= Duration::from_millis(120));

    slack.faults().add(FaultRule::once("*", FaultKind::SlackError("ratelimited".into())));
    let limited = post(&slack, "C1").await.unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    slack.faults().add(FaultRule::once("*", FaultKind::SlackError("token_revoked".into())));
    assert_eq!(post(&slack, "C1").await.unwrap().json::<Value>().await.unwrap()["error"], "token_revoked");
    assert_eq!(stored(&slack), 1);
}

#[tokio::test]
async fn one_channel_can_be_hit_and_chance_repeats_itself() {
    let slack = quiet_slack().await;
    let limited = FaultKind::Status { code: 429, retry_after: Some(1) };
    slack.faults().add(FaultRule::always("*", limited).target("C1"));
    assert_eq!(post(&slack, "C1").await.unwrap().status(), 429);
    assert_eq!(post(&slack, "C2").await.unwrap().status(), 200);

    let throw = async |seed: u64| {
        slack.faults().clear();
        let broken = FaultKind::Status { code: 500, retry_after: None };
        slack.faults().add(FaultRule::always("*", broken).chance(40, seed));
        let mut pattern = Vec::new();
        for _ in 0..30 {
            pattern.push(post(&slack, "C1").await.unwrap().status().is_success());
        }
        pattern
    };
    let first = throw(7).await;
    assert_eq!(first, throw(7).await);
    assert!(first.contains(&true) && first.contains(&false));
}

#[tokio::test]
async fn rules_come_and_go_over_http() {
    let slack = quiet_slack().await;
    let url = format!("http://{}/_sim/faults", slack.addr);
    let rules = json!([
        { "method": "chat.postMessage", "times": 1, "skip": 0, "kind": { "status": { "code": 500 } } },
        { "method": "*", "times": null, "channel": "C1", "kind": "drop_connection_before" },
        { "method": "chat.update", "kind": "deliver_then_timeout" },
        { "method": "chat.update", "kind": { "delay_ms": 5 } },
        { "method": "completions", "kind": { "stall_after_tokens": 3 } },
        { "method": "completions", "kind": "error_body_with_200" },
    ]);
    let answer: Value = http().post(&url).json(&rules).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["rules"].as_array().unwrap().len(), 6);
    assert_eq!(post(&slack, "C1").await.unwrap().status(), 500);
    assert!(post(&slack, "C1").await.is_err());
    let listed: Value = http().get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!((&listed["rules"][0]["fired"], &listed["rules"][1]["fired"]), (&json!(1), &json!(1)));

    http().delete(&url).send().await.unwrap();
    assert_eq!(post(&slack, "C1").await.unwrap().status(), 200);
    let nonsense = json!({ "method": "*", "kind": "explode" });
    assert_eq!(http().post(&url).json(&nonsense).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn garbage_empty_answers_and_late_errors_come_after_the_deed() {
    let slack = quiet_slack().await;
    slack.faults().add(FaultRule::once("*", FaultKind::GarbageJson));
    slack.faults().add(FaultRule::once("*", FaultKind::Empty));
    assert!(post(&slack, "C1").await.unwrap().json::<Value>().await.is_err());
    assert_eq!(post(&slack, "C1").await.unwrap().text().await.unwrap(), "");
    slack.faults().add(FaultRule::once("*", FaultKind::StatusAfter { code: 502 }));
    assert_eq!(post(&slack, "C1").await.unwrap().status(), 502);
    assert_eq!(stored(&slack), 3);
}

#[tokio::test]
async fn a_dropped_simulator_takes_its_connections_along() {
    let slack = quiet_slack().await;
    let addr = slack.addr;
    slack.faults().add(FaultRule::always("*", FaultKind::DelayMs(60_000)));
    let url = format!("{}auth.test", slack.api_url());
    let hanging = tokio::spawn(http().post(url).bearer_auth(DEMO).send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(slack);
    let ended = tokio::time::timeout(Duration::from_secs(5), hanging).await.unwrap().unwrap();
    assert!(ended.is_err());
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

//! Killed, stalled and crowded: exactly one visible answer all the same.

use std::time::{Duration, Instant};

use simulators::{FaultKind, FaultRule, HistoryKind};

use crate::house::{House, Tenant, eventually};

fn log(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("konstruct-{}-{name}.log", std::process::id()))
}

/// Posts of the agent that anyone could have seen, whatever became of them.
fn posts(tenant: &Tenant<'_>) -> usize {
    let history = tenant.house.slack.history(Some(&tenant.team));
    history.iter().filter(|entry| entry.kind == HistoryKind::Post && entry.method.is_some()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_model_thinks_the_next_process_answers_once() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    house.model.faults().add(FaultRule::once("completions", FaultKind::StallBeforeFirstToken));
    let path = log("thinking");
    let mut first = house.spawn_orchestrator(&path);
    let asked = acme.asks("CGENERAL", "UADA", "The canary word is Zaphod.");
    eventually("the model was asked", || house.model.requests().len() == 1).await;
    first.kill().await.expect("killed");

    let killed = Instant::now();
    let mut second = house.spawn_orchestrator(&log("thinking-2"));
    let replies = acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    let recovered = killed.elapsed();
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert!(replies[0].contains("Zaphod"), "{replies:?}");
    assert_eq!(posts(&acme), 1, "one placeholder, edited into the answer");
    assert_eq!(acme.inbox().await, [("replied".into(), None)]);
    assert!(recovered < Duration::from_secs(20), "taken over after {recovered:?}");
    second.kill().await.expect("killed");

    for path in [path, log("thinking-2")] {
        let lines = std::fs::read_to_string(&path).expect("a log");
        assert!(lines.contains("waits for messages"), "the log is empty");
        assert!(!lines.contains("Zaphod"), "a log line holds message text");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_sending_the_paid_answer_is_used_and_seen_once() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    house.slack.faults().add(FaultRule::once("chat.update", FaultKind::DelayMs(60_000)));
    let mut first = house.spawn_orchestrator(&log("sending"));
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    // The answer is recorded before it is sent; the call to Slack then hangs.
    while acme.count("select count(*) from outbox where tenant_id = $1 and kind = 'answer'").await == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    first.kill().await.expect("killed");
    house.start_orchestrator();
    let replies = acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert_eq!(acme.inbox().await, [("replied".into(), None)]);
    assert_eq!(house.model.requests().len(), 1, "the model is not paid twice");
    assert_eq!(posts(&acme), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_placeholder_is_known_it_is_found_again() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    // Slack shows the placeholder, but its answer does not come back before the process dies.
    house.slack.faults().add(FaultRule::once("chat.postMessage", FaultKind::DeliverThenTimeout(60_000)));
    let mut first = house.spawn_orchestrator(&log("placeholder"));
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    eventually("the placeholder is visible", || !acme.replies("CGENERAL", &asked.thread_ts).is_empty()).await;
    first.kill().await.expect("killed");
    house.start_orchestrator();
    let replies = acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert_eq!(posts(&acme), 1, "found by its outbox id instead of posted again");
    acme.inbox().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_during_a_turn_is_acknowledged_within_two_seconds_and_answered_next() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    house.model.faults().add(FaultRule::once("completions", FaultKind::DelayMs(4_000)));
    let first = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    eventually("the first turn runs", || !acme.replies("CGENERAL", &first.thread_ts).is_empty()).await;
    let later = acme.says_in_thread("CGENERAL", "UADA", "<@UBOTACME> When is the launch?", &first.thread_ts);
    let sent = Instant::now();
    let seen = |tenant: &Tenant<'_>| {
        let thread = tenant.house.slack.transcript(&tenant.team, "CGENERAL", Some(&first.thread_ts));
        thread.iter().any(|entry| entry.ts == later.ts && !entry.reactions.is_empty())
    };
    eventually("the second message is marked as seen", || seen(&acme)).await;
    assert!(sent.elapsed() < Duration::from_secs(2), "acknowledged after {:?}", sent.elapsed());
    let replies = acme.finished("CGENERAL", &first.thread_ts, 2).await;
    assert!(replies[0].contains("Noted") && replies[1].contains("14 March"), "{replies:?}");
    assert_eq!(acme.inbox().await, [("replied".into(), None), ("replied".into(), None)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_stops_its_worker_again_and_again_is_given_up_with_one_apology() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    while acme.count("select count(*) from lanes where tenant_id = $1").await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // As five crashed claims leave it.
    acme.change("update lanes set claims = 5 where tenant_id = $1").await;
    house.start_orchestrator();
    let replies = acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    assert!(replies.len() == 1 && replies[0].starts_with("Sorry"), "{replies:?}");
    assert_eq!(acme.inbox().await, [("dead".into(), Some("given up after 5 attempts".into()))]);
    assert!(house.model.requests().is_empty());
}

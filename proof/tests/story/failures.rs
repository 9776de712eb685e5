//! Providers that fail: a recorded end, one apology or one answer, and no message lost.

use std::time::Duration;

use simulators::{FaultKind, FaultRule, HistoryKind};

use crate::house::{House, Tenant};

#[tokio::test(flavor = "multi_thread")]
async fn every_way_a_model_fails_ends_in_one_apology_and_a_recorded_state() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let ways = [
        FaultKind::Status { code: 500, retry_after: None },
        FaultKind::Status { code: 401, retry_after: None },
        FaultKind::Status { code: 429, retry_after: Some(1) },
        FaultKind::Empty,
        FaultKind::GarbageJson,
        FaultKind::CloseMidStream(2),
        FaultKind::ErrorBodyWith200,
        FaultKind::DropConnectionBefore,
    ];
    for (index, way) in ways.into_iter().enumerate() {
        let what = format!("{way:?}");
        house.model.faults().add(FaultRule::always("completions", way));
        let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
        acme.finished("CGENERAL", &asked.thread_ts, 1).await;
        let states = acme.inbox().await;
        assert_eq!(states.len(), index + 1);
        // The first words of a stream that breaks may have been seen: then they stay, and a sentence says that they are not all.
        let replies = acme.finished("CGENERAL", &asked.thread_ts, 1).await;
        let says_so = replies[0].starts_with("Sorry") || replies[0].contains("could not finish");
        assert!(replies.len() == 1 && says_so, "{what}: {replies:?}");
        assert!(states.iter().all(|(state, reason)| state == "dead" && reason.is_some()), "{what}: {states:?}");
        house.model.faults().clear();
    }
    assert_eq!(acme.count("select count(*) from usage where tenant_id = $1 and status = 'ok'").await, 0);
    assert!(
        acme.count("select count(*) from usage where tenant_id = $1").await >= 8,
        "failed calls are in the ledger"
    );

    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 15 March.");
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 1).await[0].contains("15 March"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fallback_model_answers_when_the_first_one_does_not() {
    let house = House::open_with(|config| config.llm.fallback_model = Some("simulated-2".into())).await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let broken = FaultRule::always("completions", FaultKind::Status { code: 503, retry_after: None });
    house.model.faults().add(broken.target("simulated-1"));
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 1).await[0].contains("Noted"));
    acme.inbox().await;
    let failed = "select count(*) from usage where tenant_id = $1 and status = 'failed' and model = 'simulated-1'";
    assert_eq!(acme.count(failed).await, 2);
    assert_eq!(acme.count("select count(*) from usage where tenant_id = $1 and model = 'simulated-2'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unclear_answer_from_slack_is_looked_up_instead_of_sent_twice() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    // Stored by Slack, but the caller sees a 500: F23 of the fault matrix.
    house.slack.faults().add(FaultRule::once("chat.postMessage", FaultKind::StatusAfter { code: 500 }));
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    assert_eq!(acme.finished("CGENERAL", &asked.thread_ts, 1).await.len(), 1);

    // Not stored, and the caller can't know: posted once more after looking.
    house.slack.faults().add(FaultRule::once("chat.postMessage", FaultKind::DropConnectionBefore));
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 15 March.");
    assert_eq!(acme.finished("CGENERAL", &asked.thread_ts, 1).await.len(), 1);

    // Told to wait: waits, and nothing is lost.
    let busy = FaultKind::Status { code: 429, retry_after: Some(1) };
    house.slack.faults().add(FaultRule::once("chat.postMessage", busy.clone()));
    house.slack.faults().add(FaultRule::once("chat.update", busy));
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 16 March.");
    assert_eq!(acme.finished("CGENERAL", &asked.thread_ts, 1).await.len(), 1);
    assert!(acme.inbox().await.iter().all(|(state, _)| state == "replied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_fails_is_made_again_before_anything_is_sent_twice() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    house.slack.faults().add(FaultRule::once("chat.postMessage", FaultKind::DropConnectionAfter));
    let broken = FaultRule::always("conversations.replies", FaultKind::DropConnectionBefore);
    house.slack.faults().add(broken.times(2));
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    assert_eq!(acme.finished("CGENERAL", &asked.thread_ts, 1).await.len(), 1);
    acme.inbox().await;
    let posts = house.slack.history(Some(&acme.team));
    let by_agent = posts.iter().filter(|entry| entry.kind == HistoryKind::Post && entry.method.is_some());
    assert_eq!(by_agent.count(), 1, "the first post is found by the third look");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_marks_the_connection_dead_once_and_audits_it() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    house.slack.faults().add(FaultRule::always("*", FaultKind::SlackError("token_revoked".into())));
    acme.asks("CGENERAL", "UADA", "Hello?");
    stored(&acme, 1).await;
    let states = acme.inbox().await;
    assert!(
        states[0].0 == "dead" && states[0].1.as_deref().is_some_and(|why| why.contains("token_revoked")),
        "{states:?}"
    );
    acme.asks("CGENERAL", "UADA", "Hello again?");
    stored(&acme, 2).await;
    assert!(acme.inbox().await.iter().all(|(state, _)| state == "dead"));
    let dead = "select count(*) from channel_connections where tenant_id = $1 and status = 'dead'";
    assert_eq!(acme.count(dead).await, 1);
    let audited = "select count(*) from audit_events where tenant_id = $1 and action = 'connection.dead'";
    assert_eq!(acme.count(audited).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_refuses_the_answer_ends_dead_with_the_reason() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    house.slack.faults().add(FaultRule::always("chat.postMessage", FaultKind::SlackError("is_archived".into())));
    acme.asks("COLD", "UADA", "Anyone here?");
    stored(&acme, 1).await;
    let states = acme.inbox().await;
    assert!(states[0].1.as_deref().is_some_and(|why| why.contains("is_archived")), "{states:?}");
    assert_eq!(acme.count("select count(*) from outbox where tenant_id = $1 and state = 'dead'").await, 2);
}

/// Waits until so many messages are in the inbox.
async fn stored(tenant: &Tenant<'_>, count: i64) {
    while tenant.count("select count(*) from inbox where tenant_id = $1").await < count {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

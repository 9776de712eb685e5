//! A worker that lost its lease, or whose conversation a human took, writes nothing but what it has spent.

use serde_json::json;
use shared::db::{
    DbError,
    runs::{self, End, Finish, Start},
};

use crate::{
    runs::{Begun, begin, call, claimed, parts, record},
    stage::{Firm, Stage, run},
};

/// Everything but the ledger is as the run's start left it.
async fn assert_only_the_ledger_grew(firm: &Firm) {
    assert_eq!(firm.count("select count(*) from usage").await, 1, "the call was made and paid");
    assert_eq!(firm.count("select count(*) from run_steps").await, 0);
    assert_eq!(firm.texts("select kind || ' ' || state from outbox").await, ["placeholder sending"]);
    assert_eq!(firm.texts("select state from runs").await, ["running"]);
    assert_eq!(firm.texts("select state::text from inbox").await, ["pending"]);
}

async fn lose_the_lease(stage: &Stage) {
    run(&mut stage.system().await, "update lanes set ready_at = clock_timestamp() - interval '1 second'").await;
    claimed(stage).await;
}

async fn answered(firm: &Firm, begun: &Begun) -> bool {
    record(firm, begun, Some(json!({ "text": "…" })), &[call("simulated-1")], &parts("111.1")).await
}

#[tokio::test]
async fn an_answer_under_a_lost_fence_writes_the_ledger_only() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("100.1", "C1", "Hello")).await;
    let begun = begin(&stage, &acme).await;
    lose_the_lease(&stage).await;
    assert!(!answered(&acme, &begun).await);
    assert_only_the_ledger_grew(&acme).await;
}

#[tokio::test]
async fn an_answer_after_a_human_took_over_writes_the_ledger_only() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("100.1", "C1", "Hello")).await;
    let begun = begin(&stage, &acme).await;
    run(&mut stage.system().await, "update lanes set by_human = true").await;
    assert!(!answered(&acme, &begun).await);
    assert_only_the_ledger_grew(&acme).await;
    let mut tx = acme.db.begin().await.unwrap();
    assert!(runs::open(&mut tx, &begun.lease).await.unwrap().by_human);
    tx.close().await.unwrap();
}

#[tokio::test]
async fn opening_and_finishing_under_a_lost_fence_are_refused_and_change_nothing() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("100.1", "C1", "Hello")).await;
    let begun = begin(&stage, &acme).await;
    assert!(answered(&acme, &begun).await);
    let sent_ids = acme.texts("select outbox_id::text from outbox where kind = 'answer'").await;
    lose_the_lease(&stage).await;

    let mut tx = acme.db.begin().await.unwrap();
    assert!(matches!(runs::open(&mut tx, &begun.lease).await, Err(DbError::Fenced)));
    let ours: Vec<_> = sent_ids
        .iter()
        .map(|id| {
            let id = shared::ids::OutboxId::from_uuid(id.parse().unwrap());
            (id, "sent", Some("222.2".to_owned()), None)
        })
        .collect();
    let finish = Finish { run: Some(begun.run), to_seq: 1, end: End::Replied, reason: None, sent: &ours };
    assert!(matches!(runs::finish(&mut tx, &begun.lease, &finish).await, Err(DbError::Fenced)));
    assert!(matches!(runs::finish_alone(&acme.db, &begun.lease, &finish).await, Err(DbError::Fenced)));
    // Even if the worker went on to commit, nothing of it may show.
    tx.commit().await.unwrap();
    assert_eq!(acme.texts("select state from outbox where kind = 'answer'").await, ["sending", "sending"]);
    assert_eq!(acme.texts("select state from runs").await, ["running"]);
    assert_eq!(acme.texts("select state::text from inbox").await, ["pending"]);
    assert_eq!(acme.count("select count(*) from messages where author_kind = 'agent'").await, 0);
    assert_eq!(acme.count("select done_seq from lanes").await, 0);
}

#[tokio::test]
async fn two_runs_can_not_begin_with_the_same_message() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("100.1", "C1", "Hello")).await;
    let begun = begin(&stage, &acme).await;
    let mut tx = acme.db.begin().await.unwrap();
    let start = Start {
        run: shared::ids::RunId::new(),
        agent: acme.agent,
        from_seq: 1,
        to_seq: 1,
        trace: None,
        placeholder: Some((shared::ids::OutboxId::new(), "…")),
    };
    let error = runs::start(&mut tx, &begun.lease, &start).await.unwrap_err();
    assert_eq!(error.constraint(), Some("runs_answering"));
}

//! How messages fared: what is recorded by itself, and what only with what follows from it.

use shared::{
    clock::Clock,
    db::deliveries::{self, Progress, Status},
    ids::{ConversationId, OutboxId},
};

use crate::stage::Stage;

fn report(progress: Progress, outbox: Option<OutboxId>) -> Status {
    Status {
        external_id: "wamid.1".into(),
        progress,
        at: Clock::system().now(),
        outbox,
        recipient: "447700900123".into(),
        error_code: (progress == Progress::Failed).then_some(131_026),
        error: None,
        category: None,
        pricing: None,
    }
}

#[tokio::test]
async fn a_failure_is_recorded_with_what_follows_from_it_or_not_at_all() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("1", "C1", "hello")).await;
    let conversation = acme.texts("select conversation_id::text from lanes").await;
    let conversation = ConversationId::from_uuid(conversation[0].parse().expect("an id"));
    let outbox = OutboxId::new();
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let sent = "insert into outbox (tenant_id, outbox_id, conversation_id, kind, operation, body, state, fence)
                values ($1, $2, $3, 'notice', 'post', 'hello', 'sent', 0)";
    let sent = sqlx::query(sent).bind(acme.tenant).bind(outbox).bind(conversation);
    sent.execute(tx.conn()).await.expect("a message went out");
    // Reported before anybody here knew whose message it was.
    let failed = (acme.connection, report(Progress::Failed, None));
    deliveries::record(&mut tx, std::slice::from_ref(&failed), |_| None).await.expect("it is heard");
    tx.commit().await.expect("it is stored");

    let late = (acme.connection, report(Progress::Sent, Some(outbox)));
    for told in [&failed, &late] {
        let recorded = deliveries::record_alone(&acme.db, std::slice::from_ref(told)).await.expect("it is heard");
        assert!(!recorded, "{told:?}");
    }
    let known = "select status || ' ' || coalesce(outbox_id::text, 'of nobody') from delivery_statuses";
    assert_eq!(acme.texts(known).await, ["failed of nobody"], "nothing of it");
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    deliveries::record(&mut tx, &[late], |_| None).await.expect("it is heard");
    tx.commit().await.expect("it is stored");
    assert_eq!(acme.texts("select state from outbox").await, ["dead"]);
    assert_eq!(acme.count("select count(*) from notices where kind = 'send_failed'").await, 1);

    let read = (acme.connection, report(Progress::Read, None));
    assert!(deliveries::record_alone(&acme.db, &[read]).await.expect("it is heard"));
    assert_eq!(acme.texts(known).await, [format!("read {}", outbox.uuid())]);
}

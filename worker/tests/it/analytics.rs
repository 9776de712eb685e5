//! What happened is counted by the worker: where something did, once in a while, whoever is killed in between.

use std::collections::BTreeSet;

use shared::{
    db::analytics::{self, Filter, Key, Span},
    ids::{ConversationId, MessageId, TenantId},
};
use time::{Duration, OffsetDateTime};

use crate::stage::{Firm, Stage};

/// Somebody writes, which Redis may tell.
async fn hears(firm: &Firm) {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let conversation = ConversationId::new();
    for statement in [
        "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, kind)
         values ($1, $2, $3, left($4::text, 1), 'public')",
        "insert into messages (tenant_id, message_id, conversation_id, author_kind, body, sent_at)
         select $1, $4, $2, 'operator', 'Hello', now() where $3::uuid is not null",
    ] {
        let statement = sqlx::query(statement).bind(firm.tenant).bind(conversation).bind(firm.connection);
        statement.bind(MessageId::new()).execute(tx.conn()).await.expect("it is stored");
    }
    tx.commit().await.expect("it is stored");
}

async fn arrived(firm: &Firm) -> i64 {
    let today = OffsetDateTime::from_unix_timestamp(now(firm).await).expect("a moment").date();
    let span = Span { from: today - Duration::days(1), to: today + Duration::days(1) };
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let groups = analytics::report(&mut tx, span, Filter::default()).await.expect("it is read");
    tx.close().await.expect("it closes");
    groups.iter().find(|group| group.key == Key::All).map_or(0, |group| group.figures.count("arrived"))
}

/// By the database's clock.
async fn now(firm: &Firm) -> i64 {
    use sqlx::Row;
    firm.rows("select extract(epoch from now())::bigint").await[0].get(0)
}

async fn minutes_pass(firm: &Firm, minutes: u32) {
    firm.run(&format!("update analytics_progress set looked_at = looked_at - interval '{minutes} minutes'")).await;
}

async fn count(stage: &Stage, heard: &[TenantId]) -> usize {
    let mut heard = heard.iter().copied().collect();
    worker::counting::count_due(&stage.test.db, &mut heard).await.expect("it counts")
}

#[tokio::test]
async fn tenants_where_something_happened_are_counted_every_ten_minutes_and_others_every_hour() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    hears(&acme).await;
    assert_eq!(count(&stage, &[]).await, 1, "a new tenant is looked at");
    assert_eq!(arrived(&acme).await, 1);
    hears(&acme).await;
    assert_eq!(count(&stage, &[acme.tenant]).await, 0, "ten minutes are not over");
    minutes_pass(&acme, 11).await;
    assert_eq!(count(&stage, &[]).await, 0, "nobody said that something happened");
    let mut heard = BTreeSet::from([acme.tenant, TenantId::new()]);
    worker::counting::count_due(&stage.test.db, &mut heard).await.expect("it counts");
    assert_eq!((arrived(&acme).await, heard.len()), (2, 1), "who had their turn is taken out");
    // Redis lost it.
    hears(&acme).await;
    minutes_pass(&acme, 61).await;
    assert!(count(&stage, &[]).await > 0);
    assert_eq!(arrived(&acme).await, 3);
}

/// An act of an operator counts like a message.
#[tokio::test]
async fn acts_of_the_log_make_a_tenant_due() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    count(&stage, &[]).await;
    minutes_pass(&acme, 11).await;
    let due = async || analytics::due(&stage.test.db.system(), &BTreeSet::new()).await.expect("it looks");
    assert_eq!(due().await, []);
    acme.run("select audit_append('system', 'x', 'settings.change', 'x', 'x', '{}')").await;
    assert_eq!(due().await, [acme.tenant]);
}

/// Killed after the look and before a day: what waited is counted with the next turn.
#[tokio::test]
async fn days_that_wait_are_counted_with_the_next_turn() {
    let stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    hears(&acme).await;
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    assert!(analytics::take_due(&mut tx).await.expect("it looks"));
    assert_eq!(analytics::look(&mut tx).await.expect("it looks"), 1);
    tx.commit().await.expect("it is stored");
    // As if nothing had happened for days: only what waits is left to do.
    acme.run("update analytics_progress set seen_at = seen_at + interval '3 days'").await;
    minutes_pass(&acme, 61).await;
    assert_eq!(count(&stage, &[]).await, 1);
    assert_eq!(arrived(&acme).await, 1);
}

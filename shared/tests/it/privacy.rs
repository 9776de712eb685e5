//! What is kept for a while, and what an erasure's list holds besides what the catalogue can tell.

use shared::db::{
    audit::Actor,
    inbox::Accepted,
    privacy::retention::{self, Retention},
};

use crate::stage::{Firm, Stage, stored};

const KEPT: Retention = Retention {
    messages_days: None,
    facts_days: None,
    inbox_days: Some(90),
    runs_days: Some(90),
    deliveries_days: None,
    jobs_days: None,
};

/// Purges until nothing is left to do, two rows at a time; returns how many rounds that took.
async fn purge(firm: &Firm) -> usize {
    let mut rounds = 0;
    loop {
        let mut tx = firm.db.begin().await.expect("a transaction begins");
        let days = retention::get(&mut tx).await.expect("the database answers");
        let most = retention::purge(&mut tx, &days, 2).await.expect("the database answers");
        tx.commit().await.expect("it is committed");
        rounds += 1;
        if most < 2 {
            return rounds;
        }
    }
}

#[tokio::test]
async fn bodies_go_and_what_came_before_is_still_known() {
    let stage = Stage::new().await;
    let (acme, bolt) = (stage.firm("acme").await, stage.firm("bolt").await);
    for n in 1..=5 {
        for firm in [&acme, &bolt] {
            stored(stage.ingest.accept(firm.says(&format!("e{n}"), "C1", "Hello")).await.expect("it is accepted"));
        }
    }
    let old = "update inbox set state = 'replied', received_at = now() - interval '91 days' where seq < 5";
    for firm in [&acme, &bolt] {
        let mut tx = firm.db.begin().await.expect("a transaction begins");
        sqlx::query(old).execute(tx.conn()).await.expect("time passes");
        tx.commit().await.expect("it is committed");
    }
    let mut tx = bolt.db.begin().await.expect("a transaction begins");
    let for_good = Retention { inbox_days: None, ..KEPT };
    retention::set(&mut tx, &Actor::System, &for_good).await.expect("it is set");
    tx.commit().await.expect("it is committed");

    assert_eq!(purge(&acme).await, 3, "four rows, two at a time, and a look that finds none");
    assert_eq!(purge(&bolt).await, 1, "they keep theirs for good");
    let bodies = "select count(*) from inbox where raw <> '' and normalized is not null";
    assert_eq!((acme.count(bodies).await, bolt.count(bodies).await), (1, 5));
    assert_eq!(acme.count("select count(*) from inbox").await, 5, "the rows stay");
    let again = stage.ingest.accept(acme.says("e1", "C1", "Hello")).await.expect("it is answered");
    assert!(matches!(again, Accepted::Duplicate { .. }), "{again:?}");
    let recorded = "select count(*) from audit_events where action = 'retention.set'";
    assert_eq!((acme.count(recorded).await, bolt.count(recorded).await), (0, 1));
}

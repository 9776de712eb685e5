//! A walk along the audit chain names what somebody with all rights on the tables did to it.

use std::collections::BTreeMap;

use serde_json::json;
use shared::db::{
    audit::{self, Actor},
    audit_chain::{self, Fault, FaultKind, Verdict},
};
use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::stage::{Firm, Stage, run};

async fn walk(firm: &Firm) -> Verdict {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let verdict = audit_chain::verify(&mut tx, &BTreeMap::new()).await.expect("the log can be read");
    tx.close().await.expect("the transaction ends");
    verdict
}

/// Acts with whatever a detail may hold; the creation of the tenant is the first row.
async fn act(firm: &Firm, times: i64) {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    for n in 0..times {
        let detail = json!({ "n": n, "text": "Größe 🦀 \"x\"", "list": [1.50, null, true], "empty": {} });
        let done = audit::append(&mut tx, &Actor::System, "agent.shape", ("agent", "Grüße"), detail).await;
        done.expect("the event is appended");
    }
    tx.commit().await.expect("the events are stored");
}

#[tokio::test]
async fn a_chain_is_whole_however_long_it_is_and_whatever_is_in_it() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    assert_eq!(walk(&acme).await.events, 1);
    // One page, one row less and one more.
    for (more, events) in [(998, 999), (1, 1_000), (1, 1_001)] {
        act(&acme, more).await;
        let verdict = walk(&acme).await;
        assert!(verdict.is_whole(), "{verdict:?}");
        assert_eq!(verdict.events, events);
        let head: Vec<u8> = acme.rows("select hash from audit_heads").await[0].get(0);
        assert_eq!(verdict.head, hex::encode(head));
    }
}

#[tokio::test]
async fn acts_that_are_recorded_meanwhile_do_no_harm() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let writing = async {
        for _ in 0..200 {
            act(&acme, 1).await;
        }
    };
    let looking = async {
        for _ in 0..60 {
            let verdict = walk(&acme).await;
            assert!(verdict.is_whole(), "{verdict:?}");
        }
    };
    tokio::join!(writing, looking);
    assert_eq!(walk(&acme).await.events, 201);
}

/// What somebody does to a log of ten rows, the kind of fault, and the row that a walk names. `{us}` is the tenant.
const CRIMES: [(&str, FaultKind, i64); 17] = [
    ("update audit_events set action = 'x' where {us} and n = 5", FaultKind::Changed, 5),
    ("update audit_events set detail = '{}' where {us} and n = 5", FaultKind::Changed, 5),
    ("update audit_events set at = at + interval '1 microsecond' where {us} and n = 5", FaultKind::Changed, 5),
    ("update audit_events set actor_id = actor_id || '1' where {us} and n = 10", FaultKind::Changed, 10),
    ("update audit_events set hash = sha256('') where {us} and n = 5", FaultKind::Changed, 5),
    // Whoever recomputes the hash of one row breaks the next one's link; of the last one, the head.
    (RECOMPUTE_FIVE, FaultKind::OutOfPlace, 6),
    (RECOMPUTE_TEN, FaultKind::NotTheHead, 10),
    ("delete from audit_events where {us} and n = 5", FaultKind::Missing, 5),
    ("delete from audit_events where {us} and n = 1", FaultKind::Missing, 1),
    ("delete from audit_events where {us} and n > 5", FaultKind::Missing, 6),
    ("delete from audit_events where {us}", FaultKind::Missing, 1),
    // Two rows change places.
    (
        "update audit_events set n = 104 where {us} and n = 4; update audit_events set n = 4 where {us} and n = 5;
         update audit_events set n = 5 where {us} and n = 104",
        FaultKind::OutOfPlace,
        4,
    ),
    // One stands there twice.
    (
        "insert into audit_events (tenant_id, n, at, actor_kind, actor_id, action, target_kind, target_id, detail, previous,
                                   hash)
         select tenant_id, 11, at, actor_kind, actor_id, action, target_kind, target_id, detail, previous, hash
           from audit_events where {us} and n = 10",
        FaultKind::OutOfPlace,
        11,
    ),
    ("update audit_heads set n = 9 where {us}", FaultKind::NotTheHead, 10),
    ("update audit_heads set n = 11 where {us}", FaultKind::Missing, 11),
    ("update audit_heads set hash = sha256('') where {us}", FaultKind::NotTheHead, 10),
    ("delete from audit_heads where {us}", FaultKind::NotTheHead, 10),
];

const RECOMPUTE_FIVE: &str = "update audit_events
    set action = 'x', hash = audit_hash(encode(previous, 'hex'), tenant_id::text, n::text, extract(epoch from at)::text,
                                        actor_kind, actor_id, 'x', target_kind, target_id, detail::text)
  where {us} and n = 5";
const RECOMPUTE_TEN: &str = "update audit_events
    set action = 'x', hash = audit_hash(encode(previous, 'hex'), tenant_id::text, n::text, extract(epoch from at)::text,
                                        actor_kind, actor_id, 'x', target_kind, target_id, detail::text)
  where {us} and n = 10";

/// The owner of the tables, after they took away what bound them.
async fn burglar(stage: &Stage) -> PgConnection {
    let mut owner = stage.test.owner().await;
    for table in ["audit_events", "audit_heads"] {
        run(&mut owner, &format!("alter table {table} no force row level security")).await;
    }
    owner
}

#[tokio::test]
async fn attacks_206_and_209_and_211_a_walk_names_the_row_that_was_tampered_with() {
    let stage = Stage::new().await;
    let mut owner = burglar(&stage).await;
    for (number, (crime, kind, n)) in CRIMES.into_iter().enumerate() {
        let firm = stage.firm(&format!("firm-{number}")).await;
        act(&firm, 9).await;
        assert!(walk(&firm).await.is_whole(), "before: {crime}");
        let deed = crime.replace("{us}", &format!("tenant_id = '{}'", firm.tenant.uuid()));
        sqlx::raw_sql(AssertSqlSafe(deed))
            .execute(&mut owner)
            .await
            .unwrap_or_else(|error| panic!("{crime}: {error}"));
        let verdict = walk(&firm).await;
        assert_eq!(verdict.fault, Some(Fault { kind, n }), "{crime}");
        assert_eq!(verdict.events, if kind == FaultKind::NotTheHead { n } else { n - 1 }, "{crime}");
        assert!(verdict.fault.is_some_and(|fault| fault.sentence().starts_with(&format!("Row {n} "))), "{crime}");
    }
}

#[tokio::test]
async fn attack_211_another_tenants_row_in_the_place_of_ones_own_is_found() {
    let stage = Stage::new().await;
    let (acme, bolt) = (stage.firm("acme").await, stage.firm("bolt").await);
    act(&acme, 9).await;
    act(&bolt, 9).await;
    let mut owner = burglar(&stage).await;
    let (ours, theirs) = (acme.tenant.uuid(), bolt.tenant.uuid());
    run(&mut owner, &format!("delete from audit_events where tenant_id = '{ours}' and n = 5")).await;
    run(
        &mut owner,
        &format!("update audit_events set tenant_id = '{ours}' where tenant_id = '{theirs}' and n = 5"),
    )
    .await;
    assert_eq!(walk(&acme).await.fault, Some(Fault { kind: FaultKind::OutOfPlace, n: 5 }));
    assert_eq!(walk(&bolt).await.fault, Some(Fault { kind: FaultKind::Missing, n: 5 }));
    // The first row follows from nothing: it is the tenant in the hash that tells.
    run(&mut owner, &format!("update audit_events set n = 100 where tenant_id = '{ours}' and n = 1")).await;
    run(
        &mut owner,
        &format!("update audit_events set tenant_id = '{ours}' where tenant_id = '{theirs}' and n = 1"),
    )
    .await;
    assert_eq!(walk(&acme).await.fault, Some(Fault { kind: FaultKind::Changed, n: 1 }));
}

/// What only a head that is kept elsewhere shows: see SEC-5.
#[tokio::test]
async fn attack_210_a_chain_that_was_forged_to_its_end_is_whole_but_has_another_head() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    act(&acme, 9).await;
    let before = walk(&acme).await;
    let mut owner = burglar(&stage).await;
    let tenant = acme.tenant.uuid();
    let ten = RECOMPUTE_TEN.replace("{us}", &format!("tenant_id = '{tenant}'"));
    run(&mut owner, &ten).await;
    let head =
        "update audit_heads h set hash = e.hash from audit_events e where e.tenant_id = h.tenant_id and e.n = h.n";
    run(&mut owner, &format!("{head} and h.tenant_id = '{tenant}'")).await;
    let after = walk(&acme).await;
    assert!(after.is_whole());
    assert_ne!(after.head, before.head);
}

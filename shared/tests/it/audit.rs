//! The audit log: one chain per tenant that never forks, and that no service can rewrite.

use futures::future::join_all;
use serde_json::json;
use sha2::{Digest, Sha256};
use shared::{
    db::{
        TenantDb,
        agents::{self, AgentShape},
        audit::{self, Actor},
    },
    ids::ApiKeyId,
};
use sqlx::{Row, postgres::PgRow};

use crate::stage::{Firm, Stage, refused, run};

const WRITERS: i64 = 8;
const EVENTS_EACH: i64 = 25;

async fn append(db: &TenantDb, action: &str) {
    let mut tx = db.begin().await.expect("a transaction begins");
    audit::append(&mut tx, &Actor::System, action, ("agent", "agt_1"), json!({ "a": 1 }))
        .await
        .expect("the event is appended");
    tx.commit().await.expect("the event is stored");
}

async fn chain(firm: &Firm) -> Vec<PgRow> {
    firm.rows(
        "select n, extract(epoch from at)::text as at, actor_kind, actor_id, action, target_kind, target_id,
                detail::text as detail, previous, hash
           from audit_events order by n",
    )
    .await
}

/// The hash as written down in the design, computed without the database's help.
fn recomputed(tenant: &str, row: &PgRow) -> Vec<u8> {
    let mut parts = vec![
        hex::encode(row.get::<Vec<u8>, _>("previous")),
        tenant.to_owned(),
        row.get::<i64, _>("n").to_string(),
    ];
    for column in ["at", "actor_kind", "actor_id", "action", "target_kind", "target_id", "detail"] {
        parts.push(row.get(column));
    }
    let canonical: String = parts.iter().map(|part| format!("{}:{part}", part.chars().count())).collect();
    Sha256::digest(canonical.as_bytes()).to_vec()
}

/// Every link follows from the one before, and the head is the last.
async fn assert_whole(firm: &Firm, events: i64) {
    let tenant = firm.tenant.uuid().to_string();
    let mut previous = Sha256::digest(b"").to_vec();
    let rows = chain(firm).await;
    for (position, row) in rows.iter().enumerate() {
        assert_eq!(row.get::<i64, _>("n"), position as i64 + 1, "gapless");
        assert_eq!(row.get::<Vec<u8>, _>("previous"), previous, "link {position}");
        previous = row.get("hash");
        assert_eq!(recomputed(&tenant, row), previous, "link {position}");
    }
    assert_eq!(rows.len() as i64, events);
    let head = firm.rows("select n, hash from audit_heads").await;
    assert_eq!(head[0].get::<i64, _>("n"), events);
    assert_eq!(head[0].get::<Vec<u8>, _>("hash"), previous);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attack_207_eight_writers_make_one_chain() {
    let stage = Stage::new().await;
    let (acme, bolt) = (stage.firm("acme").await, stage.firm("bolt").await);
    let writers = (0..WRITERS).map(|writer| {
        let (mine, other) = (acme.db.clone(), bolt.db.clone());
        tokio::spawn(async move {
            for n in 0..EVENTS_EACH {
                append(if (writer + n) % 4 == 0 { &other } else { &mine }, "agent.shape").await;
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    // Creating a tenant is the first link of its chain.
    let of_bolt =
        (0..WRITERS * EVENTS_EACH).filter(|k| (k / EVENTS_EACH + k % EVENTS_EACH) % 4 == 0).count() as i64;
    assert_whole(&acme, WRITERS * EVENTS_EACH - of_bolt + 1).await;
    assert_whole(&bolt, of_bolt + 1).await;
}

#[tokio::test]
async fn attacks_201_to_206_the_app_role_can_read_its_log_and_nothing_else() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    append(&acme.db, "agent.shape").await;
    let mut app = stage.app().await;
    let set = format!("select set_config('app.current_tenant', '{}', false)", acme.tenant.uuid());
    run(&mut app, &set).await;
    for sql in [
        "update audit_events set action = 'x'",
        "delete from audit_events",
        "truncate audit_events",
        "insert into audit_events select * from audit_events",
        "update audit_heads set n = 0",
        "delete from audit_heads",
        "truncate audit_heads",
        "alter table audit_events disable trigger all",
        "set session_replication_role = replica",
        "set role konstruct_audit",
        "set role konstruct_owner",
    ] {
        assert_eq!(refused(&mut app, sql).await, "42501", "{sql}");
    }
    assert_whole(&acme, 2).await;
}

#[tokio::test]
async fn the_owner_of_the_tables_is_bound_by_the_policies_too() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    append(&acme.db, "agent.shape").await;
    let mut owner = stage.test.owner().await;
    assert_eq!(run(&mut owner, "update audit_events set action = 'x'").await, 0);
    assert_eq!(run(&mut owner, "delete from audit_events").await, 0);
    assert_whole(&acme, 2).await;
}

#[tokio::test]
async fn attack_213_the_act_and_its_record_share_a_transaction_or_do_not_exist() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    for committed in [false, true] {
        let mut tx = acme.db.begin().await.unwrap();
        agents::shape(&mut tx, "Grace", &AgentShape::default()).await.unwrap();
        let actor = Actor::ApiKey(ApiKeyId::new());
        audit::append(&mut tx, &actor, "agent.shape", ("agent", "Grace"), json!({})).await.unwrap();
        if committed {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        let kept = i64::from(committed);
        let acts = "select count(*) from agents where name = 'Grace'";
        let records = "select count(*) from audit_events where action = 'agent.shape'";
        assert_eq!(acme.count(acts).await, kept);
        assert_eq!(acme.count(records).await, kept);
    }
    let together = "select count(*) from audit_events e join agents a
                        on a.xmin = e.xmin and a.name = e.target_id and e.transaction_id::xid = a.xmin";
    assert_eq!(acme.count(together).await, 1);
    assert_whole(&acme, 2).await;
}

#[tokio::test]
async fn attack_214_an_act_that_can_not_be_recorded_does_not_happen() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let mut owner = stage.test.owner().await;
    run(&mut owner, "revoke insert on audit_events from konstruct_audit").await;
    let mut tx = acme.db.begin().await.unwrap();
    agents::shape(&mut tx, "Grace", &AgentShape::default()).await.unwrap();
    audit::append(&mut tx, &Actor::System, "agent.shape", ("agent", "Grace"), json!({})).await.unwrap();
    tx.commit().await.expect_err("the log can't be written");
    assert_eq!(acme.count("select count(*) from agents where name = 'Grace'").await, 0);
}

#[tokio::test]
async fn attack_215_parts_that_read_the_same_when_joined_hash_differently() {
    let stage = Stage::new().await;
    let mut owner = stage.test.owner().await;
    let different: bool = sqlx::query_scalar(
        "select audit_hash('a|b', '') <> audit_hash('a', '|b') and audit_hash('a', 'b') <> audit_hash('ab')
            and audit_hash('1:a') <> audit_hash('1', ':a')",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert!(different);
}

#[tokio::test]
async fn without_a_tenant_nothing_is_appended() {
    let stage = Stage::new().await;
    stage.firm("acme").await;
    let append = "select audit_append('system', 'x', 'x', 'x', 'x', '{}')";
    let mut app = stage.app().await;
    assert_eq!(refused(&mut app, append).await, "42501");
    run(&mut app, "select set_config('app.current_tenant', '', false)").await;
    assert_eq!(refused(&mut app, append).await, "42501");
}

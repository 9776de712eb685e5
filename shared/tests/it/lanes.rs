//! One lane from claim to finish: leases, fences, counted claims, and whose turn it is.

use shared::db::{
    DbError, TenantTx, lanes,
    lanes::{Lease, Round},
    system,
};
use shared::ids::TenantId;
use sqlx::{PgConnection, Row};

use crate::stage::{Firm, Stage, run};

async fn claim_in(stage: &Stage, round: Round<'_>) -> Option<Lease> {
    lanes::claim(&stage.db().system(), "worker", round).await.expect("a claim is answered")
}

async fn claim(stage: &Stage) -> Option<Lease> {
    claim_in(stage, Round::default()).await
}

async fn claimed_after(stage: &Stage, after: TenantId) -> Lease {
    claim_in(stage, Round { after: Some(after), full: &[] }).await.expect("a lane is ready")
}

async fn claimed(stage: &Stage) -> Lease {
    claim(stage).await.expect("a lane is ready")
}

async fn finish(firm: &Firm, lease: &Lease, to_seq: i64) -> Result<(), DbError> {
    let mut tx: TenantTx = firm.db.begin().await?;
    lanes::finish(&mut tx, lease, to_seq).await?;
    tx.commit().await
}

/// Makes every lease look as if it had run out a second ago.
async fn expire(system: &mut PgConnection) {
    run(system, "update lanes set ready_at = clock_timestamp() - interval '1 second' where owner is not null")
        .await;
}

fn assert_fenced(result: Result<(), DbError>) {
    assert!(matches!(result, Err(DbError::Fenced)), "{result:?}");
}

#[tokio::test]
async fn a_claimed_lane_is_nobody_elses_until_it_is_finished() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    assert_eq!(claim(&stage).await, None, "nothing to do yet");
    let conversation = stage.hear(acme.says("e1", "C1", "Hello")).await;
    let lease = claimed(&stage).await;
    assert_eq!((lease.tenant, lease.conversation), (acme.tenant, conversation));
    assert_eq!((lease.fence, lease.claims), (1, 1));
    assert_eq!(claim(&stage).await, None);
    finish(&acme, &lease, 1).await.unwrap();
    assert_eq!(claim(&stage).await, None, "done is done");

    stage.hear(acme.says("e2", "C1", "More")).await;
    let next = claimed(&stage).await;
    assert_eq!((next.fence, next.claims), (2, 1), "the fence grows, progress resets the count");
}

#[tokio::test]
async fn a_conversation_whose_owner_died_goes_before_those_that_wait() {
    let stage = Stage::new().await;
    let (acme, globex) = (stage.firm("acme").await, stage.firm("globex").await);
    stage.hear(acme.says("e1", "C1", "Hello")).await;
    let orphan = claimed(&stage).await;
    stage.hear(acme.says("e2", "C2", "Hello")).await;
    stage.hear(globex.says("e3", "C1", "Hello")).await;
    let wait = "update lanes set ready_at = ready_at - interval '1 minute' where owner is null";
    run(&mut stage.system().await, wait).await;
    expire(&mut stage.system().await).await;
    assert_eq!(claimed(&stage).await.conversation, orphan.conversation, "it has waited for its turn once");
    let next = claimed_after(&stage, acme.tenant).await.tenant;
    assert_eq!(next, globex.tenant, "then the tenants in turn, as before");
    assert_eq!(claimed_after(&stage, next).await.tenant, acme.tenant);
    assert_eq!(claim(&stage).await, None);
}

#[tokio::test]
async fn an_expired_lease_is_taken_over_and_the_first_owner_is_fenced() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("e1", "C1", "Hello")).await;
    let first = claimed(&stage).await;
    lanes::renew(&stage.db().system(), &first).await.unwrap();
    assert_eq!(claim(&stage).await, None, "renewed, so still held");

    expire(&mut stage.system().await).await;
    let second = claimed(&stage).await;
    assert_eq!(second.conversation, first.conversation);
    assert!(second.fence > first.fence);
    assert_eq!(second.claims, 2, "the claim without progress stays counted");

    assert_fenced(lanes::renew(&stage.db().system(), &first).await);
    assert_fenced(finish(&acme, &first, 1).await);
    assert_eq!(acme.count("select done_seq from lanes").await, 0, "a fenced finish changes nothing");
    lanes::put_back(&stage.db().system(), &first, 0.0).await.unwrap();
    let watched = lanes::watch(&stage.db().system(), &first).await.unwrap();
    assert_eq!(watched.fence, second.fence, "the loser sees that it lost");
    assert_eq!(claim(&stage).await, None, "a fenced put-back frees nothing");
    finish(&acme, &second, 1).await.unwrap();
    assert_fenced(lanes::renew(&stage.db().system(), &second).await);
}

#[tokio::test]
async fn claims_are_counted_before_the_work_and_put_back_keeps_the_count() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("e1", "C1", "Hello")).await;
    let mut system = stage.system().await;
    for crash in 1..=lanes::CLAIMS_MAX {
        // The worker dies right after the claim: nothing else is ever written.
        let lease = claimed(&stage).await;
        assert_eq!(lease.claims, crash);
        assert_eq!(acme.count("select claims::bigint from lanes").await, i64::from(crash));
        expire(&mut system).await;
    }
    let sixth = claimed(&stage).await;
    assert!(sixth.claims > lanes::CLAIMS_MAX, "the owner sees that it must give up");

    lanes::put_back(&stage.db().system(), &sixth, 60.0).await.unwrap();
    assert_eq!(claim(&stage).await, None, "put off for a minute");
    run(&mut system, "update lanes set ready_at = clock_timestamp()").await;
    assert_eq!(claimed(&stage).await.claims, sixth.claims + 1);
}

#[tokio::test]
async fn writing_again_does_not_use_up_the_attempts_of_a_lane_that_was_put_back() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("e1", "C1", "Hello")).await;
    lanes::put_back(&stage.db().system(), &claimed(&stage).await, 60.0).await.unwrap();
    for event in ["e2", "e3"] {
        stage.hear(acme.says(event, "C1", "Hello?")).await;
        assert_eq!(claim(&stage).await, None, "it waits for its time");
    }
    run(&mut stage.system().await, "update lanes set ready_at = clock_timestamp()").await;
    assert_eq!(claimed(&stage).await.claims, 2);
}

#[tokio::test]
async fn a_message_that_arrives_while_leased_makes_the_lane_ready_at_finish() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("e1", "C1", "Hello")).await;
    let lease = claimed(&stage).await;
    stage.hear(acme.says("e2", "C1", "and another thing")).await;
    assert_eq!(claim(&stage).await, None, "arriving mail does not break a lease");
    let watched = lanes::watch(&stage.db().system(), &lease).await.unwrap();
    assert_eq!((watched.last_seq, watched.by_human), (2, false));
    finish(&acme, &lease, 1).await.unwrap();
    let next = claimed(&stage).await;
    assert_eq!(next.conversation, lease.conversation);
    assert_eq!(acme.count("select done_seq from lanes").await, 1);
}

#[tokio::test]
async fn attack_175_a_tenant_with_one_message_does_not_wait_behind_five_hundred() {
    let stage = Stage::new().await;
    let (busy, quiet) = (stage.firm("busy").await, stage.firm("quiet").await);
    let flood = (0..500).map(|n| {
        let name = format!("flood {n}");
        stage.ingest.accept(busy.says(&name, &name, "me first"))
    });
    for accepted in futures::future::join_all(flood).await {
        accepted.expect("stored");
    }
    stage.hear(quiet.says("e1", "C1", "hello?")).await;
    let first = claimed(&stage).await.tenant;
    let second = claimed_after(&stage, first).await.tenant;
    assert!([first, second].contains(&quiet.tenant));

    // With more to do on both sides they alternate.
    for n in 0..3 {
        let name = format!("later {n}");
        stage.hear(quiet.says(&name, &name, "hello again")).await;
    }
    let (mut quiet_turns, mut last) = (Vec::new(), second);
    for turn in 0..6 {
        last = claimed_after(&stage, last).await.tenant;
        if last == quiet.tenant {
            quiet_turns.push(turn);
        }
    }
    assert_eq!(quiet_turns.len(), 3, "{quiet_turns:?}");
}

#[tokio::test]
async fn tenants_are_served_in_a_round_and_those_that_have_enough_are_left_out() {
    let stage = Stage::new().await;
    let mut firms = Vec::new();
    for name in ["acme", "bolt", "cord"] {
        let firm = stage.firm(name).await;
        for lane in ["C1", "C2", "C3"] {
            stage.hear(firm.says(lane, lane, "Hello")).await;
        }
        firms.push(firm.tenant);
    }
    firms.sort_by_key(|tenant| tenant.uuid());
    let mut served = vec![claimed_after(&stage, firms[1]).await.tenant];
    while served.len() < 7 {
        let last = served[served.len() - 1];
        served.push(claimed_after(&stage, last).await.tenant);
    }
    let [a, b, c] = [firms[0], firms[1], firms[2]];
    assert_eq!(served, [c, a, b, c, a, b, c]);
    let last = claim_in(&stage, Round { after: Some(c), full: &[a, c] }).await.expect("bolt has a lane left");
    assert_eq!(last.tenant, b);
    assert_eq!(claim_in(&stage, Round { after: None, full: &[a, c] }).await, None);
    assert_eq!(claimed_after(&stage, b).await.tenant, a, "acme's third lane is still there");
}

/// A worker that froze inside a transaction holds its lane's row until the server ends its session.
#[tokio::test]
async fn attack_183_a_lane_that_is_locked_does_not_hold_up_other_tenants() {
    let stage = Stage::new().await;
    let (acme, bolt) = (stage.firm("acme").await, stage.firm("bolt").await);
    stage.hear(acme.says("e1", "C1", "Hello")).await;
    stage.hear(bolt.says("e1", "C1", "Hello")).await;
    stage.hear(bolt.says("e2", "C2", "Hello")).await;
    let mut system = stage.system().await;
    run(&mut system, "begin").await;
    run(&mut system, &format!("select from lanes where tenant_id = '{}' for update", acme.tenant.uuid())).await;
    for _ in 0..2 {
        assert_eq!(claimed_after(&stage, bolt.tenant).await.tenant, bolt.tenant, "acme's turn, but locked");
    }
    assert_eq!(claim(&stage).await, None);
    run(&mut system, "rollback").await;
    assert_eq!(claimed(&stage).await.tenant, acme.tenant);
}

#[tokio::test]
async fn the_sweeper_repairs_lanes_that_fell_out_of_the_queue() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    for lane in ["C1", "C2", "C3"] {
        stage.hear(acme.says(lane, lane, "Hello")).await;
    }
    let lease = claimed(&stage).await;
    finish(&acme, &lease, 1).await.unwrap();
    run(&mut stage.system().await, "update lanes set ready_at = null, owner = null").await;
    assert_eq!(claim(&stage).await, None, "lost");
    assert_eq!(system::sweep_lanes(&stage.db().system()).await.unwrap(), 2, "the finished one stays out");
    assert!(claim(&stage).await.is_some() && claim(&stage).await.is_some());
    assert_eq!(claim(&stage).await, None);
    assert_eq!(system::sweep_lanes(&stage.db().system()).await.unwrap(), 0, "leased lanes are not lost");
    let rows = acme.rows("select conversation_id from lanes where ready_at is null").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<uuid::Uuid, _>(0), lease.conversation.uuid());
}

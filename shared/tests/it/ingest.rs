//! The accept path: what is stored once, what is a duplicate, and what is not kept.

use std::time::{Duration, Instant};

use futures::future::join_all;
use secrecy::SecretString;
use shared::db::{
    Db, DbError,
    inbox::{Accepted, Arrival, Content, Ingest},
};
use sqlx::Row;

use crate::stage::{Firm, Stage, key, run, stored};

/// The other event of the same mention: its own id, the same message.
fn twin_of(arrival: &Arrival, event: &str) -> Arrival {
    Arrival { event_key: key(event), addressed: true, ..arrival.clone() }
}

/// Talk that does not address the agent.
fn aside(arrival: Arrival) -> Arrival {
    Arrival { addressed: false, known_lane_only: true, ..arrival }
}

/// Accepts all of them in one batch: on this test's single thread the committer can't run before all have queued.
async fn accept_together(stage: &Stage, arrivals: Vec<Arrival>) -> Vec<Accepted> {
    let ingest = Ingest::start_with(stage.db(), 64, 1);
    let accepting = arrivals.into_iter().map(|arrival| ingest.accept(arrival));
    join_all(accepting).await.into_iter().map(|accepted| accepted.expect("each is answered")).collect()
}

/// The transactions that wrote a firm's inbox.
async fn writers(firm: &Firm) -> Vec<String> {
    firm.texts("select distinct xmin::text from inbox").await
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_45_a_hundred_parallel_replays_store_one_row() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let replays = (0..100).map(|_| {
        let (ingest, arrival) = (stage.ingest.clone(), acme.says("e1", "C1", "Hello"));
        tokio::spawn(async move { ingest.accept(arrival).await })
    });
    let mut stored_count = 0;
    for answer in join_all(replays).await {
        match answer.unwrap().expect("every replay is answered") {
            Accepted::Stored { seq, .. } => {
                assert_eq!(seq, 1);
                stored_count += 1;
            }
            other => assert!(matches!(other, Accepted::Duplicate { .. }), "{other:?}"),
        }
    }
    assert_eq!(stored_count, 1);
    assert_eq!(acme.count("select count(*) from inbox").await, 1);
    assert_eq!(acme.count("select last_seq from lanes").await, 1);
}

#[tokio::test]
async fn the_twin_of_a_mention_is_a_duplicate_and_readdress_reopens_it() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.accept(acme.says("e1", "C1", "Hello")).await;
    let heard = Arrival { addressed: false, ..acme.says("e2", "C1", "<@UBOT> are you there?") };
    stored(stage.accept(heard.clone()).await);

    let mention = twin_of(&heard, "e2 as a mention");
    assert_eq!(stage.accept(mention.clone()).await, Accepted::Duplicate { settled: false });
    let racing = join_all((0..8).map(|_| stage.ingest.readdress(mention.clone()))).await;
    let reopened: Vec<Accepted> = racing
        .into_iter()
        .map(|answer| answer.expect("each is answered"))
        .filter(|accepted| !matches!(accepted, Accepted::Duplicate { .. }))
        .collect();
    assert_eq!(reopened.len(), 1, "{reopened:?}");
    assert_eq!(stored(reopened[0]).1, 3);
    assert_eq!(
        acme.texts("select seq || ' ' || addressed from inbox order by seq").await,
        ["1 true", "2 false", "3 true"]
    );
}

#[tokio::test]
async fn readdress_leaves_a_message_that_was_addressed_at_once_alone() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let mention = acme.says("e1", "C1", "<@UBOT> hello");
    stage.accept(mention.clone()).await;
    let twin = twin_of(&mention, "e1 as a message");
    assert_eq!(stage.ingest.readdress(twin.clone()).await.unwrap(), Accepted::Duplicate { settled: true });
    let keyless = Arrival { message_key: None, ..twin };
    assert_eq!(stage.ingest.readdress(keyless).await.unwrap(), Accepted::Duplicate { settled: true });
    assert_eq!(acme.count("select count(*) from inbox").await, 1);
}

#[tokio::test]
async fn duplicates_inside_one_batch_are_stored_once() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let first = acme.says("e1", "C1", "one");
    let batch = vec![
        first.clone(),
        first.clone(),
        twin_of(&first, "e1 as a mention"),
        acme.says("e2", "C1", "two"),
        first,
    ];
    let accepted = accept_together(&stage, batch).await;
    assert_eq!(stored(accepted[0]).1, 1);
    assert_eq!(stored(accepted[3]).1, 2);
    for copy in [1, 2, 4] {
        assert!(matches!(accepted[copy], Accepted::Duplicate { .. }), "number {copy}");
    }
    assert_eq!(writers(&acme).await.len(), 1, "one commit");
    assert_eq!(acme.count("select last_seq from lanes").await, 2);
}

#[tokio::test]
async fn a_mention_in_the_same_batch_as_its_unaddressed_twin_opens_the_thread_for_both() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let heard = aside(acme.says("e1", "C1", "a mention only Slack sees"));
    let mention = Arrival { known_lane_only: false, ..twin_of(&heard, "e1 as a mention") };
    let accepted = accept_together(&stage, vec![heard, mention]).await;
    assert_eq!(accepted[0], Accepted::Duplicate { settled: true });
    assert_eq!(stored(accepted[1]).1, 1);
    assert_eq!(acme.texts("select addressed::text from inbox").await, ["true"]);
}

#[tokio::test]
async fn several_tenants_share_a_commit_and_nothing_else() {
    let stage = Stage::new().await;
    let (acme, bolt) = (stage.firm("acme").await, stage.firm("bolt").await);
    // The same provider ids on both sides: keys are per tenant.
    let batch = vec![
        acme.says("e1", "C1", "from acme"),
        bolt.says("e1", "C1", "from bolt"),
        bolt.says("e2", "C1", "more from bolt"),
    ];
    let accepted = accept_together(&stage, batch).await;
    let (of_acme, _) = stored(accepted[0]);
    let (of_bolt, _) = stored(accepted[1]);
    assert_ne!(of_acme, of_bolt);
    assert_eq!(stored(accepted[2]), (of_bolt, 2));
    let raw = "select convert_from(raw, 'UTF8') from inbox order by seq";
    assert_eq!(acme.texts(raw).await, ["from acme"]);
    assert_eq!(bolt.texts(raw).await, ["from bolt", "more from bolt"]);
    assert_eq!(writers(&acme).await, writers(&bolt).await, "one transaction");
}

#[tokio::test]
async fn talk_beside_the_agent_is_kept_only_in_its_threads() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let chatter = stage.accept(aside(acme.says("e1", "C1", "lunch?"))).await;
    assert_eq!(chatter, Accepted::NotKept);
    for table in ["inbox", "lanes"] {
        let count = acme.count(&format!("select count(*) from {table}")).await;
        assert_eq!(count, 0, "{table}");
    }

    stage.accept(acme.says("e2", "C1", "<@UBOT> hello")).await;
    let follow_up = aside(acme.says("e3", "C1", "and one more thing"));
    assert_eq!(stored(stage.accept(follow_up.clone()).await).1, 2);
    assert!(matches!(stage.accept(follow_up).await, Accepted::Duplicate { .. }));
    // A mention's twin that was not kept leaves no trace, so the mention itself is stored.
    let unkept = aside(acme.says("e4", "C2", "<@UBOT> elsewhere"));
    assert_eq!(stage.accept(unkept.clone()).await, Accepted::NotKept);
    let mention = Arrival { known_lane_only: false, ..twin_of(&unkept, "e4 as a mention") };
    stored(stage.accept(mention).await);
}

#[tokio::test]
async fn an_aside_in_the_same_batch_as_the_mention_that_opens_the_thread_is_kept() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let batch = vec![
        aside(acme.says("e0", "C1", "before the agent was asked")),
        acme.says("e1", "C1", "<@UBOT> where is my order?"),
        aside(acme.says("e2", "C1", "it is number 17")),
        aside(acme.says("e3", "C2", "another thread")),
    ];
    let accepted = accept_together(&stage, batch).await;
    assert_eq!(accepted[0], Accepted::NotKept);
    assert_eq!(stored(accepted[1]).1, 1);
    assert_eq!(stored(accepted[2]).1, 2);
    assert_eq!(accepted[3], Accepted::NotKept);
}

#[tokio::test]
async fn attack_185_nul_and_broken_text_are_stored_as_received() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let raw = b"\xef\xbb\xbf{\"text\":\"\\u0000 \\ud800 \x00\xff\xfe\"}".to_vec();
    let arrival =
        Arrival { raw: raw.clone(), content: Content::Ignored("unreadable"), ..acme.says("e1", "C1", "") };
    stored(stage.accept(arrival).await);
    let rows = acme.rows("select raw, state::text, reason from inbox").await;
    assert_eq!(rows[0].get::<Vec<u8>, _>("raw"), raw);
    assert_eq!(rows[0].get::<String, _>("state"), "ignored");
    assert_eq!(rows[0].get::<String, _>("reason"), "unreadable");
    assert_eq!(acme.count("select count(*) from lanes where ready_at is not null").await, 0);
}

#[tokio::test]
async fn attack_194_one_poisonous_message_does_not_take_its_batch_with_it() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let ingest = Ingest::start_with(stage.db(), 64, 1);
    // A NUL that nobody cleaned: jsonb refuses it.
    let poison = acme.says("poison", "C1", "a\0b");
    let arrivals = [acme.says("e1", "C1", "one"), poison, acme.says("e2", "C2", "two")];
    let answers = join_all(arrivals.into_iter().map(|arrival| ingest.accept(arrival))).await;
    assert!(answers[0].is_ok() && answers[2].is_ok());
    answers[1].as_ref().expect_err("the poison is refused");
    assert_eq!(acme.count("select count(*) from inbox").await, 2);
    assert_eq!(acme.count("select sum(last_seq)::bigint from lanes").await, 2, "no gap");
}

#[tokio::test]
async fn a_lane_that_somebody_holds_does_not_stop_the_others() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.accept(acme.says("e1", "C1", "one")).await;
    let mut holder = acme.db.begin().await.expect("a transaction begins");
    sqlx::query("select from lanes for update").execute(holder.conn()).await.expect("the lane can be held");
    let ingest = Ingest::start_with(stage.db(), 64, 1);
    let arrivals = [
        acme.says("e2", "C1", "behind the lock"),
        acme.says("e3", "C2", "elsewhere"),
        acme.says("e4", "C1", "behind that"),
    ];
    let answers = join_all(arrivals.into_iter().map(|arrival| ingest.accept(arrival))).await;
    answers[0].as_ref().expect_err("its lane is held");
    assert!(matches!(answers[2], Err(DbError::Conflict(_))), "not even tried: {:?}", answers[2]);
    assert_eq!(stored(*answers[1].as_ref().expect("nobody holds that lane")).1, 1);
    holder.close().await.expect("the transaction ends");
    assert_eq!(stored(stage.accept(acme.says("e2", "C1", "behind the lock")).await).1, 2);
}

#[tokio::test]
async fn without_a_database_a_whole_batch_is_refused_at_once() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    // Nobody listens on port 1: every attempt to connect lasts until its time-out.
    let nowhere = SecretString::from("postgres://konstruct_system@127.0.0.1:1/konstruct");
    let ingest = Ingest::start_with(&Db::connect(&nowhere, &nowhere).unwrap(), 64, 1);
    let started = Instant::now();
    let accepting = (0..60).map(|n| ingest.accept(acme.says(&format!("e{n}"), "C1", "Hello")));
    for answer in join_all(accepting).await {
        assert!(matches!(answer, Err(DbError::Sql(sqlx::Error::Io(_)))), "{answer:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_connection_that_died_meanwhile_is_replaced_and_nobody_notices() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.accept(acme.says("e1", "C1", "one")).await;
    let killed = run(
        &mut stage.test.system().await,
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity
          where datname = current_database() and usename = current_user and pid <> pg_backend_pid()",
    )
    .await;
    assert!(killed > 0);
    assert_eq!(stored(stage.accept(acme.says("e2", "C1", "two")).await).1, 2);
}

//! The accept path under load: gapless numbers, callers that hang up, and commits that cross each other.

use std::{collections::BTreeMap, time::Duration};

use futures::{future::join_all, poll};
use shared::{
    db::inbox::{Accepted, Arrival, Ingest},
    ids::ConversationId,
};

use crate::stage::{Stage, key, stored};

const WRITERS: usize = 16;
const MESSAGES_EACH: usize = 30;
const LANES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_are_gapless_and_follow_each_writers_order() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let writers = (0..WRITERS).map(|writer| {
        let ingest = stage.ingest.clone();
        let arrivals: Vec<Arrival> = (0..MESSAGES_EACH)
            .map(|n| acme.says(&format!("{writer}/{n}"), &format!("C{}", n % LANES), &format!("{n}")))
            .collect();
        tokio::spawn(async move {
            let mut given: BTreeMap<ConversationId, Vec<i64>> = BTreeMap::new();
            for arrival in arrivals {
                let accepted = ingest.accept(arrival).await.expect("stored");
                let (conversation, seq) = stored(accepted);
                given.entry(conversation).or_default().push(seq);
            }
            given
        })
    });
    let mut all: BTreeMap<ConversationId, Vec<i64>> = BTreeMap::new();
    for given in join_all(writers).await {
        for (conversation, numbers) in given.unwrap() {
            assert!(numbers.is_sorted(), "a writer's later message got a smaller number: {numbers:?}");
            all.entry(conversation).or_default().extend(numbers);
        }
    }
    assert_eq!(all.len(), LANES);
    for (conversation, mut numbers) in all {
        numbers.sort_unstable();
        let wanted: Vec<i64> = (1..=(WRITERS * MESSAGES_EACH / LANES) as i64).collect();
        assert_eq!(numbers, wanted, "{conversation}");
    }
    let torn = "select count(*) from lanes l
                 where last_seq <> (select count(*) from inbox i where i.conversation_id = l.conversation_id)";
    assert_eq!(acme.count(torn).await, 0);
}

/// Polled once, a request has handed its message over; hanging up then must not lose it.
#[tokio::test]
async fn a_caller_that_is_dropped_at_once_still_gets_its_message_stored() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    for n in 0..50 {
        let mut accepting = Box::pin(stage.ingest.accept(acme.says(&format!("e{n}"), "C1", "Hello")));
        assert!(poll!(&mut accepting).is_pending());
        drop(accepting);
    }
    // Behind the others in the queue, so they are stored before it.
    stage.accept(acme.says("last", "C1", "Hello")).await;
    assert_eq!(acme.count("select count(*) from inbox").await, 51);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_are_aborted_lose_nothing_they_had_handed_over() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let mut handed_over = 0;
    for n in 0..200_u64 {
        let (ingest, arrival) = (stage.ingest.clone(), acme.says(&format!("e{n}"), "C1", "Hello"));
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut accepting = Box::pin(ingest.accept(arrival));
            let _ = poll!(&mut accepting);
            begun.send(()).expect("the test waits");
            accepting.await
        });
        has_begun.await.unwrap();
        handed_over += 1;
        tokio::time::sleep(Duration::from_micros(n * 37 % 2_000)).await;
        task.abort();
    }
    stage.accept(acme.says("last", "C1", "Hello")).await;
    // Two commits may be on their way; the other one needs a moment more.
    let mut kept = 0;
    for _ in 0..100 {
        kept = acme.count("select count(*) from inbox").await;
        if kept == handed_over + 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(kept, handed_over + 1);
}

/// Twins travel in opposite directions through two committers, so their commits wait for each other's keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twins_that_cross_in_two_commits_are_stored_once_each() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let (left, right) = (Ingest::start_with(stage.db(), 64, 1), Ingest::start_with(stage.db(), 64, 1));
    let pairs = 120;
    let arrivals: Vec<Arrival> =
        (0..pairs).map(|n| acme.says(&format!("event {n}"), &format!("C{}", n % 7), "Hello")).collect();
    let twins: Vec<Arrival> = arrivals
        .iter()
        .enumerate()
        .map(|(n, arrival)| Arrival { event_key: key(&format!("twin {n}")), ..arrival.clone() })
        .rev()
        .collect();
    let (these, those) = tokio::join!(
        join_all(arrivals.into_iter().map(|arrival| left.accept(arrival))),
        join_all(twins.into_iter().map(|twin| right.accept(twin))),
    );
    let mut stored_count = 0;
    for answer in these.into_iter().chain(those) {
        if let Accepted::Stored { .. } = answer.expect("a deadlock is resolved by trying one by one") {
            stored_count += 1;
        }
    }
    assert_eq!(stored_count, pairs);
    assert_eq!(acme.count("select count(*) from inbox").await, pairs);
}

/// Who waits for a conversation that a turn holds waits alone, and what follows in it comes after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_pass_a_batch_that_is_stuck_and_its_own_conversation_keeps_its_order() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.accept(acme.says("e1", "C1", "one")).await;
    let ingest = Ingest::start_with(stage.db(), 64, 1);
    let accept = |arrival: Arrival| {
        let ingest = ingest.clone();
        tokio::spawn(async move { ingest.accept(arrival).await })
    };
    // A machine that is busy for half a second lets the first give up before the other is stored: then it is tried anew.
    for round in 0..10 {
        let says = |n: usize, channel: &str| acme.says(&format!("{round}/{n}"), channel, "Hello");
        let mut holder = acme.db.begin().await.expect("a transaction begins");
        let holding = sqlx::query("select from lanes where conversation_id = $1 for update");
        holding.bind(says(1, "C1").conversation).execute(holder.conn()).await.expect("the lane can be held");
        let first = accept(says(1, "C1"));
        tokio::time::sleep(Duration::from_millis(30)).await;
        let (second, elsewhere) = (accept(says(2, "C1")), accept(says(3, &format!("D{round}"))));
        stored(elsewhere.await.unwrap().expect("nobody holds its lane"));
        let has_passed = !first.is_finished() && !second.is_finished();
        holder.close().await.expect("the transaction ends");
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        if let (true, Ok(first), Ok(second)) = (has_passed, first, second) {
            assert_eq!(stored(second).1, stored(first).1 + 1, "in the order of their arrival");
            return;
        }
    }
    panic!("nobody passed");
}

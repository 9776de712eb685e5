//! Clients that hang up at every moment: what got a 200 is stored, and no connection is left inside a transaction.

use std::{collections::HashSet, time::Duration};

use futures::{StreamExt, stream};
use serde_json::Value;
use sqlx::Row;
use tokio::time::sleep;

use crate::{
    events::{having, question, signed},
    own_app::{APP, SECRET},
    stage::{Firm, House, login},
    wire::{Ask, Reply, connect, write},
};

const CLIENTS: u64 = 500;
const AT_ONCE: usize = 16;
/// An accept takes a few milliseconds: the moments are spread over that time.
const MOMENT_MAX_US: u64 = 8_000;

/// How one client breaks off. Its number decides, so that a failing run can be repeated.
#[derive(Clone, Copy)]
struct Moment {
    /// Of a thousand, how much of the request is written.
    written: usize,
    then: Duration,
    /// Without the polite end of a connection.
    reset: bool,
    waits: bool,
}

impl Moment {
    fn of(number: u64) -> Self {
        let dice = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            written: if number.is_multiple_of(5) {
                usize::try_from(dice >> 40).unwrap_or(0) % 1_000
            } else {
                1_000
            },
            then: Duration::from_micros((dice >> 20) % MOMENT_MAX_US),
            reset: number.is_multiple_of(2),
            waits: number % 10 == 3,
        }
    }
}

/// Returns whether the client saw a 200 before it was gone.
async fn breaks_off(house: &House, ask: &Ask, moment: Moment) -> bool {
    let mut stream = connect(house.address).await;
    let bytes = ask.bytes();
    write(&mut stream, &bytes[..bytes.len() * moment.written / 1_000]).await;
    if moment.waits {
        return Reply::read(&mut stream).await.is_some_and(|reply| reply.status == 200);
    }
    sleep(moment.then).await;
    let mut answer = [0; 15];
    let seen = matches!(stream.try_read(&mut answer), Ok(15)) && answer.ends_with(b" 200 O");
    if moment.reset {
        stream.set_zero_linger().expect("a socket may be reset");
    }
    seen
}

async fn event_ids(house: &House, firm: &Firm) -> Vec<String> {
    let rows = house.rows(firm.tenant, "select raw from inbox").await;
    let id = |raw: Vec<u8>| {
        let event: Value = serde_json::from_slice(&raw).expect("it was JSON");
        event["event_id"].as_str().expect("it had an id").to_owned()
    };
    rows.iter().map(|row| id(row.get("raw"))).collect()
}

/// Sessions of this database that sit inside a transaction, as each role sees its own.
async fn idle_in_transaction(house: &House) -> i64 {
    let mut found = 0;
    for url in [&house.test.config.database_url, &house.test.config.database_system_url] {
        let mut session = login(url).await;
        let count: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
              where datname = current_database() and usename = current_user and state like 'idle in transaction%'",
        )
        .fetch_one(&mut session)
        .await
        .expect("a role sees its own sessions");
        found += count;
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_loses_nothing_and_leaves_no_transaction_open() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    // The way of an own app has a transaction in it: it reads the secret under its tenant.
    let bolt = house.firm_with_app("bolt", APP, SECRET).await;
    let clients = stream::iter(1..=CLIENTS).map(|number| {
        let (house, own) = (&house, number % 3 == 0);
        let firm = if own { &bolt } else { &acme };
        let mut event = question(firm, "may I hang up?");
        if own {
            event = having(event, serde_json::json!({ "api_app_id": APP }));
        }
        async move {
            let ask = signed(if own { SECRET } else { house.secret() }, event.to_string());
            let accepted = breaks_off(house, &ask, Moment::of(number)).await;
            accepted.then(|| event["event_id"].as_str().expect("an id").to_owned())
        }
    });
    let accepted: Vec<String> =
        clients.buffer_unordered(AT_ONCE).filter_map(|accepted| async { accepted }).collect().await;
    assert!(accepted.len() > 50, "some clients stay: {}", accepted.len());

    // Commits on their way when the last client left.
    sleep(Duration::from_millis(500)).await;
    let stored = [event_ids(&house, &acme).await, event_ids(&house, &bolt).await].concat();
    let distinct: HashSet<&String> = stored.iter().collect();
    assert_eq!(distinct.len(), stored.len(), "nothing is stored twice");
    let lost: Vec<&String> = accepted.iter().filter(|id| !distinct.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged, but not stored: {lost:?}");
    assert!(stored.len() > accepted.len(), "and some were stored for clients that were gone");
    assert_eq!(idle_in_transaction(&house).await, 0);

    // The pools are as good as new: what is stored now is there for others, too.
    let before = house.stored(acme.tenant).await;
    for _ in 0..40 {
        assert_eq!(house.deliver(question(&acme, "still there?").to_string()).await.status, 200);
    }
    assert_eq!(house.stored(acme.tenant).await, before + 40);
}

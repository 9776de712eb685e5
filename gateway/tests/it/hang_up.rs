//! Clients that hang up at every moment: what got a 200 is stored, and no connection is left inside a transaction.

use std::{collections::HashSet, time::Duration};

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{PgConnection, Row};
use tokio::{io::AsyncReadExt, time::sleep};

use crate::{
    events::{having, question, signed},
    own_app::{APP, SECRET},
    stage::{Firm, House},
    wire::{Ask, Reply, connect, write},
};

const WAVES: u64 = 25;
const CLIENTS_PER_WAVE: u64 = 20;
/// A request takes a few milliseconds: the moments are spread over that time.
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
    let mut answer = [0; 12];
    let answered = tokio::time::timeout(moment.then, stream.read_exact(&mut answer)).await;
    let seen = matches!(answered, Ok(Ok(_))) && answer.ends_with(b" 200");
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

/// Looks for sessions of this database that sit inside a transaction; each role sees its own.
struct Watch(Vec<PgConnection>);

impl Watch {
    async fn begin(house: &House) -> Self {
        Self(vec![house.test.app().await, house.test.system().await])
    }

    /// While nobody asks anything, what is merely on its way ends soon; what was left open stays.
    async fn left_open(&mut self) -> i64 {
        for _ in 0..50 {
            sleep(Duration::from_millis(20)).await;
            if self.idle_in_transaction().await == 0 {
                return 0;
            }
        }
        self.idle_in_transaction().await
    }

    async fn idle_in_transaction(&mut self) -> i64 {
        let mut found = 0;
        for session in &mut self.0 {
            let asking = sqlx::query_scalar::<_, i64>(
                "select count(*) from pg_stat_activity
                  where datname = current_database() and usename = current_user and state like 'idle in transaction%'",
            );
            found += asking.fetch_one(session).await.expect("a role sees its own sessions");
        }
        found
    }
}

/// One of the three ways into the database: an event of the platform's app, one of an own app (whose secret is read under
/// its tenant), and a question to the API. With the event's id.
fn request(house: &House, [acme, bolt]: [&Firm; 2], number: u64) -> (Ask, Option<String>) {
    let id = |event: &Value| event["event_id"].as_str().map(str::to_owned);
    match number % 3 {
        0 => {
            let event = question(acme, "may I hang up?");
            (signed(house.secret(), event.to_string()), id(&event))
        }
        1 => {
            let event = having(question(bolt, "may I hang up?"), json!({ "api_app_id": APP }));
            (signed(SECRET, event.to_string()), id(&event))
        }
        _ => (Ask::get("/api/v1/connections").key(&acme.key), None),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_loses_nothing_and_leaves_no_transaction_open() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm_with_app("bolt", APP, SECRET).await);
    let mut watch = Watch::begin(&house).await;
    let mut accepted = Vec::new();
    for wave in 0..WAVES {
        let clients = (0..CLIENTS_PER_WAVE).map(|client| {
            let (house, number) = (&house, 1 + wave * CLIENTS_PER_WAVE + client);
            let (ask, id) = request(house, [&acme, &bolt], number);
            async move { breaks_off(house, &ask, Moment::of(number)).await.then_some(id).flatten() }
        });
        accepted.extend(join_all(clients).await.into_iter().flatten());
        assert_eq!(watch.left_open().await, 0, "after wave {wave}");
    }
    assert!(accepted.len() >= 30, "some clients stay: {}", accepted.len());

    // Commits on their way when the last client left.
    sleep(Duration::from_millis(500)).await;
    let stored = [event_ids(&house, &acme).await, event_ids(&house, &bolt).await].concat();
    let distinct: HashSet<&String> = stored.iter().collect();
    assert_eq!(distinct.len(), stored.len(), "nothing is stored twice");
    let lost: Vec<&String> = accepted.iter().filter(|id| !distinct.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged, but not stored: {lost:?}");
    assert!(stored.len() > accepted.len(), "and some were stored for clients that were gone");

    // The pools are as good as new: what is stored now is there for others, too.
    let before = house.stored(acme.tenant).await;
    for _ in 0..40 {
        assert_eq!(house.deliver(question(&acme, "still there?").to_string()).await.status, 200);
    }
    assert_eq!(house.stored(acme.tenant).await, before + 40);
    assert_eq!(watch.left_open().await, 0);
}

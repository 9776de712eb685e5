//! Without its database the gateway says so, in time, and never 200; when it is back, nothing has to be done by hand.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;

use crate::{
    events::{question, signed},
    gate::Gate,
    phones::{self, APP_SECRET, Phones, change, entry, post},
    stage::{Firm, House},
    wire::Ask,
};

/// Slack waits three seconds; the rest is for a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

async fn house_behind_a_gate() -> (House, Gate) {
    let mut gate = Gate::new().await;
    let house = House::open_with(|config| gate.stand_before(config)).await;
    (house, gate)
}

/// Sends all of them at once, each of which must be answered in time.
async fn statuses(house: &House, asks: &[Ask]) -> Vec<u16> {
    let timed = asks.iter().map(|ask| async {
        let started = Instant::now();
        let reply = house.ask(ask).await;
        assert!(started.elapsed() < ANSWER_LIMIT, "{} after {:?}", reply.status, started.elapsed());
        reply.status
    });
    join_all(timed).await
}

fn questions(house: &House, firm: &Firm, count: usize) -> Vec<Ask> {
    (0..count).map(|n| signed(house.secret(), question(firm, &format!("number {n}")).to_string())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_events_are_503_and_stored_when_slack_tries_again() {
    let (house, mut gate) = house_behind_a_gate().await;
    let acme = house.firm("acme").await;
    let before = questions(&house, &acme, 1);
    assert_eq!(statuses(&house, &before).await, [200]);

    gate.shut().await;
    // As many as make several commits, so that none waits for another's failure.
    let away = questions(&house, &acme, 200);
    assert_eq!(statuses(&house, &away).await, [503; 200]);
    // What was stored before can't be known to be stored now.
    assert_eq!(statuses(&house, &before).await, [503]);
    // A workspace nobody has asked for yet, and bytes for the quarantine.
    let stranger = signed(house.secret(), question(&acme, "x").to_string().replace(&acme.team, "TNOBODY"));
    let cut = signed(house.secret(), "{\"type\":");
    assert_eq!(statuses(&house, &[stranger.clone(), cut.clone()]).await, [503, 503]);
    // What needs no database is judged all the same.
    let forged = signed("not-the-secret-0123456789", "no JSON");
    assert_eq!(house.ask(&forged).await.status, 401);
    assert_eq!(house.stored(acme.tenant).await, 1);

    gate.open().await;
    let back = Instant::now();
    while house.ask(&Ask::get("/readyz")).await.status != 200 {
        assert!(back.elapsed() < Duration::from_secs(10), "not ready again");
    }
    let again = [before, away, vec![stranger, cut]].concat();
    let recovered = loop {
        let statuses = statuses(&house, &again).await;
        if statuses.iter().all(|status| *status == 200) {
            break back.elapsed();
        }
        assert!(back.elapsed() < Duration::from_secs(20), "{statuses:?}");
    };
    assert!(recovered < Duration::from_secs(20), "{recovered:?}");
    assert_eq!(house.stored(acme.tenant).await, 201, "each once");
    let reasons = house.quarantined().await;
    assert!(reasons.len() >= 2, "the strangers, once for each 200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_reports_are_503_and_recorded_when_meta_tries_again() {
    let mut gate = Gate::new().await;
    let phones = Phones::open_with(|config| gate.stand_before(config)).await;
    let shop = phones.shop("acme").await;
    let reports: Vec<Ask> = (0..50)
        .map(|n| json!({ "id": format!("wamid.{n}"), "status": "sent", "timestamp": "1767000001", "recipient_id": "49" }))
        .map(|status| change(&shop.number, json!({ "statuses": [status] })))
        .map(|change| phones::signed(APP_SECRET, post(vec![entry(&shop.account, vec![change])]).to_string()))
        .collect();
    // So that the number and its account are known.
    for _ in 0..2 {
        assert_eq!(statuses(&phones.house, &reports[..1]).await, [200]);
    }
    gate.shut().await;
    assert_eq!(statuses(&phones.house, &reports).await, [503; 50]);
    gate.open().await;
    let back = Instant::now();
    while statuses(&phones.house, &reports).await != [200; 50] {
        assert!(back.elapsed() < Duration::from_secs(20), "not back");
    }
    assert_eq!(phones.house.count(shop.tenant, "select count(*) from delivery_statuses").await, 50);
}

#[tokio::test]
async fn without_the_database_the_api_answers_503_problems() {
    let (house, mut gate) = house_behind_a_gate().await;
    let acme = house.firm("acme").await;
    gate.shut().await;
    let body = serde_json::json!({ "channel": "slack", "bot_token": "xoxb-simulated-acme", "name": "Kona" });
    let asks = [
        Ask::get("/api/v1/me"),
        Ask::get("/api/v1/agents"),
        Ask::get("/api/v1/connections"),
        Ask::post("/api/v1/connections").json(&body),
        Ask::put("/api/v1/agents").json(&body),
    ];
    let replies = join_all(asks.into_iter().map(|ask| {
        let (ask, address) = (ask.key(&acme.key), house.address);
        async move { ask.send(address).await }
    }));
    for reply in replies.await {
        assert_eq!((reply.status, reply.problem().as_str()), (503, "unavailable"));
        assert!(
            !reply.text().to_lowercase().contains("sql") && !reply.text().contains("pool"),
            "{}",
            reply.text()
        );
    }
    // Without a plausible key nobody asks the database.
    assert_eq!(house.ask(&Ask::get("/api/v1/me").key("kst_short")).await.status, 401);
    let ready = house.ask(&Ask::get("/readyz")).await;
    assert_eq!(ready.status, 503);
    assert_eq!(house.ask(&Ask::get("/healthz")).await.status, 200, "alive, and not to be restarted");

    gate.open().await;
    let back = Instant::now();
    while house.ask(&Ask::get("/api/v1/me").key(&acme.key)).await.status != 200 {
        assert!(back.elapsed() < Duration::from_secs(10), "the API did not recover");
    }
}

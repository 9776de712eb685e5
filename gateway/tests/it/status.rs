//! What the installation is like, as who looks after it sees it.

use shared::{
    db::installation,
    ids::{ConnectionId, ConversationId},
    jobs::Job,
    queue,
};

use crate::{stage::House, wire::Ask};

#[tokio::test]
async fn processes_that_beat_are_alive_and_one_that_ends_in_order_is_gone() {
    let house = House::open().await;
    let ((_, mut browser), system) = (house.platform_admin().await, house.test.db.system());
    for (name, role) in [("g-1", "gateway"), ("w-1", "worker"), ("w-2", "worker")] {
        installation::beat(&system, name, role).await.expect("it is noted");
    }
    installation::ends(&system, "w-2").await.expect("it is noted");
    let silent = "update processes set beat_at = beat_at - interval '2 minutes' where name = 'g-1'";
    sqlx::query(silent).execute(&mut house.test.system().await).await.expect("time passes");
    let status = browser.ask(&house, Ask::get("/api/v1/status")).await;
    assert_eq!(status.status, 200, "{}", status.text());
    let mut seen: Vec<(String, bool)> = status.json()["processes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|process| (process["name"].to_string(), process["alive"] == true))
        .collect();
    seen.sort();
    assert_eq!(seen, [("\"g-1\"".to_owned(), false), ("\"w-1\"".to_owned(), true)]);
}

#[tokio::test]
async fn what_waits_is_counted_and_a_minute_is_kept_once() {
    let house = House::open().await;
    let ((_, mut browser), system) = (house.platform_admin().await, house.test.db.system());
    let acme = house.firm("acme").await;
    house.dead_job(acme.tenant).await;
    let before = installation::load(&system).await.expect("it is counted");
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    queue::enqueue(&mut tx, &Job::RefreshBilling).await.expect("it is stored");
    tx.commit().await.expect("it is stored");
    let lane = "insert into lanes (tenant_id, conversation_id, connection_id, ready_at)
                values ($1, $2, $3, now() - interval '10 seconds')";
    let connection: ConnectionId = acme.connection.parse().expect("a connection's id");
    let lane = sqlx::query(lane).bind(acme.tenant).bind(ConversationId::new()).bind(connection);
    lane.execute(&mut house.test.system().await).await.expect("a lane waits");
    installation::beat(&system, "w-1", "worker").await.expect("it is noted");
    let status = browser.ask(&house, Ask::get("/api/v1/status")).await.json();
    let load = &status["load"];
    assert_eq!(
        (&load["jobs_dead"], &load["lanes_waiting"]),
        (&1.into(), &(before.lanes_waiting + 1).into()),
        "{status}"
    );
    assert_eq!(load["jobs_waiting"], before.jobs_waiting + 1, "{status}");
    assert!(load["oldest_lane_seconds"].as_f64().is_some_and(|waited| waited >= 10.0), "{status}");
    let first = installation::sample(&system).await.expect("it is kept");
    let again = installation::sample(&system).await.expect("it looks");
    assert!(first, "nobody had kept this minute");
    let history = browser.ask(&house, Ask::get("/api/v1/status/history?hours=1")).await.json();
    let kept = history["items"].as_array().expect("a list");
    // A minute may end between the two.
    assert_eq!(kept.len(), 1 + usize::from(again), "{history}");
    assert_eq!((&kept[0]["workers"], &kept[0]["load"]["jobs_dead"]), (&1.into(), &1.into()), "{history}");
    for hours in ["0", "721", "all"] {
        let refused = browser.ask(&house, Ask::get(&format!("/api/v1/status/history?hours={hours}"))).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid_request"), "{hours}");
    }
}

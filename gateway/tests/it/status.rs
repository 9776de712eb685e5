//! What the installation is like, as who looks after it sees it.

use shared::{
    db::installation,
    ids::{ConnectionId, ConversationId},
    jobs::Job,
    providers::{Provider, Tally},
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

#[tokio::test]
async fn providers_are_counted_for_an_hour_and_their_last_words_are_kept() {
    let house = House::open().await;
    let ((_, mut browser), system) = (house.platform_admin().await, house.test.db.system());
    let tally = |provider, answered, failed| Tally { provider, answered, failed };
    for told in [
        vec![tally(Provider::Slack, 5, 0), tally(Provider::Model, 2, 1)],
        // Another process, in the same minute or the next.
        vec![tally(Provider::Slack, 1, 2)],
    ] {
        installation::note_providers(&system, &told).await.expect("it is noted");
    }
    let earlier = "insert into provider_samples (provider, at, answered, failed, last_answered_at, last_failed_at)
                   values ('mail', date_trunc('minute', now()) - interval '2 hours', 3, 1, now() - interval '2 hours', null)";
    sqlx::query(earlier).execute(&mut house.test.system().await).await.expect("time passes");
    let status = browser.ask(&house, Ask::get("/api/v1/status")).await.json();
    let providers = status["providers"].as_array().expect("a list");
    let health = |name: &str| {
        let found = providers.iter().find(|health| health["provider"] == name);
        found.unwrap_or_else(|| panic!("{name} is told: {status}"))
    };
    let counted = |name: &str| (health(name)["answered"].as_i64(), health(name)["failed"].as_i64());
    assert_eq!((counted("slack"), counted("model")), ((Some(6), Some(2)), (Some(2), Some(1))));
    assert_eq!(counted("mail"), (Some(0), Some(0)), "two hours ago is not within the hour");
    assert!(
        health("mail")["last_answered_at"].is_string() && health("mail")["last_failed_at"].is_null(),
        "{status}"
    );
    assert!(health("slack")["last_failed_at"].is_string(), "{status}");
    assert_eq!(
        (counted("stripe"), &health("stripe")["last_answered_at"]),
        ((Some(0), Some(0)), &serde_json::Value::Null)
    );
    let history = browser.ask(&house, Ask::get("/api/v1/status/history?hours=3")).await.json();
    let slack =
        history["providers"].as_array().expect("a list").iter().filter(|sample| sample["provider"] == "slack");
    let (answered, failed) = slack.fold((0, 0), |(answered, failed), sample| {
        (
            answered + sample["answered"].as_i64().unwrap_or_default(),
            failed + sample["failed"].as_i64().unwrap_or_default(),
        )
    });
    assert_eq!((answered, failed), (6, 2), "{history}");
    // What is older than thirty days is forgotten with the rest.
    let ages = "update provider_samples set at = at - interval '31 days' where provider = 'mail'";
    sqlx::query(ages).execute(&mut house.test.system().await).await.expect("time passes");
    installation::sample(&system).await.expect("it is kept");
    let left: Vec<String> = sqlx::query_scalar("select distinct provider from provider_samples order by 1")
        .fetch_all(&mut house.test.system().await)
        .await
        .expect("they are read");
    assert_eq!(left, ["model", "slack"]);
}

/// Each client counts how its provider answered it, and what was counted is told with the process's sign of life. All tests of
/// this process share its counts, so another one's heartbeat may have told them: then it is tried again.
#[tokio::test]
async fn calls_of_slack_are_told_with_the_heartbeat() {
    const ATTEMPTS: usize = 20;
    let house = House::open().await;
    let system = house.test.db.system();
    for attempt in 0..ATTEMPTS {
        house.firm(&format!("acme{attempt}")).await;
        let stopping = tokio_util::sync::CancellationToken::new();
        stopping.cancel();
        // Before it ends it says what is left to say.
        shared::presence::run(house.test.db.clone(), "gateway-1".into(), "gateway", stopping).await;
        let providers = installation::providers(&system).await.expect("they are read");
        let slack = providers.iter().find(|health| health.provider == Provider::Slack);
        if slack.is_some_and(|slack| slack.answered > 0 && slack.last_answered_at.is_some()) {
            return;
        }
    }
    panic!("Slack was called {ATTEMPTS} times, and nobody said so");
}

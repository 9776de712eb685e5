//! What was said while nobody listened, or while Slack held events back, is fetched and answered, once.

use serde_json::json;
use simulators::{Delete, Edit, OptionsPatch, Say};
use time::OffsetDateTime;

use crate::house::{House, eventually};

const EDITED: &str =
    "select count(*) from messages where tenant_id = $1 and body like '%9 May%' and edited_at is not null";

const FETCHING: &str =
    "select count(*) from jobs where tenant_id = $1 and kind like 'fetch_missed%' and state <> 'done'";

/// From now on events are lost: nobody listens there, and Slack gives up at once.
fn deaf(house: &House) {
    let nowhere = Some("http://127.0.0.1:9/".to_owned());
    house.slack.set_options(OptionsPatch {
        events_url: nowhere,
        retry_time_scale: Some(0.0),
        ..OptionsPatch::default()
    });
}

fn hears(house: &House) {
    let events = Some(format!("{}/webhooks/slack/events", house.address));
    house.slack.set_options(OptionsPatch { events_url: events, ..OptionsPatch::default() });
}

fn now() -> OffsetDateTime {
    shared::clock::Clock::system().now()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_while_no_gateway_was_alive_is_answered_once() {
    let house = House::open().await;
    house.start_orchestrator();
    let (acme, bolt) = (house.tenant("acme").await, house.tenant("bolt").await);
    let first = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    assert!(acme.finished("CGENERAL", &first.thread_ts, 1).await[0].contains("Noted"));
    let theirs = bolt.asks("CGENERAL", "UADA", "The launch is on 9 May.");
    assert!(bolt.finished("CGENERAL", &theirs.thread_ts, 1).await[0].contains("Noted"));
    acme.everything_remembered().await;
    bolt.everything_remembered().await;
    // A first beat is no silence, nor is a second one right after it.
    let db = &house.test.db;
    assert_eq!(gateway::heartbeat::beat(db, now()).await.expect("a beat"), 0);
    assert_eq!(gateway::heartbeat::beat(db, now()).await.expect("a beat"), 0);

    deaf(&house);
    let lost = acme.asks("CGENERAL", "UGRACE", "when is the launch?");
    // In a thread that nobody here knows yet.
    acme.says_in_thread("CGENERAL", "UGRACE", "on which day is the launch?", &lost.thread_ts);
    let more = acme.says_in_thread("CGENERAL", "UADA", "The badge number is 4711.", &first.thread_ts);
    // Nobody's business: it is not fetched either.
    house.slack.say(Say::new(&acme.team, "CGENERAL", "UADA", "talk among people"));
    eventually("Slack gives up", || house.slack.deliveries_under_way() == 0).await;
    hears(&house);
    let before = acme.count("select count(*) from inbox where tenant_id = $1").await;

    let away = "update heartbeats set at = now() - interval '10 minutes'";
    sqlx::query(away).execute(&mut house.test.system().await).await.expect("time passes");
    assert_eq!(
        gateway::heartbeat::beat(db, now()).await.expect("a beat"),
        2,
        "both workspaces are caught up with"
    );
    assert_eq!(gateway::heartbeat::beat(db, now()).await.expect("a beat"), 0, "once");
    assert!(acme.finished("CGENERAL", &lost.thread_ts, 1).await.concat().contains("14 March"));
    acme.finished("CGENERAL", &first.thread_ts, 2).await;
    acme.until("all was fetched", FETCHING, 0).await;
    bolt.until("all was fetched there", FETCHING, 0).await;
    let ends = acme.inbox().await;
    assert!(ends.iter().all(|(state, _)| state == "replied"), "{ends:?}");
    // Who asked twice in a thread may have one answer to both, and nothing is said again.
    let asked = acme.finished("CGENERAL", &lost.thread_ts, 1).await;
    assert!((1..=2).contains(&asked.len()) && asked.iter().all(|answer| answer.contains("14 March")), "{asked:?}");
    let told = acme.finished("CGENERAL", &first.thread_ts, 2).await;
    assert_eq!(told.len(), 2, "{told:?}");
    let answers = "select count(*) from outbox where tenant_id = $1 and kind = 'answer' and state = 'sent'";
    assert_eq!(acme.count(answers).await, i64::try_from(asked.len() + told.len()).expect("a few"));
    let after = acme.count("select count(*) from inbox where tenant_id = $1").await;
    assert_eq!(after - before, 3, "those that were for the agent, and nothing twice");
    let remembered = "select count(*) from memories where tenant_id = $1 and body like '%4711%'";
    assert_eq!(acme.count(remembered).await, 1, "{}", more.ts);
    assert_eq!(bolt.count("select count(*) from inbox where tenant_id = $1").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_or_taken_back_while_no_gateway_was_alive_is_followed() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let first = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    assert!(acme.finished("CGENERAL", &first.thread_ts, 1).await[0].contains("Noted"));
    let secret = acme.says_in_thread("CGENERAL", "UADA", "The badge number is 4711.", &first.thread_ts);
    acme.finished("CGENERAL", &first.thread_ts, 2).await;
    let kept = acme.asks("CGENERAL", "UGRACE", "The venue is Bletchley Park.");
    acme.finished("CGENERAL", &kept.thread_ts, 1).await;
    acme.everything_remembered().await;
    let db = &house.test.db;
    gateway::heartbeat::beat(db, now()).await.expect("a beat");

    deaf(&house);
    let place = |ts: &str| (acme.team.clone(), "CGENERAL".to_owned(), ts.to_owned());
    let (team, channel, ts) = place(&first.ts);
    house
        .slack
        .edit(Edit { team, channel, ts, text: "<@UBOTACME> The launch is on 9 May.".into() })
        .expect("an edit");
    let (team, channel, ts) = place(&secret.ts);
    house.slack.delete(Delete { team, channel, ts }).expect("a deletion");
    eventually("Slack gives up", || house.slack.deliveries_under_way() == 0).await;
    hears(&house);

    // What was written a moment ago might not be in the history yet: all of it was written earlier.
    acme.change("update messages set sent_at = sent_at - interval '1 minute' where tenant_id = $1").await;
    let away = "update heartbeats set at = now() - interval '10 minutes'";
    sqlx::query(away).execute(&mut house.test.system().await).await.expect("time passes");
    assert_eq!(gateway::heartbeat::beat(db, now()).await.expect("a beat"), 1);
    acme.until("all was fetched", FETCHING, 0).await;
    let count = |query: &'static str| acme.count(query);
    assert_eq!(count(EDITED).await, 1);
    assert_eq!(count("select count(*) from memories where tenant_id = $1 and body like '%14 March%'").await, 0);
    assert_eq!(count("select count(*) from memories where tenant_id = $1 and body like '%9 May%'").await, 1);
    assert_eq!(count("select count(*) from memories where tenant_id = $1 and body like '%4711%'").await, 0);
    assert_eq!(count("select count(*) from messages where tenant_id = $1 and deleted_at is not null").await, 1);
    assert_eq!(count("select count(*) from memories where tenant_id = $1 and body like '%Bletchley%'").await, 1);
    assert_eq!(count("select count(*) from runs where tenant_id = $1").await, 3, "nothing is answered anew");
    // A second look finds nothing to do.
    let changes = count("select count(*) from message_changes where tenant_id = $1").await;
    sqlx::query(away).execute(&mut house.test.system().await).await.expect("time passes");
    gateway::heartbeat::beat(db, now()).await.expect("a beat");
    acme.until("all was fetched", FETCHING, 0).await;
    assert_eq!(count("select count(*) from message_changes where tenant_id = $1").await, changes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_that_slack_held_back_is_fetched_when_it_is_over() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let first = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    assert!(acme.finished("CGENERAL", &first.thread_ts, 1).await[0].contains("Noted"));
    acme.everything_remembered().await;
    deaf(&house);
    let lost = acme.asks("CGENERAL", "UGRACE", "when is the launch?");
    eventually("Slack gives up", || house.slack.deliveries_under_way() == 0).await;
    hears(&house);
    let minute = now().unix_timestamp() - 30;
    let notice = json!({ "type": "app_rate_limited", "team_id": acme.team, "minute_rate_limited": minute,
                         "api_app_id": "A1" });
    let body = notice.to_string();
    let at = now().unix_timestamp();
    let secret = secrecy::ExposeSecret::expose_secret(&house.test.config.slack.signing_secret).to_owned();
    let sent = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
        .post(format!("{}/webhooks/slack/events", house.address))
        .header("content-type", "application/json")
        .header("x-slack-request-timestamp", at.to_string())
        .header("x-slack-signature", simulators::signature(&secret, &at.to_string(), body.as_bytes()))
        .body(body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(sent.status(), 200);
    let waits = "select count(*) from jobs
                  where tenant_id = $1 and kind = 'fetch_missed' and state = 'queued' and run_after > now() + interval '1 minute'";
    assert_eq!(acme.count(waits).await, 1, "the minute is not over yet");
    acme.change(
        "update jobs set run_after = now() - interval '1 minute' where tenant_id = $1 and kind = 'fetch_missed'",
    )
    .await;
    assert!(acme.finished("CGENERAL", &lost.thread_ts, 1).await[0].contains("14 March"));
}

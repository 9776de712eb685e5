//! Much of something: of strangers' events, of text, of wrong keys. It costs little and leaves little.

use serde_json::json;
use shared::clock::Clock;
use sqlx::Row;

use crate::{
    events::{envelope, having, message, signed},
    stage::House,
    wire::Ask,
};

/// Events of one unknown workspace that are kept a minute.
const STRANGERS_KEPT: usize = 20;
const TEXT_MAX: usize = 40_000;

#[tokio::test]
async fn attack_177_a_flood_from_an_unknown_workspace_leaves_a_few_samples() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for n in 0..3 * STRANGERS_KEPT {
        let event = message("C1", &format!("number {n}"));
        assert_eq!(house.deliver(envelope("TNOBODY", event).to_string()).await.status, 200);
    }
    assert_eq!(house.quarantined().await.len(), STRANGERS_KEPT);
    // One workspace's flood hides no other's first event, nor what belongs to somebody.
    assert_eq!(house.deliver(envelope("TSOMEBODY", message("C1", "hello")).to_string()).await.status, 200);
    assert_eq!(house.quarantined().await.len(), STRANGERS_KEPT + 1);
    house.hear(&acme, having(message("D1", "hello"), json!({ "channel_type": "im" }))).await;
    assert_eq!(house.stored(acme.tenant).await, 1);
}

#[tokio::test]
async fn attack_177_notices_of_a_rate_limit_leave_a_few_samples() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let notice = json!({ "token": "x", "type": "app_rate_limited", "team_id": acme.team,
        "minute_rate_limited": Clock::system().now().unix_timestamp() - 30, "api_app_id": "A0PLATFORM" });
    for _ in 0..2 * STRANGERS_KEPT {
        assert_eq!(house.deliver(notice.to_string()).await.status, 200);
    }
    assert_eq!(house.quarantined().await.len(), STRANGERS_KEPT);
    assert_eq!(house.stored(acme.tenant).await, 0);
    // Whose events they are is told once an hour.
    let told = house.lines(acme.tenant, "select kind || ': ' || body as line from notices").await;
    assert!(told.len() == 1 && told[0].starts_with("events_held_back: Slack holds back events"), "{told:?}");
    // And the minute is fetched once.
    assert_eq!(house.jobs(&acme).await, ["fetch_missed", "tell_admins"]);
}

#[tokio::test]
async fn attack_178_a_message_of_200_kilobytes_is_kept_whole_and_read_in_part() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let long = "A sentence of words. ".repeat(10_000);
    let files: Vec<_> =
        (0..100).map(|n| json!({ "id": format!("F{n}"), "name": format!("image {n}.png") })).collect();
    let direct = json!({ "channel_type": "im" });
    let body = envelope(&acme.team, having(message("D1", &long), direct.clone())).to_string();
    assert_eq!(house.deliver(body.clone()).await.status, 200);
    house.hear(&acme, having(having(message("D1", "look"), direct), json!({ "files": files }))).await;
    let rows = house.rows(acme.tenant, "select raw from inbox order by received_at, seq").await;
    assert_eq!(rows[0].get::<Vec<u8>, _>("raw"), body.into_bytes());
    let texts = house.texts(acme.tenant).await;
    assert!(texts[0].chars().count() <= TEXT_MAX + 20 && texts[0].ends_with("(cut)"));
    assert_eq!(texts[1].matches("[attached file: image").count(), 100);
}

#[tokio::test]
async fn attack_182_a_thousand_wrong_keys_leave_nothing_behind() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let audited = "select count(*) from audit_events";
    let before = house.count(acme.tenant, audited).await;
    for n in 0..1_000 {
        let wrong = format!("kst_{n:0>43}");
        assert_eq!(house.ask(&Ask::get("/api/v1/me").key(&wrong)).await.status, 401);
    }
    assert_eq!(house.count(acme.tenant, audited).await, before);
    let forged = signed("not-the-secret-0123456789", "{}");
    for _ in 0..200 {
        assert_eq!(house.ask(&forged).await.status, 401);
    }
    assert!(house.quarantined().await.is_empty());
}

#[tokio::test]
async fn attack_198_odd_days_and_seconds_are_the_moments_they_are() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let moments = [
        ("951825600.000100", "2000-02-29 12:00:00.0001+00"),
        ("1709208000.000001", "2024-02-29 12:00:00.000001+00"),
        // Beside a leap second, and in the hour that a summer time leaves out.
        ("1483228799.999999", "2016-12-31 23:59:59.999999+00"),
        ("1483228800.000000", "2017-01-01 00:00:00+00"),
        ("1743300000.500000", "2025-03-30 02:00:00.5+00"),
        ("1.000000", "1970-01-01 00:00:01+00"),
    ];
    for (ts, _) in moments {
        house.hear(&acme, having(message("D1", ts), json!({ "channel_type": "im", "ts": ts }))).await;
    }
    let sql = "select ((normalized ->> 'sent_at')::timestamptz at time zone 'utc')::text || '+00' as at
                 from inbox order by seq, received_at";
    let mut told: Vec<String> = house.rows(acme.tenant, sql).await.iter().map(|row| row.get("at")).collect();
    told.sort_unstable();
    let mut expected: Vec<&str> = moments.iter().map(|(_, at)| *at).collect();
    expected.sort_unstable();
    assert_eq!(told, expected);
    // The first moment of all, and times after 2038 that have not come, are no times of a message: then it is now.
    for ts in ["0.000000", "4102444800.000000"] {
        house.hear(&acme, having(message("D2", ts), json!({ "channel_type": "im", "ts": ts }))).await;
    }
    let now =
        "select count(*) from inbox where (normalized ->> 'sent_at')::timestamptz > now() - interval '1 minute'";
    assert_eq!(house.count(acme.tenant, now).await, 2);
}

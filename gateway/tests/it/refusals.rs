//! What is refused is counted by route and reason, and told to the log, without anything that was sent.

use std::{cell::RefCell, io::Write};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};

use crate::{
    events::{question, signed},
    people::{Browser, PASSWORD, tenant_of},
    second_factor::{code, set_up},
    stage::House,
    wire::Ask,
};

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The log of the thread that writes: a test's gateway runs on the test's own. One for the process: what a call to the log
/// leads to is decided once for all threads.
struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn listen() {
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(|| Log).finish();
    // Another test may listen already.
    let _ = tracing::subscriber::set_global_default(lines);
}

fn log() -> String {
    LINES.with_borrow(|lines| String::from_utf8_lossy(lines).into_owned())
}

/// The lines about refusals, as fields.
fn told() -> Vec<Value> {
    let text = log();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    lines.filter(|line| line["message"] == "A request was refused").collect()
}

/// How often a route refused for a reason.
fn counted(metrics: &PrometheusHandle, route: &str, reason: &str) -> u64 {
    let text = metrics.render();
    let line = format!("konstruct_refused_total{{route=\"{route}\",reason=\"{reason}\"}} ");
    text.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn what_is_refused_is_counted_and_told_with_who_asked_and_nothing_that_was_sent() {
    listen();
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);

    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let operator = house.new_key(acme.tenant, "customer_operator").await;
    let foreign = format!("/api/v1/conversations/{}", shared::ids::ConversationId::new());
    let asked = [
        (Ask::get("/api/v1/me"), "/api/v1/me", "unauthorized", 401),
        (Ask::get("/api/v1/me").key(&format!("kst_{}", "A".repeat(43))), "/api/v1/me", "unauthorized", 401),
        (Ask::get("/api/v1/audit").key(&operator), "/api/v1/audit", "forbidden", 403),
        (Ask::get(&foreign).key(&bolt.key), "/api/v1/conversations/{conversation_id}", "not_found", 404),
        (
            Ask::new("PUT", "/api/v1/agents").key(&acme.key).json(&json!({ "CANARY-field": 1 })),
            "/api/v1/agents",
            "invalid_request",
            400,
        ),
        (
            signed("some-other-secret-0123456789", question(&acme, "CANARY-text").to_string()),
            "/webhooks/slack/events",
            "forged",
            401,
        ),
    ];
    for (ask, route, reason, status) in &asked {
        let before = counted(&metrics, route, reason);
        let reply = house.ask(ask).await;
        assert_eq!(reply.status, *status, "{route}: {}", reply.text());
        assert_eq!(counted(&metrics, route, reason), before + 1, "{route} {reason}");
    }
    let told = told();
    let reasons: Vec<&str> = told.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        ["unauthorized", "forbidden", "not_found", "invalid_request", "forged"],
        "who has shown nothing is only counted"
    );
    assert_eq!(told[1]["tenant.id"], acme.tenant.to_string());
    assert!(told[1]["key.id"].as_str().unwrap().starts_with("key_"), "{:?}", told[1]);
    assert_eq!((&told[2]["route"], &told[2]["tenant.id"]), (&json!(asked[3].1), &json!(bolt.tenant.to_string())));
    assert_eq!((&told[4]["level"], &told[4]["address"]), (&json!("WARN"), &json!("127.0.0.1")));
    let text = log();
    for sent in ["CANARY", &foreign, &operator, &acme.key, "some-other-secret"] {
        assert!(!text.contains(sent), "{sent} is in the log");
    }
}

#[tokio::test]
async fn the_audit_log_says_by_what_somebody_came_in() {
    let house = House::open().await;
    let mut browser = house.signed_up("ada@example.com").await;
    let tenant = tenant_of(&browser.me(&house).await);
    let (app, recovery) = set_up(&house, &mut browser).await;
    for code in [&code(&app, 1), &recovery[0]] {
        let body = json!({ "mail": "ada@example.com", "password": PASSWORD, "code": code });
        let reply = Browser::default().ask(&house, Ask::post("/api/v1/auth/login").json(&body)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let sql = "select detail from audit_events where action = 'session.open' order by n";
    let rows = house.rows(tenant, sql).await;
    let shown: Vec<Value> = rows.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
    let ways: Vec<(&str, Option<&str>)> =
        shown.iter().map(|detail| (detail["way"].as_str().unwrap(), detail["second_factor"].as_str())).collect();
    let all =
        [("mail_link", None), ("password", None), ("password", Some("app")), ("password", Some("recovery_code"))];
    assert_eq!(ways, all);
    assert!(shown.iter().all(|detail| detail["address"] == "127.0.0.1"), "{shown:?}");
}

#[tokio::test]
async fn one_key_that_never_stops_asking_is_slowed_and_others_are_not() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let ask = Ask::get("/api/v1/me").key(&acme.key);
    let mut refused = None;
    for _ in 0..100 {
        let replies = futures::future::join_all((0..40).map(|_| house.ask(&ask))).await;
        refused = replies.into_iter().find(|reply| reply.status != 200);
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("four thousand requests at once are too many");
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too_many_requests"), "{}", refused.text());
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(house.ask(&Ask::get("/api/v1/me").key(&bolt.key)).await.status, 200);
}

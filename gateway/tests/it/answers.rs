//! What every answer has in common: headers, and problem documents under `/api`.

use crate::{
    events::{EVENTS, question, signed},
    stage::House,
    wire::{Ask, Reply},
};

fn guarded(reply: &Reply, what: &str) {
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(reply.header("referrer-policy"), "no-referrer", "{what}");
    let policy = reply.header("content-security-policy");
    for rule in [
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(rule), "{what}: {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{what}: {policy}");
    assert!(reply.header("server").is_empty() && reply.header("x-powered-by").is_empty(), "{what}");
}

#[tokio::test]
async fn every_answer_carries_the_protecting_headers() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let large = Ask::put("/api/v1/agents").key(&acme.key).header("content-type", "application/json");
    let asks = [
        ("the API", Ask::get("/api/v1/me").key(&acme.key), 200),
        ("an anonymous caller", Ask::get("/api/v1/me"), 401),
        ("an unknown address", Ask::get("/api/v1/nothing"), 404),
        ("another method", Ask::post("/api/v1/me"), 405),
        ("a large body", large.body(vec![b' '; 300_000]), 413),
        ("the description", Ask::get("/api/openapi.json"), 200),
        ("an event", signed(house.secret(), question(&acme, "x").to_string()), 200),
        ("a forged event", signed("not-the-secret-0123456789", "{}"), 401),
        ("an event by GET", Ask::get(EVENTS), 405),
        ("an unknown webhook", Ask::post("/webhooks/nobody/events"), 404),
        ("health", Ask::get("/healthz"), 200),
        ("readiness", Ask::get("/readyz"), 200),
        ("a missing file", Ask::get("/assets/nothing.js"), 404),
    ];
    for (what, ask, status) in asks {
        let reply = house.ask(&ask).await;
        assert_eq!(reply.status, status, "{what}: {}", reply.text());
        guarded(&reply, what);
    }
    // With or without the page built in.
    for path in ["/", "/conversations", "/..%2f..%2fetc/passwd", "/index.html"] {
        let reply = house.ask(&Ask::get(path)).await;
        assert!(matches!(reply.status, 200 | 404), "{path}: {}", reply.status);
        assert!(!reply.text().contains("root:"), "{path}");
        guarded(&reply, path);
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_404_problem_for_everybody() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let paths = [
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v1/agents/agt_01k9z3w6h8f2m5x7q4r1t0v9sb",
        "/api/v2/me",
        "/api/v1/me/",
        "/api/v1//me",
        "/api/v1/%2e%2e/me",
        "/api/v1/tenants/ten_01k9z3w6h8f2m5x7q4r1t0v9sb/agents",
    ];
    let mut bodies = Vec::new();
    for path in paths {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            for ask in [Ask::new(method, path), Ask::new(method, path).key(&acme.key)] {
                let reply = house.ask(&ask).await;
                assert_eq!((reply.status, reply.problem().as_str()), (404, "not_found"), "{method} {path}");
                bodies.push(reply.body);
            }
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "all the same");
}

#[tokio::test]
async fn another_method_is_a_405_problem_that_names_the_right_ones() {
    let house = House::open().await;
    for (method, path, allowed) in [
        ("POST", "/api/v1/me", "GET,HEAD"),
        ("DELETE", "/api/v1/agents", "GET,HEAD,PUT"),
        ("PATCH", "/api/v1/connections", "GET,HEAD,POST"),
    ] {
        let reply = house.ask(&Ask::new(method, path)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (405, "method_not_allowed"), "{method} {path}");
        assert_eq!(reply.header("allow"), allowed);
    }
}

#[tokio::test]
async fn attack_93_headers_that_pretend_change_nothing() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let pretending = [
        ("x-tenant-id", bolt.tenant.to_string()),
        ("x-forwarded-user", "admin".to_owned()),
        ("x-original-url", "/api/v1/agents".to_owned()),
        ("x-http-method-override", "PUT".to_owned()),
        ("forwarded", "for=127.0.0.1;host=bolt".to_owned()),
        ("traceparent", "00-ffffffffffffffffffffffffffffffff-ffffffffffffffff-01".to_owned()),
        ("traceparent", "nonsense".to_owned()),
    ];
    let plain = house.ask(&Ask::get("/api/v1/me").key(&acme.key)).await;
    assert_eq!(plain.json()["tenant_id"], acme.tenant.to_string());
    for (name, value) in pretending {
        let reply = house.ask(&Ask::get("/api/v1/me").key(&acme.key).header(name, &value)).await;
        assert_eq!((reply.status, &reply.body), (200, &plain.body), "{name}");
        let ask = signed(house.secret(), question(&acme, name).to_string()).header(name, &value);
        assert_eq!(house.ask(&ask).await.status, 200, "{name}");
    }
    assert_eq!((house.stored(acme.tenant).await, house.stored(bolt.tenant).await), (7, 0));
}

#[tokio::test]
async fn where_it_is_served_by_https_a_browser_takes_no_other_way_again() {
    let plain = House::open().await;
    assert_eq!(plain.ask(&Ask::get("/healthz")).await.header("strict-transport-security"), "");
    let secure = House::open_with(|config| {
        config.public_url = "https://konstruct.example.com".parse().expect("an address");
    })
    .await;
    for path in ["/", "/healthz", "/api/v1/me", "/nothing.js"] {
        let sent = secure.ask(&Ask::get(path)).await;
        assert_eq!(sent.header("strict-transport-security"), "max-age=63072000", "{path}");
    }
    let page = secure.ask(&Ask::get("/")).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

//! A domain of somebody's own that leads inside, as `127.0.0.1.nip.io` does: it can be stored, since a name says nothing, and no
//! call of any kind that a tenant can configure is made to it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use serde_json::{Value, json};
use shared::egress::{Guard, names::said};
use tokio::net::TcpListener;

use crate::{
    house::{House, PATIENCE, Tenant},
    later::calling,
};

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));

/// What such a name leads to; `shared/src/egress/attempts.rs` tries the rest.
fn inside() -> Vec<Vec<IpAddr>> {
    let one = |text: &str| -> IpAddr { text.parse().expect("an address") };
    vec![
        vec![Ipv4Addr::LOCALHOST.into()],
        vec![PUBLIC, one("10.0.0.1")],
        vec![Ipv6Addr::LOCALHOST.into(), PUBLIC],
        vec![one("::ffff:169.254.169.254")],
    ]
}

/// Refused at once, because it is tried before it is stored.
async fn tried_first(acme: &Tenant<'_>, url: &str) {
    let key = json!({ "name": "ours", "base_url": format!("{url}/v1"), "key": "sk-0123456789abcdef", "default_model": "m" });
    let (status, refused) = acme.asks_api("POST", "llm-keys", key).await;
    assert_eq!((status, &refused["code"]), (400, &json!("address_refused")), "{url}: {refused}");
    let (status, refused) = acme.asks_api("POST", "mcp-servers", json!({ "name": "met", "url": url })).await;
    assert_eq!(status, 502, "{url}: {refused}");
}

/// Asked for by the worker, which says why nothing came of it.
async fn looked_at(acme: &Tenant<'_>, url: &str, sitemap: bool) {
    let (status, given) =
        acme.asks_api("POST", "knowledge/addresses", json!({ "address": url, "sitemap": sitemap })).await;
    assert_eq!(status, 202, "{url}: {given}");
    let path = format!("knowledge/{}", given["id"].as_str().expect("an id"));
    let found = until(acme, &path, |found| found["state"] == "refused").await;
    assert!(
        found["reason"].as_str().is_some_and(|said| said.contains("private or reserved network")),
        "{url}: {found}"
    );
}

async fn until(acme: &Tenant<'_>, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let (_, found) = acme.asks_api("GET", path, json!({})).await;
        if is_so(&found) {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{path}: {found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn told(acme: &Tenant<'_>, url: &str) {
    let (status, made) = acme.asks_api("POST", "webhook-endpoints", json!({ "url": url })).await;
    assert_eq!(status, 201, "{url}: {made}");
    let path = format!("webhook-endpoints/{}", made["id"].as_str().expect("an id"));
    assert_eq!(acme.asks_api("POST", &format!("{path}/ping"), json!({})).await.0, 202);
    let tried = |found: &Value| {
        found["items"].as_array().is_some_and(|all| all.iter().any(|one| one["error"].is_string()))
    };
    let found = until(acme, &format!("{path}/deliveries"), tried).await;
    assert!(!found.to_string().contains("delivered"), "{url}: {found}");
    assert_eq!(acme.asks_api("DELETE", &path, json!({})).await.0, 204);
}

async fn called(acme: &Tenant<'_>, n: usize, url: &str) {
    let name = format!("look_{n}");
    let tool = json!({ "name": name, "description": "Looks.", "class": "read", "method": "get", "url": url,
                       "arguments": { "type": "object", "properties": {} } });
    let (status, made) = acme.asks_api("POST", "tools", tool).await;
    assert_eq!(status, 201, "{url}: {made}");
    acme.may_use(&[made["id"].as_str().expect("an id")]).await;
    acme.house.model.set_options(calling(&name, &json!({})));
    let asked = acme.asks("CGENERAL", "UADA", "Look, please.");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    acme.inbox().await;
    let failed = "select count(*) from tool_calls where tenant_id = $1 and state = 'failed'";
    assert_eq!(acme.count(failed).await, i64::try_from(n + 1).expect("few"), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_146_an_own_domain_that_leads_inside_is_called_by_nothing_a_tenant_configures() {
    let house = House::open_with(|config| {
        // Somebody else's private network: without one no address without TLS would even be stored.
        config.egress_allow = vec!["203.0.113.0/24".parse().expect("a network")];
    })
    .await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("an address").port();
    let mut calls = 0;
    for (n, to) in inside().iter().enumerate() {
        for (m, scheme) in ["http", "https"].into_iter().enumerate() {
            let name = format!("{scheme}-{n}.inside.attacker.example");
            said::leads(&name, to);
            let url = format!("{scheme}://{name}:{port}/x");
            tried_first(&acme, &url).await;
            looked_at(&acme, &url, false).await;
            looked_at(&acme, &format!("{url}/sitemap.xml"), true).await;
            told(&acme, &url).await;
            called(&acme, calls, &url).await;
            calls += 1;
            assert_eq!(calls, 2 * n + m + 1);
        }
    }
    let came = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(came.is_err(), "nobody came");
    for kept in [
        "select count(*) from mcp_servers where tenant_id = $1",
        "select count(*) from llm_keys where tenant_id = $1",
    ] {
        assert_eq!(acme.count(kept).await, 0);
    }

    // Where an operator allows it, such a name leads to the listener.
    let guard = Guard::new(&["127.0.0.0/8".parse().expect("a network")]);
    let url: reqwest::Url = format!("http://http-0.inside.attacker.example:{port}/x").parse().expect("a URL");
    let asking = guard.client(&url).expect("it may be called").get(url).send();
    let (_, came) = tokio::join!(tokio::time::timeout(Duration::from_millis(300), asking), listener.accept());
    drop(came.expect("somebody came"));
}

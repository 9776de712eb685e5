//! Whoever asks with an `Idempotency-Key` may lose the gateway at any moment: asked again, nothing is made twice, and nothing is
//! lost.

use std::{process::Stdio, time::Duration};

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use tokio::process::Child;

use crate::house::{House, PATIENCE, Tenant};

/// A gateway in a process of its own, to be killed.
struct Gateway {
    process: Child,
    address: String,
}

impl House {
    async fn spawn_gateway(&self, crash_at: Option<&str>) -> Gateway {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let bind = free.local_addr().expect("an address").to_string();
        drop(free);
        let mut gateway = self.konstruct(&["gateway"]);
        gateway.env("KONSTRUCT_BIND", &bind).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(point) = crash_at {
            gateway.env("KONSTRUCT_CRASH_AT", point);
        }
        let process = gateway.spawn().expect("the konstruct binary is built with the workspace");
        let address = format!("http://{bind}");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let begun = std::time::Instant::now();
        while http.get(format!("{address}/healthz")).send().await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "the gateway does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Gateway { process, address }
    }
}

impl Tenant<'_> {
    /// A POST with a key, to the gateway of this address. `None`: it broke off.
    async fn makes(&self, gateway: &str, resource: &str, key: &str, body: &Value) -> Option<(StatusCode, bool)> {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let post = http.post(format!("{gateway}/api/v1/{resource}")).bearer_auth(&self.key);
        let answer = post.header("idempotency-key", key).json(body).send().await.ok()?;
        Some((answer.status(), answer.headers().contains_key("idempotency-replayed")))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_once_it_is_made_the_next_try_gets_its_answer() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    let budget = json!({ "scope": "tenant", "period": "month", "budget_limit_usd": 10.0 });
    let mut first = house.spawn_gateway(Some("gateway.made-once")).await;
    assert_eq!(acme.makes(&first.address, "budgets", "once", &budget).await, None, "it died before it answered");
    first.process.wait().await.expect("it ended");
    let budgets = "select count(*) from budgets where tenant_id = $1";
    assert_eq!(acme.count(budgets).await, 1, "it was made");
    let again = acme.makes(&house.address, "budgets", "once", &budget).await;
    assert_eq!(again, Some((StatusCode::CREATED, true)));
    assert_eq!(acme.count(budgets).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_is_made_nothing_is_left_and_a_later_try_makes_it() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    let rule = json!({ "name": "Money", "condition": "keyword = \"refund\"" });
    let mut keeper = house.test.owner().await;
    keeper.execute("begin; lock table escalation_rules in exclusive mode").await.expect("it is free");
    let mut first = house.spawn_gateway(None).await;
    let (address, claimed) = (first.address.clone(), "select count(*) from idempotency_keys where tenant_id = $1");
    let (broken, ()) = tokio::join!(acme.makes(&address, "escalation-rules", "once", &rule), async {
        acme.until("the key is claimed", claimed, 1).await;
        first.process.kill().await.expect("it is killed");
    });
    assert_eq!(broken, None);
    keeper.execute("rollback").await.expect("it lets go");
    keeper.close().await.expect("it ends");
    let rules = "select count(*) from escalation_rules where tenant_id = $1";
    assert_eq!(acme.count(rules).await, 0);
    // Nobody can tell yet that the first is dead.
    let early = acme.makes(&house.address, "escalation-rules", "once", &rule).await;
    assert_eq!(early, Some((StatusCode::CONFLICT, false)));
    acme.change("update idempotency_keys set begun_at = begun_at - interval '61 seconds' where tenant_id = $1")
        .await;
    let later = acme.makes(&house.address, "escalation-rules", "once", &rule).await;
    assert_eq!(later, Some((StatusCode::CREATED, false)));
    let again = acme.makes(&house.address, "escalation-rules", "once", &rule).await;
    assert_eq!(again, Some((StatusCode::CREATED, true)));
    assert_eq!(acme.count(rules).await, 1);
}

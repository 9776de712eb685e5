//! Stripe's webhook: what is not signed by Stripe leaves no trace; what is, is heard once, and nobody else's is.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared::{config::StripeConfig, db::customers, ids::TenantId};
use simulators::stripe_signature;

use crate::{
    stage::House,
    wire::{Ask, Reply},
};

const SECRET: &str = "whsec_0123456789abcdef";
const HEADER: &str = "stripe-signature";

fn config() -> StripeConfig {
    StripeConfig {
        api_url: "http://127.0.0.1:9".parse().expect("a URL"),
        secret_key: SecretString::from("sk_test_1"),
        webhook_secrets: vec![SecretString::from("whsec_of_before_012345"), SecretString::from(SECRET)],
        prices: vec![shared::config::Price { plan: "pro", id: "price_pro".into() }],
        usage_price: None,
        meter_event: None,
    }
}

async fn open() -> House {
    House::open_with(|given| given.stripe = Some(config())).await
}

async fn customer(house: &House, tenant: TenantId, id: &str) {
    let mut tx = house.test.db.tenant(tenant).begin().await.expect("a transaction");
    customers::link(&mut tx, id).await.expect("it is nobody's");
    tx.commit().await.expect("stored");
}

fn event(id: &str, customer: &str) -> Value {
    json!({ "id": id, "object": "event", "type": "invoice.paid", "created": 1, "livemode": false,
            "data": { "object": { "id": "in_1", "object": "invoice", "customer": customer } } })
}

fn now() -> i64 {
    shared::clock::Clock::system().now().unix_timestamp()
}

fn signed(body: &str, secret: &str, at: i64) -> Ask {
    let ask = Ask::post("/webhooks/stripe").header("content-type", "application/json").body(body);
    ask.with(HEADER, stripe_signature(secret, at, body.as_bytes()))
}

async fn deliver(house: &House, event: &Value) -> Reply {
    house.ask(&signed(&event.to_string(), SECRET, now())).await
}

async fn heard(house: &House, tenant: TenantId) -> i64 {
    house.count(tenant, "select count(*) from stripe_events").await
}

async fn looks(house: &House, tenant: TenantId) -> i64 {
    house.count(tenant, "select count(*) from jobs where kind = 'refresh_billing'").await
}

#[tokio::test]
async fn attack_35_what_is_not_signed_is_refused_and_leaves_no_trace() {
    let house = open().await;
    let (tenant, _) = house.test.tenant("acme").await;
    customer(&house, tenant, "cus_acme").await;
    let body = event("evt_1", "cus_acme").to_string();
    let good = signed(&body, SECRET, now());
    let value = good.value_of(HEADER);
    for (what, ask) in [
        ("none", good.clone().without(HEADER)),
        ("empty", good.clone().with(HEADER, String::new())),
        ("another secret", signed(&body, "whsec_forged_0123456789", now())),
        ("another scheme", good.clone().with(HEADER, value.replace("v1=", "v0="))),
        (
            "of other bytes",
            Ask::post("/webhooks/stripe").body(body.replace("evt_1", "evt_2")).with(HEADER, value.clone()),
        ),
        ("six minutes old", signed(&body, SECRET, now() - 360)),
        ("two days old", signed(&body, SECRET, now() - 172_800)),
        ("of tomorrow", signed(&body, SECRET, now() + 86_400)),
    ] {
        let reply = house.ask(&ask).await;
        assert_eq!(reply.status, 401, "{what}: {}", reply.text());
    }
    assert_eq!((heard(&house, tenant).await, looks(&house, tenant).await), (0, 0));
    assert!(house.quarantined().await.is_empty());
    // Attack case 49: an older secret is good while it is listed.
    assert_eq!(house.ask(&signed(&body, config().webhook_secrets[0].expose_secret(), now())).await.status, 200);
    assert_eq!((heard(&house, tenant).await, looks(&house, tenant).await), (1, 1));
}

#[tokio::test]
async fn attack_159_the_same_event_fifty_times_at_once_has_one_effect() {
    let house = open().await;
    let (tenant, _) = house.test.tenant("acme").await;
    customer(&house, tenant, "cus_acme").await;
    let event = event("evt_1", "cus_acme");
    let replies = futures::future::join_all((0..50).map(|_| deliver(&house, &event))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!((heard(&house, tenant).await, looks(&house, tenant).await), (1, 1));
}

#[tokio::test]
async fn attacks_163_and_165_what_is_nobodys_is_put_aside_and_heard_once_it_is_somebodys() {
    let house = open().await;
    let (tenant, _) = house.test.tenant("acme").await;
    let (ours, mut live, mut foreign) =
        (event("evt_1", "cus_acme"), event("evt_2", "cus_acme"), event("evt_3", "cus_acme"));
    live["livemode"] = json!(true);
    foreign["account"] = json!("acct_1");
    assert_eq!(deliver(&house, &ours).await.status, 200);
    customer(&house, tenant, "cus_acme").await;
    for event in [&live, &foreign] {
        assert_eq!(deliver(&house, event).await.status, 200);
    }
    assert_eq!(house.ask(&signed("not json", SECRET, now())).await.status, 200);
    assert_eq!((heard(&house, tenant).await, looks(&house, tenant).await), (0, 0));
    let reasons: Vec<String> = house.quarantined().await.into_iter().map(|(reason, _)| reason).collect();
    let expected =
        ["no tenant is this customer", "of Stripe's other mode", "of another account", "not readable as an event"];
    assert_eq!(reasons, expected);
    // Sent again by Stripe, it is not mistaken for a copy.
    assert_eq!(deliver(&house, &ours).await.status, 200);
    assert_eq!((heard(&house, tenant).await, looks(&house, tenant).await), (1, 1));
    // What concerns no customer is not kept.
    let product = json!({ "id": "evt_9", "type": "product.updated", "data": { "object": { "id": "prod_1", "object": "product" } } });
    assert_eq!(deliver(&house, &product).await.status, 200);
    assert_eq!(heard(&house, tenant).await, 1);
}

#[tokio::test]
async fn odd_bodies_get_a_status_and_nothing_else() {
    let house = open().await;
    for odd in [String::new(), "[]".into(), "null".into(), "{}".into(), "\u{0}".into(), "[".repeat(100_000)] {
        assert_eq!(house.ask(&signed(&odd, SECRET, now())).await.status, 200, "signed, so kept to be looked at");
    }
    let huge = "x".repeat(1_100_000);
    assert_eq!(house.ask(&signed(&huge, SECRET, now())).await.status, 413);
    let off = House::open_with(|given| given.stripe = None).await;
    let body = event("evt_1", "cus_acme").to_string();
    let reply = off.ask(&signed(&body, SECRET, now())).await;
    assert_eq!(reply.status, 404, "{}", reply.text());
}

#[tokio::test]
async fn without_stripe_plans_are_shown_and_nothing_is_sold() {
    let house = House::open_with(|given| given.stripe = None).await;
    let (_, key) = house.test.tenant("acme").await;
    let shown = house.ask(&Ask::get("/api/v1/billing").key(&key)).await.json();
    assert_eq!((&shown["sells"], &shown["access"]), (&json!(false), &json!("full")));
    assert_eq!((&shown["plan"], &shown["subscription"]), (&json!("enterprise"), &Value::Null));
    for (path, body) in [("checkout", json!({ "plan": "pro" })), ("portal", json!({})), ("refresh", json!({}))] {
        let reply = house.ask(&Ask::post(&format!("/api/v1/billing/{path}")).key(&key).json(&body)).await;
        assert_eq!((reply.status, reply.json()["code"].clone()), (409, json!("billing_off")), "{path}");
    }
    // With Stripe away, the answer is a sentence, and nothing is half done.
    let house = open().await;
    let (tenant, key) = house.test.tenant("acme").await;
    let reply = house.ask(&Ask::post("/api/v1/billing/checkout").key(&key).json(&json!({ "plan": "pro" }))).await;
    assert_eq!((reply.status, reply.json()["code"].clone()), (502, json!("stripe_unavailable")));
    assert_eq!(house.count(tenant, "select count(*) from stripe_customers").await, 0);
    let reply = house.ask(&Ask::post("/api/v1/billing/checkout").key(&key).json(&json!({ "plan": "gold" }))).await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    let reply = house.ask(&Ask::post("/api/v1/billing/portal").key(&key)).await;
    assert_eq!((reply.status, reply.json()["code"].clone()), (409, json!("no_customer")));
}

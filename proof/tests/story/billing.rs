//! A tenant subscribes, does not pay, is paused, pays, and leaves; and events of Stripe in any order come to the same.

use std::time::Duration;

use proof::chaos::Outcome;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::{
    config::{Price, StripeConfig},
    db::{TenantDb, billing, customers},
    ids::ApiKeyId,
};
use simulators::{FaultKind, FaultRule, StripeMove, StripeOptions, StripeSimulator};

use crate::house::{House, Tenant, eventually};

const SECRET: &str = "whsec_0123456789abcdef";
const PAUSED: &str = "I'm paused at the moment";

async fn stripe(webhook: &str) -> StripeSimulator {
    let any = "127.0.0.1:0".parse().expect("an address");
    let options = StripeOptions { retry_time_scale: 0.02, twice_every: 3, ..StripeOptions::new(webhook, SECRET) };
    StripeSimulator::start(any, options).await.expect("a free port")
}

fn sold(stripe: &StripeSimulator) -> StripeConfig {
    StripeConfig {
        api_url: stripe.api_url().parse().expect("a URL"),
        secret_key: SecretString::from("sk_test_simulated"),
        webhook_secrets: vec![SecretString::from(SECRET)],
        prices: vec![
            Price { plan: "starter", id: "price_starter".into() },
            Price { plan: "pro", id: "price_pro".into() },
        ],
        usage_price: Some("price_answers".into()),
        meter_event: Some("answers".into()),
    }
}

/// A house that sells plans. The gateway's address is not known before it is there: events go through a second door.
async fn shop() -> (House, StripeSimulator) {
    let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let webhook = format!("http://{}/webhooks/stripe", door.local_addr().expect("an address"));
    let stripe = stripe(&webhook).await;
    let house = House::open_with(|config| config.stripe = Some(sold(&stripe))).await;
    let gateway = gateway::Gateway::new(&house.config, &house.test.db, shared::clock::Clock::system())
        .await
        .expect("a gateway");
    tokio::spawn(gateway::serve(door, gateway::router(gateway), std::future::pending()));
    (house, stripe)
}

async fn call(tenant: &Tenant<'_>, method: &str, resource: &str, body: &Value) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let method = method.parse().expect("a method");
    let request = http.request(method, tenant.house.api(resource)).bearer_auth(&tenant.key).json(body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// Waits until the API shows this.
async fn shows(tenant: &Tenant<'_>, access: &str, status: &str, plan: &str) {
    let mut last = Value::Null;
    for _ in 0..400 {
        last = call(tenant, "GET", "billing", &Value::Null).await.1;
        if last["access"] == access && last["subscription"]["status"] == status && last["plan"] == plan {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never was {access}, {status}, {plan}: {last}");
}

/// The last part of a page's address.
fn session(page: &Value) -> String {
    let url = page["url"].as_str().expect("an address");
    url.rsplit('/').next().expect("a session").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_subscribes_is_paused_pays_and_leaves() {
    let (house, stripe) = shop().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    // As a tenant that signed itself up.
    sqlx::query("update tenants set plan = 'free' where tenant_id = $1")
        .bind(acme.id)
        .execute(&mut house.test.system().await)
        .await
        .expect("the platform gives out plans");

    // Two tabs at once: one customer.
    let plan = json!({ "plan": "pro" });
    let (first, second) = tokio::join!(
        call(&acme, "POST", "billing/checkout", &plan),
        call(&acme, "POST", "billing/checkout", &plan)
    );
    assert_eq!((first.0, second.0), (200, 200), "{first:?} {second:?}");
    assert_eq!(stripe.customers().len(), 1);
    let subscription = stripe.pay(&session(&second.1)).expect("a session");
    shows(&acme, "full", "active", "pro").await;
    let object = stripe.object(&subscription).expect("it is there");
    assert_eq!(object["metadata"]["tenant_id"], json!(acme.id.to_string()));
    assert_eq!(object["items"]["data"].as_array().map(Vec::len), Some(2), "usage is part of it");
    let (again, problem) = call(&acme, "POST", "billing/checkout", &plan).await;
    assert_eq!((again, &problem["code"]), (409, &json!("subscribed")));
    let (opened, page) = call(&acme, "POST", "billing/portal", &json!({})).await;
    assert!(opened == 200 && page["url"].as_str().is_some_and(|url| url.contains("/portal/")), "{page}");

    // The card is refused: a while of grace, with a notice; then silence, and a human in the inbox.
    stripe.happens(&subscription, StripeMove::PaymentFails);
    shows(&acme, "full", "past_due", "pro").await;
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 1).await[0].contains("Noted"));
    stripe.happens(&subscription, StripeMove::RetriesEnd);
    shows(&acme, "paused", "unpaid", "free").await;
    let asked = acme.asks("CGENERAL", "UADA", "when is the launch?");
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 1).await[0].starts_with(PAUSED));
    let notices =
        "select count(*) from notices where tenant_id = $1 and kind in ('payment_due', 'access_changed')";
    assert_eq!(acme.count(notices).await, 2);

    // Paid after all; then it ends with the period, and then for good.
    stripe.happens(&subscription, StripeMove::Pays);
    shows(&acme, "full", "active", "pro").await;
    let asked = acme.asks("CGENERAL", "UADA", "when is the launch?");
    assert!(acme.finished("CGENERAL", &asked.thread_ts, 1).await[0].contains("14 March"));
    stripe.happens(&subscription, StripeMove::Changes("price_starter".into()));
    shows(&acme, "full", "active", "starter").await;
    stripe.happens(&subscription, StripeMove::CancelsAtPeriodEnd);
    eventually("the end is decided", || {
        stripe.object(&subscription).is_some_and(|object| object["cancel_at_period_end"] == true)
    })
    .await;
    stripe.happens(&subscription, StripeMove::Ends);
    shows(&acme, "read_only", "canceled", "free").await;
    let (refused, problem) =
        call(&acme, "PUT", "agents", &json!({ "name": "Second", "instructions": "Help." })).await;
    assert!(refused == 200 || problem["detail"].to_string().contains("subscription has ended"), "{problem}");
    // And back again.
    let (begun, page) = call(&acme, "POST", "billing/checkout", &json!({ "plan": "starter" })).await;
    assert_eq!(begun, 200);
    stripe.pay(&session(&page)).expect("a session");
    shows(&acme, "full", "active", "starter").await;
    assert_eq!(stripe.customers().len(), 1);
}

/// Attack case 170: access ends while an answer is on its way.
#[tokio::test(flavor = "multi_thread")]
async fn attack_170_an_answer_that_was_begun_ends_and_the_next_one_is_not_begun() {
    let (house, stripe) = shop().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    sqlx::query("update tenants set plan = 'free' where tenant_id = $1")
        .bind(acme.id)
        .execute(&mut house.test.system().await)
        .await
        .expect("the platform gives out plans");
    let (begun, page) = call(&acme, "POST", "billing/checkout", &json!({ "plan": "pro" })).await;
    assert_eq!(begun, 200, "{page}");
    let subscription = stripe.pay(&session(&page)).expect("a session");
    shows(&acme, "full", "active", "pro").await;
    stripe.happens(&subscription, StripeMove::PaymentFails);
    shows(&acme, "full", "past_due", "pro").await;
    house.model.faults().add(FaultRule::once("completions", FaultKind::DelayMs(8_000)));
    let running = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    eventually("the model was asked", || !house.model.requests().is_empty()).await;
    stripe.happens(&subscription, StripeMove::RetriesEnd);
    shows(&acme, "paused", "unpaid", "free").await;
    assert!(acme.finished("CGENERAL", &running.thread_ts, 1).await[0].contains("Noted"), "what was begun ends");
    let next = acme.asks("CGENERAL", "UADA", "When is the launch?");
    assert!(acme.finished("CGENERAL", &next.thread_ts, 1).await[0].starts_with(PAUSED));
    acme.inbox().await;
    let answers = "select count(*) from usage where tenant_id = $1 and purpose = 'answer'";
    assert_eq!(acme.count(answers).await, 1, "and costs nothing");
}

/// Attack case 161: what counts is what Stripe says when it is asked, whatever the events' order.
#[tokio::test(flavor = "multi_thread")]
async fn attack_161_all_orders_of_five_events_come_to_the_state_of_a_fresh_fetch() {
    let (house, stripe) = shop().await;
    stripe.hold();
    let client = shared::stripe::Stripe::new(&sold(&stripe));
    let mut waiting = Vec::new();
    for (n, order) in orders(5).into_iter().enumerate() {
        let (tenant, key) = (shared::ids::TenantId::new(), ApiKeyId::new());
        shared::db::system::create_tenant(
            &house.test.db.system(),
            tenant,
            &format!("Order {n}"),
            "free",
            key,
            &shared::crypto::token_hash(&format!("key {n}")),
        )
        .await
        .expect("a tenant");
        let db = house.test.db.tenant(tenant);
        let customer = client.create_customer(&tenant.to_string()).await.expect("a customer");
        let mut tx = db.begin().await.expect("a transaction");
        customers::link(&mut tx, &customer).await.expect("it is nobody's");
        tx.commit().await.expect("stored");
        let before = stripe.events().len();
        let subscription = subscribe(&client, &stripe, &customer, &tenant.to_string()).await;
        for what in [StripeMove::PaymentFails, StripeMove::Pays, StripeMove::CancelsAtPeriodEnd, StripeMove::Ends]
        {
            stripe.happens(&subscription, what);
        }
        let of_subscription: Vec<Value> = stripe.events()[before..]
            .iter()
            .filter(|event| event["data"]["object"]["object"] == "subscription")
            .cloned()
            .collect();
        assert_eq!(of_subscription.len(), 5);
        for place in order {
            stripe.deliver(&of_subscription[place]);
        }
        waiting.push((db, subscription));
    }
    assert_eq!(waiting.len(), 120);
    for (db, subscription) in waiting {
        settled(&db, &subscription).await;
    }
}

/// Fault F31. What was heard twice is heard once, and what comes three days late is not believed: Stripe is asked.
#[tokio::test(flavor = "multi_thread")]
async fn fault_31_events_that_come_again_out_of_order_and_days_late_change_nothing() {
    let (house, stripe) = shop().await;
    stripe.hold();
    let acme = house.tenant("acme").await;
    let client = shared::stripe::Stripe::new(&sold(&stripe));
    let customer = client.create_customer(&acme.id.to_string()).await.expect("a customer");
    let mut tx = acme.db.begin().await.expect("a transaction");
    customers::link(&mut tx, &customer).await.expect("it is nobody's");
    tx.commit().await.expect("stored");
    let subscription = subscribe(&client, &stripe, &customer, &acme.id.to_string()).await;
    for what in [StripeMove::PaymentFails, StripeMove::Pays, StripeMove::CancelsAtPeriodEnd, StripeMove::Ends] {
        stripe.happens(&subscription, what);
    }
    let mut events: Vec<Value> = stripe.events();
    events.retain(|event| event["data"]["object"]["object"] == "subscription");
    for event in &mut events {
        let created = event["created"].as_i64().expect("seconds");
        event["created"] = json!(created - 3 * 86_400);
    }
    for round in 0..4 {
        events.rotate_left(round);
        for event in &events {
            stripe.deliver(event);
        }
    }
    settled(&acme.db, &subscription).await;
    eventually("Stripe has told all of it", || stripe.deliveries_under_way() == 0).await;
    settled(&acme.db, &subscription).await;
    let now = stripe.object(&subscription).expect("it is there");
    assert_eq!(now["status"], "canceled");
    let note =
        format!("{} deliveries of {} events; the state is that of a fresh fetch", 4 * events.len(), events.len());
    Outcome::held("F31", "Stripe's events come again, out of order and three days late", note);
}

async fn subscribe(
    client: &shared::stripe::Stripe,
    stripe: &StripeSimulator,
    customer: &str,
    tenant: &str,
) -> String {
    let begun = shared::stripe::Checkout {
        customer,
        tenant,
        price: "price_pro",
        success_url: "http://127.0.0.1/billing",
        cancel_url: "http://127.0.0.1/billing",
    };
    let page = client.checkout(&begun).await.expect("a page");
    stripe.pay(page.path_segments().and_then(Iterator::last).expect("a session")).expect("a subscription")
}

/// Waits until all five events were heard and every look is done; then the state is the last one.
async fn settled(db: &TenantDb, subscription: &str) {
    for _ in 0..1_200 {
        let mut tx = db.begin().await.expect("a transaction");
        let (heard, open): (i64, i64) = sqlx::query_as(
            "select (select count(*) from stripe_events where tenant_id = $1),
                    (select count(*) from jobs where tenant_id = $1 and state <> 'done')",
        )
        .bind(db.id())
        .fetch_one(tx.conn())
        .await
        .expect("counts");
        let shown = billing::show(&mut tx).await.expect("it is shown");
        tx.close().await.expect("closed");
        // A notice is a job, too.
        if heard == 5 && open == 0 {
            let current = shown.subscription.expect("a subscription");
            assert_eq!(current.status, "canceled", "{subscription}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the looks for {subscription} never end");
}

/// All orders of `0..count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(count - 1) {
        for place in 0..=shorter.len() {
            let mut order = shorter.clone();
            order.insert(place, count - 1);
            all.push(order);
        }
    }
    all
}

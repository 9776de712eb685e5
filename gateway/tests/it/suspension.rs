//! A suspended tenant: what comes in is kept, its admins look and pay, and nobody else gets in.

use serde_json::{Value, json};
use sqlx::Row;

use crate::{
    events::question,
    impersonation::Cast,
    stage::{House, run},
    wire::Ask,
};

impl Cast {
    pub async fn suspend(&mut self, house: &House, reason: &str) {
        let path = format!("/api/v1/tenants/{}/suspend", self.tenant);
        let reply = self.platform.ask(house, Ask::post(&path).json(&json!({ "reason": reason }))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["suspended"]["reason"], reason);
    }

    async fn resume(&mut self, house: &House, waiting: &str) {
        let path = format!("/api/v1/tenants/{}/resume", self.tenant);
        let reply = self.platform.ask(house, Ask::post(&path).json(&json!({ "waiting": waiting }))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["suspended"], Value::Null);
    }
}

#[tokio::test]
async fn its_admins_look_and_pay_and_everybody_else_is_told_why() {
    let house = House::open().await;
    let mut cast = house.cast().await;
    let (_, mut operator) = house.person(cast.tenant, "customer_operator").await;
    let keys = [
        house.new_key(cast.tenant, "customer_operator").await,
        house.new_key(cast.tenant, "customer_admin").await,
    ];
    cast.suspend(&house, "An invoice of June is open.").await;
    let refused = operator.ask(&house, Ask::get("/api/v1/conversations")).await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "suspended"));
    assert!(refused.detail().contains("An invoice of June is open. Its admins"), "{}", refused.detail());
    assert_eq!(house.ask(&Ask::get("/api/v1/agents").key(&keys[0])).await.problem(), "suspended");
    assert_eq!(house.ask(&Ask::get("/api/v1/agents").key(&keys[1])).await.status, 200, "an export by program");
    assert_eq!(operator.me(&house).await["suspended"]["reason"], "An invoice of June is open.");
    for path in ["/api/v1/conversations", "/api/v1/audit", "/api/v1/billing"] {
        assert_eq!(cast.owner.ask(&house, Ask::get(path)).await.status, 200, "{path}");
    }
    let agent = Ask::put("/api/v1/agents").json(&json!({ "name": "Kona" }));
    assert_eq!(cast.owner.ask(&house, agent.clone()).await.problem(), "suspended");
    let paying =
        cast.owner.ask(&house, Ask::post("/api/v1/billing/checkout").json(&json!({ "plan": "pro" }))).await;
    assert_ne!(paying.status, 403, "{}", paying.text());
    cast.resume(&house, "answer").await;
    assert_eq!(cast.owner.ask(&house, agent).await.status, 200);
    assert_eq!(operator.ask(&house, Ask::get("/api/v1/conversations")).await.status, 200);
    let acts = house.audited(cast.tenant).await;
    assert!(acts.contains(&"tenant.suspend".into()) && acts.contains(&"tenant.lift".into()), "{acts:?}");
}

#[tokio::test]
async fn what_comes_in_is_kept_and_what_people_press_is_set_aside() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, platform) = house.platform_admin().await;
    let (ada, owner) = house.person(acme.tenant, "owner").await;
    let mut cast = Cast { tenant: acme.tenant, ada, owner, admin: ada, platform };
    cast.suspend(&house, "An invoice is open").await;
    assert_eq!(house.deliver(question(&acme, "Is anybody there?").to_string()).await.status, 200);
    assert_eq!(house.texts(acme.tenant).await, ["Is anybody there?"]);
    assert_eq!(house.inbox(acme.tenant).await, ["pending - addressed"]);
    // Once more changes the reason and not the moment.
    let since = "select suspended_at::text from tenants";
    let before: String = house.rows(acme.tenant, since).await[0].get(0);
    cast.suspend(&house, "Two invoices are open").await;
    assert_eq!(before, house.rows(acme.tenant, since).await[0].get::<String, _>(0));
}

#[tokio::test]
async fn a_turn_that_is_under_way_loses_its_conversation_and_waits() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, platform) = house.platform_admin().await;
    let (ada, owner) = house.person(acme.tenant, "owner").await;
    let mut cast = Cast { tenant: acme.tenant, ada, owner, admin: ada, platform };
    assert_eq!(house.deliver(question(&acme, "Is anybody there?").to_string()).await.status, 200);
    run(
        &mut house.test.system().await,
        "update lanes set owner = 'somebody', fence = fence + 1, ready_at = now() + interval '8 seconds'",
    )
    .await;
    let lane = "select fence || ' ' || coalesce(owner, 'nobody') || ' ' || (ready_at = 'infinity') from lanes";
    let of = |rows: Vec<sqlx::postgres::PgRow>| rows[0].get::<String, _>(0);
    assert_eq!(of(house.rows(acme.tenant, lane).await), "1 somebody false");
    cast.suspend(&house, "An invoice is open").await;
    assert_eq!(of(house.rows(acme.tenant, lane).await), "2 nobody true");
    cast.resume(&house, "drop").await;
    assert_eq!(of(house.rows(acme.tenant, lane).await), "2 nobody false");
    let dropped = house.count(acme.tenant, "select count(*) from tenants where dropped_before is not null").await;
    assert_eq!(dropped, 1);
}

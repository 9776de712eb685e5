//! A tenant's own systems, as admins set them up: the secret is shown once, addresses inside are refused, and what did not arrive
//! can be sent again.

use serde_json::json;
use shared::{
    db::{
        audit::Actor,
        webhook_endpoints::{self, New, deliveries},
    },
    ids::{TenantId, WebhookDeliveryId, WebhookEndpointId},
    standard_webhooks::{self, Failure},
};

use crate::{stage::House, wire::Ask};

impl House {
    /// One that is told everything.
    pub async fn own_system(&self, tenant: TenantId) -> WebhookEndpointId {
        let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let (keys, secret) = (&self.test.config.master_keys, standard_webhooks::new_secret());
        let new = New { url: "https://own.example.com/hook", actions: &[], with_text: false };
        let made = webhook_endpoints::create(&mut tx, keys, &Actor::System, &new, &secret);
        let made = made.await.expect("there is room").id;
        tx.commit().await.expect("it is stored");
        made
    }

    /// What it was told, in vain.
    pub async fn given_up(&self, tenant: TenantId) -> WebhookDeliveryId {
        let endpoint = self.own_system(tenant).await;
        let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        deliveries::take_due(&mut tx, endpoint).await.expect("its own creation");
        let id = deliveries::list(&mut tx, endpoint, None, 1).await.expect("they are read")[0].id;
        let due = deliveries::begin_attempt(&mut tx, id).await.expect("it is read").expect("it waits");
        let failure = Failure { status: Some(503), sentence: "It answers 503.".into() };
        deliveries::give_up(&mut tx, (id, &due), &failure, false).await.expect("it is given up");
        tx.commit().await.expect("it is stored");
        id
    }
}

const ENDPOINTS: &str = "/api/v1/webhook-endpoints";

#[tokio::test]
async fn an_own_system_is_set_up_and_its_secret_is_shown_once() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let new = json!({ "url": "https://crm.example.com/hook?x=1", "actions": ["conversation", "approval.ask"] });
    let made = house.ask(&Ask::post(ENDPOINTS).json(&new).key(&acme.key)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert!(made["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{made}");
    let listed = house.ask(&Ask::get(ENDPOINTS).key(&acme.key)).await;
    assert!(!listed.text().contains("whsec_"), "{}", listed.text());
    let listed = listed.json();
    assert_eq!((&listed["items"][0]["url"], &listed["items"][0]["id"]), (&new["url"], &made["id"]));
    assert_eq!(listed["items"][0]["with_text"], false, "words are told only where they are asked for");
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().expect("an id"));
    let change = json!({ "with_text": true, "actions": ["log", "message", "notice.budget_alert"] });
    let changed = house.ask(&Ask::new("PATCH", &path).json(&change).key(&acme.key)).await.json();
    assert_eq!((&changed["with_text"], &changed["actions"]), (&change["with_text"], &change["actions"]));
    let kept = "select 1 from webhook_endpoints where position('whsec_' in encode(secret, 'escape')) > 0";
    assert!(house.rows(acme.tenant, kept).await.is_empty(), "it is sealed");
}

#[tokio::test]
async fn addresses_and_acts_that_can_not_be_are_refused_with_a_sentence() {
    let house = House::open_with(|config| config.egress_allow = Vec::new()).await;
    let acme = house.firm("acme").await;
    for (new, code) in [
        (json!({ "url": "http://crm.example.com/" }), "address_refused"),
        (json!({ "url": "https://10.0.0.1/" }), "address_refused"),
        (json!({ "url": "https://me:secret@crm.example.com/" }), "address_refused"),
        (json!({ "url": "crm" }), "invalid_request"),
        (json!({ "url": "https://crm.example.com/", "actions": ["Member Removed"] }), "invalid_request"),
        (json!({ "url": "https://crm.example.com/", "actions": vec!["a"; 51] }), "invalid_request"),
        (json!({ "url": "https://crm.example.com/", "actions": ["message.recieved"] }), "invalid_request"),
        (json!({ "url": "https://crm.example.com/", "actions": ["notice.budget"] }), "invalid_request"),
        (json!({ "url": "https://crm.example.com/", "with_text": "yes" }), "invalid_request"),
        (json!({ "url": "https://crm.example.com/", "secret": "whsec_mine" }), "invalid_request"),
    ] {
        let refused = house.ask(&Ask::post(ENDPOINTS).json(&new).key(&acme.key)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, code), "{new}: {}", refused.text());
    }
}

#[tokio::test]
async fn what_is_on_its_way_is_not_sent_twice_and_there_are_ten_at_most() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let given_up = house.given_up(acme.tenant).await;
    let again = format!("/api/v1/webhook-deliveries/{given_up}/retry");
    let again = Ask::post(&again).key(&acme.key);
    assert_eq!(house.ask(&again).await.status, 202);
    let twice = house.ask(&again).await;
    assert_eq!(twice.status, 409, "{}", twice.text());
    for _ in 1..10 {
        house.own_system(acme.tenant).await;
    }
    let new = json!({ "url": "https://crm.example.com/hook" });
    let eleventh = house.ask(&Ask::post(ENDPOINTS).json(&new).key(&acme.key)).await;
    assert_eq!(eleventh.status, 409, "{}", eleventh.text());
}

//! Templates of a number: listed as Meta knows them, and chosen only if approved.

use serde_json::{Value, json};

use crate::{
    phones::{Phones, Shop},
    wire::{Ask, Reply},
};

fn path(shop: &Shop, what: &str) -> String {
    format!("/api/v1/connections/{}/{what}", shop.connection["id"].as_str().expect("an id"))
}

async fn choose(phones: &Phones, key: &str, path: &str, body: Value) -> Reply {
    phones.house.ask(&Ask::put(path).key(key).json(&body)).await
}

#[tokio::test]
async fn templates_are_listed_and_only_an_approved_one_is_chosen() {
    let phones = Phones::open().await;
    let unknown = phones.shop("unknown").await;
    let listed = phones.house.ask(&Ask::get(&path(&unknown, "templates")).key(&unknown.key)).await;
    assert_eq!((listed.status, listed.problem().as_str()), (409, "conflict"), "the account is not known yet");

    let account = simulators::account_of(&simulators::number_of("EAAsimulatedacme").expect("a number"));
    let shop = phones.shop_with("acme", json!({ "account_id": account })).await;
    let listed = phones.house.ask(&Ask::get(&path(&shop, "templates")).key(&shop.key)).await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    let items = listed.json()["items"].as_array().expect("a list").clone();
    let lines: Vec<String> = items
        .iter()
        .map(|item| {
            format!(
                "{} {}",
                item["name"].as_str().unwrap_or_default(),
                item["status"].as_str().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(lines, ["answer_ready APPROVED", "autumn_sale PAUSED", "hello_world APPROVED"]);
    let kept = "select count(*) from message_templates where status = 'APPROVED'";
    assert_eq!(phones.house.count(shop.tenant, kept).await, 2);

    let fallback = path(&shop, "fallback-template");
    for odd in [
        json!({ "template": "autumn_sale", "language": "en" }),
        json!({ "template": "answer_ready", "language": "de" }),
        json!({ "template": "nothing", "language": "en" }),
        json!({ "template": "answer_ready" }),
        json!({ "language": "en" }),
        json!({ "template": "answer_ready", "language": "en", "surprise": 1 }),
    ] {
        assert_eq!(choose(&phones, &shop.key, &fallback, odd.clone()).await.status, 400, "{odd}");
    }
    let body = json!({ "template": "answer_ready", "language": "en" });
    assert_eq!(
        choose(&phones, &unknown.key, &fallback, body.clone()).await.status,
        404,
        "another tenant's connection"
    );
    assert_eq!(choose(&phones, &shop.key, &fallback, body).await.status, 204);
    let chosen = "select count(*) from channel_connections where fallback_template = 'answer_ready'";
    assert_eq!(phones.house.count(shop.tenant, chosen).await, 1);
    let none = json!({ "template": null, "language": null });
    assert_eq!(choose(&phones, &shop.key, &fallback, none).await.status, 204);
    assert_eq!(phones.house.count(shop.tenant, chosen).await, 0);
    let audited = "select count(*) from audit_events where action = 'connection.fallback'";
    assert_eq!(phones.house.count(shop.tenant, audited).await, 2);
}

//! Embedded Signup: from the code that the browser brings to a number that works.

use serde_json::{Value, json};
use simulators::{account_of, number_of};

use crate::{
    phones::{Phones, entry, post},
    wire::{Ask, Reply},
};

const PATH: &str = "/api/v1/connections/whatsapp-signup";

async fn finish(phones: &Phones, key: &str, body: Value) -> Reply {
    phones.house.ask(&Ask::post(PATH).key(key).json(&body)).await
}

#[tokio::test]
async fn a_finished_signup_connects_its_number() {
    let phones = Phones::open().await;
    let (tenant, key) = phones.house.test.tenant("acme").await;
    let shown = phones.house.ask(&Ask::get(PATH).key(&key)).await.json();
    assert_eq!(
        (&shown["available"], &shown["app_id"], &shown["config_id"]),
        (&json!(true), &json!("4001"), &json!("5001"))
    );

    let number = number_of("EAAsimulatedacme").expect("a number");
    let account = account_of(&number);
    let body = json!({ "code": "code-acme", "account_id": account, "phone_number_id": number, "pin": "123456" });
    let connected = finish(&phones, &key, body.clone()).await;
    assert_eq!(connected.status, 201, "{}", connected.text());
    assert!(!connected.text().contains("EAAsimulated"), "the token is not given back");
    let calls: Vec<String> = phones
        .whatsapp
        .history_after(0)
        .into_iter()
        .filter(|line| line.what == "call")
        .map(|line| format!("{} {}", line.name, line.status.unwrap_or_default()))
        .collect();
    assert_eq!(calls, ["subscribed_apps 200", "register 200", "object 200"]);
    // News of the account find their way at once.
    let change = json!({ "field": "account_alerts", "value": { "alert_type": "X" } });
    phones.hear(&post(vec![entry(&account, vec![change])])).await;
    assert_eq!(phones.house.stored(tenant).await, 1);

    assert_eq!(finish(&phones, &key, body).await.status, 400, "a code works once");
}

#[tokio::test]
async fn odd_signups_are_refused_before_anything_is_stored() {
    let phones = Phones::open().await;
    let (tenant, key) = phones.house.test.tenant("acme").await;
    let number = number_of("EAAsimulatedacme").expect("a number");
    let good = json!({ "code": "code-acme", "account_id": account_of(&number), "phone_number_id": number });
    let odd = [
        json!({ "code": "" }),
        json!({ "code": "two\nlines" }),
        json!({ "code": "x".repeat(3_000) }),
        json!({ "pin": "12345" }),
        json!({ "pin": "12345x" }),
        json!({ "code": "unknown" }),
        json!({ "phone_number_id": "../1" }),
        json!({ "account_id": "1/2" }),
        json!({ "surprise": 1 }),
    ];
    for (n, fields) in odd.into_iter().enumerate() {
        let mut body = good.clone();
        body["code"] = json!(format!("code-acme{n}"));
        body.as_object_mut().expect("an object").extend(fields.as_object().cloned().expect("fields"));
        assert_eq!(finish(&phones, &key, body).await.status, 400, "{fields}");
    }
    // A code of somebody else's number.
    let mut foreign = good.clone();
    foreign["code"] = json!("code-other");
    assert_eq!(finish(&phones, &key, foreign).await.status, 400);
    assert_eq!(phones.house.count(tenant, "select count(*) from channel_connections").await, 0);
    // A number that stays in the phone app is not registered, but asked for what it knows.
    assert_eq!(finish(&phones, &key, good).await.status, 201);
    let names: Vec<String> = phones.whatsapp.history_after(0).into_iter().map(|line| line.name).collect();
    assert!(names.contains(&"smb_app_data".into()) && !names.contains(&"register".into()), "{names:?}");
}

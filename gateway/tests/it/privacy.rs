//! Erasing and exporting people through the API, and how long records are kept.

use serde_json::{Value, json};
use shared::{db::people, ids::PersonId};

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

const ERASURES: &str = "/api/v1/privacy/erasures";
const RETENTION: &str = "/api/v1/privacy/retention";

async fn call(house: &House, firm: &Firm, method: &'static str, path: &str, body: &Value) -> Reply {
    let ask = Ask::new(method, path).key(&firm.key);
    house.ask(&if body.is_null() { ask } else { ask.json(body) }).await
}

async fn person(house: &House, firm: &Firm, known_as: &str) -> PersonId {
    let mut tx = house.test.db.tenant(firm.tenant).begin().await.expect("a transaction");
    let connection = firm.connection.parse().expect("an id");
    let person = people::meet(&mut tx, connection, known_as).await.expect("they are met");
    tx.commit().await.expect("stored");
    person
}

#[tokio::test]
async fn an_erasure_is_asked_for_recorded_and_listed() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (ours, theirs) = (person(&house, &acme, "UADA").await, person(&house, &bolt, "UADA").await);
    let asked = call(&house, &acme, "POST", ERASURES, &json!({ "people": [ours.to_string()] })).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    assert_eq!(
        (&asked.json()["finished_at"], &asked.json()["people"]),
        (&Value::Null, &json!([ours.to_string()]))
    );
    assert_eq!(house.jobs(&acme).await, ["erase_person"]);
    let listed = call(&house, &acme, "GET", ERASURES, &Value::Null).await.json();
    assert_eq!(listed["items"][0]["id"], asked.json()["id"]);
    assert_eq!(call(&house, &bolt, "GET", ERASURES, &Value::Null).await.json()["items"], json!([]));

    let foreign = call(&house, &acme, "POST", ERASURES, &json!({ "people": [theirs.to_string()] })).await;
    let missing = call(&house, &acme, "POST", ERASURES, &json!({ "people": [PersonId::new().to_string()] })).await;
    assert_eq!((foreign.status, foreign.text()), (404, missing.text()));
    for wrong in [
        json!({ "people": [] }),
        json!({ "people": ["UADA"] }),
        json!({ "people": vec![ours.to_string(); 3], "x": 1 }),
    ] {
        assert_eq!(call(&house, &acme, "POST", ERASURES, &wrong).await.status, 400, "{wrong}");
    }
    let recorded = "select target_id from audit_events where action = 'person.ask_to_forget'";
    assert_eq!(house.rows(acme.tenant, recorded).await.len(), 1);
}

#[tokio::test]
async fn an_export_is_put_on_record_before_it_is_handed_out() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ada = person(&house, &acme, "UADA").await;
    let path = format!("/api/v1/privacy/people/{ada}/export");
    let all = call(&house, &acme, "GET", &path, &Value::Null).await;
    assert_eq!(all.status, 200, "{}", all.text());
    assert_eq!(all.json()["rows"]["people"][0]["external_id"], "UADA");
    assert!(all.json()["left_out"]["run_steps"][0].is_string());
    let recorded = "select target_id from audit_events where action = 'person.export'";
    assert_eq!(house.rows(acme.tenant, recorded).await.len(), 1);
}

#[tokio::test]
async fn retention_is_ninety_days_until_somebody_says_otherwise() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let first = json!({ "messages_days": null, "facts_days": null, "inbox_days": 90, "runs_days": 90,
                        "deliveries_days": 90, "jobs_days": 30 });
    assert_eq!(call(&house, &acme, "GET", RETENTION, &Value::Null).await.json(), first);
    let wanted = json!({ "messages_days": 365, "facts_days": 730, "inbox_days": 7, "runs_days": null,
                         "deliveries_days": 1, "jobs_days": 3650 });
    assert_eq!(call(&house, &acme, "PUT", RETENTION, &wanted).await.json(), wanted);
    assert_eq!(call(&house, &acme, "GET", RETENTION, &Value::Null).await.json(), wanted);
    for (field, value) in [
        ("messages_days", json!(0)),
        ("inbox_days", json!(0)),
        ("jobs_days", json!(3651)),
        ("runs_days", json!("7")),
        ("x", json!(1)),
    ] {
        let mut wrong = wanted.clone();
        wrong[field] = value;
        assert_eq!(call(&house, &acme, "PUT", RETENTION, &wrong).await.status, 400, "{wrong}");
    }
    let left_out = json!({ "inbox_days": 7 });
    assert_eq!(call(&house, &acme, "PUT", RETENTION, &left_out).await.status, 400);
}

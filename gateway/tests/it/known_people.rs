//! Who talks to the agents, page by page, and what an erasure would take of them.

use serde_json::{Value, json};
use shared::{
    db::{
        numbers::{self, NewNumber},
        people, privacy, system,
    },
    erasing::Eraser,
    ids::{ErasureId, PersonId},
    storage::Storage,
};

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

const PEOPLE: &str = "/api/v1/people";

async fn get(house: &House, key: &str, path: &str) -> Reply {
    house.ask(&Ask::get(path).key(key)).await
}

async fn met(house: &House, firm: &Firm, known_as: &str, name: &str) -> PersonId {
    let mut tx = house.test.db.tenant(firm.tenant).begin().await.expect("a transaction");
    let connection = firm.connection.parse().expect("an id");
    let id = people::meet(&mut tx, connection, known_as).await.expect("they are met");
    let profile = people::Profile { display_name: name.into(), standing: people::Standing::Guest };
    people::describe(&mut tx, id, &profile).await.expect("they are described");
    tx.commit().await.expect("stored");
    id
}

async fn names(house: &House, firm: &Firm, query: &str) -> Vec<String> {
    let reply = get(house, &firm.key, &format!("{PEOPLE}{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.text());
    let items = reply.json()["items"].as_array().expect("a list").clone();
    items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn people_are_listed_page_by_page_and_none_of_another_tenant() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    for n in 1..=5 {
        met(&house, &acme, &format!("U{n}"), &format!("Ada {n}")).await;
    }
    let theirs = met(&house, &bolt, "U9", "Ada of Bolt").await;
    let (mut path, mut seen) = (format!("{PEOPLE}?limit=2"), Vec::new());
    loop {
        let page = get(&house, &acme.key, &path).await.json();
        let items = page["items"].as_array().expect("a list").clone();
        assert!(items.len() <= 2, "{page}");
        seen.extend(items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{PEOPLE}?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["Ada 5", "Ada 4", "Ada 3", "Ada 2", "Ada 1"]);
    assert_eq!(names(&house, &bolt, "").await, ["Ada of Bolt"]);
    let foreign = get(&house, &acme.key, &format!("{PEOPLE}/{theirs}")).await;
    let missing = get(&house, &acme.key, &format!("{PEOPLE}/{}", PersonId::new())).await;
    assert_eq!((foreign.status, foreign.text()), (404, missing.text()));
    for wrong in ["?cursor=x", "?limit=0", "?name=Ada", "?q=%00"] {
        assert_eq!(get(&house, &acme.key, &format!("{PEOPLE}{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn people_are_found_by_a_part_of_their_name_by_their_id_by_their_number_and_by_their_mark() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ada = met(&house, &acme, "UADA", "Ada 100% Lovelace").await;
    met(&house, &acme, "4915100000009", "Grace").await;
    met(&house, &acme, "UBOB", "Bob").await;
    for (query, found) in [
        ("?q=love", vec!["Ada 100% Lovelace"]),
        ("?q=0%25%20l", vec!["Ada 100% Lovelace"]),
        ("?q=A_a", vec![]),
        ("?q=UADA", vec!["Ada 100% Lovelace"]),
        ("?q=UAD", vec![]),
        ("?q=%2B49%20151-00000009", vec!["Grace"]),
        ("?q=49151", vec![]),
        ("?vip=true", vec![]),
    ] {
        assert_eq!(names(&house, &acme, query).await, found, "{query}");
    }
    let mark = Ask::new("PATCH", &format!("{PEOPLE}/{ada}")).key(&acme.key).json(&json!({ "vip": true }));
    assert_eq!(house.ask(&mark).await.status, 200);
    let marked = get(&house, &acme.key, &format!("{PEOPLE}?vip=true")).await.json();
    let item = &marked["items"][0];
    assert_eq!(
        (&item["name"], &item["vip"], &item["standing"]),
        (&json!("Ada 100% Lovelace"), &json!(true), &json!("guest"))
    );
    assert_eq!(
        (&item["channel"], &item["external_id"], &item["phone"]),
        (&json!("slack"), &json!("UADA"), &Value::Null)
    );
}

async fn erase(house: &House, firm: &Firm, id: ErasureId) -> privacy::Erasure {
    let config = &house.test.config;
    let fingerprints = system::fingerprint_key(&house.test.db.system(), &config.master_keys).await;
    let storage = Storage::open(&config.storage).expect("a storage");
    let eraser = Eraser { storage, fingerprints: fingerprints.expect("a key"), outside: None };
    let db = house.test.db.tenant(firm.tenant);
    eraser.empty(&db, id).await.expect("it is emptied");
    eraser.finish(&db, id).await.expect("it is done");
    let mut tx = db.begin().await.expect("a transaction");
    let erasure = privacy::take(&mut tx, id).await.expect("it is there");
    tx.close().await.expect("it ends");
    erasure
}

#[tokio::test]
async fn what_an_erasure_would_take_is_what_it_takes() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let connection = acme.connection.parse().expect("an id");
    house.talked_over(acme.tenant, connection).await;
    house.talked_over(acme.tenant, connection).await;
    let listed = get(&house, &acme.key, PEOPLE).await.json();
    let person = listed["items"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("{PEOPLE}/{person}");
    let before = get(&house, &acme.key, &path).await.json();
    let counts = &before["counts"];
    assert_eq!(
        (&counts["messages"], &counts["outbox"], &counts["people"]),
        (&json!(4), &json!(2), &json!(1)),
        "{counts}"
    );
    assert_eq!((&before["own_conversations"], &before["shared_conversations"]), (&json!(0), &json!(2)));
    assert!(before["last_wrote_at"].is_string() && before["also"] == json!([]), "{before}");

    let ask = Ask::new("POST", "/api/v1/privacy/erasures").key(&acme.key).json(&json!({ "people": [person] }));
    let asked = house.ask(&ask).await.json();
    let listed = get(&house, &acme.key, PEOPLE).await.json();
    assert_eq!(listed["items"][0]["is_being_erased"], true, "{listed}");
    let done = erase(&house, &acme, asked["id"].as_str().expect("an id").parse().expect("an id")).await;
    assert_eq!(&serde_json::to_value(&done.counts).expect("JSON"), counts);
    assert!(done.finished_at.is_some() && done.certificate.is_some());
    assert_eq!(names(&house, &acme, "").await, [""; 0]);
    assert_eq!(get(&house, &acme.key, &path).await.status, 404);
}

#[tokio::test]
async fn one_human_of_two_connections_is_shown_as_one_and_operators_are_not_shown_what_is_kept() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction");
    let mut same = Vec::new();
    for number in ["1", "2"] {
        let new = NewNumber {
            phone_number_id: number.into(),
            account_id: String::new(),
            display_name: format!("Number {number}"),
            access_token: "EAAnumber".to_owned().into(),
            own_app: None,
        };
        let connection = numbers::connect(&mut tx, &house.test.config.master_keys, &new).await;
        let connection = connection.expect("a number can be connected").id;
        same.push(people::meet(&mut tx, connection, "4915100000009").await.expect("they are met"));
    }
    tx.commit().await.expect("stored");
    let path = format!("{PEOPLE}/{}", same[0]);
    let shown = get(&house, &acme.key, &path).await.json();
    assert_eq!(shown["also"][0]["id"], json!(same[1].to_string()), "{shown}");
    assert_eq!(shown["counts"]["people"], json!(2), "{shown}");
    let operator = house.new_key(acme.tenant, "customer_operator").await;
    assert_eq!(get(&house, &operator, PEOPLE).await.status, 200);
    assert_eq!(get(&house, &operator, &path).await.status, 403);
}

#[tokio::test]
async fn who_goes_by_another_id_is_one_with_their_mark_and_their_wish_and_goes_whole() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let connection = acme.connection.parse().expect("an id");
    let mut all = Vec::new();
    for (known_as, name) in [("4915100000009", "Grace"), ("DE.1", "Grace H."), ("DE.2", "Grace Hopper")] {
        all.push(met(&house, &acme, known_as, name).await);
    }
    let mut tx = house.test.db.tenant(acme.tenant).begin_for_all_audiences().await.expect("a transaction");
    people::set_vip(&mut tx, all[0], true).await.expect("they are marked");
    people::set_consent(&mut tx, all[1], true).await.expect("they want no more");
    people::moved(&mut tx, connection, "4915100000009", "DE.1", None).await.expect("they are one");
    people::moved(&mut tx, connection, "DE.1", "DE.2", None).await.expect("they are one");
    tx.commit().await.expect("stored");
    let listed = get(&house, &acme.key, PEOPLE).await.json();
    assert_eq!(names(&house, &acme, "").await, ["Grace Hopper"], "{listed}");
    let item = &listed["items"][0];
    assert_eq!((&item["vip"], &item["opted_out"]), (&json!(true), &json!(true)), "{item}");
    for gone in &all[..2] {
        assert_eq!(get(&house, &acme.key, &format!("{PEOPLE}/{gone}")).await.status, 404, "{gone}");
    }
    let shown = get(&house, &acme.key, &format!("{PEOPLE}/{}", all[2])).await.json();
    assert_eq!((&shown["counts"]["people"], &shown["also"]), (&json!(3), &json!([])), "{shown}");

    let ask = Ask::new("POST", "/api/v1/privacy/erasures").key(&acme.key).json(&json!({ "people": [all[2]] }));
    let asked = house.ask(&ask).await.json();
    let done = erase(&house, &acme, asked["id"].as_str().expect("an id").parse().expect("an id")).await;
    all.sort();
    assert_eq!((&done.people, done.counts["people"]), (&all, 3));
    let system = house.test.db.system();
    let fingerprints = system::fingerprint_key(&system, &house.test.config.master_keys).await.expect("a key");
    for id in ["4915100000009", "DE.1", "DE.2"] {
        let subject = fingerprints.fingerprint(&["erased-person", &acme.tenant.to_string(), "slack", id]);
        assert!(done.subjects.contains(&subject), "{id}");
    }
    let left = "select count(*) from people where display_name like 'Grace%' or external_id ~ '4915|DE'";
    assert_eq!(house.count(acme.tenant, left).await, 0);
}

//! The audit log on a screen, and what a walk along it says.

use serde_json::{Value, json};
use shared::db::audit::{self, Actor};

use crate::{
    stage::{Firm, House, run},
    wire::{Ask, Reply},
};

async fn get(house: &House, firm: &Firm, query: &str) -> Reply {
    house.ask(&Ask::get(&format!("/api/v1/audit{query}")).key(&firm.key)).await
}

async fn actions(house: &House, firm: &Firm, query: &str) -> Vec<String> {
    let list = get(house, firm, query).await;
    assert_eq!(list.status, 200, "{}", list.text());
    let list = list.json();
    let items = list["items"].as_array().expect("a list");
    items.iter().map(|item| format!("{} {}", item["n"], item["action"].as_str().expect("an act"))).collect()
}

async fn verify(house: &House, firm: &Firm) -> Value {
    let verdict = house.ask(&Ask::post("/api/v1/audit/verify").key(&firm.key)).await;
    assert_eq!(verdict.status, 200, "{}", verdict.text());
    verdict.json()
}

async fn act(house: &House, firm: &Firm, actor: &Actor, action: &str) {
    let mut tx = house.test.db.tenant(firm.tenant).begin().await.expect("a transaction begins");
    audit::append(&mut tx, actor, action, ("thing", "thing_1"), json!({ "a": 1 })).await.expect("it is recorded");
    tx.commit().await.expect("it is stored");
}

#[tokio::test]
async fn acts_are_listed_newest_first_with_who_did_them() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (user, _) = house.person(acme.tenant, "customer_operator").await;
    let stranger = shared::ids::UserId::new();
    act(&house, &acme, &Actor::User(user), "memory.forget").await;
    act(&house, &acme, &Actor::User(stranger), "memory.forget").await;
    act(&house, &acme, &Actor::System, "memory.forgetful").await;
    act(&house, &bolt, &Actor::System, "memory.theirs").await;
    let all = get(&house, &acme, "").await.json();
    let items = all["items"].as_array().expect("a list");
    let n = |item: &Value| item["n"].as_i64().expect("a number");
    let last = n(&items[0]);
    assert!(items.iter().enumerate().all(|(at, item)| n(item) == last - at as i64), "{all}");
    assert_eq!(items.last().map(|item| item["action"].clone()), Some(json!("tenant.create")));
    assert!(all["next_cursor"].is_null() && !all.to_string().contains("theirs"));

    let [at, name, detail] = ["at", "actor_name", "detail"].map(|field| items[2][field].clone());
    assert!(at.as_str().is_some_and(|at| at.ends_with('Z')));
    assert!(name.is_string(), "a member has a name");
    assert_eq!(detail, json!({ "a": 1 }));
    assert!(items[1]["actor_name"].is_null(), "nobody knows them any more");

    let two = [format!("{} memory.forget", last - 1), format!("{} memory.forget", last - 2)];
    assert_eq!(
        actions(&house, &acme, "?action=memory.forget").await,
        two,
        "a whole act is no beginning of another"
    );
    assert_eq!(actions(&house, &acme, "?action=memory").await.len(), 3);
    assert_eq!(actions(&house, &acme, "?action=mem").await.len(), 0, "words are whole");
    assert_eq!(actions(&house, &acme, &format!("?actor={user}&action=memory")).await, two[1..]);
    assert_eq!(actions(&house, &acme, "?actor=user&action=memory").await, two);
    let page = get(&house, &acme, "?action=memory&limit=2").await.json();
    let cursor = page["next_cursor"].as_str().expect("there is more").to_owned();
    assert_eq!(actions(&house, &acme, &format!("?action=memory&limit=2&cursor={cursor}")).await, two[1..]);
}

#[tokio::test]
async fn attack_209_a_walk_says_whether_the_log_is_whole_and_is_recorded_itself() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    act(&house, &acme, &Actor::System, "agent.shape").await;
    let first = verify(&house, &acme).await;
    assert_eq!((&first["whole"], &first["fault"]), (&json!(true), &Value::Null));
    let second = verify(&house, &acme).await;
    assert_eq!(second["events"].as_i64(), first["events"].as_i64().map(|events| events + 1));
    assert_ne!(first["head"], second["head"]);
    assert_eq!(actions(&house, &acme, "?action=audit.verify").await.len(), 2);

    let mut owner = house.test.owner().await;
    run(&mut owner, "alter table audit_events no force row level security").await;
    let tenant = acme.tenant.uuid();
    run(&mut owner, &format!("delete from audit_events where tenant_id = '{tenant}' and n > 2")).await;
    let broken = verify(&house, &acme).await;
    assert_eq!((&broken["whole"], &broken["events"]), (&json!(false), &json!(2)));
    assert_eq!((&broken["fault"]["n"], &broken["fault"]["kind"]), (&json!(3), &json!("missing")));
    assert!(broken["fault"]["detail"].as_str().is_some_and(|detail| detail.starts_with("Row 3 is missing")));
    assert_eq!(
        actions(&house, &acme, "?action=audit.verify").await.len(),
        0,
        "nothing is appended to what is broken"
    );
}

#[tokio::test]
async fn attack_79_odd_questions_about_the_log_are_400() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let long = format!("actor={}", "x".repeat(81));
    for query in ["limit=0", "limit=101", "cursor=x", "cursor=1.5", "action=%00", "tenant_id=x", &long] {
        let refused = get(&house, &acme, &format!("?{query}")).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid_request"), "{query}");
    }
    assert_eq!(actions(&house, &acme, "?action=%25&actor=_").await.len(), 0, "no pattern is one");
}

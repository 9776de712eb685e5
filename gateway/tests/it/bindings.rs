//! Who answers where, and how strangers are treated: set through the API, explained by it, audited, and of one tenant.

use serde_json::{Value, json};

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

async fn replace(house: &House, firm: &Firm, items: &Value) -> Reply {
    house.ask(&Ask::put("/api/v1/bindings").key(&firm.key).json(&json!({ "items": items }))).await
}

async fn agent(house: &House, firm: &Firm, name: &str) -> String {
    let shaped = house.ask(&Ask::put("/api/v1/agents").key(&firm.key).json(&json!({ "name": name }))).await;
    shaped.json()["id"].as_str().expect("an id").to_owned()
}

async fn connection(house: &House, firm: &Firm) -> String {
    let listed = house.ask(&Ask::get("/api/v1/connections").key(&firm.key)).await;
    listed.json()["items"][0]["id"].as_str().expect("an id").to_owned()
}

async fn explained(house: &House, firm: &Firm, query: &str) -> (String, String) {
    let reply = house.ask(&Ask::get(&format!("/api/v1/bindings/explain?{query}")).key(&firm.key)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let json = reply.json();
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    (text("agent_name"), text("because"))
}

#[tokio::test]
async fn bindings_are_replaced_listed_and_explained() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (first, billing) = (agent(&house, &acme, "Kona").await, agent(&house, &acme, "Bill").await);
    let here = connection(&house, &acme).await;
    let ask = |channel: &str, text: &str| format!("connection={here}&channel={channel}&text={text}");
    assert_eq!(explained(&house, &acme, &ask("C1", "hello")).await, ("Kona".into(), "default".into()));

    let items = json!([
        { "keyword": " Refund ", "agent": billing },
        { "connection": here, "channel": "C2", "agent": billing },
        { "connection": here, "channel": "C2", "keyword": "login", "agent": first },
    ]);
    let set = replace(&house, &acme, &items).await;
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(set.json()["items"].as_array().expect("a list").len(), 3);
    let listed = house.ask(&Ask::get("/api/v1/bindings").key(&acme.key)).await.json();
    assert!(listed["items"].as_array().expect("a list").iter().any(|item| item["keyword"] == "refund"));
    for (channel, text, agent, because) in [
        ("C1", "hello", "Kona", "default"),
        ("C1", "a%20REFUND%20please", "Bill", "keyword"),
        ("C2", "hello", "Bill", "channel"),
        ("C2", "my%20login", "Kona", "channel_and_keyword"),
    ] {
        assert_eq!(explained(&house, &acme, &ask(channel, text)).await, (agent.into(), because.into()), "{text}");
    }
    let audited = "select count(*) from audit_events where action = 'bindings.replace' and actor_kind = 'api_key'";
    assert_eq!(house.count(acme.tenant, audited).await, 1);
    assert_eq!(replace(&house, &acme, &json!([])).await.status, 200);
    assert_eq!(explained(&house, &acme, &ask("C2", "refund")).await, ("Kona".into(), "default".into()));
}

#[tokio::test]
async fn what_binds_nothing_or_somebody_elses_is_refused_with_a_sentence() {
    let house = House::open().await;
    let (acme, other) = (house.firm("acme").await, house.firm("other").await);
    let (ours, theirs) = (agent(&house, &acme, "Kona").await, agent(&house, &other, "Luis").await);
    let (here, there) = (connection(&house, &acme).await, connection(&house, &other).await);
    let refused = [
        (json!([{ "agent": ours }]), 400, "A binding needs"),
        (json!([{ "agent": ours, "channel": "C1", "keyword": "x" }]), 400, "A binding needs"),
        (json!([{ "agent": ours, "keyword": "…" }]), 400, "`keyword` must"),
        (json!([{ "agent": ours, "keyword": "x".repeat(81) }]), 400, "`keyword` must"),
        (json!([{ "agent": ours, "connection": here, "channel": "C 1" }]), 400, "`channel` must"),
        (json!([{ "agent": "agt_1", "keyword": "x" }]), 400, "`agent`"),
        (json!([{ "agent": ours, "keyword": "x" }, { "agent": ours, "keyword": "X" }]), 409, "Two bindings"),
        (json!([{ "agent": theirs, "keyword": "x" }]), 409, "names an agent that is not there"),
        (json!([{ "agent": ours, "connection": there }]), 409, "names a connection that is not there"),
    ];
    for (items, status, sentence) in refused {
        let reply = replace(&house, &acme, &items).await;
        assert_eq!(reply.status, status, "{items}: {}", reply.text());
        assert!(reply.detail().contains(sentence), "{items}: {}", reply.text());
    }
    assert_eq!(house.count(acme.tenant, "select count(*) from bindings").await, 0);
    let many: Vec<Value> = (0..201).map(|n| json!({ "agent": ours, "keyword": format!("word{n}") })).collect();
    assert_eq!(replace(&house, &acme, &json!(many)).await.status, 400);
}

#[tokio::test]
async fn how_strangers_are_treated_is_set_for_each_connection() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let path = format!("/api/v1/connections/{}/policy", connection(&house, &acme).await);
    let begins = house.ask(&Ask::get(&path).key(&acme.key)).await.json();
    assert_eq!(begins, json!({ "outsiders": "answer_without_memory", "answers_bots": false }));
    let strict = json!({ "outsiders": "ignore", "answers_bots": true });
    let set = house.ask(&Ask::put(&path).key(&acme.key).json(&strict)).await;
    assert_eq!((set.status, set.json()), (200, strict.clone()));
    assert_eq!(house.ask(&Ask::get(&path).key(&acme.key)).await.json(), strict);
    let odd = json!({ "outsiders": "welcome", "answers_bots": true });
    assert_eq!(house.ask(&Ask::put(&path).key(&acme.key).json(&odd)).await.status, 400);
    let audited = "select count(*) from audit_events where action = 'connection.policy'";
    assert_eq!(house.count(acme.tenant, audited).await, 1);
}

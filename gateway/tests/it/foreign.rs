//! Ids of another tenant in bodies and filters, ids that are none, and how long a refusal takes: nothing tells whether something
//! is there.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::ids::{ConversationId, MessageId};
use sqlx::Row;

use crate::{
    stage::{Firm, House},
    wire::Ask,
};

/// A message of the firm's conversation.
async fn said(house: &House, firm: &Firm) -> String {
    let rows = house.rows(firm.tenant, "select message_id from messages order by sent_at limit 1").await;
    rows[0].get::<MessageId, _>("message_id").to_string()
}

/// What belongs to the other tenant is asked for where one's own address is right.
#[tokio::test]
async fn attacks_69_and_71_another_tenants_ids_in_a_body_change_nothing() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (mine, theirs) = (house.talked(&acme).await.0, house.talked(&bolt).await.0);
    let my_agent = house.agent(acme.tenant, "Ours").await.to_string();
    let their_agent = house.agent(bolt.tenant, "Theirs").await.to_string();
    let (my_message, their_message) = (said(&house, &acme).await, said(&house, &bolt).await);
    let stored = async |tenant| {
        let all = "select (select count(*) from budgets) + (select count(*) from bindings) + (select count(*) from routines)
                        + (select count(*) from forks)";
        house.count(tenant, all).await
    };
    let budget = |scope: &str, id: &str| json!({ "scope": scope, "target": id, "period": "month", "budget_limit_usd": 1.0 });
    let routine = |agent: &str, connection: &str| {
        json!({ "name": "Hello", "agent": agent, "connection": connection, "channel": "C024BE91L",
                "instruction": "Say hello.", "schedule": "0 9 * * 1" })
    };
    let bound = |connection: &str, agent: &str| json!({ "items": [{ "connection": connection, "agent": agent }] });
    let forks = |conversation: ConversationId| format!("/api/v1/conversations/{conversation}/forks");
    let from = |message: &str| json!({ "message_id": message });
    let (budgets, routines, bindings) = ("/api/v1/budgets", "/api/v1/routines", "/api/v1/bindings");
    let foreign: Vec<(&str, String, Value)> = vec![
        ("POST", budgets.into(), budget("agent", &their_agent)),
        ("POST", budgets.into(), budget("conversation", &theirs.to_string())),
        ("POST", routines.into(), routine(&their_agent, &acme.connection)),
        ("POST", routines.into(), routine(&my_agent, &bolt.connection)),
        ("PUT", bindings.into(), bound(&bolt.connection, &my_agent)),
        ("PUT", bindings.into(), bound(&acme.connection, &their_agent)),
        ("POST", forks(mine), from(&their_message)),
        ("POST", forks(theirs), from(&my_message)),
        ("POST", forks(theirs), from(&their_message)),
    ];
    let before = (stored(acme.tenant).await, stored(bolt.tenant).await);
    for (method, path, body) in foreign {
        let refused = house.ask(&Ask::new(method, &path).json(&body).key(&acme.key)).await;
        assert!(
            (400..=409).contains(&refused.status),
            "{method} {path} {body}: {} {}",
            refused.status,
            refused.text()
        );
        assert!(!refused.text().contains(&bolt.tenant.to_string()), "{}", refused.text());
    }
    assert_eq!((stored(acme.tenant).await, stored(bolt.tenant).await), before, "nothing is half done");
    // With ids of one's own the same bodies are taken: it was the ids.
    for (method, path, body) in [
        ("POST", budgets.to_owned(), budget("agent", &my_agent)),
        ("POST", budgets.to_owned(), budget("conversation", &mine.to_string())),
        ("POST", routines.to_owned(), routine(&my_agent, &acme.connection)),
        ("PUT", bindings.to_owned(), bound(&acme.connection, &my_agent)),
        ("POST", forks(mine), from(&my_message)),
    ] {
        let taken = house.ask(&Ask::new(method, &path).json(&body).key(&acme.key)).await;
        assert!(taken.status < 300, "{method} {path} {body}: {} {}", taken.status, taken.text());
    }
    // As a filter, theirs are like none.
    for path in [
        format!("/api/v1/analytics/events?conversation={theirs}"),
        format!("/api/v1/analytics?agent={their_agent}"),
        format!("/api/v1/analytics/journeys?agent={their_agent}"),
    ] {
        let reply = house.ask(&Ask::get(&path).key(&acme.key)).await;
        assert_eq!(reply.status, 200, "{path}");
        let listed = reply.json();
        let none =
            ["items", "days", "agents"].iter().all(|name| listed[name].as_array().is_none_or(Vec::is_empty));
        assert!(none, "{path}: {listed}");
    }
}

#[tokio::test]
async fn attack_70_what_is_no_id_leads_nowhere() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (conversation, _) = house.talked(&bolt).await;
    let memory = house.remembered(bolt.tenant, conversation, "What is the plan?").await;
    let raw = memory.uuid().to_string();
    for id in [
        "*",
        "%2A",
        "..",
        "%2e%2e%2f",
        "%2e%2e%2fmemories",
        "memories",
        "null",
        "0",
        &raw,
        "mem_*",
        "mem_%00",
        "'%20or%201=1",
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            let ask =
                Ask::new(method, &format!("/api/v1/memories/{id}")).key(&acme.key).json(&json!({ "body": "x" }));
            let refused = house.ask(&ask).await;
            assert!(
                [400, 404, 405].contains(&refused.status),
                "{method} {id}: {} {}",
                refused.status,
                refused.text()
            );
        }
    }
    assert_eq!(house.count(bolt.tenant, "select count(*) from memories").await, 1);
}

/// Each pair is asked one after the other, and the order changes: what slows the machine down slows both.
#[tokio::test]
async fn attack_78_a_refusal_takes_as_long_whether_it_is_there_or_not() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (theirs, _) = house.talked(&bolt).await;
    let timed = async |id: ConversationId| {
        let begun = Instant::now();
        let refused = house.ask(&Ask::get(&format!("/api/v1/conversations/{id}")).key(&acme.key)).await;
        (begun.elapsed(), refused.status, refused.body.len())
    };
    let (mut there, mut nowhere): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    for round in 0..500 {
        let missing = ConversationId::new();
        let (found, random) = if round % 2 == 0 {
            let found = timed(theirs).await;
            (found, timed(missing).await)
        } else {
            let random = timed(missing).await;
            (timed(theirs).await, random)
        };
        assert_eq!((found.1, found.2), (random.1, random.2));
        assert_eq!(found.1, 404);
        there.push(found.0);
        nowhere.push(random.0);
    }
    there.sort_unstable();
    nowhere.sort_unstable();
    let (one, other) = (there[250].as_secs_f64(), nowhere[250].as_secs_f64());
    let ratio = one / other;
    assert!((0.8..1.25).contains(&ratio), "half of them within {one} s and {other} s");
}

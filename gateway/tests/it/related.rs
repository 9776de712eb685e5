//! Tags, and conversations that belong together.

use serde_json::{Value, json};
use shared::ids::{ConversationId, MemoryId};

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

async fn put(house: &House, firm: &Firm, conversation: ConversationId, tags: &Value) -> Reply {
    let ask = Ask::new("PUT", &format!("/api/v1/conversations/{conversation}/tags")).key(&firm.key);
    house.ask(&ask.header("content-type", "application/json").body(json!({ "tags": tags }).to_string())).await
}

/// As the embedding loop would: nothing but this direction.
async fn means(house: &House, firm: &Firm, memory: MemoryId, direction: usize) {
    let mut vector = vec![0.0_f32; 384];
    vector[direction] = 1.0;
    let mut tx = house.test.db.tenant(firm.tenant).begin_for_all_audiences().await.expect("a transaction begins");
    sqlx::query("update memories set model = $3, embedding = $4::real[]::vector::halfvec where tenant_id = $1 and memory_id = $2")
        .bind(firm.tenant)
        .bind(memory)
        .bind(shared::embedding::MODEL)
        .bind(vector)
        .execute(tx.conn())
        .await
        .expect("it has a vector");
    tx.commit().await.expect("it is stored");
}

#[tokio::test]
async fn conversations_are_related_by_tags_and_by_what_was_said() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let mut talks = Vec::new();
    for (text, direction) in [("The launch is near.", 0), ("So is the launch.", 0), ("Lunch is at noon.", 1)] {
        let (talk, _) = house.talked(&acme).await;
        let memory = house.remembered(acme.tenant, talk, text).await;
        means(&house, &acme, memory, direction).await;
        talks.push(talk);
    }
    let (foreign, _) = house.talked(&bolt).await;
    let memory = house.remembered(bolt.tenant, foreign, "Our launch, too.").await;
    means(&house, &bolt, memory, 0).await;
    let set = put(&house, &acme, talks[0], &json!([" Launch ", "apollo", "launch"])).await;
    assert_eq!((set.status, set.json()), (200, json!({ "tags": ["apollo", "launch"] })), "{}", set.text());
    assert_eq!(put(&house, &acme, talks[2], &json!(["launch", "food"])).await.status, 200);
    assert_eq!(put(&house, &bolt, foreign, &json!(["launch"])).await.status, 200);

    let path = format!("/api/v1/conversations/{}/related", talks[0]);
    let found = house.ask(&Ask::get(&path).key(&acme.key)).await.json();
    let items = found["items"].as_array().expect("a list");
    let ids: Vec<&str> = items.iter().filter_map(|item| item["conversation_id"].as_str()).collect();
    assert_eq!(ids, [talks[2].to_string(), talks[1].to_string()], "by tag, then by meaning: {found}");
    assert_eq!(items[0]["tags"], json!(["launch"]));
    assert!(items[1]["nearness"].as_f64().is_some_and(|near| near > 0.99), "{found}");
    assert_eq!(items[1]["excerpt"], "So is the launch.");

    assert_eq!(put(&house, &acme, talks[0], &json!([])).await.json(), json!({ "tags": [] }));
    for tags in [json!([""]), json!(["x".repeat(41)]), json!(["a\u{0}b"]), json!("launch")] {
        assert_eq!(put(&house, &acme, talks[0], &tags).await.status, 400, "{tags}");
    }
    let many: Vec<String> = (0..21).map(|number| format!("tag {number}")).collect();
    assert_eq!(put(&house, &acme, talks[0], &json!(many)).await.status, 400);
    let recorded = "select count(*) from audit_events where action = 'conversation.tag'";
    assert_eq!(house.count(acme.tenant, recorded).await, 3);
}

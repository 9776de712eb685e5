//! Conversations as an operator looks for them: by words, by channel, by who answers, and one by its id.

use serde_json::{Value, json};

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

async fn get(house: &House, firm: &Firm, path: &str) -> Reply {
    house.ask(&Ask::get(&format!("/api/v1/conversations{path}")).key(&firm.key)).await
}

async fn found(house: &House, firm: &Firm, query: &str) -> Vec<Value> {
    let reply = get(house, firm, &format!("?{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.text());
    reply.json()["items"].as_array().expect("a list").clone()
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn conversations_are_found_by_what_was_said_and_by_whom() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (first, _) = house.talked(&acme).await;
    let (second, _) = house.talked(&acme).await;
    let (theirs, _) = house.talked(&bolt).await;
    house.remembered(acme.tenant, first, "Unsere Rechnungsadresse hat sich geändert.").await;
    house.remembered_by(acme.tenant, second, "100 % of it_is done", "UGRACE", "tenant").await;
    house.remembered(bolt.tenant, theirs, "Our Rechnungsadresse is secret.").await;
    let (first, second) = (first.to_string(), second.to_string());

    let hit = found(&house, &acme, "q=RECHNUNG").await;
    assert_eq!(ids(&hit), [first.as_str()], "a part of a word, whatever its case, and nobody else's");
    let told = &hit[0]["found"];
    assert_eq!((&told["author"], &told["author_kind"]), (&json!("Ada"), &json!("person")));
    assert_eq!(told["excerpt"], "Unsere Rechnungsadresse hat sich geändert.");
    assert!(told["message_id"].as_str().is_some_and(|id| id.starts_with("msg_")), "{told}");
    assert_eq!(ids(&found(&house, &acme, "q=grace%20done").await), [second.as_str()], "a name counts, too");
    assert_eq!(found(&house, &acme, "q=rechnung%20done").await, [] as [Value; 0], "one message holds all words");
    assert_eq!(ids(&found(&house, &acme, "q=100%20%25").await), [second.as_str()], "a sign stands for itself");
    assert_eq!(found(&house, &acme, "q=it%25is").await, [] as [Value; 0]);
    assert_eq!(ids(&found(&house, &acme, "q=it_is").await), [second.as_str()]);
    assert_eq!(found(&house, &acme, "q=itXis").await, [] as [Value; 0]);
    assert_eq!(found(&house, &acme, "q=rechnung&channel=whatsapp").await, [] as [Value; 0]);
    assert!(found(&house, &acme, "channel=slack").await.iter().all(|item| item["found"].is_null()));

    let page = get(&house, &acme, "?q=a&limit=1").await.json();
    let cursor = page["next_cursor"].as_str().expect("there is more").to_owned();
    let rest = get(&house, &acme, &format!("?q=a&limit=1&cursor={cursor}")).await.json();
    assert_ne!(page["items"][0]["id"], rest["items"][0]["id"]);
    assert!(rest["next_cursor"].is_null());
}

#[tokio::test]
async fn a_deleted_message_is_not_found() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (conversation, _) = house.talked(&acme).await;
    house.remembered(acme.tenant, conversation, "A slip of the tongue.").await;
    assert_eq!(found(&house, &acme, "q=tongue").await.len(), 1);
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    sqlx::query("update messages set deleted_at = now() where tenant_id = $1 and body like '%tongue%'")
        .bind(acme.tenant)
        .execute(tx.conn())
        .await
        .expect("it is deleted");
    tx.commit().await.expect("it is stored");
    assert_eq!(found(&house, &acme, "q=tongue").await.len(), 0);
}

#[tokio::test]
async fn filters_tell_who_has_a_conversation_and_odd_ones_are_refused() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (taken, _) = house.talked(&acme).await;
    let (other, _) = house.talked(&acme).await;
    let path = format!("/api/v1/conversations/{taken}/takeover");
    assert_eq!(house.ask(&Ask::post(&path).key(&acme.key)).await.status, 200);
    let (taken, other) = (taken.to_string(), other.to_string());
    assert_eq!(ids(&found(&house, &acme, "who=human").await), [taken.as_str()]);
    assert_eq!(ids(&found(&house, &acme, "who=agent").await), [other.as_str()]);
    assert_eq!(found(&house, &acme, "who=waiting").await, [] as [Value; 0]);

    let one = get(&house, &acme, &format!("/{taken}")).await.json();
    assert_eq!((&one["id"], &one["handler"]), (&json!(taken), &json!("human")));
    let long = format!("?q={}", "x".repeat(201));
    for query in
        ["?who=nobody", "?channel=mail", "?q=a%20b%20c%20d%20e%20f%20g%20h%20i", "?words=a", "?q=%00", &long]
    {
        let refused = get(&house, &acme, query).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid_request"), "{query}");
    }
}

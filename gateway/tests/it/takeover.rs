//! Operators read conversations, take them over, answer in them and give them back.

use serde_json::json;
use shared::ids::RunId;
use sqlx::Row;

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

async fn post(house: &House, firm: &Firm, conversation: &str, act: &str) -> Reply {
    house.ask(&Ask::post(&format!("/api/v1/conversations/{conversation}/{act}")).key(&firm.key)).await
}

async fn reply(house: &House, firm: &Firm, conversation: &str, body: serde_json::Value) -> Reply {
    let path = format!("/api/v1/conversations/{conversation}/reply");
    house.ask(&Ask::post(&path).key(&firm.key).json(&body)).await
}

#[tokio::test]
async fn conversations_are_listed_newest_first_page_by_page() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let mut talked = Vec::new();
    for _ in 0..3 {
        talked.push(house.talked(&acme).await.0.to_string());
    }
    house.talked(&bolt).await;
    let (mut seen, mut path) = (Vec::new(), "/api/v1/conversations?limit=2".to_owned());
    loop {
        let page = house.ask(&Ask::get(&path).key(&acme.key)).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        seen.extend(page["items"].as_array().expect("items").iter().map(|item| item["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/conversations?limit=2&cursor={cursor}");
    }
    talked.reverse();
    assert_eq!(seen, talked);
    let first =
        house.ask(&Ask::get("/api/v1/conversations?limit=1").key(&acme.key)).await.json()["items"][0].clone();
    assert_eq!(
        (&first["handler"], &first["place"], &first["kind"]),
        (&json!("agent"), &json!("C1"), &json!("public"))
    );
    assert_eq!(first["last_message"]["excerpt"], "World peace.");
}

#[tokio::test]
async fn messages_are_listed_newest_first() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (conversation, _) = house.talked(&acme).await;
    let path = format!("/api/v1/conversations/{conversation}/messages?limit=1");
    let page = house.ask(&Ask::get(&path).key(&acme.key)).await.json();
    assert_eq!(page["items"][0]["text"], "World peace.");
    assert!(page["items"][0]["run_id"].as_str().is_some_and(|run| run.starts_with("run_")));
    let next = format!("{path}&cursor={}", page["next_cursor"].as_str().expect("there is more"));
    let page = house.ask(&Ask::get(&next).key(&acme.key)).await.json();
    assert_eq!(
        (&page["items"][0]["text"], &page["items"][0]["author"]),
        (&json!("What is the plan?"), &json!("Ada"))
    );
    assert!(page["next_cursor"].is_null());
}

#[tokio::test]
async fn an_answer_that_was_broken_off_stands_where_it_was_seen() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let conversation = house.talked(&acme).await.0;
    let run: RunId = house.rows(acme.tenant, "select run_id from runs").await[0].get(0);
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    for sql in [
        "insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, part, operation, body, fence)
         select tenant_id, run_id, conversation_id, run_id, 'answer', 7, 'stream', '', 1 from runs where run_id = $1",
        "insert into outbox_parts (tenant_id, outbox_id, n, text, fence)
         select tenant_id, run_id, n, text, 1 from runs, (values (0, 'Once upon'), (1, ' a time')) p (n, text) where run_id = $1",
        "update runs set state = 'dropped', failure = 'stopped by the person who asked', finished_at = clock_timestamp()
          where run_id = $1",
    ] {
        sqlx::query(sql).bind(run).execute(tx.conn()).await.expect("it is stored");
    }
    tx.commit().await.expect("it is stored");
    let path = format!("/api/v1/conversations/{conversation}/messages?limit=1");
    let page = house.ask(&Ask::get(&path).key(&acme.key)).await.json();
    let broken = &page["items"][0];
    assert_eq!(
        (&broken["text"], &broken["interrupted"], &broken["author_kind"], &broken["run_id"]),
        (&json!("Once upon a time"), &json!("stopped by the person who asked"), &json!("agent"), &json!(run))
    );
    let next = format!("{path}&cursor={}", page["next_cursor"].as_str().expect("there is more"));
    let before = house.ask(&Ask::get(&next).key(&acme.key)).await.json();
    assert_eq!(
        (&before["items"][0]["text"], &before["items"][0]["interrupted"]),
        (&json!("World peace."), &json!(null))
    );
}

#[tokio::test]
async fn a_human_takes_over_replies_and_gives_back() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let conversation = house.talked(&acme).await.0.to_string();
    let early = reply(&house, &acme, &conversation, json!({ "text": "Hello" })).await;
    assert_eq!((early.status, early.problem().as_str()), (409, "conflict"));

    for changed in [true, false] {
        let taken = post(&house, &acme, &conversation, "takeover").await;
        assert_eq!((taken.status, taken.json()), (200, json!({ "handler": "human", "changed": changed })));
    }
    let said = reply(&house, &acme, &conversation, json!({ "text": " On it. ", "name": "Grace" })).await;
    assert_eq!(said.status, 202, "{}", said.text());
    let row = &house.rows(acme.tenant, "select body, state, kind from outbox where kind = 'operator'").await[0];
    assert_eq!(row.get::<String, _>("body"), "**Grace:** On it.");
    assert_eq!(
        (row.get::<String, _>("state"), row.get::<String, _>("kind")),
        ("sending".into(), "operator".into())
    );
    let path = format!("/api/v1/conversations/{conversation}/messages?limit=1");
    let last = house.ask(&Ask::get(&path).key(&acme.key)).await.json()["items"][0].clone();
    assert_eq!(
        (&last["text"], &last["author"], &last["author_kind"]),
        (&json!("On it."), &json!("Grace"), &json!("operator"))
    );
    assert_eq!(last["id"], said.json()["message_id"]);

    for changed in [true, false] {
        let released = post(&house, &acme, &conversation, "release").await;
        assert_eq!((released.status, released.json()), (200, json!({ "handler": "agent", "changed": changed })));
    }
    let actions = "select action from audit_events where target_kind = 'conversation' order by n";
    let actions: Vec<String> =
        house.rows(acme.tenant, actions).await.iter().map(|row| row.get("action")).collect();
    assert_eq!(actions, ["conversation.takeover", "conversation.reply", "conversation.release"]);
    assert_eq!(house.jobs(&acme).await, ["send_reply"]);
}

#[tokio::test]
async fn attack_67_another_tenants_conversation_is_like_a_missing_one() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let theirs = house.talked(&bolt).await.0.to_string();
    let missing = shared::ids::ConversationId::new().to_string();
    let before = house.rows(bolt.tenant, "select by_human, fence from lanes").await[0].get::<bool, _>("by_human");
    let mut answers = Vec::new();
    for id in [theirs.as_str(), &missing, "cnv_", "run_01h455vb4pex5vsknk084sn02q", "%00", "' or 1=1"] {
        let id = id.replace(' ', "%20").replace('\'', "%27");
        let mut seen = Vec::new();
        for act in ["takeover", "release"] {
            let refused = post(&house, &acme, &id, act).await;
            seen.push((refused.status, refused.problem(), refused.detail()));
        }
        let refused = reply(&house, &acme, &id, json!({ "text": "hi" })).await;
        seen.push((refused.status, refused.problem(), refused.detail()));
        let messages = house.ask(&Ask::get(&format!("/api/v1/conversations/{id}/messages")).key(&acme.key)).await;
        seen.push((messages.status, messages.problem(), messages.detail()));
        answers.push(seen);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    assert!(answers[0].iter().all(|(status, ..)| *status == 404));
    let after = house.rows(bolt.tenant, "select by_human, fence from lanes").await[0].get::<bool, _>("by_human");
    assert_eq!(before, after);
}

#[tokio::test]
async fn attack_79_odd_questions_and_replies_are_400() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let conversation = house.talked(&acme).await.0.to_string();
    for query in [
        "filter=tenant_id",
        "sort=(select+1)",
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=x",
        "cursor=1_cnv_x",
        "cursor=99999999999999999999999999_cnv_01h455vb4pex5vsknk084sn02q",
        "cursor=%00",
    ] {
        let refused = house.ask(&Ask::get(&format!("/api/v1/conversations?{query}")).key(&acme.key)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid_request"), "{query}");
    }
    post(&house, &acme, &conversation, "takeover").await;
    for body in [
        json!({ "text": "" }),
        json!({ "text": " " }),
        json!({ "text": "a\u{0}b" }),
        json!({ "text": "x".repeat(8_001) }),
        json!({ "text": "x", "name": "" }),
        json!({ "text": "x", "name": "a\nb" }),
        json!({ "text": "x", "name": "*Ada*" }),
        json!({ "text": "x", "tenant_id": "ten_x" }),
        json!({}),
    ] {
        assert_eq!(reply(&house, &acme, &conversation, body.clone()).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_direct_conversation_is_called_by_the_person() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    house.talked(&acme).await;
    let listed =
        async || house.ask(&Ask::get("/api/v1/conversations").key(&acme.key)).await.json()["items"].clone();
    assert_eq!(listed().await[0]["place_name"], "");
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    sqlx::query("update conversations set kind = 'direct'").execute(tx.conn()).await.expect("it is valid");
    tx.commit().await.expect("committed");
    // Whoever spoke last.
    assert_eq!(listed().await[0]["last_message"]["author_kind"], "agent");
    assert_eq!(listed().await[0]["place_name"], "Ada");
}

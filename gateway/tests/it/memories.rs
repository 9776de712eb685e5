//! What agents remember, on a screen: found, traced to where it was said, and forgotten.

use serde_json::{Value, json};
use shared::{
    db::memories::{self, Question},
    ids::{ConversationId, MemoryId, MessageId, TenantId},
};
use sqlx::Row;

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

impl House {
    /// Something that Ada said in a conversation, and that whoever is in the tenant may be reminded of.
    pub async fn remembered(&self, tenant: TenantId, conversation: ConversationId, text: &str) -> MemoryId {
        self.remembered_by(tenant, conversation, text, "UADA", "tenant").await
    }

    /// `audience` is `tenant`, or `person` for the person alone.
    pub async fn remembered_by(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        text: &str,
        user: &str,
        audience: &str,
    ) -> MemoryId {
        let (message, memory) = (MessageId::new(), MemoryId::new());
        let mut tx = self.test.db.tenant(tenant).begin_for_all_audiences().await.expect("a transaction begins");
        let said = "with author as (
                 insert into people (tenant_id, person_id, connection_id, external_id, display_name)
                 select $1, gen_random_uuid(), connection_id, $5, initcap(substr($5, 2)) from conversations
                  where tenant_id = $1 and conversation_id = $2
                 on conflict (tenant_id, connection_id, external_id) do update set external_id = excluded.external_id
                 returning person_id
             ), message as (
                 insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body,
                                       sent_at)
                 select $1, $3, $2, $3::text, 'person', person_id, $4, now() from author
             )
             insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at,
                                   audience, body)
             select $1, $7, $3, $2, 0, 1, person_id, now(),
                    case $6 when 'person' then 'person:' || person_id::text else $6 end, $4
               from author";
        let said = sqlx::query(said).bind(tenant).bind(conversation).bind(message).bind(text).bind(user);
        said.bind(audience).bind(memory).execute(tx.conn()).await.expect("it is remembered");
        tx.commit().await.expect("it is stored");
        memory
    }
}

async fn get(house: &House, firm: &Firm, path: &str) -> Reply {
    house.ask(&Ask::get(&format!("/api/v1/memories{path}")).key(&firm.key)).await
}

async fn texts(house: &House, firm: &Firm, query: &str) -> Vec<String> {
    let found = get(house, firm, query).await;
    assert_eq!(found.status, 200, "{}", found.text());
    let found = found.json();
    let items = found["items"].as_array().expect("a list");
    items.iter().map(|item| item["text"].as_str().expect("a text").to_owned()).collect()
}

/// What recall finds for whoever asks in the tenant.
async fn recalled(house: &House, firm: &Firm, terms: &str) -> Vec<MemoryId> {
    let mut tx = house.test.db.tenant(firm.tenant).begin_for_all_audiences().await.expect("a transaction begins");
    let vector = [0.0; 384];
    let question = Question {
        vector: &vector,
        terms,
        about: None,
        asks_when: false,
        asks_past: false,
        except: &[],
        limit: 25,
    };
    let found = memories::search(&mut tx, &question).await.expect("the search works");
    tx.close().await.expect("the transaction ends");
    found.into_iter().map(|memory| memory.id).collect()
}

#[tokio::test]
async fn memories_are_found_by_words_person_and_conversation_page_by_page() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (first, _) = house.talked(&acme).await;
    let (second, _) = house.talked(&acme).await;
    house.remembered(acme.tenant, first, "Our launches are on Mondays.").await;
    house.remembered(acme.tenant, first, "The badge is in the drawer.").await;
    house.remembered_by(acme.tenant, second, "I like the launch.", "UGRACE", "tenant").await;
    let (theirs, _) = house.talked(&bolt).await;
    house.remembered(bolt.tenant, theirs, "Their launch is secret.").await;

    let all = ["I like the launch.", "The badge is in the drawer.", "Our launches are on Mondays."];
    assert_eq!(texts(&house, &acme, "").await, all);
    assert_eq!(texts(&house, &acme, "?q=launch").await, [all[0], all[2]], "in any form");
    assert_eq!(texts(&house, &acme, "?q=launch%20-like").await, [all[2]]);
    assert_eq!(texts(&house, &acme, &format!("?conversation_id={first}")).await, [all[1], all[2]]);
    let page = get(&house, &acme, "?limit=2").await.json();
    let grace = page["items"][0]["person_id"].as_str().expect("a person").to_owned();
    assert_eq!(texts(&house, &acme, &format!("?person_id={grace}")).await, [all[0]]);
    assert_eq!(texts(&house, &bolt, &format!("?person_id={grace}")).await, [""; 0], "nobody of theirs");
    assert_eq!(texts(&house, &bolt, &format!("?conversation_id={first}")).await, [""; 0]);
    let cursor = page["next_cursor"].as_str().expect("there is more").to_owned();
    assert_eq!(texts(&house, &acme, &format!("?limit=2&cursor={cursor}")).await, [all[2]]);
    assert!(get(&house, &acme, &format!("?limit=2&cursor={cursor}")).await.json()["next_cursor"].is_null());
}

#[tokio::test]
async fn a_memory_tells_who_said_it_where_and_which_answers_it_served() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (conversation, _) = house.talked(&acme).await;
    let memory = house.remembered(acme.tenant, conversation, "Our launches are on Mondays.").await;
    let other = house.remembered(acme.tenant, conversation, "Something else.").await;
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    sqlx::query("update runs set recalled = $2, recall_scores = $3 where tenant_id = $1")
        .bind(acme.tenant)
        .bind(vec![other, memory])
        .bind(vec![9.5, 7.25])
        .execute(tx.conn())
        .await
        .expect("a run was reminded");
    tx.commit().await.expect("it is stored");
    let about = get(&house, &acme, &format!("/{memory}")).await.json();
    let told = |name: &str| about[name].clone();
    assert_eq!(
        [told("text"), told("author"), told("channel"), told("place"), told("kind"), told("audience")],
        ["Our launches are on Mondays.", "Ada", "slack", "C1", "public", "tenant"].map(Value::from)
    );
    assert_eq!(told("conversation_id"), conversation.to_string());
    let uses = about["recalled_in"].as_array().expect("a list");
    assert_eq!(uses.len(), 1);
    assert_eq!((&uses[0]["score"], &uses[0]["rank"]), (&json!(7.25), &json!(2)));
    assert_eq!(uses[0]["conversation_id"], conversation.to_string());
}

#[tokio::test]
async fn who_reads_conversations_reads_what_is_remembered_of_direct_messages() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (conversation, _) = house.talked(&acme).await;
    let memory = house.remembered_by(acme.tenant, conversation, "I am ill.", "UGRACE", "person").await;
    for role in ["customer_operator", "customer_admin", "reader"] {
        let (_, mut browser) = house.person(acme.tenant, role).await;
        let list = browser.ask(&house, Ask::get("/api/v1/memories")).await.json();
        assert_eq!(
            (&list["items"][0]["text"], &list["items"][0]["audience"]),
            (&json!("I am ill."), &json!("person")),
            "{role}"
        );
        let one = browser.ask(&house, Ask::get(&format!("/api/v1/memories/{memory}"))).await;
        assert_eq!(one.json()["text"], "I am ill.", "{role}");
    }
}

#[tokio::test]
async fn what_is_forgotten_is_not_recalled_any_more_and_the_act_is_recorded() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (conversation, _) = house.talked(&acme).await;
    let memory = house.remembered(acme.tenant, conversation, "Our launches are on Mondays.").await;
    let stays = house.remembered(acme.tenant, conversation, "The launch is a party.").await;
    assert_eq!(recalled(&house, &acme, "launch").await.len(), 2);
    let (user, mut browser) = house.person(acme.tenant, "customer_operator").await;
    let forget = || Ask::new("DELETE", &format!("/api/v1/memories/{memory}"));
    let done = browser.ask(&house, forget()).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let done = done.json();
    assert_eq!((&done["characters"], &done["had_vector"]), (&json!(28), &json!(false)));
    assert_eq!(recalled(&house, &acme, "launch").await, [stays]);
    assert_eq!(get(&house, &acme, &format!("/{memory}")).await.status, 404);
    assert_eq!(browser.ask(&house, forget()).await.status, 404, "once");
    let kept = "select count(*) from messages where body = 'Our launches are on Mondays.'";
    assert_eq!(house.count(acme.tenant, kept).await, 1, "what was said stays");
    let record =
        "select actor_id, target_id, detail::text as detail from audit_events where action = 'memory.forget'";
    let records = house.rows(acme.tenant, record).await;
    assert_eq!(records.len(), 1);
    let text = |column: &str| records[0].get::<String, _>(column);
    assert_eq!((text("actor_id"), text("target_id")), (user.to_string(), memory.to_string()));
    assert!(text("detail").contains(&conversation.to_string()) && !text("detail").contains("launches"));
}

#[tokio::test]
async fn attack_213_what_can_not_be_recorded_is_not_forgotten() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (conversation, _) = house.talked(&acme).await;
    let memory = house.remembered(acme.tenant, conversation, "Our launches are on Mondays.").await;
    let mut owner = house.test.owner().await;
    crate::stage::run(&mut owner, "revoke insert on audit_events from konstruct_audit").await;
    let failed = house.ask(&Ask::new("DELETE", &format!("/api/v1/memories/{memory}")).key(&acme.key)).await;
    assert_eq!((failed.status, failed.problem().as_str()), (500, "internal"));
    assert_eq!(recalled(&house, &acme, "launch").await, [memory]);
}

#[tokio::test]
async fn attack_79_odd_questions_about_memory_are_400() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let long = format!("q={}", "x".repeat(201));
    for query in [
        "limit=0",
        "limit=101",
        "cursor=x",
        "cursor=run_01h455vb4pex5vsknk084sn02q",
        "person_id=x",
        "person_id=cnv_01h455vb4pex5vsknk084sn02q",
        "conversation_id=%00",
        "q=%00",
        "tenant_id=x",
        &long,
    ] {
        let refused = get(&house, &acme, &format!("?{query}")).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid_request"), "{query}");
    }
    // Whatever people type is a question, never an error.
    for query in ["q=", "q=%27%20or%201%3D1", "q=the", "q=%22", "q=%21%21%26%7C", "q=%F0%9F%A6%80"] {
        assert_eq!(get(&house, &acme, &format!("?{query}")).await.status, 200, "{query}");
    }
}

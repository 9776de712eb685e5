//! Rules that hand conversations to humans, and what they have handed over, by the API.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::{
    db::escalations::{self, New},
    ids::{ConversationId, PersonId, RuleId, TenantId},
};
use sqlx::Row;

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

const RULES: &str = "/api/v1/escalation-rules";

async fn make(house: &House, firm: &Firm, name: &str, condition: &str) -> Reply {
    let body = json!({ "name": name, "condition": condition });
    house.ask(&Ask::post(RULES).key(&firm.key).json(&body)).await
}

async fn ask(house: &House, firm: &Firm, method: &'static str, path: &str, body: Value) -> Reply {
    house.ask(&Ask::new(method, path).key(&firm.key).json(&body)).await
}

impl House {
    /// An escalation, as the orchestrator opens one.
    pub async fn escalated(&self, tenant: TenantId, conversation: ConversationId) -> String {
        let person = "select person_id from people where external_id = 'UADA'";
        let person: PersonId = self.rows(tenant, person).await[0].get(0);
        let new = New {
            conversation,
            person,
            message: None,
            cause: escalations::Cause::Asked,
            reason: escalations::ASKED,
        };
        let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let opened = escalations::open(&mut tx, &new).await.expect("it is stored");
        tx.commit().await.expect("it is stored");
        opened.expect("no human had it").to_string()
    }
}

#[tokio::test]
async fn a_rule_is_made_changed_switched_off_and_deleted_and_every_version_stays() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let made = make(&house, &acme, " Refunds ", "refund AND count > 2").await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["name"], &made["version"], &made["enabled"]), (&json!("Refunds"), &json!(1), &json!(true)));
    assert!(made["changed_by"].as_str().is_some_and(|by| by.starts_with("key_")));
    let path = format!("{RULES}/{}", made["id"].as_str().expect("an id"));

    let stale = ask(&house, &acme, "PATCH", &path, json!({ "enabled": false, "version": 7 })).await;
    assert_eq!((stale.status, stale.problem().as_str()), (409, "conflict"));
    let off = ask(&house, &acme, "PATCH", &path, json!({ "enabled": false, "version": 1 })).await.json();
    assert_eq!(
        (&off["version"], &off["enabled"], &off["condition"]),
        (&json!(2), &json!(false), &made["condition"])
    );
    let other = ask(&house, &acme, "PATCH", &path, json!({ "condition": "refund*" })).await.json();
    assert_eq!((&other["version"], &other["condition"]), (&json!(3), &json!("refund*")));
    assert_eq!(ask(&house, &acme, "DELETE", &path, json!({})).await.status, 204);
    assert_eq!(ask(&house, &acme, "DELETE", &path, json!({})).await.status, 404);
    let left = house.ask(&Ask::get(RULES).key(&acme.key)).await.json();
    assert_eq!(left["items"], json!([]));

    let versions = house.ask(&Ask::get(&format!("{path}/versions")).key(&acme.key)).await.json();
    let seen: Vec<_> = versions["items"].as_array().expect("items").iter().map(|item| &item["version"]).collect();
    assert_eq!(seen, [4, 3, 2, 1]);
    assert_eq!(versions["items"][0]["deleted"], json!(true));
    let actions = "select action from audit_events where target_kind = 'escalation_rule' order by n";
    let actions: Vec<String> = house.rows(acme.tenant, actions).await.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        actions,
        ["escalation_rule.create", "escalation_rule.change", "escalation_rule.change", "escalation_rule.delete"]
    );
}

#[tokio::test]
async fn what_is_no_condition_is_refused_with_its_column() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for (condition, said) in [
        ("refund and", "Column 11"),
        ("sentiment < 0", "`sentiment` needs a comparison"),
        ("refund; drop table people", "Column 7"),
        ("", "Column 1"),
        ("a\u{0}b", "has no meaning here"),
    ] {
        let refused = make(&house, &acme, "Refunds", condition).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid_request"), "{condition}");
        assert!(refused.detail().contains(said), "{condition}: {}", refused.detail());
        let simulated =
            ask(&house, &acme, "POST", &format!("{RULES}/simulate"), json!({ "condition": condition })).await;
        assert_eq!(simulated.status, 400, "{condition}");
    }
    for body in [
        json!({ "name": "", "condition": "refund" }),
        json!({ "name": "x".repeat(81), "condition": "refund" }),
        json!({ "name": "a\nb", "condition": "refund" }),
        json!({ "name": "a", "condition": "x".repeat(501) }),
        json!({ "name": "a", "condition": "refund", "tenant_id": "ten_x" }),
        json!({ "name": "a" }),
    ] {
        assert_eq!(ask(&house, &acme, "POST", RULES, body.clone()).await.status, 400, "{body}");
    }
    let page = house.ask(&Ask::get("/api/v1/escalations?state=lost").key(&acme.key)).await;
    assert_eq!(page.status, 400);
}

/// 179: ten thousand rules.
#[tokio::test]
async fn attack_179_there_is_a_limit_to_rules() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for n in 0..100 {
        assert_eq!(make(&house, &acme, &format!("Rule {n}"), "refund").await.status, 201);
    }
    let refused = make(&house, &acme, "One too many", "refund").await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "conflict"));
}

#[tokio::test]
async fn an_escalation_waits_is_taken_and_closed_with_the_conversation() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let conversation = house.talked(&acme).await.0;
    let id = house.escalated(acme.tenant, conversation).await;
    let path = format!("/api/v1/escalations/{id}");
    let waiting = house.ask(&Ask::get("/api/v1/escalations?state=waiting").key(&acme.key)).await.json();
    let shown = &waiting["items"][0];
    assert_eq!((&shown["id"], &shown["state"], &shown["rule"]), (&json!(id), &json!("waiting"), &Value::Null));
    let summary = shown["summary"].as_str().expect("a summary");
    assert!(
        summary.contains("Ada has written 1 message here") && summary.contains("> What is the plan?"),
        "{summary}"
    );
    assert_eq!(house.jobs(&acme).await, ["tell_admins", "tell_person"]);
    let notices = house.ask(&Ask::get("/api/v1/notices").key(&acme.key)).await.json();
    assert_eq!(notices["items"][0]["conversation_id"], json!(conversation.to_string()));

    let taken = ask(&house, &acme, "POST", &format!("{path}/assign"), json!({})).await.json();
    assert_eq!(taken["state"], json!("human"));
    assert!(taken["assigned_to"].as_str().is_some_and(|to| to.starts_with("key_")));
    let reply = format!("/api/v1/conversations/{conversation}/reply");
    assert_eq!(ask(&house, &acme, "POST", &reply, json!({ "text": "I am here." })).await.status, 202);
    let closed = ask(&house, &acme, "POST", &format!("{path}/close"), json!({})).await.json();
    assert_eq!(closed["state"], json!("closed"));
    let late = ask(&house, &acme, "POST", &format!("{path}/assign"), json!({})).await;
    assert_eq!((late.status, late.problem().as_str()), (409, "conflict"));
    let actions = "select action from audit_events where target_kind = 'escalation' order by n";
    let actions: Vec<String> = house.rows(acme.tenant, actions).await.iter().map(|row| row.get(0)).collect();
    assert_eq!(actions, ["escalation.take", "escalation.assign", "escalation.close"]);
    let lane = "select by_human from lanes";
    assert!(!house.rows(acme.tenant, lane).await[0].get::<bool, _>(0), "the agent has it again");

    // The next one is one of its own, and closing the first again does not touch it.
    let next = house.escalated(acme.tenant, conversation).await;
    ask(&house, &acme, "POST", &format!("{path}/close"), json!({})).await;
    let still = house.ask(&Ask::get(&format!("/api/v1/escalations/{next}")).key(&acme.key)).await.json();
    assert_eq!(still["state"], json!("waiting"));
    // A takeover of the conversation is the same act by another name.
    ask(&house, &acme, "POST", &format!("/api/v1/conversations/{conversation}/takeover"), json!({})).await;
    let taken = house.ask(&Ask::get(&format!("/api/v1/escalations/{next}")).key(&acme.key)).await.json();
    assert_eq!(taken["state"], json!("human"));
}

#[tokio::test]
async fn the_database_refuses_states_that_do_not_fit_their_times_and_a_second_open_one() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let conversation = house.talked(&acme).await.0;
    house.escalated(acme.tenant, conversation).await;
    for change in [
        "update escalations set state = 'human'",
        "update escalations set state = 'closed'",
        "update escalations set closed_at = now()",
        "update escalations set taken_at = now()",
        "update escalations set state = 'lost'",
        "update escalations set rule_version = 1",
        "insert into escalations (tenant_id, escalation_id, conversation_id, reason, person_id, summary)
         select tenant_id, gen_random_uuid(), conversation_id, reason, person_id, summary from escalations",
    ] {
        let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
        assert!(sqlx::query(change).execute(tx.conn()).await.is_err(), "{change}");
    }
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    let taken =
        "update escalations set state = 'human', taken_at = now(), assigned_to = 'usr_x', remind_at = null";
    assert!(sqlx::query(taken).execute(tx.conn()).await.is_ok());
}

/// 133: who forces escalations floods nobody's mail.
#[tokio::test]
async fn attack_133_a_flood_of_escalations_writes_twenty_mails_an_hour() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for _ in 0..23 {
        let conversation = house.talked(&acme).await.0;
        house.escalated(acme.tenant, conversation).await;
    }
    let count = |sql: &'static str| house.count(acme.tenant, sql);
    assert_eq!(count("select count(*) from escalations where state = 'waiting'").await, 23, "each is in the list");
    assert_eq!(count("select count(*) from notices where kind = 'escalation'").await, 23);
    assert_eq!(count("select count(*) from jobs where kind = 'tell_admins'").await, 20);
}

#[tokio::test]
async fn a_simulation_says_which_conversations_a_rule_would_have_handed_over() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    fill(&house, &acme, 10_000, &["Hello", "My refund is late", "Where is my refund?"]).await;
    fill(&house, &bolt, 3, &["refund"]).await;
    let body = json!({ "condition": "refund and count > 1" });
    let begun = Instant::now();
    let told = ask(&house, &acme, "POST", &format!("{RULES}/simulate"), body).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let took = begun.elapsed();
    let told = told.json();
    assert_eq!(
        (&told["conversations"], &told["escalated"], &told["complete"]),
        (&json!(10_000), &json!(10_000), &json!(true))
    );
    assert!(took < Duration::from_secs(10), "{took:?}");
    let first = &told["items"][0];
    assert_eq!(first["excerpt"], json!("Where is my refund?"), "the message at which it holds");
    assert_eq!(first["reason"], json!("the message holds “refund” and 2 messages hold such words"));
    assert_eq!(told["items"].as_array().map(Vec::len), Some(100));
    assert_eq!(house.count(acme.tenant, "select count(*) from escalations").await, 0, "nothing was changed");
    let none = json!({ "condition": "lawyer", "conversations": 50 });
    let none = ask(&house, &acme, "POST", &format!("{RULES}/simulate"), none).await.json();
    assert_eq!((&none["conversations"], &none["escalated"]), (&json!(50), &json!(0)));
}

/// Past conversations of one person, with these messages each, all of them answered.
async fn fill(house: &House, firm: &Firm, count: i32, texts: &[&str]) {
    let (there, _) = house.talked(firm).await;
    let mut tx = house.test.db.tenant(firm.tenant).begin().await.expect("a transaction begins");
    for statement in [
        "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, kind)
         select $1, gen_random_uuid(), p.connection_id, 'D' || n, 'direct'
           from people p, generate_series(1, $3 - 1) n where p.tenant_id = $1 and $2::text[] is not null",
        "insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
         select $1, gen_random_uuid(), c.conversation_id, n::text, 'person', p.person_id, t.body,
                now() - interval '1 hour' + n * interval '1 minute'
           from conversations c
           join people p on p.tenant_id = $1
           join unnest($2::text[]) with ordinality as t (body, n) on true
          where c.tenant_id = $1 and $3 > 0",
    ] {
        let statement = sqlx::query(statement).bind(firm.tenant).bind(texts).bind(count);
        statement.execute(tx.conn()).await.expect("the rows fit");
    }
    tx.commit().await.expect("they are stored");
    let arrive =
        "insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized, state)
                  select $1, c, n, $2, true, '', jsonb_build_object('external_id', n::text), 'replied'
                    from unnest($3::uuid[]) c, generate_series(1, $4) n";
    let ids = "select conversation_id from conversations";
    let ids: Vec<ConversationId> = house.rows(firm.tenant, ids).await.iter().map(|row| row.get(0)).collect();
    assert!(ids.contains(&there));
    let arrived = sqlx::query(arrive)
        .bind(firm.tenant)
        .bind(firm.connection.parse::<shared::ids::ConnectionId>().expect("an id"))
        .bind(&ids)
        .bind(i64::try_from(texts.len()).expect("few"));
    arrived.execute(&mut house.test.system().await).await.expect("the accept path stores what arrives");
}

#[tokio::test]
async fn attack_67_another_tenants_rules_and_escalations_are_like_missing_ones() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let conversation = house.talked(&bolt).await.0;
    let theirs = house.escalated(bolt.tenant, conversation).await;
    let rule = make(&house, &bolt, "Refunds", "refund").await.json()["id"].as_str().expect("an id").to_owned();
    let (missing, no_rule) = (shared::ids::EscalationId::new().to_string(), RuleId::new().to_string());
    for (method, their, nobodys, body) in [
        ("GET", format!("/api/v1/escalations/{theirs}"), format!("/api/v1/escalations/{missing}"), json!({})),
        (
            "POST",
            format!("/api/v1/escalations/{theirs}/assign"),
            format!("/api/v1/escalations/{missing}/assign"),
            json!({}),
        ),
        (
            "POST",
            format!("/api/v1/escalations/{theirs}/close"),
            format!("/api/v1/escalations/{missing}/close"),
            json!({}),
        ),
        ("PATCH", format!("{RULES}/{rule}"), format!("{RULES}/{no_rule}"), json!({ "enabled": false })),
        ("DELETE", format!("{RULES}/{rule}"), format!("{RULES}/{no_rule}"), json!({})),
        ("GET", format!("{RULES}/{rule}/versions"), format!("{RULES}/{no_rule}/versions"), json!({})),
    ] {
        let (one, other) = (
            ask(&house, &acme, method, &their, body.clone()).await,
            ask(&house, &acme, method, &nobodys, body).await,
        );
        assert_eq!((one.status, one.text()), (404, other.text()), "{method} {their}");
    }
    assert_eq!(house.count(bolt.tenant, "select count(*) from escalations where state = 'waiting'").await, 1);
    assert_eq!(house.count(bolt.tenant, "select count(*) from escalation_rules").await, 1);
}

//! Shaping agents through the API: what is checked, what is written with it, and that it stays with its tenant.

use serde_json::{Value, json};
use shared::{
    db::agents::{self, AgentShape},
    ids::{AgentId, TenantId},
};
use sqlx::Row;

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

async fn shape(house: &House, firm: &Firm, body: &Value) -> Reply {
    house.ask(&Ask::put("/api/v1/agents").key(&firm.key).json(body)).await
}

async fn listed(house: &House, firm: &Firm) -> Vec<Value> {
    let reply = house.ask(&Ask::get("/api/v1/agents").key(&firm.key)).await;
    assert_eq!(reply.status, 200);
    reply.json()["items"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn an_agent_is_created_once_and_then_changed_field_by_field() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let whole =
        json!({ "name": " Kona ", "role": "support", "tone": "kind", "instructions": "Help.", "model": "m-1" });
    let first = shape(&house, &acme, &whole).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let first = first.json();
    assert_eq!((&first["name"], &first["is_default"]), (&json!("Kona"), &json!(true)));
    let second = shape(&house, &acme, &json!({ "name": "Kona", "tone": "brief" })).await.json();
    assert_eq!(
        (&second["id"], &second["role"], &second["tone"]),
        (&first["id"], &json!("support"), &json!("brief"))
    );
    let other = shape(&house, &acme, &json!({ "name": "Luis" })).await.json();
    assert_eq!(other["is_default"], false);
    assert_eq!(listed(&house, &acme).await.len(), 2);

    let audits = house
        .rows(
            acme.tenant,
            "select detail::text as detail, actor_kind from audit_events where action = 'agent.shape'",
        )
        .await;
    assert_eq!(audits.len(), 3);
    assert!(audits.iter().all(|row| row.get::<&str, _>("actor_kind") == "api_key"));
    let together = "select count(*) from agents g join audit_events a
                        on a.target_id like 'agt_%' and a.transaction_id::text = g.xmin::text";
    assert_eq!(house.count(acme.tenant, together).await, 2, "each agent's last change and its audit row are one");
}

#[tokio::test]
async fn temperature_and_length_stay_until_they_are_changed_or_taken_back() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let manner = |reply: &Reply| (reply.json()["temperature"].clone(), reply.json()["answer_tokens"].clone());
    let said = json!({ "name": "Kona", "temperature": 0.7, "answer_tokens": 400 });
    assert_eq!(manner(&shape(&house, &acme, &said).await), (json!(0.7), json!(400)));
    let elsewhere = shape(&house, &acme, &json!({ "name": "Kona", "tone": "brief" })).await;
    assert_eq!(manner(&elsewhere), (json!(0.7), json!(400)));
    let back = shape(&house, &acme, &json!({ "name": "Kona", "temperature": null })).await;
    assert_eq!(manner(&back), (Value::Null, json!(400)));
    let id = back.json()["id"].as_str().expect("an id").to_owned();
    let versions = house.ask(&Ask::get(&format!("/api/v1/agents/{id}/versions")).key(&acme.key)).await.json();
    let kept = versions["items"].as_array().expect("a list").iter().map(|version| &version["temperature"]);
    assert_eq!(kept.collect::<Vec<_>>(), [&Value::Null, &json!(0.7), &json!(0.7)]);
}

#[tokio::test]
async fn what_is_too_long_blank_or_unstorable_is_400_with_a_sentence() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let refused = [
        (json!({ "name": "" }), "`name` must"),
        (json!({ "name": " \t\n" }), "`name` must"),
        (json!({ "name": "x".repeat(81) }), "`name` must"),
        (json!({ "name": "Kona", "instructions": "x".repeat(20_001) }), "`instructions` may"),
        (json!({ "name": "Kona", "role": "x".repeat(501) }), "`role`, `tone` and `model` may"),
        (json!({ "name": "Kona", "tone": "x".repeat(501) }), "`role`, `tone` and `model` may"),
        (json!({ "name": "Kona", "model": "x".repeat(501) }), "`role`, `tone` and `model` may"),
        (json!({ "name": "Kona", "temperature": 2.1 }), "`temperature` must be from 0 to 2"),
        (json!({ "name": "Kona", "temperature": -0.1 }), "`temperature` must be from 0 to 2"),
        (json!({ "name": "Kona", "answer_tokens": 49 }), "`answer_tokens` must be from 50 to 8000"),
        (json!({ "name": "Kona", "answer_tokens": 8001 }), "`answer_tokens` must be from 50 to 8000"),
        (json!({ "name": "Ko\u{0}na" }), "A text may not contain"),
        (json!({ "name": "Kona", "role": "a\u{0}" }), "A text may not contain"),
        (json!({ "name": "Kona", "tone": "a\u{0}" }), "A text may not contain"),
        (json!({ "name": "Kona", "instructions": "a\u{0}" }), "A text may not contain"),
        (json!({ "name": "Kona", "model": "a\u{0}" }), "A text may not contain"),
    ];
    for (body, sentence) in refused {
        let reply = shape(&house, &acme, &body).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{:.80}", body.to_string());
        assert!(reply.detail().starts_with(sentence), "{}", reply.detail());
    }
    assert!(listed(&house, &acme).await.is_empty());
    // Characters are counted, not bytes.
    let longest = json!({ "name": "\u{e9}".repeat(80), "instructions": "\u{1f600}".repeat(20_000), "role": "\u{e9}".repeat(500) });
    assert_eq!(shape(&house, &acme, &longest).await.status, 200);
}

#[tokio::test]
async fn attack_75_unknown_and_misshapen_fields_are_400() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let refused = [
        json!({ "name": "Kona", "tenant_id": "ten_01k9z3w6h8f2m5x7q4r1t0v9sb" }),
        json!({ "name": "Kona", "is_default": true }),
        json!({ "name": "Kona", "id": "agt_01k9z3w6h8f2m5x7q4r1t0v9sb" }),
        json!({ "name": "Kona", "Role": "support" }),
        json!({ "name": null }),
        json!({ "name": 5 }),
        json!({ "name": ["Kona"] }),
        json!({ "name": { "$ne": 1 } }),
        json!({ "role": "support" }),
        json!({}),
        json!([{ "name": "Kona" }]),
        json!("Kona"),
    ];
    for body in refused {
        let reply = shape(&house, &acme, &body).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{body}");
    }
    let raw =
        |kind: &str, body: &str| Ask::put("/api/v1/agents").key(&acme.key).header("content-type", kind).body(body);
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(50_000), "]".repeat(50_000));
    let broken = [
        raw("application/json", ""),
        raw("application/json", "{\"name\":\"Kona\""),
        raw("application/json", "{\"name\":\"Kona\",\"name\":\"Mallory\"}"),
        raw("application/json", "{\"name\":\"Kona\"}{}"),
        raw("application/json", "{\"name\":\"\\ud800\"}"),
        raw("application/json", &deep),
        raw("text/plain", "{\"name\":\"Kona\"}"),
        raw("application/x-www-form-urlencoded", "name=Kona"),
    ];
    for ask in broken {
        let reply = house.ask(&ask).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{}", reply.text());
    }
    assert!(listed(&house, &acme).await.is_empty());
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_a_413_problem() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let reply = shape(&house, &acme, &json!({ "name": "x".repeat(300_000) })).await;
    assert_eq!((reply.status, reply.problem().as_str()), (413, "too_large"));
    // The same without a length announced.
    let ask = Ask::put("/api/v1/agents").key(&acme.key).header("content-type", "application/json");
    let chunk = [b"40000\r\n".as_slice(), &vec![b' '; 0x40000], b"\r\n"].concat();
    let mut stream = crate::wire::connect(house.address).await;
    crate::wire::write(&mut stream, &ask.head_with("transfer-encoding: chunked\r\n")).await;
    crate::wire::write(&mut stream, &[chunk.clone(), chunk].concat()).await;
    let reply = Reply::read(&mut stream).await.expect("an answer");
    assert_eq!((reply.status, reply.problem().as_str()), (413, "too_large"));
}

#[tokio::test]
async fn attack_11_two_tenants_may_use_one_name_and_see_only_their_own() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    for (firm, instructions) in [(&acme, "CANARY-A"), (&bolt, "CANARY-B")] {
        let reply = shape(&house, firm, &json!({ "name": "Kona", "instructions": instructions })).await;
        assert_eq!(reply.status, 200);
    }
    let (of_acme, of_bolt) = (listed(&house, &acme).await, listed(&house, &bolt).await);
    assert_eq!((of_acme.len(), of_bolt.len()), (1, 1));
    assert_ne!(of_acme[0]["id"], of_bolt[0]["id"]);
    assert_eq!(
        (&of_acme[0]["instructions"], &of_bolt[0]["instructions"]),
        (&json!("CANARY-A"), &json!("CANARY-B"))
    );
}

#[tokio::test]
async fn attack_33_names_that_look_like_sql_are_only_names() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for name in
        ["'; drop table agents; --", "$1", "%", "\\", "a' || set_config('app.current_tenant', 'x', true) || '"]
    {
        let reply = shape(&house, &acme, &json!({ "name": name, "role": name })).await;
        assert_eq!((reply.status, &reply.json()["name"]), (200, &json!(name)));
    }
    assert_eq!(listed(&house, &acme).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_shaped_at_once_are_one_each_and_one_is_the_default() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let bodies: Vec<Value> = (0..24).map(|number| json!({ "name": format!("agent {}", number % 4) })).collect();
    let replies = futures::future::join_all(bodies.iter().map(|body| shape(&house, &acme, body))).await;
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let agents = listed(&house, &acme).await;
    assert_eq!(agents.len(), 4);
    assert_eq!(agents.iter().filter(|agent| agent["is_default"] == true).count(), 1);
}

impl House {
    /// An agent as the command line makes one: no version of it is kept yet.
    pub async fn agent(&self, tenant: TenantId, name: &str) -> AgentId {
        let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let support = AgentShape { role: Some("support".into()), ..AgentShape::default() };
        let id = agents::shape(&mut tx, name, &support).await.expect("there is room").id;
        tx.commit().await.expect("it is stored");
        id
    }
}

async fn versions(house: &House, firm: &Firm, id: &str) -> Vec<Value> {
    let reply = house.ask(&Ask::get(&format!("/api/v1/agents/{id}/versions")).key(&firm.key)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["items"].as_array().expect("a list").clone()
}

async fn shape_seen(house: &House, firm: &Firm, seen: &str, body: &Value) -> Reply {
    house.ask(&Ask::put("/api/v1/agents").key(&firm.key).header("if-match", seen).json(body)).await
}

#[tokio::test]
async fn what_an_agent_was_is_kept_with_who_made_it_so() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let id = house.agent(acme.tenant, "Kona").await.to_string();
    assert_eq!(listed(&house, &acme).await[0]["version"], 0);
    assert_eq!(versions(&house, &acme, &id).await, [] as [Value; 0]);
    let changed = shape(&house, &acme, &json!({ "name": "Kona", "tone": "brief", "tools": ["calculator"] })).await;
    assert_eq!(changed.json()["version"], 2, "what it was before is the first");
    shape(&house, &acme, &json!({ "name": "Kona", "tone": "kind" })).await;
    assert_eq!(listed(&house, &acme).await[0]["version"], 3);

    let kept = versions(&house, &acme, &id).await;
    let told = |at: usize, name: &str| kept[at][name].clone();
    assert_eq!([told(0, "version"), told(1, "version"), told(2, "version")], [json!(3), json!(2), json!(1)]);
    assert_eq!([told(0, "tone"), told(1, "tone"), told(2, "tone")], [json!("kind"), json!("brief"), json!("")]);
    assert_eq!([told(1, "tools"), told(2, "tools")], [json!(["calculator"]), json!([])]);
    assert_eq!((told(2, "role"), told(2, "changed_by")), (json!("support"), json!("konstruct")));
    assert!(told(0, "changed_by").as_str().is_some_and(|by| by.starts_with("key_")), "{}", kept[0]);
    let foreign = Ask::get(&format!("/api/v1/agents/{id}/versions")).key(&bolt.key);
    assert_eq!(house.ask(&foreign).await.status, 404);
}

#[tokio::test]
async fn the_second_of_two_who_edit_at_once_is_told() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let first = shape(&house, &acme, &json!({ "name": "Kona" })).await;
    assert_eq!(first.header("etag"), "\"1\"");
    let brief = json!({ "name": "Kona", "tone": "brief" });
    assert_eq!(shape_seen(&house, &acme, "\"1\"", &brief).await.status, 200);
    let stale = shape_seen(&house, &acme, "\"1\"", &json!({ "name": "Kona", "tone": "kind" })).await;
    assert_eq!((stale.status, stale.problem().as_str()), (412, "changed_meanwhile"));
    let new = shape_seen(&house, &acme, "\"1\"", &json!({ "name": "Nobody" })).await;
    assert_eq!(new.status, 412, "there is none that could be at that version");
    for odd in ["1", "*", "\"x\"", "W/\"1\""] {
        assert_eq!(shape_seen(&house, &acme, odd, &brief).await.status, 400, "{odd}");
    }
    assert_eq!(listed(&house, &acme).await[0]["tone"], "brief");

    let (left, right) = (json!({ "name": "Kona", "tone": "left" }), json!({ "name": "Kona", "tone": "right" }));
    let (one, other) =
        tokio::join!(shape_seen(&house, &acme, "\"2\"", &left), shape_seen(&house, &acme, "\"2\"", &right),);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "one of them was second");
}

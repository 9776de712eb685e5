//! Documents for agents: given, listed and taken away; and facts that an operator puts right.

use serde_json::json;
use shared::{
    channels::fetch::BYTES_MAX,
    db::{
        Audience,
        audit::Actor,
        documents::{self, NewDocument},
        facts::{self, Drawn},
    },
    ids::{DocumentId, MemoryId, TenantId},
};

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

impl House {
    /// A document that was given to all agents.
    pub async fn given(&self, tenant: TenantId, name: &str) -> DocumentId {
        let id = DocumentId::new();
        let new = NewDocument { id, title: name, name, content_type: "text/plain", size: 4, agents: &[] };
        let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        documents::create(&mut tx, &Actor::System, &new).await.expect("there is room");
        tx.commit().await.expect("it is stored");
        id
    }
}

async fn give(house: &House, firm: &Firm, query: &str, body: &[u8]) -> Reply {
    let ask = Ask::new("POST", &format!("/api/v1/knowledge?{query}")).key(&firm.key);
    house.ask(&ask.header("content-type", "text/markdown").body(body)).await
}

#[tokio::test]
async fn a_document_is_kept_listed_and_taken_away_with_its_passages() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let given = give(&house, &acme, "name=handbook.md&title=Travel%20handbook", b"Hotels up to 120 euros.").await;
    assert_eq!(given.status, 202, "{}", given.text());
    let given = given.json();
    assert_eq!(
        [&given["title"], &given["name"], &given["state"], &given["size"]],
        [&json!("Travel handbook"), &json!("handbook.md"), &json!("waiting"), &json!(23)]
    );
    let id: DocumentId = given["id"].as_str().expect("an id").parse().expect("an id");
    let kept = shared::storage::Storage::open(&house.test.config.storage).expect("the storage opens");
    assert_eq!(kept.get_document(acme.tenant, id, 100).await.expect("bytes"), b"Hotels up to 120 euros.");

    // As the worker reads it.
    let mut tx = house.test.db.tenant(acme.tenant).begin_for_all_audiences().await.expect("a transaction begins");
    let passages = ["Hotels up to 120 euros.".to_owned()];
    assert_eq!(documents::store(&mut tx, id, &passages, None).await.expect("it is stored"), Some(1));
    assert_eq!(documents::store(&mut tx, id, &passages, None).await.expect("once"), None);
    tx.commit().await.expect("it is stored");
    let list = house.ask(&Ask::get("/api/v1/knowledge").key(&acme.key)).await.json();
    assert_eq!((&list["items"][0]["state"], &list["items"][0]["passages"]), (&json!("ready"), &json!(1)));
    assert_eq!(house.ask(&Ask::get("/api/v1/knowledge").key(&bolt.key)).await.json()["items"], json!([]));
    let memories = house.ask(&Ask::get("/api/v1/memories").key(&acme.key)).await.json();
    assert_eq!(memories["items"], json!([]), "nobody said it");
    assert_eq!(passages_seen(&house, &acme, &[Audience::Tenant]).await, 0);
    assert_eq!(passages_seen(&house, &acme, &[Audience::Agents]).await, 1);

    let path = format!("/api/v1/knowledge/{id}");
    assert_eq!(house.ask(&Ask::new("DELETE", &path).key(&bolt.key)).await.status, 404);
    assert_eq!(house.ask(&Ask::new("DELETE", &path).key(&acme.key)).await.status, 204);
    assert_eq!(house.ask(&Ask::get(&path).key(&acme.key)).await.status, 404);
    assert_eq!(passages_seen(&house, &acme, &[Audience::Agents]).await, 0);
    let acts = "select count(*) from audit_events where action in ('document.create', 'document.remove')";
    assert_eq!(house.count(acme.tenant, acts).await, 2);
    let jobs = "select count(*) from jobs where kind in ('read_document', 'erase_document')";
    assert_eq!(house.count(acme.tenant, jobs).await, 2);
}

async fn passages_seen(house: &House, firm: &Firm, audiences: &[Audience]) -> i64 {
    let mut tx = house.test.db.tenant(firm.tenant).begin_for(audiences).await.expect("a transaction begins");
    let count = sqlx::query_scalar("select count(*) from memories").fetch_one(tx.conn()).await.expect("a number");
    tx.close().await.expect("it ends");
    count
}

#[tokio::test]
async fn a_document_is_private_to_the_agents_it_is_given_to() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let agents = |list: serde_json::Value| {
        let items = list["items"].as_array().expect("a list").clone();
        items.iter().map(|agent| agent["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    let other = Ask::new("PUT", "/api/v1/agents").key(&acme.key).header("content-type", "application/json");
    assert_eq!(house.ask(&other.body(r#"{"name":"Other"}"#)).await.status, 200);
    let theirs = Ask::new("PUT", "/api/v1/agents").key(&bolt.key).header("content-type", "application/json");
    assert_eq!(house.ask(&theirs.body(r#"{"name":"Theirs"}"#)).await.status, 200);
    let ours = agents(house.ask(&Ask::get("/api/v1/agents").key(&acme.key)).await.json());
    let foreign = agents(house.ask(&Ask::get("/api/v1/agents").key(&bolt.key)).await.json());
    let refused = give(&house, &acme, &format!("name=a.txt&agent_ids={}", foreign[0]), b"words").await;
    assert_eq!((refused.status, refused.problem().as_str()), (404, "not_found"));
    assert_eq!(house.count(acme.tenant, "select count(*) from documents").await, 0);

    let given = give(&house, &acme, &format!("name=a.txt&agent_ids={}", ours[0]), b"words").await.json();
    assert_eq!(given["agent_ids"], json!([ours[0]]));
    let id: DocumentId = given["id"].as_str().expect("an id").parse().expect("an id");
    let mut tx = house.test.db.tenant(acme.tenant).begin_for_all_audiences().await.expect("a transaction begins");
    documents::store(&mut tx, id, &["words".to_owned()], None).await.expect("it is stored");
    tx.commit().await.expect("it is stored");
    let agent = |id: &str| Audience::Agent(id.parse().expect("an agent's id"));
    assert_eq!(passages_seen(&house, &acme, &[agent(&ours[0])]).await, 1);
    let elsewhere = ours.iter().find(|id| **id != ours[0]).map_or(Audience::Agents, |id| agent(id));
    assert_eq!(passages_seen(&house, &acme, &[Audience::Tenant, Audience::Agents, elsewhere]).await, 0);
}

#[tokio::test]
async fn odd_documents_are_refused_with_a_sentence() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let many = (0..11).map(|_| shared::ids::AgentId::new().to_string()).collect::<Vec<_>>().join(",");
    let long = format!("name={}", "x".repeat(201));
    let queries = ["", "name=", "name=%20", &long, "name=a&extra=1", "name=a&agent_ids=nobody"];
    let many = format!("name=a&agent_ids={many}");
    for query in queries.into_iter().chain([many.as_str()]) {
        let refused = give(&house, &acme, query, b"words").await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid_request"), "{query}");
    }
    assert_eq!(give(&house, &acme, "name=a", b"").await.status, 400);
    let large = give(&house, &acme, "name=a", &vec![b'x'; BYTES_MAX + 1]).await;
    assert_eq!((large.status, large.problem().as_str()), (413, "too_large"));
    let fits = give(&house, &acme, "name=a", &vec![b'x'; 1024 * 1024]).await;
    assert_eq!(fits.status, 202, "{}", fits.text());
}

/// A fact that was drawn from something Ada said.
async fn fact(house: &House, firm: &Firm) -> (MemoryId, MemoryId) {
    let (conversation, _) = house.talked(firm).await;
    let said = house.remembered(firm.tenant, conversation, "The launch is on 14 March.").await;
    let mut tx = house.test.db.tenant(firm.tenant).begin_for_all_audiences().await.expect("a transaction begins");
    let read = facts::sources(&mut tx, conversation).await.expect("messages can be read");
    let drawn = Drawn {
        from: said,
        subject: "launch".into(),
        attribute: "date".into(),
        value: "14 March".into(),
        value_key: "14 march".into(),
        single: true,
        decision: false,
        quote: "The launch is on 14 March.".into(),
    };
    facts::learn(&mut tx, conversation, &read, &[drawn]).await.expect("it is learned");
    tx.commit().await.expect("it is stored");
    let list = house.ask(&Ask::get("/api/v1/memories?only=fact").key(&firm.key)).await.json();
    (said, list["items"][0]["id"].as_str().expect("a fact").parse().expect("an id"))
}

#[tokio::test]
async fn an_operator_puts_a_fact_right_and_what_was_said_stays() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (said, fact) = fact(&house, &acme).await;
    let (user, mut browser) = house.person(acme.tenant, "customer_operator").await;
    let correct = |id: MemoryId, body: &'static str| {
        let ask = Ask::new("PATCH", &format!("/api/v1/memories/{id}")).header("content-type", "application/json");
        ask.body(body)
    };
    let right = r#"{"text": "The launch is on 15 March.", "value": "15 March"}"#;
    let done = browser.ask(&house, correct(fact, right)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let done = done.json();
    assert_eq!(done["text"], "The launch is on 15 March.");
    assert_eq!(
        [&done["fact"]["subject"], &done["fact"]["value"], &done["fact"]["corrected_by"]],
        [&json!("launch"), &json!("15 March"), &json!(format!("user:{user}"))]
    );
    assert_eq!(done["author"], "Ada", "who said what it comes from");
    let old = browser.ask(&house, Ask::get(&format!("/api/v1/memories/{fact}"))).await.json();
    assert!(old["fact"]["valid_until"].is_string(), "{old}");
    let message = browser.ask(&house, Ask::get(&format!("/api/v1/memories/{said}"))).await.json();
    assert_eq!((&message["text"], &message["fact"]), (&json!("The launch is on 14 March."), &json!(null)));
    let facts = browser.ask(&house, Ask::get("/api/v1/memories?only=fact")).await.json();
    assert_eq!(facts["items"].as_array().map(Vec::len), Some(1), "what holds now");

    for (id, body, status) in [
        (fact, right, 409),
        (said, right, 409),
        (fact, r#"{"text": ""}"#, 400),
        (fact, "{\"text\": \"a\\nb\"}", 400),
        (fact, r#"{"text": "x", "audience": "tenant"}"#, 400),
    ] {
        assert_eq!(browser.ask(&house, correct(id, body)).await.status, status, "{body}");
    }
    let record = "select count(*) from audit_events where action = 'memory.correct'
                     and detail::text not like '%March%'";
    assert_eq!(house.count(acme.tenant, record).await, 1);
    let forgotten = browser.ask(&house, Ask::new("DELETE", &format!("/api/v1/memories/{said}"))).await;
    assert_eq!(forgotten.status, 200);
    assert_eq!(house.count(acme.tenant, "select count(*) from fact_sources").await, 0);
}

#[tokio::test]
async fn a_former_fact_is_history_and_facts_are_found_by_person_and_place() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let (_, old) = fact(&house, &acme).await;
    let list =
        async |query: &str| house.ask(&Ask::get(&format!("/api/v1/memories?{query}")).key(&acme.key)).await.json();
    assert_eq!(list("only=fact&closed=true").await["items"], json!([]));
    let holding = list("only=fact").await["items"][0].clone();
    let sources = &holding["fact"]["source_conversation_ids"];
    assert_eq!(sources, &json!([holding["conversation_id"]]), "where each source was said");
    let correct = Ask::new("PATCH", &format!("/api/v1/memories/{old}")).key(&acme.key);
    let correct =
        correct.header("content-type", "application/json").body(r#"{"text": "The launch is on 15 March."}"#);
    assert_eq!(house.ask(&correct).await.status, 200);

    let closed = list("only=fact&closed=true").await;
    assert_eq!((&closed["items"][0]["id"], closed["items"].as_array().map(Vec::len)), (&json!(old), Some(1)));
    assert!(closed["items"][0]["fact"]["valid_until"].is_string());
    assert_eq!(list("closed=true").await["items"].as_array().map(Vec::len), Some(1), "messages are never closed");
    let (person, place) = (&holding["person_id"], &holding["place"]);
    let (person, place) = (person.as_str().expect("a person"), place.as_str().expect("a place"));
    let counted = async |query: &str| list(query).await["items"].as_array().map(Vec::len);
    assert_eq!(counted(&format!("only=fact&person_id={person}")).await, Some(1), "also one that was put right");
    assert_eq!(counted(&format!("only=fact&place={place}")).await, Some(1));
    assert_eq!(counted(&format!("place={place}")).await, Some(2), "with the message itself");
    assert_eq!(counted("only=fact&place=CNOWHERE").await, Some(0));
    assert_eq!(house.ask(&Ask::get("/api/v1/memories?place=").key(&acme.key)).await.status, 400);
}

#[tokio::test]
async fn documents_are_searched_as_the_agent_that_is_asked_would() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let kona = house.agent(acme.tenant, "Kona").await;
    let luis = house.agent(acme.tenant, "Luis").await;
    let read = async |query: &str, text: &str| {
        let given = give(&house, &acme, query, text.as_bytes()).await.json();
        let id: DocumentId = given["id"].as_str().expect("an id").parse().expect("an id");
        let mut tx =
            house.test.db.tenant(acme.tenant).begin_for_all_audiences().await.expect("a transaction begins");
        documents::store(&mut tx, id, &[text.to_owned()], None).await.expect("it is stored");
        tx.commit().await.expect("it is stored");
    };
    read("name=travel.md&title=Travel%20handbook", "Hotels are paid up to 120 euros a night.").await;
    read(&format!("name=pay.md&agent_ids={luis}"), "Salaries in hotels are secret.").await;
    let search = async |firm: &Firm, query: &str| {
        let reply = house.ask(&Ask::get(&format!("/api/v1/knowledge/search?{query}")).key(&firm.key)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let items = reply.json()["items"].as_array().expect("a list").clone();
        items.iter().map(|item| item["title"].as_str().expect("a title").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(search(&acme, "q=What%20do%20hotels%20cost").await, ["Travel handbook"]);
    assert_eq!(search(&acme, &format!("q=hotels&agent_id={kona}")).await, ["Travel handbook"]);
    let mut both = search(&acme, &format!("q=hotels&agent_id={luis}")).await;
    both.sort();
    assert_eq!(both, ["Travel handbook", "pay.md"]);
    assert_eq!(search(&bolt, "q=hotels").await, [""; 0]);
    let foreign = Ask::get(&format!("/api/v1/knowledge/search?q=hotels&agent_id={kona}")).key(&bolt.key);
    assert_eq!(house.ask(&foreign).await.status, 404);
    for query in ["", "q=", "q=a&extra=1", "q=a&agent_id=nobody"] {
        let refused = house.ask(&Ask::get(&format!("/api/v1/knowledge/search?{query}")).key(&acme.key)).await;
        assert_eq!(refused.status, 400, "{query}");
    }
}

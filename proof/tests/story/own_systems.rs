//! A tenant's own systems hear what is said in its conversations, and only what they asked for.

use serde_json::{Value, json};
use simulators::OwnSystemSimulator;

use crate::house::{House, Tenant, eventually};

impl Tenant<'_> {
    /// A system that is told of these.
    async fn own_system(&self, actions: Value, with_text: bool) -> OwnSystemSimulator {
        let system = OwnSystemSimulator::start().await.expect("a port is free");
        let new = json!({ "url": system.url(), "actions": actions, "with_text": with_text });
        let (status, made) = self.asks_api("POST", "webhook-endpoints", new).await;
        assert_eq!(status, 201, "{made}");
        system
    }
}

fn told(system: &OwnSystemSimulator) -> Vec<Value> {
    system.told().iter().map(|told| serde_json::from_str(&told.body).expect("JSON")).collect()
}

fn kinds(system: &OwnSystemSimulator) -> Vec<String> {
    let mut kinds: Vec<String> =
        told(system).iter().map(|one| one["type"].as_str().expect("a type").to_owned()).collect();
    kinds.sort_unstable();
    kinds
}

async fn hears(system: &OwnSystemSimulator, expected: &[&str]) {
    eventually(&format!("{expected:?} is told"), || kinds(system).len() >= expected.len()).await;
    assert_eq!(kinds(system), expected);
}

fn one<'a>(all: &'a [Value], kind: &str) -> &'a Value {
    all.iter().find(|one| one["type"] == kind).unwrap_or_else(|| panic!("no {kind} in {all:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn own_systems_hear_of_messages_what_they_asked_for_and_others_nothing() {
    let house = House::open_with(|config| {
        config.egress_allow = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let globex = house.tenant("globex").await;
    let words = acme.own_system(json!(["message"]), true).await;
    let ids = acme.own_system(json!(["message.answered", "notice"]), false).await;
    let log = acme.own_system(json!([]), true).await;
    let both = acme.own_system(json!(["log", "message.received"]), false).await;
    let theirs = globex.own_system(json!(["message", "notice", "log"]), true).await;

    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    hears(&words, &["message.answered", "message.received"]).await;
    let heard = told(&words);
    let (received, answered) =
        (&one(&heard, "message.received")["data"], &one(&heard, "message.answered")["data"]);
    assert_eq!((&received["channel"], &received["author"]["kind"]), (&json!("slack"), &json!("person")));
    assert!(received["text"].as_str().is_some_and(|text| text.contains("14 March")), "{received}");
    assert!(answered["text"].as_str().is_some_and(|text| text.contains("Noted")), "{answered}");
    assert_eq!(received["conversation"], answered["conversation"]);
    for (of, id, prefix) in
        [(received, "message", "msg_"), (answered, "run", "run_"), (received, "tenant_id", "ten_")]
    {
        assert!(of[id].as_str().is_some_and(|id| id.starts_with(prefix)), "{id} in {of}");
    }
    assert!(answered["author"]["id"].as_str().is_some_and(|id| id.starts_with("agt_")), "{answered}");

    acme.edits("CGENERAL", &asked, "The launch is on 15 March.");
    hears(&words, &["message.answered", "message.edited", "message.received"]).await;
    let edited = told(&words);
    assert!(one(&edited, "message.edited")["data"]["text"].as_str().is_some_and(|text| text.contains("15 March")));
    let conversation = received["conversation"].as_str().expect("an id");
    for (act, body) in [("takeover", json!({})), ("reply", json!({ "text": "It is settled." }))] {
        let (status, answer) = acme.asks_api("POST", &format!("conversations/{conversation}/{act}"), body).await;
        assert!((200..300).contains(&status), "{act}: {answer}");
    }
    acme.deletes("CGENERAL", &asked);
    hears(
        &words,
        &["message.answered", "message.deleted", "message.edited", "message.received", "message.replied"],
    )
    .await;
    let all = told(&words);
    assert_eq!(one(&all, "message.replied")["data"]["text"], "It is settled.");
    assert!(one(&all, "message.deleted")["data"].get("text").is_none(), "{all:?}");

    // Neither words nor kinds that were not asked for.
    hears(&ids, &["message.answered"]).await;
    assert!(told(&ids)[0]["data"].get("text").is_none(), "{:?}", told(&ids));
    let acts = "select count(*) from audit_events where tenant_id = $1";
    let logged = usize::try_from(acme.count(acts).await).expect("a number");
    eventually("the log is told", || kinds(&log).contains(&"conversation.reply".to_owned())).await;
    eventually("the log is told", || kinds(&both).contains(&"conversation.reply".to_owned())).await;
    assert!(kinds(&log).iter().all(|kind| !kind.starts_with("message.")), "{:?}", kinds(&log));
    assert!(kinds(&log).len() <= logged && !format!("{:?}", told(&log)).contains("March"));
    assert_eq!(kinds(&both).iter().filter(|kind| kind.starts_with("message.")).count(), 1, "{:?}", kinds(&both));
    assert!(kinds(&theirs).iter().all(|kind| !kind.starts_with("message.")), "{:?}", kinds(&theirs));

    // Each was told once, and by an id of its own.
    let mut heard: Vec<String> = words.told().into_iter().map(|told| told.id).collect();
    heard.sort_unstable();
    heard.dedup();
    assert_eq!(heard.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_no_system_asks_for_leaves_no_row() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let (status, made) = acme
        .asks_api(
            "POST",
            "webhook-endpoints",
            json!({ "url": "https://crm.example.com/hook", "actions": ["notice"] }),
        )
        .await;
    assert_eq!(status, 201, "{made}");
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    acme.inbox().await;
    assert_eq!(acme.count("select count(*) from messages where tenant_id = $1").await, 2);
    assert_eq!(acme.count("select count(*) from webhook_deliveries where tenant_id = $1").await, 0);
}

//! What the agent learns from people and from documents, and what becomes of it.

use std::time::Duration;

use serde_json::{Value, json};
use simulators::{Delete, Edit};

use crate::house::{House, PATIENCE, Tenant};

async fn learning_house() -> House {
    House::open_with(|config| config.facts_after = Some(Duration::ZERO)).await
}

impl Tenant<'_> {
    /// Waits until facts were drawn from everything that was said, and all of it has its vector.
    async fn everything_learned(&self) {
        for _ in 0..600 {
            if self.count("select count(*) from learnings where tenant_id = $1").await == 0 {
                return self.everything_remembered().await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("facts are not drawn");
    }

    async fn tells(&self, channel: &str, user: &str, text: &str) -> simulators::Said {
        let said = self.asks(channel, user, text);
        self.finished(channel, &said.thread_ts, 1).await;
        said
    }

    async fn answer(&self, channel: &str, user: &str, text: &str) -> String {
        let asked = self.asks(channel, user, text);
        self.finished(channel, &asked.thread_ts, 1).await.remove(0)
    }

    pub async fn ask_api(&self, method: reqwest::Method, resource: &str, body: Option<Value>) -> (u16, Value) {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut request = http.request(method, self.house.api(resource)).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Gives the agents a document, and waits for what becomes of it.
    async fn gives(&self, query: &str, bytes: &[u8]) -> Value {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = http.post(self.house.api(&format!("knowledge?{query}"))).bearer_auth(&self.key);
        let answer = request.body(bytes.to_vec()).send().await.expect("an answer");
        assert_eq!(answer.status(), 202);
        let given: Value = answer.json().await.expect("JSON");
        let id = given["id"].as_str().expect("an id").to_owned();
        let begun = std::time::Instant::now();
        loop {
            let (_, document) = self.ask_api(reqwest::Method::GET, &format!("knowledge/{id}"), None).await;
            if document["state"] != "waiting" {
                return document;
            }
            assert!(begun.elapsed() < PATIENCE, "{document}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_of_one_channel_is_used_in_another_until_it_is_contradicted_or_forgotten() {
    let house = learning_house().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    acme.tells("CGENERAL", "UADA", "Remember that the launch of Apollo is on 14 March.").await;
    acme.tells("DADA", "UADA", "My badge number is 4711.").await;
    acme.everything_learned().await;
    assert!(acme.answer("CLAUNCH", "UGRACE", "When is the launch of Apollo?").await.contains("14 March"));
    let secret = acme.answer("CLAUNCH", "UGRACE", "What is the badge number?").await;
    assert!(!secret.contains("4711"), "it was said to the agent alone: {secret}");

    acme.tells("CGENERAL", "UGRACE", "The launch of Apollo moved to 21 March.").await;
    acme.everything_learned().await;
    let answer = acme.answer("CLAUNCH", "UGRACE", "When is the launch of Apollo, please?").await;
    assert!(answer.contains("21 March"), "{answer}");
    let open = "select count(*) from memories where tenant_id = $1 and kind = 'fact' and valid_until is null";
    assert_eq!(acme.count(open).await, 2, "the date that holds, and the badge");

    // "Forget that": the message and what was drawn from it.
    let (_, list) = acme.ask_api(reqwest::Method::GET, "memories?q=apollo&only=message", None).await;
    for memory in list["items"].as_array().expect("a list") {
        let path = format!("memories/{}", memory["id"].as_str().expect("an id"));
        assert_eq!(acme.ask_api(reqwest::Method::DELETE, &path, None).await.0, 200);
    }
    let facts = "select count(*) from memories where tenant_id = $1 and kind = 'fact'";
    assert_eq!(acme.count(facts).await, 1, "the badge alone");
    let answer = acme.answer("CNEW", "UGRACE", "What do we know of Apollo?").await;
    assert!(!answer.contains("March"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_what_the_agent_says_from_then_on() {
    let house = learning_house().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    acme.tells("CGENERAL", "UADA", "The launch of Apollo is on 14 March.").await;
    acme.everything_learned().await;
    let (_, list) = acme.ask_api(reqwest::Method::GET, "memories?only=fact", None).await;
    let path = format!("memories/{}", list["items"][0]["id"].as_str().expect("a fact"));
    let right = json!({ "text": "The launch of Apollo is on 15 March.", "value": "15 March" });
    assert_eq!(acme.ask_api(reqwest::Method::PATCH, &path, Some(right)).await.0, 200);
    acme.everything_remembered().await;
    let answer = acme.answer("CLAUNCH", "UGRACE", "When is the launch of Apollo?").await;
    assert!(answer.contains("15 March") && !answer.contains("14 March"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_follow_an_edit_and_a_deletion_in_the_channel() {
    let house = learning_house().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let edited = acme.tells("CGENERAL", "UADA", "The launch of Apollo is on 14 March.").await;
    let deleted = acme.tells("CGENERAL", "UADA", "The party is on 1 May.").await;
    acme.everything_learned().await;
    let values = "select count(*) from memories where tenant_id = $1 and kind = 'fact'
                     and value in ('14 March', '1 May')";
    assert_eq!(acme.count(values).await, 2);
    let (team, channel) = (acme.team.clone(), "CGENERAL".to_owned());
    let text = "The launch of Apollo is on 16 March.".into();
    let edit = Edit { team: team.clone(), channel: channel.clone(), ts: edited.ts, text };
    house.slack.edit(edit).expect("the message is there");
    house.slack.delete(Delete { team, channel, ts: deleted.ts }).expect("the message is there");
    for _ in 0..600 {
        if acme.count(values).await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    acme.everything_learned().await;
    let now = "select count(*) from memories where tenant_id = $1 and kind = 'fact' and value = '16 March'";
    assert_eq!((acme.count(values).await, acme.count(now).await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_cited_until_it_is_taken_away() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let handbook =
        b"# Travel\n\nHotels in Berlin may cost 120 euros a night.\n\n# Food\n\nLunch is paid up to 15 euros.";
    let given = acme.gives("name=handbook.md&title=Travel%20handbook", handbook).await;
    assert_eq!((&given["state"], &given["passages"]), (&json!("ready"), &json!(2)), "{given}");
    let page =
        b"<!doctype html><title>x</title><script>steal()</script><h1>Garage</h1><p>The garage code is 9988.</p>";
    let page = acme.gives("name=garage.html", page).await;
    assert_eq!(page["state"], "ready", "{page}");
    acme.everything_remembered().await;
    let answer = acme.answer("CGENERAL", "UADA", "How much may hotels in Berlin cost a night?").await;
    assert!(answer.contains("120 euros") && answer.contains("(source: Travel handbook)"), "{answer}");
    let answer = acme.answer("CGENERAL", "UADA", "What is the garage code?").await;
    assert!(answer.contains("9988") && !answer.contains("steal"), "{answer}");

    let path = format!("knowledge/{}", given["id"].as_str().expect("an id"));
    assert_eq!(acme.ask_api(reqwest::Method::DELETE, &path, None).await.0, 204);
    let answer = acme.answer("CNEW", "UADA", "How much may hotels in Berlin cost a night?").await;
    assert!(!answer.contains("120"), "{answer}");
    let id: shared::ids::DocumentId = given["id"].as_str().expect("an id").parse().expect("an id");
    let storage = shared::storage::Storage::open(&house.config.storage).expect("the storage opens");
    for _ in 0..300 {
        if storage.get_document(acme.id, id, 1_000).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("its bytes are not erased");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_153_documents_that_hold_nothing_readable_end_with_a_sentence() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    let refused = |document: &Value| document["reason"].as_str().unwrap_or_default().to_owned();
    for (name, bytes, reason) in [
        ("a.bin", vec![0_u8; 5_000], "this kind of file is not opened"),
        ("empty.txt", b" \n ".to_vec(), "no text was found in it"),
        ("broken.pdf", b"%PDF-1.7 nothing of the kind".to_vec(), "it is damaged"),
        ("a.zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(), "archives are not opened"),
    ] {
        let document = acme.gives(&format!("name={name}"), &bytes).await;
        assert_eq!(document["state"], "refused", "{document}");
        assert_eq!(refused(&document), reason, "{name}");
    }
    let long = "A sentence of a very long document. ".repeat(5_000);
    let document = acme.gives("name=long.txt", long.as_bytes()).await;
    assert_eq!(document["state"], "ready", "{document}");
    assert!(refused(&document).starts_with("only its first 40,000 letters"), "{document}");
    let nested = format!("<!doctype html>{}deep", "<div>".repeat(200_000));
    let document = acme.gives("name=deep.html", nested.as_bytes()).await;
    assert!(document["state"] == "ready" || document["state"] == "refused", "{document}");
}

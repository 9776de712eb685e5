//! What an agent would have said: a run is replayed, a conversation is forked, a case is tried, and no channel sees any of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, PATIENCE, Tenant};

impl Tenant<'_> {
    /// Asks until it says so.
    pub async fn answers_until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = std::time::Instant::now();
        loop {
            let (status, found) = self.ask_api(Method::GET, path, None).await;
            assert_eq!(status, 200, "{found}");
            if is_so(&found) {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{found}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn latest_conversation(&self) -> String {
        let (_, list) = self.ask_api(Method::GET, "conversations", None).await;
        list["items"][0]["id"].as_str().expect("a conversation").to_owned()
    }

    fn shown(&self) -> usize {
        self.house.slack.transcript(&self.team, "CGENERAL", None).len()
            + self.house.slack.transcript(&self.team, "CLAUNCH", None).len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_replayed_with_another_prompt_or_without_memory_and_nobody_is_sent_it() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let told = acme.asks("CGENERAL", "UADA", "The launch of Apollo is on 14 March.");
    acme.finished("CGENERAL", &told.thread_ts, 1).await;
    acme.everything_remembered().await;
    let asked = acme.asks("CLAUNCH", "UGRACE", "When is the launch of Apollo?");
    let answer = acme.finished("CLAUNCH", &asked.thread_ts, 1).await.remove(0);
    assert!(answer.contains("14 March"), "{answer}");
    let shown = acme.shown();

    let talk = acme.latest_conversation().await;
    let (_, trace) = acme.ask_api(Method::GET, &format!("conversations/{talk}/trace"), None).await;
    let run = trace["items"][0]["run_id"].as_str().expect("a run").to_owned();
    let path = format!("conversations/{talk}/runs/{run}");
    for draft in
        [json!({ "memory": false }), json!({ "instructions": "Answer like a pirate.", "model": "simulated-2" })]
    {
        let (status, replay) = acme.ask_api(Method::POST, &format!("{path}/replay"), Some(draft)).await;
        assert_eq!((status, &replay["state"]), (202, &json!("waiting")), "{replay}");
    }
    let all_there = |found: &Value| {
        found["items"]
            .as_array()
            .is_some_and(|list| list.len() == 2 && list.iter().all(|one| one["state"] == "done"))
    };
    let replays = acme.answers_until(&format!("{path}/replays"), all_there).await;
    assert!(replays["original"].as_str().is_some_and(|text| text.contains("14 March")), "{replays}");
    let (drafted, blank) = (&replays["items"][0], &replays["items"][1]);
    assert!(blank["answer"].as_str().is_some_and(|text| !text.contains("14 March")), "{blank}");
    let kinds: Vec<&str> =
        blank["diff"].as_array().expect("a diff").iter().filter_map(|piece| piece["kind"].as_str()).collect();
    assert!(kinds.contains(&"removed") && kinds.contains(&"added"), "{blank}");
    assert!(drafted["answer"].as_str().is_some_and(|text| text.contains("14 March")), "{drafted}");
    assert_eq!(drafted["answered_by"], "simulated-2");
    let prompts = house.model.requests();
    assert!(prompts.iter().any(|request| request.prompt_text().contains("Answer like a pirate.")));

    assert_eq!(acme.shown(), shown, "nothing went to a channel");
    let booked = "select count(*) from usage where tenant_id = $1 and purpose = 'replay' and status = 'ok'";
    assert_eq!(acme.count(booked).await, 2);
    let recorded = "select count(*) from audit_events where tenant_id = $1 and action = 'run.replay'";
    assert_eq!(acme.count(recorded).await, 2);
    let foreign = house.tenant("other").await;
    assert_eq!(foreign.ask_api(Method::GET, &format!("{path}/replays"), None).await.0, 404);
    assert_eq!(foreign.ask_api(Method::POST, &format!("{path}/replay"), Some(json!({}))).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_forked_at_a_message_and_both_stand_side_by_side() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let asked = acme.asks("CGENERAL", "UADA", "The launch of Apollo is on 14 March.");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    // The answer is on record before anything is said after it.
    acme.inbox().await;
    acme.says_in_thread("CGENERAL", "UADA", "When is the launch of Apollo?", &asked.thread_ts);
    acme.finished("CGENERAL", &asked.thread_ts, 2).await;
    let shown = acme.shown();
    let talk = acme.latest_conversation().await;
    let (_, said) = acme.ask_api(Method::GET, &format!("conversations/{talk}/messages"), None).await;
    let question = said["items"].as_array().expect("messages").iter().find(|message| {
        message["author_kind"] == "person" && message["text"].as_str().is_some_and(|text| text.contains("When"))
    });
    let point = question.expect("the question")["id"].clone();
    let draft = json!({ "message_id": point, "draft": { "instructions": "Speak of dates precisely." } });
    let (status, fork) = acme.ask_api(Method::POST, &format!("conversations/{talk}/forks"), Some(draft)).await;
    assert_eq!(status, 201, "{fork}");
    let path = format!("forks/{}", fork["id"].as_str().expect("an id"));
    let done = |count: usize| {
        move |found: &Value| {
            let side = found["side"].as_array().expect("a list");
            side.len() == count && side.iter().all(|one| one["answer"]["state"] == "done")
        }
    };
    assert_eq!(acme.ask_api(Method::POST, &format!("{path}/messages"), Some(json!({}))).await.0, 202);
    let found = acme.answers_until(&path, done(1)).await;
    assert!(
        found["side"][0]["answer"]["answer"].as_str().is_some_and(|text| text.contains("14 March")),
        "{found}"
    );
    assert_eq!(found["original"].as_array().map(Vec::len), Some(1), "what really followed: {found}");
    assert_eq!(found["side"][0]["answer"]["diff"][0]["kind"], "same", "{found}");

    let moved = json!({ "text": "The launch of Apollo moved to 21 March." });
    assert_eq!(acme.ask_api(Method::POST, &format!("{path}/messages"), Some(moved)).await.0, 202);
    acme.answers_until(&path, done(2)).await;
    let again = json!({ "text": "When is the launch of Apollo?" });
    assert_eq!(acme.ask_api(Method::POST, &format!("{path}/messages"), Some(again)).await.0, 202);
    let found = acme.answers_until(&path, done(3)).await;
    assert!(
        found["side"][2]["answer"]["answer"].as_str().is_some_and(|text| text.contains("21 March")),
        "{found}"
    );

    assert_eq!(acme.shown(), shown, "no channel sees it");
    let remembered = "select count(*) from memories where tenant_id = $1 and body like '%21 March%'";
    assert_eq!(acme.count(remembered).await, 0, "nothing of it is remembered");
    assert_eq!(acme.ask_api(Method::DELETE, &path, None).await.0, 204);
    assert_eq!(acme.ask_api(Method::GET, &path, None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_fails_keeps_other_instructions_from_being_taken() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let told = acme.asks("CGENERAL", "UADA", "The launch of Apollo is on 14 March.");
    acme.finished("CGENERAL", &told.thread_ts, 1).await;
    acme.everything_remembered().await;
    let case = |name: &str, question: &str, expected: Value| {
        let mut case = json!({ "name": name, "question": question, "blocks": true });
        for (key, value) in expected.as_object().expect("an object") {
            case[key] = value.clone();
        }
        case
    };
    let launch = case("Launch", "When is the launch of Apollo?", json!({ "must_contain": ["14 march"] }));
    let human = case("Human", "I want to speak to a human.", json!({ "must_escalate": true }));
    let (status, kept) = acme.ask_api(Method::POST, "cases", Some(launch.clone())).await;
    assert_eq!(status, 201, "{kept}");
    assert_eq!(acme.ask_api(Method::POST, "cases", Some(human)).await.0, 201);
    assert_eq!(acme.ask_api(Method::POST, "cases", Some(launch.clone())).await.0, 409, "the name is taken");

    let publish = json!({ "name": "Kona", "instructions": "Help, and be brief." });
    let (status, refused) = acme.ask_api(Method::PUT, "agents", Some(publish.clone())).await;
    assert_eq!((status, &refused["code"]), (409, &json!("case_failed")), "{refused}");
    assert!(refused["detail"].as_str().is_some_and(|text| text.contains("`Human` (and 1 more)")), "{refused}");
    let (_, agents) = acme.ask_api(Method::GET, "agents", None).await;
    assert_eq!(agents["items"][0]["instructions"], "Help the team.", "nothing was taken");
    let agent = agents["items"][0]["id"].clone();

    let draft = json!({ "instructions": "Help, and be brief." });
    let run = json!({ "agent_id": agent, "draft": draft });
    let (status, trial) = acme.ask_api(Method::POST, "cases/run", Some(run.clone())).await;
    assert_eq!(status, 202, "{trial}");
    let path = format!("cases/trials/{}", trial["id"].as_str().expect("an id"));
    let through = acme.answers_until(&path, |found| found["state"] == "done").await;
    assert_eq!((&through["passed"], &through["failed"]), (&json!(2), &json!(0)), "{through}");
    assert_eq!(acme.ask_api(Method::PUT, "agents", Some(publish)).await.0, 200);

    // What it must say now, it does not.
    let mut wrong = launch;
    wrong["must_contain"] = json!(["21 March"]);
    wrong["must_cite"] = json!(["Handbook"]);
    let path = format!("cases/{}", kept["id"].as_str().expect("an id"));
    assert_eq!(acme.ask_api(Method::PUT, &path, Some(wrong)).await.0, 200);
    let draft = json!({ "instructions": "Help." });
    let only = json!({ "agent_id": agent, "draft": draft, "case_ids": [kept["id"]] });
    let (_, trial) = acme.ask_api(Method::POST, "cases/run", Some(only)).await;
    let path = format!("cases/trials/{}", trial["id"].as_str().expect("an id"));
    let through = acme.answers_until(&path, |found| found["state"] == "done").await;
    assert_eq!(through["failed"], 1, "{through}");
    assert_eq!(
        through["items"][0]["complaints"],
        json!(["The answer does not contain “21 March”.", "The answer does not cite “Handbook”."])
    );
    let publish = json!({ "name": "Kona", "instructions": "Help." });
    let (status, refused) = acme.ask_api(Method::PUT, "agents", Some(publish)).await;
    assert_eq!(status, 409, "{refused}");
    let tone = json!({ "name": "Kona", "tone": "Warm" });
    assert_eq!(acme.ask_api(Method::PUT, "agents", Some(tone)).await.0, 200, "what no case is about is taken");
    let booked = "select count(*) from usage where tenant_id = $1 and purpose = 'case' and status = 'ok'";
    assert_eq!(acme.count(booked).await, 2, "a human is asked for without a model");
}

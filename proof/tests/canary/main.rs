//! Two tenants talk to their agents in one house, failures included, and every place is searched where a word of one could
//! reach the other, or a log.
//!
//! The roles are processes that log at debug level and send their traces. What a person wrote may stand in the tenant's own
//! rows, its own prompts and its own workspace, and nowhere else.

mod building;
mod sinks;

use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use simulators::{FaultKind, FaultRule, Raw};

use crate::{
    building::{Building, Tenant},
    sinks::{Collector, Ears},
};

const A: &str = "CANARY-AARDVARK";
const B: &str = "CANARY-BUDGERIGAR";
/// What the people are called, as their workspaces say.
const NAMES: [&str; 2] = ["Lovelace", "Hopper"];

/// Everything somebody can say, and be answered; returns the bodies of refused requests.
async fn live(tenant: &Tenant<'_>, user: &str) -> Vec<String> {
    let (canary, slack) = (tenant.canary.as_str(), &tenant.building.slack);
    let fact = format!("The code word is {canary}-WORD.");
    let (said, _) = tenant.converse("CGENERAL", user, &fact).await;
    tenant.converse(&format!("D{user}"), user, &format!("My secret is {canary}-SECRET.")).await;
    tenant.settled().await;
    let (_, recalled) = tenant.converse("CGENERAL", user, "What is the code word?").await;
    assert!(recalled.contains(&format!("{canary}-WORD")), "{canary} is remembered at all: {recalled}");

    let file = json!({
        "type": "message", "subtype": "file_share", "channel": "CGENERAL", "channel_type": "channel", "user": user,
        "text": format!("{canary} in a file"), "ts": "1790000000.000100", "thread_ts": said.thread_ts,
        "files": [{ "name": format!("{canary}-FILE.pdf") }],
    });
    slack.send_event(&tenant.team, file);
    let edit = json!({
        "type": "message", "subtype": "message_changed", "channel": "CGENERAL", "channel_type": "channel",
        "message": { "user": user, "text": format!("{canary} edited"), "ts": said.ts },
        "previous_message": { "user": user, "text": fact, "ts": said.ts },
        "ts": "1790000000.000200",
    });
    slack.send_event(&tenant.team, edit);
    fail(tenant, user).await;
    tenant.settled().await;
    refused(tenant).await
}

/// Providers that fail in ways that make libraries quote what they got or sent.
async fn fail(tenant: &Tenant<'_>, user: &str) {
    let (slack, model) = (tenant.building.slack.faults(), tenant.building.model.faults());
    for way in [
        FaultKind::Status { code: 500, retry_after: None },
        FaultKind::GarbageJson,
        FaultKind::ErrorBodyWith200,
        FaultKind::CloseMidStream(3),
    ] {
        model.add(FaultRule::always("completions", way));
        tenant.converse("CGENERAL", user, &format!("Is {} broken?", tenant.canary)).await;
        model.clear();
    }
    for way in [
        FaultKind::StatusAfter { code: 500 },
        FaultKind::SlackError("internal_error".into()),
        FaultKind::GarbageJson,
        FaultKind::DropConnectionAfter,
    ] {
        slack.add(FaultRule::once("chat.update", way));
        let question = format!("Does {} arrive?", tenant.canary);
        let said = slack_says(tenant, user, &question);
        tenant.settled().await;
        assert!(!said.is_empty());
        slack.clear();
    }
}

fn slack_says(tenant: &Tenant<'_>, user: &str, text: &str) -> String {
    let say = simulators::Say::new(&tenant.team, "CGENERAL", user, text).mentioning();
    tenant.building.slack.say(say).thread_ts
}

/// Requests that are refused, with the canary in every place.
async fn refused(tenant: &Tenant<'_>) -> Vec<String> {
    let (canary, building) = (&tenant.canary, tenant.building);
    let mut bodies = Vec::new();
    for (method, path, body) in [
        (Method::PUT, "/api/v1/agents", json!({ "name": canary, "unknown": canary })),
        (Method::PUT, "/api/v1/agents", json!({ "name": canary, "tone": [canary] })),
        (Method::PUT, "/api/v1/agents", json!({ "name": format!("{canary} {}", "x".repeat(100)) })),
        (
            Method::POST,
            "/api/v1/connections",
            json!({ "channel": "slack", "bot_token": format!("xoxb-{canary}") }),
        ),
        (Method::POST, "/api/v1/connections", json!({ "channel": canary, "bot_token": canary })),
        (Method::POST, "/api/v1/nowhere", json!({ "name": canary })),
    ] {
        let answer = building.ask(method, path, &tenant.key, &body).await;
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
        bodies.push(answer.text().await.expect("text"));
    }
    for (signed, body) in [
        (true, format!("{{\"type\": \"event_callback\", \"event\": {{\"text\": \"{canary}")),
        (true, format!("[\"{canary}\"]")),
        (false, json!({ "type": "event_callback", "event": { "text": canary } }).to_string()),
        (true, json!({ "type": "event_callback", "team_id": "TNOBODY", "event": { "text": canary } }).to_string()),
    ] {
        let raw = Raw { body: Value::String(body), signed, ..Raw::default() };
        bodies.push(building.slack.send_raw(raw).await.body);
    }
    bodies
}

/// Someone asks where another company reads along.
async fn ask_among_outsiders(tenant: &Tenant<'_>, user: &str) -> String {
    let bot = format!("UBOT{}", tenant.team.trim_start_matches('T'));
    let ts = "1790000001.000100";
    let event = json!({
        "type": "event_callback", "api_app_id": "A0PLATFORM", "team_id": tenant.team, "event_id": "EvOUTSIDERS",
        "is_ext_shared_channel": true,
        "authorizations": [{ "enterprise_id": null, "team_id": tenant.team, "is_enterprise_install": false }],
        "event": {
            "type": "message", "channel": "CSHARED", "channel_type": "channel", "user": user, "user_team": "TOTHER",
            "text": format!("<@{bot}> What is the code word of all?"), "ts": ts,
        },
    });
    let raw = Raw { body: event, signed: true, ..Raw::default() };
    let outcome = tenant.building.slack.send_raw(raw).await;
    assert_eq!(outcome.status, Some(200), "{}", outcome.body);
    tenant.reply("CSHARED", ts).await
}

#[track_caller]
fn holds_none(place: &str, text: &str, words: &[&str]) {
    for word in words {
        if let Some(at) = text.find(word) {
            let line = text[..at].rfind('\n').map_or(0, |start| start + 1);
            let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
            panic!("{place} holds {word}: {}", &text[line..end]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_27_and_29_and_55_no_word_of_one_tenant_is_anywhere_else() {
    let collector = Collector::start().await;
    let building = Building::open(collector.address).await;
    let ears = Ears::open(&building.test).await;
    let acme = building.tenant("acme", A).await;
    let bolt = building.tenant("bolt", B).await;
    // One after the other: faults are for all workspaces.
    let refused_to_acme = live(&acme, "UADA").await;
    let refused_to_bolt = live(&bolt, "UGRACE").await;

    let told = ask_among_outsiders(&bolt, "UOUTSIDER").await;
    holds_none("the answer to outsiders", &told, &["-WORD", "-SECRET"]);
    let prompts = building.model.requests();
    let asked = prompts.iter().find(|request| request.prompt_text().contains("code word of all"));
    let asked = asked.expect("the model was asked").prompt_text();
    holds_none("the prompt for outsiders", &asked, &["-WORD", "-SECRET"]);

    let config = &building.test.config;
    let secrets = [
        acme.token.as_str(),
        &bolt.token,
        &acme.key,
        &bolt.key,
        config.slack.signing_secret.expose_secret(),
        config.database_url.expose_secret(),
        config.database_system_url.expose_secret(),
    ];
    let everybodys = [A, B, &A.to_lowercase(), &B.to_lowercase(), NAMES[0], NAMES[1]].map(str::to_owned);
    let everybodys: Vec<&str> = everybodys.iter().map(String::as_str).chain(secrets).collect();
    let (logs, metrics) = (building.logs(), building.metrics().await);
    for (place, text) in &logs {
        assert!(text.contains("\"level\":\"DEBUG\""), "{place} tells everything it can");
    }
    assert!(metrics.iter().all(|(_, text)| text.contains("konstruct_")), "there are metrics");
    let traces = collector.text();
    assert!(traces.contains("slack_event"), "the traces arrive: {} bytes", traces.len());
    let heard = ears.heard();
    assert!(heard.iter().all(|(_, text)| text.len() > 20), "something was heard everywhere: {heard:?}");
    for (place, text) in logs.into_iter().chain(metrics).chain(heard).chain([("the traces".into(), traces)]) {
        holds_none(&place, &text, &everybodys);
    }

    for (place, bodies, foreign) in
        [("refusals to acme", &refused_to_acme, B), ("refusals to bolt", &refused_to_bolt, A)]
    {
        holds_none(place, &bodies.join("\n"), &[foreign, secrets[4]]);
    }
    for request in &prompts {
        let text = request.body.to_string();
        assert!(!(text.contains(A) && text.contains(B)), "a prompt holds both: {text}");
    }
    for (tenant, foreign) in [(&acme, [B, NAMES[1]]), (&bolt, [A, NAMES[0]])] {
        let history = serde_json::to_string(&building.slack.history(Some(&tenant.team))).expect("JSON");
        assert!(history.contains(&tenant.canary), "{} was shown its own words", tenant.canary);
        holds_none(&format!("the workspace of {}", tenant.canary), &history, &foreign);
    }
}

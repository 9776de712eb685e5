//! What members note in a conversation stays among them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::House;

const NOTE: &str = "Zanzibar: offer her a discount.";

#[tokio::test(flavor = "multi_thread")]
async fn a_note_reaches_no_channel_and_no_prompt() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let asked = acme.asks("CGENERAL", "UADA", "The launch of Apollo is on 14 March.");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    let talk = acme.latest_conversation().await;
    let notes = format!("conversations/{talk}/notes");
    let (status, noted) = acme.ask_api(Method::POST, &notes, Some(json!({ "text": NOTE }))).await;
    assert_eq!(status, 201, "{noted}");

    acme.says_in_thread("CGENERAL", "UADA", "And what did we say of Zanzibar?", &asked.thread_ts);
    acme.finished("CGENERAL", &asked.thread_ts, 2).await;
    acme.everything_remembered().await;
    let elsewhere = acme.asks("CLAUNCH", "UGRACE", "Which discount does Ada get?");
    acme.finished("CLAUNCH", &elsewhere.thread_ts, 1).await;
    let (_, trace) = acme.ask_api(Method::GET, &format!("conversations/{talk}/trace"), None).await;
    let run = trace["items"][0]["run_id"].as_str().expect("a run");
    let path = format!("conversations/{talk}/runs/{run}");
    let (status, replay) = acme.ask_api(Method::POST, &format!("{path}/replay"), Some(json!({}))).await;
    assert_eq!(status, 202, "{replay}");
    let is_done = |found: &Value| found["items"][0]["state"] == "done";
    acme.answers_until(&format!("{path}/replays"), is_done).await;

    let prompts = house.model.requests();
    assert!(prompts.iter().any(|request| request.prompt_text().contains("say of Zanzibar")), "they are looked at");
    assert!(prompts.iter().all(|request| !request.prompt_text().contains("offer her")), "a model was shown it");
    let shown = [
        house.slack.transcript(&acme.team, "CGENERAL", Some(&asked.thread_ts)),
        house.slack.transcript(&acme.team, "CLAUNCH", None),
    ];
    assert!(!format!("{shown:?}").contains("offer her"), "{shown:?}");
    let (_, listed) = acme.ask_api(Method::GET, &notes, None).await;
    assert_eq!(listed["items"][0]["text"], NOTE);
}

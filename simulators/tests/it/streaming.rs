//! The two forms of a reply, as OpenAI-compatible clients expect them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulators::ModelOptions;

use crate::harness::*;

fn request() -> Value {
    let text = "The launch is on 14 March at nine in the Old Mill.";
    json!({ "model": "simulated-1", "messages": [{ "role": "user", "content": text }] })
}

fn events(body: &str) -> Vec<&str> {
    body.split("\n\n")
        .filter(|event| !event.is_empty())
        .map(|event| event.strip_prefix("data: ").unwrap())
        .collect()
}

#[tokio::test]
async fn a_stream_adds_up_and_ends_with_usage() {
    let model = model().await;
    let whole: Value = ask_raw(&model, &request()).await.json().await.unwrap();
    assert_eq!(whole["object"], "chat.completion");
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");

    let mut streamed = request();
    streamed["stream"] = json!(true);
    streamed["stream_options"] = json!({ "include_usage": true });
    let answer = ask_raw(&model, &streamed).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let body = answer.text().await.unwrap();
    let mut events = events(&body);
    assert_eq!(events.pop(), Some("[DONE]"));
    let chunks: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let (usage, chunks) = chunks.split_last().unwrap();
    assert_eq!((&usage["choices"], &usage["usage"]), (&json!([]), &whole["usage"]));
    let (last, content) = chunks.split_last().unwrap();
    assert_eq!((&last["choices"][0]["finish_reason"], &last["choices"][0]["delta"]), (&json!("stop"), &json!({})));
    let deltas = content.iter().map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().unwrap());
    assert_eq!(deltas.collect::<String>(), whole["choices"][0]["message"]["content"].as_str().unwrap());
    assert!(content.len() > 5, "about two words each");
    assert!(
        chunks.iter().all(|chunk| chunk["id"] == usage["id"]
            && chunk["model"] == "simulated-1"
            && chunk["usage"].is_null())
    );
    assert_eq!(content[0]["choices"][0]["delta"]["role"], "assistant");

    let tokens = |name: &str| whole["usage"][name].as_u64().unwrap();
    assert_eq!((tokens("prompt_tokens"), tokens("total_tokens")), (13, 13 + tokens("completion_tokens")));
}

#[tokio::test]
async fn without_include_usage_there_is_none() {
    let model = model().await;
    let mut streamed = request();
    streamed["stream"] = json!(true);
    let body = ask_raw(&model, &streamed).await.text().await.unwrap();
    assert!(!body.contains("usage"));
    assert!(body.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn max_tokens_cut_the_reply() {
    let model = model().await;
    let mut short = request();
    short["max_tokens"] = json!(2);
    let answer: Value = ask_raw(&model, &short).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["choices"][0]["message"]["content"], "Noted: T");
    assert_eq!(answer["usage"]["completion_tokens"], 2);
}

#[tokio::test]
async fn tokens_can_be_slowed_down() {
    let model = model().await;
    model.set_options(ModelOptions { token_delay_ms: 30, ..Default::default() });
    let mut streamed = request();
    streamed["stream"] = json!(true);
    let begin = Instant::now();
    ask_raw(&model, &streamed).await.text().await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_key_and_a_sensible_request_are_needed() {
    let model = model().await;
    let url = format!("{}/chat/completions", model.base_url());
    let nobody = http().post(&url).json(&request()).send().await.unwrap();
    assert_eq!(nobody.status(), 401);
    assert_eq!(nobody.json::<Value>().await.unwrap()["error"]["code"], "invalid_api_key");
    let wrong = http().post(&url).bearer_auth("sk-invalid-1").json(&request()).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    for broken in [json!({ "model": "m" }), json!({ "messages": [] }), json!([])] {
        assert_eq!(ask_raw(&model, &broken).await.status(), 400);
    }
    let models = format!("{}/models", model.base_url());
    assert_eq!(http().get(&models).send().await.unwrap().status(), 401);
    let list: Value = http().get(&models).bearer_auth("k").send().await.unwrap().json().await.unwrap();
    assert_eq!(list["data"][0]["id"], "simulated-1");
}

#[tokio::test]
async fn json_is_answered_when_json_is_wanted() {
    let model = model().await;
    let mut wanted = request();
    let schema = json!({ "type": "object", "properties": {
        "facts": { "type": "array", "items": { "type": "object" } },
        "title": { "type": "string" },
        "urgent": { "type": "boolean" },
        "mood": { "enum": ["calm", "angry"] },
    } });
    wanted["response_format"] = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
    let answer: Value = ask_raw(&model, &wanted).await.json().await.unwrap();
    let shaped: Value =
        serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&shaped["facts"], &shaped["urgent"], &shaped["mood"]),
        (&json!([]), &json!(false), &json!("calm"))
    );
    assert!(shaped["title"].as_str().unwrap().contains("14 March"));
}

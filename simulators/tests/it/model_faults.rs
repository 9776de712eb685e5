//! The model fails in every way a provider has been seen to fail.

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use simulators::{FaultKind, FaultRule, ModelSimulator};

use crate::harness::*;

async fn failing(kind: FaultKind) -> ModelSimulator {
    let model = model().await;
    model.faults().add(FaultRule::once("completions", kind));
    model
}

fn request(stream: bool) -> Value {
    let text = "The launch is on 14 March at nine in the Old Mill.";
    json!({ "model": "m", "stream": stream, "messages": [{ "role": "user", "content": text }] })
}

/// What arrives within a moment, and how it ended: `None` while the stream is still open.
async fn read_for_a_moment(answer: reqwest::Response) -> (String, Option<bool>) {
    let mut stream = answer.bytes_stream();
    let mut text = String::new();
    loop {
        match tokio::time::timeout(Duration::from_millis(300), stream.next()).await {
            Err(_) => return (text, None),
            Ok(None) => return (text, Some(true)),
            Ok(Some(Err(_))) => return (text, Some(false)),
            Ok(Some(Ok(bytes))) => text.push_str(&String::from_utf8_lossy(&bytes)),
        }
    }
}

#[tokio::test]
async fn status_and_retry_after() {
    let model = failing(FaultKind::Status { code: 429, retry_after: Some(7) }).await;
    let answer = ask_raw(&model, &request(false)).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(ask_raw(&model, &request(false)).await.status(), 200);
    assert_eq!(model.requests().len(), 2, "the refused call is kept too");
}

#[tokio::test]
async fn stalls_keep_the_connection_open() {
    let model = failing(FaultKind::StallBeforeFirstToken).await;
    let answer = ask_raw(&model, &request(true)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(read_for_a_moment(answer).await, (String::new(), None));

    let model = failing(FaultKind::StallAfterTokens(3)).await;
    let (text, end) = read_for_a_moment(ask_raw(&model, &request(true)).await).await;
    assert_eq!((text.matches("data: ").count(), end), (4, None), "the role and three pieces");
}

#[tokio::test]
async fn a_stream_that_breaks_is_an_error_not_an_end() {
    let model = failing(FaultKind::CloseMidStream(2)).await;
    let (text, end) = read_for_a_moment(ask_raw(&model, &request(true)).await).await;
    assert_eq!((text.matches("data: ").count(), end), (3, Some(false)));
    assert!(!text.contains("[DONE]"));

    let model = failing(FaultKind::CloseMidStream(2)).await;
    let (text, end) = read_for_a_moment(ask_raw(&model, &request(false)).await).await;
    assert_eq!((text.is_empty(), end), (false, Some(false)));
}

#[tokio::test]
async fn empty_garbage_and_errors_come_with_status_200() {
    let model = failing(FaultKind::Empty).await;
    let answer: Value = ask_raw(&model, &request(false)).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "");

    let model = failing(FaultKind::GarbageJson).await;
    assert!(ask_raw(&model, &request(false)).await.json::<Value>().await.is_err());
    let model = failing(FaultKind::GarbageJson).await;
    let (text, end) = read_for_a_moment(ask_raw(&model, &request(true)).await).await;
    let last = text.trim_end().rsplit("data: ").next().unwrap().to_owned();
    assert!(serde_json::from_str::<Value>(&last).is_err() && end == Some(true), "{text}");

    for stream in [false, true] {
        let model = failing(FaultKind::ErrorBodyWith200).await;
        let answer = ask_raw(&model, &request(stream)).await;
        assert_eq!(answer.status(), 200);
        assert!(answer.text().await.unwrap().contains("\"error\""));
    }
}

#[tokio::test]
async fn endless_ends_at_200_kilobytes() {
    let model = failing(FaultKind::Endless).await;
    let mut limited = request(true);
    limited["max_tokens"] = json!(10);
    let (text, end) = read_for_a_moment(ask_raw(&model, &limited).await).await;
    assert!(text.len() > 200_000 && end == Some(true), "{}", text.len());
    let model = failing(FaultKind::Endless).await;
    let answer: Value = ask_raw(&model, &request(false)).await.json().await.unwrap();
    let length = answer["choices"][0]["message"]["content"].as_str().unwrap().len();
    assert!((190_000..=200_000).contains(&length));
}

#[tokio::test]
async fn connections_drop_and_answers_come_late() {
    let model = failing(FaultKind::DropConnectionBefore).await;
    let url = format!("{}/chat/completions", model.base_url());
    let send =
        || http().post(&url).bearer_auth("k").timeout(Duration::from_millis(300)).json(&request(false)).send();
    assert!(send().await.is_err());
    assert_eq!(model.requests()[0].reply, None);
    model.faults().add(FaultRule::once("completions", FaultKind::DeliverThenTimeout(5_000)));
    assert!(send().await.unwrap_err().is_timeout());
    assert!(model.requests()[1].reply.is_some(), "it was worked out, and would be paid");
    assert!(send().await.is_ok());
}

#[tokio::test]
async fn one_model_can_fail_while_its_fallback_works() {
    let model = model().await;
    let down = FaultKind::Status { code: 503, retry_after: None };
    model.faults().add(FaultRule::always("completions", down).target("m"));
    let mut fallback = request(false);
    fallback["model"] = json!("fallback");
    assert_eq!(ask_raw(&model, &request(false)).await.status(), 503);
    assert_eq!(ask_raw(&model, &fallback).await.status(), 200);
}

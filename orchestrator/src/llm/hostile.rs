//! Providers that lie: what they count, who they say is speaking, and what they call an answer.

use std::time::Duration;

use async_openai::error::OpenAIError;
use futures::stream;
use serde_json::{Value, json};
use shared::{
    db::usage::{CallStatus, KeyOwner},
    ids::UsageId,
};
use tokio::time::Instant;

use super::{Attempt, Received, ledger_row, read};
use crate::{
    prompt::{Prompt, PromptMessage},
    reply::words::Words,
};

async fn heard(chunks: Vec<Value>) -> Result<Received, Attempt> {
    let chunks = chunks.into_iter().map(Ok::<_, OpenAIError>);
    read(stream::iter(chunks), Instant::now() + Duration::from_secs(5), &Words::default()).await
}

fn said(text: &str) -> Value {
    json!({ "choices": [{ "delta": { "content": text }, "finish_reason": "stop" }] })
}

/// Input and output tokens, and whether they are estimated.
async fn booked(usage: Value) -> (i64, i64, bool) {
    let Ok(received) = heard(vec![said("Twelve chars"), json!({ "choices": [], "usage": usage })]).await else {
        panic!("it is an answer");
    };
    let message = PromptMessage::new("user", "x".repeat(40));
    let prompt = Prompt { messages: vec![message], ..Prompt::default() };
    let call = ledger_row((UsageId::new(), KeyOwner::Platform, "m"), CallStatus::Ok, &prompt, &received);
    (call.input_tokens, call.output_tokens, call.estimated)
}

#[tokio::test]
async fn a_count_that_can_not_be_is_estimated_from_the_text() {
    assert_eq!(booked(json!({ "prompt_tokens": 7, "completion_tokens": 2 })).await, (7, 2, false));
    for lie in [
        Value::Null,
        json!({}),
        json!({ "prompt_tokens": -7, "completion_tokens": 2 }),
        json!({ "prompt_tokens": 7, "completion_tokens": -1 }),
        json!({ "prompt_tokens": 9_000_000_000_000_i64, "completion_tokens": 2 }),
        json!({ "prompt_tokens": 1e300, "completion_tokens": 2 }),
        json!({ "prompt_tokens": "7", "completion_tokens": "2" }),
        json!({ "prompt_tokens": u64::MAX, "completion_tokens": 2 }),
    ] {
        assert_eq!(booked(lie.clone()).await, (10, 3, true), "{lie}");
    }
}

#[tokio::test]
async fn an_error_in_a_good_answers_place_is_an_error_and_is_not_quoted() {
    let error = json!({ "error": { "message": "The prompt was: secret", "type": "server_error" } });
    let Err(attempt) = heard(vec![said("It is"), error]).await else { panic!("it is no answer") };
    assert!(attempt.reason.contains("server_error") && !attempt.reason.contains("secret"), "{}", attempt.reason);
    for nothing in [vec![], vec![json!({})], vec![json!([1, 2])], vec![json!("text")], vec![said("  ")]] {
        assert!(heard(nothing.clone()).await.is_err(), "{nothing:?}");
    }
}

/// Who a provider says is speaking changes nothing: it is the agent's text, and goes the way of all of it.
#[tokio::test]
async fn another_role_is_only_a_word() {
    for role in ["system", "user", "tool", "admin"] {
        let chunk =
            json!({ "choices": [{ "delta": { "role": role, "content": "Hello" }, "finish_reason": "stop" }] });
        assert_eq!(
            heard(vec![chunk]).await.map(|received| received.text).ok().as_deref(),
            Some("Hello"),
            "{role}"
        );
    }
}

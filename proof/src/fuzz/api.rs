//! What the API is sent: bodies and keys. A refusal is one sentence, and repeats no secret.

use gateway::testing;
use serde_json::Value;

/// Longest sentence a client is told.
const SENTENCE_MAX: usize = 400;

pub fn agent(body: &[u8]) {
    if told(testing::agent(body)) {
        let shape: Value = serde_json::from_slice(body).expect("what is taken is JSON");
        let name = shape["name"].as_str().expect("an agent has a name");
        assert!(!name.trim().is_empty() && name.chars().count() <= 80);
        assert!(!shape.to_string().contains("\\u0000"), "PostgreSQL refuses it");
    }
}

pub fn connection(body: &[u8]) {
    let answer = testing::connection(body);
    let sent: Option<Value> = serde_json::from_slice(body).ok();
    if let (Err(sentence), Some(sent)) = (&answer, &sent) {
        for secret in [&sent["bot_token"], &sent["signing_secret"]].into_iter().filter_map(Value::as_str) {
            assert!(secret.len() < 16 || !sentence.contains(secret), "a secret is repeated");
        }
    }
    if told(answer) {
        let token = sent.expect("what is taken is JSON")["bot_token"].as_str().map(str::to_owned);
        let token = token.expect("a connection has a token");
        assert!(token.trim().bytes().all(|byte| byte.is_ascii_graphic()), "it becomes a header");
    }
}

/// The value of an `Authorization` header.
pub fn key(input: &[u8]) {
    if let Some(key) = testing::bearer(input) {
        assert!(key.starts_with("kst_") && key.len() == 47, "{key:?}");
    }
}

fn told(answer: Result<(), String>) -> bool {
    if let Err(sentence) = &answer {
        assert!(!sentence.is_empty() && sentence.chars().count() <= SENTENCE_MAX, "{sentence:?}");
        assert!(!sentence.contains(char::is_control), "{sentence:?}");
    }
    answer.is_ok()
}

//! Tries a tenant's own model key before it is stored: one small question to the model it is meant for.

use std::time::Duration;

use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use crate::{
    dialect::{self, Dialect},
    egress::{self, Guard, Refusal},
    ids::LlmKeyId,
};

/// A person waits for it.
const TIMEOUT: Duration = Duration::from_secs(12);
/// Enough for models that refuse to say only one.
const TOKENS_MAX: u32 = 16;
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Tokens that the provider counted; `None` if it did not.
pub type Counted = Option<(i64, i64)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    #[error("{0}")]
    Address(Refusal),
    #[error("The provider does not accept this key.")]
    Key,
    #[error("The provider does not answer with this model (status {0}). Check `base_url` and `default_model`.")]
    Model(u16),
    #[error("The provider sent no answer that can be used. Check `base_url`.")]
    Nonsense,
    #[error("The provider did not answer. Nothing was stored; try again in a moment.")]
    Unavailable,
}

/// Asks, once more if the model wants to be asked in another way. Never inside a transaction.
pub async fn ask(guard: &Guard, base_url: &Url, key: &SecretString, model: &str) -> Result<Counted, Failed> {
    let (mut status, mut body) = asked(guard, base_url, key, (model, Dialect::default())).await?;
    if status == StatusCode::BAD_REQUEST
        && let Some(own) = own_dialect(&body)
    {
        (status, body) = asked(guard, base_url, key, (model, own)).await?;
    }
    judge(status, &body)
}

fn own_dialect(body: &[u8]) -> Option<Dialect> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let error = &answer["error"];
    Dialect::default().after_refusal(error["param"].as_str(), error["message"].as_str()?)
}

async fn asked(
    guard: &Guard,
    base_url: &Url,
    key: &SecretString,
    (model, dialect): (&str, Dialect),
) -> Result<(StatusCode, Vec<u8>), Failed> {
    let url = dialect::address(base_url, "/chat/completions");
    let client = guard.client(&url).map_err(Failed::Address)?;
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": "Say OK." }] });
    dialect.limit(&mut body, TOKENS_MAX, None);
    let (header, value) = dialect::authorization(base_url, key).ok_or(Failed::Key)?;
    let call = client.post(url).header(header, value).json(&body).timeout(TIMEOUT).send();
    let mut response = call.await.map_err(|error| unreachable(&error))?;
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(Failed::Nonsense);
        }
    }
    Ok((status, bytes))
}

fn unreachable(error: &reqwest::Error) -> Failed {
    if egress::leads_inside(error) { Failed::Address(Refusal::Private) } else { Failed::Unavailable }
}

fn judge(status: StatusCode, body: &[u8]) -> Result<Counted, Failed> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Failed::Key),
        StatusCode::TOO_MANY_REQUESTS => return Err(Failed::Unavailable),
        status if status.is_server_error() => return Err(Failed::Unavailable),
        status if !status.is_success() => return Err(Failed::Model(status.as_u16())),
        _ => {}
    }
    let answer: Value = serde_json::from_slice(body).map_err(|_| Failed::Nonsense)?;
    if !answer["choices"][0]["message"].is_object() {
        return Err(Failed::Nonsense);
    }
    let count = |name: &str| answer["usage"][name].as_i64().filter(|count| *count >= 0);
    Ok(count("prompt_tokens").zip(count("completion_tokens")))
}

/// What a key is known by: its last four characters, if that leaves most of it unsaid.
pub fn hint(key: &str) -> String {
    let length = key.chars().count();
    if length < 12 { String::new() } else { key.chars().skip(length - 4).collect() }
}

/// A row of the ledger for the question.
pub fn ledger_row(key: LlmKeyId, model: &str, counted: Counted) -> crate::db::usage::ModelCall {
    use crate::db::usage::{CallStatus, KeyOwner, ModelCall};
    let call = ModelCall::by(KeyOwner::Tenant(key), model, CallStatus::Ok);
    match counted {
        Some((input, output)) => {
            ModelCall { input_tokens: input, output_tokens: output, estimated: false, ..call }
        }
        None => ModelCall { input_tokens: 16, output_tokens: i64::from(TOKENS_MAX), ..call },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none_stores_no_key() {
        let judged =
            |status: u16, body: &str| judge(StatusCode::from_u16(status).expect("valid"), body.as_bytes());
        assert_eq!(judged(401, "{}"), Err(Failed::Key));
        assert_eq!(judged(404, "{}"), Err(Failed::Model(404)));
        assert_eq!(judged(302, ""), Err(Failed::Model(302)), "a redirect is not followed");
        assert_eq!(judged(503, ""), Err(Failed::Unavailable));
        assert_eq!(judged(200, r#"{"error": {"code": 1}}"#), Err(Failed::Nonsense));
        assert_eq!(judged(200, "<html>"), Err(Failed::Nonsense));
        let negative = r#"{"choices": [{"message": {}}], "usage": {"prompt_tokens": -1, "completion_tokens": 3}}"#;
        assert_eq!(judged(200, negative), Ok(None));
    }

    #[test]
    fn a_short_key_is_not_given_away_by_its_hint() {
        assert_eq!(hint("sk-proj-0123456789abcd"), "abcd");
        assert_eq!(hint("secret1234"), "");
    }
}

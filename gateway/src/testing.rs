//! What reads strangers' bytes, for the fuzz targets of `proof` (feature "testing").
//!
//! A door instead of public modules: the product itself needs none of this from outside.

use axum::{
    Json,
    body::Bytes,
    extract::Query,
    http::{HeaderMap, Uri, request::Parts},
};
use serde::de::DeserializeOwned;

pub use crate::webhooks::{
    slack_event::{Envelope, Kept, Unreadable, normalize, parse},
    slack_text::{mentions, of_blocks, to_plain, with_files, without_lone_surrogates},
};
use crate::{
    auth,
    error::ApiError,
    portal::{agents, connections},
    webhooks::slack,
};

/// Whether the signature's headers are such that the body is looked at.
pub fn reads_signature(headers: &HeaderMap, now: i64) -> bool {
    slack::Signature::read(headers, now).is_ok()
}

/// The connection that the address of a request names.
pub fn addressee(uri: &Uri) -> bool {
    Query::<slack::Addressee>::try_from_uri(uri).is_ok()
}

/// The key of a request to the API, if it may be one.
pub fn bearer(parts: &Parts) -> Option<&str> {
    auth::bearer(parts)
}

/// Whether these bytes shape an agent; otherwise the sentence the client is told.
pub fn agent(body: &[u8]) -> Result<(), String> {
    let shape = json(body)?;
    agents::check(&shape).map_err(told)
}

/// Whether these bytes connect a channel, as far as nobody else has to be asked.
pub fn connection(body: &[u8]) -> Result<(), String> {
    let connections::Connect::Slack { bot_token, app_id, signing_secret } = json(body)?;
    connections::checked_token(&bot_token).map_err(told)?;
    connections::own_app(app_id, signing_secret).map(|_| ()).map_err(told)
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let Json(value) = Json::from_bytes(&Bytes::copy_from_slice(body)).map_err(|refusal| told(refusal.into()))?;
    Ok(value)
}

fn told(error: ApiError) -> String {
    error.to_string()
}

//! The body of a webhook: all of its raw bytes, within a size and a time, before anything looks at them.

use std::{error::Error, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, header},
};
use http_body_util::LengthLimitError;

use super::refusal::Refusal;

/// At most `max` bytes that arrive `within` a time. One that is announced to be longer is not read at all.
pub async fn read(headers: &HeaderMap, body: Body, max: usize, within: Duration) -> Result<Bytes, Refusal> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(Refusal::TooLarge(max));
    }
    match tokio::time::timeout(within, to_bytes(body, max)).await {
        Ok(Ok(raw)) => Ok(raw),
        Ok(Err(error)) if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) => {
            Err(Refusal::TooLarge(max))
        }
        Ok(Err(_)) => Err(Refusal::Malformed("The body ended early.")),
        Err(_) => Err(Refusal::TooSlow(within)),
    }
}

pub fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| {
        kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    })
}

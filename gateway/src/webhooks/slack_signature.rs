//! Slack's signature over the raw bytes of a request, and how long it is good for.

use axum::http::HeaderMap;
use shared::crypto::verify_hmac_hex;

use super::slack::Refusal;

/// Older or newer requests may be replays.
const CLOCK_TOLERANCE_SECONDS: i64 = 300;

/// The two headers, with the timestamp already judged.
pub struct Signature {
    timestamp: String,
    hex: Vec<u8>,
}

impl Signature {
    pub fn read(headers: &HeaderMap, now: i64) -> Result<Self, Refusal> {
        let timestamp = single(headers, "x-slack-request-timestamp")?;
        let seconds: i64 = timestamp.parse().map_err(|_| Refusal::Forged)?;
        if now.abs_diff(seconds) > CLOCK_TOLERANCE_SECONDS.unsigned_abs() {
            return Err(Refusal::Forged);
        }
        let hex = single(headers, "x-slack-signature")?.strip_prefix("v0=").ok_or(Refusal::Forged)?;
        Ok(Self { timestamp: timestamp.to_owned(), hex: hex.as_bytes().to_vec() })
    }

    pub(super) fn fits(&self, secret: &str, raw: &[u8]) -> bool {
        // A blank secret would make the signature anybody's.
        !secret.trim().is_empty()
            && verify_hmac_hex(secret.as_bytes(), &[b"v0:", self.timestamp.as_bytes(), b":", raw], &self.hex)
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).ok_or(Refusal::Forged)?;
    if values.next().is_some() { Err(Refusal::Forged) } else { Ok(value) }
}

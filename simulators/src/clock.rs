//! The time of day, read in this one place.
//!
//! Simulators stand outside the product, so they use the real clock even when a test moves the product's.

use std::time::{SystemTime, UNIX_EPOCH};

#[expect(
    clippy::disallowed_methods,
    reason = "a simulated provider keeps the real time, whatever the product's clock says"
)]
pub(crate) fn now_micros() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn now_ms() -> u64 {
    now_micros() / 1_000
}

pub(crate) fn now_seconds() -> i64 {
    i64::try_from(now_micros() / 1_000_000).unwrap_or(i64::MAX)
}

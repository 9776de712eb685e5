//! What was signed by a provider, and is nobody's or can't be read: put aside for an operator to look at. The sender is told
//! 200, for sending it again would not help.

use std::sync::{Arc, atomic::Ordering};

use axum::body::Bytes;
use shared::db::{DbError, inbox};

use crate::Gateway;

/// Of one kind and one sender: what is kept, a minute.
const SAMPLES_MAX: u32 = 20;
pub const KEPT: &str = "quarantined";
const DROPPED: &str = "dropped";

/// What is put aside, and why.
pub struct Odd {
    pub provider: &'static str,
    pub reason: &'static str,
    /// Whose it might be, as far as it says; floods are told apart by it.
    pub of: String,
}

/// Keeps the first ones of a kind: a flood must cost little, and the rest would tell nothing new. Says how it is counted.
pub async fn sample(gateway: &Gateway, odd: Odd, raw: Bytes) -> Result<&'static str, DbError> {
    let count = gateway.samples.get_with((odd.reason, odd.of.clone()), async { Arc::default() }).await;
    if count.fetch_add(1, Ordering::Relaxed) >= SAMPLES_MAX {
        return Ok(DROPPED);
    }
    keep(gateway, (odd.provider, odd.reason), raw).await
}

/// Keeps it, however many there are.
pub async fn keep(
    gateway: &Gateway,
    (provider, reason): (&'static str, &'static str),
    raw: Bytes,
) -> Result<&'static str, DbError> {
    let system = gateway.db.system();
    // Shielded: the sender may hang up while it is being written.
    let stored = tokio::spawn(async move { inbox::quarantine(&system, provider, reason, &raw).await });
    stored.await.map_err(|_| DbError::Damaged("a webhook could not be put aside".into()))??;
    Ok(KEPT)
}

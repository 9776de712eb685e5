//! What was signed by a provider, and is nobody's or can't be read: put aside for an operator to look at. The sender is told
//! 200, for sending it again would not help.

use std::sync::{Arc, atomic::Ordering};

use axum::body::Bytes;
use shared::{
    db::{DbError, inbox},
    ids::TenantId,
};

use super::refusal::Refusal;
use crate::Gateway;

/// Of one kind and one sender: what is kept, a minute.
const SAMPLES_MAX: u32 = 20;
/// Of one tenant: what the database refuses and is kept, a minute.
const REFUSED_MAX: u32 = 100;
/// Why something is put aside that could not be stored for what it is.
const REFUSED: &str = "the database refuses it";
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
    write(gateway, None, (provider, reason), raw).await?;
    Ok(KEPT)
}

/// What is a tenant's, and the database refuses for what it is: nobody else has it, so all of it is kept, once. A tenant that
/// is sent more than fits a minute has the sender come again with the rest: what is kept by then no longer counts.
pub async fn refused(
    gateway: &Gateway,
    provider: &'static str,
    tenant: TenantId,
    raw: Bytes,
) -> Result<&'static str, Refusal> {
    let count = gateway.samples.get_with((REFUSED, tenant.to_string()), async { Arc::default() }).await;
    if count.load(Ordering::Relaxed) >= REFUSED_MAX {
        tracing::warn!(%tenant, "More than fits a minute is refused by the database; the sender is to come again");
        return Err(Refusal::Unavailable);
    }
    if write(gateway, Some(tenant), (provider, REFUSED), raw).await? {
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(KEPT)
}

async fn write(
    gateway: &Gateway,
    of: Option<TenantId>,
    (provider, reason): (&'static str, &'static str),
    raw: Bytes,
) -> Result<bool, DbError> {
    let system = gateway.db.system();
    // Shielded: the sender may hang up while it is being written.
    let stored = tokio::spawn(async move { inbox::quarantine(&system, of, (provider, reason), &raw).await });
    stored.await.map_err(|_| DbError::Damaged("a webhook could not be put aside".into()))?
}

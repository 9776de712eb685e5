//! Room for turns: how many a process works on at a time, and how many of them may be one tenant's.
//!
//! Most of a turn is waiting for a model. Without the second limit, one tenant whose model hangs would sit on every place
//! while the others wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use shared::ids::TenantId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

const TURNS_MAX: usize = 32;
const TURNS_OF_A_TENANT_MAX: usize = 24;
/// How long a look that found nothing is believed.
const QUIET: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub struct Places {
    free: Arc<Semaphore>,
    taken: Arc<Mutex<HashMap<TenantId, usize>>>,
    /// There is something to claim that nobody wakes us for.
    look: Arc<Notify>,
    /// A tenant that had all its places has one free.
    freed: Arc<Notify>,
}

/// Nobody but the tenants that had all their places had work when it was looked last. With each place that one of them is given
/// again, the others need not be asked.
#[derive(Default)]
pub struct Quiet {
    since: Option<(Vec<TenantId>, Instant)>,
}

impl Quiet {
    /// A look found nothing beside these.
    pub fn begin(&mut self, full: Vec<TenantId>) {
        self.since = Some((full, Instant::now()));
    }

    /// Somebody may have work.
    pub fn end(&mut self) {
        self.since = None;
    }

    /// For how long there is no need to look again, while the same tenants are full.
    pub fn rest(&self, full: &[TenantId]) -> Option<Duration> {
        let (_, since) = self.since.as_ref().filter(|(known, _)| !known.is_empty() && known == full)?;
        QUIET.checked_sub(since.elapsed())
    }
}

/// Room for one turn, until dropped.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    places: Places,
    tenant: TenantId,
}

impl Places {
    pub fn new() -> Self {
        Self {
            free: Arc::new(Semaphore::new(TURNS_MAX)),
            taken: Arc::default(),
            look: Arc::default(),
            freed: Arc::default(),
        }
    }

    /// Waits for room, whose ever it will be.
    pub async fn room(&self) -> OwnedSemaphorePermit {
        self.free.clone().acquire_owned().await.expect("nobody closes it")
    }

    pub fn give(&self, permit: OwnedSemaphorePermit, tenant: TenantId) -> Place {
        *self.taken().entry(tenant).or_default() += 1;
        Place { _permit: permit, places: self.clone(), tenant }
    }

    /// Tenants that have all they may have, in the order of their ids.
    pub fn full(&self) -> Vec<TenantId> {
        let taken = self.taken();
        let full = taken.iter().filter(|(_, count)| **count >= TURNS_OF_A_TENANT_MAX);
        let mut full: Vec<_> = full.map(|(tenant, _)| *tenant).collect();
        full.sort_unstable();
        full
    }

    /// More waits in a conversation that was just let go.
    pub fn look_again(&self) {
        self.look.notify_one();
    }

    pub async fn asked_to_look(&self) {
        self.look.notified().await;
    }

    /// Waits for a place of a tenant that had all of them.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Waits until every place is free again.
    pub async fn emptied(&self) {
        let all = u32::try_from(TURNS_MAX).expect("a small number");
        // Closed by nobody; the permits are given back at once.
        let _ = self.free.acquire_many(all).await;
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<TenantId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        let count = taken.remove(&self.tenant).unwrap_or_default();
        if count >= TURNS_OF_A_TENANT_MAX {
            self.places.freed.notify_one();
        }
        if count > 1 {
            taken.insert(self.tenant, count - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_tenant_never_has_all_places_and_the_next_claim_comes_when_it_gives_one_back() {
        let (places, busy) = (Places::new(), TenantId::new());
        let mut held = Vec::new();
        while places.full().is_empty() {
            held.push(places.give(places.room().await, busy));
        }
        assert_eq!((held.len(), places.full()), (TURNS_OF_A_TENANT_MAX, vec![busy]));
        assert!(places.room().now_or_never().is_some(), "there is room for others");
        assert!(places.freed().now_or_never().is_none());
        held.pop();
        assert!(places.freed().now_or_never().is_some() && places.full().is_empty());
        held.clear();
        assert!(places.taken().is_empty() && places.emptied().now_or_never().is_some());
    }

    #[test]
    fn a_look_that_found_nothing_is_believed_while_the_same_tenants_are_full() {
        let (busy, other) = (TenantId::new(), TenantId::new());
        let mut quiet = Quiet::default();
        assert_eq!(quiet.rest(&[busy]), None, "nobody has looked");
        quiet.begin(vec![busy]);
        assert!(quiet.rest(&[busy]).is_some_and(|rest| rest <= QUIET));
        assert_eq!(quiet.rest(&[]), None, "the busy one has a place for what waits");
        assert_eq!(quiet.rest(&[busy, other]), None, "it was looked for work of the other one, too");
        quiet.end();
        assert_eq!(quiet.rest(&[busy]), None, "somebody told of work");
        quiet.begin(Vec::new());
        assert_eq!(quiet.rest(&[]), None, "without a full tenant, every look is for all");
    }
}

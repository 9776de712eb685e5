//! Room for turns: how many a process works on at a time, and how many of them may be one tenant's.
//!
//! Most of a turn is waiting for a model. Without the second limit, one tenant whose model hangs would sit on every place
//! while the others wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use shared::ids::TenantId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

const TURNS_MAX: usize = 32;
const TURNS_OF_A_TENANT_MAX: usize = 24;

#[derive(Clone)]
pub struct Places {
    free: Arc<Semaphore>,
    taken: Arc<Mutex<HashMap<TenantId, usize>>>,
    /// There is something to claim that nobody wakes us for.
    look: Arc<Notify>,
}

/// Room for one turn, until dropped.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    places: Places,
    tenant: TenantId,
}

impl Places {
    pub fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(TURNS_MAX)), taken: Arc::default(), look: Arc::default() }
    }

    /// Waits for room, whose ever it will be.
    pub async fn room(&self) -> OwnedSemaphorePermit {
        self.free.clone().acquire_owned().await.expect("nobody closes it")
    }

    pub fn give(&self, permit: OwnedSemaphorePermit, tenant: TenantId) -> Place {
        *self.taken().entry(tenant).or_default() += 1;
        Place { _permit: permit, places: self.clone(), tenant }
    }

    /// Tenants that have all they may have.
    pub fn full(&self) -> Vec<TenantId> {
        let taken = self.taken();
        taken.iter().filter(|(_, count)| **count >= TURNS_OF_A_TENANT_MAX).map(|(tenant, _)| *tenant).collect()
    }

    /// More waits in a conversation that was just let go.
    pub fn look_again(&self) {
        self.look.notify_one();
    }

    pub async fn asked_to_look(&self) {
        self.look.notified().await;
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
            self.places.look_again();
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
        assert!(places.asked_to_look().now_or_never().is_none());
        held.pop();
        assert!(places.asked_to_look().now_or_never().is_some() && places.full().is_empty());
        held.clear();
        assert!(places.taken().is_empty() && places.emptied().now_or_never().is_some());
    }
}

//! How providers are: who wants to be left alone, who fails again and again, and how a model wants to be asked.
//!
//! Kept for each key, so that one tenant's provider says nothing about another's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use shared::{db::usage::KeyOwner, dialect::Dialect};
use tokio::time::Instant;

use crate::llm::Attempt;

/// So many failures in a row, and a provider is let alone.
const FAILURES_MAX: u32 = 5;
/// For this long; then one call tries it.
const BROKEN_FOR: Duration = Duration::from_secs(5);
/// What was known of a provider that nobody asks is forgotten.
const KEPT: Duration = Duration::from_secs(3_600);

#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Until when a model wants to be left alone.
    resting: HashMap<(KeyOwner, String), Instant>,
    failures: HashMap<KeyOwner, Failures>,
    dialects: HashMap<(KeyOwner, String), Dialect>,
}

struct Failures {
    in_a_row: u32,
    last: Instant,
    /// Nobody but the one who tries.
    shut_until: Instant,
}

/// How long to wait before a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    pub pause: Duration,
    /// Because it fails, not because it asked for a pause.
    pub broken: bool,
}

impl Health {
    /// Whoever is told to wait for nothing at a broken provider is the one who tries it.
    pub fn rest_of(&self, owner: KeyOwner, model: &str) -> Rest {
        self.rest_at(Instant::now(), owner, model)
    }

    fn rest_at(&self, now: Instant, owner: KeyOwner, model: &str) -> Rest {
        let mut known = self.lock();
        let asked = known.resting.get(&(owner, model.to_owned()));
        let pause = asked.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let Some(failures) = known.failures.get_mut(&owner).filter(|known| known.in_a_row >= FAILURES_MAX) else {
            return Rest { pause, broken: false };
        };
        let shut = failures.shut_until.saturating_duration_since(now);
        if shut.is_zero() {
            failures.shut_until = now + BROKEN_FOR;
        }
        Rest { pause: pause.max(shut), broken: shut > pause }
    }

    pub fn note(&self, owner: KeyOwner, model: &str, failure: Option<&Attempt>) {
        self.note_at(Instant::now(), owner, model, failure);
    }

    fn note_at(&self, now: Instant, owner: KeyOwner, model: &str, failure: Option<&Attempt>) {
        let mut known = self.lock();
        known.resting.retain(|_, until| *until > now);
        known.failures.retain(|_, failures| now.saturating_duration_since(failures.last) < KEPT);
        match failure {
            None => {
                known.failures.remove(&owner);
            }
            Some(Attempt { rest: Some(pause), .. }) => {
                known.resting.insert((owner, model.to_owned()), now + *pause);
            }
            // What is wrong with the request says nothing about the provider.
            Some(Attempt { again: false, .. }) => {}
            Some(_) => {
                let failures =
                    known.failures.entry(owner).or_insert(Failures { in_a_row: 0, last: now, shut_until: now });
                (failures.in_a_row, failures.last) = (failures.in_a_row.saturating_add(1), now);
                if failures.in_a_row >= FAILURES_MAX {
                    failures.shut_until = now + BROKEN_FOR;
                }
            }
        }
    }

    /// How a model wants to be asked, as far as it has said.
    pub fn dialect(&self, owner: KeyOwner, model: &str) -> Dialect {
        self.lock().dialects.get(&(owner, model.to_owned())).copied().unwrap_or_default()
    }

    /// Known until the process ends.
    pub fn learn(&self, owner: KeyOwner, model: &str, learned: Dialect) {
        let mut known = self.lock();
        let dialect = known.dialects.entry((owner, model.to_owned())).or_default();
        *dialect = dialect.and(learned);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use shared::{db::usage::CallStatus, ids::LlmKeyId};

    use super::*;
    use crate::llm::Received;

    fn failure(again: bool, rest: Option<Duration>) -> Attempt {
        Attempt {
            reason: String::new(),
            status: CallStatus::Failed,
            again,
            hung: false,
            rest,
            own: None,
            received: Received::default(),
        }
    }

    #[test]
    fn a_provider_that_fails_again_and_again_is_let_alone_and_then_tried_by_one() {
        let (health, theirs) = (Health::default(), KeyOwner::Tenant(LlmKeyId::new()));
        let now = Instant::now();
        for _ in 0..FAILURES_MAX {
            assert!(health.rest_at(now, theirs, "m").pause.is_zero());
            health.note_at(now, theirs, "m", Some(&failure(true, None)));
        }
        assert_eq!(health.rest_at(now, theirs, "m"), Rest { pause: BROKEN_FOR, broken: true });
        assert!(health.rest_at(now, KeyOwner::Platform, "m").pause.is_zero(), "others are not concerned");
        let later = now + BROKEN_FOR;
        assert!(health.rest_at(later, theirs, "m").pause.is_zero(), "one tries it");
        assert!(health.rest_at(later, theirs, "m").broken, "the others wait for what comes of it");
        health.note_at(later, theirs, "m", None);
        assert!(health.rest_at(later, theirs, "m").pause.is_zero());
    }

    #[test]
    fn a_pause_that_was_asked_for_is_kept_for_its_model() {
        let (health, now) = (Health::default(), Instant::now());
        let busy = failure(true, Some(Duration::from_secs(30)));
        health.note_at(now, KeyOwner::Platform, "m", Some(&busy));
        assert_eq!(health.rest_at(now, KeyOwner::Platform, "m").pause, Duration::from_secs(30));
        assert!(health.rest_at(now, KeyOwner::Platform, "other").pause.is_zero());
        for _ in 0..10 {
            health.note_at(now, KeyOwner::Platform, "other", Some(&failure(false, None)));
        }
        assert!(!health.rest_at(now, KeyOwner::Platform, "other").broken, "bad requests break nothing");
    }
}

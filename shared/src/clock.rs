//! Time as an input, so that tests can move it. Leases use PostgreSQL's clock instead: processes may disagree.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use time::{Duration, OffsetDateTime};

#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_ms: Option<Arc<AtomicI64>>,
}

impl Clock {
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that starts at the system's time and can be moved by [`Clock::advance`].
    pub fn adjustable() -> Self {
        Self { offset_ms: Some(Arc::default()) }
    }

    /// Moves every clone of this clock; does nothing on the system's.
    pub fn advance(&self, by: Duration) {
        if let Some(offset) = &self.offset_ms {
            offset.fetch_add(i64::try_from(by.whole_milliseconds()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }

    pub fn now(&self) -> OffsetDateTime {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's time")]
        let now = OffsetDateTime::now_utc();
        match &self.offset_ms {
            Some(offset) => now + Duration::milliseconds(offset.load(Ordering::Relaxed)),
            None => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_move_together() {
        let clock = Clock::adjustable();
        let clone = clock.clone();
        let before = clone.now();
        clock.advance(Duration::days(1));
        assert!(clone.now() - before >= Duration::days(1));
    }
}

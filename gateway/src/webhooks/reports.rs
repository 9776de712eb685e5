//! How our messages fared, told in many requests and recorded together.
//!
//! A platform tells of a message three times within a moment, in requests of their own. Each would wait for the row that the
//! one before it holds until its commit; while one is under way, what comes for the same tenant shares the next.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use shared::{
    channels::whatsapp_codes,
    db::{
        DbError, TenantDb,
        deliveries::{self, Status},
    },
    ids::{ConnectionId, TenantId},
};
use tokio::sync::oneshot;

/// Requests that share one transaction at most.
const BATCH_MAX: usize = 64;

pub type Report = (ConnectionId, Status);

struct Waiting {
    reports: Vec<Report>,
    answer: oneshot::Sender<bool>,
}

/// By tenant, while something of it is under way.
type Queues = Arc<Mutex<HashMap<TenantId, Vec<Waiting>>>>;

#[derive(Clone, Default)]
pub struct Reports(Queues);

impl Reports {
    /// Returns once they are on disk. `false`: those that went together are not, and each may be tried by itself, to see whose
    /// fault it is. A caller that goes away stops nothing.
    pub async fn record(&self, db: &TenantDb, reports: Vec<Report>) -> bool {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { reports, answer };
        let is_first = {
            let mut queues = queues(&self.0);
            let known = queues.contains_key(&db.id());
            queues.entry(db.id()).or_default().push(waiting);
            !known
        };
        if is_first {
            tokio::spawn(Leader { queues: self.0.clone(), db: db.clone(), is_done: false }.run());
        }
        answered.await.unwrap_or(false)
    }
}

fn queues(queues: &Queues) -> MutexGuard<'_, HashMap<TenantId, Vec<Waiting>>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records what waits until nothing does.
struct Leader {
    queues: Queues,
    db: TenantDb,
    is_done: bool,
}

impl Leader {
    async fn run(mut self) {
        while let Some(batch) = self.next() {
            let (reports, answers): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|waiting| (waiting.reports, waiting.answer)).unzip();
            let recorded = self.record(&reports.concat()).await;
            if let Err(error) = &recorded {
                tracing::debug!(%error, "Reports about messages are recorded one by one");
            }
            for answer in answers {
                // The request may be gone.
                let _ = answer.send(recorded.is_ok());
            }
        }
    }

    /// `None`: nothing waits, and the next one leads anew.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queues = queues(&self.queues);
        let waiting = queues.get_mut(&self.db.id()).filter(|waiting| !waiting.is_empty());
        let Some(waiting) = waiting else {
            queues.remove(&self.db.id());
            self.is_done = true;
            return None;
        };
        Some(waiting.drain(..waiting.len().min(BATCH_MAX)).collect())
    }

    async fn record(&self, reports: &[Report]) -> Result<(), DbError> {
        let mut tx = self.db.begin_for_all_audiences().await?;
        deliveries::record(&mut tx, reports, pause).await?;
        tx.commit().await
    }
}

/// If it dies, who waits tries by itself.
impl Drop for Leader {
    fn drop(&mut self) {
        if !self.is_done {
            queues(&self.queues).remove(&self.db.id());
        }
    }
}

/// After which time a failure is worth another try.
pub fn pause(status: &Status) -> Option<Duration> {
    whatsapp_codes::pause_after_failure(i64::from(status.error_code?))
}

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
use tokio::{sync::oneshot, time::timeout};

/// Requests that share one transaction at most.
const BATCH_MAX: usize = 64;
/// Of one transaction, so that platforms have their answer in time also when the database is away.
const DEADLINE: Duration = Duration::from_secs(2);

pub type Report = (ConnectionId, Status);

struct Waiting {
    reports: Vec<Report>,
    answer: oneshot::Sender<Result<bool, DbError>>,
}

/// By tenant, while something of it is under way.
type Queues = Arc<Mutex<HashMap<TenantId, Vec<Waiting>>>>;

#[derive(Clone, Default)]
pub struct Reports(Queues);

impl Reports {
    /// Returns once they are on disk. `false`: those that went together are not, and each is to be tried by itself, to see whose
    /// fault it is. An error: the database is away, and a try by itself would take as long again. A caller that goes away
    /// stops nothing.
    pub async fn record(&self, db: &TenantDb, reports: Vec<Report>) -> Result<bool, DbError> {
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
        answered.await.unwrap_or(Ok(false))
    }
}

fn queues(queues: &Queues) -> MutexGuard<'_, HashMap<TenantId, Vec<Waiting>>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take(queues: &mut HashMap<TenantId, Vec<Waiting>>, tenant: TenantId, at_most: usize) -> Vec<Waiting> {
    let Some(waiting) = queues.get_mut(&tenant) else { return Vec::new() };
    waiting.drain(..waiting.len().min(at_most)).collect()
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
            let (reports, mut answers): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|waiting| (waiting.reports, waiting.answer)).unzip();
            let reports: Vec<Report> = reports.into_iter().flatten().collect();
            let recorded = self.record(&reports).await;
            if let Err(error) = &recorded {
                tracing::debug!(%error, "Reports about messages can't be recorded together");
            }
            // Who came while the database was found to be away has waited for that, too.
            if told(&recorded).is_err() {
                answers.extend(
                    take(&mut queues(&self.queues), self.db.id(), usize::MAX)
                        .into_iter()
                        .map(|waiting| waiting.answer),
                );
            }
            for answer in answers {
                // The request may be gone.
                let _ = answer.send(told(&recorded));
            }
        }
    }

    /// `None`: nothing waits, and the next one leads anew.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queues = queues(&self.queues);
        let batch = take(&mut queues, self.db.id(), BATCH_MAX);
        if batch.is_empty() {
            queues.remove(&self.db.id());
            self.is_done = true;
            return None;
        }
        Some(batch)
    }

    async fn record(&self, reports: &[Report]) -> Result<(), DbError> {
        let recording = async {
            let mut tx = self.db.begin_for_all_audiences().await?;
            deliveries::record(&mut tx, reports, pause).await?;
            tx.commit().await
        };
        timeout(DEADLINE, recording).await.unwrap_or_else(|_| Err(DbError::timed_out()))
    }
}

/// As each of those that went together is told.
fn told(recorded: &Result<(), DbError>) -> Result<bool, DbError> {
    match recorded {
        Ok(()) => Ok(true),
        Err(error) if error.is_about_a_row() => Ok(false),
        Err(error) => Err(error.for_another()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_tries_by_themselves_what_no_database_takes() {
        assert!(matches!(told(&Err(sqlx::Error::PoolTimedOut.into())), Err(error) if error.is_unavailable()));
        assert!(matches!(told(&Ok(())), Ok(true)));
    }
}

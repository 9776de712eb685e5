//! Every periodic job, on one page. All of them may run in several workers at once.

use std::time::Duration;

use shared::{
    db::{Db, system},
    queue,
};
use tokio_util::sync::CancellationToken;

const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

pub async fn run(db: Db, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        // Conversations with unfinished messages that nobody would look at.
        match system::sweep_lanes(&db.system()).await {
            Ok(0) => {}
            Ok(lanes) => tracing::warn!(lanes, "Conversations were put back into the queue"),
            Err(error) => tracing::warn!(%error, "The lanes could not be swept"),
        }
        // Jobs whose wake-up was lost.
        match queue::sweep(&db).await {
            Ok(0) => {}
            Ok(jobs) => tracing::warn!(jobs, "Jobs were woken again"),
            Err(error) => tracing::warn!(%error, "The jobs could not be swept"),
        }
    }
}

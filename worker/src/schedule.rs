//! Every periodic job, on one page. All of them may run in several workers at once.

use std::time::Duration;

use shared::{
    db::{Db, DbError, escalations, rotations, system},
    jobs::Job,
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
        // Tokens that run out.
        match renew_due(&db).await {
            Ok(0) => {}
            Ok(tokens) => tracing::info!(tokens, "Tokens are about to be renewed"),
            Err(error) => tracing::warn!(%error, "The tokens could not be looked through"),
        }
        // People who wait for a human.
        match remind_due(&db).await {
            Ok(0) => {}
            Ok(waiting) => tracing::warn!(waiting, "People still wait for a human"),
            Err(error) => tracing::warn!(%error, "The escalations could not be looked through"),
        }
        // Jobs whose wake-up was lost.
        match queue::sweep(&db).await {
            Ok(0) => {}
            Ok(jobs) => tracing::warn!(jobs, "Jobs were woken again"),
            Err(error) => tracing::warn!(%error, "The jobs could not be swept"),
        }
    }
}

/// Enqueues a job for each token that wants to be renewed; returns how many. What fails is due again in a while.
pub async fn renew_due(db: &Db) -> Result<usize, DbError> {
    let mut count = 0;
    for (tenant, connection) in system::tokens_to_renew(&db.system()).await? {
        let mut tx = db.tenant(tenant).begin().await?;
        if rotations::take_due(&mut tx, connection).await? {
            queue::enqueue(&mut tx, &Job::RefreshToken { connection }).await?;
            count += 1;
        }
        tx.commit().await?;
    }
    Ok(count)
}

/// Reminds of each escalation that nobody has taken in time, once; returns how many.
pub async fn remind_due(db: &Db) -> Result<usize, DbError> {
    let mut count = 0;
    for (tenant, escalation) in system::escalations_due(&db.system()).await? {
        let mut tx = db.tenant(tenant).begin().await?;
        count += usize::from(escalations::remind(&mut tx, escalation).await?);
        tx.commit().await?;
    }
    Ok(count)
}

//! Every minute, a signed copy of the heads of the audit logs that have grown, outside of the database.

use std::{collections::HashMap, time::Duration};

use shared::{
    checkpoints::{Checkpoint, Checkpoints},
    clock::Clock,
    db::{Db, DbError, system},
    ids::TenantId,
    storage::StorageError,
};
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_secs(60);
/// Who could not keep one for so long is told about as an error.
const ALARM: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

pub async fn run(db: Db, checkpoints: Checkpoints, clock: Clock, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut kept, mut last) = (HashMap::new(), tokio::time::Instant::now());
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        match keep_grown(&db, &checkpoints, &clock, &mut kept).await {
            Ok(_) => last = tokio::time::Instant::now(),
            Err(error) if last.elapsed() >= ALARM => {
                tracing::error!(%error, "No checkpoint of the audit logs could be kept for more than five minutes");
            }
            Err(error) => {
                tracing::warn!(%error, "No checkpoint of the audit logs could be kept; the next one holds more")
            }
        }
        metrics::gauge!("konstruct_audit_checkpoint_age_seconds").set(last.elapsed().as_secs_f64());
    }
}

/// Keeps the heads that `kept` does not know; returns how many. What fails is in the next one: a later head vouches for all
/// rows before it.
pub async fn keep_grown(
    db: &Db,
    checkpoints: &Checkpoints,
    clock: &Clock,
    kept: &mut HashMap<TenantId, i64>,
) -> Result<usize, KeepError> {
    let (mut grown, mut after, at) = (Vec::new(), None, clock.now());
    loop {
        let heads = system::audit_heads(&db.system(), after).await?;
        let Some((last, ..)) = heads.last() else { break };
        after = Some(*last);
        for (tenant_id, n, hash) in heads {
            if kept.get(&tenant_id).is_none_or(|known| *known < n) {
                grown.push(Checkpoint { tenant_id, n, hash, at });
            }
        }
    }
    if !grown.is_empty() {
        checkpoints.keep(&grown, at).await?;
        kept.extend(grown.iter().map(|checkpoint| (checkpoint.tenant_id, checkpoint.n)));
    }
    Ok(grown.len())
}

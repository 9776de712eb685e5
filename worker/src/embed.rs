//! Gives memories their vectors, in batches, tenant by tenant. Two workers may embed the same row; the result is the same.

use std::time::Duration;

use shared::{
    crash,
    db::{Db, DbError, system, vectors},
    embedding::Embedder,
    ids::TenantId,
    live::Wakeups,
};
use tokio_util::sync::CancellationToken;

/// Texts of one tenant embedded between two looks at the others; the model cuts its batches by tokens.
const BATCH_MAX: i64 = 64;
/// Without a wake-up: how often to look.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A message is stored a moment after its wake-up; several quick ones make one batch.
const GATHER: Duration = Duration::from_millis(150);
const ERROR_PAUSE: Duration = Duration::from_secs(2);

pub async fn run(db: Db, embedder: Embedder, wakeups: Wakeups, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        match embed_waiting(&db, &embedder).await {
            Ok(0) => {
                let idle = async {
                    wakeups.next(LOOK_INTERVAL).await;
                    tokio::time::sleep(GATHER).await;
                };
                stopping.run_until_cancelled(idle).await;
            }
            Ok(count) => metrics::counter!("konstruct_embedded_total").increment(count as u64),
            Err(error) => {
                tracing::warn!(%error, "Memories could not be embedded");
                stopping.run_until_cancelled(tokio::time::sleep(ERROR_PAUSE)).await;
            }
        }
    }
}

/// One batch of each tenant that has work; returns how many rows were embedded.
pub async fn embed_waiting(db: &Db, embedder: &Embedder) -> Result<usize, DbError> {
    let mut count = 0;
    for tenant in system::tenants_to_embed(&db.system()).await? {
        count += embed_tenant(db, embedder, tenant).await?;
    }
    Ok(count)
}

async fn embed_tenant(db: &Db, embedder: &Embedder, tenant: TenantId) -> Result<usize, DbError> {
    let db = db.tenant(tenant);
    let waiting = vectors::missing_alone(&db, BATCH_MAX).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let embedded = embedder.embed_memories(tenant, waiting.iter().map(|(_, text)| text.clone()).collect()).await;
    crash::point(crash::Point::Embedded);
    match embedded {
        Ok(found) => {
            vectors::store_alone(&db, &waiting, &found).await?;
            Ok(waiting.len())
        }
        Err(error) => {
            tracing::error!(tenant.id = %tenant, %error, "A batch could not be embedded");
            let mut tx = db.begin_for_all_audiences().await?;
            vectors::count_failure(&mut tx, &waiting).await?;
            tx.commit().await?;
            Ok(0)
        }
    }
}

//! Erases the bytes of a file that an agent sent, once its row has ended. One that is still to be sent is looked at again later.

use shared::{
    db::{
        TenantDb,
        sent_files::{self, Rest},
    },
    ids::OutboxId,
    jobs::Job,
    queue::{self, JobError},
    tools::file::KEPT,
};

use crate::Worker;

pub async fn run(worker: &Worker, db: &TenantDb, outbox: OutboxId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    match sent_files::rest(&mut tx, outbox).await? {
        Rest::Erased => Ok(tx.close().await?),
        Rest::Needed => {
            queue::enqueue_after(&mut tx, &Job::EraseFile { outbox }, KEPT).await?;
            Ok(tx.commit().await?)
        }
        Rest::Ended { run, part } => {
            tx.close().await?;
            let erased = worker.storage.erase_file(db.id(), (run, part)).await;
            erased.map_err(|error| JobError::Retry(error.to_string()))?;
            let mut tx = db.begin().await?;
            sent_files::note_erased(&mut tx, outbox).await?;
            Ok(tx.commit().await?)
        }
    }
}

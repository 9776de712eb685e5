//! Erases the bytes of a document that was deleted.

use shared::{
    db::{TenantDb, documents},
    ids::DocumentId,
    queue::JobError,
};

use crate::Worker;

pub async fn run(worker: &Worker, db: &TenantDb, id: DocumentId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let kept = documents::find(&mut tx, id).await?;
    tx.close().await?;
    if kept.is_some() {
        return Ok(());
    }
    worker.storage.erase_document(db.id(), id).await.map_err(|error| JobError::Retry(error.to_string()))
}

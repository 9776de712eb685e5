//! Gives up a write whose process is gone: nobody knows whether it was carried out, so a human looks into it.

use shared::{
    db::{TenantDb, tool_calls},
    ids::ToolCallId,
    queue::JobError,
};

use crate::Worker;

pub async fn run(worker: &Worker, db: &TenantDb, id: ToolCallId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let lost = tool_calls::settle(&mut tx, id).await?;
    tx.commit().await?;
    if lost {
        worker.waker.wake();
    }
    Ok(())
}

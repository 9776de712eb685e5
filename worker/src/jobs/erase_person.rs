//! Erases a person, and lets them know if it was they who asked.

use shared::{
    db::{TenantDb, privacy::Erasure, suspensions},
    erasing::EraseError,
    ids::ErasureId,
    jobs::Notice,
    queue::JobError,
};

use super::tell_person;
use crate::Worker;

pub async fn run(worker: &Worker, db: &TenantDb, id: ErasureId) -> Result<(), JobError> {
    let erasure = worker.eraser.empty(db, id).await.map_err(judge)?;
    if erasure.finished_at.is_none() {
        tell(worker, db, &erasure).await?;
    }
    worker.eraser.finish(db, id).await.map_err(judge)?;
    Ok(())
}

/// While it is known how they can be reached. Who can't be told is erased all the same.
async fn tell(worker: &Worker, db: &TenantDb, erasure: &Erasure) -> Result<(), JobError> {
    let (kind, who) = &erasure.actor;
    let (true, Ok(person)) = (kind == "person", who.parse()) else { return Ok(()) };
    let mut tx = db.begin().await?;
    let is_suspended = suspensions::is_suspended(&mut tx).await?;
    tx.close().await?;
    if is_suspended {
        return Ok(());
    }
    let count = |table: &str| erasure.counts.get(table).copied().unwrap_or_default();
    let notice = Notice::Forgotten { memories: count("memories"), messages: count("messages") };
    match tell_person::run(worker, db, person, &notice).await {
        Err(JobError::Retry(why)) => Err(JobError::Retry(why)),
        Ok(()) | Err(JobError::Fail(_)) => Ok(()),
    }
}

fn judge(error: EraseError) -> JobError {
    match error {
        EraseError::Database(error) => error.into(),
        EraseError::UnderWay(_) | EraseError::NeverEmpty | EraseError::Storage(_) => {
            JobError::Retry(error.to_string())
        }
    }
}

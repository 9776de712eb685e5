//! Ends an approval that nobody decided about in time.

use shared::{
    db::{TenantDb, approvals},
    ids::ApprovalId,
    queue::JobError,
};

pub async fn run(db: &TenantDb, id: ApprovalId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    approvals::expire(&mut tx, id).await?;
    Ok(tx.commit().await?)
}

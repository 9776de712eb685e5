//! Begins the turn that a decision stands for: it arrives in its conversation like a message, once, and says nothing. What is
//! done about it is decided by what the approval is then.

use shared::{
    db::{
        TenantDb,
        approvals::{self, State},
    },
    ids::ApprovalId,
    queue::JobError,
};

use crate::{
    Worker,
    errands::{self, Asker},
};

pub async fn run(worker: &Worker, db: &TenantDb, id: ApprovalId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let found = approvals::find(&mut tx, id).await?;
    tx.close().await?;
    let Some(approval) = found.filter(|approval| approval.state != State::Waiting) else { return Ok(()) };
    // Who asked, not who agreed.
    errands::bring(worker, db, approval.conversation, (approval.place, Asker::Person), &id.to_string()).await
}

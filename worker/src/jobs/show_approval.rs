//! Shows an approval as it is: asks in the thread while it waits, and says there how it ended.

use shared::{
    channels::slack::{Target, approvals::mark},
    db::{
        TenantDb,
        approvals::{self, State},
        connections,
    },
    ids::ApprovalId,
    queue::JobError,
};

use crate::{Worker, jobs::judge};

pub async fn run(worker: &Worker, db: &TenantDb, id: ApprovalId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(approval) = approvals::find(&mut tx, id).await? else {
        return Ok(tx.close().await?);
    };
    // Where nobody but the customer reads, it is decided in the portal.
    if approval.place.platform != "slack" {
        return Ok(tx.close().await?);
    }
    let token = connections::token(&mut tx, &worker.keys, approval.place.connection).await?;
    let attempts = approvals::begin_showing(&mut tx, id).await?;
    tx.commit().await?;
    let target = Target { channel: &approval.place.channel, thread: approval.place.thread.as_deref() };
    let mut shown = approval.external_id.clone();
    if shown.is_none() && attempts > 1 {
        shown = worker.slack.find_posted(&token, target, mark(id)).await.map_err(judge)?;
    }
    let ts = match shown {
        Some(ts) => {
            worker.slack.update_approval(&token, (target.channel, &ts), &approval).await.map_err(judge)?;
            ts
        }
        None if approval.state != State::Waiting => return Ok(()),
        None => worker.slack.post_approval(&token, target, &approval).await.map_err(judge)?,
    };
    let mut tx = db.begin().await?;
    approvals::shown(&mut tx, id, &ts).await?;
    // What was decided while it was being shown is shown by the decision's own job, which may have found nothing yet.
    let now = approvals::find(&mut tx, id).await?;
    tx.commit().await?;
    match now {
        Some(now) if now.state != approval.state => {
            worker.slack.update_approval(&token, (target.channel, &ts), &now).await.map_err(judge)
        }
        _ => Ok(()),
    }
}

//! Shows an escalation at the tenant's desk as it is: that somebody waits, and once it is closed, that nobody does.

use shared::{
    db::{TenantDb, connections, desks},
    ids::EscalationId,
    queue::JobError,
};

use crate::{Worker, jobs::judge};

pub async fn run(worker: &Worker, db: &TenantDb, id: EscalationId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(thread) = desks::find(&mut tx, id).await? else { return Ok(tx.close().await?) };
    if thread.external_id.is_none() && !thread.is_open() {
        return Ok(tx.close().await?);
    }
    let token = connections::token(&mut tx, &worker.keys, thread.desk.connection).await?;
    let attempts = desks::begin_showing(&mut tx, id).await?;
    tx.commit().await?;
    let ts = worker.slack.show_escalation(&token, &thread, attempts > 1).await.map_err(judge)?;
    let mut tx = db.begin().await?;
    desks::shown(&mut tx, id, &ts).await?;
    // What happened while it was being shown is shown by its own job, which may have found nothing yet.
    let now = desks::find(&mut tx, id).await?;
    tx.commit().await?;
    match now {
        Some(now) if now.state != thread.state => {
            worker.slack.show_escalation(&token, &now, true).await.map(|_| ()).map_err(judge)
        }
        _ => Ok(()),
    }
}

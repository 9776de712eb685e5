//! It is time to come back to something: its turn begins in the conversation it was set in, once, unless a human has that
//! meanwhile or somebody called it off.

use shared::{
    db::{TenantDb, follow_ups},
    ids::FollowUpId,
    queue::JobError,
};

use crate::{
    Worker,
    errands::{self, Asker},
};

pub async fn run(worker: &Worker, db: &TenantDb, id: FollowUpId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(found) = follow_ups::find(&mut tx, id).await? else { return Ok(tx.close().await?) };
    let ended = match found.state.as_str() {
        "waiting" if found.by_human => follow_ups::discard(&mut tx, id).await?,
        "waiting" => follow_ups::begin(&mut tx, id).await?,
        _ => false,
    };
    let now = follow_ups::find(&mut tx, id).await?.map(|now| now.state).unwrap_or_default();
    tx.commit().await?;
    match now.as_str() {
        // An earlier attempt may have begun it and not have brought it.
        "begun" => {}
        // Clocks differ by a moment.
        "waiting" if !ended => return Err(JobError::Retry("it is not due yet".into())),
        _ => return Ok(()),
    }
    errands::bring(worker, db, found.conversation, (found.place, Asker::Person), &id.to_string()).await
}

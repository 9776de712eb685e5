//! Begins the turn of a routine: in its own lane, as nobody's question.

use shared::{
    db::{TenantDb, approvals::Place, routines},
    ids::RoutineRunId,
    queue::JobError,
};

use crate::{
    Worker,
    errands::{self, Asker},
};

pub async fn run(worker: &Worker, db: &TenantDb, id: RoutineRunId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(found) = routines::find_run(&mut tx, id).await?.filter(|found| !found.over) else {
        return Ok(tx.close().await?);
    };
    let kind = routines::kind_of(&mut tx, &found).await?;
    tx.close().await?;
    let place = Place {
        connection: found.connection,
        platform: "slack".into(),
        channel: found.channel,
        thread: None,
        kind,
        person: found.routine.to_string(),
    };
    let asker = Asker::Nobody(format!("Routine “{}”", found.name));
    errands::bring(worker, db, found.conversation, (place, asker), &id.to_string()).await
}

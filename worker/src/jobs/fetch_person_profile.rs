//! Asks the platform for a person's name and standing, so that prompts and memories speak of people rather than of ids, and
//! guests are told from colleagues.

use shared::{
    db::{
        TenantDb,
        people::{self, Profile},
    },
    ids::PersonId,
    message::clean_text,
    queue::JobError,
};

use crate::{Worker, jobs::judge};

const NAME_CHARS_MAX: usize = 80;

pub async fn run(worker: &Worker, db: &TenantDb, id: PersonId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(person) = people::find(&mut tx, id).await?.filter(|person| !person.profile_known) else {
        return Ok(tx.close().await?);
    };
    tx.close().await?;
    let (external_id, workspace) = (&person.external_id, &person.workspace);
    let asking = |token| async move { worker.slack.profile(&token, external_id, workspace).await };
    let told = worker.tokens.call(db, person.connection, asking).await?.map_err(judge)?;
    let display_name = clean_text(&told.display_name).chars().take(NAME_CHARS_MAX).collect();
    let mut tx = db.begin().await?;
    people::describe(&mut tx, id, &Profile { display_name, ..told }).await?;
    Ok(tx.commit().await?)
}

//! Asks the platform for a person's name, so that prompts and memories speak of people rather than of ids.

use shared::{
    db::{TenantDb, people},
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
    let external_id = &person.external_id;
    let asking = |token| async move { worker.slack.user_name(&token, external_id).await };
    let name = worker.tokens.call(db, person.connection, asking).await?.map_err(judge)?;
    let name: String = clean_text(&name).chars().take(NAME_CHARS_MAX).collect();
    let mut tx = db.begin().await?;
    people::name(&mut tx, id, &name).await?;
    Ok(tx.commit().await?)
}

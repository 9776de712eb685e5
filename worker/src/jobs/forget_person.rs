//! Erases what a person said, and lets them know.

use serde_json::json;
use shared::{
    db::{
        TenantDb,
        audit::{self, Actor},
        privacy,
    },
    ids::PersonId,
    jobs::{Job, Notice},
    queue::{self, JobError},
};

pub async fn run(db: &TenantDb, person: PersonId) -> Result<(), JobError> {
    let mut tx = db.begin_for_all_audiences().await?;
    let gone = privacy::forget(&mut tx, person).await?;
    let detail = json!({ "memories": gone.memories, "messages": gone.messages, "originals": gone.originals });
    audit::append(&mut tx, &Actor::System, "person.forget", ("person", &person.to_string()), detail).await?;
    if gone.under_way == 0 {
        let notice = Notice::Forgotten { memories: gone.memories, messages: gone.messages };
        queue::enqueue(&mut tx, &Job::TellPerson { person, notice }).await?;
    }
    tx.commit().await?;
    if gone.under_way > 0 {
        return Err(JobError::Retry("some of their messages are being answered at this moment".into()));
    }
    Ok(())
}

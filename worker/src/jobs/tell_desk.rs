//! Brings what a customer wrote while a human has the conversation to the thread it is seen to in, once.

use shared::{
    channels::slack::Target,
    db::{TenantDb, connections, desks},
    ids::{MessageId, OutboxId},
    queue::JobError,
};

use crate::{Worker, jobs::judge};

pub async fn run(worker: &Worker, db: &TenantDb, id: MessageId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some((conversation, author, text)) = desks::message(&mut tx, id).await? else {
        return Ok(tx.close().await?);
    };
    let Some(thread) = desks::of_conversation(&mut tx, conversation).await? else { return Ok(tx.close().await?) };
    let token = connections::token(&mut tx, &worker.keys, thread.desk.connection).await?;
    tx.close().await?;
    let Some(ts) = thread.external_id else {
        return Err(JobError::Retry("the notice is not there yet".into()));
    };
    let (target, mark) =
        (Target { channel: &thread.desk.channel, thread: Some(&ts) }, OutboxId::from_uuid(id.uuid()));
    // An earlier attempt may have brought it.
    if worker.slack.find_posted(&token, target, mark).await.map_err(judge)?.is_some() {
        return Ok(());
    }
    let text = format!("**{author}:** {text}");
    worker.slack.post(&token, target, &text, mark).await.map(|_| ()).map_err(judge)
}

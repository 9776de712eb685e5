//! Asks the platform whether a channel is public. What was said in a public one may be remembered anywhere in the tenant.

use shared::{
    db::{TenantDb, connections, people},
    ids::ConnectionId,
    message::clean_text,
    queue::JobError,
};

use crate::{Worker, jobs::judge};

pub async fn run(worker: &Worker, db: &TenantDb, connection: ConnectionId, channel: &str) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let token = connections::token(&mut tx, &worker.keys, connection).await?;
    tx.close().await?;
    let (kind, name) = worker.slack.channel(&token, channel).await.map_err(judge)?;
    let mut tx = db.begin_for_all_audiences().await?;
    people::describe_channel(&mut tx, connection, channel, kind, &clean_text(&name)).await?;
    Ok(tx.commit().await?)
}

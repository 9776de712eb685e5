//! Asks the platform whether a channel is public. What was said in a public one may be remembered anywhere in the tenant.

use shared::{
    db::{
        TenantDb,
        channels::{self, Described},
    },
    ids::{ConnectionId, MessageId},
    message::clean_text,
    queue::JobError,
};

use crate::{Worker, jobs::judge};

pub async fn run(
    worker: &Worker,
    db: &TenantDb,
    connection: ConnectionId,
    channel: &str,
    in_doubt: &[MessageId],
) -> Result<(), JobError> {
    let asking = |token| async move { worker.slack.channel(&token, channel).await };
    let asked = worker.tokens.call(db, connection, asking).await?;
    let told = asked.map_err(judge)?;
    let mut tx = db.begin_for_all_audiences().await?;
    let told = Described { name: clean_text(&told.name), ..told };
    channels::describe(&mut tx, connection, channel, &told, in_doubt).await?;
    Ok(tx.commit().await?)
}

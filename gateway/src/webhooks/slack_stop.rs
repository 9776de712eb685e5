//! A person presses Stop: the turn at hand ends now, not when it is over.

use serde_json::json;
use shared::{
    db::{
        DbError, TenantDb,
        audit::{self, Actor},
        interruptions::{self, Cause, Interrupted},
    },
    ids::ConversationId,
};

use crate::Gateway;

/// Ends what the agent is doing in a conversation. Pressed twice, the second time finds nothing to stop.
pub async fn stop(gateway: &Gateway, db: &TenantDb, conversation: ConversationId) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    let found = interruptions::interrupt(&mut tx, conversation, Cause::Stopped).await?;
    if let Interrupted::Run(run) = found {
        audit::append(&mut tx, &Actor::System, "run.stopped", ("run", &run.to_string()), json!({})).await?;
    }
    tx.commit().await?;
    gateway.waker.wake();
    metrics::counter!("konstruct_stops_total", "found" => if matches!(found, Interrupted::Run(_)) { "run" } else { "nothing" })
        .increment(1);
    Ok(())
}

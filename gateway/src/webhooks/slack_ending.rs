//! Events that say an installation is over: the connection is dead before Slack gets its 200.

use shared::{
    channels::slack_ending::{self, What},
    db::{DbError, TenantDb, dead_connections, system::Route},
};
use time::OffsetDateTime;

/// Buries the connection, unless the event is about an installation before the present one.
pub async fn hear(db: &TenantDb, route: &Route, raw: &[u8], now: OffsetDateTime) -> Result<(), DbError> {
    let Some(ending) = slack_ending::read(raw, &route.bot_user_id) else { return Ok(()) };
    let (id, reason) = (route.connection, ending.what.reason());
    let at = ending.at.unwrap_or(now);
    let mut tx = db.begin().await?;
    let died = match ending.what {
        What::App | What::Token => dead_connections::bury(&mut tx, id, reason, Some(at)).await?,
        What::Workspace => dead_connections::remove_workspace(&mut tx, id, reason, Some(at)).await?,
    };
    tx.commit().await?;
    if died {
        tracing::warn!(connection.id = %id, reason, "An installation is over");
    }
    Ok(())
}

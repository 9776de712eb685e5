//! Events that say an installation is over: the connection is dead before Slack gets its 200.

use shared::{
    channels::slack_ending::{self, What},
    db::{DbError, dead_connections, system::Route},
};

use crate::Gateway;

/// Buries the connection, unless the event is about an installation before the present one.
pub async fn hear(gateway: &Gateway, route: &Route, raw: &[u8]) -> Result<(), DbError> {
    let Some(ending) = slack_ending::read(raw, &route.bot_user_id) else { return Ok(()) };
    let (db, id, reason) = (gateway.db.tenant(route.tenant), route.connection, ending.what.reason());
    let at = ending.at.unwrap_or_else(|| gateway.clock.now());
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

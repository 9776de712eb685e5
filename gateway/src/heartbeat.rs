//! Notes that a gateway is alive. Slack tries an event for about six minutes and then forgets it: after a longer silence, what
//! was said meanwhile is fetched.

use std::time::Duration;

use shared::{
    db::{
        Db, DbError,
        heartbeats::{self, Silence},
        system,
    },
    jobs::Job,
    queue,
};
use tokio_util::sync::CancellationToken;

const BEAT: Duration = Duration::from_secs(20);
/// Slack's last try comes five minutes after the first; what failed before that is on its way still.
const SILENCE_MAX: time::Duration = time::Duration::minutes(4);
/// Clocks differ, and what came just before the last beat may have been lost, too.
const MARGIN: time::Duration = time::Duration::minutes(1);

pub async fn run(db: Db, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        match beat(&db).await {
            Ok(0) => {}
            Ok(connections) => tracing::warn!(
                connections,
                "No gateway was alive for a while; what Slack sent meanwhile is fetched"
            ),
            Err(error) => tracing::warn!(%error, "The heartbeat could not be noted"),
        }
    }
}

/// One beat; returns for how many connections what was missed is fetched.
pub async fn beat(db: &Db) -> Result<usize, DbError> {
    let Silence { from, to } = heartbeats::beat(&db.system()).await?;
    if to - from < SILENCE_MAX {
        return Ok(0);
    }
    let (since, until) = ((from - MARGIN).unix_timestamp(), to.unix_timestamp());
    let connections = system::connections_of(&db.system(), "slack").await?;
    for (tenant, connection) in &connections {
        let mut tx = db.tenant(*tenant).begin().await?;
        queue::enqueue(&mut tx, &Job::FetchMissed { connection: *connection, since, until }).await?;
        tx.commit().await?;
    }
    Ok(connections.len())
}

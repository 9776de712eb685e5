//! Notes that a gateway is alive. Slack tries an event for about six minutes and then forgets it: after a longer silence, what
//! was said meanwhile is fetched.

use std::time::Duration;

use shared::{
    clock::Clock,
    db::{Db, DbError, installation, system},
    jobs::Job,
    queue,
};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

const BEAT: Duration = Duration::from_secs(20);
/// Slack's last try comes five minutes after the first; what failed before that is on its way still.
const SILENCE_MAX: time::Duration = time::Duration::minutes(4);
/// Clocks differ, and what came just before the last beat may have been lost, too.
const MARGIN: time::Duration = time::Duration::minutes(1);
/// In seconds.
const UNTIL_ROUNDED: i64 = 600;

pub async fn run(db: Db, clock: Clock, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        match beat(&db, clock.now()).await {
            Ok(0) => {}
            Ok(connections) => tracing::warn!(
                connections,
                "No gateway was alive for a while; what Slack sent meanwhile is fetched"
            ),
            Err(error) => tracing::warn!(%error, "The heartbeat could not be noted"),
        }
    }
}

/// One beat; returns for how many connections what was missed is fetched. The silence is over only when all of that is
/// enqueued: a process that dies in between leaves the rest to the next one.
pub async fn beat(db: &Db, now: OffsetDateTime) -> Result<usize, DbError> {
    let last = installation::last_heartbeat(&db.system()).await?;
    let mut count = 0;
    if let Some(last) = last.filter(|last| now - *last >= SILENCE_MAX) {
        // The end is rounded up, so that several gateways which begin together ask for the same.
        let until = now.unix_timestamp() / UNTIL_ROUNDED * UNTIL_ROUNDED + UNTIL_ROUNDED;
        let since = (last - MARGIN).unix_timestamp();
        for (tenant, connection) in system::connections_of(&db.system(), "slack").await? {
            let mut tx = db.tenant(tenant).begin().await?;
            let job = Job::FetchMissed { connection, since, until };
            if !queue::is_waiting(&mut tx, &job).await? {
                queue::enqueue(&mut tx, &job).await?;
                count += 1;
            }
            tx.commit().await?;
        }
    }
    installation::heartbeat(&db.system()).await?;
    Ok(count)
}

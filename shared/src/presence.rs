//! Says that a process is alive, and how providers answered it, every twenty seconds until it ends.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    db::{Db, installation},
    providers,
};

const BEAT: Duration = Duration::from_secs(20);

/// `name`: as [`crate::process_name`] makes them.
pub async fn run(db: Db, name: String, role: &'static str, stopping: CancellationToken) {
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = installation::beat(&db.system(), &name, role).await {
            tracing::warn!(%error, "This process could not say that it is alive");
        }
        tell_of_providers(&db).await;
    }
    tell_of_providers(&db).await;
    if let Err(error) = installation::ends(&db.system(), &name).await {
        tracing::debug!(%error, "This process could not say that it ends");
    }
}

async fn tell_of_providers(db: &Db) {
    let counted = providers::take();
    if counted.is_empty() {
        return;
    }
    if let Err(error) = installation::note_providers(&db.system(), &counted).await {
        providers::put_back(&counted);
        tracing::warn!(%error, "This process could not say how providers answer; it tries again");
    }
}

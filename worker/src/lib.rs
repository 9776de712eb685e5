//! The worker: what happens off the reply path. Jobs come from apalis, periodic work from [`schedule`], and memories get
//! their vectors in a batch loop over rows that lack one.

pub mod embed;
mod jobs;
mod schedule;

use std::{future::Future, sync::Arc};

use shared::{
    channels::slack::SlackApi,
    config::Config,
    crypto::Keyring,
    db::{Db, TenantDb},
    embedding::Embedder,
    jobs::Job,
    live::Wakeups,
    queue::{self, Handler, JobError},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What every job may use; cheap to clone.
#[derive(Clone)]
pub(crate) struct Worker {
    pub keys: Keyring,
    pub slack: SlackApi,
}

impl Worker {
    async fn perform(&self, db: &TenantDb, job: Job) -> Result<(), JobError> {
        match job {
            Job::FetchPersonProfile { person } => jobs::fetch_person_profile::run(self, db, person).await,
            Job::DescribeChannel { connection, channel } => {
                jobs::describe_channel::run(self, db, connection, &channel).await
            }
        }
    }
}

/// Runs until `stop` resolves, then ends the work at hand.
pub async fn run(
    config: &Config,
    db: &Db,
    embedder: &Embedder,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), String> {
    let worker = Worker { keys: config.master_keys.clone(), slack: SlackApi::new(&config.slack.api_url) };
    let wakeups = Wakeups::subscribe(&config.redis_url).map_err(|error| format!("REDIS_URL: {error}"))?;
    let name = shared::process_name("worker");
    tracing::info!(%name, "The worker waits for jobs");
    let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(embed::run(db.clone(), embedder.clone(), wakeups, stopping.clone()));
    tasks.spawn(schedule::run(db.clone(), stopping.clone()));
    tasks.close();
    let handler: Handler = Arc::new(move |db, job| {
        let worker = worker.clone();
        Box::pin(async move { worker.perform(&db, job).await })
    });
    let stopped = stopping.clone();
    // Not spawned: apalis' futures trip over a higher-ranked Send bound there.
    tokio::join!(queue::run(db, &name, handler, stopped.cancelled_owned()), async {
        stop.await;
        stopping.cancel();
    });
    tasks.wait().await;
    Ok(())
}

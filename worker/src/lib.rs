//! The worker: what happens off the reply path. Jobs come from apalis, periodic work from [`schedule`], and memories get
//! their vectors in a batch loop over rows that lack one.

mod by_phone;
pub mod embed;
mod jobs;
mod schedule;

use std::{future::Future, sync::Arc};

use shared::{
    channels::{slack::SlackApi, whatsapp::WhatsAppApi},
    clock::Clock,
    config::Config,
    crypto::{FingerprintKey, Keyring},
    db::{Db, TenantDb, inbox::Ingest, system},
    embedding::Embedder,
    jobs::Job,
    live::{Waker, Wakeups},
    queue::{self, Handler, JobError},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What every job may use; cheap to clone.
#[derive(Clone)]
pub(crate) struct Worker {
    pub keys: Keyring,
    pub slack: SlackApi,
    pub whatsapp: WhatsAppApi,
    pub fingerprints: FingerprintKey,
    /// For what people ask without writing it: it goes the way of every message.
    pub ingest: Ingest,
    pub waker: Waker,
    pub clock: Clock,
}

impl Worker {
    async fn perform(&self, db: &TenantDb, job: Job) -> Result<(), JobError> {
        match job {
            Job::FetchPersonProfile { person } => jobs::fetch_person_profile::run(self, db, person).await,
            Job::DescribeChannel { connection, channel } => {
                jobs::describe_channel::run(self, db, connection, &channel).await
            }
            Job::AskForPerson { interaction } => jobs::ask_for_person::run(self, db, interaction).await,
            Job::ForgetPerson { person } => jobs::forget_person::run(db, person).await,
            Job::TellPerson { person, notice } => jobs::tell_person::run(self, db, person, &notice).await,
            Job::PublishHome { person } => jobs::publish_home::run(self, db, person).await,
            Job::SendReply { outbox } => jobs::send_reply::run(self, db, outbox).await,
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
    let worker = Worker {
        keys: config.master_keys.clone(),
        slack: SlackApi::new(&config.slack.api_url),
        whatsapp: WhatsAppApi::new(&config.whatsapp),
        fingerprints: system::fingerprint_key(&db.system(), &config.master_keys)
            .await
            .map_err(|error| error.to_string())?,
        ingest: Ingest::start(db),
        waker: Waker::start(&config.redis_url).map_err(|error| format!("REDIS_URL: {error}"))?,
        clock: Clock::system(),
    };
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

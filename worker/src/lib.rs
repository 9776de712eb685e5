//! The worker: what happens off the reply path. Jobs come from apalis, periodic work from [`schedule`], and memories get
//! their vectors in a batch loop over rows that lack one.

mod by_phone;
pub mod checkpoints;
pub mod counting;
pub mod embed;
mod errands;
pub mod extract;
mod jobs;
mod letters;
mod mailer;
pub mod passages;
pub mod schedule;
mod sitemap;
mod sniff;

use std::{future::Future, path::PathBuf, sync::Arc};

use mailer::Mailer;
use shared::{
    channels::{
        slack::{SlackApi, Span},
        whatsapp::WhatsAppApi,
    },
    checkpoints::Checkpoints,
    clock::Clock,
    config::Config,
    crypto::{FingerprintKey, Keyring},
    db::{Db, TenantDb, inbox::Ingest, system},
    egress::Guard,
    embedding::Embedder,
    erasing::Eraser,
    jobs::Job,
    live::{Announcements, Waker, Wakeups},
    presence,
    queue::{self, Handler, JobError},
    slack_tokens::SlackTokens,
    storage::Storage,
    stripe::Stripe,
    transcription::Transcriber,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

/// What every job may use; cheap to clone.
#[derive(Clone)]
pub struct Worker {
    pub(crate) keys: Keyring,
    pub(crate) slack: SlackApi,
    pub(crate) whatsapp: WhatsAppApi,
    pub(crate) tokens: SlackTokens,
    pub(crate) mailer: Mailer,
    pub(crate) public_url: Url,
    /// Workspaces can be connected by a click with the platform's own app.
    pub(crate) has_slack_client: bool,
    pub(crate) fingerprints: FingerprintKey,
    /// For what people ask without writing it: it goes the way of every message.
    pub(crate) ingest: Ingest,
    pub(crate) waker: Waker,
    pub(crate) clock: Clock,
    /// Hears voice messages, if anybody does.
    pub(crate) transcriber: Option<Transcriber>,
    pub(crate) storage: Storage,
    pub(crate) eraser: Eraser,
    /// For addresses of documents.
    pub(crate) guard: Guard,
    /// Where plans are sold, if they are.
    pub(crate) stripe: Option<Stripe>,
    /// Reads documents in a process of its own.
    pub(crate) executable: PathBuf,
}

impl Worker {
    /// The error is a sentence that names the variable.
    pub async fn new(config: &Config, db: &Db) -> Result<Self, String> {
        let storage = Storage::open(&config.storage)?;
        let fingerprints =
            system::fingerprint_key(&db.system(), &config.master_keys).await.map_err(|error| error.to_string())?;
        let outside = config.checkpoints.as_ref().map(Checkpoints::open).transpose()?.map(Arc::new);
        Ok(Self {
            eraser: Eraser { storage: storage.clone(), fingerprints: fingerprints.clone(), outside },
            keys: config.master_keys.clone(),
            slack: SlackApi::new(&config.slack.api_url),
            whatsapp: WhatsAppApi::new(&config.whatsapp),
            tokens: SlackTokens::new(&config.slack, &config.master_keys),
            mailer: Mailer::new(&config.mail)?,
            public_url: config.public_url.clone(),
            has_slack_client: config.slack.client.is_some(),
            fingerprints,
            ingest: Ingest::start(db),
            waker: Waker::start(&config.redis_url).map_err(|error| format!("REDIS_URL: {error}"))?,
            clock: Clock::system(),
            transcriber: config.transcription.as_ref().map(Transcriber::new),
            storage,
            guard: Guard::new(&config.egress_allow),
            stripe: config.stripe.as_ref().map(Stripe::new),
            executable: config.executable.clone(),
        })
    }

    /// Does a job of this tenant once.
    pub async fn perform(&self, db: &TenantDb, job: Job) -> Result<(), JobError> {
        match job {
            Job::FetchPersonProfile { person } => jobs::fetch_person_profile::run(self, db, person).await,
            Job::RefreshToken { connection } => jobs::refresh_token::run(self, db, connection).await,
            Job::TellAdmins { notice, member } => jobs::tell_admins::run(self, db, notice, member).await,
            Job::SendEmail { mail } => jobs::send_email::run(self, db, mail).await,
            Job::DescribeChannel { connection, channel, in_doubt } => {
                jobs::describe_channel::run(self, db, connection, &channel, &in_doubt).await
            }
            Job::AskForPerson { interaction } => jobs::ask_for_person::run(self, db, interaction).await,
            Job::ErasePerson { erasure } => jobs::erase_person::run(self, db, erasure).await,
            Job::TellPerson { person, notice } => jobs::tell_person::run(self, db, person, &notice).await,
            Job::PublishHome { person } => jobs::publish_home::run(self, db, person).await,
            Job::SuggestPrompts { connection, channel } => {
                jobs::suggest_prompts::run(self, db, connection, &channel).await
            }
            Job::FetchMissed { connection, since, until } => {
                jobs::fetch_missed::spread(self, db, connection, Span { since, until }).await
            }
            Job::FetchMissedIn { connection, channel, since, until } => {
                jobs::fetch_missed::run(self, db, connection, &channel, Span { since, until }).await
            }
            Job::RefreshBilling => jobs::refresh_billing::run(self, db).await,
            Job::ReportUsage => jobs::report_usage::run(self, db).await,
            Job::SendReply { outbox } => jobs::send_reply::run(self, db, outbox).await,
            Job::SendAgain { outbox } => jobs::send_again::run(self, db, outbox).await,
            Job::DownloadMedia { media } => jobs::download_media::run(self, db, media).await,
            Job::FetchDocument { document } => jobs::fetch_document::run(self, db, document).await,
            Job::ReadDocument { document } => jobs::read_document::run(self, db, document).await,
            Job::EraseDocument { document } => jobs::erase_document::run(self, db, document).await,
            Job::EraseFile { outbox } => jobs::erase_file::run(self, db, outbox).await,
            Job::ShowApproval { approval } => jobs::show_approval::run(self, db, approval).await,
            Job::ReportApproval { approval } => jobs::report_approval::run(self, db, approval).await,
            Job::ExpireApproval { approval } => jobs::expire_approval::run(db, approval).await,
            Job::SettleToolCall { call } => jobs::settle_tool_call::run(self, db, call).await,
            Job::BeginFollowUp { follow_up } => jobs::begin_follow_up::run(self, db, follow_up).await,
            Job::ShowEscalation { escalation } => jobs::show_escalation::run(self, db, escalation).await,
            Job::TellDesk { message } => jobs::tell_desk::run(self, db, message).await,
            Job::ActAtDesk { interaction } => jobs::act_at_desk::run(self, db, interaction).await,
            Job::TellOwnSystem { delivery } => jobs::tell_own_system::run(self, db, delivery).await,
            Job::BeginRoutine { run } => jobs::begin_routine::run(self, db, run).await,
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
    let worker = Worker::new(config, db).await?;
    let wakeups = Wakeups::subscribe(&config.redis_url).map_err(|error| format!("REDIS_URL: {error}"))?;
    let name = shared::process_name("worker");
    let announcements =
        Announcements::subscribe(&config.redis_url).map_err(|error| format!("REDIS_URL: {error}"))?;
    tracing::info!(%name, "The worker waits for jobs");
    let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(embed::run(db.clone(), embedder.clone(), wakeups, stopping.clone()));
    tasks.spawn(presence::run(db.clone(), name.clone(), "worker", stopping.clone()));
    tasks.spawn(counting::run(db.clone(), announcements, stopping.clone()));
    tasks.spawn(schedule::run(db.clone(), worker.clock.clone(), worker.storage.clone(), stopping.clone()));
    if let Some(config) = &config.checkpoints {
        let outside = Checkpoints::open(config)?;
        if outside.signs() {
            tasks.spawn(checkpoints::run(db.clone(), outside, Clock::system(), stopping.clone()));
        }
    }
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

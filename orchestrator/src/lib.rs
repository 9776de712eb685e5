//! The orchestrator: claim a conversation → take a turn → let it go.
//!
//! [`turn`] is the story of one turn; `prompt` and `recall` build what the model sees, `pool` chooses a model and
//! `spending` holds the money, `llm` makes the call, `tools` acts, `reply` sends, and `watch` keeps the lease while that goes on; `notices` finish what interrupted turns had shown. Everything durable is a
//! row: killed at any point, the next claim continues. [`learning`] draws facts from what was said, beside all that, and [`summing`]
//! sums up what the window no longer shows. [`rehearsing`] answers what nobody is sent.

mod consent;
mod earlier;
mod ending;
mod errands;
mod escalation;
mod files;
mod fixed;
mod lateness;
mod learning;
mod llm;
mod notices;
mod opening;
mod places;
mod policy;
mod pool;
pub mod prompt;
mod question;
pub mod recall;
mod rehearsing;
mod reminders;
mod reply;
mod resume;
mod sayings;
mod spending;
mod summing;
#[cfg(feature = "testing")]
pub mod testing;
mod tools;
mod turn;
mod watch;

use std::{collections::HashMap, future::Future, time::Duration};

use shared::{
    channels::{slack::SlackApi, whatsapp::WhatsAppApi},
    clock::Clock,
    conditions::Said,
    config::Config,
    crash,
    crypto::Keyring,
    db::{
        Db, DbError,
        lanes::{self, Lease, Round},
        outbox,
    },
    egress::Guard,
    embedding::Embedder,
    ids::OutboxId,
    live::{Announcer, Wakeups},
    pacer::Pacer,
    presence,
    slack_tokens::SlackTokens,
    storage::Storage,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use places::{Places, Quiet};

/// Without Redis, and for work that was put off: how often to look.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// After a failed claim (the database is away, say).
const ERROR_PAUSE: Duration = Duration::from_millis(500);
/// A turn that is still going when the process is told to stop may end within this.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);
/// A failed turn is tried again after 2 s, 4 s, 8 s …
const RETRY_BASE_SECONDS: f64 = 1.0;

/// What every turn may use; cheap to clone.
#[derive(Clone)]
pub struct Orchestrator {
    pub(crate) db: Db,
    pub(crate) keys: Keyring,
    pub(crate) slack: SlackApi,
    pub(crate) whatsapp: WhatsAppApi,
    pub(crate) tokens: SlackTokens,
    /// Speech is turned into text.
    pub(crate) hears: bool,
    /// What waited longer gets a line instead of an answer.
    pub(crate) answer_within: Option<Duration>,
    pub(crate) models: pool::ModelPool,
    /// For tools of tenants.
    pub(crate) guard: Guard,
    pub(crate) embedder: Embedder,
    pub(crate) storage: Storage,
    pub(crate) vision: bool,
    /// Letters that a new summary of a conversation is worth; `None`: none is made.
    pub(crate) summary_after: Option<usize>,
    pub(crate) clock: Clock,
    /// Open pages learn what changed.
    pub(crate) announcer: Announcer,
    /// New at every process start: a lease of an earlier life is never mistaken for ours.
    owner: String,
}

impl Orchestrator {
    pub fn new(config: &Config, db: &Db, embedder: &Embedder, clock: Clock) -> Result<Self, String> {
        let pacer = Pacer::new(&config.redis_url).map_err(|error| format!("REDIS_URL: {error}"))?;
        let announcer = Announcer::start(&config.redis_url).map_err(|error| format!("REDIS_URL: {error}"))?;
        Ok(Self {
            db: db.clone(),
            keys: config.master_keys.clone(),
            whatsapp: WhatsAppApi::new(&config.whatsapp),
            tokens: SlackTokens::new(&config.slack, &config.master_keys),
            hears: config.transcription.is_some(),
            answer_within: config.answer_within,
            slack: SlackApi::new(&config.slack.api_url).paced(pacer),
            models: pool::ModelPool::new(config),
            guard: Guard::new(&config.egress_allow),
            embedder: embedder.clone(),
            storage: Storage::open(&config.storage)?,
            vision: config.llm.vision,
            summary_after: config.summary_after,
            clock,
            announcer,
            owner: shared::process_name("orchestrator"),
        })
    }
}

/// Runs until `stop` resolves, then ends the turns at hand.
pub async fn run(
    config: &Config,
    db: &Db,
    embedder: &Embedder,
    clock: Clock,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), String> {
    let db = db.narrow(connections());
    let orchestrator = Orchestrator::new(config, &db, embedder, clock)?;
    let wakeups = Wakeups::subscribe(&config.redis_url).map_err(|error| format!("REDIS_URL: {error}"))?;
    // Loads the model before the first message needs it.
    let warming = embedder.clone();
    tokio::spawn(async move {
        // The patterns, too.
        Said::new("").asks_for_human();
        if let Err(error) = warming.embed(vec!["warm".into()]).await {
            tracing::error!(%error, "The embedding model is not available: recall works by words only");
        }
    });
    let stopping = CancellationToken::new();
    let beside = beside(&orchestrator, config, &stopping);
    tracing::info!(owner = %orchestrator.owner, "The orchestrator waits for messages");
    let (places, mut served, mut quiet) = (Places::new(), None, Quiet::default());
    tokio::pin!(stop);
    loop {
        let room = tokio::select! {
            () = &mut stop => break,
            room = places.room() => room,
        };
        let full = places.full();
        if let Some(rest) = quiet.rest(&full) {
            drop(room);
            tokio::select! {
                () = &mut stop => break,
                () = next_look(&wakeups, &places, rest, &mut quiet) => continue,
            }
        }
        let round = Round { after: served, full: &full };
        match lanes::claim(&orchestrator.db.system(), &orchestrator.owner, round).await {
            Ok(Some(lease)) => {
                served = Some(lease.tenant);
                let (orchestrator, places) = (orchestrator.clone(), places.clone());
                let place = places.give(room, lease.tenant);
                tokio::spawn(async move {
                    let waits = orchestrator.work(&lease).await;
                    drop(place);
                    if waits {
                        places.look_again();
                    }
                });
            }
            Ok(None) => {
                drop(room);
                quiet.begin(full);
                tokio::select! {
                    () = &mut stop => break,
                    () = next_look(&wakeups, &places, POLL_INTERVAL, &mut quiet) => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "No conversation could be claimed");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
    stopping.cancel();
    let drained = async {
        places.emptied().await;
        for task in beside {
            // If it died, the conversations it had are claimed again after their leases.
            let _ = task.await;
        }
    };
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!("Some turns were not finished; another process takes them over");
    }
    db.close().await;
    Ok(())
}

/// Of each pool. A turn is mostly waiting for a model, and its statements are short; more of them at once than there are processors
/// for take turns at those, and whoever acknowledges a message queues behind them all.
fn connections() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(2 * processors).unwrap_or(u32::MAX).clamp(4, 16)
}

/// Until there may be something to claim.
async fn next_look(wakeups: &Wakeups, places: &Places, at_most: Duration, quiet: &mut Quiet) {
    tokio::select! {
        () = wakeups.next(at_most) => quiet.end(),
        () = places.asked_to_look() => quiet.end(),
        () = places.freed() => {}
    }
}

/// What goes on beside the turns.
fn beside(orchestrator: &Orchestrator, config: &Config, stopping: &CancellationToken) -> Vec<JoinHandle<()>> {
    let learning =
        config.facts_after.map(|quiet| tokio::spawn(learning::run(orchestrator.clone(), quiet, stopping.clone())));
    let summing = config
        .summary_after
        .map(|grown| tokio::spawn(summing::run(orchestrator.clone(), grown, stopping.clone())));
    let rehearsing = tokio::spawn(rehearsing::run(orchestrator.clone(), stopping.clone()));
    let (db, name) = (orchestrator.db.clone(), orchestrator.owner.clone());
    let present = tokio::spawn(presence::run(db, name, "orchestrator", stopping.clone()));
    learning.into_iter().chain(summing).chain([rehearsing, present]).collect()
}

impl Orchestrator {
    /// One claimed conversation, from claim to release. `true`: it can be claimed again at once.
    async fn work(&self, lease: &Lease) -> bool {
        crash::point(crash::Point::Claimed);
        let span = tracing::info_span!(
            "turn",
            tenant.id = %lease.tenant,
            conversation.id = %lease.conversation,
            run.id = tracing::field::Empty,
            trace_id = tracing::field::Empty,
        );
        let watch = watch::start(self.clone(), lease.clone(), span.clone());
        let outcome = async {
            tokio::select! {
                outcome = turn::take_turn(self, lease, &watch) => outcome,
                () = watch.lost() => Err(DbError::Fenced),
            }
        }
        .instrument(span.clone())
        .await;
        let shown = watch.end();
        self.announcer.changed(lease.tenant);
        let error = match outcome {
            Ok(waits) => return waits,
            Err(error) => error,
        };
        if matches!(error, DbError::Fenced) {
            self.leave(lease, shown).instrument(span).await;
            return false;
        }
        span.in_scope(|| tracing::warn!(%error, claims = lease.claims, "A turn failed and will be tried again"));
        let pause = RETRY_BASE_SECONDS * f64::from(1 << lease.claims.clamp(0, 6));
        if let Err(error) = lanes::put_back(&self.db.system(), lease, pause).instrument(span).await {
            tracing::warn!(%error, "A conversation could not be put back; its lease runs out by itself");
        }
        false
    }

    /// The turn was interrupted. What it has shown is left on record for whoever finishes it; best effort, for it can be
    /// looked up, too.
    async fn leave(&self, lease: &Lease, shown: HashMap<OutboxId, String>) {
        tracing::info!("The turn was dropped: the conversation has another owner or a human");
        if shown.is_empty() {
            return;
        }
        let marking = async {
            let mut tx = self.db.tenant(lease.tenant).begin().await?;
            for (row, external_id) in &shown {
                outbox::mark_sent(&mut tx, *row, external_id).await?;
            }
            tx.commit().await
        };
        if let Err(error) = marking.await {
            tracing::warn!(%error, "What was shown could not be left on record");
        }
    }
}

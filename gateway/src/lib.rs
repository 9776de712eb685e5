//! The gateway: verifies and stores what providers send, serves the API and the portal.
//!
//! Start at [`router`]: every URL is on that page. [`serve`] is the accept loop; a request passes `auth` (extractors that
//! are the access rule) and ends in a problem document (`error`) if it can't be served.

mod acting;
mod assets;
mod auth;
mod client;
mod cookies;
mod csv;
pub mod error;
pub mod heartbeat;
mod install;
mod once;
pub mod openapi;
mod paging;
mod passwords;
mod path_id;
mod patience;
mod portal;
mod refusals;
mod router;
mod serve;
#[cfg(feature = "testing")]
pub mod testing;
mod watching;
mod webhooks;

use std::{
    future::Future,
    ops::Deref,
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use moka::future::Cache;
use shared::{
    channels::{slack::SlackApi, slack_oauth::SlackClient, whatsapp::WhatsAppApi},
    clock::Clock,
    config::{Config, WhatsAppConfig},
    crypto::{FingerprintKey, Keyring},
    db::{Db, DbError, inbox::Ingest, system},
    egress::Guard,
    embedding::Embedder,
    health::Dependencies,
    limits::Limiter,
    live::{Announcements, Announcer, Waker},
    network::Network,
    oidc::Provider,
    presence,
    storage::Storage,
    stripe::Stripe,
};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use install::install_link;
pub use patience::Patience;
pub use portal::{
    auth::{checked_mail, link},
    connect_whatsapp::{OwnMetaApp, WhatsAppNumber, connect_whatsapp},
    connections::{connect_slack, events_url, own_app},
};
pub use router::router;
pub use serve::{serve, serve_with};

/// A changed secret or route is seen by every replica within this time, without a restart.
const ROUTES_KEPT: Duration = Duration::from_secs(5);
const ROUTES_MAX: u64 = 10_000;
/// How long the events of a workspace that belongs to nobody are counted together.
const SAMPLES_KEPT: Duration = Duration::from_secs(60);

/// What every handler may use. Cheap to clone: the router does so several times a request.
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

pub struct Parts {
    pub(crate) db: Db,
    pub(crate) public_url: Url,
    pub(crate) signup: bool,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) passwords: passwords::Passwords,
    pub(crate) limiter: Limiter,
    pub(crate) clock: Clock,
    pub(crate) keys: Keyring,
    /// Calls addresses that tenants supply.
    pub(crate) guard: Guard,
    pub(crate) fingerprints: FingerprintKey,
    pub(crate) slack: SlackApi,
    pub(crate) slack_client: Option<SlackClient>,
    pub(crate) slack_secret: secrecy::SecretString,
    pub(crate) whatsapp: WhatsAppConfig,
    pub(crate) whatsapp_api: WhatsAppApi,
    /// Where plans are sold, if they are.
    pub(crate) stripe: Option<Stripe>,
    /// Where people may sign in instead of by a password, if anywhere.
    pub(crate) provider: Option<Provider>,
    pub(crate) ingest: Ingest,
    pub(crate) reports: webhooks::reports::Reports,
    pub(crate) waker: Waker,
    /// For who searches the documents; loaded by the first one.
    pub(crate) embedder: Embedder,
    /// Documents that tenants give.
    pub(crate) storage: Storage,
    pub(crate) announcer: Announcer,
    pub(crate) hub: Arc<watching::Hub>,
    pub(crate) health: Dependencies,
    pub(crate) routes: Cache<webhooks::RouteKey, Option<system::Route>>,
    /// Reason and workspace: how many of its events were put aside this minute.
    pub(crate) samples: Cache<(&'static str, String), Arc<AtomicU32>>,
    pub(crate) refusal_lines: refusals::Lines,
}

impl Gateway {
    /// Opens what the gateway needs. Fails with a sentence if the master key does not fit the database.
    pub async fn new(config: &Config, db: &Db, clock: Clock) -> Result<Self, DbError> {
        Self::with_ingest(config, db, clock, Ingest::start(db)).await
    }

    /// With an accept path of the caller's making, for the benchmark.
    pub async fn with_ingest(config: &Config, db: &Db, clock: Clock, ingest: Ingest) -> Result<Self, DbError> {
        Self::with_parts(config, db, clock, (ingest, Embedder::new(config))).await
    }

    async fn with_parts(
        config: &Config,
        db: &Db,
        clock: Clock,
        (ingest, embedder): (Ingest, Embedder),
    ) -> Result<Self, DbError> {
        let unusable = |error| DbError::Damaged(format!("REDIS_URL: {error}"));
        let waker = Waker::start(&config.redis_url).map_err(unusable)?;
        let announcements = Announcements::subscribe(&config.redis_url).map_err(unusable)?;
        let guard = Guard::new(&config.egress_allow);
        let provider = config.oidc.as_ref().map(|oidc| Provider::new(oidc, &config.public_url, &guard, &clock));
        Ok(Self(Arc::new(Parts {
            db: db.clone(),
            public_url: config.public_url.clone(),
            signup: config.signup,
            trusted_proxies: config.trusted_proxies.clone(),
            passwords: passwords::Passwords::new().map_err(DbError::Damaged)?,
            limiter: Limiter::new(&config.redis_url).map_err(unusable)?,
            provider: provider.transpose().map_err(DbError::Damaged)?,
            clock,
            keys: config.master_keys.clone(),
            guard,
            fingerprints: system::fingerprint_key(&db.system(), &config.master_keys).await?,
            slack: SlackApi::new(&config.slack.api_url),
            slack_client: config.slack.client.clone(),
            slack_secret: config.slack.signing_secret.clone(),
            whatsapp: config.whatsapp.clone(),
            whatsapp_api: WhatsAppApi::new(&config.whatsapp),
            stripe: config.stripe.as_ref().map(Stripe::new),
            ingest,
            reports: webhooks::reports::Reports::default(),
            waker,
            embedder,
            storage: Storage::open(&config.storage).map_err(DbError::Damaged)?,
            announcer: Announcer::start(&config.redis_url).map_err(unusable)?,
            hub: watching::Hub::start(db.system(), announcements),
            health: Dependencies { db: db.clone(), redis_url: config.redis_url.clone() },
            routes: Cache::builder().max_capacity(ROUTES_MAX).time_to_live(ROUTES_KEPT).build(),
            samples: Cache::builder().max_capacity(ROUTES_MAX).time_to_live(SAMPLES_KEPT).build(),
            refusal_lines: refusals::Lines::default(),
        })))
    }
}

impl Deref for Gateway {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Runs until `stop` resolves, then lets open requests end. The embedder is shared with the other roles of this process.
pub async fn run(
    config: &Config,
    db: &Db,
    embedder: &Embedder,
    clock: Clock,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), String> {
    let parts = (Ingest::start(db), embedder.clone());
    let gateway = Gateway::with_parts(config, db, clock, parts).await.map_err(|error| error.to_string())?;
    let listener = tokio::net::TcpListener::bind(config.bind).await.map_err(|error| {
        format!("KONSTRUCT_BIND {} can't be used: {error}. Is another Konstruct running?", config.bind)
    })?;
    tracing::info!(address = %config.bind, "The gateway listens");
    let beating = CancellationToken::new();
    let _ends = beating.clone().drop_guard();
    let name = shared::process_name("gateway");
    let present = tokio::spawn(presence::run(db.clone(), name, "gateway", beating.clone()));
    tokio::spawn(heartbeat::run(db.clone(), gateway.clock.clone(), beating.clone()));
    let hub = gateway.hub.clone();
    let stop = async move {
        stop.await;
        // They would be waited for.
        hub.stop();
    };
    serve(listener, router(gateway), stop).await;
    beating.cancel();
    // It takes its row away; if it died, the row says so.
    let _ = present.await;
    Ok(())
}

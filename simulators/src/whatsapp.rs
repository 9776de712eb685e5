//! A WhatsApp Cloud API that runs here: Graph calls, signed webhooks with statuses, and control to speak as a person.
//!
//! | file | does |
//! |---|---|
//! | `graph.rs` | `/VERSION/…`: token, faults, which function answers |
//! | `send.rs` | the messages that Meta takes and refuses, and what becomes of them |
//! | `accounts.rs` | signup codes, what a token may do, where an account's news go |
//! | `media.rs` | files: upload, addresses that expire, download |
//! | `news.rs`, `delivery.rs` | webhooks: their bodies; signed, retried, doubled, held together |
//! | `control.rs`, `types.rs`, `phone.html` | `/_sim/…`, and a page that looks like a phone |
//! | `world.rs` | the state behind all of it |

mod accounts;
mod control;
mod delivery;
mod graph;
mod media;
mod news;
mod send;
mod types;
mod world;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::task::JoinSet;

pub use delivery::signature as whatsapp_signature;
pub use types::{
    Ids, Pace, PhoneEntry, WhatsAppEcho, WhatsAppHistory, WhatsAppOptionsPatch, WhatsAppSaid, WhatsAppSay,
};
pub use world::{account_of, number_of, user_id_of};

use crate::{control::common_routes, faults::Faults, previews::Previews, server::Server};
use world::World;

#[derive(Clone)]
pub struct WhatsAppOptions {
    /// Where webhooks go; empty: nowhere.
    pub webhook_url: String,
    pub app_secret: String,
    /// Whether statuses follow a message by themselves, and how far.
    pub pace: Pace,
    /// A message outside the 24 hours is refused at once; otherwise it is accepted and fails by its status, as Meta mostly
    /// does.
    pub window_refused_at_once: bool,
    /// Every so many webhooks, one is delivered twice. 0: never.
    pub twice_every: u64,
    /// 1.0: retries as Meta does, over hours and days; 0.0: all at once.
    pub retry_time_scale: f64,
    /// How long the address of a file works.
    pub media_address_lives: Duration,
    /// Messages are taken, and looked at before they go out.
    pub holds_for_quality: bool,
    /// What every token may do.
    pub token_scopes: Vec<String>,
    /// In seconds of the epoch; 0: never.
    pub token_expires_at: i64,
}

impl WhatsAppOptions {
    pub fn new(webhook_url: impl Into<String>, app_secret: impl Into<String>) -> Self {
        Self { webhook_url: webhook_url.into(), app_secret: app_secret.into(), ..Self::default() }
    }
}

impl Default for WhatsAppOptions {
    fn default() -> Self {
        Self {
            webhook_url: String::new(),
            app_secret: String::new(),
            pace: Pace::Read,
            window_refused_at_once: false,
            twice_every: 0,
            retry_time_scale: 1.0,
            media_address_lives: Duration::from_secs(300),
            holds_for_quality: false,
            token_scopes: vec!["whatsapp_business_management".into(), "whatsapp_business_messaging".into()],
            token_expires_at: 0,
        }
    }
}

/// Runs until dropped, deliveries under way included.
pub struct WhatsAppSimulator {
    pub addr: SocketAddr,
    core: Arc<Core>,
    _server: Server,
}

pub(crate) struct Core {
    options: Mutex<WhatsAppOptions>,
    world: Mutex<World>,
    faults: Arc<Faults>,
    deliveries: Mutex<JoinSet<()>>,
    runtime: tokio::runtime::Handle,
    http: reqwest::Client,
    previews: Previews,
    addr: Mutex<Option<SocketAddr>>,
}

impl WhatsAppSimulator {
    pub async fn start(bind: SocketAddr, options: WhatsAppOptions) -> io::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let core = Arc::new(Core {
            options: Mutex::new(options),
            world: Mutex::new(World::new()),
            faults: Arc::default(),
            deliveries: Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
            http: http.map_err(io::Error::other)?,
            previews: Previews::default(),
            addr: Mutex::default(),
        });
        let router = control::routes(Arc::clone(&core)).merge(common_routes(Arc::clone(&core.faults)));
        let server = Server::start(bind, router).await?;
        *core.addr.lock().unwrap_or_else(PoisonError::into_inner) = Some(server.addr);

        Ok(Self { addr: server.addr, core, _server: server })
    }

    /// What `WHATSAPP_GRAPH_URL` should be.
    pub fn graph_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A person writes; the webhook is on its way when this returns.
    pub fn say(&self, say: WhatsAppSay) -> WhatsAppSaid {
        self.core.say(say)
    }

    /// A file for a message to name; returns its id.
    pub fn keep(&self, number: &str, mime_type: &str, bytes: Vec<u8>) -> String {
        self.core.keep(number, mime_type, bytes.into())
    }

    /// From now on this file comes a byte a second.
    pub fn drip(&self, id: &str) {
        self.core.drip(id);
    }

    /// The bytes of a file, a person's or one that was uploaded.
    pub fn kept(&self, id: &str) -> Option<Vec<u8>> {
        self.core.kept(id)
    }

    /// A colleague writes to a person on the business's own phone.
    pub fn echo(&self, echo: &WhatsAppEcho) -> String {
        self.core.echo(echo)
    }

    /// Any change in a signed webhook of the number's account.
    pub fn send_change(&self, number: &str, field: &str, value: Value) {
        self.core.send_change(number, field, value);
    }

    /// From now on, news wait for `release` and then go in one POST.
    pub fn hold(&self) {
        self.core.world().held = Some(Vec::new());
    }

    pub fn release(&self) {
        self.core.release();
    }

    /// What a person sees on the phone now, oldest first.
    pub fn phone(&self, number: &str, person: &str) -> Vec<PhoneEntry> {
        self.core.world().phone(number, person)
    }

    /// The addresses in messages that Meta has fetched for a preview, or would have.
    pub fn previewed(&self) -> Vec<String> {
        self.core.previews.seen()
    }

    /// Whether the person sees that somebody types.
    pub fn is_typing(&self, number: &str, person: &str) -> bool {
        self.core.world().is_typing(number, person)
    }

    /// What happened after the entry with this number, oldest first.
    pub fn history_after(&self, seq: u64) -> Vec<WhatsAppHistory> {
        self.core.world().history(seq)
    }

    pub fn set_options(&self, patch: WhatsAppOptionsPatch) {
        self.core.set_options(patch);
    }

    /// Webhooks that are on their way or wait for their next attempt.
    pub fn deliveries_under_way(&self) -> usize {
        let mut deliveries = self.core.deliveries();
        while deliveries.try_join_next().is_some() {}
        deliveries.len()
    }

    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    /// Asks again whenever something happened, until there is an answer or the time is up.
    pub async fn wait_until<T>(&self, time_limit: Duration, ask: impl Fn(&Self) -> Option<T>) -> Option<T> {
        let mut changed = self.core.world().changed.subscribe();
        let answered = async {
            loop {
                changed.mark_unchanged();
                if let Some(answer) = ask(self) {
                    return Some(answer);
                }
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(time_limit, answered).await.ok().flatten()
    }
}

impl Drop for WhatsAppSimulator {
    fn drop(&mut self) {
        self.core.deliveries().abort_all();
    }
}

impl Core {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May be asked while the world is locked, never the other way round.
    pub(crate) fn options(&self) -> WhatsAppOptions {
        self.options.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn deliveries(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where this simulator listens, for addresses of files.
    fn origin(&self) -> String {
        let addr = *self.addr.lock().unwrap_or_else(PoisonError::into_inner);
        addr.map_or_else(String::new, |addr| format!("http://{addr}"))
    }

    fn set_options(&self, patch: WhatsAppOptionsPatch) {
        let mut options = self.options.lock().unwrap_or_else(PoisonError::into_inner);
        options.pace = patch.pace.unwrap_or(options.pace);
        options.window_refused_at_once = patch.window_refused_at_once.unwrap_or(options.window_refused_at_once);
        options.twice_every = patch.twice_every.unwrap_or(options.twice_every);
        options.retry_time_scale = patch.retry_time_scale.unwrap_or(options.retry_time_scale);
        if let Some(seconds) = patch.media_address_lives_seconds {
            options.media_address_lives = Duration::from_secs(seconds);
        }
        options.holds_for_quality = patch.holds_for_quality.unwrap_or(options.holds_for_quality);
        options.token_expires_at = patch.token_expires_at.unwrap_or(options.token_expires_at);
        if let Some(scopes) = patch.token_scopes {
            options.token_scopes = scopes;
        }
        if let Some(url) = patch.webhook_url {
            options.webhook_url = url;
        }
    }
}

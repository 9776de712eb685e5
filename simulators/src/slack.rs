//! A Slack that runs here: Web API, signed events, and a control API to speak as a person and to look behind
//! the scenes.
//!
//! | file | does |
//! |---|---|
//! | `web.rs`, `args.rs` | `/api/METHOD`: token, faults, which function answers |
//! | `streams.rs`, `agent.rs` | streamed answers, status lines, sessions |
//! | `chat.rs`, `conversations.rs`, `blocks.rs` | the methods, with Slack's limits and error words |
//! | `surfaces.rs`, `interactivity.rs` | dialogs, home pages and lines for one person; what people press and command |
//! | `consent.rs`, `oauth.rs` | installing the app: the page, codes, tokens that run out |
//! | `people.rs` | workspaces, bots and names, derived from ids |
//! | `files.rs` | what people attach, downloads, and what a bot uploads |
//! | `events.rs`, `delivery.rs` | what is sent to the product, signed and retried as Slack does |
//! | `whims.rs` | how deliveries go astray, by seed |
//! | `control.rs`, `types.rs` | `/_sim/…` |
//! | `page.rs`, `page/` | `/`: a page to chat as a person |
//! | `world.rs` | the state behind all of it |

mod agent;
mod args;
mod blocks;
mod chat;
mod consent;
mod control;
mod conversations;
mod delivery;
mod events;
mod files;
mod interactivity;
mod oauth;
mod page;
mod people;
mod person;
mod setups;
mod streams;
mod subscription;
mod surfaces;
mod types;
mod web;
mod whims;
mod world;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::task::JoinSet;

pub use delivery::signature;
pub use files::Serve;
pub use interactivity::{Click, Command, Shortcut, Submit};
pub use oauth::{AppSetup, ClockMove, Decision, Uninstall};
pub use people::team_of;
pub use surfaces::{Dialog, Whisper};
pub use types::{
    AuthorKind, ChannelSetup, ChannelType, Delete, Edit, EventOut, FileSeen, FileUp, HistoryEntry, HistoryKind,
    OptionsPatch, PersonSetup, Raw, RawOutcome, React, Reaction, Revoke, Said, Say, Session, Stop, StreamState,
    TranscriptEntry,
};
pub use whims::DeliveryFaults;

use crate::{
    control::{ControlError, common_routes},
    faults::Faults,
    previews::Previews,
    server::Server,
};
use subscription::Subscription;
use world::World;

/// Slack refuses to *edit* a message to more than this, while a new one may have 40,000.
const UPDATE_TEXT_CHARS_MAX: usize = 4_000;
const SCOPES: &str = "app_mentions:read,assistant:write,channels:history,channels:read,chat:write,commands,\
    files:read,files:write,groups:history,im:history,metadata.message:read,mpim:history,\
    reactions:read,reactions:write,users:read";
const DELIVERY_TIMEOUT_MS: u64 = 3_000;
/// All that is appended to one streamed message.
const STREAM_TEXT_CHARS_MAX: usize = 12_000;
/// Slack documents neither; people report that it closes streams after about five minutes.
const STREAM_MS: u64 = 300_000;

#[derive(Clone)]
pub struct SlackOptions {
    /// Where events go; empty: nowhere.
    pub events_url: String,
    pub signing_secret: String,
    pub app_id: String,
    /// The app as an OAuth client.
    pub client_id: String,
    pub client_secret: String,
    /// Tokens of this app run out after twelve hours.
    pub token_rotation: bool,
    /// What a token is granted that no installation gave out, separated by commas.
    pub scopes: String,
    /// Send the bot's own posts, updates and deletions back as events.
    pub self_echo: bool,
    /// Refuse a second `chat.postMessage` in a channel within a second.
    pub one_message_per_second: bool,
    /// 1.0: retries at once, after one and after five minutes; 0.0: all at once.
    pub retry_time_scale: f64,
    pub delivery_timeout_ms: u64,
    /// The longest `text` of `chat.update`, in characters.
    pub update_text_max: usize,
    /// The longest text of a streamed message, in characters.
    pub stream_text_max: usize,
    /// Slack closes a stream that rests this long, and one that lasts that long.
    pub stream_idle_ms: u64,
    pub stream_total_ms: u64,
    pub deliveries: DeliveryFaults,
    /// The bot may read files.
    pub files_scope: bool,
    /// The app hears when somebody presses Stop.
    pub stop_subscribed: bool,
}

impl SlackOptions {
    pub fn new(events_url: impl Into<String>, signing_secret: impl Into<String>) -> Self {
        Self { events_url: events_url.into(), signing_secret: signing_secret.into(), ..Self::default() }
    }
}

impl Default for SlackOptions {
    fn default() -> Self {
        Self {
            events_url: String::new(),
            signing_secret: String::new(),
            app_id: "A0SIMULATED".to_owned(),
            client_id: "1000000000.2000000000".to_owned(),
            client_secret: "simulated-client-secret".to_owned(),
            token_rotation: false,
            scopes: SCOPES.to_owned(),
            self_echo: true,
            one_message_per_second: false,
            retry_time_scale: 1.0,
            delivery_timeout_ms: DELIVERY_TIMEOUT_MS,
            update_text_max: UPDATE_TEXT_CHARS_MAX,
            stream_text_max: STREAM_TEXT_CHARS_MAX,
            stream_idle_ms: STREAM_MS,
            stream_total_ms: STREAM_MS,
            deliveries: DeliveryFaults::default(),
            files_scope: true,
            stop_subscribed: true,
        }
    }
}

/// Runs until dropped, deliveries under way included.
pub struct SlackSimulator {
    pub addr: SocketAddr,
    core: Arc<Core>,
    _server: Server,
}

/// What the HTTP handlers and the in-process methods share.
pub(crate) struct Core {
    options: Mutex<SlackOptions>,
    world: Mutex<World>,
    faults: Arc<Faults>,
    deliveries: Mutex<JoinSet<()>>,
    runtime: tokio::runtime::Handle,
    http: reqwest::Client,
    previews: Previews,
    addr: OnceLock<SocketAddr>,
}

impl SlackSimulator {
    pub async fn start(bind: SocketAddr, options: SlackOptions) -> io::Result<Self> {
        let core = Arc::new(Core {
            options: Mutex::new(options),
            world: Mutex::new(World::new()),
            faults: Arc::default(),
            deliveries: Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
            http: delivery::client().map_err(io::Error::other)?,
            previews: Previews::default(),
            addr: OnceLock::new(),
        });
        let router = control::routes(Arc::clone(&core))
            .merge(page::routes(Arc::clone(&core)))
            .merge(common_routes(Arc::clone(&core.faults)));
        let server = Server::start(bind, router).await?;
        // Set once: nothing was served before.
        let _ = core.addr.set(server.addr);

        Ok(Self { addr: server.addr, core, _server: server })
    }

    /// What `SLACK_API_URL` should be: `http://…/api/`.
    pub fn api_url(&self) -> String {
        format!("http://{}/api/", self.addr)
    }

    /// A person writes; the events are on their way when this returns.
    pub fn say(&self, say: Say) -> Said {
        self.core.say(say)
    }

    /// A person edits their message; returns the event ids, or `None` if there is no such message of a
    /// person.
    pub fn edit(&self, edit: Edit) -> Option<Vec<String>> {
        self.core.edit(edit).ok()
    }

    pub fn delete(&self, delete: Delete) -> Option<Vec<String>> {
        self.core.delete(delete).ok()
    }

    /// Any inner event in a signed envelope of the workspace; returns the event id.
    pub fn send_event(&self, team: &str, event: Value) -> String {
        self.core.send_event(team, &event)
    }

    /// A request as it stands; returns what the receiver answered.
    pub async fn send_raw(&self, raw: Raw) -> RawOutcome {
        self.core.send_raw(raw).await
    }

    /// The files of a workspace, oldest first.
    pub fn files(&self, team: &str) -> Vec<FileSeen> {
        self.core.files(team)
    }

    pub fn set_channel(&self, setup: ChannelSetup) {
        self.core.set_channel(setup);
    }

    pub fn set_person(&self, setup: PersonSetup) {
        self.core.set_person(setup);
    }

    /// Somebody puts an emoji on a message, or takes it away; returns the event ids.
    pub fn react(&self, react: &React) -> Option<Vec<String>> {
        self.core.react(react).ok()
    }

    pub fn set_options(&self, patch: OptionsPatch) {
        self.core.set_options(patch);
    }

    /// What a user sees now, oldest first; of one thread if it is named.
    pub fn transcript(&self, team: &str, channel: &str, thread_ts: Option<&str>) -> Vec<TranscriptEntry> {
        self.core.world().transcript(team, channel, thread_ts)
    }

    /// Everything that happened so far, of one workspace if it is named.
    pub fn history(&self, team: Option<&str>) -> Vec<HistoryEntry> {
        self.core.world().history(team, 0)
    }

    /// What happened after the entry with this number, oldest first. Traffic is forgotten after 200,000 lines; what
    /// users saw is not.
    pub fn history_after(&self, seq: u64) -> Vec<HistoryEntry> {
        self.core.world().history(None, seq)
    }

    /// The addresses in messages that Slack has fetched for a preview, or would have.
    pub fn previewed(&self) -> Vec<String> {
        self.core.previews.seen()
    }

    /// Events that are on their way or wait for Slack's next attempt.
    pub fn deliveries_under_way(&self) -> usize {
        self.core.deliveries_under_way()
    }

    /// The bot's token stops working, and the app is told so by an event; returns its id.
    pub fn revoke(&self, revoke: &Revoke) -> Option<String> {
        self.core.revoke(revoke)
    }

    /// A person decides on the consent page at this address; returns where they are sent back to, or Slack's word for why
    /// there is no such page.
    pub fn decide(&self, page: &str, decision: &Decision) -> Result<String, &'static str> {
        self.core.decide_at(page, decision)
    }

    /// Another app than the one in the options.
    pub fn register_app(&self, app: AppSetup) {
        self.core.register_app(app);
    }

    /// Somebody removes the app from a workspace or organization; returns the ids of the events that say so.
    pub fn uninstall(&self, team: &str) -> Vec<String> {
        self.core.uninstall(team)
    }

    /// Moves the clock by which codes and tokens expire.
    pub fn advance_clock(&self, seconds: i64) {
        self.core.advance_clock(seconds);
    }

    /// The "is thinking" line of a thread, if one is shown.
    pub fn status(&self, team: &str, channel: &str, thread_ts: &str) -> Option<String> {
        self.core.world().channel(team, channel).status(thread_ts)
    }

    /// The agent's session in a thread, if it has one.
    pub fn session(&self, team: &str, channel: &str, thread_ts: &str) -> Option<Session> {
        self.core.world().channel(team, channel).sessions.get(thread_ts).cloned()
    }

    /// A person presses Stop; returns the event's id.
    pub fn stop(&self, stop: &Stop) -> String {
        self.core.stop_session(stop)
    }

    /// Closes the streams of a channel as if they had lasted too long; how many there were.
    pub fn expire_streams(&self, team: &str, channel: &str) -> usize {
        self.core.expire_streams(team, channel)
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

impl Drop for SlackSimulator {
    fn drop(&mut self) {
        self.core.deliveries().abort_all();
    }
}

impl Core {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May be asked while the world is locked, never the other way round.
    pub(crate) fn options(&self) -> SlackOptions {
        self.options.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For addresses that lead back here: `http://…/`.
    pub(crate) fn own_address(&self) -> String {
        self.addr.get().map(|addr| format!("http://{addr}/")).unwrap_or_default()
    }

    fn deliveries(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_options(&self, patch: OptionsPatch) {
        if patch.events_url.is_some() {
            self.world().subscription = Subscription::default();
        }
        let mut options = self.options.lock().unwrap_or_else(PoisonError::into_inner);
        set(&mut options.events_url, patch.events_url);
        set(&mut options.signing_secret, patch.signing_secret);
        set(&mut options.self_echo, patch.self_echo);
        set(&mut options.one_message_per_second, patch.one_message_per_second);
        set(&mut options.retry_time_scale, patch.retry_time_scale);
        set(&mut options.delivery_timeout_ms, patch.delivery_timeout_ms);
        set(&mut options.update_text_max, patch.update_text_max);
        set(&mut options.stream_text_max, patch.stream_text_max);
        set(&mut options.stream_idle_ms, patch.stream_idle_ms);
        set(&mut options.stream_total_ms, patch.stream_total_ms);
        set(&mut options.deliveries, patch.deliveries);
        set(&mut options.files_scope, patch.files_scope);
        set(&mut options.stop_subscribed, patch.stop_subscribed);
        set(&mut options.scopes, patch.scopes);
        set(&mut options.token_rotation, patch.token_rotation);
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Why a person's edit or deletion makes no sense.
pub(crate) fn no_such_message() -> ControlError {
    ControlError::not_found("There is no message of a person with this `ts` in this channel of this team.")
}

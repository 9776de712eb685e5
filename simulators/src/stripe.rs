//! A Stripe that runs here: the calls of a shop that sells subscriptions, its two pages, and signed webhooks.
//!
//! | file | does |
//! |---|---|
//! | `api.rs` | `/v1/…`: key, faults, idempotency, which function answers |
//! | `calls.rs` | what each call does |
//! | `life.rs` | what becomes of subscriptions and invoices, and which events tell of it |
//! | `pages.rs` | Checkout and the customer's own page, to click through |
//! | `delivery.rs` | webhooks: signed, retried, doubled, held back |
//! | `world.rs` | the state behind all of it |

mod api;
mod calls;
mod delivery;
mod life;
mod pages;
mod world;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::task::JoinSet;

pub use delivery::signature as stripe_signature;
pub use life::StripeMove;
pub use world::StripePrice;

use crate::{control::common_routes, faults::Faults, server::Server};
use world::World;

#[derive(Clone)]
pub struct StripeOptions {
    /// Where webhooks go; empty: nowhere.
    pub webhook_url: String,
    pub webhook_secret: String,
    pub secret_key: String,
    pub prices: Vec<StripePrice>,
    /// Every so many webhooks, one is delivered twice. 0: never.
    pub twice_every: u64,
    /// 1.0: retries as Stripe does, over hours and days; 0.0: all at once.
    pub retry_time_scale: f64,
}

impl StripeOptions {
    pub fn new(webhook_url: impl Into<String>, webhook_secret: impl Into<String>) -> Self {
        Self {
            webhook_url: webhook_url.into(),
            webhook_secret: webhook_secret.into(),
            secret_key: "sk_test_simulated".into(),
            prices: vec![
                StripePrice::monthly("price_starter", 2_900),
                StripePrice::monthly("price_pro", 9_900),
                StripePrice::metered("price_answers"),
            ],
            twice_every: 0,
            retry_time_scale: 1.0,
        }
    }
}

/// Runs until dropped, deliveries under way included.
pub struct StripeSimulator {
    pub addr: SocketAddr,
    core: Arc<Core>,
    _server: Server,
}

pub(crate) struct Core {
    options: Mutex<StripeOptions>,
    world: Mutex<World>,
    faults: Arc<Faults>,
    deliveries: Mutex<JoinSet<()>>,
    runtime: tokio::runtime::Handle,
    http: reqwest::Client,
    addr: Mutex<Option<SocketAddr>>,
}

impl StripeSimulator {
    pub async fn start(bind: SocketAddr, options: StripeOptions) -> io::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let core = Arc::new(Core {
            world: Mutex::new(World::new(&options.prices)),
            options: Mutex::new(options),
            faults: Arc::default(),
            deliveries: Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
            http: http.map_err(io::Error::other)?,
            addr: Mutex::default(),
        });
        let router = api::routes(Arc::clone(&core)).merge(common_routes(Arc::clone(&core.faults)));
        let server = Server::start(bind, router).await?;
        *core.addr.lock().unwrap_or_else(PoisonError::into_inner) = Some(server.addr);
        Ok(Self { addr: server.addr, core, _server: server })
    }

    /// What `STRIPE_API_URL` should be.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The customer pays on the page of a Checkout session; answers with the subscription's id.
    pub fn pay(&self, session: &str) -> Option<String> {
        self.core.pay(session)
    }

    /// Something happens to a subscription; `false`: there is none by this id.
    pub fn happens(&self, subscription: &str, what: StripeMove) -> bool {
        self.core.happens(subscription, what)
    }

    /// An object as it is now.
    pub fn object(&self, id: &str) -> Option<Value> {
        self.core.world().objects.get(id).cloned()
    }

    /// The customers, in the order of their making.
    pub fn customers(&self) -> Vec<String> {
        self.core.world().of_kind("customer").map(|(id, _)| id.to_owned()).collect()
    }

    /// What meters were told, oldest first.
    pub fn metered(&self) -> Vec<Value> {
        self.core.world().metered.clone()
    }

    /// All events so far, oldest first.
    pub fn events(&self) -> Vec<Value> {
        self.core.world().events.clone()
    }

    /// From now on, events are made, but not delivered.
    pub fn hold(&self) {
        self.core.world().holds = true;
    }

    /// Delivers an event once more, or for the first time.
    pub fn deliver(&self, event: &Value) {
        self.core.deliver(event.clone());
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
}

impl Drop for StripeSimulator {
    fn drop(&mut self) {
        self.core.deliveries().abort_all();
    }
}

impl Core {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn options(&self) -> StripeOptions {
        self.options.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn deliveries(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where this simulator listens, for addresses of pages.
    fn origin(&self) -> String {
        let addr = *self.addr.lock().unwrap_or_else(PoisonError::into_inner);
        addr.map_or_else(String::new, |addr| format!("http://{addr}"))
    }
}

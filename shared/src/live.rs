//! Wake-ups over Redis: only what may be lost. Without Redis everything still works, by polling.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures::StreamExt;
use redis::AsyncCommands;
use secrecy::SecretString;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{ids::TenantId, redis_address};

const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// Between two wake-ups of one process: under load, one for each message would only cost.
const PUBLISH_PAUSE: Duration = Duration::from_millis(2);
const PUBLISH_TIMEOUT: Duration = Duration::from_millis(200);
/// Work to wake for. The payload is empty: Postgres knows what there is to do.
const CHANNEL: &str = "konstruct:wake";
/// Whose data changed. The payload is a tenant's id, and no word of what changed.
const CHANGES: &str = "konstruct:changed";
/// Tenants that wait to be announced; who does not fit in is looked at a moment later.
const WAITING_MAX: usize = 10_000;

/// Publishes wake-ups; cheap to clone.
#[derive(Clone)]
pub struct Waker {
    notify: Arc<Notify>,
}

impl Waker {
    /// Starts the publisher. Wake-ups that come faster than it publishes are merged into one.
    pub fn start(url: &SecretString) -> Result<Self, redis::RedisError> {
        let client = redis_address::client(url)?;
        let notify = Arc::new(Notify::new());
        tokio::spawn(publish(client, notify.clone()));
        Ok(Self { notify })
    }

    pub fn wake(&self) {
        self.notify.notify_one();
    }
}

async fn publish(client: redis::Client, notify: Arc<Notify>) {
    let mut connection = None;
    loop {
        notify.notified().await;
        if connection.is_none() {
            connection = tokio::time::timeout(PUBLISH_TIMEOUT, client.get_multiplexed_async_connection())
                .await
                .ok()
                .and_then(Result::ok);
        }
        let Some(open) = connection.as_mut() else { continue };
        match tokio::time::timeout(PUBLISH_TIMEOUT, open.publish::<_, _, i64>(CHANNEL, "")).await {
            Ok(Ok(_)) => {}
            _ => connection = None,
        }
        tokio::time::sleep(PUBLISH_PAUSE).await;
    }
}

/// Is told about wake-ups of every process. Missing one costs a poll interval.
#[derive(Clone)]
pub struct Wakeups {
    notify: Arc<Notify>,
}

impl Wakeups {
    pub fn subscribe(url: &SecretString) -> Result<Self, redis::RedisError> {
        let client = redis_address::client(url)?;
        let notify = Arc::new(Notify::new());
        tokio::spawn(listen(client, notify.clone()));
        Ok(Self { notify })
    }

    /// Returns at the next wake-up, or after `at_most`.
    pub async fn next(&self, at_most: Duration) {
        // A time-out is the normal case of an idle system.
        let _ = tokio::time::timeout(at_most, self.notify.notified()).await;
    }
}

async fn listen(client: redis::Client, notify: Arc<Notify>) {
    loop {
        if let Ok(mut subscription) = client.get_async_pubsub().await
            && subscription.subscribe(CHANNEL).await.is_ok()
        {
            // Something may have been published while we were away.
            notify.notify_one();
            let mut messages = subscription.on_message();
            while messages.next().await.is_some() {
                notify.notify_one();
            }
        }
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

/// Tells every gateway whose data changed, so that open pages need not wait for its next look; cheap to clone.
#[derive(Clone)]
pub struct Announcer {
    waiting: Arc<Mutex<BTreeSet<TenantId>>>,
    notify: Arc<Notify>,
}

impl Announcer {
    pub fn start(url: &SecretString) -> Result<Self, redis::RedisError> {
        let client = redis_address::client(url)?;
        let announcer = Self { waiting: Arc::default(), notify: Arc::new(Notify::new()) };
        tokio::spawn(announce(client, announcer.clone()));
        Ok(announcer)
    }

    /// After the commit: who is told looks at once.
    pub fn changed(&self, tenant: TenantId) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MAX {
            waiting.insert(tenant);
        }
        drop(waiting);
        self.notify.notify_one();
    }
}

async fn announce(client: redis::Client, announcer: Announcer) {
    let mut connection = None;
    loop {
        announcer.notify.notified().await;
        let tenants = std::mem::take(&mut *announcer.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if connection.is_none() {
            connection = tokio::time::timeout(PUBLISH_TIMEOUT, client.get_multiplexed_async_connection())
                .await
                .ok()
                .and_then(Result::ok);
        }
        let Some(open) = connection.as_mut() else { continue };
        let mut told = redis::pipe();
        for tenant in tenants {
            told.publish(CHANGES, tenant.uuid().to_string()).ignore();
        }
        match tokio::time::timeout(PUBLISH_TIMEOUT, told.query_async::<()>(open)).await {
            Ok(Ok(())) => {}
            _ => connection = None,
        }
        tokio::time::sleep(PUBLISH_PAUSE).await;
    }
}

/// Whose data changed, as every process tells. What is missed is found by the next look of whoever listens.
#[derive(Clone)]
pub struct Announcements {
    heard: Arc<Mutex<BTreeSet<TenantId>>>,
    notify: Arc<Notify>,
}

impl Announcements {
    pub fn subscribe(url: &SecretString) -> Result<Self, redis::RedisError> {
        let client = redis_address::client(url)?;
        let announcements = Self { heard: Arc::default(), notify: Arc::new(Notify::new()) };
        tokio::spawn(hear(client, Arc::downgrade(&announcements.heard), announcements.notify.clone()));
        Ok(announcements)
    }

    /// The tenants that were named since the last call, at the first of them or after `at_most`.
    pub async fn next(&self, at_most: Duration) -> BTreeSet<TenantId> {
        // A time-out is the normal case of an idle system.
        let _ = tokio::time::timeout(at_most, self.notify.notified()).await;
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Ends with whoever listens.
async fn hear(client: redis::Client, heard: Weak<Mutex<BTreeSet<TenantId>>>, notify: Arc<Notify>) {
    while heard.strong_count() > 0 {
        if let Ok(mut subscription) = client.get_async_pubsub().await
            && subscription.subscribe(CHANGES).await.is_ok()
        {
            let mut messages = subscription.on_message();
            while let Some(message) = messages.next().await {
                let Some(heard) = heard.upgrade() else { return };
                let tenant = message.get_payload::<String>().ok().and_then(|id| id.parse::<Uuid>().ok());
                let Some(tenant) = tenant else { continue };
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                if heard.len() < WAITING_MAX {
                    heard.insert(TenantId::from_uuid(tenant));
                }
                drop(heard);
                notify.notify_one();
            }
        }
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

/// Whether Redis answers, for `/readyz` and `doctor`.
pub async fn ping(url: &SecretString) -> Result<(), String> {
    let client = redis_address::client(url).map_err(|error| error.to_string())?;
    let attempt = async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("PING").query_async::<String>(&mut connection).await
    };
    match tokio::time::timeout(Duration::from_secs(1), attempt).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer within 1 s".into()),
    }
}

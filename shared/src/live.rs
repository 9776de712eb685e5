//! Wake-ups over Redis: only what may be lost. Without Redis everything still works, by polling.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use redis::AsyncCommands;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Notify;

const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// Between two wake-ups of one process: under load, one for each message would only cost.
const PUBLISH_PAUSE: Duration = Duration::from_millis(2);
const PUBLISH_TIMEOUT: Duration = Duration::from_millis(200);
/// Work to wake for. The payload is empty: Postgres knows what there is to do.
const CHANNEL: &str = "konstruct:wake";

/// Publishes wake-ups; cheap to clone.
#[derive(Clone)]
pub struct Waker {
    notify: Arc<Notify>,
}

impl Waker {
    /// Starts the publisher. Wake-ups that come faster than it publishes are merged into one.
    pub fn start(url: &SecretString) -> Result<Self, redis::RedisError> {
        let client = redis::Client::open(url.expose_secret())?;
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
        let client = redis::Client::open(url.expose_secret())?;
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

/// Whether Redis answers, for `/readyz` and `doctor`.
pub async fn ping(url: &SecretString) -> Result<(), String> {
    let client = redis::Client::open(url.expose_secret()).map_err(|error| error.to_string())?;
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

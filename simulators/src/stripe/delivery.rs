//! Webhooks on their way: signed, sometimes twice, and again until they are accepted.

use std::{sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Core, world::World};
use crate::clock::now_seconds;

const TIMEOUT: Duration = Duration::from_secs(10);
const API_VERSION: &str = "2026-07-29.dahlia";
/// Pauses before each attempt; Stripe goes on for up to three days.
const PAUSES_SECONDS: [f64; 9] = [0.0, 5.0, 60.0, 600.0, 3_600.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0];

/// What `Stripe-Signature` holds: over the time and the raw body.
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={timestamp},v1={}", hex::encode(mac.finalize().into_bytes()))
}

impl Core {
    /// Makes an event of what happened to an object, and lets it go.
    pub(super) fn tell(self: &Arc<Self>, world: &mut World, kind: &str, object: Value) {
        let id = world.id("evt");
        let event = json!({
            "id": id,
            "object": "event",
            "api_version": API_VERSION,
            "created": now_seconds(),
            "data": { "object": object },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
            "type": kind,
        });
        world.events.push(event.clone());
        world.put(&id, event.clone());
        if !world.holds {
            world.webhooks += 1;
            let every = self.options().twice_every;
            let twice = every > 0 && world.webhooks.is_multiple_of(every);
            for _ in 0..=usize::from(twice) {
                self.deliver(event.clone());
            }
        }
    }

    pub(super) fn deliver(self: &Arc<Self>, event: Value) {
        if self.options().webhook_url.is_empty() {
            return;
        }
        let mut deliveries = self.deliveries();
        while deliveries.try_join_next().is_some() {}
        deliveries.spawn_on(attempts(Arc::clone(self), event), &self.runtime);
    }
}

async fn attempts(core: Arc<Core>, event: Value) {
    let bytes = event.to_string().into_bytes();
    for pause_seconds in PAUSES_SECONDS {
        let options = core.options();
        tokio::time::sleep(Duration::from_secs_f64(pause_seconds * options.retry_time_scale.clamp(0.0, 1_000.0)))
            .await;
        let request = core
            .http
            .post(&options.webhook_url)
            .timeout(TIMEOUT)
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("stripe-signature", signature(&options.webhook_secret, now_seconds(), &bytes))
            .body(bytes.clone());
        if request.send().await.is_ok_and(|response| response.status().is_success()) {
            return;
        }
    }
}

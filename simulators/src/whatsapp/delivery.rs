//! Webhooks on their way: signed, several in one POST when held, sometimes twice, and again until they are accepted.

use std::{sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{Core, news, types::WhatsAppHistory, world::World};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Pauses before each attempt; Meta goes on for up to seven days, ever more seldom.
const PAUSES_SECONDS: [f64; 12] =
    [0.0, 2.0, 10.0, 60.0, 300.0, 1_800.0, 7_200.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0, 259_200.0];

/// What `X-Hub-Signature-256` holds: over the raw body.
pub fn signature(app_secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(app_secret.as_bytes()) else {
        return String::new();
    };
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

impl Core {
    /// Lets a change go, or keeps it for `release`.
    pub(super) fn send(self: &Arc<Self>, world: &mut World, number: &str, field: &str, value: Value) {
        world.touch();
        if let Some(held) = &mut world.held {
            held.push((format!("{number}/{field}"), value));
            return;
        }
        self.post(world, &[(number.to_owned(), field.to_owned(), value)]);
    }

    pub(super) fn release(self: &Arc<Self>) {
        let mut world = self.world();
        let changes: Vec<(String, String, Value)> = world
            .held
            .take()
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(place, value)| {
                let (number, field) = place.split_once('/')?;
                Some((number.to_owned(), field.to_owned(), value))
            })
            .collect();
        if !changes.is_empty() {
            self.post(&mut world, &changes);
        }
    }

    fn post(self: &Arc<Self>, world: &mut World, changes: &[(String, String, Value)]) {
        let options = self.options();
        if options.webhook_url.is_empty() {
            return;
        }
        world.webhooks += 1;
        let twice = options.twice_every > 0 && world.webhooks.is_multiple_of(options.twice_every);
        let body = news::envelope(changes);
        let (number, field) =
            changes.first().map(|(number, field, _)| (number.clone(), field.clone())).unwrap_or_default();
        let mut deliveries = self.deliveries();
        while deliveries.try_join_next().is_some() {}
        deliveries.spawn_on(deliver(Arc::clone(self), number, field, body, twice), &self.runtime);
    }
}

async fn deliver(core: Arc<Core>, number: String, field: String, body: Value, twice: bool) {
    let bytes = body.to_string().into_bytes();
    let mut accepted = 0;
    for pause_seconds in PAUSES_SECONDS {
        let options = core.options();
        tokio::time::sleep(Duration::from_secs_f64(pause_seconds * options.retry_time_scale.clamp(0.0, 1_000.0)))
            .await;
        record(&core, "webhook", &number, &field, None, &body);
        let request = core
            .http
            .post(&options.webhook_url)
            .timeout(TIMEOUT)
            .header("content-type", "application/json")
            .header("user-agent", "facebookexternalua")
            .header("x-hub-signature-256", signature(&options.app_secret, &bytes))
            .body(bytes.clone());
        let status = request.send().await.ok().map(|response| response.status().as_u16());
        record(&core, "webhook_result", &number, &field, status, &Value::Null);
        accepted += usize::from(status == Some(200));
        if accepted > usize::from(twice) {
            return;
        }
    }
}

fn record(core: &Core, what: &str, number: &str, field: &str, status: Option<u16>, body: &Value) {
    core.world().record(WhatsAppHistory {
        seq: 0,
        what: what.to_owned(),
        number: number.to_owned(),
        name: field.to_owned(),
        status,
        id: None,
        body: body.clone(),
    });
}

//! Events on their way to the product: signed, timed out after three seconds, retried three times.
//!
//! Each attempt is signed anew, as Slack does; the body, and with it the event id, stays the same. `whims.rs` says how
//! an event goes astray.

use std::{sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde_json::Value;
use sha2::Sha256;

use super::{
    Core, events,
    types::{HistoryEntry, HistoryKind, Raw, RawOutcome},
    whims::{ATTEMPTS, Fate},
    world::World,
};
use crate::clock;

/// The pause before each attempt, in seconds at full time scale.
const PAUSES_SECONDS: [f64; ATTEMPTS] = [0.0, 0.0, 60.0, 300.0];

/// What Slack puts into `X-Slack-Signature`.
pub fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// A proxy from the environment must not see what stays on this machine.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder().no_proxy().redirect(Policy::none()).build()
}

struct Outgoing {
    team: String,
    event_id: String,
    event_type: String,
    channel: Option<String>,
    ts: Option<String>,
    body: Vec<u8>,
    fate: Fate,
}

enum Attempt {
    Delivered(u16),
    Failed { status: Option<u16>, reason: &'static str, retry: bool },
}

impl Core {
    /// Puts an event that a person caused into an envelope and lets it go; returns its id at once.
    pub(super) fn send(self: &Arc<Self>, world: &mut World, team: &str, event: &Value) -> String {
        world.events_caused += 1;
        let fate = self.options().deliveries.fate_of(world.events_caused);
        self.send_with(world, team, event, fate)
    }

    fn send_with(self: &Arc<Self>, world: &mut World, team: &str, event: &Value, fate: Fate) -> String {
        let event_id = world.next_event_id();
        let options = self.options();
        if options.events_url.is_empty() || world.subscription.is_disabled {
            return event_id;
        }
        let channel = event["channel"].as_str();
        let shared = channel.is_some_and(|channel| world.channel(team, channel).shared);
        let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
        let outgoing = Outgoing {
            team: team.to_owned(),
            event_id: event_id.clone(),
            event_type: text("subtype").or_else(|| text("type")).unwrap_or_default(),
            channel: text("channel"),
            ts: text("ts"),
            body: events::envelope(team, &options.app_id, &event_id, event, shared).to_string().into_bytes(),
            fate,
        };
        let mut deliveries = self.deliveries();
        while deliveries.try_join_next().is_some() {}
        deliveries.spawn_on(deliver(Arc::clone(self), outgoing), &self.runtime);
        event_id
    }

    pub(super) fn echo(self: &Arc<Self>, world: &mut World, team: &str, event: Value) {
        if self.options().self_echo {
            self.send_with(world, team, &event, Fate::default());
        }
    }

    /// Deliveries that are on their way or wait for their next attempt.
    pub(super) fn deliveries_under_way(&self) -> usize {
        let mut deliveries = self.deliveries();
        while deliveries.try_join_next().is_some() {}
        deliveries.len()
    }

    pub(super) async fn send_raw(&self, raw: Raw) -> RawOutcome {
        let options = self.options();
        let body = match raw.body {
            Value::String(text) => text,
            json => json.to_string(),
        };
        let url = raw.url.unwrap_or(options.events_url);
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        if raw.signed {
            let timestamp = (clock::now_seconds() + raw.timestamp_offset.unwrap_or(0)).to_string();
            let secret = raw.secret.unwrap_or(options.signing_secret);
            headers.push(("x-slack-signature".into(), signature(&secret, &timestamp, body.as_bytes())));
            headers.push(("x-slack-request-timestamp".into(), timestamp));
        }
        for (name, value) in raw.headers {
            headers.retain(|(present, _)| !present.eq_ignore_ascii_case(&name));
            headers.push((name, value));
        }
        let request =
            headers.into_iter().fold(self.http.post(url), |request, (name, value)| request.header(name, value));
        let request = request.timeout(Duration::from_millis(options.delivery_timeout_ms)).body(body);
        match request.send().await {
            Ok(response) => RawOutcome {
                status: Some(response.status().as_u16()),
                body: response.text().await.unwrap_or_default(),
                error: None,
            },
            Err(error) => RawOutcome { status: None, body: String::new(), error: Some(error.to_string()) },
        }
    }
}

async fn deliver(core: Arc<Core>, outgoing: Outgoing) {
    let mut last_reason = None;
    tokio::time::sleep(outgoing.fate.late).await;
    for (attempt, pause_seconds) in PAUSES_SECONDS.into_iter().enumerate() {
        let scale = core.options().retry_time_scale.clamp(0.0, 1_000.0);
        tokio::time::sleep(Duration::from_secs_f64(pause_seconds * scale)).await;

        record(&core, &outgoing, HistoryKind::EventSent, attempt, None, last_reason);
        let outcome = send_once(&core, &outgoing, attempt, last_reason).await;
        core.world().subscription.note(clock::now_ms(), matches!(outcome, Attempt::Delivered(_)));
        match outcome {
            Attempt::Delivered(status) => {
                record(&core, &outgoing, HistoryKind::EventResult, attempt, Some(status), None);
                if attempt >= outgoing.fate.again {
                    return;
                }
                // The answer got lost on the way back.
                last_reason = Some("http_timeout");
            }
            Attempt::Failed { status, reason, retry } => {
                record(&core, &outgoing, HistoryKind::EventResult, attempt, status, Some(reason));
                if !retry {
                    return;
                }
                last_reason = Some(reason);
            }
        }
    }
}

async fn send_once(core: &Core, outgoing: &Outgoing, attempt: usize, reason: Option<&str>) -> Attempt {
    let options = core.options();
    let timestamp = clock::now_seconds().to_string();
    let patience = Duration::from_millis(options.delivery_timeout_ms);
    let request = core
        .http
        .post(&options.events_url)
        .timeout(outgoing.fate.hang_up[attempt].unwrap_or(patience))
        .header("content-type", "application/json")
        .header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
        .header("x-slack-signature", signature(&options.signing_secret, &timestamp, &outgoing.body))
        .header("x-slack-request-timestamp", timestamp);
    let request = with_retry_headers(request, attempt, reason).body(outgoing.body.clone());

    match request.send().await {
        Ok(response) if response.status().is_success() => Attempt::Delivered(response.status().as_u16()),
        Ok(response) => Attempt::Failed {
            status: Some(response.status().as_u16()),
            reason: "http_error",
            retry: response.headers().get("x-slack-no-retry").is_none_or(|value| value != "1"),
        },
        Err(error) if error.is_timeout() => Attempt::Failed { status: None, reason: "http_timeout", retry: true },
        Err(_) => Attempt::Failed { status: None, reason: "connection_failed", retry: true },
    }
}

fn with_retry_headers(request: RequestBuilder, attempt: usize, reason: Option<&str>) -> RequestBuilder {
    match reason {
        Some(reason) => request.header("x-slack-retry-num", attempt).header("x-slack-retry-reason", reason),
        None => request,
    }
}

fn record(
    core: &Core,
    outgoing: &Outgoing,
    kind: HistoryKind,
    attempt: usize,
    status: Option<u16>,
    reason: Option<&str>,
) {
    core.world().record(HistoryEntry {
        channel: outgoing.channel.clone(),
        ts: outgoing.ts.clone(),
        event_id: Some(outgoing.event_id.clone()),
        event_type: Some(outgoing.event_type.clone()),
        attempt: u32::try_from(attempt).ok(),
        status,
        error: reason.map(str::to_owned),
        ..HistoryEntry::new(kind, &outgoing.team)
    });
}

//! What becomes of a verified event: whose it is, what it sets off besides a message, and the message it may be.

use std::{sync::Arc, time::Duration};

use axum::{body::Bytes, response::Response};
use shared::{
    channels::{
        slack_change, slack_ending,
        slack_event::{self, Envelope},
        slack_kept::Kept,
    },
    crash,
    db::{DbError, TenantDb, inbox::Accepted, system::Route},
    telemetry,
};

use super::{
    slack::{Refusal, Signer, counted, find_route, quarantine, sample},
    slack_acts, slack_changes, slack_stop,
};
use crate::Gateway;

/// How long a follow-up waits for the message that begins its thread, look by look; less than the time for an answer in
/// all.
pub(super) const HOLD_BACK: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_millis(800),
];

pub(super) async fn store_event(
    gateway: &Gateway,
    signer: Signer,
    envelope: Envelope,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let route = match signer {
        Signer::OwnApp(route) => route,
        Signer::Checker => return Err(Refusal::Forged),
        Signer::Platform => {
            let Some(team) = envelope.installation() else {
                return quarantine(gateway, "no workspace named", raw).await;
            };
            let Some(route) = find_route(gateway, team).await? else {
                return sample(gateway, team, "no tenant has connected this workspace", raw).await;
            };
            route
        }
    };
    tracing::Span::current().record("tenant.id", tracing::field::display(route.tenant));
    let trace = telemetry::traceparent();
    if let Some(id) = trace.as_deref().and_then(telemetry::trace_id) {
        tracing::Span::current().record("trace_id", id);
    }
    let db = gateway.db.tenant(route.tenant);
    if let Some(outcome) = set_off(gateway, &db, &route, &envelope, &raw).await? {
        return Ok(counted(outcome));
    }
    let now = gateway.clock.now();
    match slack_change::read(&envelope, &route, now) {
        slack_change::Read::NoChange => {}
        slack_change::Read::Nothing => return Ok(counted("not_kept")),
        slack_change::Read::Changed(changed) => {
            let outcome = slack_changes::follow(gateway, &db, &route, *changed, (raw, trace)).await?;
            return Ok(counted(outcome));
        }
    }
    let Some(kept) = slack_event::normalize(&envelope, &route, now) else {
        return Ok(counted("not_kept"));
    };
    Ok(counted(store_message(gateway, &route, kept, (raw, trace)).await?))
}

/// What an event asks for that is no message. Says how it was counted if that is all there is to it.
async fn set_off(
    gateway: &Gateway,
    db: &TenantDb,
    route: &Route,
    envelope: &Envelope,
    raw: &Bytes,
) -> Result<Option<&'static str>, Refusal> {
    if slack_ending::may_be_one(envelope.event_kind()) {
        // Shielded: the sender may hang up while it is being written.
        let (db, route, raw, now) = (db.clone(), route.clone(), raw.clone(), gateway.clock.now());
        let heard = tokio::spawn(async move { super::slack_ending::hear(&db, &route, &raw, now).await });
        heard.await.map_err(|_| Refusal::Unavailable)??;
    }
    if let Some(user) = envelope.home_opened_by() {
        slack_acts::open_home(db, route.connection, user).await?;
        return Ok(Some("home"));
    }
    if let Some(channel) = envelope.messages_opened_in() {
        slack_acts::open_messages(db, route.connection, channel).await?;
        return Ok(Some("home"));
    }
    if let Some(conversation) = slack_event::stopped(envelope, &gateway.fingerprints, route) {
        slack_stop::stop(gateway, db, conversation).await?;
    }
    Ok(None)
}

async fn store_message(
    gateway: &Gateway,
    route: &Route,
    kept: Kept,
    (raw, trace): (Bytes, Option<String>),
) -> Result<&'static str, DbError> {
    let (mention, follows_closely) = (kept.is_mention, kept.follows_closely);
    let arrival = Arc::new(kept.into_arrival(&gateway.fingerprints, route, raw.into(), trace));
    crash::point(crash::Point::BeforeCommit);
    let mut accepted = gateway.ingest.accept(arrival.clone()).await?;
    crash::point(crash::Point::AfterCommit);
    // Slack promises no order: what begins the thread may be a moment behind.
    for pause in HOLD_BACK {
        if !follows_closely || accepted != Accepted::NotKept {
            break;
        }
        tokio::time::sleep(pause).await;
        accepted = gateway.ingest.accept(arrival.clone()).await?;
    }
    // A mention arrives as two events; if the other one came first and was not seen to be a mention, say so now.
    if mention && accepted == (Accepted::Duplicate { settled: false }) {
        accepted = gateway.ingest.readdress(arrival).await?;
    }
    Ok(match accepted {
        Accepted::Stored { .. } => {
            gateway.waker.wake();
            "stored"
        }
        Accepted::Duplicate { .. } => "duplicate",
        Accepted::NotKept => "not_kept",
    })
}

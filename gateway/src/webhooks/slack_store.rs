//! What becomes of a verified event: whose it is, what it sets off besides a message, and the message it may be.

use std::{sync::Arc, time::Duration};

use axum::{body::Bytes, response::Response};
use shared::{
    channels::{
        slack_change, slack_ending,
        slack_event::{self, Envelope},
        slack_kept::Kept,
        slack_news,
    },
    crash,
    db::{
        DbError, TenantDb,
        inbox::Accepted,
        notices::{self, Kind},
        system::Route,
    },
    jobs::Job,
    queue, telemetry,
};

use super::{
    news,
    slack::{Refusal, Signer, counted, find_route, quarantine, sample},
    slack_acts, slack_changes, slack_desk, slack_stop,
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

/// Seconds; an older minute would not be fetched.
const MINUTE_AGE_MAX: i64 = 24 * 3_600;
/// The minute must be over before it is fetched.
const AFTER_HELD_BACK: Duration = Duration::from_secs(90);

/// What a tenant's admins are told.
const HELD_BACK: &str = "Slack holds back events of your workspace, since there were more than 30,000 within an hour: \
                         what people wrote meanwhile is fetched and answered a few minutes later. Take the agent out of \
                         channels that are busy without it.";

pub(super) async fn store_event(
    gateway: &Gateway,
    signer: Signer,
    envelope: Envelope,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let Some(team) = envelope.installation() else {
        return quarantine(gateway, "no workspace named", raw).await;
    };
    let Some(route) = route_of(gateway, signer, team).await? else {
        return sample(gateway, team, "no tenant has connected this workspace", raw).await;
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
    if let Some(news) = slack_news::read(&envelope, &route, now) {
        return Ok(counted(news::hear(&db, route.connection, news).await?));
    }
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
    Ok(counted(store_message(gateway, (&db, &route), kept, (raw, trace)).await?))
}

async fn route_of(gateway: &Gateway, signer: Signer, team: &str) -> Result<Option<Route>, Refusal> {
    match signer {
        Signer::OwnApp(route) => Ok(Some(route)),
        Signer::Checker => Err(Refusal::Forged),
        Signer::Platform => find_route(gateway, team).await,
    }
}

/// Slack sends no more than 30,000 events an hour; the rest of a minute is lost, and whose they are should know.
pub(super) async fn held_back(
    gateway: &Gateway,
    signer: Signer,
    envelope: &Envelope,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let team = envelope.installation().unwrap_or_default();
    tracing::error!(team, "Slack holds back events of this workspace: more than 30,000 an hour");
    if let Some(route) = route_of(gateway, signer, team).await? {
        let mut tx = gateway.db.tenant(route.tenant).begin().await?;
        notices::tell_hourly(&mut tx, Kind::EventsHeldBack, route.connection, HELD_BACK).await?;
        let (connection, now) = (route.connection, gateway.clock.now().unix_timestamp());
        // A minute that is not told, or makes no sense, is the one before.
        let minute = envelope.minute_rate_limited.filter(|minute| (now - MINUTE_AGE_MAX..=now).contains(minute));
        let since = minute.unwrap_or(now - now % 60 - 60);
        let job = Job::FetchMissed { connection, since, until: since + 60 };
        if !queue::is_waiting(&mut tx, &job).await? {
            queue::enqueue_after(&mut tx, &job, AFTER_HELD_BACK).await?;
        }
        tx.commit().await?;
    }
    sample(gateway, team, "app_rate_limited", raw).await
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
    (db, route): (&TenantDb, &Route),
    kept: Kept,
    (raw, trace): (Bytes, Option<String>),
) -> Result<&'static str, DbError> {
    let (mention, follows_closely) = (kept.is_mention, kept.follows_closely);
    let arrival = Arc::new(kept.into_arrival(&gateway.fingerprints, route, raw.into(), trace));
    // Who names the agent in an escalation's thread talks to the agent; all else there is for the customer, also then.
    let for_desk = route.has_desk && arrival.known_lane_only;
    if for_desk && slack_desk::hear(db, route, &arrival).await? {
        return Ok("desk");
    }
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
        accepted = gateway.ingest.readdress(arrival.clone()).await?;
    }
    Ok(match accepted {
        Accepted::Stored { .. } => {
            gateway.waker.wake();
            "stored"
        }
        Accepted::Duplicate { .. } => "duplicate",
        // The thread may have become an escalation's in this moment.
        Accepted::NotKept if for_desk && follows_closely && slack_desk::hear(db, route, &arrival).await? => "desk",
        Accepted::NotKept => "not_kept",
    })
}

//! Fetches what Slack could not deliver, because nobody listened or because it held events back: channel by channel, at most
//! a day back. What was found goes the way of every message, so what had arrived after all is known by its identity.

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde_json::{Value, json};
use shared::{
    channels::{
        CallError,
        slack::{Span, Target},
        slack_event,
        slack_kept::Kept,
    },
    db::{
        DbError, TenantDb,
        channels::{self, Place},
        connections,
        inbox::Accepted,
        system::Route,
    },
    ids::ConnectionId,
    jobs::Job,
    queue::{self, JobError},
    telemetry,
};

use crate::{Worker, jobs::judge};

/// Older is not answered any more.
const BACK_MAX_SECONDS: i64 = 24 * 3_600;
/// Threads of one channel that are read, newest first.
const THREADS_MAX: i64 = 50;
/// Of those that began meanwhile.
const BEGUN_MAX: usize = 50;

/// A job for each channel: one that has to wait keeps no other waiting.
pub async fn spread(worker: &Worker, db: &TenantDb, connection: ConnectionId, span: Span) -> Result<(), JobError> {
    let since = span.since.max(worker.clock.now().unix_timestamp() - BACK_MAX_SECONDS);
    let mut tx = db.begin().await?;
    for channel in channels::open_ones(&mut tx, connection).await? {
        let job = Job::FetchMissedIn { connection, channel, since, until: span.until };
        queue::enqueue(&mut tx, &job).await?;
    }
    Ok(tx.commit().await?)
}

pub async fn run(
    worker: &Worker,
    db: &TenantDb,
    connection: ConnectionId,
    channel: &str,
    span: Span,
) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let (route, team) = connections::route(&mut tx, connection).await?;
    let Some(place) = channels::place(&mut tx, connection, channel, THREADS_MAX).await? else {
        return Ok(tx.close().await?);
    };
    tx.close().await?;
    let reading = |token: SecretString| {
        let place = &place;
        async move { read(worker, &token, channel, place, span).await }
    };
    let found = worker.tokens.call(db, connection, reading).await?.map_err(judge)?;
    let mut stored = 0;
    for message in &found {
        stored += usize::from(hand_over(worker, &route, &event(message, &team, channel, &place)).await?);
    }
    if stored > 0 {
        tracing::warn!(stored, "Messages that Slack had not delivered were fetched");
        worker.waker.wake();
    }
    Ok(())
}

/// The channel's messages, and those of the threads in which the agent takes part, or that began meanwhile.
async fn read(
    worker: &Worker,
    token: &SecretString,
    channel: &str,
    place: &Place,
    span: Span,
) -> Result<Vec<Value>, CallError> {
    let mut all = worker.slack.said_within(token, Target { channel, thread: None }, span).await?;
    let begun = all.iter().filter(|message| message["reply_count"].as_u64().is_some_and(|count| count > 0));
    let begun = begun.filter_map(|message| message["ts"].as_str()).map(str::to_owned);
    let threads: BTreeSet<String> = begun.take(BEGUN_MAX).chain(place.threads.iter().cloned()).collect();
    for thread in &threads {
        let target = Target { channel, thread: Some(thread) };
        match worker.slack.said_within(token, target, span).await {
            Ok(more) => all.extend(more),
            // A thread whose beginning is gone.
            Err(CallError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    // In the order in which they were said: a thread begins before it goes on.
    all.sort_by_key(|message| message["ts"].as_str().unwrap_or_default().to_owned());
    Ok(all)
}

/// The event that Slack would have sent.
fn event(message: &Value, team: &str, channel: &str, place: &Place) -> Value {
    let kind = match place.kind.as_str() {
        "public" => "channel",
        "private" => "group",
        "direct" => "im",
        "group_direct" => "mpim",
        _ => "",
    };
    let mut inner = message.clone();
    inner["type"] = json!("message");
    inner["channel"] = json!(channel);
    inner["channel_type"] = json!(kind);
    json!({
        "type": "event_callback",
        "event_id": format!("missed-{channel}-{}", message["ts"].as_str().unwrap_or_default()),
        "authorizations": [{ "team_id": team, "enterprise_id": team, "is_enterprise_install": team.starts_with('E') }],
        // Unless somebody said otherwise, others may read along.
        "is_ext_shared_channel": place.shared,
        "event": inner,
    })
}

/// Whether it was new.
async fn hand_over(worker: &Worker, route: &Route, event: &Value) -> Result<bool, DbError> {
    let raw = event.to_string().into_bytes();
    let Ok(envelope) = slack_event::parse(&raw) else { return Ok(false) };
    let kept = slack_event::normalize(&envelope, route, worker.clock.now());
    let Some(kept) = kept.filter(Kept::is_message) else { return Ok(false) };
    let arrival = kept.into_arrival(&worker.fingerprints, route, raw, telemetry::traceparent());
    let accepted = worker.ingest.accept(arrival).await?;
    Ok(matches!(accepted, Accepted::Stored { .. }))
}

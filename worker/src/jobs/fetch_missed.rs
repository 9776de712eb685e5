//! Fetches what Slack could not deliver, because nobody listened or because it held events back: channel by channel, at most
//! a day back. What was found goes the way of every message, so what had arrived after all is known by its identity. What was
//! changed or taken back meanwhile is followed like Slack's own events.

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde_json::{Value, json};
use shared::{
    channels::{
        CallError,
        slack::{Span, Target},
        slack_event, slack_ids,
        slack_kept::Kept,
    },
    db::{
        DbError, TenantDb,
        channels::{self, Place},
        connections,
        inbox::Accepted,
        missed,
        system::Route,
    },
    ids::ConnectionId,
    jobs::Job,
    queue::{self, JobError},
    telemetry,
};
use time::OffsetDateTime;

use super::missed_changes::{self, History};
use crate::{Worker, jobs::judge};

/// Older is not answered any more.
const BACK_MAX_SECONDS: i64 = 24 * 3_600;
/// How long before the silence a message may have been written that was changed in it.
const CHANGED_WITHIN_SECONDS: i64 = 3_600;
/// Within this, a message is in Slack's history.
const SETTLES_SECONDS: i64 = 10;
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
    // People change what they wrote a while ago.
    let wide = Span { since: span.since - CHANGED_WITHIN_SECONDS, ..span };
    let reading = |token: SecretString| {
        let place = &place;
        async move { read(worker, &token, channel, place, wide).await }
    };
    let history = worker.tokens.call(db, connection, reading).await?.map_err(judge)?;
    // As it was before what was missed joins it.
    let mut tx = db.begin().await?;
    let known = missed::stored(&mut tx, connection, channel, (at(wide.since), at(settled(worker, span)))).await?;
    tx.close().await?;
    let mut stored = 0;
    for message in history.messages.iter().filter(|message| is_within(message, span)) {
        let event = event(message.clone(), &team, channel, &place);
        stored += usize::from(hand_over(worker, &route, &event).await?);
    }
    let mut changed = 0;
    let now = format!("{}.000000", worker.clock.now().unix_timestamp());
    for inner in history.events(&known, &now) {
        let event = event(inner, &team, channel, &place);
        changed += usize::from(missed_changes::follow(worker, db, &route, &event).await?);
    }
    if stored + changed > 0 {
        tracing::warn!(stored, changed, "What Slack had not delivered was fetched");
        worker.waker.wake();
    }
    Ok(())
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// What was said a moment ago may not be in the history yet.
fn settled(worker: &Worker, span: Span) -> i64 {
    span.until.min(worker.clock.now().unix_timestamp() - SETTLES_SECONDS)
}

fn is_within(message: &Value, span: Span) -> bool {
    let seconds = message["ts"].as_str().and_then(slack_ids::time_of).map(OffsetDateTime::unix_timestamp);
    // What a thread began with is read with it, however old it is: it is known, or was nobody's business.
    seconds.is_some_and(|seconds| seconds >= span.since)
}

/// The channel's messages, and those of the threads in which the agent takes part, or that began meanwhile.
async fn read(
    worker: &Worker,
    token: &SecretString,
    channel: &str,
    place: &Place,
    span: Span,
) -> Result<History, CallError> {
    let (all, whole) = worker.slack.said_within(token, Target { channel, thread: None }, span).await?;
    let mut history = History { messages: all, whole, ..History::default() };
    let begun =
        history.messages.iter().filter(|message| message["reply_count"].as_u64().is_some_and(|count| count > 0));
    let begun = begun.filter_map(|message| message["ts"].as_str()).map(str::to_owned);
    let threads: BTreeSet<String> = begun.take(BEGUN_MAX).chain(place.threads.iter().cloned()).collect();
    for thread in threads {
        let target = Target { channel, thread: Some(&thread) };
        match worker.slack.said_within(token, target, span).await {
            Ok((more, whole)) => {
                history.messages.extend(more);
                history.threads.insert(thread, whole);
            }
            // A thread whose beginning is gone.
            Err(CallError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    // In the order in which they were said: a thread begins before it goes on.
    history.messages.sort_by_key(|message| message["ts"].as_str().unwrap_or_default().to_owned());
    history.messages.dedup_by(|one, other| one["ts"] == other["ts"]);
    Ok(history)
}

/// The event that Slack would have sent.
fn event(mut inner: Value, team: &str, channel: &str, place: &Place) -> Value {
    let kind = match place.kind.as_str() {
        "public" => "channel",
        "private" => "group",
        "direct" => "im",
        "group_direct" => "mpim",
        _ => "",
    };
    let ts = inner["event_ts"].as_str().or(inner["ts"].as_str()).unwrap_or_default().to_owned();
    inner["type"] = json!("message");
    inner["channel"] = json!(channel);
    inner["channel_type"] = json!(kind);
    json!({
        "type": "event_callback",
        "event_id": format!("missed-{channel}-{ts}"),
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

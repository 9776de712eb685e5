//! Stores what a POST tells: messages through the accept path, everything else in one transaction for each tenant.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::body::Bytes;
use futures::future::join_all;
use shared::{
    db::{
        DbError, TenantDb,
        changes::{self, Followed},
        deliveries::{self, Status},
        feedback::Reaction,
        inbox::{Accepted, Arrival},
        numbers::{self, Change, Echo},
    },
    ids::{ConnectionId, TenantId},
    telemetry,
};
use time::OffsetDateTime;

use super::{
    aside::{self, Odd},
    news,
    refusal::Refusal,
    reports::pause,
    whatsapp::CHANNEL,
    whatsapp_event::Piece,
    whatsapp_routes::{Destinations, Key},
    whatsapp_row::{self, Kept},
};
use crate::Gateway;

/// A repeated delivery within this may be of one that failed half-way.
const REPEATED_SOON: Duration = Duration::from_secs(600);

/// One tenant's part of a POST, besides messages.
#[derive(Default)]
struct Part<'a> {
    statuses: Vec<(ConnectionId, Status)>,
    /// The statuses' own bytes, in their order.
    statuses_raw: Vec<&'a str>,
    changes: Vec<(ConnectionId, Change, &'a str)>,
    reactions: Vec<(ConnectionId, Reaction, &'a str)>,
    rewritten: Vec<(changes::Change, &'a str)>,
    accounts: HashMap<ConnectionId, String>,
}

pub async fn store(gateway: &Gateway, pieces: &[Piece<'_>], destinations: &Destinations) -> Result<(), Refusal> {
    let trace = telemetry::traceparent();
    if let Some(id) = trace.as_deref().and_then(telemetry::trace_id) {
        tracing::Span::current().record("trace_id", id);
    }
    let now = gateway.clock.now();
    let mut incoming: Vec<Incoming<'_>> = Vec::new();
    let mut parts: HashMap<TenantId, Part<'_>> = HashMap::new();
    for piece in pieces {
        let key = Key::of(piece);
        let Some(routes) = destinations.get(&key) else {
            sample(gateway, "no tenant has connected this number", key.name(), piece.raw).await?;
            continue;
        };
        let kept = whatsapp_row::normalize(piece, now);
        if let Kept::Odd(reason) = kept {
            sample(gateway, reason, key.name(), piece.raw).await?;
            continue;
        }
        for route in routes {
            let part = parts.entry(route.tenant).or_default();
            if route.account.is_empty() && !piece.account.is_empty() {
                part.accounts.insert(route.connection, piece.account.clone());
            }
            match &kept {
                Kept::Status(status) => {
                    part.statuses.push((route.connection, (**status).clone()));
                    part.statuses_raw.push(piece.raw);
                }
                Kept::Reaction(reaction) => part.reactions.push((route.connection, reaction.clone(), piece.raw)),
                Kept::Rewritten(rewritten) => {
                    let change = rewritten.clone().into_change(&gateway.fingerprints, route);
                    part.rewritten.push((change, piece.raw));
                }
                Kept::Row(row) => {
                    part.changes.extend(row.change.clone().map(|change| (route.connection, change, piece.raw)));
                    let (row, echo) = ((**row).clone(), row.echo.clone());
                    count(row.reason);
                    let arrival = row.into_arrival(&gateway.fingerprints, route, piece.raw, trace.clone());
                    incoming.push(Incoming { arrival: Arc::new(arrival), raw: piece.raw, echo });
                }
                Kept::Odd(_) => {}
            }
        }
    }
    let told = join_all(parts.into_iter().map(|(tenant, part)| tell(gateway, gateway.db.tenant(tenant), part)));
    let (kept, told) = tokio::join!(keep(gateway, &incoming), told);
    told.into_iter().collect::<Result<(), Refusal>>()?;
    take_over(gateway, &incoming, &kept?, now).await
}

/// A message on its way to the inbox.
struct Incoming<'a> {
    arrival: Arc<Arrival>,
    raw: &'a str,
    echo: Option<Echo>,
}

/// Who writes on the business's own phone has the conversation from then on. A repetition long after, when it may have been
/// given back, changes nothing; one soon after makes up for what failed.
async fn take_over(
    gateway: &Gateway,
    incoming: &[Incoming<'_>],
    kept: &[Option<Accepted>],
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    for (one, stored) in incoming.iter().zip(kept) {
        let Some(echo) = &one.echo else { continue };
        let is_new = matches!(stored, Some(Accepted::Stored { .. })) || now - echo.at < REPEATED_SOON;
        if !is_new {
            continue;
        }
        let taking = async {
            let mut tx = gateway.db.tenant(one.arrival.tenant).begin().await?;
            numbers::written_on_the_phone(&mut tx, one.arrival.conversation, echo).await?;
            tx.commit().await
        };
        accepted(gateway, one.arrival.tenant, taking.await, one.raw).await?;
        gateway.waker.wake();
    }
    Ok(())
}

/// What has no answer is counted by its reason: a kind that is new at Meta shows here first.
fn count(reason: &'static str) {
    if !reason.is_empty() {
        metrics::counter!("konstruct_whatsapp_ignored_total", "reason" => reason).increment(1);
    }
}

/// Stores all messages; one that the database refuses for what it is goes to quarantine and takes no other with it.
async fn keep(gateway: &Gateway, incoming: &[Incoming<'_>]) -> Result<Vec<Option<Accepted>>, Refusal> {
    let accepting = incoming.iter().map(|one| gateway.ingest.accept(one.arrival.clone()));
    // Polled in their order, so that they are queued in it.
    let accepted = join_all(accepting).await;
    let (mut stored, mut failed, mut kept) = (false, None, Vec::with_capacity(incoming.len()));
    for (accepted, one) in accepted.into_iter().zip(incoming) {
        kept.push(accepted.as_ref().ok().copied());
        let outcome = match accepted {
            Ok(Accepted::Stored { .. }) => {
                stored = true;
                "stored"
            }
            Ok(Accepted::Duplicate { .. }) => "duplicate",
            Ok(Accepted::NotKept) => "not_kept",
            Err(error) if error.refuses_value() => {
                failed = put_aside(gateway, one.arrival.tenant, one.raw).await.err().or(failed);
                continue;
            }
            Err(error) => {
                failed = Some(error.into());
                continue;
            }
        };
        counted(outcome);
    }
    if stored {
        gateway.waker.wake();
    }
    failed.map_or(Ok(kept), Err)
}

/// One tenant's part: news of its numbers in one transaction, then what people did to messages, each in its own. What the
/// database refuses for what it is goes to quarantine, and takes nothing else with it.
async fn tell(gateway: &Gateway, db: TenantDb, part: Part<'_>) -> Result<(), Refusal> {
    if !recorded_together(gateway, &db, &part).await? {
        match note(&db, &part).await {
            Err(error) if error.refuses_value() => note_singly(gateway, &db, &part).await?,
            noted => noted?,
        }
    }
    if !part.accounts.is_empty() {
        gateway.routes.invalidate_all();
    }
    for (connection, reaction, raw) in &part.reactions {
        let heard = news::react(&db, *connection, reaction).await;
        if let Some(heard) = accepted(gateway, db.id(), heard, raw).await? {
            counted(if heard { "news" } else { "not_kept" });
        }
    }
    for (change, raw) in &part.rewritten {
        let followed = rewrite(gateway, &db, change).await;
        accepted(gateway, db.id(), followed, raw).await?;
    }
    Ok(())
}

/// Most requests tell how a message fared, and nothing else.
async fn recorded_together(gateway: &Gateway, db: &TenantDb, part: &Part<'_>) -> Result<bool, DbError> {
    let is_alone = !part.statuses.is_empty() && part.changes.is_empty() && part.accounts.is_empty();
    if is_alone { gateway.reports.record(db, part.statuses.clone()).await } else { Ok(false) }
}

async fn note(db: &TenantDb, part: &Part<'_>) -> Result<(), DbError> {
    if part.statuses.is_empty() && part.changes.is_empty() && part.accounts.is_empty() {
        return Ok(());
    }
    // People that turn out to be one share what is remembered of them.
    let mut tx = db.begin_for_all_audiences().await?;
    deliveries::record(&mut tx, &part.statuses, pause).await?;
    for (connection, change, _) in &part.changes {
        numbers::apply(&mut tx, *connection, change).await?;
    }
    for (connection, account) in &part.accounts {
        numbers::note_account(&mut tx, *connection, account).await?;
    }
    tx.commit().await
}

/// The same, each in a transaction of its own.
async fn note_singly(gateway: &Gateway, db: &TenantDb, part: &Part<'_>) -> Result<(), Refusal> {
    for (status, raw) in part.statuses.iter().zip(&part.statuses_raw) {
        let one = Part { statuses: vec![status.clone()], ..Part::default() };
        accepted(gateway, db.id(), note(db, &one).await, raw).await?;
    }
    for change in &part.changes {
        let one = Part { changes: vec![change.clone()], ..Part::default() };
        accepted(gateway, db.id(), note(db, &one).await, change.2).await?;
    }
    for (connection, account) in &part.accounts {
        let one = Part { accounts: HashMap::from([(*connection, account.clone())]), ..Part::default() };
        accepted(gateway, db.id(), note(db, &one).await, account).await?;
    }
    Ok(())
}

/// `None`: the database refuses the value for what it is, and its bytes were put aside.
async fn accepted<T>(
    gateway: &Gateway,
    tenant: TenantId,
    outcome: Result<T, DbError>,
    raw: &str,
) -> Result<Option<T>, Refusal> {
    match outcome {
        Err(error) if error.refuses_value() => put_aside(gateway, tenant, raw).await.map(|()| None),
        outcome => Ok(outcome.map(Some)?),
    }
}

async fn put_aside(gateway: &Gateway, tenant: TenantId, raw: &str) -> Result<(), Refusal> {
    counted(aside::refused(gateway, CHANNEL, tenant, Bytes::copy_from_slice(raw.as_bytes())).await?);
    Ok(())
}

/// What a person changed or took back is carried out before Meta gets its 200.
async fn rewrite(gateway: &Gateway, db: &TenantDb, change: &changes::Change) -> Result<(), DbError> {
    let mut followed = Followed::NotKept;
    // Had the message been stored between the look and the commit, nobody would see the change: it is looked for again.
    for _ in 0..2 {
        let mut tx = db.begin_for_all_audiences().await?;
        followed = changes::follow(&mut tx, change).await?;
        tx.commit().await?;
        if followed != (Followed::Waits { lane_known: false }) {
            break;
        }
    }
    gateway.waker.wake();
    counted(if followed == Followed::NotKept { "not_kept" } else { "changed" });
    Ok(())
}

/// Puts aside the first ones of a kind.
async fn sample(gateway: &Gateway, reason: &'static str, of: &str, raw: &str) -> Result<(), DbError> {
    let odd = Odd { provider: CHANNEL, reason, of: of.to_owned() };
    counted(aside::sample(gateway, odd, Bytes::copy_from_slice(raw.as_bytes())).await?);
    Ok(())
}

pub fn counted(outcome: &'static str) {
    metrics::counter!("konstruct_events_total", "outcome" => outcome).increment(1);
}

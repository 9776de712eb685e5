//! Stores what a POST tells: messages through the accept path, everything else in one transaction for each tenant.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::future::join_all;
use shared::{
    db::{
        DbError, TenantDb,
        changes::{self, Followed},
        deliveries::{self, Status},
        feedback::Reaction,
        inbox::{self, Accepted, Arrival},
        numbers::{self, Change, Echo},
    },
    ids::{ConnectionId, TenantId},
    telemetry,
};
use time::OffsetDateTime;

use super::{
    news,
    whatsapp::CHANNEL,
    whatsapp_event::Piece,
    whatsapp_routes::{Destinations, Key},
    whatsapp_row::{self, Kept},
};
use crate::Gateway;

/// Of one number that belongs to nobody, or of one kind of odd piece: what is kept to look at, a minute.
const SAMPLES_MAX: u32 = 20;
/// A repeated delivery within this may be of one that failed half-way.
const REPEATED_SOON: Duration = Duration::from_secs(600);

/// One tenant's part of a POST, besides messages.
#[derive(Default)]
struct Part {
    statuses: Vec<(ConnectionId, Status)>,
    changes: Vec<(ConnectionId, Change)>,
    reactions: Vec<(ConnectionId, Reaction)>,
    rewritten: Vec<changes::Change>,
    accounts: HashMap<ConnectionId, String>,
}

pub async fn store(gateway: &Gateway, pieces: &[Piece<'_>], destinations: &Destinations) -> Result<(), DbError> {
    let trace = telemetry::traceparent();
    if let Some(id) = trace.as_deref().and_then(telemetry::trace_id) {
        tracing::Span::current().record("trace_id", id);
    }
    let now = gateway.clock.now();
    let mut incoming: Vec<Incoming<'_>> = Vec::new();
    let mut parts: HashMap<TenantId, Part> = HashMap::new();
    for piece in pieces {
        let key = Key::of(piece);
        let Some(routes) = destinations.get(&key) else {
            sample(gateway, "no tenant has connected this number", key.name().to_owned(), piece.raw.as_bytes())
                .await?;
            continue;
        };
        let kept = whatsapp_row::normalize(piece, now);
        if let Kept::Odd(reason) = kept {
            sample(gateway, reason, key.name().to_owned(), piece.raw.as_bytes()).await?;
            continue;
        }
        for route in routes {
            let part = parts.entry(route.tenant).or_default();
            if route.account.is_empty() && !piece.account.is_empty() {
                part.accounts.insert(route.connection, piece.account.clone());
            }
            match &kept {
                Kept::Status(status) => part.statuses.push((route.connection, (**status).clone())),
                Kept::Reaction(reaction) => part.reactions.push((route.connection, reaction.clone())),
                Kept::Rewritten(rewritten) => {
                    part.rewritten.push(rewritten.clone().into_change(&gateway.fingerprints, route));
                }
                Kept::Row(row) => {
                    part.changes.extend(row.change.clone().map(|change| (route.connection, change)));
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
    told.into_iter().collect::<Result<(), DbError>>()?;
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
) -> Result<(), DbError> {
    for (one, accepted) in incoming.iter().zip(kept) {
        let Some(echo) = &one.echo else { continue };
        let is_new = matches!(accepted, Some(Accepted::Stored { .. })) || now - echo.at < REPEATED_SOON;
        if !is_new {
            continue;
        }
        let mut tx = gateway.db.tenant(one.arrival.tenant).begin().await?;
        numbers::written_on_the_phone(&mut tx, one.arrival.conversation, echo).await?;
        tx.commit().await?;
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
async fn keep(gateway: &Gateway, incoming: &[Incoming<'_>]) -> Result<Vec<Option<Accepted>>, DbError> {
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
                sample(gateway, "the database refuses it", String::new(), one.raw.as_bytes()).await?;
                continue;
            }
            Err(error) => {
                failed = Some(error);
                continue;
            }
        };
        metrics::counter!("konstruct_events_total", "outcome" => outcome).increment(1);
    }
    if stored {
        gateway.waker.wake();
    }
    failed.map_or(Ok(kept), Err)
}

/// One tenant's part: news of its numbers in one transaction, then what people did to messages, each in its own.
async fn tell(gateway: &Gateway, db: TenantDb, part: Part) -> Result<(), DbError> {
    if !(part.statuses.is_empty() && part.changes.is_empty() && part.accounts.is_empty()) {
        // People that turn out to be one share what is remembered of them.
        let mut tx = db.begin_for_all_audiences().await?;
        deliveries::record(&mut tx, &part.statuses).await?;
        for (connection, change) in &part.changes {
            numbers::apply(&mut tx, *connection, change).await?;
        }
        for (connection, account) in &part.accounts {
            numbers::note_account(&mut tx, *connection, account).await?;
        }
        tx.commit().await?;
    }
    if !part.accounts.is_empty() {
        gateway.routes.invalidate_all();
    }
    for (connection, reaction) in &part.reactions {
        let heard = news::react(&db, *connection, reaction).await?;
        metrics::counter!("konstruct_events_total", "outcome" => if heard { "news" } else { "not_kept" })
            .increment(1);
    }
    for change in &part.rewritten {
        rewrite(gateway, &db, change).await?;
    }
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
    let outcome = if followed == Followed::NotKept { "not_kept" } else { "changed" };
    metrics::counter!("konstruct_events_total", "outcome" => outcome).increment(1);
    Ok(())
}

/// Quarantines the first ones of a kind: a flood must cost little, and the rest would tell nothing new.
pub async fn sample(gateway: &Gateway, reason: &'static str, of: String, raw: &[u8]) -> Result<(), DbError> {
    let count = gateway.samples.get_with((reason, of), async { Arc::default() }).await;
    let kept = count.fetch_add(1, Ordering::Relaxed) < SAMPLES_MAX;
    let outcome = if kept { "quarantined" } else { "dropped" };
    metrics::counter!("konstruct_events_total", "outcome" => outcome).increment(1);
    if kept {
        inbox::quarantine(&gateway.db.system(), CHANNEL, reason, raw).await?;
    }
    Ok(())
}

//! Stores what a POST tells: messages through the accept path, everything else in one transaction for each tenant.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use futures::future::join_all;
use shared::{
    db::{
        DbError,
        deliveries::{self, Status},
        inbox::{self, Accepted, Arrival},
        numbers::{self, Change},
    },
    ids::{ConnectionId, TenantId},
    telemetry,
};

use super::{
    whatsapp::CHANNEL,
    whatsapp_event::Piece,
    whatsapp_routes::{Destinations, Key},
    whatsapp_row::{self, Kept},
};
use crate::Gateway;

/// Of one number that belongs to nobody, or of one kind of odd piece: what is kept to look at, a minute.
const SAMPLES_MAX: u32 = 20;

/// One tenant's part of a POST, besides messages.
#[derive(Default)]
struct Part {
    statuses: Vec<(ConnectionId, Status)>,
    changes: Vec<(ConnectionId, Change)>,
    accounts: HashMap<ConnectionId, String>,
}

pub async fn store(gateway: &Gateway, pieces: &[Piece<'_>], destinations: &Destinations) -> Result<(), DbError> {
    let trace = telemetry::traceparent();
    if let Some(id) = trace.as_deref().and_then(telemetry::trace_id) {
        tracing::Span::current().record("trace_id", id);
    }
    let now = gateway.clock.now();
    let mut arrivals: Vec<(Arc<Arrival>, &str)> = Vec::new();
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
                Kept::Row(row) => {
                    part.changes.extend(row.change.clone().map(|change| (route.connection, change)));
                    let row = (**row).clone();
                    count(row.reason);
                    let arrival = row.into_arrival(&gateway.fingerprints, route, piece.raw, trace.clone());
                    arrivals.push((Arc::new(arrival), piece.raw));
                }
                Kept::Odd(_) => {}
            }
        }
    }
    let told = join_all(parts.into_iter().map(|(tenant, part)| tell(gateway, tenant, part)));
    let (kept, told) = tokio::join!(keep(gateway, &arrivals), told);
    kept?;
    told.into_iter().collect::<Result<(), DbError>>()
}

/// What has no answer is counted by its reason: a kind that is new at Meta shows here first.
fn count(reason: &'static str) {
    if !reason.is_empty() {
        metrics::counter!("konstruct_whatsapp_ignored_total", "reason" => reason).increment(1);
    }
}

/// Stores all messages; one that the database refuses for what it is goes to quarantine and takes no other with it.
async fn keep(gateway: &Gateway, arrivals: &[(Arc<Arrival>, &str)]) -> Result<(), DbError> {
    let accepting = arrivals.iter().map(|(arrival, _)| gateway.ingest.accept(arrival.clone()));
    // Polled in their order, so that they are queued in it.
    let accepted = join_all(accepting).await;
    let (mut stored, mut failed) = (false, None);
    for (accepted, (_, raw)) in accepted.into_iter().zip(arrivals) {
        let outcome = match accepted {
            Ok(Accepted::Stored { .. }) => {
                stored = true;
                "stored"
            }
            Ok(Accepted::Duplicate { .. }) => "duplicate",
            Ok(Accepted::NotKept) => "not_kept",
            Err(error) if error.refuses_value() => {
                sample(gateway, "the database refuses it", String::new(), raw.as_bytes()).await?;
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
    failed.map_or(Ok(()), Err)
}

/// One transaction for one tenant.
async fn tell(gateway: &Gateway, tenant: TenantId, part: Part) -> Result<(), DbError> {
    if part.statuses.is_empty() && part.changes.is_empty() && part.accounts.is_empty() {
        return Ok(());
    }
    // People that turn out to be one share what is remembered of them.
    let mut tx = gateway.db.tenant(tenant).begin_for_all_audiences().await?;
    deliveries::record(&mut tx, &part.statuses).await?;
    for (connection, change) in &part.changes {
        numbers::apply(&mut tx, *connection, change).await?;
    }
    for (connection, account) in &part.accounts {
        numbers::note_account(&mut tx, *connection, account).await?;
    }
    tx.commit().await?;
    if !part.accounts.is_empty() {
        gateway.routes.invalidate_all();
    }
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

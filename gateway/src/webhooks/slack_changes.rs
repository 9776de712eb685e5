//! Edits and deletions: carried out before Slack is told 200, so that none is lost and none is answered as it was.

use std::sync::Arc;

use axum::body::Bytes;
use shared::{
    channels::slack_change::Changed,
    db::{
        DbError, TenantDb,
        changes::{self, Change, Followed},
        inbox::{Accepted, Arrival},
        system::Route,
    },
};

use super::slack_store::HOLD_BACK;
use crate::Gateway;

/// Says how it was counted.
pub async fn follow(
    gateway: &Gateway,
    db: &TenantDb,
    route: &Route,
    mut changed: Changed,
    (raw, trace): (Bytes, Option<String>),
) -> Result<&'static str, DbError> {
    let change = changed.change(&gateway.fingerprints, route);
    let asks = changed.message.take();
    let asks = asks.map(|kept| Arc::new(kept.into_arrival(&gateway.fingerprints, route, raw.into(), trace)));
    let mut followed = carry_out(db, &change).await?;
    // What begins the thread may be a moment behind.
    for pause in HOLD_BACK {
        if !changed.follows_closely || followed != Followed::NotKept {
            break;
        }
        tokio::time::sleep(pause).await;
        followed = carry_out(db, &change).await?;
    }
    if let (Followed::Waits { .. }, Some(arrival)) = (followed, &asks) {
        // Nobody has stored the message: as it reads now, it asks the agent.
        gateway.ingest.accept(arrival.clone()).await?;
        followed = carry_out(db, &change).await?;
    } else if followed == (Followed::Waits { lane_known: false }) {
        // Had the message been stored between the look and the commit, nobody would see the change.
        followed = carry_out(db, &change).await?;
    }
    match (followed, asks) {
        // Only overheard so far, and named the agent now: it waits for an answer once more.
        (Followed::Applied { pending: false, answered: false }, Some(arrival)) => {
            address(gateway, arrival).await?
        }
        // Whatever else says that it names the agent, it is answered no second time.
        (Followed::Applied { .. }, Some(_)) | (Followed::Gone, _) => {
            let key = changed.message_key(&gateway.fingerprints, route);
            gateway.ingest.settle(route.tenant, key).await?;
        }
        _ => {}
    }
    gateway.waker.wake();
    Ok(if followed == Followed::NotKept { "not_kept" } else { "changed" })
}

async fn carry_out(db: &TenantDb, change: &Change) -> Result<Followed, DbError> {
    let mut tx = db.begin_for_all_audiences().await?;
    let followed = changes::follow(&mut tx, change).await?;
    tx.commit().await?;
    Ok(followed)
}

async fn address(gateway: &Gateway, arrival: Arc<Arrival>) -> Result<(), DbError> {
    if let Accepted::Duplicate { settled: false } = gateway.ingest.accept(arrival.clone()).await? {
        gateway.ingest.readdress(arrival).await?;
    }
    Ok(())
}

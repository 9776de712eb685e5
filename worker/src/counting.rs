//! Counts what happened, tenant by tenant and day by day. Each day is a transaction of its own and several workers take turns:
//! one that is killed leaves days that wait.

use std::{collections::BTreeSet, time::Duration};

use shared::{
    db::{Db, DbError, analytics},
    ids::TenantId,
    live::Announcements,
};
use tokio_util::sync::CancellationToken;

/// Between two looks at which tenants are due.
const INTERVAL: Duration = Duration::from_secs(15);

/// What Redis tells makes a tenant due after ten minutes instead of an hour: it may be lost.
pub async fn run(db: Db, announcements: Announcements, stopping: CancellationToken) {
    let (mut heard, mut ticks) = (BTreeSet::new(), tokio::time::interval(INTERVAL));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let listen = async {
        loop {
            tokio::select! {
                tenants = announcements.next(INTERVAL) => heard.extend(tenants),
                _ = ticks.tick() => match count_due(&db, &mut heard).await {
                    Ok(0) => {}
                    Ok(days) => tracing::debug!(days, "Days were counted"),
                    Err(error) => tracing::warn!(%error, "It could not be counted what happened"),
                },
            }
        }
    };
    stopping.run_until_cancelled(listen).await;
}

/// Counts the days of the tenants that are due; returns how many days. Of `heard`, those that
/// had their turn are taken out.
pub async fn count_due(db: &Db, heard: &mut BTreeSet<TenantId>) -> Result<usize, DbError> {
    let mut days = 0;
    for tenant in analytics::due(&db.system(), heard).await? {
        heard.remove(&tenant);
        // One that can't be counted does not keep the others waiting.
        match count(db, tenant).await {
            Ok(counted) => days += counted,
            Err(error) => tracing::warn!(tenant.id = %tenant, %error, "A tenant's days could not be counted"),
        }
    }
    Ok(days)
}

async fn count(db: &Db, tenant: TenantId) -> Result<usize, DbError> {
    let db = db.tenant(tenant);
    let mut tx = db.begin().await?;
    // Another worker may have taken it a moment ago.
    let waiting = if analytics::take_due(&mut tx).await? { analytics::look(&mut tx).await? } else { 0 };
    tx.commit().await?;
    for counted in 0..usize::try_from(waiting).unwrap_or_default() {
        let mut tx = db.begin().await?;
        let day = analytics::count_next(&mut tx).await?;
        tx.commit().await?;
        if day.is_none() {
            return Ok(counted);
        }
    }
    Ok(usize::try_from(waiting).unwrap_or_default())
}

//! Edits and deletions: carried out before Slack is told 200, so that none is lost and none is answered as it was.

use axum::body::Bytes;
use shared::{
    channels::slack_change::Changed,
    db::{DbError, TenantDb, changes::Followed, system::Route},
    slack_follow::Follower,
};

use super::slack_store::HOLD_BACK;
use crate::Gateway;

/// Says how it was counted.
pub async fn follow(
    gateway: &Gateway,
    db: &TenantDb,
    route: &Route,
    changed: Changed,
    (raw, trace): (Bytes, Option<String>),
) -> Result<&'static str, DbError> {
    let follower = Follower {
        db,
        route,
        ingest: &gateway.ingest,
        fingerprints: &gateway.fingerprints,
        hold_back: &HOLD_BACK,
    };
    let followed = follower.follow(changed, (raw.into(), trace)).await?;
    gateway.waker.wake();
    Ok(if followed == Followed::NotKept { "not_kept" } else { "changed" })
}

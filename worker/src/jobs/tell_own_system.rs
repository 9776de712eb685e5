//! Tells a tenant's own system of one act of the audit log, signed as Standard Webhooks says. It may hear of one twice, by the
//! same id, and of two in any order: `n` says which came first.

use std::time::Duration;

use serde_json::json;
use shared::{
    db::{
        DbError, TenantDb,
        webhook_endpoints::{
            self,
            deliveries::{self, Due},
        },
    },
    ids::{TenantId, WebhookDeliveryId},
    queue::JobError,
    standard_webhooks::{self, Failure, Message},
};
use time::format_description::well_known::Rfc3339;

use crate::Worker;

/// Seconds before each further attempt; after the last one it is given up. A weekend is survived.
const PAUSES: [u64; 9] = [5, 60, 300, 1_800, 7_200, 18_000, 36_000, 86_400, 86_400];

pub async fn run(worker: &Worker, db: &TenantDb, id: WebhookDeliveryId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(due) = deliveries::begin_attempt(&mut tx, id).await? else { return Ok(tx.commit().await?) };
    let secret = webhook_endpoints::open(&mut tx, &worker.keys, due.endpoint, &due.secret).await;
    tx.commit().await?;
    let body = body(db.id(), &due)?;
    let message = Message { id: &id.to_string(), sent_at: worker.clock.now().unix_timestamp(), body };
    let sent = match secret {
        Ok(secret) => standard_webhooks::send(&worker.guard, &due.url, &secret, message).await,
        Err(DbError::Damaged(_)) => Err(Failure::of_secret()),
        Err(error) => return Err(error.into()),
    };
    let mut tx = db.begin().await?;
    let outcome = match sent {
        Ok(status) => {
            deliveries::delivered(&mut tx, id, status).await?;
            "delivered"
        }
        Err(failure) => {
            let gone = failure.wants_no_more();
            let pause = usize::try_from(due.attempts - 1).ok().and_then(|before| PAUSES.get(before));
            match pause.filter(|_| !gone) {
                Some(pause) => {
                    let after = Duration::from_secs(*pause);
                    deliveries::put_off(&mut tx, id, &failure, after).await?;
                    "put_off"
                }
                None => {
                    deliveries::give_up(&mut tx, (id, &due), &failure, gone).await?;
                    "given_up"
                }
            }
        }
    };
    tx.commit().await?;
    metrics::counter!("konstruct_webhook_deliveries_total", "outcome" => outcome).increment(1);
    Ok(())
}

/// The specification's own shape.
fn body(tenant: TenantId, due: &Due) -> Result<String, JobError> {
    let event = &due.event;
    let at = event.at.format(&Rfc3339).map_err(|error| JobError::Fail(error.to_string()))?;
    let data = json!({
        "tenant_id": tenant,
        "n": event.n,
        "actor": { "kind": event.actor_kind, "id": event.actor_id },
        "target": { "kind": event.target_kind, "id": event.target_id },
        "detail": event.detail,
    });
    Ok(json!({ "type": event.action, "timestamp": at, "data": data }).to_string())
}

//! Tells a tenant's own system of one act of the audit log, one message or one notice, signed as Standard Webhooks says. It may
//! hear of one twice, by the same id, and of two in any order: `n` says which act came first, and times which message.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    db::{
        DbError, TenantDb,
        webhook_endpoints::{
            self,
            deliveries::{self, Due},
            subjects::{Subject, Told},
        },
    },
    ids::{TenantId, WebhookDeliveryId},
    queue::JobError,
    standard_webhooks::{self, Failure, Message},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

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
    let (kind, at, mut data) = match &due.subject {
        Subject::Act(event) => {
            let data = json!({
                "n": event.n,
                "actor": { "kind": event.actor_kind, "id": event.actor_id },
                "target": { "kind": event.target_kind, "id": event.target_id },
                "detail": event.detail,
            });
            (event.action.clone(), event.at, data)
        }
        Subject::Message(told) => (told.event.clone(), happened(told), message(told, due.with_text)),
        Subject::Notice(notice) => {
            let data = json!({
                "notice": notice.notice,
                "conversation": notice.conversation,
                "sentence": notice.body,
            });
            (format!("notice.{}", notice.kind), notice.created_at, data)
        }
    };
    data["tenant_id"] = json!(tenant);
    let at = at.format(&Rfc3339).map_err(|error| JobError::Fail(error.to_string()))?;
    Ok(json!({ "type": kind, "timestamp": at, "data": data }).to_string())
}

fn happened(told: &Told) -> OffsetDateTime {
    match told.event.as_str() {
        "message.deleted" => told.deleted_at,
        "message.edited" => told.edited_at,
        _ => None,
    }
    .unwrap_or(told.sent_at)
}

/// Words go along only where they were asked for, and never once they are deleted.
fn message(told: &Told, with_text: bool) -> Value {
    let author = match told.author_kind.as_str() {
        "person" => told.person.map(|id| id.to_string()),
        "agent" => told.agent.map(|id| id.to_string()),
        _ => None,
    };
    let mut data = json!({
        "message": told.message,
        "conversation": told.conversation,
        "channel": told.channel,
        "author": { "kind": told.author_kind, "id": author },
        "run": told.run,
    });
    if with_text && told.deleted_at.is_none() {
        data["text"] = json!(told.body);
    }
    data
}

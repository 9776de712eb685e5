//! Sends a message again that WhatsApp took and reported as failed since. What an attempt without an answer came to is looked
//! for among the statuses; if they say nothing, an operator is told, and nothing is sent a third time.

use std::time::Duration;

use shared::{
    channels::{
        CallError,
        whatsapp::{Line, Outgoing},
        whatsapp_codes, whatsapp_text,
    },
    db::{
        DbError, TenantDb, TenantTx, connections,
        deliveries::{self, Status},
        notices::Kind,
        resends::{self, Again, BEHIND_A_TURN, Begun, RESENDS_MAX},
    },
    ids::OutboxId,
    queue::JobError,
};

use crate::{Worker, by_phone};

/// Within this a message that arrived has a status.
const STATUS_LATEST: Duration = Duration::from_secs(10);
/// After a call that reached nobody.
const PAUSE: Duration = Duration::from_secs(10);
const DIED: &str = "the process that sent it again ended before it heard an answer";
const ELSEWHERE: &str = "only WhatsApp reports failures afterwards";

pub async fn run(worker: &Worker, db: &TenantDb, id: OutboxId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let again = match resends::begin(&mut tx, id).await? {
        Begun::Unheard(again) => {
            settle(&mut tx, id, &again, DIED).await?;
            return Ok(tx.commit().await?);
        }
        Begun::Over => return Ok(tx.commit().await?),
        Begun::Busy => {
            resends::put_off(&mut tx, id, BEHIND_A_TURN).await?;
            return Ok(tx.commit().await?);
        }
        Begun::Go(again) => again,
    };
    let token = connections::token(&mut tx, &worker.keys, again.connection).await?;
    let number = by_phone::number(&mut tx, again.connection).await?;
    tx.commit().await?;
    let sent = match number {
        None => Err(CallError::Refused(ELSEWHERE.into())),
        Some(number) => {
            let line = Line { number: &number, person: &again.channel };
            let text = match again.kind.as_str() {
                "operator" => whatsapp_text::from_markdown(&again.body),
                _ => again.body.clone(),
            };
            let outgoing = match &again.upload {
                Some((media, name)) => Outgoing::Document { media, name },
                None if again.asks_for_number => Outgoing::AskForNumber(&text),
                None => Outgoing::answer(&text),
            };
            worker.whatsapp.send(&token, line, &outgoing, None, id).await
        }
    };
    conclude(db, id, &again, sent).await
}

/// What an attempt came to that nobody heard the end of, as far as the statuses tell.
async fn settle(tx: &mut TenantTx, id: OutboxId, again: &Again, why: &str) -> Result<(), DbError> {
    let failed = again.failed.as_deref();
    match resends::find(tx, id, failed).await? {
        Some(message) => resends::arrived(tx, id, failed, &message).await,
        None => resends::give_up(tx, id, again.conversation, (Kind::SendUnclear, why)).await,
    }
}

fn pause_after(status: &Status) -> Option<Duration> {
    whatsapp_codes::pause_after_failure(i64::from(status.error_code?))
}

async fn conclude(
    db: &TenantDb,
    id: OutboxId,
    again: &Again,
    sent: Result<String, CallError>,
) -> Result<(), JobError> {
    let failed = again.failed.as_deref();
    if let Err(CallError::Ambiguous(_)) = &sent {
        tokio::time::sleep(STATUS_LATEST).await;
    }
    let mut tx = db.begin().await?;
    match sent {
        Ok(message) => {
            resends::arrived(&mut tx, id, failed, &message).await?;
            deliveries::catch_up(&mut tx, again.connection, &message, pause_after).await?;
        }
        Err(CallError::RateLimited(pause)) if again.resends < RESENDS_MAX => {
            resends::let_go(&mut tx, id).await?;
            resends::put_off(&mut tx, id, pause).await?;
        }
        Err(CallError::Unreachable(_)) if again.resends < RESENDS_MAX => {
            resends::let_go(&mut tx, id).await?;
            resends::put_off(&mut tx, id, PAUSE).await?;
        }
        Err(error @ CallError::Ambiguous(_)) => settle(&mut tx, id, again, &error.to_string()).await?,
        Err(error) => {
            let reason = error.to_string();
            resends::give_up(&mut tx, id, again.conversation, (Kind::SendFailed, &reason)).await?;
        }
    }
    Ok(tx.commit().await?)
}

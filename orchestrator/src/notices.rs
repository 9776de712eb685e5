//! Finishes what interrupted runs had shown: a placeholder must not think for ever after Stop, a takeover or an edit.

use secrecy::SecretString;
use shared::{
    db::{
        DbError, TenantDb, connections,
        interruptions::{self, Notice},
        lanes::{self, Lease},
        outbox::{Operation, Part},
        runs::Opening,
    },
    message::ChannelKind,
};

use crate::{
    Orchestrator, opening,
    reply::{Delivery, Pace, Sender, State, pieces},
};

/// Delivers the notices of a conversation, and records what became of them.
pub async fn deliver(
    orchestrator: &Orchestrator,
    db: &TenantDb,
    lease: &Lease,
    opening: &Opening,
) -> Result<(), DbError> {
    let mut deliveries = Vec::with_capacity(opening.notices.len());
    for notice in &opening.notices {
        deliveries.push(if lease.claims > lanes::CLAIMS_MAX {
            end(notice, State::Unknown, "given up: it stopped its worker again and again")
        } else if !opening.connection_active {
            end(notice, State::Dead, "the connection's token no longer works")
        } else {
            let place = (notice.channel.as_str(), notice.thread.as_deref(), "");
            let token = token(orchestrator, db, opening).await?;
            let outlet = opening::outlet(orchestrator, lease, opening, token, place)?;
            let sender =
                Sender { outlet: &outlet, db, lease, pace: Pace::default(), storage: &orchestrator.storage };
            let delivery = replace(&sender, notice).await?;
            outlet.let_go(opening.channel_kind == ChannelKind::Direct, opening.by_human).await;
            delivery
        });
    }
    let settled: Vec<_> = deliveries
        .into_iter()
        .map(|delivery| (delivery.id, delivery.state.as_str(), delivery.external_id, delivery.error))
        .collect();
    let mut tx = db.begin().await?;
    interruptions::settle(&mut tx, lease, &settled).await?;
    tx.commit().await
}

async fn token(orchestrator: &Orchestrator, db: &TenantDb, opening: &Opening) -> Result<SecretString, DbError> {
    let mut tx = db.begin().await?;
    let token =
        connections::open_token(&mut tx, &orchestrator.keys, opening.connection, &opening.sealed_token).await;
    tx.close().await?;
    token
}

/// What was streamed stays, and the notice stands below it; a placeholder is replaced. Where nothing was shown, there is
/// nothing to finish.
async fn replace(sender: &Sender<'_>, notice: &Notice) -> Result<Delivery, DbError> {
    if let Some(streamed) = &notice.stream {
        let thread = notice.thread.as_deref().unwrap_or_default();
        let message = match &streamed.external_id {
            Some(message) => Some(message.clone()),
            None => sender.stray_stream(thread).await.unwrap_or_default(),
        };
        if let Some(message) = message {
            if let Some(placeholder) = notice.target.as_ref().filter(|placeholder| **placeholder != message) {
                sender.take_away(placeholder).await;
            }
            let body = format!("{}\n\n{}", pieces::closed(&streamed.text), notice.body);
            let part = Part::new("notice", 0, Operation::Stream, body, Some(message));
            return sender.deliver(&Part { id: notice.id, ..part }, false).await;
        }
    }
    let target = match (&notice.target, notice.placeholder) {
        (Some(target), _) => Some(target.clone()),
        (None, Some(placeholder)) => match sender.whereabouts(placeholder).await {
            Ok(found) => found,
            Err(reason) => return Ok(end(notice, State::Unknown, reason)),
        },
        (None, None) => None,
    };
    if target.is_none() {
        return Ok(end(notice, State::Dead, "nothing had been shown"));
    }
    let part = Part::new("notice", 0, Operation::Update, notice.body.clone(), target);
    sender.deliver(&Part { id: notice.id, ..part }, false).await
}

fn end(notice: &Notice, state: State, reason: &str) -> Delivery {
    Delivery { id: notice.id, state, external_id: None, error: Some(reason.to_owned()) }
}

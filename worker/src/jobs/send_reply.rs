//! Brings a human's reply to the channel. The attempt is counted first; a later one looks whether the earlier arrived.

use secrecy::SecretString;
use shared::{
    channels::{CallError, slack::Target},
    db::{
        DbError, TenantDb, connections,
        takeovers::{self, Outgoing},
    },
    ids::OutboxId,
    queue::JobError,
};

use crate::{
    Worker,
    by_phone::{self, Chat},
    jobs::judge,
};

pub async fn run(worker: &Worker, db: &TenantDb, id: OutboxId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(reply) = takeovers::begin_sending(&mut tx, id).await? else {
        return Ok(tx.close().await?);
    };
    let token = connections::token(&mut tx, &worker.keys, reply.connection).await?;
    let number = by_phone::number(&mut tx, reply.connection).await?;
    tx.commit().await?;
    let sent = match number {
        Some(phone_number_id) => {
            let chat = Chat { db, token: &token, phone_number_id, person: &reply.channel };
            chat.send(worker, (&reply.body, reply.asks_for_number), id, reply.attempts > 1).await
        }
        None => send(worker, &token, &reply, id).await,
    };
    match sent {
        Ok(ts) => end(db, id, Ok(&ts)).await.map_err(JobError::from),
        Err(error) => {
            let error = judge(error);
            if let JobError::Fail(reason) = &error {
                end(db, id, Err(reason)).await?;
            }
            Err(error)
        }
    }
}

async fn send(worker: &Worker, token: &SecretString, reply: &Outgoing, id: OutboxId) -> Result<String, CallError> {
    let target = Target { channel: &reply.channel, thread: reply.thread.as_deref() };
    if reply.attempts > 1
        && let Some(ts) = worker.slack.find_posted(token, target, id).await?
    {
        return Ok(ts);
    }
    worker.slack.post(token, target, &reply.body, id).await
}

async fn end(db: &TenantDb, id: OutboxId, outcome: Result<&str, &str>) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    takeovers::end_sending(&mut tx, id, outcome).await?;
    tx.commit().await
}

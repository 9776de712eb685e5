//! Humans take conversations over, answer in them, and give them back.
//!
//! Whose conversation it is stands in its lane, where every step of a turn sees it. Taking over does not queue behind a turn:
//! it moves the fence, so whatever the agent was about to send is not sent.

use serde_json::json;
use sqlx::Row;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    escalations,
    interruptions::{self, Cause},
};
use crate::{
    ids::{ConnectionId, ConversationId, EscalationId, MessageId, OutboxId},
    jobs::Job,
    queue,
};

/// Longest reply of a human, in characters.
pub const REPLY_MAX: usize = 8_000;

/// The agent falls silent, and a human who was waited for is here. `false`: a human had it already. `NotFound`: there is no such
/// conversation.
pub async fn take(tx: &mut TenantTx, conversation: ConversationId, actor: &Actor) -> Result<bool, DbError> {
    let silenced = take_for(tx, conversation, actor).await?;
    arrive(tx, conversation, actor).await?;
    Ok(silenced)
}

/// The same without the human, who is somebody's to name.
pub(super) async fn take_for(
    tx: &mut TenantTx,
    conversation: ConversationId,
    actor: &Actor,
) -> Result<bool, DbError> {
    let silenced = silence(tx, conversation).await?;
    if silenced {
        record(tx, actor, "conversation.takeover", conversation).await?;
    }
    Ok(silenced)
}

/// The agent may answer again, what is written from now on. `false`: no human had the conversation.
pub async fn release(tx: &mut TenantTx, conversation: ConversationId, actor: &Actor) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let released = sqlx::query(
        "update lanes set by_human = false where tenant_id = $1 and conversation_id = $2 and by_human",
    )
    .bind(tenant)
    .bind(conversation)
    .execute(tx.conn())
    .await?;
    let released = released.rows_affected() == 1;
    escalations::close(tx, conversation, actor).await?;
    if released {
        record(tx, actor, "conversation.release", conversation).await?;
    }
    Ok(released)
}

/// Stores a human's reply with its outbox row, under one id, and enqueues its sending. Without a takeover nobody may reply:
/// two would answer at once. `asks_for_number`: on WhatsApp, with a button that shares the person's phone number.
pub async fn reply(
    tx: &mut TenantTx,
    conversation: ConversationId,
    actor: &Actor,
    name: &str,
    text: &str,
    asks_for_number: bool,
) -> Result<MessageId, DbError> {
    let (tenant, outbox) = (tx.tenant(), OutboxId::new());
    let message = MessageId::from_uuid(outbox.uuid());
    let stored = sqlx::query(
        "with lane as (
             select fence from lanes where tenant_id = $1 and conversation_id = $2 and by_human for no key update
         ), said as (
             insert into messages (tenant_id, message_id, conversation_id, author_kind, operator_name, body, sent_at)
             select $1, $3, $2, 'operator', $4, $5, clock_timestamp() from lane
         )
         insert into outbox (tenant_id, outbox_id, conversation_id, kind, operation, body, asks_for_number, attempts, fence)
         select $1, $3, $2, 'operator', 'post', $6, $7, 0, fence from lane",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(outbox)
    .bind(name)
    .bind(text)
    .bind(format!("**{name}:** {text}"))
    .bind(asks_for_number)
    .execute(tx.conn())
    .await?;
    if stored.rows_affected() == 0 {
        return Err(DbError::Conflict("The agent has this conversation. Take it over first, then reply."));
    }
    arrive(tx, conversation, actor).await?;
    let detail = json!({ "message": message });
    audit::append(tx, actor, "conversation.reply", ("conversation", &conversation.to_string()), detail).await?;
    queue::enqueue(tx, &Job::SendReply { outbox }).await?;
    Ok(message)
}

/// A reply on its way, and where to.
pub struct Outgoing {
    pub connection: ConnectionId,
    pub channel: String,
    pub thread: Option<String>,
    pub body: String,
    pub asks_for_number: bool,
    /// This attempt included.
    pub attempts: i32,
}

/// Counts an attempt to send a reply, before it is made. `None`: its end is known.
pub async fn begin_sending(tx: &mut TenantTx, id: OutboxId) -> Result<Option<Outgoing>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "update outbox o set attempts = o.attempts + 1, sending_at = clock_timestamp()
           from conversations c
          where o.tenant_id = $1 and o.outbox_id = $2 and o.kind = 'operator' and o.state = 'sending'
            and o.resend_at is null and c.tenant_id = $1 and c.conversation_id = o.conversation_id
         returning c.connection_id, c.channel_external_id, c.thread_external_id, o.body,
                   o.asks_for_number, o.attempts",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Outgoing {
            connection: row.try_get("connection_id")?,
            channel: row.try_get("channel_external_id")?,
            thread: row.try_get("thread_external_id")?,
            body: row.try_get("body")?,
            asks_for_number: row.try_get("asks_for_number")?,
            attempts: row.try_get("attempts")?,
        })
    })
    .transpose()
}

/// Notes what became of a reply: the platform's id of it, or why it never arrived.
pub async fn end_sending(tx: &mut TenantTx, id: OutboxId, outcome: Result<&str, &str>) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with sent as (
             update outbox set state = case when $3::text is null then 'dead' else 'sent' end, external_id = $3, error = $4,
                               sent_at = case when $3::text is not null then clock_timestamp() end
              -- What the platform reported meanwhile counts.
              where tenant_id = $1 and outbox_id = $2 and resend_at is null
         )
         update messages set external_id = $3 where tenant_id = $1 and message_id = $2 and $3::text is not null",
    )
    .bind(tenant)
    .bind(id)
    .bind(outcome.ok())
    .bind(outcome.err())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Under the lane's lock, where no run begins or ends: what a turn has shown must be finished, and what nobody has opened yet
/// is stored by the lane's next owner before it is held.
pub(super) async fn silence(tx: &mut TenantTx, conversation: ConversationId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let (known, by_human): (bool, Option<bool>) = sqlx::query_as(
        "with lane as (
             select by_human from lanes where tenant_id = $1 and conversation_id = $2 for no key update
         )
         select exists (select from conversations where tenant_id = $1 and conversation_id = $2),
                (select by_human from lane)",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_one(tx.conn())
    .await?;
    if !known {
        return Err(DbError::NotFound);
    }
    if by_human != Some(false) {
        return Ok(false);
    }
    let quiet = sqlx::query(
        "update lanes
            set by_human = true, fence = fence + 1, owner = null, claims = 0,
                ready_at = case when last_seq > done_seq then clock_timestamp() end
          where tenant_id = $1 and conversation_id = $2
            and not exists (select from runs r
                             where r.tenant_id = $1 and r.conversation_id = $2 and r.state = 'running')",
    )
    .bind(tenant)
    .bind(conversation)
    .execute(tx.conn())
    .await?;
    if quiet.rows_affected() == 0 {
        interruptions::interrupt_locked(tx, conversation, Cause::TakenOver).await?;
    }
    Ok(true)
}

/// Whoever waited for a human has one, and an escalation that nobody has taken is this one's.
pub(super) async fn arrive(tx: &mut TenantTx, conversation: ConversationId, actor: &Actor) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let taken: Option<EscalationId> = sqlx::query_scalar(
        "with waited as (
             update conversations set waits_since = null
              where tenant_id = $1 and conversation_id = $2 and waits_since is not null
         )
         update escalations set state = 'human', taken_at = clock_timestamp(), assigned_to = $3, remind_at = null
          where tenant_id = $1 and conversation_id = $2 and state = 'waiting'
         returning escalation_id",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(actor.id())
    .fetch_optional(tx.conn())
    .await?;
    match taken {
        Some(id) => escalations::record_taken(tx, id, actor).await,
        None => Ok(()),
    }
}

async fn record(
    tx: &mut TenantTx,
    actor: &Actor,
    action: &str,
    conversation: ConversationId,
) -> Result<(), DbError> {
    audit::append(tx, actor, action, ("conversation", &conversation.to_string()), json!({})).await
}

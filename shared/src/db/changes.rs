//! Edits and deletions of people's messages: kept, and carried through to everything that holds the message.
//!
//! Both happen in one transaction under the lane's lock, so a turn that opens at the same time sees the old message or the new
//! one, never half of it. A change that overtook its message waits for it; of several edits the latest counts, and a deletion
//! counts above all.

use sqlx::Row;
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    interruptions::{self, Cause},
};
use crate::ids::ConversationId;

/// What a person did to what they wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub conversation: ConversationId,
    /// The provider's id of the message.
    pub external_id: String,
    /// The provider's own time of the change.
    pub changed_at: OffsetDateTime,
    pub what: What,
    /// Kept even where the agent has heard nothing yet: the message was, or is now, addressed to it.
    pub concerns_agent: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Edited { text: String, mentions_others: bool, addressed: bool },
    Deleted,
}

impl What {
    fn kind(&self) -> &'static str {
        match self {
            Self::Edited { .. } => "edit",
            Self::Deleted => "delete",
        }
    }
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is about talk that is none of the agent's business.
    NotKept,
    /// The message is not here yet. `lane_known`: whoever stores it will see the change.
    Waits { lane_known: bool },
    /// The message reads as its author wants it now.
    Applied {
        /// It waits for its answer.
        pending: bool,
        /// It was answered, or given up on.
        answered: bool,
    },
    /// Its author took it back, and nothing of it is left.
    Gone,
}

const KEEP: &str = "
insert into message_changes (tenant_id, conversation_id, external_id, kind, changed_at, body, mentions_others, addressed)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict do nothing";

/// Keeps the change and carries it out, for an all-audiences transaction. May be repeated.
pub async fn follow(tx: &mut TenantTx, change: &Change) -> Result<Followed, DbError> {
    let lane_known = lock_lane(tx, change.conversation).await?;
    if !lane_known && !change.concerns_agent {
        return Ok(Followed::NotKept);
    }
    let (body, mentions_others, addressed) = match &change.what {
        What::Edited { text, mentions_others, addressed } => (text.as_str(), *mentions_others, *addressed),
        What::Deleted => ("", false, false),
    };
    let tenant = tx.tenant();
    sqlx::query(KEEP)
        .bind(tenant)
        .bind(change.conversation)
        .bind(&change.external_id)
        .bind(change.what.kind())
        .bind(change.changed_at)
        .bind(body)
        .bind(mentions_others)
        .bind(addressed)
        .execute(tx.conn())
        .await?;
    if !lane_known {
        return Ok(Followed::Waits { lane_known });
    }
    let applied = apply(tx, change.conversation, &change.external_id).await?;
    if let Some(cause) = applied.interrupts {
        interruptions::interrupt(tx, change.conversation, cause).await?;
    }
    Ok(applied.followed)
}

/// Carries out what waits in a conversation whose lane the caller holds; how many messages it is about.
pub async fn catch_up(tx: &mut TenantTx, conversation: ConversationId) -> Result<usize, DbError> {
    let tenant = tx.tenant();
    let waiting: Vec<String> = sqlx::query_scalar(
        "select distinct external_id from message_changes
          where tenant_id = $1 and conversation_id = $2 and applied_at is null limit 100",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_all(tx.conn())
    .await?;
    for external_id in &waiting {
        apply(tx, conversation, external_id).await?;
    }
    Ok(waiting.len())
}

async fn lock_lane(tx: &mut TenantTx, conversation: ConversationId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let locked = sqlx::query("select from lanes where tenant_id = $1 and conversation_id = $2 for no key update")
        .bind(tenant)
        .bind(conversation)
        .fetch_optional(tx.conn())
        .await?;
    Ok(locked.is_some())
}

struct Applied {
    followed: Followed,
    /// A turn is at work on the message as it was.
    interrupts: Option<Cause>,
}

/// The waiting message, the stored one and what is remembered of it, by the change that counts. What was said before the
/// message was stored carries the time of the change that it already shows.
const APPLY: &str = "
with newest as (
    select kind = 'delete' as deleted, changed_at, body, mentions_others, addressed
      from message_changes
     where tenant_id = $1 and conversation_id = $2 and external_id = $3
     order by kind = 'delete' desc, changed_at desc limit 1
), waiting as (
    update inbox i
       set normalized = i.normalized || jsonb_build_object('text', n.body, 'mentions_others', n.mentions_others),
           addressed = i.addressed or n.addressed,
           state = case when n.deleted then 'ignored' else i.state end,
           reason = case when n.deleted then 'deleted by its author' end,
           ended_at = case when n.deleted then clock_timestamp() end
      from newest n, lanes l
     where l.tenant_id = $1 and l.conversation_id = $2
       and i.tenant_id = $1 and i.conversation_id = $2 and i.seq > l.done_seq and i.state = 'pending'
       and i.normalized ->> 'external_id' = $3
    returning i.seq
), said as (
    update messages m
       set body = n.body,
           edited_at = case when n.deleted then m.edited_at else n.changed_at end,
           deleted_at = case when n.deleted then n.changed_at end
      from newest n
     where m.tenant_id = $1 and m.conversation_id = $2 and m.external_id = $3 and m.author_kind = 'person'
       and m.deleted_at is null and (n.deleted or m.edited_at is null or m.edited_at < n.changed_at)
    returning m.message_id
), forgotten as (
    delete from memories r using said, newest n
     where r.tenant_id = $1 and r.message_id = said.message_id and n.body = ''
), remembered as (
    -- Without a vector until the text that stands there now has its own.
    update memories r set body = n.body, embedding = null, model = null, embed_failures = 0
      from said, newest n
     where r.tenant_id = $1 and r.message_id = said.message_id and n.body <> '' and r.body <> n.body
)
select exists (select from waiting) as pending,
       exists (select from messages m
                where m.tenant_id = $1 and m.conversation_id = $2 and m.external_id = $3) as stored,
       exists (select from newest n where n.deleted) as deleted,
       -- An answer that was paid for and is on its way is not taken back.
       exists (select from runs r, waiting w
                where r.tenant_id = $1 and r.conversation_id = $2 and r.state = 'running'
                  and w.seq between r.from_seq and r.to_seq
                  and not exists (select from run_steps s
                                   where s.tenant_id = $1 and s.run_id = r.run_id and s.step = 'answer')) as overtaken,
       -- As it was before this statement.
       (select count(*) from inbox i, lanes l
         where l.tenant_id = $1 and l.conversation_id = $2 and i.tenant_id = $1 and i.conversation_id = $2
           and i.seq > l.done_seq and i.state = 'pending') as waited";

async fn apply(tx: &mut TenantTx, conversation: ConversationId, external_id: &str) -> Result<Applied, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(APPLY).bind(tenant).bind(conversation).bind(external_id).fetch_one(tx.conn()).await?;
    let (pending, stored): (bool, bool) = (row.try_get("pending")?, row.try_get("stored")?);
    if !pending && !stored {
        return Ok(Applied { followed: Followed::Waits { lane_known: true }, interrupts: None });
    }
    sqlx::query(
        "update message_changes set applied_at = clock_timestamp()
          where tenant_id = $1 and conversation_id = $2 and external_id = $3 and applied_at is null",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(external_id)
    .execute(tx.conn())
    .await?;
    let (deleted, overtaken): (bool, bool) = (row.try_get("deleted")?, row.try_get("overtaken")?);
    let alone = row.try_get::<i64, _>("waited")? <= 1;
    let cause = if deleted && alone { Cause::Withdrawn } else { Cause::Edited };
    let interrupts = overtaken.then_some(cause);
    if deleted {
        erase(tx, conversation, external_id).await?;
        return Ok(Applied { followed: Followed::Gone, interrupts });
    }
    let answered = !pending && was_answered(tx, conversation, external_id).await?;
    Ok(Applied { followed: Followed::Applied { pending, answered }, interrupts })
}

/// Whether an earlier row of the message got its end from a turn. What was overheard may still be asked.
async fn was_answered(
    tx: &mut TenantTx,
    conversation: ConversationId,
    external_id: &str,
) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select exists (select from inbox
                         where tenant_id = $1 and conversation_id = $2 and normalized ->> 'external_id' = $3
                           and state <> 'ignored')",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(external_id)
    .fetch_one(tx.conn())
    .await?)
}

/// What its author deleted is kept nowhere, in none of its versions. The rows stay: that it was there is no secret.
async fn erase(tx: &mut TenantTx, conversation: ConversationId, external_id: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with versions as (
             update message_changes set body = ''
              where tenant_id = $1 and conversation_id = $2 and external_id = $3 and body <> ''
         )
         update inbox set raw = '', normalized = normalized || jsonb_build_object('text', '')
          where tenant_id = $1 and conversation_id = $2 and normalized ->> 'external_id' = $3",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(external_id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

//! What the agent is doing for one person: the page they see beside their messages, and the answer to a question of state.

use sqlx::Row;
use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::ids::{ConnectionId, PersonId};

/// Conversations and answers that are shown at most.
const SHOWN_MAX: i64 = 5;

/// Somebody's agent, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub agent: Option<String>,
    pub connection_active: bool,
    pub workspace: String,
    /// Conversations of this person that wait for a human.
    pub waiting: i64,
    /// What is remembered of them.
    pub memories: i64,
}

/// The state of things for one person; of somebody unknown there is nothing. Needs an all-audiences transaction.
pub async fn status(tx: &mut TenantTx, connection: ConnectionId, external_user: &str) -> Result<Status, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select n.display_name, n.status = 'active' as active,
                (select name from agents a where a.tenant_id = $1 and a.is_default) as agent,
                (select count(*) from memories m where m.tenant_id = $1 and m.person_id = p.person_id) as memories,
                (select count(*) from conversations c
                  where c.tenant_id = $1 and c.connection_id = $2 and c.waits_since is not null
                    and exists (select from messages m
                                 where m.tenant_id = $1 and m.conversation_id = c.conversation_id
                                   and m.person_id = p.person_id)) as waiting
           from channel_connections n
           left join people p on p.tenant_id = $1 and p.connection_id = $2 and p.external_id = $3
          where n.tenant_id = $1 and n.connection_id = $2",
    )
    .bind(tenant)
    .bind(connection)
    .bind(external_user)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    Ok(Status {
        agent: row.try_get("agent")?,
        connection_active: row.try_get("active")?,
        workspace: row.try_get("display_name")?,
        waiting: row.try_get("waiting")?,
        memories: row.try_get("memories")?,
    })
}

/// A conversation that somebody takes part in.
#[derive(Clone, Debug)]
pub struct Talk {
    pub channel: String,
    /// The platform's id of the message to go to: the last answer, or the beginning of the thread.
    pub message: Option<String>,
    pub is_direct: bool,
    pub by_human: bool,
    pub waits: bool,
    /// Something in it has not been answered yet.
    pub is_open: bool,
    pub last_answer: Option<String>,
    pub last_message_at: OffsetDateTime,
}

const TALKS: &str = "
select c.channel_external_id, c.thread_external_id, c.kind = 'direct' as is_direct, c.last_message_at,
       coalesce(l.by_human, false) as by_human, c.waits_since is not null as waits,
       coalesce(l.last_seq > l.done_seq, false) as is_open, answer.external_id, answer.body
  from conversations c
  left join lanes l on l.tenant_id = c.tenant_id and l.conversation_id = c.conversation_id
  left join lateral (
    select m.external_id, left(m.body, 200) as body from messages m
     where m.tenant_id = $1 and m.conversation_id = c.conversation_id and m.author_kind <> 'person'
       and m.deleted_at is null
     order by m.sent_at desc, m.message_id desc limit 1
  ) answer on true
 where c.tenant_id = $1
   and exists (select from messages m
                where m.tenant_id = $1 and m.conversation_id = c.conversation_id and m.person_id = $2
                  and m.deleted_at is null)
 order by c.waits_since is not null desc, coalesce(l.last_seq > l.done_seq, false) desc, c.last_message_at desc
 limit $3";

/// The conversations a person takes part in: those that wait for a human first, then open ones, then the latest.
pub async fn talks(tx: &mut TenantTx, person: PersonId) -> Result<Vec<Talk>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(TALKS).bind(tenant).bind(person).bind(SHOWN_MAX).fetch_all(tx.conn()).await?;
    rows.iter()
        .map(|row| {
            let (answer, thread): (Option<String>, Option<String>) =
                (row.try_get("external_id")?, row.try_get("thread_external_id")?);
            Ok(Talk {
                channel: row.try_get("channel_external_id")?,
                message: answer.or(thread),
                is_direct: row.try_get("is_direct")?,
                by_human: row.try_get("by_human")?,
                waits: row.try_get("waits")?,
                is_open: row.try_get("is_open")?,
                last_answer: row.try_get("body")?,
                last_message_at: row.try_get("last_message_at")?,
            })
        })
        .collect()
}

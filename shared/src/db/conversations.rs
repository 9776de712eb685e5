//! Conversations as people in front of a screen see them: a list, newest first, and what was said in one.

pub mod notes;
pub mod related;
mod said;

pub use said::{File, Message, Trouble, messages};
use sqlx::Row;
use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::ids::{ConnectionId, ConversationId, MessageId};

/// Longest excerpt of a conversation's last message, in characters.
const EXCERPT_CHARS: i32 = 280;

/// A conversation in a list.
#[derive(Clone, Debug)]
pub struct Conversation {
    pub id: ConversationId,
    pub connection: ConnectionId,
    /// `slack` or `whatsapp`.
    pub channel: String,
    /// The platform's ids of the channel and, where there are threads, of the thread.
    pub channel_external_id: String,
    pub thread_external_id: Option<String>,
    /// Of a direct conversation, the person's name.
    pub channel_name: String,
    pub kind: String,
    pub by_human: bool,
    /// Since when a person waits for a human.
    pub waits_since: Option<OffsetDateTime>,
    pub last_message_at: OffsetDateTime,
    pub last: Option<Last>,
    /// What was looked for, where it was said last.
    pub found: Option<Found>,
}

/// A message that fits what was looked for, in part.
#[derive(Clone, Debug)]
pub struct Found {
    pub message: MessageId,
    pub author: String,
    pub author_kind: String,
    pub excerpt: String,
    pub sent_at: OffsetDateTime,
}

/// Which conversations. What is `None` or empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// `slack` or `whatsapp`.
    pub channel: Option<&'a str>,
    pub who: Option<Who>,
    /// The one that is asked for.
    pub only: Option<ConversationId>,
    /// Parts of words that one message and the name of who wrote it must all hold, whatever their case.
    pub words: &'a [String],
}

/// Who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Agent,
    Human,
    /// A person waits for a human.
    Waiting,
}

impl Who {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Human => "human",
            Self::Waiting => "waiting",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Agent, Self::Human, Self::Waiting].into_iter().find(|who| who.as_str() == text)
    }
}

/// The last message of a conversation, in part.
#[derive(Clone, Debug)]
pub struct Last {
    pub author: String,
    pub author_kind: String,
    pub excerpt: String,
}

/// The latest messages that are looked through: about a third of a second.
const LOOKED_THROUGH: i64 = 100_000;
/// Characters before the first word of an excerpt.
const BEFORE: i32 = 60;

macro_rules! columns {
    () => {
        "
select c.conversation_id, c.connection_id, n.channel, c.channel_external_id, c.thread_external_id, c.kind, c.waits_since,
       c.last_message_at,
       -- What is direct is called by the person: the platform has no name for it, or an id.
       case when c.kind = 'direct' then coalesce(writes.name, '') else coalesce(k.name, '') end as channel_name, coalesce(l.by_human, false) as by_human,
       last.author, last.author_kind, last.excerpt"
    };
}

macro_rules! rest {
    () => {
        "
  join channel_connections n on n.tenant_id = c.tenant_id and n.connection_id = c.connection_id
  left join lanes l on l.tenant_id = c.tenant_id and l.conversation_id = c.conversation_id
  left join channels k on k.tenant_id = c.tenant_id and k.connection_id = c.connection_id
                      and k.external_id = c.channel_external_id
  left join lateral (
    select coalesce(p.display_name, a.name, m.operator_name, '') as author, m.author_kind, left(m.body, $5) as excerpt
      from messages m
      left join people p on p.tenant_id = m.tenant_id and p.person_id = m.person_id
      left join agents a on a.tenant_id = m.tenant_id and a.agent_id = m.agent_id
     where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id and m.deleted_at is null
     order by m.sent_at desc, m.message_id desc limit 1
  ) last on true
  left join lateral (
    select p.display_name as name
      from messages m join people p on p.tenant_id = m.tenant_id and p.person_id = m.person_id
     where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id and c.kind = 'direct'
     order by m.sent_at desc, m.message_id desc limit 1
  ) writes on true
 where c.tenant_id = $1 and ($2::timestamptz is null or (c.last_message_at, c.conversation_id) < ($2, $3))
   and ($6::text is null or n.channel = $6) and ($8::uuid is null or c.conversation_id = $8)
   and ($7::text is null or $7 = case when c.waits_since is not null then 'waiting' end
        or $7 = case when coalesce(l.by_human, false) then 'human' else 'agent' end)
 order by c.last_message_at desc, c.conversation_id desc
 limit $4"
    };
}

const LIST: &str = concat!(columns!(), " from conversations c", rest!());

/// No index holds the words: full text's own operator is not leakproof, so row-level security keeps every index on it from
/// being used (decision 0110). The limit below is what bounds it.
const SEARCH: &str = concat!(
    "
with hit as materialized (
    select distinct on (x.conversation_id) x.conversation_id, x.message_id, x.author, x.author_kind, x.body, x.sent_at
      from (select m.conversation_id, m.message_id, m.author_kind, m.body, m.sent_at,
                   coalesce(p.display_name, a.name, m.operator_name, '') as author
              from (select * from messages where tenant_id = $1 order by message_id desc limit $11) m
              left join people p on p.tenant_id = $1 and p.person_id = m.person_id
              left join agents a on a.tenant_id = $1 and a.agent_id = m.agent_id
             where m.deleted_at is null and coalesce(left(m.external_id, 4), '') not in ('apr_', 'fup_', 'rtr_')
            offset 0) x
     where (x.author || ' ' || x.body) ilike all ($9)
     order by x.conversation_id, x.sent_at desc, x.message_id desc
)",
    columns!(),
    ", hit.message_id, hit.author as found_author, hit.author_kind as found_kind, hit.sent_at as found_at,
       substr(hit.body, greatest(1, position(lower($10) in lower(hit.body)) - $12), $5) as found_excerpt
  from hit join conversations c on c.tenant_id = $1 and c.conversation_id = hit.conversation_id",
    rest!()
);

/// Conversations before this one, newest first; from the newest if there is none.
pub async fn list(
    tx: &mut TenantTx,
    filter: &Filter<'_>,
    before: Option<(OffsetDateTime, ConversationId)>,
    limit: i64,
) -> Result<Vec<Conversation>, DbError> {
    let tenant = tx.tenant();
    let first = filter.words.first();
    let query = sqlx::query(if first.is_some() { SEARCH } else { LIST })
        .bind(tenant)
        .bind(before.map(|(at, _)| at))
        .bind(before.map(|(_, id)| id))
        .bind(limit)
        .bind(EXCERPT_CHARS)
        .bind(filter.channel)
        .bind(filter.who.map(Who::as_str))
        .bind(filter.only);
    let query = match first {
        None => query,
        Some(first) => {
            let patterns: Vec<String> = filter.words.iter().map(|word| pattern(word)).collect();
            query.bind(patterns).bind(first).bind(LOOKED_THROUGH).bind(BEFORE)
        }
    };
    let rows = query.fetch_all(tx.conn()).await?;
    rows.iter()
        .map(|row| {
            Ok(Conversation {
                found: if first.is_some() { Some(found(row)?) } else { None },
                ..conversation(row)?
            })
        })
        .collect()
}

/// One of them.
pub async fn find(tx: &mut TenantTx, id: ConversationId) -> Result<Option<Conversation>, DbError> {
    Ok(list(tx, &Filter { only: Some(id), ..Filter::default() }, None, 1).await?.pop())
}

/// It stands for itself, also where it is a sign of the pattern's.
fn pattern(word: &str) -> String {
    let plain = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{plain}%")
}

fn found(row: &sqlx::postgres::PgRow) -> Result<Found, DbError> {
    Ok(Found {
        message: row.try_get("message_id")?,
        author: row.try_get("found_author")?,
        author_kind: row.try_get("found_kind")?,
        excerpt: row.try_get("found_excerpt")?,
        sent_at: row.try_get("found_at")?,
    })
}

fn conversation(row: &sqlx::postgres::PgRow) -> Result<Conversation, DbError> {
    let author: Option<String> = row.try_get("author")?;
    let last = author.map(|author| {
        Ok::<_, DbError>(Last {
            author,
            author_kind: row.try_get("author_kind")?,
            excerpt: row.try_get("excerpt")?,
        })
    });
    Ok(Conversation {
        id: row.try_get("conversation_id")?,
        connection: row.try_get("connection_id")?,
        channel: row.try_get("channel")?,
        channel_external_id: row.try_get("channel_external_id")?,
        thread_external_id: row.try_get("thread_external_id")?,
        channel_name: row.try_get("channel_name")?,
        kind: row.try_get("kind")?,
        by_human: row.try_get("by_human")?,
        waits_since: row.try_get("waits_since")?,
        last_message_at: row.try_get("last_message_at")?,
        last: last.transpose()?,
        found: None,
    })
}

/// Whether there is such a conversation.
pub async fn exists(tx: &mut TenantTx, id: ConversationId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select exists (select from conversations where tenant_id = $1 and conversation_id = $2)",
    )
    .bind(tenant)
    .bind(id)
    .fetch_one(tx.conn())
    .await?)
}

/// The platform's ids of a conversation's channel and thread.
pub async fn place(tx: &mut TenantTx, id: ConversationId) -> Result<Option<(String, Option<String>)>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as(
        "select channel_external_id, thread_external_id from conversations where tenant_id = $1 and conversation_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?)
}

/// The conversation in this channel in which this person spoke last.
pub async fn latest_of(
    tx: &mut TenantTx,
    connection: ConnectionId,
    channel: &str,
    external_user: &str,
) -> Result<Option<ConversationId>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select c.conversation_id
           from conversations c
           join people p on p.tenant_id = c.tenant_id and p.connection_id = c.connection_id and p.external_id = $4
          where c.tenant_id = $1 and c.connection_id = $2 and c.channel_external_id = $3
            and exists (select from messages m
                         where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id
                           and m.person_id = p.person_id)
          order by c.last_message_at desc, c.conversation_id desc
          limit 1",
    )
    .bind(tenant)
    .bind(connection)
    .bind(channel)
    .bind(external_user)
    .fetch_optional(tx.conn())
    .await?)
}

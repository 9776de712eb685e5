//! Conversations' messages: what was said, by whom, and the window a turn sees.

use serde::{Deserialize, Deserializer};
use sqlx::Row;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Audience, DbError, TenantTx, people::Standing};
use crate::{
    ids::{ConnectionId, ConversationId, MemoryId, MessageId, PersonId, RunId},
    message::{ChannelKind, InboundMessage},
};

/// A message as a prompt shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Line {
    #[serde(deserialize_with = "plain_uuid")]
    pub id: MessageId,
    pub external_id: Option<String>,
    pub author_kind: AuthorKind,
    pub author: String,
    pub body: String,
    #[serde(with = "time::serde::rfc3339")]
    pub sent_at: OffsetDateTime,
    /// Written by somebody who is not one of the tenant's own people, or by another bot.
    #[serde(default)]
    pub outside: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorKind {
    Person,
    Agent,
    Operator,
}

/// The database's JSON knows ids without their prefix.
fn plain_uuid<'de, D: Deserializer<'de>>(from: D) -> Result<MessageId, D::Error> {
    Uuid::deserialize(from).map(MessageId::from_uuid)
}

/// Where arrivals belong.
pub struct Place<'a> {
    pub conversation: ConversationId,
    pub connection: ConnectionId,
    pub kind: ChannelKind,
    pub messages: &'a [InboundMessage],
}

/// An author of the stored messages, in the order of the messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The stored message; of one that was stored before, an id that is nowhere.
    pub message: MessageId,
    pub person: PersonId,
    pub external_id: String,
    pub display_name: String,
    /// The platform has not told us the name yet.
    pub unnamed: bool,
    pub standing: Standing,
}

/// Stores people, channel, conversation, messages and their memories in one statement; what exists stays. Foreign keys
/// are checked at the statement's end, so the order inside does not matter.
const STORE: &str = "
with given as (
    select * from unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::timestamptz[])
         with ordinality as g (message_id, memory_id, external_id, author, body, sent_at, n)
), new_people as (
    insert into people (tenant_id, person_id, connection_id, external_id, display_name, standing)
    select $1, g.person_id, $3, g.external_id, g.external_id, g.standing
      from unnest($10::uuid[], $11::text[], $16::text[]) as g (person_id, external_id, standing)
     where not exists (select from people p
                        where p.tenant_id = $1 and p.connection_id = $3 and p.external_id = g.external_id)
    -- Not `do nothing`: someone another conversation meets at the same time would be neither here nor in the snapshot.
    on conflict (tenant_id, connection_id, external_id) do update set display_name = people.display_name
    returning person_id, external_id, display_name, profile_fetched_at is null as unnamed, standing
), author as (
    select * from new_people
    union all
    select person_id, external_id, display_name, profile_fetched_at is null, standing
      from people where tenant_id = $1 and connection_id = $3 and external_id = any ($11)
), place as (
    insert into channels (tenant_id, connection_id, external_id, kind) values ($1, $3, $12, $13)
    on conflict (tenant_id, connection_id, external_id) do update set kind = excluded.kind
     where channels.kind = 'unknown' and excluded.kind <> 'unknown'
), conversation as (
    insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id, kind)
    values ($1, $2, $3, $12, $14, $13)
    on conflict (tenant_id, conversation_id) do update
       set last_message_at = clock_timestamp(),
           -- Whose conversation was erased and who writes again is somebody new in the same place.
           channel_external_id = case when conversations.channel_external_id like 'erased:%'
                                      then excluded.channel_external_id else conversations.channel_external_id end,
           kind = case when conversations.kind = 'unknown' then excluded.kind else conversations.kind end
), last as (
    select position, segment, said_at from memories
     where tenant_id = $1 and stretch_id = $2 order by segment desc, position desc limit 1
), stored as (
    insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
    select $1, g.message_id, $2, g.external_id, 'person', a.person_id, g.body, g.sent_at
      from given g join author a on a.external_id = g.author
    on conflict (tenant_id, conversation_id, external_id) do nothing
    returning message_id, person_id, body, sent_at
), remembered as (
    insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at,
                          audience, body)
    select $1, g.memory_id, s.message_id, $2,
           -- A pause of four hours starts a new stretch of talk.
           coalesce((select segment + (s.sent_at - said_at > interval '4 hours')::int from last), 0),
           coalesce((select position from last), 0) + g.n, s.person_id, s.sent_at,
           case when $15 = '' then 'person:' || s.person_id::text else $15 end, s.body
      from stored s join given g using (message_id) join author a on a.external_id = g.author
     where s.body <> '' and a.standing <> 'bot'
    returning memory_id
), to_learn as (
    insert into learnings (tenant_id, conversation_id) select $1, $2 where exists (select from remembered)
    on conflict (tenant_id, conversation_id) do update set changed_at = excluded.changed_at
)
select g.n, g.message_id, a.person_id, a.external_id, a.display_name, a.unnamed, a.standing
  from given g join author a on a.external_id = g.author
 order by g.n";

/// Stores what people said, for an all-audiences transaction. The audience of a direct message is its author, otherwise
/// the channel or the tenant.
pub async fn store(tx: &mut TenantTx, place: &Place<'_>) -> Result<Vec<Author>, DbError> {
    let tenant = tx.tenant();
    let Some(first) = place.messages.first() else {
        return Ok(Vec::new());
    };
    let mut authors: Vec<&str> = place.messages.iter().map(|message| message.author.as_str()).collect();
    authors.sort_unstable();
    authors.dedup();
    let standings: Vec<&str> = authors.iter().map(|author| standing(place.messages, author).as_str()).collect();
    let new_people: Vec<PersonId> = authors.iter().map(|_| PersonId::new()).collect();
    let rows = sqlx::query(STORE)
        .bind(tenant)
        .bind(place.conversation)
        .bind(place.connection)
        .bind(place.messages.iter().map(|_| MessageId::new()).collect::<Vec<_>>())
        .bind(place.messages.iter().map(|_| MemoryId::new()).collect::<Vec<_>>())
        .bind(place.messages.iter().map(|message| message.external_id.as_str()).collect::<Vec<_>>())
        .bind(place.messages.iter().map(|message| message.author.as_str()).collect::<Vec<_>>())
        .bind(place.messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>())
        .bind(place.messages.iter().map(|message| message.sent_at).collect::<Vec<_>>())
        .bind(new_people)
        .bind(&authors)
        .bind(&first.channel)
        .bind(place.kind.as_str())
        .bind(&first.thread)
        .bind(audience_of(place))
        .bind(standings)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(author).collect()
}

/// What the messages themselves say of an author whom nobody knew.
fn standing(messages: &[InboundMessage], author: &str) -> Standing {
    let of_author = || messages.iter().filter(|message| message.author == author);
    if of_author().any(|message| message.by_bot) {
        Standing::Bot
    } else if of_author().any(|message| message.outsider) {
        Standing::Outsider
    } else {
        Standing::Unknown
    }
}

fn author(row: &sqlx::postgres::PgRow) -> Result<Author, DbError> {
    Ok(Author {
        message: row.try_get("message_id")?,
        person: row.try_get("person_id")?,
        external_id: row.try_get("external_id")?,
        display_name: row.try_get("display_name")?,
        unnamed: row.try_get("unnamed")?,
        standing: Standing::parse(row.try_get("standing")?),
    })
}

/// Answers of agents in the last hour that no person's word came after.
pub async fn answers_since_a_person(tx: &mut TenantTx, conversation: ConversationId) -> Result<i64, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select count(distinct a.run_id) from messages a
          where a.tenant_id = $1 and a.conversation_id = $2 and a.author_kind = 'agent'
            and a.sent_at > now() - interval '1 hour'
            and not exists (
                select from messages h join people p on p.tenant_id = $1 and p.person_id = h.person_id
                 where h.tenant_id = $1 and h.conversation_id = $2 and h.author_kind = 'person'
                   and p.standing <> 'bot' and h.message_id > a.message_id)",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_one(tx.conn())
    .await?)
}

/// The text of the audience, or '' where it is the author.
fn audience_of(place: &Place<'_>) -> String {
    let channel = place.messages.first().map_or("", |message| message.channel.as_str());
    let with_outsiders = place.messages.iter().any(|message| message.with_outsiders);
    match place.kind {
        ChannelKind::Public if !with_outsiders => Audience::Tenant.to_string(),
        ChannelKind::Direct => String::new(),
        _ => Audience::Channel(place.connection, channel.to_owned()).to_string(),
    }
}

/// Something the agent notes for a person, as a line of its own in the conversation and a memory of that person's.
pub struct Note<'a> {
    pub conversation: ConversationId,
    pub run: RunId,
    pub person: PersonId,
    /// Whom it may be shown to later.
    pub audience: &'a Audience,
    pub text: &'a str,
}

/// Stores a note, for a transaction of its audience.
pub async fn note(tx: &mut TenantTx, note: &Note<'_>) -> Result<MemoryId, DbError> {
    let (tenant, memory) = (tx.tenant(), MemoryId::new());
    sqlx::query(
        "with last as (
             select position, segment from memories
              where tenant_id = $1 and conversation_id = $2 order by segment desc, position desc limit 1
         ), said as (
             insert into messages (tenant_id, message_id, conversation_id, author_kind, agent_id, run_id, body, sent_at)
             select $1, $3, $2, 'agent', r.agent_id, r.run_id, 'Noted: ' || $4, clock_timestamp()
               from runs r where r.tenant_id = $1 and r.run_id = $5
         )
         insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at,
                               audience, body)
         values ($1, $6, $3, $2, coalesce((select segment from last), 0), coalesce((select position from last), 0) + 1, $7,
                 clock_timestamp(), $8, $4)",
    )
    .bind(tenant)
    .bind(note.conversation)
    .bind(MessageId::new())
    .bind(note.text)
    .bind(note.run)
    .bind(memory)
    .bind(note.person)
    .bind(note.audience.to_string())
    .execute(tx.conn())
    .await?;
    Ok(memory)
}

/// When a person last wrote here, by their own clock.
pub async fn last_written(
    tx: &mut TenantTx,
    conversation: ConversationId,
) -> Result<Option<OffsetDateTime>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select max(sent_at) from messages
          where tenant_id = $1 and conversation_id = $2 and author_kind = 'person'
            -- Errands are nobody's words, and open no window.
            and coalesce(left(external_id, 4), '') not in ('apr_', 'fup_', 'rtr_')",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_one(tx.conn())
    .await?)
}

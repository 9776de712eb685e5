//! Facts: what was drawn from messages, with its sources, its audience and the time it holds.
//!
//! A fact's text is a sentence of its message, word for word. Whether it is new, the same as one that is known, or closes an
//! older one is decided here, by keys, within one audience: the model that proposed it has no say in it. Every function needs
//! an all-audiences transaction.
//!
//! What becomes of facts whose message is edited or forgotten is the business of a trigger (`facts_follow_source()`).

use serde_json::json;
use sqlx::Row;
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    billing::{Access, access_of},
};
use crate::ids::{AgentId, ConversationId, MemoryId, MessageId, PersonId, RunId};

/// Messages that one model call reads.
pub const MESSAGES_MAX: i64 = 20;
/// After so many failures the messages are left as they are: remembered, but without facts.
pub const FAILURES_MAX: i32 = 5;

/// A message that facts may be drawn from: the words its author wrote, without any file's.
#[derive(Clone, Debug)]
pub struct Source {
    pub memory: MemoryId,
    pub message: MessageId,
    pub person: PersonId,
    pub author: String,
    pub audience: String,
    pub body: String,
    /// Which version of it was read.
    pub version: OffsetDateTime,
}

/// Whose model is asked about a conversation: the agent that answered there last, in its run.
#[derive(Clone, Debug)]
pub struct Asker {
    pub run: RunId,
    pub agent: AgentId,
    pub model: Option<String>,
    /// The tenant named models of its own.
    pub own_models: bool,
    /// Some budget of the tenant has a limit.
    pub budgeted: bool,
    /// What the state of its subscription lets the tenant do.
    pub access: Access,
}

/// What was found in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The message's memory.
    pub from: MemoryId,
    pub subject: String,
    pub attribute: String,
    pub value: String,
    pub value_key: String,
    pub single: bool,
    pub decision: bool,
    /// A sentence of the message.
    pub quote: String,
}

const ARTICLES: [&str; 14] =
    ["the", "a", "an", "our", "my", "your", "their", "its", "this", "that", "der", "die", "das", "unser"];

/// What is compared of a subject, an attribute or a value: words in small letters, without articles.
pub fn key(text: &str) -> String {
    key_words(text).join(" ")
}

pub fn key_words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('’', "'").replace("'s ", " ");
    let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.filter(|word| !ARTICLES.contains(word)).map(str::to_owned).collect()
}

/// Takes the conversation that waits longest, among those where nobody wrote for `quiet` seconds (or that wait ten times as
/// long). A lease, since a model is asked meanwhile: one that is not ended runs out.
pub async fn claim(tx: &mut TenantTx, quiet: f64) -> Result<Option<ConversationId>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "with due as (
             select conversation_id from learnings
              where tenant_id = $1 and leased_until <= clock_timestamp()
                and (changed_at <= clock_timestamp() - make_interval(secs => $2)
                     or since <= clock_timestamp() - make_interval(secs => 10 * $2))
              order by since limit 1 for update skip locked
         )
         update learnings l set leased_until = clock_timestamp() + interval '5 minutes'
           from due
          where l.tenant_id = $1 and l.conversation_id = due.conversation_id
         returning l.conversation_id",
    )
    .bind(tenant)
    .bind(quiet)
    .fetch_optional(tx.conn())
    .await?)
}

/// What is to be read in a conversation, in order.
pub async fn sources(tx: &mut TenantTx, conversation: ConversationId) -> Result<Vec<Source>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select m.memory_id, m.message_id, m.person_id, m.audience, s.body, m.to_learn_at,
                coalesce(p.display_name, 'someone') as author
           from memories m
           join messages s on s.tenant_id = m.tenant_id and s.message_id = m.message_id and s.author_kind = 'person'
           left join people p on p.tenant_id = m.tenant_id and p.person_id = m.person_id
          where m.tenant_id = $1 and m.stretch_id = $2 and m.kind = 'message'
            and m.to_learn_at > now() - interval '2 days'
          order by m.segment, m.position limit $3",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(MESSAGES_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Source {
                memory: row.try_get("memory_id")?,
                message: row.try_get("message_id")?,
                person: row.try_get("person_id")?,
                author: row.try_get("author")?,
                audience: row.try_get("audience")?,
                body: row.try_get("body")?,
                version: row.try_get("to_learn_at")?,
            })
        })
        .collect()
}

/// `None`: no agent has answered there.
pub async fn asker(tx: &mut TenantTx, conversation: ConversationId) -> Result<Option<Asker>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!(
        "select r.run_id, r.agent_id, a.model, ",
        access_of!(),
        " as access,
                exists (select from llm_keys k where k.tenant_id = $1)
                or exists (select from agent_models c where c.tenant_id = $1) as own_models,
                exists (select from budgets b where b.tenant_id = $1 and b.limit_micro is not null) as budgeted
           from runs r join agents a on a.tenant_id = r.tenant_id and a.agent_id = r.agent_id
          where r.tenant_id = $1 and r.conversation_id = $2
          order by r.from_seq desc, r.run_id desc limit 1"
    ))
    .bind(tenant)
    .bind(conversation)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Asker {
            run: row.try_get("run_id")?,
            agent: row.try_get("agent_id")?,
            model: row.try_get("model")?,
            own_models: row.try_get("own_models")?,
            budgeted: row.try_get("budgeted")?,
            access: Access::read(&row)?,
        })
    })
    .transpose()
}

/// Marks what was read as looked at. Returns those that still say what was read; the others were changed or forgotten
/// meanwhile. Their rows stay locked: whoever forgets one now waits, and then finds its facts.
const LOOKED_AT: &str = "
update memories m set to_learn_at = null
  from unnest($2::uuid[], $3::timestamptz[]) as g (memory_id, version)
 where m.tenant_id = $1 and m.memory_id = g.memory_id and m.to_learn_at = g.version
returning m.memory_id";

/// One fact: merged with one that says the same, or stored, and then the older of two that can't both hold is closed. The
/// audience is what the message's is now.
const LEARN: &str = "
with said as (
    select message_id, person_id, said_at, audience from memories
     where tenant_id = $1 and memory_id = $2 and kind = 'message'
), known as materialized (
    select f.memory_id, f.said_at, f.valid_until, f.single, f.value_key = $6 as same
      from memories f join said on f.audience = said.audience
     where f.tenant_id = $1 and f.kind = 'fact' and f.subject = $3 and f.attribute = $4
), same as (
    select memory_id from known
     where same and (valid_until is null
                     or exists (select from fact_sources s join said using (message_id)
                                 where s.tenant_id = $1 and s.memory_id = known.memory_id))
     order by valid_until is null desc, memory_id limit 1
), merged as (
    insert into fact_sources (tenant_id, memory_id, message_id, quoted)
    select $1, same.memory_id, said.message_id, false from same, said
    on conflict do nothing
), closed as (
    update memories f set valid_until = said.said_at
      from known k, said
     where f.tenant_id = $1 and f.memory_id = k.memory_id and k.valid_until is null and k.single and $7
       and k.said_at <= said.said_at and not exists (select from same)
    returning f.memory_id
), learned as (
    insert into memories (tenant_id, memory_id, kind, segment, position, person_id, said_at, audience, body, subject,
                          attribute, value, value_key, single, decision, valid_until, to_learn_at)
    select $1, $9, 'fact', 0, 0, person_id, said_at, audience, $10, $3, $4, $5, $6, $7, $8,
           -- Something newer is known already.
           (select min(k.said_at) from known k
             where $7 and k.single and k.valid_until is null and k.said_at > said.said_at), null
      from said
     where not exists (select from same)
    returning memory_id
), source as (
    insert into fact_sources (tenant_id, memory_id, message_id, quoted)
    select $1, learned.memory_id, said.message_id, true from learned, said
)
select (select count(*) from learned) as learned, (select count(*) from closed) as closed";

/// What became of the facts that were drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    pub new: i64,
    pub closed: i64,
}

/// Ends a lease: stores what was drawn from the messages that still say so, and marks all of them as looked at.
pub async fn learn(
    tx: &mut TenantTx,
    conversation: ConversationId,
    read: &[Source],
    drawn: &[Drawn],
) -> Result<Learned, DbError> {
    let tenant = tx.tenant();
    // Two conversations of one audience may learn the same at once.
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('facts ' || $1::text, 0))")
        .bind(tenant)
        .execute(tx.conn())
        .await?;
    let unchanged: Vec<MemoryId> = sqlx::query_scalar(LOOKED_AT)
        .bind(tenant)
        .bind(read.iter().map(|source| source.memory).collect::<Vec<_>>())
        .bind(read.iter().map(|source| source.version).collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await?;
    let mut learned = Learned::default();
    for fact in drawn.iter().filter(|fact| unchanged.contains(&fact.from)) {
        let row = sqlx::query(LEARN)
            .bind(tenant)
            .bind(fact.from)
            .bind(&fact.subject)
            .bind(&fact.attribute)
            .bind(&fact.value)
            .bind(&fact.value_key)
            .bind(fact.single)
            .bind(fact.decision)
            .bind(MemoryId::new())
            .bind(&fact.quote)
            .fetch_one(tx.conn())
            .await?;
        learned.new += row.try_get::<i64, _>("learned")?;
        learned.closed += row.try_get::<i64, _>("closed")?;
    }
    release(tx, conversation).await?;
    Ok(learned)
}

async fn release(tx: &mut TenantTx, conversation: ConversationId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with more as (
             select from memories
              where tenant_id = $1 and stretch_id = $2 and kind = 'message' and to_learn_at > now() - interval '2 days' limit 1
         ), done as (
             delete from learnings where tenant_id = $1 and conversation_id = $2 and not exists (select from more)
         )
         update learnings set leased_until = '-infinity', failures = 0, since = clock_timestamp()
          where tenant_id = $1 and conversation_id = $2 and exists (select from more)",
    )
    .bind(tenant)
    .bind(conversation)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Nobody could be asked: tried again in a minute, then in two, four, … `true`: that was the last time.
pub async fn put_off(tx: &mut TenantTx, conversation: ConversationId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let failures: Option<i32> = sqlx::query_scalar(
        "update learnings
            set failures = failures + 1, leased_until = clock_timestamp() + interval '1 minute' * (2 ^ failures)
          where tenant_id = $1 and conversation_id = $2
         returning failures",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_optional(tx.conn())
    .await?;
    Ok(failures.is_some_and(|failures| failures >= FAILURES_MAX))
}

const CORRECT: &str = "
with old as (
    update memories set valid_until = clock_timestamp()
     where tenant_id = $1 and memory_id = $2 and kind = 'fact' and valid_until is null
    returning memory_id, audience, subject, attribute, single, decision, length(body) as characters
), corrected as (
    insert into memories (tenant_id, memory_id, kind, segment, position, said_at, audience, body, subject, attribute, value,
                          value_key, single, decision, corrected_by, to_learn_at)
    select $1, $3, 'fact', 0, 0, clock_timestamp(), audience, $4, subject, attribute, $5, $6, single, decision, $7, null
      from old
)
select characters from old";

/// What an operator puts in place of a fact.
pub struct Correction<'a> {
    pub text: &'a str,
    pub value: &'a str,
    pub value_key: &'a str,
}

/// Closes a fact and stores what an operator says instead, who is its author; recorded. It keeps the sources, so that it is
/// forgotten with them. What a person said is not changed. `None`: there is no such memory.
pub async fn correct(
    tx: &mut TenantTx,
    actor: &Actor,
    id: MemoryId,
    correction: &Correction<'_>,
) -> Result<Option<MemoryId>, DbError> {
    let (tenant, new) = (tx.tenant(), MemoryId::new());
    let (kind, author) = actor.parts();
    let characters: Option<i32> = sqlx::query_scalar(CORRECT)
        .bind(tenant)
        .bind(id)
        .bind(new)
        .bind(correction.text)
        .bind(correction.value)
        .bind(correction.value_key)
        .bind(format!("{kind}:{author}"))
        .fetch_optional(tx.conn())
        .await?;
    let Some(characters) = characters else {
        return if is_there(tx, id).await? { Err(DbError::Conflict(NOT_A_FACT)) } else { Ok(None) };
    };
    sqlx::query(
        "insert into fact_sources (tenant_id, memory_id, message_id, quoted)
         select $1, $3, message_id, quoted from fact_sources where tenant_id = $1 and memory_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(new)
    .execute(tx.conn())
    .await?;
    let detail = json!({ "corrected": new, "characters": correction.text.chars().count(), "before": characters });
    audit::append(tx, actor, "memory.correct", ("memory", &id.to_string()), detail).await?;
    Ok(Some(new))
}

const NOT_A_FACT: &str = "Only a fact that still holds can be corrected: what somebody said stays as they said it, and can be forgotten.";

async fn is_there(tx: &mut TenantTx, id: MemoryId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select exists (select from memories where tenant_id = $1 and memory_id = $2 and kind <> 'passage')",
    )
    .bind(tenant)
    .bind(id)
    .fetch_one(tx.conn())
    .await?)
}

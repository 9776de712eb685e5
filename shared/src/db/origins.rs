//! Memories as people in front of a screen see them: where each comes from, which answers it served, and forgetting one.
//!
//! Every function needs an all-audiences transaction: who may read the tenant's conversations may read what is remembered
//! of them. See decision 0058. A list wants one that is planned for what is looked for: with a plan for every question it
//! reads all of 50,000 memories to show the newest, 150 ms instead of 1.

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
};
use crate::ids::{ConversationId, MemoryId, MessageId, PersonId, RunId};

/// The newest runs among which is looked for those that were reminded of a memory.
const RUNS_LOOKED_THROUGH: i64 = 5_000;
/// Runs that are named with a memory.
const RUNS_NAMED: i64 = 20;

/// A memory with its origin.
#[derive(Clone, Debug)]
pub struct Memory {
    pub id: MemoryId,
    pub message: MessageId,
    pub conversation: ConversationId,
    pub person: PersonId,
    pub author: String,
    pub said_at: OffsetDateTime,
    /// `tenant`, `channel` or `person`.
    pub audience: String,
    pub body: String,
    /// Of a fact; a message has none.
    pub fact: Option<Fact>,
    /// `slack` or `whatsapp`.
    pub channel: String,
    /// The platform's id of the channel, and its name if it is known.
    pub place: String,
    pub place_name: String,
    pub kind: String,
}

/// What was drawn from what people wrote. Its message, person and place are those of its first source.
#[derive(Clone, Debug)]
pub struct Fact {
    /// In words: of a person, their name.
    pub subject: String,
    pub attribute: String,
    pub value: String,
    pub decision: bool,
    /// It holds no longer.
    pub valid_until: Option<OffsetDateTime>,
    /// Who put it right.
    pub corrected_by: Option<String>,
    /// Who said so, the first one first.
    pub sources: Vec<MessageId>,
    /// The conversation of each.
    pub said_in: Vec<ConversationId>,
}

/// Which memories. Whatever is `None` or empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    pub person: Option<PersonId>,
    pub conversation: Option<ConversationId>,
    /// `message` or `fact`.
    pub kind: Option<&'a str>,
    /// As a person types them: all of them must occur, in any form.
    pub words: &'a str,
    /// The platform's id of the channel it was said in.
    pub place: Option<&'a str>,
    /// Instead of what holds: the facts that hold no longer.
    pub closed: bool,
    /// Only what was stored before this one.
    pub before: Option<MemoryId>,
}

/// A run whose model was shown the memory.
#[derive(Clone, Debug)]
pub struct Use {
    pub run: RunId,
    pub conversation: ConversationId,
    pub at: OffsetDateTime,
    pub score: f64,
    /// 1 is the best of its run.
    pub rank: i64,
}

/// What was removed.
#[derive(Clone, Debug)]
pub struct Forgotten {
    pub message: Option<MessageId>,
    pub conversation: Option<ConversationId>,
    pub characters: i32,
    pub had_vector: bool,
}

/// The page is cut before anything is joined to it. Ids are ordered by time: the newest stands first, and no index of its own
/// is needed. `$7` is the one that is looked for.
const LIST: &str = "
with page as materialized (
    select memory_id, kind, message_id, conversation_id, person_id, said_at, audience, body, subject, attribute, value,
           decision, valid_until, corrected_by
      from memories m
     where tenant_id = $1 and kind <> 'passage' and ($7::uuid is not null or $9 = (coalesce(valid_until, 'infinity') <= now()))
       and memory_id between coalesce($7, '00000000-0000-0000-0000-000000000000'::uuid)
                         and coalesce($7, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
       and memory_id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
       and ($3::uuid is null or person_id = $3
            or kind = 'fact' and exists (select from fact_sources s join messages g on g.tenant_id = $1
                                            and g.message_id = s.message_id and g.person_id = $3
                                          where s.tenant_id = $1 and s.memory_id = m.memory_id))
       and ($10::text is null
            or exists (select from conversations c where c.tenant_id = $1 and c.conversation_id = m.conversation_id
                          and c.channel_external_id = $10)
            or kind = 'fact' and exists (select from fact_sources s
                                           join messages g on g.tenant_id = $1 and g.message_id = s.message_id
                                           join conversations c on c.tenant_id = $1 and c.conversation_id = g.conversation_id
                                            and c.channel_external_id = $10
                                          where s.tenant_id = $1 and s.memory_id = m.memory_id))
       and ($4::uuid is null or stretch_id = $4
            or kind = 'fact' and exists (select from fact_sources s join messages g on g.tenant_id = $1
                                            and g.message_id = s.message_id and g.conversation_id = $4
                                          where s.tenant_id = $1 and s.memory_id = m.memory_id))
       and ($8::text is null or kind = $8)
       and ($5 = '' or tsv @@ websearch_to_tsquery('english', $5))
     order by memory_id desc
     limit $6
)
select m.memory_id, m.kind = 'fact' as is_fact, coalesce(m.message_id, f.message_id) as message_id, c.conversation_id,
       coalesce(m.person_id, f.person_id) as person_id, coalesce(p.display_name, '') as author, m.said_at,
       split_part(m.audience, ':', 1) as audience, m.body, n.channel, c.kind, c.channel_external_id,
       coalesce(k.name, '') as channel_name, coalesce(a.display_name, m.subject) as subject, m.attribute, m.value, m.decision,
       m.valid_until, m.corrected_by, f.sources, f.said_in
  from page m
  left join lateral (
    select (array_agg(g.message_id order by s.quoted desc, g.sent_at, g.message_id))[1] as message_id,
           (array_agg(g.conversation_id order by s.quoted desc, g.sent_at, g.message_id))[1] as conversation_id,
           (array_agg(g.person_id order by s.quoted desc, g.sent_at, g.message_id))[1] as person_id,
           array_agg(g.message_id order by s.quoted desc, g.sent_at, g.message_id) as sources,
           array_agg(g.conversation_id order by s.quoted desc, g.sent_at, g.message_id) as said_in
      from fact_sources s join messages g on g.tenant_id = $1 and g.message_id = s.message_id
     where s.tenant_id = $1 and s.memory_id = m.memory_id
  ) f on true
  join conversations c on c.tenant_id = $1 and c.conversation_id = coalesce(m.conversation_id, f.conversation_id)
  join channel_connections n on n.tenant_id = c.tenant_id and n.connection_id = c.connection_id
  left join people p on p.tenant_id = c.tenant_id and p.person_id = coalesce(m.person_id, f.person_id)
  left join people a on a.tenant_id = c.tenant_id and m.subject = 'person:' || a.person_id::text
  left join channels k on k.tenant_id = c.tenant_id and k.connection_id = c.connection_id
                      and k.external_id = c.channel_external_id
 order by m.memory_id desc";

/// The newest first.
pub async fn list(tx: &mut TenantTx, filter: &Filter<'_>, limit: i64) -> Result<Vec<Memory>, DbError> {
    ask(tx, filter, limit, None).await
}

pub async fn find(tx: &mut TenantTx, id: MemoryId) -> Result<Option<Memory>, DbError> {
    Ok(ask(tx, &Filter::default(), 1, Some(id)).await?.pop())
}

async fn ask(
    tx: &mut TenantTx,
    filter: &Filter<'_>,
    limit: i64,
    only: Option<MemoryId>,
) -> Result<Vec<Memory>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(LIST)
        .bind(tenant)
        .bind(filter.before)
        .bind(filter.person)
        .bind(filter.conversation)
        .bind(filter.words)
        .bind(limit)
        .bind(only)
        .bind(filter.kind)
        .bind(filter.closed)
        .bind(filter.place)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(memory).collect()
}

fn memory(row: &PgRow) -> Result<Memory, DbError> {
    Ok(Memory {
        id: row.try_get("memory_id")?,
        message: row.try_get("message_id")?,
        conversation: row.try_get("conversation_id")?,
        person: row.try_get("person_id")?,
        author: row.try_get("author")?,
        said_at: row.try_get("said_at")?,
        audience: row.try_get("audience")?,
        body: row.try_get("body")?,
        fact: if row.try_get("is_fact")? { Some(fact(row)?) } else { None },
        channel: row.try_get("channel")?,
        place: row.try_get("channel_external_id")?,
        place_name: row.try_get("channel_name")?,
        kind: row.try_get("kind")?,
    })
}

fn fact(row: &PgRow) -> Result<Fact, DbError> {
    Ok(Fact {
        subject: row.try_get("subject")?,
        attribute: row.try_get("attribute")?,
        value: row.try_get("value")?,
        decision: row.try_get("decision")?,
        valid_until: row.try_get("valid_until")?,
        corrected_by: row.try_get("corrected_by")?,
        sources: row.try_get("sources")?,
        said_in: row.try_get("said_in")?,
    })
}

/// Which of the latest runs were reminded of it, the newest first.
pub async fn uses(tx: &mut TenantTx, id: MemoryId) -> Result<Vec<Use>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select r.run_id, r.conversation_id, r.started_at, g.score, g.rank
           from (select run_id, conversation_id, started_at, recalled, recall_scores from runs
                  where tenant_id = $1 order by run_id desc limit $3) r
          cross join lateral unnest(r.recalled, r.recall_scores) with ordinality as g (memory_id, score, rank)
          where $2 = any (r.recalled) and g.memory_id = $2
          order by r.run_id desc
          limit $4",
    )
    .bind(tenant)
    .bind(id)
    .bind(RUNS_LOOKED_THROUGH)
    .bind(RUNS_NAMED)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Use {
                run: row.try_get("run_id")?,
                conversation: row.try_get("conversation_id")?,
                at: row.try_get("started_at")?,
                score: row.try_get("score")?,
                rank: row.try_get("rank")?,
            })
        })
        .collect()
}

/// Deletes a memory with its vector and, of a message, with the facts that quote it; records who did it. The message stays in
/// its conversation; nothing makes a memory of a stored message anew, nor a fact that was forgotten.
pub async fn forget(tx: &mut TenantTx, actor: &Actor, id: MemoryId) -> Result<Option<Forgotten>, DbError> {
    remove(tx, actor, id, None).await
}

/// As [`forget`], if this person said it and the transaction may be reminded of it.
pub async fn forget_own(tx: &mut TenantTx, person: PersonId, id: MemoryId) -> Result<Option<Forgotten>, DbError> {
    remove(tx, &Actor::Person(person), id, Some(person)).await
}

async fn remove(
    tx: &mut TenantTx,
    actor: &Actor,
    id: MemoryId,
    said_by: Option<PersonId>,
) -> Result<Option<Forgotten>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "delete from memories
          where tenant_id = $1 and memory_id = $2 and ($3::uuid is null or person_id = $3) and kind <> 'passage'
         returning message_id, conversation_id, person_id, length(body) as characters,
                   embedding is not null as had_vector",
    )
    .bind(tenant)
    .bind(id)
    .bind(said_by)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let forgotten = Forgotten {
        message: row.try_get("message_id")?,
        conversation: row.try_get("conversation_id")?,
        characters: row.try_get("characters")?,
        had_vector: row.try_get("had_vector")?,
    };
    let person: Option<PersonId> = row.try_get("person_id")?;
    let detail = json!({ "message": forgotten.message, "conversation": forgotten.conversation, "person": person,
                         "characters": forgotten.characters });
    audit::append(tx, actor, "memory.forget", ("memory", &id.to_string()), detail).await?;
    Ok(Some(forgotten))
}

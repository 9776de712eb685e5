//! Long-term memory: search under the asker's audiences, and the vectors' back-fill. Messages, facts drawn from them
//! (`facts`) and passages of documents (`documents`) are found by one statement.
//!
//! The search scores as in `docs/memory.md`: cosine, full text with OR, author, neighbours and the best of the stretch of
//! talk. A first look over all rows the transaction may see estimates that score from one narrow index; the stretches of the
//! best are then read and scored exactly. Weights stand here and nowhere else.

use pgvector::HalfVector;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::{
    embedding,
    ids::{ConversationId, MemoryId, MessageId, PersonId},
};

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Question<'a> {
    pub vector: &'a [f32],
    /// Terms joined by OR for full text; empty means none.
    pub terms: &'a str,
    /// The one person the question is about, if it names exactly one.
    pub about: Option<PersonId>,
    /// "When …" and "how long …" favour memories that speak of time.
    pub asks_when: bool,
    /// Facts that hold no longer are found, too.
    pub asks_past: bool,
    /// What the prompt holds anyway.
    pub except: &'a [MessageId],
    pub limit: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Recalled {
    pub id: MemoryId,
    pub kind: Kind,
    /// The message as said; nothing else has one.
    pub message: Option<MessageId>,
    pub conversation: Option<ConversationId>,
    pub author: String,
    pub said_at: OffsetDateTime,
    pub body: String,
    pub score: f64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As said. `outdated_at`: since then another fact stands in place of every one that was drawn from it.
    Message {
        outdated_at: Option<OffsetDateTime>,
    },
    /// `until`: it holds no longer.
    Fact {
        until: Option<OffsetDateTime>,
    },
    Passage {
        title: String,
    },
}

/// Memories whose stretches of talk are read. A tenant that has no more is searched exactly.
const HITS: i64 = 200;

/// `hit` must stay within what the primary key includes: it is what makes large tenants quick. Both of its estimates are
/// close for the best rows: vectors at an angle differ in as many of their 384 signs as the angle's share of a half turn,
/// and texts share as many bits of their signatures as words, or a few more. All it decides is what is read.
///
/// Narrow rows until the best are known: the texts are joined at the end, and both windows share one sort. Everything is
/// `float8`: numeric arithmetic cost a fifth of the search. `is not distinct from`: a NULL author would make the whole score
/// NULL and silently ruin the ranking; so would the NaN that is the cosine to a vector of zeros.
const SEARCH: &str = "
with hit as materialized (
    select m.memory_id
      from memories m
     where m.tenant_id = $1 and (m.valid_until is null or m.valid_until > now() or $10)
     order by case when l2_norm($2) = 0 then 0
                   else 11 * coalesce(cos(pi() * (m.bq <~> binary_quantize($2)::bit(384)) / 384), 0) end
              + 3.25::float8 * least(1, 2 * bit_count(m.words & word_signature(to_tsvector('english', $4)))::float8
                                        / greatest(1, bit_count(word_signature(to_tsvector('english', $4)))))
              + case when m.person_id = $5 then 2 else 0 end
              + 0.7::float8 * m.info + case when m.temporal then 0.5::float8 + 2 * $6::bool::int else 0 end desc
     limit $9
), stretch as (
    select distinct m.stretch_id, m.segment
      from hit join memories m on m.tenant_id = $1 and m.memory_id = hit.memory_id
), seen as materialized (
    select m.memory_id, m.message_id, m.stretch_id, m.segment, m.position, m.person_id,
           case when m.embedding is null or m.model <> $3 then 0
                else coalesce(nullif(1 - (m.embedding <=> $2), 'NaN'), 0) end as cos,
           case when $4 = '' then 0 else ts_rank(m.tsv, websearch_to_tsquery('english', $4)) end::float8 as rank,
           ($5::uuid is not null and m.person_id is not distinct from $5)::int::float8 as author,
           0.7::float8 * m.info + case when m.temporal then 0.5::float8 + 2 * $6::bool::int else 0 end as weight
      from stretch s
      join memories m on m.tenant_id = $1 and m.stretch_id = s.stretch_id and m.segment = s.segment
     where m.valid_until is null or m.valid_until > now() or $10
), ranked as (
    -- The offset keeps `lex` from being computed anew wherever it is used. The best rank is a sub-select of its own: as a
    -- join, a planner that expects one row would look for it once for every row.
    select seen.*, coalesce(rank / nullif((select max(rank) from seen), 0), 0) as lex
      from seen
    offset 0
), scored as (
    select memory_id, message_id, person_id,
           6 * cos + 2 * lex + 1.5::float8 * author + weight
             + 2 * coalesce(lag(cos) over talk, 0) + 1.5::float8 * coalesce(lead(cos) over talk, 0)
             + coalesce(lag(lex) over talk, 0)
             + 5 * max(cos + 0.25::float8 * lex + 0.1::float8 * author) over (partition by stretch_id, segment)
             as score
      from ranked
    window talk as (partition by stretch_id, segment order by position)
), best as (
    select memory_id, person_id, score
      from scored
     where message_id is null or message_id <> all ($7)
     order by score desc, memory_id
     limit $8
)
select b.memory_id, m.kind, m.message_id, m.conversation_id, m.said_at, m.body, b.score, m.valid_until, o.outdated_at,
       coalesce(p.display_name, case when m.corrected_by is null then 'someone' else 'Your employer' end) as author,
       coalesce(d.title, '') as title
  from best b
  join memories m on m.tenant_id = $1 and m.memory_id = b.memory_id
  left join people p on p.tenant_id = $1 and p.person_id = b.person_id
  left join documents d on d.tenant_id = $1 and d.document_id = m.document_id
  left join lateral (
    select case when bool_and(f.valid_until <= now()) then max(f.valid_until) end as outdated_at
      from fact_sources s join memories f on f.tenant_id = $1 and f.memory_id = s.memory_id
     where s.tenant_id = $1 and s.message_id = m.message_id
  ) o on true
 order by b.score desc, b.memory_id";

/// The best memories the transaction's audiences may be reminded of, best first.
pub async fn search(tx: &mut TenantTx, question: &Question<'_>) -> Result<Vec<Recalled>, DbError> {
    search_among(tx, question, HITS).await
}

/// As [`search`], with `hits` instead of the usual number; with more than there are memories it is exact. For tests and
/// measurements of what the first look misses.
pub async fn search_among(
    tx: &mut TenantTx,
    question: &Question<'_>,
    hits: i64,
) -> Result<Vec<Recalled>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(SEARCH)
        .bind(tenant)
        .bind(HalfVector::from_f32_slice(question.vector))
        .bind(embedding::MODEL)
        .bind(question.terms)
        .bind(question.about)
        .bind(question.asks_when)
        .bind(question.except)
        .bind(question.limit)
        .bind(hits)
        .bind(question.asks_past)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(recalled).collect()
}

fn recalled(row: &PgRow) -> Result<Recalled, DbError> {
    let kind = match row.try_get("kind")? {
        "fact" => Kind::Fact { until: row.try_get("valid_until")? },
        "passage" => Kind::Passage { title: row.try_get("title")? },
        _ => Kind::Message { outdated_at: row.try_get("outdated_at")? },
    };
    Ok(Recalled {
        id: row.try_get("memory_id")?,
        kind,
        message: row.try_get("message_id")?,
        conversation: row.try_get("conversation_id")?,
        author: row.try_get("author")?,
        said_at: row.try_get("said_at")?,
        body: row.try_get("body")?,
        score: row.try_get("score")?,
    })
}

/// Memories that lack their vector, oldest first. Needs an all-audiences transaction.
pub async fn without_vector(tx: &mut TenantTx, limit: i64) -> Result<Vec<(MemoryId, String)>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select memory_id, body from memories
          where tenant_id = $1 and embedding is null and embed_failures < 5
          order by memory_id limit $2",
    )
    .bind(tenant)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("memory_id")?, row.try_get("body")?))).collect()
}

/// Stores the vectors of these texts; rows that were erased meanwhile, or say something else by now, are left alone.
pub async fn store_vectors(
    tx: &mut TenantTx,
    embedded: &[(MemoryId, String)],
    vectors: &[Vec<f32>],
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let vectors: Vec<HalfVector> = vectors.iter().map(|vector| HalfVector::from_f32_slice(vector)).collect();
    sqlx::query(
        "update memories m set embedding = g.vector, model = $5
           from unnest($2::uuid[], $3::text[], $4::halfvec[]) as g (memory_id, body, vector)
          where m.tenant_id = $1 and m.memory_id = g.memory_id and m.body = g.body",
    )
    .bind(tenant)
    .bind(embedded.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(embedded.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>())
    .bind(vectors)
    .bind(embedding::MODEL)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Counts a failed attempt; after five the row stays searchable by words only.
pub async fn count_failure(tx: &mut TenantTx, ids: &[MemoryId]) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update memories set embed_failures = embed_failures + 1 where tenant_id = $1 and memory_id = any ($2)",
    )
    .bind(tenant)
    .bind(ids)
    .execute(tx.conn())
    .await?;
    Ok(())
}

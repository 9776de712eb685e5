//! Long-term memory: search under the asker's audiences, and the vectors' back-fill.
//!
//! The search is one exact pass over the rows the transaction may see, scored as in `docs/memory.md`: cosine, full text
//! with OR, author, neighbours and the best of the stretch of talk. Weights stand here and nowhere else.

use pgvector::HalfVector;
use sqlx::Row;
use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::{
    embedding,
    ids::{ConversationId, MemoryId, MessageId, PersonId},
};

/// What to look for.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    pub vector: &'a [f32],
    /// Terms joined by OR for full text; empty means none.
    pub terms: &'a str,
    /// The one person the question is about, if it names exactly one.
    pub about: Option<PersonId>,
    /// "When …" and "how long …" favour memories that speak of time.
    pub asks_when: bool,
    /// What the prompt holds anyway.
    pub except: &'a [MessageId],
    pub limit: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Recalled {
    pub id: MemoryId,
    pub conversation: ConversationId,
    pub author: String,
    pub said_at: OffsetDateTime,
    pub body: String,
    pub score: f64,
}

/// `is not distinct from`: a NULL author would make the whole score NULL and silently ruin the ranking.
const SEARCH: &str = "
with seen as materialized (
    select m.memory_id, m.message_id, m.conversation_id, m.segment, m.position, m.person_id, m.said_at, m.body,
           m.info, m.temporal,
           case when m.embedding is null or m.model <> $3 then 0 else 1 - (m.embedding <=> $2) end as cos,
           case when $4 = '' then 0 else ts_rank(m.tsv, websearch_to_tsquery('english', $4)) end as rank,
           ($5::uuid is not null and m.person_id is not distinct from $5)::int as author
      from memories m
     where m.tenant_id = $1 and (m.valid_until is null or m.valid_until > now())
), ranked as (
    select *, coalesce(rank / nullif(max(rank) over (), 0), 0) as lex from seen
), near as (
    select *,
           coalesce(lag(cos) over talk, 0) as cos_before, coalesce(lead(cos) over talk, 0) as cos_after,
           coalesce(lag(lex) over talk, 0) as lex_before,
           max(cos + 0.25 * lex + 0.1 * author) over (partition by conversation_id, segment) as stretch
      from ranked
    window talk as (partition by conversation_id order by position)
), scored as (
    select *,
           6 * cos + 2 * lex + 1.5 * author + 2 * cos_before + 1.5 * cos_after + lex_before + 5 * stretch + 0.7 * info
             + temporal::int * (0.5 + 2 * $6::bool::int) as score
      from near
     where message_id <> all ($7)
)
select s.memory_id, s.conversation_id, s.said_at, s.body, s.score::float8 as score,
       coalesce(p.display_name, 'someone') as author
  from scored s
  left join people p on p.tenant_id = $1 and p.person_id = s.person_id
 order by s.score desc, s.memory_id
 limit $8";

/// The best memories the transaction's audiences may be reminded of, best first.
pub async fn search(tx: &mut TenantTx, question: &Question<'_>) -> Result<Vec<Recalled>, DbError> {
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
        .fetch_all(tx.conn())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Recalled {
                id: row.try_get("memory_id")?,
                conversation: row.try_get("conversation_id")?,
                author: row.try_get("author")?,
                said_at: row.try_get("said_at")?,
                body: row.try_get("body")?,
                score: row.try_get("score")?,
            })
        })
        .collect()
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

/// Stores vectors; rows that were erased meanwhile are left alone.
pub async fn store_vectors(tx: &mut TenantTx, ids: &[MemoryId], vectors: &[Vec<f32>]) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let vectors: Vec<HalfVector> = vectors.iter().map(|vector| HalfVector::from_f32_slice(vector)).collect();
    sqlx::query(
        "update memories m set embedding = g.vector, model = $4
           from unnest($2::uuid[], $3::halfvec[]) as g (memory_id, vector)
          where m.tenant_id = $1 and m.memory_id = g.memory_id",
    )
    .bind(tenant)
    .bind(ids)
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

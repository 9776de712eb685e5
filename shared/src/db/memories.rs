//! Long-term memory: search under the asker's audiences. Messages, facts drawn from them
//! (`facts`) and passages of documents (`documents`) are found by one statement.
//!
//! The search scores as in `docs/memory.md`: cosine, full text with OR, author, neighbours and the best of the stretch of
//! talk. All of a small tenant's memories are scored. Of many, a first look over all rows the transaction may see estimates
//! that score from one narrow index; the stretches of the best are then read and scored exactly. Weights stand here and
//! nowhere else.

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
    /// The days it names, each from its first moment to its last.
    pub windows: &'a [(OffsetDateTime, OffsetDateTime)],
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

/// Whoever has no more memories than this has each of them scored: from here on, looking twice is quicker.
const SMALL_MAX: i64 = 2_000;
/// Memories whose stretches of talk are read of a tenant that has more.
const HITS: i64 = 200;

/// Both statements. `asked` is what depends on the question alone: computed once, under a plan that is kept as well. Rows
/// stay narrow until the best are known, whose texts are read where they lie (`ctid`): no index to choose, so that a kept
/// plan can't choose a wrong one. One window for all, since its sort is what costs. `ts_rank`'s 1: a long text has many words
/// by chance. Everything is `float8`: numeric arithmetic cost a fifth of the search. `is not distinct from`: a NULL author
/// would make the whole score NULL and silently ruin the ranking; so would the NaN that is the cosine to a vector of zeros.
/// What somebody said again and again is found once: a question asked every day would leave no room for its answer. Copies are
/// looked for among eight times as many as are wanted.
macro_rules! search {
    (first: $first:literal, of: $of:literal) => {
        concat!(
            "
with asked as materialized (
    select case when $4 <> '' then websearch_to_tsquery('english', $4) end as words,
           cardinality($10::timestamptz[]) > 0 as dated
), ",
            $first,
            "seen as materialized (
    select m.ctid as place, m.memory_id, m.message_id, m.stretch_id, m.segment, m.position,
           hashtextextended(m.body, uuid_hash_extended(coalesce(m.person_id, m.tenant_id), hashtext(m.kind))) as saying,
           case when m.embedding is null or m.model <> $3 then 0
                else coalesce(nullif(1 - (m.embedding <=> $2), 'NaN'), 0) end as cos,
           coalesce(ts_rank(m.tsv, (select words from asked), 1), 0)::float8 as words,
           ($5::uuid is not null and m.person_id is not distinct from $5)::int::float8 as author,
           0.7::float8 * m.info + case when m.temporal then 0.5::float8 + 2 * $6::bool::int else 0 end
             + case when (select dated from asked)
                    then 4 * exp(-(select min(greatest(0, extract(epoch from w.first - m.said_at)::float8,
                                                       extract(epoch from m.said_at - w.last)::float8))
                                     from unnest($10, $11::timestamptz[]) as w (first, last)) / 86400 / 15)
                    else 0 end as weight
      from ",
            $of,
            "
), best_words as materialized (
    select coalesce(1 / nullif(max(words), 0), 0) as share from seen
), scored as (
    select place, memory_id, message_id, saying,
           6 * cos + 2 * lex + 1.5::float8 * author + weight
             + 2 * coalesce(lag(cos) over talk, 0) + 1.5::float8 * coalesce(lead(cos) over talk, 0)
             + coalesce(lag(lex) over talk, 0)
             + 5 * max(cos + 0.25::float8 * lex + 0.1::float8 * author) over talk
             as score
      from (select seen.*, words * (select share from best_words) as lex from seen) seen
    window talk as (partition by stretch_id, segment order by position
                    rows between unbounded preceding and unbounded following)
), first as materialized (
    select place, memory_id, saying, score
      from scored
     where message_id is null or message_id <> all ($7)
     order by score desc, memory_id
     limit 8 * $8
), best as materialized (
    select place, memory_id, score
      from (select f.*, row_number() over (partition by saying order by score desc, memory_id) as copy from first f) told
     where copy = 1
     order by score desc, memory_id
     limit $8
)
select b.memory_id, m.kind, m.message_id, m.conversation_id, m.said_at, m.body, b.score, m.valid_until,
       (select case when bool_and(f.valid_until <= now()) then max(f.valid_until) end
          from fact_sources s join memories f on f.tenant_id = $1 and f.memory_id = s.memory_id
         where s.tenant_id = $1 and s.message_id = m.message_id) as outdated_at,
       coalesce((select p.display_name from people p where p.tenant_id = $1 and p.person_id = m.person_id),
                case when m.corrected_by is null then 'someone' else 'Your employer' end) as author,
       coalesce((select d.title from documents d where d.tenant_id = $1 and d.document_id = m.document_id), '') as title,
       (select count(*) from seen) as looked_at
  from best b join memories m on m.ctid = b.place
 where m.tenant_id = $1
 order by b.score desc, b.memory_id"
        )
    };
}

/// Scores all there is; one row more than a small tenant has tells that there is more.
const ALL: &str = search!(
    first: "",
    of: "memories m
     where m.tenant_id = $1 and (m.valid_until is null or m.valid_until > now()
                              or ($9 and m.valid_until > '1970-01-01 00:00:00+00'))
     limit $12"
);

/// `hit` must stay within what the primary key includes: it is what makes large tenants quick. Both of its estimates are
/// close for the best rows: vectors at an angle differ in as many of their 384 signs as the angle's share of a half turn,
/// and texts share as many bits of their signatures as words, or a few more. All it decides is what is read.
const NEAREST: &str = search!(
    first: "outline as materialized (
    select word_signature(to_tsvector('english', $4)) as words,
           greatest(1, bit_count(word_signature(to_tsvector('english', $4))))::float8 as bits,
           case when l2_norm($2) > 0 then binary_quantize($2)::bit(384) end as signs
), hit as materialized (
    select m.memory_id
      from memories m
     where m.tenant_id = $1 and (m.valid_until is null or m.valid_until > now()
                              or ($9 and m.valid_until > '1970-01-01 00:00:00+00'))
     order by 11 * coalesce(cos(pi() * (m.bq <~> (select signs from outline)) / 384), 0)
              + 3.25::float8 * least(1, 2 * bit_count(m.words & (select words from outline))::float8
                                        / (select bits from outline))
              + case when m.person_id = $5 then 2 else 0 end
              + 0.7::float8 * m.info + case when m.temporal then 0.5::float8 + 2 * $6::bool::int else 0 end desc
     limit $12
), stretch as (
    select distinct m.stretch_id, m.segment
      from hit join memories m on m.tenant_id = $1 and m.memory_id = hit.memory_id
), ",
    of: "stretch s
      join memories m on m.tenant_id = $1 and m.stretch_id = s.stretch_id and m.segment = s.segment
     where m.valid_until is null or m.valid_until > now()
                              or ($9 and m.valid_until > '1970-01-01 00:00:00+00')"
);

/// The best memories the transaction's audiences may be reminded of, best first.
pub async fn search(tx: &mut TenantTx, question: &Question<'_>) -> Result<Vec<Recalled>, DbError> {
    if !tx.has_many_memories() {
        let rows = rows(tx, ALL, question, SMALL_MAX + 1).await?;
        let looked_at: i64 = rows.first().map_or(Ok(0), |row| row.try_get("looked_at"))?;
        if looked_at <= SMALL_MAX {
            return rows.iter().map(recalled).collect();
        }
        tx.note_many_memories();
    }
    search_among(tx, question, HITS).await
}

/// As [`search`] of a tenant with many memories, with `hits` instead of the usual number; with more than there are memories
/// it is exact. For tests and measurements of what the first look misses.
pub async fn search_among(
    tx: &mut TenantTx,
    question: &Question<'_>,
    hits: i64,
) -> Result<Vec<Recalled>, DbError> {
    tx.plan_anew().await?;
    rows(tx, NEAREST, question, hits).await?.iter().map(recalled).collect()
}

async fn rows(
    tx: &mut TenantTx,
    statement: &'static str,
    question: &Question<'_>,
    rows_max: i64,
) -> Result<Vec<PgRow>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query(statement)
        .bind(tenant)
        .bind(HalfVector::from_f32_slice(question.vector))
        .bind(embedding::MODEL)
        .bind(question.terms)
        .bind(question.about)
        .bind(question.asks_when)
        .bind(question.except)
        .bind(question.limit)
        .bind(question.asks_past)
        .bind(question.windows.iter().map(|(first, _)| *first).collect::<Vec<_>>())
        .bind(question.windows.iter().map(|(_, last)| *last).collect::<Vec<_>>())
        .bind(rows_max)
        .fetch_all(tx.conn())
        .await?)
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

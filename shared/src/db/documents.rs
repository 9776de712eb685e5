//! Documents that a tenant gives its agents to read: `waiting → ready | refused`, each end with what an operator should know.
//!
//! What is in one is kept as passages among the memories, once for each audience: all agents, or those it was given to.
//! Passages need an all-audiences transaction.

pub mod addresses;

use std::collections::HashMap;

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    Audience, DbError, TenantTx,
    audit::{self, Actor},
};
use crate::{
    ids::{AgentId, DocumentId},
    jobs::Job,
    queue,
};

/// Documents of one tenant.
pub const DOCUMENTS_MAX: i64 = 1_000;
/// Agents that one document is given to by name.
pub const AGENTS_MAX: usize = 10;
/// Passages that are looked at together: what stands near a good one counts, too.
const TOGETHER: i64 = 8;

#[derive(Clone, Debug)]
pub struct Document {
    pub id: DocumentId,
    pub title: String,
    pub name: String,
    pub content_type: String,
    pub size: i64,
    pub state: String,
    pub reason: Option<String>,
    pub passages: i32,
    /// Who may read it; none: all of the tenant's agents.
    pub agents: Vec<AgentId>,
    pub created_at: OffsetDateTime,
}

pub struct NewDocument<'a> {
    pub id: DocumentId,
    pub title: &'a str,
    pub name: &'a str,
    pub content_type: &'a str,
    pub size: i64,
    pub agents: &'a [AgentId],
}

const COLUMNS: &str = "
select d.document_id, d.title, d.name, d.content_type, d.size, d.state, d.reason, d.passages, d.created_at,
       array(select a.agent_id from document_agents a
              where a.tenant_id = $1 and a.document_id = d.document_id order by a.agent_id) as agents
  from documents d
 where d.tenant_id = $1 and ($2::uuid is null or d.document_id < $2) and ($3::uuid is null or d.document_id = $3)
 order by d.document_id desc
 limit $4";

/// Notes a document whose bytes are kept, and has it read; recorded. [`DbError::NotFound`]: one of the agents is not there.
pub async fn create(tx: &mut TenantTx, actor: &Actor, new: &NewDocument<'_>) -> Result<Document, DbError> {
    let tenant = tx.tenant();
    let made = sqlx::query(
        "insert into documents (tenant_id, document_id, title, name, content_type, size, created_by)
         select $1, $2, $3, $4, $5, $6, $7 where (select count(*) from documents where tenant_id = $1) < $8",
    )
    .bind(tenant)
    .bind(new.id)
    .bind(new.title)
    .bind(new.name)
    .bind(new.content_type)
    .bind(new.size)
    .bind(actor.id())
    .bind(DOCUMENTS_MAX)
    .execute(tx.conn())
    .await?;
    if made.rows_affected() == 0 {
        return Err(DbError::Conflict("There are 1,000 documents already: delete one first."));
    }
    let given = sqlx::query(
        "insert into document_agents (tenant_id, document_id, agent_id)
         select $1, $2, agent_id from agents where tenant_id = $1 and agent_id = any ($3)",
    )
    .bind(tenant)
    .bind(new.id)
    .bind(new.agents)
    .execute(tx.conn())
    .await?;
    if given.rows_affected() != new.agents.len() as u64 {
        return Err(DbError::NotFound);
    }
    queue::enqueue(tx, &Job::ReadDocument { document: new.id }).await?;
    let detail = json!({ "title": new.title, "bytes": new.size, "agents": new.agents });
    audit::append(tx, actor, "document.create", ("document", &new.id.to_string()), detail).await?;
    find(tx, new.id).await?.ok_or(DbError::NotFound)
}

/// The newest first.
pub async fn list(tx: &mut TenantTx, before: Option<DocumentId>, limit: i64) -> Result<Vec<Document>, DbError> {
    ask(tx, before, None, limit).await
}

pub async fn find(tx: &mut TenantTx, id: DocumentId) -> Result<Option<Document>, DbError> {
    Ok(ask(tx, None, Some(id), 1).await?.pop())
}

async fn ask(
    tx: &mut TenantTx,
    before: Option<DocumentId>,
    only: Option<DocumentId>,
    limit: i64,
) -> Result<Vec<Document>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(COLUMNS).bind(tenant).bind(before).bind(only).bind(limit).fetch_all(tx.conn()).await?;
    rows.iter().map(document).collect()
}

fn document(row: &PgRow) -> Result<Document, DbError> {
    Ok(Document {
        id: row.try_get("document_id")?,
        title: row.try_get("title")?,
        name: row.try_get("name")?,
        content_type: row.try_get("content_type")?,
        size: row.try_get("size")?,
        state: row.try_get("state")?,
        reason: row.try_get("reason")?,
        passages: row.try_get("passages")?,
        agents: row.try_get("agents")?,
        created_at: row.try_get("created_at")?,
    })
}

/// Deletes a document with its passages and their vectors, and has its bytes erased; of a sitemap, the pages that it names as
/// well; recorded. A page of a sitemap stays away from then on. `false`: there is none.
pub async fn remove(tx: &mut TenantTx, actor: &Actor, id: DocumentId) -> Result<bool, DbError> {
    let mut all = addresses::leave_out(tx, id).await?;
    all.push(id);
    match remove_all(tx, actor, &all).await? {
        0 => Ok(false),
        removed if removed == all.len() => Ok(true),
        // Somebody else is at it: they delete the rest as well.
        _ => Err(DbError::NotFound),
    }
}

/// How many of them were there. What the others hang on is the last.
async fn remove_all(tx: &mut TenantTx, actor: &Actor, ids: &[DocumentId]) -> Result<usize, DbError> {
    let tenant = tx.tenant();
    // Whoever reads one at this moment waits here, and then finds nothing.
    let locked: Vec<(DocumentId, String)> = sqlx::query_as(
        "select document_id, title from documents
          where tenant_id = $1 and document_id = any ($2) order by document_id for update",
    )
    .bind(tenant)
    .bind(ids)
    .fetch_all(tx.conn())
    .await?;
    if locked.is_empty() {
        return Ok(0);
    }
    let (first, last) = match ids.split_last() {
        Some((last, first)) if !first.is_empty() => (first, Some(*last)),
        _ => (ids, None),
    };
    let passages: HashMap<DocumentId, i64> = sqlx::query_as(
        "with gone as (
             delete from memories where tenant_id = $1 and document_id = any ($2) and kind = 'passage'
             returning document_id
         ), removed as (
             delete from documents where tenant_id = $1 and document_id = any ($3)
         )
         select document_id, count(*) from gone group by document_id",
    )
    .bind(tenant)
    .bind(ids)
    .bind(first)
    .fetch_all(tx.conn())
    .await?
    .into_iter()
    .collect();
    if let Some(last) = last {
        sqlx::query("delete from documents where tenant_id = $1 and document_id = $2")
            .bind(tenant)
            .bind(last)
            .execute(tx.conn())
            .await?;
    }
    for (id, title) in &locked {
        queue::enqueue(tx, &Job::EraseDocument { document: *id }).await?;
        let detail = json!({ "title": title, "passages": passages.get(id).unwrap_or(&0) });
        audit::append(tx, actor, "document.remove", ("document", &id.to_string()), detail).await?;
    }
    Ok(locked.len())
}

async fn forget_passages(tx: &mut TenantTx, id: DocumentId) -> Result<u64, DbError> {
    let tenant = tx.tenant();
    let gone = sqlx::query("delete from memories where tenant_id = $1 and document_id = $2 and kind = 'passage'")
        .bind(tenant)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(gone.rows_affected())
}

const REMEMBER: &str = "
insert into memories (tenant_id, memory_id, kind, document_id, segment, position, said_at, audience, body, to_learn_at)
select $1, gen_random_uuid(), 'passage', d.document_id, ((g.n - 1) / $5 + 100000 * (a.n - 1))::int, g.n, d.created_at, a.audience,
       g.body, null
  from documents d
  cross join unnest($3::text[]) with ordinality as g (body, n)
  cross join unnest($4::text[]) with ordinality as a (audience, n)
 where d.tenant_id = $1 and d.document_id = $2";

/// Ends the wait with what was read; how many memories that makes. `None`: nobody waits any more.
pub async fn store(
    tx: &mut TenantTx,
    id: DocumentId,
    passages: &[String],
    note: Option<&str>,
) -> Result<Option<u64>, DbError> {
    if !end(tx, id, "ready", note, passages.len()).await? {
        return Ok(None);
    }
    // Of the version before.
    forget_passages(tx, id).await?;
    let found = find(tx, id).await?.ok_or(DbError::NotFound)?;
    let audiences: Vec<String> = if found.agents.is_empty() {
        vec![Audience::Agents.to_string()]
    } else {
        found.agents.iter().map(|agent| Audience::Agent(*agent).to_string()).collect()
    };
    let tenant = tx.tenant();
    let remembered = sqlx::query(REMEMBER)
        .bind(tenant)
        .bind(id)
        .bind(passages)
        .bind(audiences)
        .bind(TOGETHER)
        .execute(tx.conn())
        .await?;
    Ok(Some(remembered.rows_affected()))
}

/// Ends the wait without a text. What an earlier version said is forgotten.
pub async fn refuse(tx: &mut TenantTx, id: DocumentId, reason: &str) -> Result<bool, DbError> {
    let ended = end(tx, id, "refused", Some(reason), 0).await?;
    if ended {
        forget_passages(tx, id).await?;
    }
    Ok(ended)
}

async fn end(
    tx: &mut TenantTx,
    id: DocumentId,
    state: &str,
    reason: Option<&str>,
    passages: usize,
) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let ended = sqlx::query(
        "update documents set state = $3, reason = $4, passages = $5, ended_at = clock_timestamp()
          where tenant_id = $1 and document_id = $2 and state = 'waiting'",
    )
    .bind(tenant)
    .bind(id)
    .bind(state)
    .bind(reason)
    .bind(i32::try_from(passages).unwrap_or(i32::MAX))
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected() == 1)
}

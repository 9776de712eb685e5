//! Documents by address: where they are fetched from, when to look again, and what became of the last look.
//!
//! The schedule enqueues a look at whatever is due; a look may run twice. What has not changed is not read again.

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    super::{
        DbError, SystemDb, TenantTx,
        audit::{self, Actor},
    },
    DOCUMENTS_MAX, Document, find, forget_passages,
};
use crate::{
    ids::{AgentId, DocumentId, TenantId},
    jobs::Job,
    queue,
};

/// Pages of one sitemap.
pub const PAGES_MAX: usize = 50;
/// After a look that failed; twice as long after the next, a day at most.
const AGAIN_AFTER_MINUTES: i32 = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub document: DocumentId,
    pub address: String,
    pub is_sitemap: bool,
    /// The sitemap that names it.
    pub listed_by: Option<DocumentId>,
    pub every_hours: i32,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub digest: Option<Vec<u8>>,
    pub looked_at: Option<OffsetDateTime>,
    pub fetched_at: Option<OffsetDateTime>,
    /// Why the last look came to nothing.
    pub reason: Option<String>,
}

pub struct NewAddress<'a> {
    pub title: &'a str,
    pub address: &'a str,
    pub is_sitemap: bool,
    pub every_hours: i32,
    pub agents: &'a [AgentId],
}

macro_rules! columns {
    () => {
        "document_id, address, is_sitemap, listed_by, every_hours, etag, last_modified, digest, looked_at, fetched_at, reason"
    };
}

/// Notes an address and has it looked at; recorded. [`DbError::NotFound`]: one of the agents is not there.
pub async fn create(tx: &mut TenantTx, actor: &Actor, new: &NewAddress<'_>) -> Result<Document, DbError> {
    let id = insert(tx, &actor.id(), new, None).await?;
    let id = id.ok_or(DbError::Conflict("There are 1,000 documents already: delete one first."))?;
    let detail = json!({ "title": new.title, "address": new.address, "agents": new.agents,
                         "is_sitemap": new.is_sitemap, "every_hours": new.every_hours });
    audit::append(tx, actor, "document.create", ("document", &id.to_string()), detail).await?;
    find(tx, id).await?.ok_or(DbError::NotFound)
}

/// `None`: there is no room.
async fn insert(
    tx: &mut TenantTx,
    created_by: &str,
    new: &NewAddress<'_>,
    listed_by: Option<DocumentId>,
) -> Result<Option<DocumentId>, DbError> {
    let (tenant, id) = (tx.tenant(), DocumentId::new());
    let made = sqlx::query(
        "insert into documents (tenant_id, document_id, title, name, content_type, size, created_by)
         select $1, $2, $3, $4, '', 0, $5 where (select count(*) from documents where tenant_id = $1) < $6",
    )
    .bind(tenant)
    .bind(id)
    .bind(new.title)
    .bind(new.address)
    .bind(created_by)
    .bind(DOCUMENTS_MAX)
    .execute(tx.conn())
    .await?;
    if made.rows_affected() == 0 {
        return Ok(None);
    }
    let given = sqlx::query(
        "with noted as (
             insert into document_addresses (tenant_id, document_id, address, is_sitemap, listed_by, every_hours, due_at)
             values ($1, $2, $4, $5, $6, $7, clock_timestamp() + make_interval(hours => $7))
         )
         insert into document_agents (tenant_id, document_id, agent_id)
         select $1, $2, agent_id from agents where tenant_id = $1 and agent_id = any ($3)",
    )
    .bind(tenant)
    .bind(id)
    .bind(new.agents)
    .bind(new.address)
    .bind(new.is_sitemap)
    .bind(listed_by)
    .bind(new.every_hours)
    .execute(tx.conn())
    .await
    .map_err(|error| match DbError::from(error) {
        error if error.constraint().is_some_and(|name| name.ends_with("_address_key")) => {
            DbError::Conflict("There is a document of this address already.")
        }
        error => error,
    })?;
    if given.rows_affected() != new.agents.len() as u64 {
        return Err(DbError::NotFound);
    }
    queue::enqueue(tx, &Job::FetchDocument { document: id }).await?;
    Ok(Some(id))
}

/// Where a document comes from; `None`: from bytes that somebody gave.
pub async fn of(tx: &mut TenantTx, document: DocumentId) -> Result<Option<Address>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!(
        "select ",
        columns!(),
        " from document_addresses where tenant_id = $1 and document_id = $2"
    ))
    .bind(tenant)
    .bind(document)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(address).transpose()
}

/// The same for several.
pub async fn of_all(tx: &mut TenantTx, documents: &[DocumentId]) -> Result<Vec<Address>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(concat!(
        "select ",
        columns!(),
        " from document_addresses where tenant_id = $1 and document_id = any ($2)"
    ))
    .bind(tenant)
    .bind(documents)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(address).collect()
}

fn address(row: &PgRow) -> Result<Address, DbError> {
    Ok(Address {
        document: row.try_get("document_id")?,
        address: row.try_get("address")?,
        is_sitemap: row.try_get("is_sitemap")?,
        listed_by: row.try_get("listed_by")?,
        every_hours: row.try_get("every_hours")?,
        etag: row.try_get("etag")?,
        last_modified: row.try_get("last_modified")?,
        digest: row.try_get("digest")?,
        looked_at: row.try_get("looked_at")?,
        fetched_at: row.try_get("fetched_at")?,
        reason: row.try_get("reason")?,
    })
}

/// Documents that are to be looked at again, at most 100.
///
/// Reason: the schedule asks whose turn it is; addresses are read under each tenant.
pub async fn due(db: &SystemDb) -> Result<Vec<(TenantId, DocumentId)>, DbError> {
    let rows = sqlx::query(
        "select tenant_id, document_id from document_addresses where due_at <= now() order by due_at limit 100",
    )
    .fetch_all(db.read())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("tenant_id")?, row.try_get("document_id")?))).collect()
}

/// Moves the next look ahead and enqueues this one. `false`: somebody else has.
pub async fn take_due(tx: &mut TenantTx, document: DocumentId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let taken = sqlx::query(
        "update document_addresses set due_at = clock_timestamp() + make_interval(hours => every_hours)
          where tenant_id = $1 and document_id = $2 and due_at <= clock_timestamp()",
    )
    .bind(tenant)
    .bind(document)
    .execute(tx.conn())
    .await?;
    if taken.rows_affected() == 0 {
        return Ok(false);
    }
    queue::enqueue(tx, &Job::FetchDocument { document }).await?;
    Ok(true)
}

/// What the server said of what was fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub digest: Vec<u8>,
}

/// It is as it was.
pub async fn unchanged(tx: &mut TenantTx, document: DocumentId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update document_addresses set looked_at = clock_timestamp(), failures = 0, reason = null
          where tenant_id = $1 and document_id = $2",
    )
    .bind(tenant)
    .bind(document)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Its bytes are kept: they are to be read, in place of what was read before. `false`: it was deleted meanwhile.
pub async fn fetched(
    tx: &mut TenantTx,
    document: DocumentId,
    (content_type, size): (&str, usize),
    stamp: &Stamp,
) -> Result<bool, DbError> {
    note(tx, document, stamp).await?;
    let tenant = tx.tenant();
    let waits = sqlx::query(
        "update documents set state = 'waiting', reason = null, content_type = $3, size = $4
          where tenant_id = $1 and document_id = $2",
    )
    .bind(tenant)
    .bind(document)
    .bind(content_type)
    .bind(i64::try_from(size).unwrap_or(i64::MAX))
    .execute(tx.conn())
    .await?;
    if waits.rows_affected() == 0 {
        return Ok(false);
    }
    queue::enqueue(tx, &Job::ReadDocument { document }).await?;
    Ok(true)
}

async fn note(tx: &mut TenantTx, document: DocumentId, stamp: &Stamp) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update document_addresses
            set etag = $3, last_modified = $4, digest = $5, looked_at = clock_timestamp(), fetched_at = clock_timestamp(),
                failures = 0, reason = null
          where tenant_id = $1 and document_id = $2",
    )
    .bind(tenant)
    .bind(document)
    .bind(&stamp.etag)
    .bind(&stamp.last_modified)
    .bind(&stamp.digest)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Nothing came of a look. What was read before stays, unless the page is `gone`: then it is forgotten.
pub async fn failed(tx: &mut TenantTx, document: DocumentId, reason: &str, gone: bool) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update document_addresses
            set looked_at = clock_timestamp(), failures = failures + 1, reason = $3,
                etag = case when $4 then null else etag end, last_modified = case when $4 then null else last_modified end,
                digest = case when $4 then null else digest end,
                due_at = least(due_at, clock_timestamp() + least(interval '1 day',
                                                                 make_interval(mins => $5 * (2 ^ least(failures, 9))::int)))
          where tenant_id = $1 and document_id = $2",
    )
    .bind(tenant)
    .bind(document)
    .bind(reason)
    .bind(gone)
    .bind(AGAIN_AFTER_MINUTES)
    .execute(tx.conn())
    .await?;
    if gone {
        forget_passages(tx, document).await?;
    }
    sqlx::query(
        "update documents set state = 'refused', reason = $3, ended_at = clock_timestamp(),
                              passages = case when $4 then 0 else passages end
          where tenant_id = $1 and document_id = $2 and (state = 'waiting' or $4)",
    )
    .bind(tenant)
    .bind(document)
    .bind(reason)
    .bind(gone)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a sitemap names is fetched, each page as a document of its own, for the same agents; pages it no longer names are
/// deleted, and those that somebody deleted stay away. Recorded; returns how many are new.
pub async fn listed(
    tx: &mut TenantTx,
    sitemap: &Address,
    pages: &[String],
    stamp: &Stamp,
) -> Result<usize, DbError> {
    let tenant = tx.tenant();
    let Some(list) = find(tx, sitemap.document).await? else { return Ok(0) };
    let left_out = left_out(tx, sitemap.document, pages).await?;
    let known: Vec<(DocumentId, String)> = sqlx::query_as(
        "select document_id, address from document_addresses where tenant_id = $1 and listed_by = $2",
    )
    .bind(tenant)
    .bind(sitemap.document)
    .fetch_all(tx.conn())
    .await?;
    let unlisted = known.iter().filter(|(_, address)| !pages.contains(address)).map(|(document, _)| *document);
    super::remove_all(tx, &Actor::System, &unlisted.collect::<Vec<_>>()).await?;
    let (mut count, mut made) = (0, 0);
    for page in pages.iter().take(PAGES_MAX) {
        count += 1;
        let is_new = !known.iter().any(|(_, address)| address == page) && !left_out.contains(page);
        if !is_new || is_known(tx, page).await? {
            continue;
        }
        let new = NewAddress {
            title: page,
            address: page,
            is_sitemap: false,
            every_hours: sitemap.every_hours,
            agents: &list.agents,
        };
        let Some(id) = insert(tx, &Actor::System.id(), &new, Some(sitemap.document)).await? else { break };
        let detail =
            json!({ "title": page, "address": page, "agents": list.agents, "listed_by": sitemap.document });
        audit::append(tx, &Actor::System, "document.create", ("document", &id.to_string()), detail).await?;
        made += 1;
    }
    note(tx, sitemap.document, stamp).await?;
    sqlx::query(
        "update documents set state = 'ready', reason = $3, ended_at = clock_timestamp()
          where tenant_id = $1 and document_id = $2",
    )
    .bind(tenant)
    .bind(sitemap.document)
    .bind(format!("a list of {count} pages, which are documents of their own"))
    .execute(tx.conn())
    .await?;
    Ok(made)
}

/// A document is about to be deleted by hand: a page of a sitemap is not to come back with the next look. Returns the pages that
/// it names itself.
pub(super) async fn leave_out(tx: &mut TenantTx, id: DocumentId) -> Result<Vec<DocumentId>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "with left_out as (
             update document_addresses s set left_out = array_append(s.left_out, p.address)
               from document_addresses p
              where s.tenant_id = $1 and s.document_id = p.listed_by and p.tenant_id = $1 and p.document_id = $2
         )
         select document_id from document_addresses where tenant_id = $1 and listed_by = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_all(tx.conn())
    .await?)
}

/// What of these pages was deleted by hand. What the sitemap names no more is forgotten here, too.
async fn left_out(tx: &mut TenantTx, sitemap: DocumentId, pages: &[String]) -> Result<Vec<String>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "update document_addresses set left_out = array(select unnest(left_out) intersect select unnest($3::text[]))
          where tenant_id = $1 and document_id = $2 returning left_out",
    )
    .bind(tenant)
    .bind(sitemap)
    .bind(pages)
    .fetch_one(tx.conn())
    .await?)
}

async fn is_known(tx: &mut TenantTx, address: &str) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar("select exists (select from document_addresses where tenant_id = $1 and address = $2)")
        .bind(tenant)
        .bind(address)
        .fetch_one(tx.conn())
        .await?)
}

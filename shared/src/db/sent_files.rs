//! Files on their way to people: an outbox row of kind `file`, and what it brings.
//!
//! The row is written when the agent asks for it and sent below the turn's answer, by the same owner and under the same fence;
//! an interruption drops it like any other. The platform's id of the bytes is stored before they are put into a conversation,
//! so that whoever follows a crash can ask whether they are there.

use sqlx::Row;

use super::{
    DbError, TenantTx,
    lanes::Lease,
    outbox::{Operation, Part},
};
use crate::ids::{OutboxId, RunId};

/// Of an outbox row.
pub const KIND: &str = "file";

/// A file that was made in a run.
pub struct New<'a> {
    pub id: OutboxId,
    pub run: RunId,
    /// Of the run's files, which one.
    pub part: i32,
    pub name: &'a str,
    pub content_type: &'a str,
    pub size: i64,
    /// How the conversation tells of it.
    pub line: &'a str,
}

/// Writes the row and what it brings, under the fence. `false`: the lease is lost, or it stands there already.
pub async fn prepare(tx: &mut TenantTx, lease: &Lease, new: &New<'_>) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let written = sqlx::query(
        "with lane as (
             select tenant_id from lanes
              where tenant_id = $1 and conversation_id = $2 and fence = $3 and not by_human
                for no key update
         ), row as (
             insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, part, operation, body, fence)
             select $1, $4, $2, $5, 'file', $6, 'post', $7, $3 from lane
             on conflict (tenant_id, run_id, kind, part) do nothing
             returning outbox_id
         )
         insert into sent_files (tenant_id, outbox_id, name, content_type, size)
         select $1, outbox_id, $8, $9, $10 from row",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(new.id)
    .bind(new.run)
    .bind(new.part)
    .bind(new.line)
    .bind(new.name)
    .bind(new.content_type)
    .bind(new.size)
    .execute(tx.conn())
    .await?;
    Ok(written.rows_affected() == 1)
}

/// What a run made and has not sent, in its order.
pub async fn unsent(tx: &mut TenantTx, run: RunId) -> Result<Vec<Part>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select outbox_id, part, body, attempts from outbox
          where tenant_id = $1 and run_id = $2 and kind = 'file' and state = 'sending' order by part",
    )
    .bind(tenant)
    .bind(run)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            let part = Part::new(KIND, row.try_get("part")?, Operation::Post, row.try_get("body")?, None);
            Ok(Part { id: row.try_get("outbox_id")?, attempts: row.try_get("attempts")?, ..part })
        })
        .collect()
}

/// A file as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub run: RunId,
    pub part: i32,
    pub name: String,
    pub content_type: String,
    pub size: i64,
    pub upload: Option<String>,
}

pub async fn find(tx: &mut TenantTx, id: OutboxId) -> Result<Outgoing, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select o.run_id, o.part, f.name, f.content_type, f.size, f.upload_id
           from sent_files f join outbox o on o.tenant_id = f.tenant_id and o.outbox_id = f.outbox_id
          where f.tenant_id = $1 and f.outbox_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    Ok(Outgoing {
        run: row.try_get("run_id")?,
        part: row.try_get("part")?,
        name: row.try_get("name")?,
        content_type: row.try_get("content_type")?,
        size: row.try_get("size")?,
        upload: row.try_get("upload_id")?,
    })
}

/// Notes that the platform has the bytes, before they are put into a conversation. [`DbError::Fenced`]: another owner sends.
pub async fn note_upload(tx: &mut TenantTx, lease: &Lease, id: OutboxId, upload: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let noted = sqlx::query(
        "update sent_files f set upload_id = $5
           from lanes l
          where f.tenant_id = $1 and f.outbox_id = $2
            and l.tenant_id = $1 and l.conversation_id = $3 and l.fence = $4",
    )
    .bind(tenant)
    .bind(id)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(upload)
    .execute(tx.conn())
    .await?;
    if noted.rows_affected() == 1 { Ok(()) } else { Err(DbError::Fenced) }
}

/// Whose bytes nobody needs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It is still to be sent.
    Needed,
    Ended {
        run: RunId,
        part: i32,
    },
    Erased,
}

pub async fn rest(tx: &mut TenantTx, id: OutboxId) -> Result<Rest, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select o.run_id, o.part, o.state = 'sending' as needed, f.erased_at is not null as erased
           from sent_files f join outbox o on o.tenant_id = f.tenant_id and o.outbox_id = f.outbox_id
          where f.tenant_id = $1 and f.outbox_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(Rest::Erased) };
    let (needed, erased): (bool, bool) = (row.try_get("needed")?, row.try_get("erased")?);
    Ok(match (erased, needed) {
        (true, _) => Rest::Erased,
        (false, true) => Rest::Needed,
        (false, false) => Rest::Ended { run: row.try_get("run_id")?, part: row.try_get("part")? },
    })
}

/// Notes that the bytes are gone.
pub async fn note_erased(tx: &mut TenantTx, id: OutboxId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update sent_files set erased_at = clock_timestamp()
          where tenant_id = $1 and outbox_id = $2 and erased_at is null",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

//! The outbox: the text of every reply, fixed before any network call.
//!
//! `sending → sent | dead | unknown`, or `dropped` by an interruption. A row left in `sending` by a crash is reconciled with the platform before anything
//! is sent again.

use sqlx::Row;

use super::{DbError, TenantTx, lanes::Lease};
use crate::ids::OutboxId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Post,
    /// Of the message `target`; may be repeated without harm.
    Update,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Update => "update",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub id: OutboxId,
    /// `placeholder`, `answer`, `apology` or `notice`.
    pub kind: String,
    pub part: i32,
    pub operation: Operation,
    pub body: String,
    pub target: Option<String>,
    pub state: String,
    pub attempts: i32,
    pub external_id: Option<String>,
}

impl Part {
    pub fn new(kind: &str, part: i32, operation: Operation, body: String, target: Option<String>) -> Self {
        Self {
            id: OutboxId::new(),
            kind: kind.to_owned(),
            part,
            operation,
            body,
            target,
            state: "sending".into(),
            attempts: 1,
            external_id: None,
        }
    }
}

pub(super) fn part(row: &sqlx::postgres::PgRow) -> Result<Part, DbError> {
    let operation: String = row.try_get("operation")?;
    Ok(Part {
        id: row.try_get("outbox_id")?,
        kind: row.try_get("kind")?,
        part: row.try_get("part")?,
        operation: if operation == "update" { Operation::Update } else { Operation::Post },
        body: row.try_get("body")?,
        target: row.try_get("target_external_id")?,
        state: row.try_get("state")?,
        attempts: row.try_get("attempts")?,
        external_id: row.try_get("external_id")?,
    })
}

/// Counts another attempt to send, before it is made. [`DbError::Fenced`]: the conversation has another owner, who sends;
/// a process that was frozen while it waited learns it here.
pub async fn count_attempt(tx: &mut TenantTx, lease: &Lease, id: OutboxId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let counted = sqlx::query(
        "update outbox o set attempts = attempts + 1, sending_at = clock_timestamp()
           from lanes l
          where o.tenant_id = $1 and o.outbox_id = $2
            and l.tenant_id = $1 and l.conversation_id = $3 and l.fence = $4",
    )
    .bind(tenant)
    .bind(id)
    .bind(lease.conversation)
    .bind(lease.fence)
    .execute(tx.conn())
    .await?;
    if counted.rows_affected() == 1 { Ok(()) } else { Err(DbError::Fenced) }
}

/// Notes where a row is visible, whoever owns the conversation now: it is a fact, and whoever finishes what was shown
/// need not look it up.
pub async fn mark_sent(tx: &mut TenantTx, id: OutboxId, external_id: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update outbox set external_id = $3, sent_at = clock_timestamp(),
                state = case when state in ('sending', 'dropped') then 'sent' else state end
          where tenant_id = $1 and outbox_id = $2 and external_id is null",
    )
    .bind(tenant)
    .bind(id)
    .bind(external_id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

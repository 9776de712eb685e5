//! The outbox: the text of every reply, fixed before any network call.
//!
//! `sending → sent | dead | unknown`, or `dropped` by an interruption. A row left in `sending` by a crash is reconciled with the platform before anything
//! is sent again.

use serde_json::Value;
use sqlx::{Row, types::Json};

use super::{DbError, TenantTx, lanes::Lease};
use crate::ids::{OutboxId, RunId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Post,
    /// Of the message `target`; may be repeated without harm.
    Update,
    /// Of a message that grows piece by piece; afterwards its text may be set as a whole.
    Stream,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Update => "update",
            Self::Stream => "stream",
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
    /// Marks around a streamed message's own words.
    pub head: String,
    pub tail: String,
    /// Pieces a streamed message consists of.
    pub pieces: i32,
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
            head: String::new(),
            tail: String::new(),
            pieces: 0,
        }
    }

    /// The text with its marks, as it is shown.
    pub fn whole(&self) -> String {
        format!("{}{}{}", self.head, self.body, self.tail)
    }
}

fn part(row: &sqlx::postgres::PgRow) -> Result<Part, DbError> {
    let operation: String = row.try_get("operation")?;
    Ok(Part {
        id: row.try_get("outbox_id")?,
        kind: row.try_get("kind")?,
        part: row.try_get("part")?,
        operation: match operation.as_str() {
            "update" => Operation::Update,
            "stream" => Operation::Stream,
            _ => Operation::Post,
        },
        body: row.try_get("body")?,
        target: row.try_get("target_external_id")?,
        state: row.try_get("state")?,
        attempts: row.try_get("attempts")?,
        external_id: row.try_get("external_id")?,
        head: row.try_get("head")?,
        tail: row.try_get("tail")?,
        pieces: row.try_get("pieces")?,
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

/// What an interrupted run had already done.
pub struct Progress {
    /// The memoised model answer: paid for, so it is used.
    pub answer: Option<Value>,
    pub parts: Vec<Part>,
}

/// Reads an interrupted run's progress.
pub async fn progress(tx: &mut TenantTx, run: RunId) -> Result<Progress, DbError> {
    let tenant = tx.tenant();
    let answer: Option<Json<Value>> = sqlx::query_scalar(
        "select result from run_steps where tenant_id = $1 and run_id = $2 and step = 'answer'",
    )
    .bind(tenant)
    .bind(run)
    .fetch_optional(tx.conn())
    .await?;
    let rows = sqlx::query(
        "select o.outbox_id, o.kind, o.part, o.operation, o.state, o.attempts, o.external_id, o.target_external_id, o.head,
                o.tail, coalesce(streamed.text, o.body) as body, streamed.pieces::int as pieces
           from outbox o
           cross join lateral (
             select string_agg(p.text, '' order by p.n) as text, count(*) as pieces
               from outbox_parts p where p.tenant_id = $1 and p.outbox_id = o.outbox_id
           ) streamed
          where o.tenant_id = $1 and o.run_id = $2 order by o.created_at, o.part",
    )
    .bind(tenant)
    .bind(run)
    .fetch_all(tx.conn())
    .await?;
    let parts = rows.iter().map(part).collect::<Result<_, _>>()?;
    Ok(Progress { answer: answer.map(|Json(value)| value), parts })
}

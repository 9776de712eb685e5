//! What people think of answers: one opinion a person and run.

use super::{DbError, TenantTx};
use crate::ids::{ConnectionId, ConversationId, OutboxId, PersonId, RunId};

/// Longest reason, in characters; a dialog's field takes as many.
pub const COMMENT_MAX: usize = 3_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Bad,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

/// The run whose answer this row is part of, with its conversation, if it answered in this channel of this connection: whoever
/// clicks there can see it.
pub async fn find_answered(
    tx: &mut TenantTx,
    outbox: OutboxId,
    connection: ConnectionId,
    channel: &str,
) -> Result<Option<(RunId, ConversationId)>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as(
        "select o.run_id, conversation_id from outbox o join conversations c using (tenant_id, conversation_id)
          where o.tenant_id = $1 and o.outbox_id = $2 and o.kind = 'answer' and o.run_id is not null
            and c.connection_id = $3 and c.channel_external_id = $4",
    )
    .bind(tenant)
    .bind(outbox)
    .bind(connection)
    .bind(channel)
    .fetch_optional(tx.conn())
    .await?)
}

/// Stores an opinion given by button. `false`: the second click of a double click.
pub async fn give(tx: &mut TenantTx, run: RunId, person: PersonId, verdict: Verdict) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let given = sqlx::query(
        "insert into feedback as f (tenant_id, run_id, person_id, verdict, source) values ($1, $2, $3, $4, 'button')
         on conflict (tenant_id, run_id, person_id) do update
            set verdict = excluded.verdict, source = excluded.source, changed_at = clock_timestamp(),
                -- A reason belongs to the opinion it was given for.
                comment = case when f.verdict = excluded.verdict then f.comment end
          where f.verdict <> excluded.verdict or f.changed_at < clock_timestamp() - interval '3 seconds'",
    )
    .bind(tenant)
    .bind(run)
    .bind(person)
    .bind(verdict.as_str())
    .execute(tx.conn())
    .await?;
    Ok(given.rows_affected() == 1)
}

/// Adds why an answer was bad. Nothing happens if the person has changed their mind meanwhile.
pub async fn explain(tx: &mut TenantTx, run: RunId, person: PersonId, comment: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update feedback set comment = $4, changed_at = clock_timestamp()
          where tenant_id = $1 and run_id = $2 and person_id = $3 and verdict = 'bad'",
    )
    .bind(tenant)
    .bind(run)
    .bind(person)
    .bind(comment)
    .execute(tx.conn())
    .await?;
    Ok(())
}

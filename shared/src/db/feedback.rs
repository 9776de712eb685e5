//! What people think of answers: one opinion a person and run.

use time::OffsetDateTime;

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

/// What a reaction says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    Is(Verdict),
    /// This thumb was taken away.
    NoLonger(Verdict),
    /// No thumb of theirs stands there.
    Nothing,
}

/// A thumb that somebody put on a message of a channel, or took away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub channel: String,
    /// The platform's id of the message.
    pub message: String,
    /// The platform's id of the person.
    pub user: String,
    pub opinion: Opinion,
    /// The platform's own time: events come in any order.
    pub at: OffsetDateTime,
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
          where f.verdict is distinct from excluded.verdict
             or f.changed_at < clock_timestamp() - interval '3 seconds'",
    )
    .bind(tenant)
    .bind(run)
    .bind(person)
    .bind(verdict.as_str())
    .execute(tx.conn())
    .await?;
    Ok(given.rows_affected() == 1)
}

/// The run whose answer stands in this message.
pub async fn find_answer(
    tx: &mut TenantTx,
    connection: ConnectionId,
    reaction: &Reaction,
) -> Result<Option<RunId>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select o.run_id from outbox o join conversations c using (tenant_id, conversation_id)
          where o.tenant_id = $1 and o.external_id = $2 and o.kind = 'answer' and o.run_id is not null
            and c.connection_id = $3 and c.channel_external_id = $4
          limit 1",
    )
    .bind(tenant)
    .bind(&reaction.message)
    .bind(connection)
    .bind(&reaction.channel)
    .fetch_optional(tx.conn())
    .await?)
}

/// Stores an opinion given by reaction, or that it was taken back. `false`: a later one is known. What was said by button
/// stays until another thumb is put there.
pub async fn react(tx: &mut TenantTx, run: RunId, person: PersonId, reaction: &Reaction) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let (given, taken_back) = match reaction.opinion {
        Opinion::Is(verdict) => (Some(verdict), None),
        Opinion::NoLonger(verdict) => (None, Some(verdict)),
        Opinion::Nothing => (None, None),
    };
    let taken = sqlx::query(
        "insert into feedback as f (tenant_id, run_id, person_id, verdict, source, changed_at)
         values ($1, $2, $3, $4, 'reaction', $5)
         on conflict (tenant_id, run_id, person_id) do update
            set verdict = excluded.verdict, source = excluded.source, changed_at = excluded.changed_at,
                comment = case when f.verdict = excluded.verdict then f.comment end
          where f.changed_at < excluded.changed_at
            and ($4 is not null or f.source = 'reaction' and ($6 is null or f.verdict = $6))",
    )
    .bind(tenant)
    .bind(run)
    .bind(person)
    .bind(given.map(Verdict::as_str))
    .bind(reaction.at)
    .bind(taken_back.map(Verdict::as_str))
    .execute(tx.conn())
    .await?;
    Ok(taken.rows_affected() == 1)
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

//! Messages that the platform took and reported as failed since: sent again a few times, in their conversation, by a job.
//!
//! A row that waits for it is `sending` with `resend_at`; who sends it moves that on, so that no other does meanwhile. What
//! becomes of it is decided under the lane's lock: a human who has the conversation sends it no more, and a turn that is under
//! way goes first. If the platform says after all that the first one arrived, nothing waits any more. An attempt is noted before
//! it is made (`unheard`) and that note goes with its end: one whose process died may have arrived, and is not repeated.

use std::time::Duration;

use sqlx::{Row, postgres::PgRow};

use super::{
    DbError, TenantTx,
    notices::{self, Kind},
};
use crate::{
    ids::{ConnectionId, ConversationId, OutboxId},
    jobs::Job,
    queue,
};

/// After the first time.
pub const RESENDS_MAX: i32 = 3;
/// An answer that is older has become another one's question.
pub const AGE_MAX: Duration = Duration::from_secs(3_600);
/// Why one is not sent any more; see [`AGE_MAX`].
const TOO_LATE: &str = "it could not be sent within an hour";
/// Longer than any attempt, and than the platform takes to report one.
const SENDING_MAX: Duration = Duration::from_secs(45);
/// How long a turn that is under way is waited for, each time.
pub const BEHIND_A_TURN: Duration = Duration::from_secs(5);

/// What to do about a row.
#[derive(Debug)]
pub enum Begun {
    /// It arrived, or is given up.
    Over,
    /// A turn is under way in the conversation, or somebody sends it at this moment.
    Busy,
    Go(Box<Again>),
    /// The last attempt's process died before it noted what came of it. The platform has had its time to say.
    Unheard(Box<Again>),
}

/// A message to be sent again.
#[derive(Clone, Debug)]
pub struct Again {
    pub conversation: ConversationId,
    pub connection: ConnectionId,
    pub channel: String,
    /// `answer`, `apology`, `operator` or `file`.
    pub kind: String,
    pub body: String,
    pub asks_for_number: bool,
    /// The platform's id of the one that failed.
    pub failed: Option<String>,
    /// This one included.
    pub resends: i32,
    /// Of a file: the platform's id of its bytes, and its name.
    pub upload: Option<(String, String)>,
}

/// Counts an attempt before it is made, or says why there is none.
pub async fn begin(tx: &mut TenantTx, id: OutboxId) -> Result<Begun, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select o.conversation_id, o.kind, o.body, o.asks_for_number, o.external_id, o.resends + 1 as resends, o.unheard, f.upload_id, f.name,
                o.created_at <= clock_timestamp() - make_interval(secs => $3) as late,
                c.connection_id, c.channel_external_id, l.by_human and o.kind <> 'operator' as stopped,
                (l.owner is not null and l.ready_at > clock_timestamp()) or o.resend_at > clock_timestamp() as busy
           from outbox o
           join conversations c on c.tenant_id = $1 and c.conversation_id = o.conversation_id
           join lanes l on l.tenant_id = $1 and l.conversation_id = o.conversation_id
           left join sent_files f on f.tenant_id = $1 and f.outbox_id = o.outbox_id
          where o.tenant_id = $1 and o.outbox_id = $2 and o.state = 'sending' and o.resend_at is not null
            for no key update of l, o",
    )
    .bind(tenant)
    .bind(id)
    .bind(AGE_MAX.as_secs_f64())
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(Begun::Over) };
    let again = Box::new(again(&row)?);
    if row.try_get("stopped")? {
        end(tx, id, "dropped", "a human has this conversation").await?;
        return Ok(Begun::Over);
    }
    if row.try_get("busy")? {
        return Ok(Begun::Busy);
    }
    if row.try_get("unheard")? {
        return Ok(Begun::Unheard(again));
    }
    if row.try_get("late")? {
        give_up(tx, id, again.conversation, (Kind::SendFailed, TOO_LATE)).await?;
        return Ok(Begun::Over);
    }
    sqlx::query(
        "update outbox set unheard = true, resends = resends + 1, attempts = attempts + 1, sending_at = clock_timestamp(),
                resend_at = clock_timestamp() + make_interval(secs => $3)
          where tenant_id = $1 and outbox_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(SENDING_MAX.as_secs_f64())
    .execute(tx.conn())
    .await?;
    Ok(Begun::Go(again))
}

fn again(row: &PgRow) -> Result<Again, DbError> {
    let (upload, name): (Option<String>, Option<String>) = (row.try_get("upload_id")?, row.try_get("name")?);
    Ok(Again {
        conversation: row.try_get("conversation_id")?,
        connection: row.try_get("connection_id")?,
        channel: row.try_get("channel_external_id")?,
        kind: row.try_get("kind")?,
        body: row.try_get("body")?,
        asks_for_number: row.try_get("asks_for_number")?,
        failed: row.try_get("external_id")?,
        resends: row.try_get("resends")?,
        upload: upload.zip(name),
    })
}

/// Another message of the same row that has not failed: an attempt whose answer nobody heard arrived.
pub async fn find(tx: &mut TenantTx, id: OutboxId, failed: Option<&str>) -> Result<Option<String>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select external_id from delivery_statuses
          where tenant_id = $1 and outbox_id = $2 and external_id is distinct from $3 and status <> 'failed'
          order by rank desc limit 1",
    )
    .bind(tenant)
    .bind(id)
    .bind(failed)
    .fetch_optional(tx.conn())
    .await?)
}

/// It arrived as this message: the conversation knows it by that id from now on.
pub async fn arrived(
    tx: &mut TenantTx,
    id: OutboxId,
    failed: Option<&str>,
    external_id: &str,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with row as (
             update outbox set state = 'sent', external_id = $3, error = null, resend_at = null, unheard = false,
                               sent_at = clock_timestamp()
              where tenant_id = $1 and outbox_id = $2 and resend_at is not null
             returning outbox_id, conversation_id, run_id, body
         ), known as (
             update messages m set external_id = $3
               from row where m.tenant_id = $1 and m.conversation_id = row.conversation_id and m.external_id = $4
             returning m.message_id
         )
         insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, agent_id, run_id, body, sent_at)
         select $1, row.outbox_id, row.conversation_id, $3, 'agent', r.agent_id, r.run_id, row.body, clock_timestamp()
           from row join runs r on r.tenant_id = $1 and r.run_id = row.run_id
          where not exists (select from known)
         on conflict do nothing",
    )
    .bind(tenant)
    .bind(id)
    .bind(external_id)
    .bind(failed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An attempt came to nothing: another one may be made from now on.
pub async fn let_go(tx: &mut TenantTx, id: OutboxId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update outbox set resend_at = clock_timestamp(), unheard = false
          where tenant_id = $1 and outbox_id = $2 and resend_at is not null",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Waits for another attempt.
pub async fn put_off(tx: &mut TenantTx, id: OutboxId, pause: Duration) -> Result<(), DbError> {
    queue::enqueue_after(tx, &Job::SendAgain { outbox: id }, pause).await.map(drop)
}

/// It will not arrive, or nobody can tell, and an operator is told.
pub async fn give_up(
    tx: &mut TenantTx,
    id: OutboxId,
    conversation: ConversationId,
    (kind, reason): (Kind, &str),
) -> Result<(), DbError> {
    let state = if kind == Kind::SendUnclear { "unknown" } else { "dead" };
    if end(tx, id, state, reason).await? {
        notices::tell_of_send(tx, kind, conversation, reason).await?;
    }
    Ok(())
}

async fn end(tx: &mut TenantTx, id: OutboxId, state: &str, reason: &str) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let ended = sqlx::query(
        "update outbox set state = $3, error = $4, resend_at = null, unheard = false
          where tenant_id = $1 and outbox_id = $2 and state = 'sending' and resend_at is not null",
    )
    .bind(tenant)
    .bind(id)
    .bind(state)
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected() == 1)
}

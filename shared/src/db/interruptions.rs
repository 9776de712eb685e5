//! Interruptions: what must not wait until a turn is over.
//!
//! Whoever interrupts takes the lane away from its owner: the fence grows in the same transaction that writes why, so the
//! owner's next write is refused, and its watch ends it within half a second. The owner can't finish what it has shown
//! then. So the notice that does is written here, and delivered by the lane's next owner before anything else.

use serde::Deserialize;
use sqlx::{Row as _, types::Json};
use uuid::Uuid;

use super::{DbError, TenantTx, lanes::Lease};
use crate::ids::{ConversationId, OutboxId, RunId};

/// Why a run does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A person pressed Stop: what waits is not answered. What is written later is.
    Stopped,
    /// A colleague has the conversation from now on: what waits is held for them, and what follows, too.
    TakenOver,
    /// The question reads differently now. It stays pending, and a new run answers it as it is when it is read.
    Edited,
    /// The question is gone, and its author has ended what waited of it.
    Withdrawn,
}

impl Cause {
    /// Of the messages that were waiting; an edited one goes on waiting, and so do those beside a withdrawn one.
    fn inbox_end(self) -> Option<&'static str> {
        match self {
            Self::Stopped => Some("ignored"),
            Self::TakenOver => Some("held"),
            Self::Edited | Self::Withdrawn => None,
        }
    }

    /// For an operator.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Stopped => "stopped by the person who asked",
            Self::TakenOver => "a human has this conversation",
            Self::Edited => "the question was edited",
            Self::Withdrawn => "the question was deleted",
        }
    }

    /// What takes the placeholder's place, for everyone who reads along; Markdown.
    fn notice(self) -> &'static str {
        match self {
            Self::Stopped => "_Stopped._",
            Self::TakenOver => "_A colleague has taken over._",
            Self::Edited => "_The question was changed; the new answer follows._",
            Self::Withdrawn => "_The question was deleted._",
        }
    }
}

/// What an interruption found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// A turn was at work on the conversation.
    Run(RunId),
    /// Nothing was being answered; what waited in the lane is handled as the cause says.
    NothingRunning,
    /// The conversation has no lane: nobody ever wrote to the agent there.
    Unknown,
}

/// Under the lane's lock, with a look that begins after it was got: the turn may just have ended.
const INTERRUPT: &str = "
with run as (
    select r.run_id, r.to_seq from runs r
     where r.tenant_id = $1 and r.conversation_id = $2 and r.state = 'running'
), lane as (
    update lanes l
       set fence = l.fence + 1, owner = null, claims = 0, by_human = l.by_human or $3,
           done_seq = case when $4::text is null then l.done_seq
                           else greatest(l.done_seq, coalesce((select to_seq from run), l.last_seq)) end,
           ready_at = case when exists (select from run) or l.ready_at is not null then clock_timestamp() end
     where l.tenant_id = $1 and l.conversation_id = $2
    returning l.fence, l.done_seq
), ended as (
    update runs r set state = 'dropped', failure = $5, finished_at = clock_timestamp()
      from run where r.tenant_id = $1 and r.run_id = run.run_id
), waiting as (
    update inbox i set state = $4::inbox_state, reason = $5, run_id = (select run_id from run),
           ended_at = clock_timestamp()
      from lane
     where i.tenant_id = $1 and i.conversation_id = $2 and i.seq <= lane.done_seq and i.state = 'pending'
       and $4 is not null
), unsent as (
    update outbox o set state = 'dropped', error = $5
      from run where o.tenant_id = $1 and o.run_id = run.run_id and o.state = 'sending'
), notice as (
    insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, operation, body, fence)
    select $1, $6, $2, run.run_id, 'notice', 'update', $7, lane.fence from run, lane
)
select run_id from run";

/// Ends the turn at hand, if there is one, in the caller's transaction, and decides what becomes of the messages that
/// waited. Waits for no turn: only for its short transactions. Wake the orchestrator after the commit, or it looks within
/// a second. The caller writes its audit event into the same transaction.
pub async fn interrupt(
    tx: &mut TenantTx,
    conversation: ConversationId,
    cause: Cause,
) -> Result<Interrupted, DbError> {
    let tenant = tx.tenant();
    let lane = sqlx::query("select from lanes where tenant_id = $1 and conversation_id = $2 for no key update")
        .bind(tenant)
        .bind(conversation)
        .fetch_optional(tx.conn())
        .await?;
    if lane.is_none() {
        return Ok(Interrupted::Unknown);
    }
    interrupt_locked(tx, conversation, cause).await
}

/// The same for who holds the lane's lock.
pub(super) async fn interrupt_locked(
    tx: &mut TenantTx,
    conversation: ConversationId,
    cause: Cause,
) -> Result<Interrupted, DbError> {
    let tenant = tx.tenant();
    let run: Option<RunId> = sqlx::query_scalar(INTERRUPT)
        .bind(tenant)
        .bind(conversation)
        .bind(cause == Cause::TakenOver)
        .bind(cause.inbox_end())
        .bind(cause.reason())
        .bind(OutboxId::new())
        .bind(cause.notice())
        .fetch_optional(tx.conn())
        .await?;
    Ok(run.map_or(Interrupted::NothingRunning, Interrupted::Run))
}

/// A notice on its way, and what it should take the place of.
#[derive(Clone, Debug)]
pub struct Notice {
    pub id: OutboxId,
    pub body: String,
    /// The platform's id of what the interrupted run had shown, if that is on record.
    pub target: Option<String>,
    /// By this row it can be looked up otherwise.
    pub placeholder: Option<OutboxId>,
    /// What had been streamed of an answer.
    pub stream: Option<Streamed>,
    pub channel: String,
    pub thread: Option<String>,
}

/// The last message of an answer that was interrupted while it was streamed.
#[derive(Clone, Debug)]
pub struct Streamed {
    pub id: OutboxId,
    pub external_id: Option<String>,
    /// Everything it was given, and perhaps does not show yet.
    pub text: String,
}

/// As the database writes it: ids without their prefix.
#[derive(Deserialize)]
struct Row {
    id: Uuid,
    body: String,
    target: Option<String>,
    placeholder: Option<Uuid>,
    stream: Option<Uuid>,
    streamed: Option<String>,
    text: Option<String>,
    channel: String,
    thread: Option<String>,
}

/// Notes what became of outbox rows outside a run's end: state, the platform's id, the error.
pub async fn settle(
    tx: &mut TenantTx,
    lease: &Lease,
    settled: &[(OutboxId, &'static str, Option<String>, Option<String>)],
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "with lane as (
             select tenant_id from lanes where tenant_id = $1 and conversation_id = $2 and fence = $3 for no key update
         ), settled as (
             update outbox o
                set state = g.state, external_id = coalesce(g.external_id, o.external_id), error = g.error,
                    sent_at = case when g.state = 'sent' then clock_timestamp() end
               from lane, unnest($4::uuid[], $5::text[], $6::text[], $7::text[]) as g (outbox_id, state, external_id, error)
              where o.tenant_id = $1 and o.outbox_id = g.outbox_id
         )
         select count(*) from lane",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(settled.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
    .bind(settled.iter().map(|(_, state, ..)| *state).collect::<Vec<_>>())
    .bind(settled.iter().map(|(_, _, external, _)| external.as_deref()).collect::<Vec<_>>())
    .bind(settled.iter().map(|(.., error)| error.as_deref()).collect::<Vec<_>>())
    .fetch_one(tx.conn())
    .await?;
    let held: i64 = row.try_get(0)?;
    if held == 1 { Ok(()) } else { Err(DbError::Fenced) }
}

pub(super) fn notices(row: &sqlx::postgres::PgRow) -> Result<Vec<Notice>, DbError> {
    let list: Option<Json<Vec<Row>>> = row.try_get("notices")?;
    let notice = |row: Row| Notice {
        id: OutboxId::from_uuid(row.id),
        body: row.body,
        target: row.target,
        placeholder: row.placeholder.map(OutboxId::from_uuid),
        stream: row.stream.map(|id| Streamed {
            id: OutboxId::from_uuid(id),
            external_id: row.streamed,
            text: row.text.unwrap_or_default(),
        }),
        channel: row.channel,
        thread: row.thread,
    };
    Ok(list.map(|Json(list)| list).unwrap_or_default().into_iter().map(notice).collect())
}

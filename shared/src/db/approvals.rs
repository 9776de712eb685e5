//! Approvals: a write waits until a second person agrees to exactly this call.
//!
//! waiting → approved → used, or denied, or expired, and never back: every statement here says from where it goes on. What was
//! decided, or not in time, begins a turn that carries it out or says that it was not.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    lanes::Lease,
    notices,
    tool_calls::LOST_AFTER_SECONDS,
};
use crate::{
    ids::{AgentId, ApprovalId, ConnectionId, ConversationId, PersonId, RunId, ToolCallId, ToolId},
    jobs::Job,
    message::ChannelKind,
    queue,
};

/// As long as the table says, and a moment: whoever looks then finds it over.
const EXPIRES_AFTER: Duration = Duration::from_secs(15 * 60 + 1);
/// Approvals that one conversation may wait for: whoever asks for more floods nobody.
pub const WAITING_MAX: i64 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Waiting,
    Approved,
    Denied,
    Expired,
    /// Carried out, once; what came of it stands in the ledger.
    Used,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Used => "used",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Waiting, Self::Approved, Self::Denied, Self::Expired, Self::Used];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

#[derive(Clone, Debug)]
pub struct Approval {
    pub id: ApprovalId,
    pub state: State,
    pub call: ToolCallId,
    /// Of the call: `waiting` until it is carried out.
    pub call_state: String,
    pub result: Option<String>,
    pub run: RunId,
    pub agent: AgentId,
    pub agent_name: String,
    pub tool: Option<ToolId>,
    pub tool_name: String,
    pub arguments: Value,
    pub digest: Vec<u8>,
    pub conversation: ConversationId,
    /// Who asked for it, and may not approve it.
    pub person: PersonId,
    pub person_name: String,
    pub asked_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub decided_by: Option<String>,
    pub decided_name: Option<String>,
    pub decided_at: Option<OffsetDateTime>,
    /// The platform's id of the message with the buttons.
    pub external_id: Option<String>,
    pub place: Place,
}

/// Where it was asked for.
#[derive(Clone, Debug)]
pub struct Place {
    pub connection: ConnectionId,
    /// `slack` or `whatsapp`.
    pub platform: String,
    pub channel: String,
    pub thread: Option<String>,
    pub kind: ChannelKind,
    /// The platform's id of who asked.
    pub person: String,
}

/// Asks for it: the buttons, a notice, and the moment when it is too late are all in the transaction of the call.
pub async fn ask(
    tx: &mut TenantTx,
    call: ToolCallId,
    conversation: ConversationId,
    (tool_name, mails): (&str, bool),
) -> Result<ApprovalId, DbError> {
    let (tenant, approval) = (tx.tenant(), ApprovalId::new());
    sqlx::query(
        "insert into approvals (tenant_id, approval_id, call_id, digest)
         select $1, $2, c.call_id, c.digest from tool_calls c where c.tenant_id = $1 and c.call_id = $3",
    )
    .bind(tenant)
    .bind(approval)
    .bind(call)
    .execute(tx.conn())
    .await?;
    let target = approval.to_string();
    let detail = json!({ "call": call, "tool": tool_name, "conversation": conversation });
    audit::append(tx, &Actor::System, "approval.ask", ("approval", &target), detail).await?;
    queue::enqueue(tx, &Job::ShowApproval { approval }).await?;
    queue::enqueue_after(tx, &Job::ExpireApproval { approval }, EXPIRES_AFTER).await?;
    let body = format!("The tool “{tool_name}” waits for somebody's approval, for 15 minutes.");
    notices::tell_of_conversation(tx, conversation, &body, mails, None).await?;
    Ok(approval)
}

/// Approvals that a conversation waits for.
pub async fn waiting_in(tx: &mut TenantTx, conversation: ConversationId) -> Result<i64, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select count(*) from tool_calls where tenant_id = $1 and conversation_id = $2 and state = 'waiting'",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_one(tx.conn())
    .await?)
}

/// Decides about one that waits. `false`: it was decided, it is too late, or who decides is who asked.
pub async fn decide(
    tx: &mut TenantTx,
    approval: ApprovalId,
    approve: bool,
    actor: &Actor,
    name: &str,
) -> Result<bool, DbError> {
    let (tenant, (kind, by)) = (tx.tenant(), actor.parts());
    let person = if let Actor::Person(person) = actor { Some(*person) } else { None };
    let decided: Option<(ToolCallId, String)> = sqlx::query_as(
        "with decided as (
             update approvals a
                set state = case when $3 then 'approved' else 'denied' end, decided_kind = $4, decided_by = $5,
                    decided_name = $6, decided_at = clock_timestamp()
               from tool_calls c
              where a.tenant_id = $1 and a.approval_id = $2 and a.state = 'waiting' and a.expires_at > clock_timestamp()
                and c.tenant_id = $1 and c.call_id = a.call_id and c.state = 'waiting' and c.digest = a.digest
                and ($7::uuid is null or c.person_id <> $7)
             returning c.call_id, encode(c.digest, 'hex') as digest
         ), ended as (
             update tool_calls c set state = 'denied', finished_at = clock_timestamp(), result = 'It was not approved.'
               from decided where c.tenant_id = $1 and c.call_id = decided.call_id and not $3
         )
         select call_id, digest from decided",
    )
    .bind(tenant)
    .bind(approval)
    .bind(approve)
    .bind(kind)
    .bind(by)
    .bind(name)
    .bind(person)
    .fetch_optional(tx.conn())
    .await?;
    let Some((call, digest)) = decided else { return Ok(false) };
    let action = if approve { "approval.approve" } else { "approval.deny" };
    let target = approval.to_string();
    audit::append(tx, actor, action, ("approval", &target), json!({ "call": call, "digest": digest })).await?;
    go_on(tx, approval).await?;
    Ok(true)
}

/// Nobody decided in time. `false`: somebody did, or there is still time.
pub async fn expire(tx: &mut TenantTx, approval: ApprovalId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let expired: Option<ToolCallId> = sqlx::query_scalar(
        "with expired as (
             update approvals set state = 'expired'
              where tenant_id = $1 and approval_id = $2 and state = 'waiting' and expires_at <= clock_timestamp()
             returning call_id
         ), ended as (
             update tool_calls c set state = 'expired', finished_at = clock_timestamp(), result = 'Nobody approved it in time.'
               from expired where c.tenant_id = $1 and c.call_id = expired.call_id and c.state = 'waiting'
         )
         select call_id from expired",
    )
    .bind(tenant)
    .bind(approval)
    .fetch_optional(tx.conn())
    .await?;
    let Some(call) = expired else { return Ok(false) };
    let target = approval.to_string();
    audit::append(tx, &Actor::System, "approval.expire", ("approval", &target), json!({ "call": call })).await?;
    go_on(tx, approval).await?;
    Ok(true)
}

/// The message with the buttons shows what was decided, and a turn says so.
async fn go_on(tx: &mut TenantTx, approval: ApprovalId) -> Result<(), DbError> {
    queue::enqueue(tx, &Job::ShowApproval { approval }).await?;
    queue::enqueue(tx, &Job::ReportApproval { approval }).await?;
    Ok(())
}

/// Uses an approval up and writes the call's intent down, under the fence: from here on it is carried out once, or nobody
/// knows. `digest` is of the tool as it is now. `false`: the lease is lost, or there is nothing that may be carried out.
pub async fn use_up(
    tx: &mut TenantTx,
    lease: &Lease,
    approval: &Approval,
    digest: &[u8; 32],
) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let begun = sqlx::query(
        "with lane as (
             select tenant_id from lanes
              where tenant_id = $1 and conversation_id = $2 and fence = $3 and not by_human
                for no key update
         ), used as (
             update approvals a set state = 'used'
               from lane
              where a.tenant_id = $1 and a.approval_id = $4 and a.state = 'approved' and a.digest = $5
                and a.decided_at > clock_timestamp() - interval '15 minutes'
             returning a.call_id
         )
         update tool_calls c set state = 'running', attempts = c.attempts + 1, fence = $3
           from used
          where c.tenant_id = $1 and c.call_id = used.call_id and c.conversation_id = $2 and c.state = 'waiting'
            and c.digest = $5 and c.attempts = 0",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(approval.id)
    .bind(digest.as_slice())
    .execute(tx.conn())
    .await?;
    if begun.rows_affected() == 0 {
        return Ok(false);
    }
    let target = approval.call.to_string();
    let detail = json!({ "approval": approval.id, "tool": approval.tool, "digest": hex::encode(digest) });
    audit::append(tx, &Actor::System, "tool.call", ("tool_call", &target), detail).await?;
    let lost = Duration::from_secs(LOST_AFTER_SECONDS);
    queue::enqueue_after(tx, &Job::SettleToolCall { call: approval.call }, lost).await?;
    Ok(true)
}

/// What was approved can't be carried out any more, and says why.
pub async fn void(tx: &mut TenantTx, lease: &Lease, approval: &Approval, why: &str) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let refused = sqlx::query(
        "with lane as (
             select tenant_id from lanes
              where tenant_id = $1 and conversation_id = $2 and fence = $3 and not by_human
                for no key update
         ), used as (
             update approvals a set state = 'used' from lane
              where a.tenant_id = $1 and a.approval_id = $4 and a.state = 'approved'
         )
         update tool_calls c set state = 'refused', result = $6, finished_at = clock_timestamp()
           from lane
          where c.tenant_id = $1 and c.call_id = $5 and c.state = 'waiting'",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(lease.fence)
    .bind(approval.id)
    .bind(approval.call)
    .bind(why)
    .execute(tx.conn())
    .await?;
    Ok(refused.rows_affected() == 1)
}

/// Counts an attempt to show the buttons, before it is made.
pub async fn begin_showing(tx: &mut TenantTx, approval: ApprovalId) -> Result<i32, DbError> {
    let tenant = tx.tenant();
    let attempts = sqlx::query_scalar(
        "update approvals set attempts = attempts + 1 where tenant_id = $1 and approval_id = $2 returning attempts",
    )
    .bind(tenant)
    .bind(approval)
    .fetch_optional(tx.conn())
    .await?;
    attempts.ok_or(DbError::NotFound)
}

/// Where the buttons are.
pub async fn shown(tx: &mut TenantTx, approval: ApprovalId, external_id: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("update approvals set external_id = $3 where tenant_id = $1 and approval_id = $2")
        .bind(tenant)
        .bind(approval)
        .bind(external_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

const LIST: &str = "
select * from (
    select a.approval_id, a.call_id, a.asked_at, a.expires_at, a.decided_by, a.decided_name, a.decided_at, a.external_id,
           case when a.state = 'waiting' and a.expires_at <= clock_timestamp() then 'expired' else a.state end as state,
           c.state as call_state, c.result, c.run_id, c.name as tool_name, c.tool_id, c.arguments, c.digest, c.person_id,
           c.conversation_id, r.agent_id, g.name as agent_name, p.display_name as person_name, p.external_id as person,
           v.connection_id, v.channel_external_id, v.thread_external_id, v.kind, n.channel as platform
      from approvals a
      join tool_calls c on c.tenant_id = $1 and c.call_id = a.call_id
      join runs r on r.tenant_id = $1 and r.run_id = c.run_id
      join agents g on g.tenant_id = $1 and g.agent_id = r.agent_id
      join people p on p.tenant_id = $1 and p.person_id = c.person_id
      join conversations v on v.tenant_id = $1 and v.conversation_id = c.conversation_id
      join channel_connections n on n.tenant_id = $1 and n.connection_id = v.connection_id
     where a.tenant_id = $1 and ($3::uuid is null or a.approval_id < $3) and ($4::uuid is null or a.approval_id = $4)
) x
 where $2::text is null or x.state = $2
 order by x.approval_id desc
 limit $5";

/// Approvals before this one, newest first.
pub async fn list(
    tx: &mut TenantTx,
    state: Option<State>,
    before: Option<ApprovalId>,
    limit: i64,
) -> Result<Vec<Approval>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(LIST)
        .bind(tenant)
        .bind(state.map(State::as_str))
        .bind(before)
        .bind(None::<ApprovalId>)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(approval).collect()
}

pub async fn find(tx: &mut TenantTx, id: ApprovalId) -> Result<Option<Approval>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(LIST)
        .bind(tenant)
        .bind(None::<&str>)
        .bind(None::<ApprovalId>)
        .bind(id)
        .bind(1_i64)
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(approval).transpose()
}

fn approval(row: &PgRow) -> Result<Approval, DbError> {
    let Json(arguments) = row.try_get("arguments")?;
    let (state, kind): (String, String) = (row.try_get("state")?, row.try_get("kind")?);
    Ok(Approval {
        id: row.try_get("approval_id")?,
        state: State::parse(&state).ok_or_else(|| DbError::Damaged(format!("an approval's state `{state}`")))?,
        call: row.try_get("call_id")?,
        call_state: row.try_get("call_state")?,
        result: row.try_get("result")?,
        run: row.try_get("run_id")?,
        agent: row.try_get("agent_id")?,
        agent_name: row.try_get("agent_name")?,
        tool: row.try_get("tool_id")?,
        tool_name: row.try_get("tool_name")?,
        arguments,
        digest: row.try_get("digest")?,
        conversation: row.try_get("conversation_id")?,
        person: row.try_get("person_id")?,
        person_name: row.try_get("person_name")?,
        asked_at: row.try_get("asked_at")?,
        expires_at: row.try_get("expires_at")?,
        decided_by: row.try_get("decided_by")?,
        decided_name: row.try_get("decided_name")?,
        decided_at: row.try_get("decided_at")?,
        external_id: row.try_get("external_id")?,
        place: Place {
            connection: row.try_get("connection_id")?,
            platform: row.try_get("platform")?,
            channel: row.try_get("channel_external_id")?,
            thread: row.try_get("thread_external_id")?,
            kind: ChannelKind::parse(&kind),
            person: row.try_get("person")?,
        },
    })
}

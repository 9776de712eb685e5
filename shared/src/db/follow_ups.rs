//! What agents come back to later: set by a call of a tool, and begun once, by a job, in the conversation it was set in.
//!
//! waiting → begun, or cancelled, or dropped. Whoever ends the wait ends it for everybody: a job that runs twice, or after
//! a cancellation, finds nothing to begin.

use std::time::Duration;

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    approvals::Place,
    audit::{self, Actor},
};
use crate::{
    ids::{ConversationId, FollowUpId, PersonId, RunId},
    jobs::Job,
    message::ChannelKind,
    queue,
};

/// What one conversation may wait for.
pub const WAITING_MAX: i64 = 5;
/// Further ahead nothing is noted.
pub const HORIZON_DAYS: i64 = 90;
/// Longest note of what it is about, in characters.
pub const ABOUT_MAX: u64 = 500;
/// The job comes a moment late rather than early.
const MARGIN: Duration = Duration::from_millis(500);

pub struct New<'a> {
    pub conversation: ConversationId,
    pub run: RunId,
    pub person: PersonId,
    pub about: &'a str,
    pub due_at: OffsetDateTime,
    pub now: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct FollowUp {
    pub id: FollowUpId,
    pub conversation: ConversationId,
    pub person: PersonId,
    pub person_name: String,
    pub about: String,
    pub due_at: OffsetDateTime,
    pub state: String,
    pub created_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
    /// A human has the conversation now.
    pub by_human: bool,
    pub place: Place,
}

/// Notes it and has a job look when it is due. `None`: the conversation waits for as many as it may.
pub async fn set(tx: &mut TenantTx, new: &New<'_>) -> Result<Option<FollowUpId>, DbError> {
    let (tenant, id) = (tx.tenant(), FollowUpId::new());
    let stored = sqlx::query(
        "insert into follow_ups (tenant_id, follow_up_id, conversation_id, run_id, person_id, about, due_at)
         select $1, $2, $3, $4, $5, $6, $7
          where (select count(*) from follow_ups
                  where tenant_id = $1 and conversation_id = $3 and state = 'waiting') < $8",
    )
    .bind(tenant)
    .bind(id)
    .bind(new.conversation)
    .bind(new.run)
    .bind(new.person)
    .bind(new.about)
    .bind(new.due_at)
    .bind(WAITING_MAX)
    .execute(tx.conn())
    .await?;
    if stored.rows_affected() == 0 {
        return Ok(None);
    }
    let after = Duration::try_from(new.due_at - new.now).unwrap_or_default() + MARGIN;
    queue::enqueue_after(tx, &Job::BeginFollowUp { follow_up: id }, after).await?;
    let detail = json!({ "conversation": new.conversation, "due_at": new.due_at.unix_timestamp() });
    let target = id.to_string();
    audit::append(tx, &Actor::Person(new.person), "follow_up.set", ("follow_up", &target), detail).await?;
    Ok(Some(id))
}

/// Takes it from the waiting ones, as begun. `false`: it is not due, or somebody has ended the wait.
pub async fn begin(tx: &mut TenantTx, id: FollowUpId) -> Result<bool, DbError> {
    end(tx, id, "begun", true).await
}

/// A human has the conversation, or it can't be reached any more: nothing is said. `false`: the wait was over.
pub async fn discard(tx: &mut TenantTx, id: FollowUpId) -> Result<bool, DbError> {
    end(tx, id, "dropped", true).await
}

/// `false`: the wait was over, or there is none.
pub async fn cancel(tx: &mut TenantTx, id: FollowUpId, actor: &Actor) -> Result<bool, DbError> {
    let cancelled = end(tx, id, "cancelled", false).await?;
    if cancelled {
        audit::append(tx, actor, "follow_up.cancel", ("follow_up", &id.to_string()), json!({})).await?;
    }
    Ok(cancelled)
}

async fn end(tx: &mut TenantTx, id: FollowUpId, state: &str, only_due: bool) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let ended = sqlx::query(
        "update follow_ups set state = $3, ended_at = clock_timestamp()
          where tenant_id = $1 and follow_up_id = $2 and state = 'waiting'
            and (not $4 or due_at <= clock_timestamp())",
    )
    .bind(tenant)
    .bind(id)
    .bind(state)
    .bind(only_due)
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected() == 1)
}

const LIST: &str = "
select f.follow_up_id, f.conversation_id, f.person_id, coalesce(p.display_name, '') as person_name, f.about, f.due_at,
       f.state, f.created_at, f.ended_at, l.by_human, v.connection_id, v.channel_external_id, v.thread_external_id, v.kind,
       n.channel as platform, p.external_id as person
  from follow_ups f
  join people p on p.tenant_id = $1 and p.person_id = f.person_id
  join conversations v on v.tenant_id = $1 and v.conversation_id = f.conversation_id
  join lanes l on l.tenant_id = $1 and l.conversation_id = f.conversation_id
  join channel_connections n on n.tenant_id = $1 and n.connection_id = v.connection_id
 where f.tenant_id = $1 and ($2::text is null or f.state = $2) and ($3::uuid is null or f.follow_up_id < $3)
   and ($4::uuid is null or f.follow_up_id = $4) and ($5::uuid is null or f.conversation_id = $5)
 order by f.follow_up_id desc
 limit $6";

/// Those before this one, newest first.
pub async fn list(
    tx: &mut TenantTx,
    state: Option<&str>,
    before: Option<FollowUpId>,
    limit: i64,
) -> Result<Vec<FollowUp>, DbError> {
    ask(tx, (state, before, None, None), limit).await
}

/// What a conversation waits for.
pub async fn waiting_in(tx: &mut TenantTx, conversation: ConversationId) -> Result<Vec<FollowUp>, DbError> {
    ask(tx, (Some("waiting"), None, None, Some(conversation)), WAITING_MAX).await
}

pub async fn find(tx: &mut TenantTx, id: FollowUpId) -> Result<Option<FollowUp>, DbError> {
    Ok(ask(tx, (None, None, Some(id), None), 1).await?.pop())
}

type Asked<'a> = (Option<&'a str>, Option<FollowUpId>, Option<FollowUpId>, Option<ConversationId>);

async fn ask(
    tx: &mut TenantTx,
    (state, before, only, conversation): Asked<'_>,
    limit: i64,
) -> Result<Vec<FollowUp>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(LIST)
        .bind(tenant)
        .bind(state)
        .bind(before)
        .bind(only)
        .bind(conversation)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(follow_up).collect()
}

fn follow_up(row: &PgRow) -> Result<FollowUp, DbError> {
    let kind: String = row.try_get("kind")?;
    Ok(FollowUp {
        id: row.try_get("follow_up_id")?,
        conversation: row.try_get("conversation_id")?,
        person: row.try_get("person_id")?,
        person_name: row.try_get("person_name")?,
        about: row.try_get("about")?,
        due_at: row.try_get("due_at")?,
        state: row.try_get("state")?,
        created_at: row.try_get("created_at")?,
        ended_at: row.try_get("ended_at")?,
        by_human: row.try_get("by_human")?,
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

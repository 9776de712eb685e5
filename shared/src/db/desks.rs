//! Where the tenant's people see to escalations in Slack: a channel, and a thread in it for each escalation. What they write
//! there goes to the customer; what the customer writes comes there.

use serde_json::json;
use sqlx::{Row, postgres::PgRow};

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    escalations::State,
};
use crate::{
    ids::{ConnectionId, ConversationId, EscalationId, MessageId, PersonId},
    jobs::Job,
    queue,
};

/// A channel of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    pub connection: ConnectionId,
    pub channel: String,
}

/// The thread of an escalation.
#[derive(Clone, Debug)]
pub struct Thread {
    pub escalation: EscalationId,
    pub conversation: ConversationId,
    /// `waiting`, `human` or `closed`.
    pub state: String,
    pub desk: Desk,
    pub external_id: Option<String>,
    pub person: PersonId,
    pub person_name: String,
    pub reason: String,
    /// '' once the person is forgotten.
    pub summary: String,
    /// The name of the member it is meant for. `None`: anybody, or somebody who has left.
    pub meant_for: Option<String>,
    /// `slack` or `whatsapp`: where the customer is.
    pub platform: String,
}

impl Thread {
    pub fn is_open(&self) -> bool {
        self.state != State::Closed.as_str()
    }
}

pub async fn get(tx: &mut TenantTx) -> Result<Option<Desk>, DbError> {
    let tenant = tx.tenant();
    let found: Option<(ConnectionId, String)> = sqlx::query_as(
        "select connection_id, channel_external_id from escalation_desks where tenant_id = $1 limit 1",
    )
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.map(|(connection, channel)| Desk { connection, channel }))
}

/// [`DbError::NotFound`]: no such workspace.
pub async fn set(tx: &mut TenantTx, actor: &Actor, desk: &Desk) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let stored = sqlx::query(
        "with elsewhere as (
             delete from escalation_desks where tenant_id = $1 and connection_id <> $2
         )
         insert into escalation_desks (tenant_id, connection_id, channel_external_id)
         select $1, c.connection_id, $3 from channel_connections c
          where c.tenant_id = $1 and c.connection_id = $2 and c.channel = 'slack'
         on conflict (tenant_id, connection_id) do update
            set channel_external_id = excluded.channel_external_id, changed_at = clock_timestamp()",
    )
    .bind(tenant)
    .bind(desk.connection)
    .bind(&desk.channel)
    .execute(tx.conn())
    .await?;
    if stored.rows_affected() == 0 {
        return Err(DbError::NotFound);
    }
    let detail = json!({ "connection": desk.connection, "channel": desk.channel });
    audit::append(tx, actor, "escalation_desk.set", ("tenant", &tenant.to_string()), detail).await
}

/// From now on nothing is seen to in Slack. Threads that are there stay.
pub async fn remove(tx: &mut TenantTx, actor: &Actor) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let removed =
        sqlx::query("delete from escalation_desks where tenant_id = $1").bind(tenant).execute(tx.conn()).await?;
    if removed.rows_affected() > 0 {
        audit::append(tx, actor, "escalation_desk.remove", ("tenant", &tenant.to_string()), json!({})).await?;
    }
    Ok(())
}

/// An escalation gets its thread, if the tenant has a desk.
pub(super) async fn show(tx: &mut TenantTx, escalation: EscalationId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let stored = sqlx::query(
        "insert into desk_threads (tenant_id, escalation_id, connection_id, channel_external_id)
         select $1, $2, d.connection_id, d.channel_external_id from escalation_desks d where d.tenant_id = $1
          limit 1",
    )
    .bind(tenant)
    .bind(escalation)
    .execute(tx.conn())
    .await?;
    if stored.rows_affected() == 1 {
        queue::enqueue(tx, &Job::ShowEscalation { escalation }).await?;
    }
    Ok(())
}

macro_rules! find {
    ($by:literal) => {
        concat!(
            "select t.escalation_id, t.connection_id, t.channel_external_id, t.external_id, e.conversation_id, e.state,
                    e.person_id, coalesce(p.display_name, '') as person_name, e.reason, e.summary, n.channel as platform,
                    g.name as meant_for
               from desk_threads t
               join escalations e on e.tenant_id = $1 and e.escalation_id = t.escalation_id
               join conversations v on v.tenant_id = $1 and v.conversation_id = e.conversation_id
               join channel_connections n on n.tenant_id = $1 and n.connection_id = v.connection_id
               left join people p on p.tenant_id = $1 and p.person_id = e.person_id
               left join memberships g on g.tenant_id = $1 and g.user_id = e.meant_for
              where t.tenant_id = $1 and ",
            $by,
            " limit 1"
        )
    };
}

pub async fn find(tx: &mut TenantTx, escalation: EscalationId) -> Result<Option<Thread>, DbError> {
    let tenant = tx.tenant();
    let query = sqlx::query(find!("t.escalation_id = $2")).bind(tenant).bind(escalation);
    query.fetch_optional(tx.conn()).await?.as_ref().map(thread).transpose()
}

/// Where an open escalation of this conversation is seen to.
pub async fn of_conversation(tx: &mut TenantTx, conversation: ConversationId) -> Result<Option<Thread>, DbError> {
    let tenant = tx.tenant();
    let query =
        sqlx::query(find!("e.conversation_id = $2 and e.state <> 'closed'")).bind(tenant).bind(conversation);
    query.fetch_optional(tx.conn()).await?.as_ref().map(thread).transpose()
}

/// What is seen to in this thread.
pub async fn at(
    tx: &mut TenantTx,
    connection: ConnectionId,
    channel: &str,
    thread_ts: &str,
) -> Result<Option<Thread>, DbError> {
    let tenant = tx.tenant();
    let query = sqlx::query(find!("t.connection_id = $2 and t.channel_external_id = $3 and t.external_id = $4"));
    let query = query.bind(tenant).bind(connection).bind(channel).bind(thread_ts);
    query.fetch_optional(tx.conn()).await?.as_ref().map(thread).transpose()
}

fn thread(row: &PgRow) -> Result<Thread, DbError> {
    Ok(Thread {
        escalation: row.try_get("escalation_id")?,
        conversation: row.try_get("conversation_id")?,
        state: row.try_get("state")?,
        desk: Desk { connection: row.try_get("connection_id")?, channel: row.try_get("channel_external_id")? },
        external_id: row.try_get("external_id")?,
        person: row.try_get("person_id")?,
        person_name: row.try_get("person_name")?,
        reason: row.try_get("reason")?,
        summary: row.try_get("summary")?,
        meant_for: row.try_get("meant_for")?,
        platform: row.try_get("platform")?,
    })
}

/// Counts an attempt to show the notice, before it is made.
pub async fn begin_showing(tx: &mut TenantTx, escalation: EscalationId) -> Result<i32, DbError> {
    let tenant = tx.tenant();
    let attempts = sqlx::query_scalar(
        "update desk_threads set attempts = attempts + 1 where tenant_id = $1 and escalation_id = $2 returning attempts",
    )
    .bind(tenant)
    .bind(escalation)
    .fetch_optional(tx.conn())
    .await?;
    attempts.ok_or(DbError::NotFound)
}

/// Where the notice is.
pub async fn shown(tx: &mut TenantTx, escalation: EscalationId, external_id: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("update desk_threads set external_id = $3 where tenant_id = $1 and escalation_id = $2")
        .bind(tenant)
        .bind(escalation)
        .bind(external_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A customer's message that is to be shown at the desk: who wrote it, and what. `None`: it is not there, or says nothing.
pub async fn message(
    tx: &mut TenantTx,
    id: MessageId,
) -> Result<Option<(ConversationId, String, String)>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select m.conversation_id, coalesce(p.display_name, '') as author, m.body
           from messages m left join people p on p.tenant_id = $1 and p.person_id = m.person_id
          where m.tenant_id = $1 and m.message_id = $2 and m.author_kind = 'person' and m.deleted_at is null
            and m.body <> ''",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| Ok((row.try_get("conversation_id")?, row.try_get("author")?, row.try_get("body")?))).transpose()
}

//! What a delivery is about, read when it is sent: an act of the log, a message or a notice.

use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::super::{
    DbError, TenantTx,
    audit_pages::{self, Event},
};
use crate::ids::{AgentId, ConversationId, MessageId, NoticeId, PersonId, RunId};

/// What is told of messages, and the word that asks for all of it.
pub const OF_MESSAGES: [&str; 6] =
    ["message", "message.received", "message.answered", "message.replied", "message.edited", "message.deleted"];
/// Asks for all notices; `notice.` and a kind asks for those.
pub const OF_NOTICES: &str = "notice";

#[derive(Clone, Debug)]
pub enum Subject {
    Act(Event),
    Message(Told),
    Notice(Noticed),
}

/// A message, as it is now.
#[derive(Clone, Debug)]
pub struct Told {
    /// `message.received` and so on.
    pub event: String,
    pub message: MessageId,
    pub conversation: ConversationId,
    /// `slack` or `whatsapp`.
    pub channel: String,
    /// `person`, `agent` or `operator`.
    pub author_kind: String,
    pub person: Option<PersonId>,
    pub agent: Option<AgentId>,
    /// The turn whose answer it is.
    pub run: Option<RunId>,
    pub sent_at: OffsetDateTime,
    pub edited_at: Option<OffsetDateTime>,
    pub deleted_at: Option<OffsetDateTime>,
    pub body: String,
}

/// A sentence to the admins. Nobody's messages.
#[derive(Clone, Debug)]
pub struct Noticed {
    pub notice: NoticeId,
    pub kind: String,
    pub conversation: Option<ConversationId>,
    pub body: String,
    pub created_at: OffsetDateTime,
}

/// Of a delivery's row.
pub(super) async fn of(tx: &mut TenantTx, delivery: &PgRow) -> Result<Subject, DbError> {
    if let Some(n) = delivery.try_get("n")? {
        return Ok(Subject::Act(audit_pages::find(tx, n).await?));
    }
    if let Some(message) = delivery.try_get("message_id")? {
        return Ok(Subject::Message(of_message(tx, delivery.try_get("event")?, message).await?));
    }
    Ok(Subject::Notice(of_notice(tx, delivery.try_get("notice_id")?).await?))
}

async fn of_message(tx: &mut TenantTx, event: String, id: MessageId) -> Result<Told, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select m.conversation_id, m.author_kind, m.person_id, m.agent_id, m.run_id, m.sent_at, m.edited_at, m.deleted_at, m.body,
                (select k.channel from channel_connections k
                  where k.tenant_id = $1
                    and k.connection_id = (select c.connection_id from conversations c
                                            where c.tenant_id = $1 and c.conversation_id = m.conversation_id)) as channel
           from messages m where m.tenant_id = $1 and m.message_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    Ok(Told {
        event,
        message: id,
        conversation: row.try_get("conversation_id")?,
        channel: row.try_get("channel")?,
        author_kind: row.try_get("author_kind")?,
        person: row.try_get("person_id")?,
        agent: row.try_get("agent_id")?,
        run: row.try_get("run_id")?,
        sent_at: row.try_get("sent_at")?,
        edited_at: row.try_get("edited_at")?,
        deleted_at: row.try_get("deleted_at")?,
        body: row.try_get("body")?,
    })
}

async fn of_notice(tx: &mut TenantTx, id: NoticeId) -> Result<Noticed, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select kind, conversation_id, body, created_at from notices where tenant_id = $1 and notice_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    Ok(Noticed {
        notice: id,
        kind: row.try_get("kind")?,
        conversation: row.try_get("conversation_id")?,
        body: row.try_get("body")?,
        created_at: row.try_get("created_at")?,
    })
}

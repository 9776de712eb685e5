//! What members write to each other about a conversation: no person in a channel sees it, and no model is shown it.

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::super::{
    DbError, TenantTx,
    audit::{self, Actor},
};
use crate::ids::{ConversationId, NoteId};

/// Longest note, in characters.
pub const NOTE_MAX: usize = 4_000;

/// A note in a conversation.
#[derive(Clone, Debug)]
pub struct Note {
    pub id: NoteId,
    pub body: String,
    /// Who wrote it, as the audit log names them.
    pub created_by: String,
    /// `None`: no member and no key of the tenant (any more).
    pub author: Option<String>,
    pub created_at: OffsetDateTime,
}

/// Of a note `n`: what its author is called.
macro_rules! with_author {
    () => {
        "n.note_id, n.body, n.created_by, n.created_at,
         coalesce((select name from memberships where tenant_id = $1 and user_id = id_of(n.created_by)),
                  (select name from api_keys where tenant_id = $1 and api_key_id = id_of(n.created_by))) as author"
    };
}

/// Writes one. `body` has 1 to [`NOTE_MAX`] characters. [`DbError::NotFound`]: there is no such conversation.
pub async fn add(
    tx: &mut TenantTx,
    actor: &Actor,
    conversation: ConversationId,
    body: &str,
) -> Result<Note, DbError> {
    let (tenant, id) = (tx.tenant(), NoteId::new());
    let row = sqlx::query(concat!(
        "with n as (
             insert into conversation_notes (tenant_id, note_id, conversation_id, body, created_by)
             select $1, $3, conversation_id, $4, $5 from conversations where tenant_id = $1 and conversation_id = $2
             returning *
         )
         select ",
        with_author!(),
        " from n"
    ))
    .bind(tenant)
    .bind(conversation)
    .bind(id)
    .bind(body)
    .bind(actor.id())
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    record(tx, actor, "conversation.note", conversation, id).await?;
    note(&row)
}

/// Those before this one, newest first.
pub async fn list(
    tx: &mut TenantTx,
    conversation: ConversationId,
    before: Option<NoteId>,
    limit: i64,
) -> Result<Vec<Note>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(concat!(
        "select ",
        with_author!(),
        "  from conversation_notes n
          where n.tenant_id = $1 and n.conversation_id = $2 and ($3::uuid is null or n.note_id < $3)
          order by n.note_id desc limit $4"
    ))
    .bind(tenant)
    .bind(conversation)
    .bind(before)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(note).collect()
}

/// Deletes one for good. `whoever`: also where somebody else wrote it. `false`: somebody else wrote it. [`DbError::NotFound`]:
/// there is no such note in this conversation.
pub async fn remove(
    tx: &mut TenantTx,
    actor: &Actor,
    (conversation, id): (ConversationId, NoteId),
    whoever: bool,
) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let (known, removed): (bool, bool) = sqlx::query_as(
        "with gone as (
             delete from conversation_notes
              where tenant_id = $1 and conversation_id = $2 and note_id = $3 and ($4 or created_by = $5)
             returning note_id
         )
         select exists (select from conversation_notes where tenant_id = $1 and conversation_id = $2 and note_id = $3),
                exists (select from gone)",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(id)
    .bind(whoever)
    .bind(actor.id())
    .fetch_one(tx.conn())
    .await?;
    if removed {
        record(tx, actor, "conversation.note_remove", conversation, id).await?;
    } else if !known {
        return Err(DbError::NotFound);
    }
    Ok(removed)
}

async fn record(
    tx: &mut TenantTx,
    actor: &Actor,
    action: &str,
    conversation: ConversationId,
    note: NoteId,
) -> Result<(), DbError> {
    let target = conversation.to_string();
    audit::append(tx, actor, action, ("conversation", &target), json!({ "note": note })).await
}

fn note(row: &PgRow) -> Result<Note, DbError> {
    Ok(Note {
        id: row.try_get("note_id")?,
        body: row.try_get("body")?,
        created_by: row.try_get("created_by")?,
        author: row.try_get("author")?,
        created_at: row.try_get("created_at")?,
    })
}

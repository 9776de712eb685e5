//! Files that people send along: `pending → stored | refused | failed`, each end with its reason.
//!
//! `refused` is for good (too large, a kind nobody should open), `failed` after the last attempt. The message never waits
//! for more than [`PATIENCE`], and a file's text is remembered with its message, for the same audience.

use std::time::Duration;

use sqlx::Row;

use super::{DbError, TenantTx};
use crate::{
    ids::{ConnectionId, ConversationId, MediaId, MessageId},
    message::{InboundMessage, clean_text},
};

/// How long a turn waits for its files.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// Begins what is remembered of a file.
pub const REMEMBERED_MARK: &str = "[file ";
/// Letters of one file that are remembered with its message.
const REMEMBERED_CHARS_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 120;
/// Files of one message that are looked at.
const PER_MESSAGE_MAX: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pdf,
    Docx,
    Xlsx,
    Csv,
    Text,
    /// Read only where a tenant gives it to its agents; nobody's page is opened.
    Html,
    Image,
    /// Kept, but nothing reads it: sound, film, other pictures.
    Other,
    /// Not even kept: archives, programs, pages that run in a browser.
    Refused,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Text => "text",
            Self::Html => "html",
            Self::Image => "image",
            Self::Other => "other",
            Self::Refused => "refused",
        }
    }

    pub fn parse(text: &str) -> Self {
        match text {
            "pdf" => Self::Pdf,
            "docx" => Self::Docx,
            "xlsx" => Self::Xlsx,
            "csv" => Self::Csv,
            "text" => Self::Text,
            "html" => Self::Html,
            "image" => Self::Image,
            "other" => Self::Other,
            _ => Self::Refused,
        }
    }

    pub fn is_document(self) -> bool {
        matches!(self, Self::Pdf | Self::Docx | Self::Xlsx | Self::Csv | Self::Text)
    }
}

/// A file that waits to be fetched.
#[derive(Clone, Debug)]
pub struct Awaited {
    pub connection: ConnectionId,
    pub reference: String,
    pub name: String,
    pub claimed_type: String,
    pub claimed_sha256: Option<Vec<u8>>,
    /// This one included.
    pub attempts: i32,
}

/// A file as a prompt may show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub id: MediaId,
    pub message: MessageId,
    pub name: String,
    pub state: State,
    pub kind: Kind,
    pub content_type: String,
    pub size: i64,
    pub body: Option<String>,
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Stored,
    Refused,
    Failed,
}

/// Notes the files of messages that were just stored, in the same transaction; returns the new ones, each to be fetched.
pub async fn expect(
    tx: &mut TenantTx,
    connection: ConnectionId,
    conversation: ConversationId,
    messages: &[InboundMessage],
) -> Result<Vec<MediaId>, DbError> {
    let tenant = tx.tenant();
    let files: Vec<_> = messages
        .iter()
        .flat_map(|message| {
            message.attachments.iter().take(PER_MESSAGE_MAX).map(|file| (&message.external_id, file))
        })
        .collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let name = |name: &str| -> String { clean_text(name).chars().take(NAME_CHARS_MAX).collect() };
    let rows = sqlx::query_scalar(
        "insert into media (tenant_id, media_id, connection_id, conversation_id, message_id, part, reference, name,
                            claimed_type, claimed_size, claimed_sha256)
         select $1, g.media_id, $2, $3, m.message_id, g.n, g.reference, g.name, g.claimed_type, g.size, g.sha256
           from unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bytea[])
                with ordinality as g (media_id, external_id, reference, name, claimed_type, size, sha256, n)
           join messages m on m.tenant_id = $1 and m.conversation_id = $3 and m.external_id = g.external_id
         on conflict (tenant_id, message_id, reference) do nothing
         returning media_id",
    )
    .bind(tenant)
    .bind(connection)
    .bind(conversation)
    .bind(files.iter().map(|_| MediaId::new()).collect::<Vec<_>>())
    .bind(files.iter().map(|(external_id, _)| external_id.as_str()).collect::<Vec<_>>())
    .bind(files.iter().map(|(_, file)| file.reference.as_str()).collect::<Vec<_>>())
    .bind(files.iter().map(|(_, file)| name(&file.name)).collect::<Vec<_>>())
    .bind(files.iter().map(|(_, file)| file.content_type.as_str()).collect::<Vec<_>>())
    .bind(files.iter().map(|(_, file)| file.size.and_then(|size| i64::try_from(size).ok())).collect::<Vec<_>>())
    .bind(files.iter().map(|(_, file)| file.sha256.as_deref().and_then(|hash| hex::decode(hash).ok())).collect::<Vec<_>>())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Counts an attempt before it is made. `None`: nothing waits any more.
pub async fn begin_attempt(tx: &mut TenantTx, id: MediaId) -> Result<Option<Awaited>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "update media set attempts = attempts + 1
          where tenant_id = $1 and media_id = $2 and state = 'pending'
         returning connection_id, reference, name, claimed_type, claimed_sha256, attempts",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Awaited {
            connection: row.try_get("connection_id")?,
            reference: row.try_get("reference")?,
            name: row.try_get("name")?,
            claimed_type: row.try_get("claimed_type")?,
            claimed_sha256: row.try_get("claimed_sha256")?,
            attempts: row.try_get("attempts")?,
        })
    })
    .transpose()
}

/// What was found in a file whose bytes are kept.
pub struct Found<'a> {
    /// Taken if the event told none.
    pub name: &'a str,
    pub kind: Kind,
    pub content_type: &'a str,
    pub size: i64,
    pub sha256: &'a [u8; 32],
    pub body: Option<&'a str>,
    /// Why there is no text.
    pub reason: Option<&'a str>,
}

/// Ends the wait. The text joins what is remembered of the message, in an all-audiences transaction: the memory keeps its
/// own audience, and gets its vector anew.
pub async fn store(tx: &mut TenantTx, id: MediaId, found: &Found<'_>) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let remembered: String = found.body.unwrap_or_default().chars().take(REMEMBERED_CHARS_MAX).collect();
    let stored = sqlx::query(
        "with ended as (
             update media
                set state = 'stored', kind = $3, content_type = $4, size = $5, sha256 = $6, body = $7, reason = $8,
                    name = case when name = '' then $11 else name end, ended_at = clock_timestamp()
              where tenant_id = $1 and media_id = $2 and state = 'pending'
             returning message_id, name
         ), remembered as (
             update memories m
                set body = m.body || chr(10) || $9 || e.name || '] ' || $10, embedding = null, model = null,
                    embed_failures = 0
               from ended e
              where m.tenant_id = $1 and m.message_id = e.message_id and $10 <> ''
         )
         select count(*) from ended",
    )
    .bind(tenant)
    .bind(id)
    .bind(found.kind.as_str())
    .bind(found.content_type)
    .bind(found.size)
    .bind(found.sha256.as_slice())
    .bind(found.body)
    .bind(found.reason)
    .bind(REMEMBERED_MARK)
    .bind(remembered)
    .bind(found.name)
    .fetch_one(tx.conn())
    .await?;
    let ended: i64 = stored.try_get(0)?;
    Ok(ended == 1)
}

/// Ends the wait without a file.
pub async fn give_up(tx: &mut TenantTx, id: MediaId, state: State, reason: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let reason: String = reason.chars().take(300).collect();
    sqlx::query(
        "update media set state = $3, reason = $4, ended_at = clock_timestamp()
          where tenant_id = $1 and media_id = $2 and state = 'pending'",
    )
    .bind(tenant)
    .bind(id)
    .bind(if state == State::Refused { "refused" } else { "failed" })
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The files of these messages, in the order they were sent; and whether one is still awaited within [`PATIENCE`].
pub async fn of_messages(tx: &mut TenantTx, messages: &[MessageId]) -> Result<(Vec<Media>, bool), DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select media_id, message_id, name, state, coalesce(kind, 'other') as kind,
                coalesce(content_type, claimed_type) as content_type, coalesce(size, claimed_size, 0) as size, body, reason,
                state = 'pending' and created_at > clock_timestamp() - make_interval(secs => $3) as waits
           from media where tenant_id = $1 and message_id = any ($2)
          order by created_at, part limit 100",
    )
    .bind(tenant)
    .bind(messages)
    .bind(PATIENCE.as_secs_f64())
    .fetch_all(tx.conn())
    .await?;
    let mut waits = false;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        waits |= row.try_get::<bool, _>("waits")?;
        found.push(media(row)?);
    }
    Ok((found, waits))
}

fn media(row: &sqlx::postgres::PgRow) -> Result<Media, DbError> {
    let (state, kind): (String, String) = (row.try_get("state")?, row.try_get("kind")?);
    Ok(Media {
        id: row.try_get("media_id")?,
        message: row.try_get("message_id")?,
        name: row.try_get("name")?,
        state: match state.as_str() {
            "pending" => State::Pending,
            "stored" => State::Stored,
            "refused" => State::Refused,
            _ => State::Failed,
        },
        kind: Kind::parse(&kind),
        content_type: row.try_get("content_type")?,
        size: row.try_get("size")?,
        body: row.try_get("body")?,
        reason: row.try_get("reason")?,
    })
}

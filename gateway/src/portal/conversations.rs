//! Conversations for people in front of a screen: which there are, and what was said.

use axum::{
    Json,
    extract::{Path, Query, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        TenantTx,
        conversations::{self, Conversation, File, Filter, Message, Who},
    },
    ids::{ConversationId, MessageId},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::Operator,
    error::{ApiError, Problem},
    paging,
    path_id::PathId,
};

const WORDS_CHARS_MAX: usize = 200;
const WORDS_MAX: usize = 8;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
    /// 1 to 100; 50 by default.
    pub(super) limit: Option<i64>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 by default.
    limit: Option<i64>,
    /// Words, at most 8: one message, together with the name of who wrote it, must hold them all, in any case. The tenant's
    /// latest 100,000 messages are looked through.
    q: Option<String>,
    /// `slack` or `whatsapp`.
    channel: Option<String>,
    /// `agent` or `human` answers, or a person is `waiting` for a human.
    who: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ConversationBody {
    #[schema(example = "cnv_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    connection_id: String,
    #[schema(example = "slack")]
    channel: String,
    /// The platform's id of the channel, and its name if it is known.
    place: String,
    place_name: String,
    /// `public`, `private`, `direct`, `group_direct` or `unknown`.
    kind: String,
    /// Who answers: `agent` or `human`.
    handler: &'static str,
    /// Since when a person waits for a human.
    waiting_since: Option<String>,
    last_message_at: String,
    last_message: Option<LastBody>,
    /// With `q`: the latest message that fits.
    found: Option<FoundBody>,
}

#[derive(Serialize, ToSchema)]
pub struct FoundBody {
    message_id: String,
    author: String,
    /// `person`, `agent` or `operator`.
    author_kind: String,
    /// The part of it where the first of the words stands.
    excerpt: String,
    sent_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct LastBody {
    author: String,
    /// `person`, `agent` or `operator`.
    author_kind: String,
    excerpt: String,
}

#[derive(Serialize, ToSchema)]
pub struct ConversationList {
    /// Newest first.
    items: Vec<ConversationBody>,
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct MessageBody {
    #[schema(example = "msg_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    author: String,
    /// `person`, `agent` or `operator`.
    author_kind: String,
    /// The run that made it, if an agent wrote it.
    run_id: Option<String>,
    /// Empty once it was deleted.
    text: String,
    sent_at: String,
    edited_at: Option<String>,
    deleted_at: Option<String>,
    /// Why the answer was broken off; `text` is what had been shown of it, perhaps nothing.
    #[schema(example = "stopped by the person who asked")]
    interrupted: Option<String>,
    /// Files that came along, or that the agent sent.
    files: Vec<FileBody>,
    /// Absent of a message that arrived, as far as anybody knows.
    trouble: Option<TroubleBody>,
}

#[derive(Serialize, ToSchema)]
pub struct FileBody {
    #[schema(example = "prices.csv")]
    name: String,
    #[schema(example = "text/csv")]
    content_type: String,
    /// In bytes; absent if nobody has said.
    size: Option<i64>,
    /// `pending`, `stored`, `refused` or `failed` of a file that came; `sent`, `failed` or `unknown` of one that went out.
    state: String,
}

#[derive(Serialize, ToSchema)]
pub struct TroubleBody {
    /// `failed`: it did not arrive. `unknown`: nobody can tell, and a person should look.
    state: &'static str,
    #[schema(example = "the platform refused: missing_scope")]
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct MessageList {
    /// Newest first.
    items: Vec<MessageBody>,
    next_cursor: Option<String>,
}

/// The tenant's conversations, the latest first; with `q`, those in which it was said.
#[utoipa::path(get, path = "/api/v1/conversations", params(Asked),
    responses((status = 200, body = ConversationList), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn list(
    operator: Operator,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<ConversationList>, ApiError> {
    let Query(asked) = asked.map_err(|_| {
        ApiError::invalid("The query may have `cursor`, `limit`, `q`, `channel` and `who`, nothing else.")
    })?;
    let limit = paging::limit(asked.limit)?;
    let before = paging::cursor(asked.cursor.as_deref(), |cursor| read_place(cursor, |id| id.parse().ok()))?;
    let words = words(asked.q.as_deref().unwrap_or_default())?;
    let filter = Filter {
        channel: one_of("channel", asked.channel.as_deref(), |channel| {
            ["slack", "whatsapp"].into_iter().find(|known| *known == channel)
        })?,
        who: one_of("who", asked.who.as_deref(), Who::parse)?,
        only: None,
        words: &words,
    };
    let mut tx =
        if words.is_empty() { operator.db.begin().await? } else { operator.db.begin_to_look_through().await? };
    let mut found = conversations::list(&mut tx, &filter, before, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, |last| place(last.last_message_at, last.id));
    Ok(Json(ConversationList { items: found.into_iter().map(ConversationBody::from).collect(), next_cursor }))
}

/// One conversation, as it stands in the list.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation_id}", params(("conversation_id" = String, Path)),
    responses((status = 200, body = ConversationBody), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn show(
    operator: Operator,
    PathId(id): PathId<ConversationId>,
) -> Result<Json<ConversationBody>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let conversation = conversations::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    tx.close().await?;
    Ok(Json(conversation.into()))
}

fn words(given: &str) -> Result<Vec<String>, ApiError> {
    let words: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
    if given.chars().count() > WORDS_CHARS_MAX || words.len() > WORDS_MAX || given.contains('\0') {
        return Err(ApiError::invalid(format!(
            "`q` may have at most {WORDS_CHARS_MAX} characters and {WORDS_MAX} words, none with U+0000."
        )));
    }
    Ok(words)
}

fn one_of<T>(name: &str, given: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
    let refused = || {
        let known = if name == "who" { "`agent`, `human` or `waiting`" } else { "`slack` or `whatsapp`" };
        ApiError::invalid(format!("`{name}` must be {known}."))
    };
    given.map(|given| read(given).ok_or_else(refused)).transpose()
}

/// What was said in a conversation, the latest first.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation_id}/messages", params(("conversation_id" = String, Path), Page),
    responses((status = 200, body = MessageList), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 404, body = Problem)))]
pub async fn messages(
    operator: Operator,
    Path(id): Path<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<MessageList>, ApiError> {
    let (before, limit) = read_page(page, |id| id.parse::<MessageId>().ok())?;
    let mut tx = operator.db.begin().await?;
    let conversation = find(&mut tx, &id).await?;
    let mut found = conversations::messages(&mut tx, conversation, before, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, |last| place(last.sent_at, last.id));
    Ok(Json(MessageList { items: found.into_iter().map(MessageBody::from).collect(), next_cursor }))
}

/// What is no id of this tenant's is not found, whatever else it is.
pub(super) async fn find(tx: &mut TenantTx, id: &str) -> Result<ConversationId, ApiError> {
    let id: ConversationId = id.parse().map_err(|_| ApiError::not_found())?;
    if conversations::exists(tx, id).await? { Ok(id) } else { Err(ApiError::not_found()) }
}

/// A cursor is the time and the id of the last line: `1767000000000000_cnv_…`, in microseconds.
fn read_page<Id>(
    page: Result<Query<Page>, QueryRejection>,
    id: impl Fn(&str) -> Option<Id>,
) -> Result<(Option<(OffsetDateTime, Id)>, i64), ApiError> {
    let Query(page) = page.map_err(|_| {
        ApiError::invalid("The query may have `cursor` and `limit`, a whole number, and nothing else.")
    })?;
    let limit = paging::limit(page.limit)?;
    let before = paging::cursor(page.cursor.as_deref(), |cursor| read_place(cursor, &id))?;
    Ok((before, limit))
}

fn read_place<Id>(cursor: &str, id: impl Fn(&str) -> Option<Id>) -> Option<(OffsetDateTime, Id)> {
    let (micros, last) = cursor.split_once('_')?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(micros.parse::<i128>().ok()?.checked_mul(1_000)?).ok()?;
    Some((at, id(last)?))
}

fn place(at: OffsetDateTime, id: impl ToString) -> String {
    format!("{}_{}", at.unix_timestamp_nanos() / 1_000, id.to_string())
}

pub(super) fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

impl From<Conversation> for ConversationBody {
    fn from(row: Conversation) -> Self {
        Self {
            id: row.id.to_string(),
            connection_id: row.connection.to_string(),
            channel: row.channel,
            place: row.channel_external_id,
            place_name: row.channel_name,
            kind: row.kind,
            handler: if row.by_human { "human" } else { "agent" },
            waiting_since: row.waits_since.map(written),
            last_message_at: written(row.last_message_at),
            last_message: row.last.map(|last| LastBody {
                author: last.author,
                author_kind: last.author_kind,
                excerpt: last.excerpt,
            }),
            found: row.found.map(|found| FoundBody {
                message_id: found.message.to_string(),
                author: found.author,
                author_kind: found.author_kind,
                excerpt: found.excerpt,
                sent_at: written(found.sent_at),
            }),
        }
    }
}

impl From<File> for FileBody {
    fn from(file: File) -> Self {
        Self { name: file.name, content_type: file.content_type, size: file.size, state: file.state }
    }
}

impl From<Message> for MessageBody {
    fn from(row: Message) -> Self {
        Self {
            id: row.id.to_string(),
            author: row.author,
            author_kind: row.author_kind,
            run_id: row.run.map(|run| run.to_string()),
            text: row.body,
            sent_at: written(row.sent_at),
            edited_at: row.edited_at.map(written),
            deleted_at: row.deleted_at.map(written),
            interrupted: row.interrupted,
            files: row.files.into_iter().map(FileBody::from).collect(),
            trouble: row.trouble.map(|trouble| TroubleBody {
                state: if trouble.unclear { "unknown" } else { "failed" },
                reason: trouble.reason,
            }),
        }
    }
}

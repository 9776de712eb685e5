//! Notes in conversations: what members tell each other. Nothing of them reaches a channel or a model.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::JsonRejection, rejection::QueryRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use shared::{
    db::conversations::notes::{self, NOTE_MAX, Note},
    ids::{ConversationId, NoteId},
};
use utoipa::ToSchema;

use super::conversations::{Page, find, written};
use crate::{
    Gateway,
    auth::{ADMIN, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    paging,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    /// 1 to 4,000 characters.
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct NoteBody {
    #[schema(example = "nte_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    text: String,
    /// The account or the key that wrote it.
    #[schema(example = "usr_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    author_id: String,
    /// `null`: who wrote it belongs to the tenant no longer.
    author: Option<String>,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct NoteList {
    /// Newest first.
    items: Vec<NoteBody>,
    next_cursor: Option<String>,
}

/// The notes in a conversation. People in the channel see none of them, and no model is shown any.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation_id}/notes", params(("conversation_id" = String, Path), Page),
    responses((status = 200, body = NoteList), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 404, body = Problem)))]
pub async fn list(
    operator: Operator,
    Path(id): Path<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<NoteList>, ApiError> {
    let Query(page) = page.map_err(|_| {
        ApiError::invalid("The query may have `cursor` and `limit`, a whole number, and nothing else.")
    })?;
    let limit = paging::limit(page.limit)?;
    let cursor = paging::cursor(page.cursor.as_deref(), |text| text.parse::<NoteId>().ok())?;
    let mut tx = operator.db.begin().await?;
    let conversation = find(&mut tx, &id).await?;
    let mut found = notes::list(&mut tx, conversation, cursor, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, |last| last.id.to_string());
    Ok(Json(NoteList { items: found.into_iter().map(NoteBody::from).collect(), next_cursor }))
}

/// Writes a note into a conversation, whoever answers in it.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation_id}/notes", params(("conversation_id" = String, Path), OnceKey),
    request_body = NewNote,
    responses((status = 201, body = NoteBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn add(
    operator: Operator,
    once: Once,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Result<Json<NewNote>, JsonRejection>,
) -> Result<(StatusCode, Json<NoteBody>), ApiError> {
    let Json(body) = body?;
    let text = body.text.trim();
    if text.is_empty() || text.chars().count() > NOTE_MAX || text.contains('\0') {
        return Err(ApiError::invalid(format!(
            "`text` must have 1 to {NOTE_MAX} characters, none of them U+0000."
        )));
    }
    let conversation: ConversationId = id.parse().map_err(|_| ApiError::not_found())?;
    let mut tx = operator.db.begin().await?;
    let note = notes::add(&mut tx, &operator.actor, conversation, text).await?;
    let answer = once.commit(tx, StatusCode::CREATED, note.into()).await?;
    gateway.announcer.changed(operator.tenant);
    Ok(answer)
}

/// Deletes a note for good: whoever wrote it may, and an admin.
#[utoipa::path(delete, path = "/api/v1/conversations/{conversation_id}/notes/{note_id}",
    params(("conversation_id" = String, Path), ("note_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove(
    operator: Operator,
    State(gateway): State<Gateway>,
    Path((conversation, note)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let conversation: ConversationId = conversation.parse().map_err(|_| ApiError::not_found())?;
    let note: NoteId = note.parse().map_err(|_| ApiError::not_found())?;
    let mut tx = operator.db.begin().await?;
    if !notes::remove(&mut tx, &operator.actor, (conversation, note), operator.role == ADMIN).await? {
        tx.close().await?;
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Somebody else wrote this note: they may delete it, or an admin of the tenant.",
        ));
    }
    tx.commit().await?;
    gateway.announcer.changed(operator.tenant);
    Ok(StatusCode::NO_CONTENT)
}

impl From<Note> for NoteBody {
    fn from(row: Note) -> Self {
        Self {
            id: row.id.to_string(),
            text: row.body,
            author_id: row.created_by,
            author: row.author,
            created_at: written(row.created_at),
        }
    }
}

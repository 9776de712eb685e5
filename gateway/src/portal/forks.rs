//! Forks: an operator goes on from a message of a conversation with another model, other instructions or without memory, beside
//! what really followed. No channel sees it.

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        rehearsals::forks::{self, Exchange, Fork},
        takeovers::REPLY_MAX,
    },
    ids::{ForkId, MessageId},
};
use utoipa::ToSchema;

use super::{
    conversations::{MessageBody, find, written},
    drafts::DraftBody,
    replays::{ReplayBody, body_of},
};
use crate::{
    auth::Operator,
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenFork {
    /// The last message that both have.
    #[schema(example = "msg_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    message_id: String,
    /// What is tried.
    draft: Option<DraftBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// What is said; `null`: the agent answers what stands there.
    text: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ForkBody {
    #[schema(example = "frk_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    conversation_id: String,
    message_id: String,
    agent_id: String,
    model: Option<String>,
    instructions: Option<String>,
    memory: bool,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct ForkList {
    /// The newest first, 50 at most.
    items: Vec<ForkBody>,
}

/// A fork beside its conversation.
#[derive(Serialize, ToSchema)]
pub struct ForkShown {
    fork: ForkBody,
    /// What was said in the fork, in its order. The first answer's `diff` is from what the agent really said next.
    side: Vec<ExchangeBody>,
    /// What was said in the conversation itself after the fork, in its order, 50 at most.
    original: Vec<MessageBody>,
}

#[derive(Serialize, ToSchema)]
pub struct ExchangeBody {
    /// What an operator said; `null`: the agent answered what stood there.
    text: Option<String>,
    answer: ReplayBody,
}

/// Begins a side conversation at a message.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation_id}/forks", params(("conversation_id" = String, Path), OnceKey),
    request_body = OpenFork,
    responses((status = 201, body = ForkBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn open(
    operator: Operator,
    once: Once,
    Path(id): Path<String>,
    body: Result<Json<OpenFork>, JsonRejection>,
) -> Result<(StatusCode, Json<ForkBody>), ApiError> {
    let Json(body) = body?;
    let with_memory = body.draft.as_ref().is_none_or(DraftBody::with_memory);
    let draft = body.draft.map(DraftBody::check).transpose()?.unwrap_or_default();
    let mut tx = operator.db.begin().await?;
    let conversation = find(&mut tx, &id).await?;
    let message: MessageId = body.message_id.parse().map_err(|_| ApiError::not_found())?;
    let fork = forks::open(&mut tx, &operator.actor, (conversation, message), &draft, with_memory).await?;
    once.commit(tx, StatusCode::CREATED, fork.into()).await
}

/// The forks of a conversation.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation_id}/forks", params(("conversation_id" = String, Path)),
    responses((status = 200, body = ForkList), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn list(operator: Operator, Path(id): Path<String>) -> Result<Json<ForkList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let conversation = find(&mut tx, &id).await?;
    let found = forks::list(&mut tx, conversation).await?;
    tx.close().await?;
    Ok(Json(ForkList { items: found.into_iter().map(ForkBody::from).collect() }))
}

/// A fork, and what really followed beside it.
#[utoipa::path(get, path = "/api/v1/forks/{fork_id}", params(("fork_id" = String, Path)),
    responses((status = 200, body = ForkShown), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn show(operator: Operator, PathId(id): PathId<ForkId>) -> Result<Json<ForkShown>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let fork = forks::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    let exchanges = forks::exchanges(&mut tx, id).await?;
    let original = forks::beside(&mut tx, &fork).await?;
    tx.close().await?;
    let next = original.iter().find(|message| message.author_kind == "agent").map(|message| message.body.clone());
    let side = exchanges.into_iter().enumerate().map(|(number, Exchange { question, answer })| ExchangeBody {
        answer: body_of(answer, next.as_deref().filter(|_| number == 0 && question.is_none())),
        text: question,
    });
    Ok(Json(ForkShown {
        side: side.collect(),
        original: original.into_iter().map(MessageBody::from).collect(),
        fork: fork.into(),
    }))
}

/// Says something in a fork; the agent answers there, and nowhere else.
#[utoipa::path(post, path = "/api/v1/forks/{fork_id}/messages", params(("fork_id" = String, Path), OnceKey), request_body = Say,
    responses((status = 202, body = ReplayBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn say(
    operator: Operator,
    once: Once,
    PathId(id): PathId<ForkId>,
    body: Result<Json<Say>, JsonRejection>,
) -> Result<(StatusCode, Json<ReplayBody>), ApiError> {
    let Json(body) = body?;
    let text = body.text.as_deref().map(str::trim);
    if text.is_some_and(|text| text.is_empty() || text.chars().count() > REPLY_MAX || text.contains('\0')) {
        return Err(ApiError::invalid(format!(
            "`text` must have 1 to {REPLY_MAX} characters, none of them U+0000, or be left out."
        )));
    }
    let mut tx = operator.db.begin().await?;
    let asked = forks::say(&mut tx, &operator.actor, id, text).await?;
    once.commit(tx, StatusCode::ACCEPTED, body_of(asked, None)).await
}

/// Deletes a fork with what was said in it.
#[utoipa::path(delete, path = "/api/v1/forks/{fork_id}", params(("fork_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove(operator: Operator, PathId(id): PathId<ForkId>) -> Result<StatusCode, ApiError> {
    let mut tx = operator.db.begin().await?;
    if !forks::remove(&mut tx, &operator.actor, id).await? {
        return Err(ApiError::not_found());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Fork> for ForkBody {
    fn from(row: Fork) -> Self {
        Self {
            id: row.id.to_string(),
            conversation_id: row.conversation.to_string(),
            message_id: row.message.to_string(),
            agent_id: row.agent.to_string(),
            model: row.draft.model,
            instructions: row.draft.instructions,
            memory: row.with_memory,
            created_at: written(row.created_at),
        }
    }
}

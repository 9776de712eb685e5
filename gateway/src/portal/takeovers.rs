//! People in the agent's place: take a conversation over, answer in it, give it back.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use shared::db::{
    conversations,
    takeovers::{self, REPLY_MAX},
};
use utoipa::ToSchema;

use super::conversations::find;
use crate::{
    Gateway,
    auth::Operator,
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    webhooks::whatsapp,
};

const NAME_MAX: usize = 80;
/// Longest text above the button that shares a number, in characters: name and mark-up have to fit as well.
const ASKING_MAX: usize = 900;
const SOMEBODY: &str = "A colleague";

#[derive(Serialize, ToSchema)]
pub struct Handler {
    /// Who answers from now on: `agent` or `human`.
    handler: &'static str,
    /// `false`: it was so before.
    changed: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Markdown.
    text: String,
    /// Who says it; people in the channel see it before the text.
    #[schema(example = "Grace")]
    name: Option<String>,
    /// On WhatsApp: with a button by which a person who is known by a user id only shares their phone number. Such a text may
    /// have 900 characters.
    #[serde(default)]
    asks_for_number: bool,
}

#[derive(Serialize, ToSchema)]
pub struct Replied {
    /// The reply is on its way: its message appears with this id.
    message_id: String,
}

/// Takes a conversation over: the agent is silent in it at once, also in the middle of an answer.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation_id}/takeover", params(("conversation_id" = String, Path)),
    responses((status = 200, body = Handler), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn take_over(
    operator: Operator,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<Json<Handler>, ApiError> {
    let conversation = id.parse().map_err(|_| ApiError::not_found())?;
    let mut tx = operator.db.begin().await?;
    let changed = takeovers::take(&mut tx, conversation, &operator.actor).await?;
    tx.commit().await?;
    gateway.waker.wake();
    gateway.announcer.changed(operator.tenant);
    Ok(Json(Handler { handler: "human", changed }))
}

/// Gives a conversation back: the agent answers what is written from now on, and knows what was said meanwhile.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation_id}/release", params(("conversation_id" = String, Path)),
    responses((status = 200, body = Handler), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn release(
    operator: Operator,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<Json<Handler>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let conversation = find(&mut tx, &id).await?;
    let changed = takeovers::release(&mut tx, conversation, &operator.actor).await?;
    tx.commit().await?;
    gateway.announcer.changed(operator.tenant);
    Ok(Json(Handler { handler: "agent", changed }))
}

/// Answers in a conversation that was taken over; the reply appears in the channel under the given name.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation_id}/reply", params(("conversation_id" = String, Path), OnceKey), request_body = Reply,
    responses((status = 202, body = Replied), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn reply(
    operator: Operator,
    once: Once,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Result<Json<Reply>, JsonRejection>,
) -> Result<(StatusCode, Json<Replied>), ApiError> {
    let Json(body) = body?;
    let (text, name) = (body.text.trim(), body.name.as_deref().map_or(SOMEBODY, str::trim));
    if text.is_empty() || text.chars().count() > REPLY_MAX || text.contains('\0') {
        return Err(ApiError::invalid(format!(
            "`text` must have 1 to {REPLY_MAX} characters, none of them U+0000."
        )));
    }
    if name.is_empty()
        || name.chars().count() > NAME_MAX
        || name.chars().any(|letter| letter.is_control() || letter == '*')
    {
        return Err(ApiError::invalid(format!(
            "`name` must have 1 to {NAME_MAX} characters, without line breaks and stars."
        )));
    }
    let mut tx = operator.db.begin().await?;
    let conversation = find(&mut tx, &id).await?;
    if body.asks_for_number {
        let by_phone = conversations::find(&mut tx, conversation)
            .await?
            .is_some_and(|found| found.channel == whatsapp::CHANNEL);
        if !by_phone || text.chars().count() > ASKING_MAX {
            return Err(ApiError::invalid(format!(
                "`asks_for_number` is for a conversation on WhatsApp, with a `text` of up to {ASKING_MAX} characters."
            )));
        }
    }
    let message =
        takeovers::reply(&mut tx, conversation, &operator.actor, name, text, body.asks_for_number).await?;
    let answer = once.commit(tx, StatusCode::ACCEPTED, Replied { message_id: message.to_string() }).await?;
    gateway.announcer.changed(operator.tenant);
    Ok(answer)
}

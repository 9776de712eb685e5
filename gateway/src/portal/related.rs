//! Tags of conversations, and what is related: by tag, and by what was said.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
};
use serde::{Deserialize, Serialize};
use shared::db::conversations::related::{self, Related, TAGS_MAX};
use utoipa::ToSchema;

use super::conversations::find;
use crate::{
    auth::Operator,
    error::{ApiError, Problem},
};

const TAG_MAX: usize = 40;

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tags {
    /// In small letters, by name; 20 at most, of 40 characters each.
    #[schema(example = json!(["launch", "apollo"]))]
    tags: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct RelatedList {
    /// Those with the same tags first, then the nearest; 10 at most.
    items: Vec<RelatedBody>,
}

#[derive(Serialize, ToSchema)]
pub struct RelatedBody {
    conversation_id: String,
    /// What both are tagged with.
    tags: Vec<String>,
    /// How near the nearest message there is to what this conversation is about, of 1 at most; `null`: not among the nearest.
    nearness: Option<f64>,
    /// The beginning of that message.
    excerpt: Option<String>,
}

/// The tags of a conversation.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation_id}/tags", params(("conversation_id" = String, Path)),
    responses((status = 200, body = Tags), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn tags(operator: Operator, Path(id): Path<String>) -> Result<Json<Tags>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let conversation = find(&mut tx, &id).await?;
    let tags = related::tags(&mut tx, conversation).await?;
    tx.close().await?;
    Ok(Json(Tags { tags }))
}

/// Puts these in place of the conversation's tags.
#[utoipa::path(put, path = "/api/v1/conversations/{conversation_id}/tags", params(("conversation_id" = String, Path)),
    request_body = Tags,
    responses((status = 200, body = Tags), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn tag(
    operator: Operator,
    Path(id): Path<String>,
    body: Result<Json<Tags>, JsonRejection>,
) -> Result<Json<Tags>, ApiError> {
    let Json(body) = body?;
    let tags = body.tags.iter().map(|tag| clean(tag)).collect::<Result<BTreeSet<_>, _>>()?;
    if tags.len() > TAGS_MAX {
        return Err(ApiError::invalid(format!("`tags` may have {TAGS_MAX} entries at most.")));
    }
    let mut tx = operator.db.begin().await?;
    let conversation = find(&mut tx, &id).await?;
    related::tag(&mut tx, &operator.actor, conversation, &tags).await?;
    tx.commit().await?;
    Ok(Json(Tags { tags: tags.into_iter().collect() }))
}

/// Conversations that belong to this one. Agents are shown none of it.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation_id}/related", params(("conversation_id" = String, Path)),
    responses((status = 200, body = RelatedList), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn related(operator: Operator, Path(id): Path<String>) -> Result<Json<RelatedList>, ApiError> {
    let mut tx = operator.db.begin_for_all_audiences().await?;
    let conversation = find(&mut tx, &id).await?;
    let found = related::related(&mut tx, conversation).await?;
    tx.close().await?;
    Ok(Json(RelatedList { items: found.into_iter().map(RelatedBody::from).collect() }))
}

fn clean(tag: &str) -> Result<String, ApiError> {
    let clean = tag.trim().to_lowercase();
    let fits = (1..=TAG_MAX).contains(&clean.chars().count()) && !clean.chars().any(char::is_control);
    if fits { Ok(clean) } else { Err(ApiError::invalid(format!("A tag must have 1 to {TAG_MAX} characters."))) }
}

impl From<Related> for RelatedBody {
    fn from(row: Related) -> Self {
        Self { conversation_id: row.id.to_string(), tags: row.tags, nearness: row.nearness, excerpt: row.excerpt }
    }
}

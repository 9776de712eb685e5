//! What the tenant's agents remember, for people in front of a screen: find it, see where it comes from, put a fact right, make
//! them forget it.
//!
//! Who may read the tenant's conversations may read what is remembered of them, direct messages included: it is what stands
//! there. Who may answer in them may make an agent forget, and put right what it concluded; never what a person said.

use axum::{
    Json,
    extract::{
        Query,
        rejection::{JsonRejection, QueryRejection},
    },
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        facts::{self, Correction},
        origins::{self, Fact, Filter, Forgotten, Memory, Use},
    },
    ids::{ConversationId, MemoryId, PersonId},
};
use utoipa::{IntoParams, ToSchema};

use super::conversations::written;
use crate::{
    auth::Operator,
    error::{ApiError, Problem},
    paging,
    path_id::PathId,
};

const WORDS_MAX: usize = 200;
/// Bytes of a channel's id.
const PLACE_MAX: usize = 200;
/// Of a corrected fact: as much as a prompt shows of one.
const TEXT_MAX: usize = 400;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 by default.
    limit: Option<i64>,
    /// Words that must all occur, in any form; `"…"` around what must stand together, `-` before what must not occur.
    q: Option<String>,
    /// Only what this person said.
    person_id: Option<String>,
    /// Only what was said in this conversation.
    conversation_id: Option<String>,
    /// `message`: only what people said; `fact`: only what was drawn from it, as it stands now.
    only: Option<String>,
    /// Only what was said in the channel of this id, as the platform gives it: the `place` of other memories.
    place: Option<String>,
    /// `true`: instead of what holds, the facts in whose place something newer stands.
    closed: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct MemoryBody {
    #[schema(example = "mem_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    text: String,
    /// `null`: as a person said it. Otherwise it was drawn from messages; person, conversation and message are those it comes from.
    fact: Option<FactBody>,
    /// Who said it.
    person_id: String,
    author: String,
    said_at: String,
    conversation_id: String,
    message_id: String,
    #[schema(example = "slack")]
    channel: String,
    /// The platform's id of the channel, and its name if it is known.
    place: String,
    place_name: String,
    /// `public`, `private`, `direct`, `group_direct` or `unknown`.
    kind: String,
    /// Who may be reminded of it: the whole `tenant`, who is in this `channel`, or the `person` alone.
    audience: String,
}

#[derive(Serialize, ToSchema)]
pub struct FactBody {
    #[schema(example = "launch")]
    subject: String,
    #[schema(example = "date")]
    attribute: String,
    #[schema(example = "14 March")]
    value: String,
    /// People decided it.
    decision: bool,
    /// `null`: it holds. Otherwise something newer stands in its place since then.
    valid_until: Option<String>,
    /// `null`, or who of the tenant put it right: they are its author.
    corrected_by: Option<String>,
    /// The messages it comes from, the one it quotes first.
    source_message_ids: Vec<String>,
    /// The conversation of each of them, in the same order.
    source_conversation_ids: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectMemory {
    /// What is so instead, as a sentence.
    #[schema(example = "The launch is on 15 March.")]
    text: String,
    /// What it says of the subject's attribute; the text itself by default.
    #[schema(example = "15 March")]
    value: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct MemoryList {
    /// The newest first.
    items: Vec<MemoryBody>,
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct MemoryDetail {
    #[serde(flatten)]
    about: MemoryBody,
    /// The latest answers whose model was shown it, at most 20 of the tenant's last 5,000 runs.
    recalled_in: Vec<UseBody>,
}

#[derive(Serialize, ToSchema)]
pub struct UseBody {
    run_id: String,
    conversation_id: String,
    at: String,
    score: f64,
    /// 1: nothing fitted better.
    rank: i64,
}

#[derive(Serialize, ToSchema)]
pub struct ForgottenBody {
    id: String,
    /// The message stays in its conversation, and in the prompts of answers there as long as it is among the latest. The facts
    /// that quote it are forgotten with it. `null` of a fact: its messages stay remembered.
    message_id: Option<String>,
    conversation_id: Option<String>,
    /// How much text was removed.
    characters: i32,
    /// Whether it could be found by its meaning, which is gone with it.
    had_vector: bool,
}

/// What is remembered, the newest first.
#[utoipa::path(get, path = "/api/v1/memories", params(Asked),
    responses((status = 200, body = MemoryList), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub async fn list(
    operator: Operator,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<MemoryList>, ApiError> {
    let Query(asked) = asked.map_err(|_| {
        ApiError::invalid(
            "The query may have `cursor`, `limit`, `q`, `person_id`, `conversation_id`, `only`, `place` and `closed`, nothing else.",
        )
    })?;
    let limit = paging::limit(asked.limit)?;
    let words = asked.q.as_deref().map_or("", str::trim);
    if words.chars().count() > WORDS_MAX || words.contains('\0') {
        return Err(ApiError::invalid(format!(
            "`q` may have at most {WORDS_MAX} characters, none of them U+0000."
        )));
    }
    let filter = Filter {
        person: id("person_id", asked.person_id.as_deref(), |id| id.parse::<PersonId>().ok())?,
        conversation: id("conversation_id", asked.conversation_id.as_deref(), |id| {
            id.parse::<ConversationId>().ok()
        })?,
        kind: match asked.only.as_deref() {
            None | Some("message" | "fact") => asked.only.as_deref(),
            Some(_) => return Err(ApiError::invalid("`only` must be `message` or `fact`.")),
        },
        words,
        place: place(asked.place.as_deref())?,
        closed: asked.closed.unwrap_or_default(),
        before: paging::cursor(asked.cursor.as_deref(), |id| id.parse().ok())?,
    };
    let mut tx = operator.db.begin_to_look_through().await?;
    let mut found = origins::list(&mut tx, &filter, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, |last| last.id.to_string());
    Ok(Json(MemoryList { items: found.into_iter().map(MemoryBody::from).collect(), next_cursor }))
}

fn place(given: Option<&str>) -> Result<Option<&str>, ApiError> {
    let is_plain = |place: &&str| place.len() <= PLACE_MAX && !place.is_empty() && !place.contains('\0');
    let refused = || ApiError::invalid("`place` must be the `place` of a memory.");
    given.map(|given| Some(given).filter(is_plain).ok_or_else(refused)).transpose()
}

fn id<T>(name: &str, given: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
    let refused = || ApiError::invalid(format!("`{name}` must be an id, as other answers give it."));
    given.map(|given| read(given).ok_or_else(refused)).transpose()
}

/// One memory, with the answers it served.
#[utoipa::path(get, path = "/api/v1/memories/{memory_id}", params(("memory_id" = String, Path)),
    responses((status = 200, body = MemoryDetail), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn show(operator: Operator, PathId(id): PathId<MemoryId>) -> Result<Json<MemoryDetail>, ApiError> {
    let mut tx = operator.db.begin_to_look_through().await?;
    let memory = origins::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    let uses = origins::uses(&mut tx, id).await?;
    tx.close().await?;
    Ok(Json(MemoryDetail { about: memory.into(), recalled_in: uses.into_iter().map(UseBody::from).collect() }))
}

/// Puts a fact right: it is closed, and what you say stands in its place, with you as the author. `409` for a message: what
/// somebody said stays as they said it.
#[utoipa::path(patch, path = "/api/v1/memories/{memory_id}", params(("memory_id" = String, Path)),
    request_body = CorrectMemory,
    responses((status = 200, body = MemoryDetail), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn correct(
    operator: Operator,
    PathId(id): PathId<MemoryId>,
    body: Result<Json<CorrectMemory>, JsonRejection>,
) -> Result<Json<MemoryDetail>, ApiError> {
    let Json(body) = body?;
    let text = sentence("text", &body.text, TEXT_MAX)?;
    let value = sentence("value", body.value.as_deref().unwrap_or(&body.text), TEXT_MAX)?;
    let correction = Correction { text, value, value_key: &facts::key(value) };
    let mut tx = operator.db.begin_for_all_audiences().await?;
    let new = facts::correct(&mut tx, &operator.actor, id, &correction).await?.ok_or_else(ApiError::not_found)?;
    let memory = origins::find(&mut tx, new).await?.ok_or_else(ApiError::not_found)?;
    tx.commit().await?;
    Ok(Json(MemoryDetail { about: memory.into(), recalled_in: Vec::new() }))
}

fn sentence<'a>(name: &str, text: &'a str, most: usize) -> Result<&'a str, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!("`{name}` must have 1 to {most} characters, on one line.")));
    }
    Ok(text)
}

/// Forgets it: no answer is reminded of it from now on. It can't be brought back.
#[utoipa::path(delete, path = "/api/v1/memories/{memory_id}", params(("memory_id" = String, Path)),
    responses((status = 200, body = ForgottenBody), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn forget(operator: Operator, PathId(id): PathId<MemoryId>) -> Result<Json<ForgottenBody>, ApiError> {
    let mut tx = operator.db.begin_for_all_audiences().await?;
    let forgotten = origins::forget(&mut tx, &operator.actor, id).await?.ok_or_else(ApiError::not_found)?;
    tx.commit().await?;
    Ok(Json(ForgottenBody::of(id, &forgotten)))
}

impl From<Memory> for MemoryBody {
    fn from(row: Memory) -> Self {
        Self {
            id: row.id.to_string(),
            text: row.body,
            fact: row.fact.map(FactBody::from),
            person_id: row.person.to_string(),
            author: row.author,
            said_at: written(row.said_at),
            conversation_id: row.conversation.to_string(),
            message_id: row.message.to_string(),
            channel: row.channel,
            place: row.place,
            place_name: row.place_name,
            kind: row.kind,
            audience: row.audience,
        }
    }
}

impl From<Fact> for FactBody {
    fn from(row: Fact) -> Self {
        Self {
            subject: row.subject,
            attribute: row.attribute,
            value: row.value,
            decision: row.decision,
            valid_until: row.valid_until.map(written),
            corrected_by: row.corrected_by,
            source_message_ids: row.sources.iter().map(ToString::to_string).collect(),
            source_conversation_ids: row.said_in.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<Use> for UseBody {
    fn from(row: Use) -> Self {
        Self {
            run_id: row.run.to_string(),
            conversation_id: row.conversation.to_string(),
            at: written(row.at),
            score: row.score,
            rank: row.rank,
        }
    }
}

impl ForgottenBody {
    fn of(id: MemoryId, row: &Forgotten) -> Self {
        Self {
            id: id.to_string(),
            message_id: row.message.map(|id| id.to_string()),
            conversation_id: row.conversation.map(|id| id.to_string()),
            characters: row.characters,
            had_vector: row.had_vector,
        }
    }
}

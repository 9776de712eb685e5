//! Replays: what a run would have said with another model, other instructions or without memory. Nothing is sent.

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
};
use serde::Serialize;
use shared::{
    db::rehearsals::{self, Rehearsal},
    ids::RunId,
};
use similar::{ChangeTag, TextDiff};
use utoipa::ToSchema;

use super::{
    conversations::{find, written},
    drafts::DraftBody,
};
use crate::{
    auth::Operator,
    error::{ApiError, Problem},
    once::{Once, OnceKey},
};

#[derive(Serialize, ToSchema)]
pub struct ReplayBody {
    #[schema(example = "rhr_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// What was asked for; `null`: as the agent has it.
    model: Option<String>,
    instructions: Option<String>,
    memory: bool,
    /// `waiting`, `done` or `failed`.
    state: String,
    answer: Option<String>,
    /// Why there is none.
    reason: Option<String>,
    /// The model that answered.
    answered_by: Option<String>,
    input_tokens: i64,
    output_tokens: i64,
    /// What it was reminded of, best first.
    recalled: Vec<String>,
    /// From what the run said to this answer, word by word; empty while there is none.
    diff: Vec<PieceBody>,
    created_at: String,
    finished_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PieceBody {
    /// `same`, `removed` or `added`.
    kind: &'static str,
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct ReplayList {
    /// What the run said; `null` if it said nothing.
    original: Option<String>,
    /// The newest first, 50 at most.
    items: Vec<ReplayBody>,
}

/// Asks a model what this run would have said. What it is shown is what the run was made from, as it reads today: what was
/// deleted or forgotten since is not shown again. No tool is offered, and nothing goes to the channel.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation_id}/runs/{run_id}/replay",
    params(("conversation_id" = String, Path), ("run_id" = String, Path), OnceKey), request_body = DraftBody,
    responses((status = 202, body = ReplayBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn replay(
    operator: Operator,
    once: Once,
    Path((conversation, run)): Path<(String, String)>,
    body: Result<Json<DraftBody>, JsonRejection>,
) -> Result<(StatusCode, Json<ReplayBody>), ApiError> {
    let Json(body) = body?;
    let with_memory = body.with_memory();
    let draft = body.check()?;
    let mut tx = operator.db.begin().await?;
    let conversation = find(&mut tx, &conversation).await?;
    let run: RunId = run.parse().map_err(|_| ApiError::not_found())?;
    let asked = rehearsals::replay(&mut tx, &operator.actor, (conversation, run), &draft, with_memory).await?;
    once.commit(tx, StatusCode::ACCEPTED, body_of(asked, None)).await
}

/// The replays of a run, and how each differs from what it said.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation_id}/runs/{run_id}/replays",
    params(("conversation_id" = String, Path), ("run_id" = String, Path)),
    responses((status = 200, body = ReplayList), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn list(
    operator: Operator,
    Path((conversation, run)): Path<(String, String)>,
) -> Result<Json<ReplayList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let conversation = find(&mut tx, &conversation).await?;
    let run: RunId = run.parse().map_err(|_| ApiError::not_found())?;
    if !rehearsals::is_run_of(&mut tx, conversation, run).await? {
        return Err(ApiError::not_found());
    }
    let (original, found) = rehearsals::replays(&mut tx, run).await?;
    tx.close().await?;
    let items = found.into_iter().map(|replay| body_of(replay, original.as_deref())).collect();
    Ok(Json(ReplayList { original, items }))
}

pub(super) fn body_of(row: Rehearsal, original: Option<&str>) -> ReplayBody {
    let diff = match (original, row.answer.as_deref()) {
        (Some(original), Some(answer)) => diff(original, answer),
        _ => Vec::new(),
    };
    ReplayBody {
        id: row.id.to_string(),
        model: row.draft.model,
        instructions: row.draft.instructions,
        memory: row.with_memory,
        state: row.state,
        answer: row.answer,
        reason: row.reason,
        answered_by: row.answered_by,
        input_tokens: row.input_tokens,
        output_tokens: row.output_tokens,
        recalled: row.recalled.iter().map(ToString::to_string).collect(),
        diff,
        created_at: written(row.created_at),
        finished_at: row.finished_at.map(written),
    }
}

/// Neighbours of a kind are one piece.
pub(super) fn diff(before: &str, after: &str) -> Vec<PieceBody> {
    let mut pieces: Vec<PieceBody> = Vec::new();
    for change in TextDiff::from_words(before, after).iter_all_changes() {
        let kind = match change.tag() {
            ChangeTag::Equal => "same",
            ChangeTag::Delete => "removed",
            ChangeTag::Insert => "added",
        };
        match pieces.last_mut() {
            Some(last) if last.kind == kind => last.text.push_str(change.value()),
            _ => pieces.push(PieceBody { kind, text: change.value().to_owned() }),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_of_words_and_says_all_of_both() {
        let pieces = diff("The launch is on 14 March.", "The launch moved to 21 March.");
        let told: Vec<(&str, &str)> = pieces.iter().map(|piece| (piece.kind, piece.text.as_str())).collect();
        assert_eq!(told[0], ("same", "The launch "));
        let of = |left_out: &str| {
            told.iter().filter(|(kind, _)| *kind != left_out).map(|(_, text)| *text).collect::<String>()
        };
        assert_eq!(
            (of("added"), of("removed")),
            ("The launch is on 14 March.".into(), "The launch moved to 21 March.".into())
        );
        assert!(diff("", "").is_empty());
    }
}

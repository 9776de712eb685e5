//! Cases: questions with what their answer must contain, cite or hand over. Tried with an agent as it is or as it is drafted;
//! one that blocks keeps other instructions and another model from being taken until it has passed with them.

use axum::{Json, extract::rejection::JsonRejection, http::StatusCode};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        TenantTx, agents,
        rehearsals::cases::{self, Case, Shape, Tried},
    },
    ids::{AgentId, CaseId, TrialId},
};
use utoipa::ToSchema;

use super::{
    drafts::DraftBody,
    replays::{ReplayBody, body_of},
};
use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

const NAME_MAX: usize = 80;
const QUESTION_MAX: usize = 2_000;
const PHRASES_MAX: usize = 20;
const PHRASE_MAX: usize = 200;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseShape {
    #[schema(example = "Hotels")]
    name: String,
    question: String,
    /// Whom it is for; `null`: every agent.
    agent_id: Option<String>,
    /// What the answer must say, in any case of letters; 20 at most.
    must_contain: Option<Vec<String>>,
    /// Titles of documents that the answer must cite; 20 at most.
    must_cite: Option<Vec<String>>,
    /// `true`: a rule must hand it to a human before a model is asked.
    must_escalate: Option<bool>,
    /// `true`: an agent takes no other instructions and no other model until the case has passed with them.
    blocks: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct CaseBody {
    #[schema(example = "cas_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    question: String,
    agent_id: Option<String>,
    must_contain: Vec<String>,
    must_cite: Vec<String>,
    must_escalate: bool,
    blocks: bool,
}

#[derive(Serialize, ToSchema)]
pub struct CaseList {
    /// By name, 100 at most.
    items: Vec<CaseBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunCases {
    agent_id: String,
    /// Which ones; `null`: all that are for the agent.
    case_ids: Option<Vec<String>>,
    /// What is tried; without it the agent as it is.
    draft: Option<DraftBody>,
}

#[derive(Serialize, ToSchema)]
pub struct TrialBody {
    #[schema(example = "trl_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// `waiting` or `done`.
    state: &'static str,
    passed: usize,
    failed: usize,
    /// By the cases' names.
    items: Vec<TriedBody>,
}

#[derive(Serialize, ToSchema)]
pub struct TriedBody {
    case_id: String,
    name: String,
    passed: bool,
    /// What the answer lacks, a sentence each.
    complaints: Vec<String>,
    answer: ReplayBody,
}

/// The tenant's cases.
#[utoipa::path(get, path = "/api/v1/cases", responses((status = 200, body = CaseList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<CaseList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let found = cases::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(CaseList { items: found.into_iter().map(CaseBody::from).collect() }))
}

/// Keeps a case.
#[utoipa::path(post, path = "/api/v1/cases", request_body = CaseShape, params(OnceKey),
    responses((status = 201, body = CaseBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn create(
    admin: Admin,
    once: Once,
    body: Result<Json<CaseShape>, JsonRejection>,
) -> Result<(StatusCode, Json<CaseBody>), ApiError> {
    let Json(body) = body?;
    let shape = shape(body)?;
    let mut tx = admin.0.db.begin().await?;
    let case = cases::create(&mut tx, &admin.0.actor, &shape).await?;
    once.commit(tx, StatusCode::CREATED, case.into()).await
}

/// Says a case anew. What was tried before does not count any more.
#[utoipa::path(put, path = "/api/v1/cases/{case_id}", params(("case_id" = String, Path)), request_body = CaseShape,
    responses((status = 200, body = CaseBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn change(
    admin: Admin,
    PathId(id): PathId<CaseId>,
    body: Result<Json<CaseShape>, JsonRejection>,
) -> Result<Json<CaseBody>, ApiError> {
    let Json(body) = body?;
    let shape = shape(body)?;
    let mut tx = admin.0.db.begin().await?;
    let case = cases::change(&mut tx, &admin.0.actor, id, &shape).await?;
    tx.commit().await?;
    Ok(Json(case.into()))
}

/// Deletes a case with what was tried.
#[utoipa::path(delete, path = "/api/v1/cases/{case_id}", params(("case_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove(admin: Admin, PathId(id): PathId<CaseId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.0.db.begin().await?;
    if !cases::remove(&mut tx, &admin.0.actor, id).await? {
        return Err(ApiError::not_found());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries cases with an agent, as it is or as it is drafted. Nobody is sent the answers.
#[utoipa::path(post, path = "/api/v1/cases/run", request_body = RunCases, params(OnceKey),
    responses((status = 202, body = TrialBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn run(
    operator: Operator,
    once: Once,
    body: Result<Json<RunCases>, JsonRejection>,
) -> Result<(StatusCode, Json<TrialBody>), ApiError> {
    let Json(body) = body?;
    let draft = body.draft.map(DraftBody::check).transpose()?.unwrap_or_default();
    let agent: AgentId = body.agent_id.parse().map_err(|_| ApiError::not_found())?;
    let only = body.case_ids.map(|ids| {
        ids.iter().map(|id| id.parse().map_err(|_| ApiError::not_found())).collect::<Result<Vec<CaseId>, _>>()
    });
    let only = only.transpose()?;
    let mut tx = operator.db.begin().await?;
    let (trial, _) = cases::run(&mut tx, &operator.actor, agent, &draft, only.as_deref()).await?;
    let tried = cases::tried(&mut tx, trial).await?;
    once.commit(tx, StatusCode::ACCEPTED, trial_body(trial, tried)).await
}

/// What became of cases that were tried together.
#[utoipa::path(get, path = "/api/v1/cases/trials/{trial_id}", params(("trial_id" = String, Path)),
    responses((status = 200, body = TrialBody), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn trial(operator: Operator, PathId(id): PathId<TrialId>) -> Result<Json<TrialBody>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let tried = cases::tried(&mut tx, id).await?;
    tx.close().await?;
    if tried.is_empty() { Err(ApiError::not_found()) } else { Ok(Json(trial_body(id, tried))) }
}

/// Refuses other instructions or another model while a case stands in the way. `before`: the agent as it was; a new one has
/// nothing that a case could have been tried with.
pub async fn allow(
    tx: &mut TenantTx,
    before: Option<&agents::Agent>,
    agent: &agents::Agent,
) -> Result<(), ApiError> {
    let Some(before) = before else { return Ok(()) };
    if (&before.instructions, &before.model) == (&agent.instructions, &agent.model) {
        return Ok(());
    }
    let hash = cases::draft_hash(agent, &shared::db::rehearsals::Draft::default());
    let names = cases::in_the_way(tx, agent.id, &hash).await?;
    let Some(first) = names.first() else { return Ok(()) };
    let more = if names.len() > 1 { format!(" (and {} more)", names.len() - 1) } else { String::new() };
    Err(ApiError::new(
        StatusCode::CONFLICT,
        "case_failed",
        format!(
            "The case `{first}`{more} has not passed with these instructions and this model: try it with `POST \
             /api/v1/cases/run` and the same draft, or let it no longer block."
        ),
    ))
}

fn shape(body: CaseShape) -> Result<Shape, ApiError> {
    let name = text("name", &body.name, NAME_MAX)?;
    let question = text("question", &body.question, QUESTION_MAX)?;
    let agent = body.agent_id.as_deref().map(str::parse).transpose();
    let shape = Shape {
        name,
        question,
        agent: agent.map_err(|_| ApiError::not_found())?,
        must_contain: phrases("must_contain", body.must_contain)?,
        must_cite: phrases("must_cite", body.must_cite)?,
        must_escalate: body.must_escalate.unwrap_or(false),
        blocks: body.blocks.unwrap_or(false),
    };
    let of_answer = shape.must_contain.len() + shape.must_cite.len();
    match (shape.must_escalate, of_answer) {
        (false, 0) => Err(ApiError::invalid("A case needs `must_contain`, `must_cite` or `must_escalate`.")),
        (true, 1..) => Err(ApiError::invalid(
            "With `must_escalate` there is no answer that `must_contain` or `must_cite` could be held against.",
        )),
        _ => Ok(shape),
    }
}

fn phrases(field: &str, given: Option<Vec<String>>) -> Result<Vec<String>, ApiError> {
    let given = given.unwrap_or_default();
    if given.len() > PHRASES_MAX {
        return Err(ApiError::invalid(format!("`{field}` may have {PHRASES_MAX} entries at most.")));
    }
    given.iter().map(|phrase| text(field, phrase, PHRASE_MAX)).collect()
}

fn text(field: &str, given: &str, most: usize) -> Result<String, ApiError> {
    let text = given.trim();
    if text.is_empty() || text.chars().count() > most || text.contains('\0') {
        return Err(ApiError::invalid(format!(
            "`{field}` must have 1 to {most} characters, none of them U+0000."
        )));
    }
    Ok(text.to_owned())
}

fn trial_body(id: TrialId, tried: Vec<Tried>) -> TrialBody {
    let waits = tried.iter().any(|tried| tried.answer.state == "waiting");
    let passed = tried.iter().filter(|tried| tried.has_passed()).count();
    let ended = tried.iter().filter(|tried| tried.answer.state != "waiting").count();
    let body = |tried: Tried| TriedBody {
        case_id: tried.case.to_string(),
        passed: tried.has_passed(),
        name: tried.name,
        complaints: tried.complaints,
        answer: body_of(tried.answer, None),
    };
    TrialBody {
        id: id.to_string(),
        state: if waits { "waiting" } else { "done" },
        passed,
        failed: ended - passed,
        items: tried.into_iter().map(body).collect(),
    }
}

impl From<Case> for CaseBody {
    fn from(row: Case) -> Self {
        let shape = row.shape;
        Self {
            id: row.id.to_string(),
            name: shape.name,
            question: shape.question,
            agent_id: shape.agent.map(|agent| agent.to_string()),
            must_contain: shape.must_contain,
            must_cite: shape.must_cite,
            must_escalate: shape.must_escalate,
            blocks: shape.blocks,
        }
    }
}

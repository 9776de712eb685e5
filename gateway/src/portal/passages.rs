//! `/api/v1/knowledge/search`: documents, searched as an agent does before it answers.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        Audience, agents,
        memories::{self, Kind, Question, Recalled},
    },
    embedding::DIMENSIONS,
    ids::AgentId,
};
use utoipa::{IntoParams, ToSchema};

use super::knowledge::label;
use crate::{
    Gateway,
    auth::Operator,
    error::{ApiError, Problem},
};

const PASSAGES_MAX: i64 = 10;
const TERMS_MAX: usize = 40;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Sought {
    /// A question, in the words somebody would ask an agent in.
    q: String,
    /// Who is asked; without it, only what all of the tenant's agents may read is searched.
    agent_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PassageList {
    /// At most 10, the best first.
    items: Vec<PassageBody>,
    /// `false`: the question was looked for by its words only, not by its meaning.
    by_meaning: bool,
}

#[derive(Serialize, ToSchema)]
pub struct PassageBody {
    id: String,
    /// What an answer cites it as.
    title: String,
    text: String,
    score: f64,
}

/// Searches the documents as an agent does before it answers: the same statement, under the same right to read.
#[utoipa::path(get, path = "/api/v1/knowledge/search", params(Sought),
    responses((status = 200, body = PassageList), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 404, body = Problem)))]
pub async fn search(
    State(gateway): State<Gateway>,
    operator: Operator,
    sought: Result<Query<Sought>, QueryRejection>,
) -> Result<Json<PassageList>, ApiError> {
    let Query(sought) =
        sought.map_err(|_| ApiError::invalid("The query must have `q`, and may have `agent_id` only."))?;
    let question = label("q", &sought.q)?;
    let agent = sought.agent_id.as_deref().map(str::parse::<AgentId>).transpose();
    let agent = agent.map_err(|error| ApiError::invalid(format!("`agent_id`: {error}.")))?;
    let mut audiences = vec![Audience::Agents];
    if let Some(agent) = agent {
        let mut tx = operator.db.begin().await?;
        agents::find(&mut tx, agent).await?.ok_or_else(ApiError::not_found)?;
        tx.close().await?;
        audiences.push(Audience::Agent(agent));
    }
    let terms = terms(&question);
    // Before the transaction: the first question of a process loads the model.
    let vector = gateway.embedder.embed_question(operator.db.id(), question).await;
    if let Err(error) = &vector {
        tracing::error!(%error, "A question to the documents could not be embedded");
    }
    let by_meaning = vector.is_ok();
    let vector = vector.unwrap_or_else(|_| vec![0.0; DIMENSIONS]);
    let sought = Question { vector: &vector, terms: &terms, limit: PASSAGES_MAX, ..Question::default() };
    let mut tx = operator.db.begin_for(&audiences).await?;
    let found = memories::search(&mut tx, &sought).await?;
    tx.close().await?;
    let items = found.into_iter().filter_map(PassageBody::of).collect();
    Ok(Json(PassageList { items, by_meaning }))
}

/// Its longer words: any of them counts.
fn terms(question: &str) -> String {
    let words = question.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.chars().count() > 2);
    words.take(TERMS_MAX).collect::<Vec<_>>().join(" or ")
}

impl PassageBody {
    fn of(found: Recalled) -> Option<Self> {
        let Kind::Passage { title } = found.kind else { return None };
        Some(Self { id: found.id.to_string(), title, text: found.body, score: found.score })
    }
}

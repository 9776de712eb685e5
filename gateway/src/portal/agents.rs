//! AI employees: who answers, and how.

use axum::{Json, extract::rejection::JsonRejection};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::db::{
    agents::{self, Agent, AgentShape},
    audit,
};
use utoipa::ToSchema;

use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
};

const NAME_MAX: usize = 80;
const INSTRUCTIONS_MAX: usize = 20_000;
const SHORT_TEXT_MAX: usize = 500;

#[derive(Serialize, ToSchema)]
pub struct AgentBody {
    #[schema(example = "agt_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    role: String,
    tone: String,
    instructions: String,
    /// `null`: the platform's configured model.
    model: Option<String>,
    is_default: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShapeAgent {
    #[schema(example = "Kona")]
    name: String,
    role: Option<String>,
    tone: Option<String>,
    instructions: Option<String>,
    model: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AgentList {
    items: Vec<AgentBody>,
}

/// The tenant's agents; the first one answers unless told otherwise.
#[utoipa::path(get, path = "/api/v1/agents", responses((status = 200, body = AgentList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<AgentList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = agents::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(AgentList { items: items.into_iter().map(AgentBody::from).collect() }))
}

/// Creates the agent with this name, or changes the given fields of it.
#[utoipa::path(put, path = "/api/v1/agents", request_body = ShapeAgent,
    responses((status = 200, body = AgentBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn shape(
    admin: Admin,
    body: Result<Json<ShapeAgent>, JsonRejection>,
) -> Result<Json<AgentBody>, ApiError> {
    let Json(body) = body?;
    check(&body)?;
    let shape =
        AgentShape { role: body.role, tone: body.tone, instructions: body.instructions, model: body.model };
    let mut tx = admin.0.db.begin().await?;
    let agent = agents::shape(&mut tx, body.name.trim(), &shape).await?;
    let target = ("agent", agent.id.to_string());
    audit::append(&mut tx, &admin.0.actor, "agent.shape", (target.0, &target.1), json!({ "name": agent.name }))
        .await?;
    tx.commit().await?;
    Ok(Json(agent.into()))
}

pub(crate) fn check(body: &ShapeAgent) -> Result<(), ApiError> {
    let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count());
    if body.name.trim().is_empty() || body.name.chars().count() > NAME_MAX {
        return Err(ApiError::invalid(format!("`name` must have 1 to {NAME_MAX} characters.")));
    }
    if length(&body.instructions) > INSTRUCTIONS_MAX {
        return Err(ApiError::invalid(format!("`instructions` may have {INSTRUCTIONS_MAX} characters at most.")));
    }
    if [&body.role, &body.tone, &body.model].into_iter().any(|text| length(text) > SHORT_TEXT_MAX) {
        return Err(ApiError::invalid(format!(
            "`role`, `tone` and `model` may have {SHORT_TEXT_MAX} characters at most."
        )));
    }
    let texts = [
        Some(&body.name),
        body.role.as_ref(),
        body.tone.as_ref(),
        body.instructions.as_ref(),
        body.model.as_ref(),
    ];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        return Err(ApiError::invalid("A text may not contain the character U+0000."));
    }
    Ok(())
}

impl From<Agent> for AgentBody {
    fn from(agent: Agent) -> Self {
        Self {
            id: agent.id.to_string(),
            name: agent.name,
            role: agent.role,
            tone: agent.tone,
            instructions: agent.instructions,
            model: agent.model,
            is_default: agent.is_default,
        }
    }
}

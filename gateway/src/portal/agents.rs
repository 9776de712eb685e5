//! AI employees: who answers, and how.

use std::ops::RangeInclusive;

use axum::{
    Json,
    extract::rejection::JsonRejection,
    http::{HeaderMap, HeaderName, header},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use shared::{
    db::{
        TenantTx,
        agent_versions::{self, AgentVersion},
        agents::{self, Agent, AgentShape},
        audit::{self, Actor},
        llm_keys::{self, MODELS_MAX, ModelChoice},
        tools::{self, GRANTS_MAX, Grant},
    },
    ids::AgentId,
    tools::BUILT_IN,
};
use utoipa::ToSchema;

use super::{cases, conversations::written};
use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    path_id::PathId,
};

const NAME_MAX: usize = 80;
pub(super) const INSTRUCTIONS_MAX: usize = 20_000;
pub(super) const SHORT_TEXT_MAX: usize = 500;
const TEMPERATURE_MAX: f64 = 2.0;
const ANSWER_TOKENS: RangeInclusive<i32> = 50..=8_000;

#[derive(Serialize, ToSchema)]
pub struct AgentBody {
    #[schema(example = "agt_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    role: String,
    tone: String,
    instructions: String,
    /// `null`: the platform's configured model, or that of the tenant's default key.
    model: Option<String>,
    /// What answers, in order; empty: the tenant's default key, or else the platform's models.
    models: Vec<ModelBody>,
    /// How freely its model chooses words; `null`: as the provider has it.
    #[schema(example = 0.3)]
    temperature: Option<f64>,
    /// How many tokens an answer may have; `null`: as the platform has it.
    #[schema(example = 800)]
    answer_tokens: Option<i32>,
    /// What it may use besides words: names of the product's own tools, ids of the tenant's.
    #[schema(example = json!(["calculator", "tol_01k9z3w6h8f2m5x7q4r1t0v9sb"]))]
    tools: Vec<String>,
    is_default: bool,
    /// Counts its changes; send it as `If-Match` with the next one. 0: never changed since versions are kept.
    version: i32,
}

/// What an agent was made by one change.
#[derive(Serialize, ToSchema)]
pub struct AgentVersionBody {
    version: i32,
    role: String,
    tone: String,
    instructions: String,
    model: Option<String>,
    models: Vec<ModelBody>,
    temperature: Option<f64>,
    answer_tokens: Option<i32>,
    tools: Vec<String>,
    /// A member's or a key's id, or `konstruct`: it was so before versions were kept.
    changed_by: String,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct AgentVersionList {
    /// The newest first, at most 200: the first one is how the agent is now.
    items: Vec<AgentVersionBody>,
}

/// What is kept of a version.
#[derive(Serialize, Deserialize)]
struct Kept {
    role: String,
    tone: String,
    instructions: String,
    model: Option<String>,
    models: Vec<ModelBody>,
    // Not in what was kept before there were any.
    temperature: Option<f64>,
    answer_tokens: Option<i32>,
    tools: Vec<String>,
}

/// One model of an agent's order.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelBody {
    /// One of the tenant's model keys; `null`: the platform's.
    #[schema(example = "lky_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    llm_key: Option<String>,
    #[schema(example = "gpt-4.1-mini")]
    model: String,
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
    /// What answers, in order: 8 at most. Replaces the agent's list; empty: the tenant's default key, or else the platform's
    /// models. The platform's models follow a key of the tenant's own only if they are named here.
    models: Option<Vec<ModelBody>>,
    /// How freely its model chooses words: 0, always the likeliest, to 2. `null`: as the provider has it. Models that take none
    /// are asked without.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 2, example = 0.3)]
    temperature: Option<Option<f64>>,
    /// How many tokens an answer may have, from 50 to 8,000. `null`: as the platform has it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i32>, minimum = 50, maximum = 8000, example = 800)]
    answer_tokens: Option<Option<i32>>,
    /// What it may use besides words: names of the product's own tools, ids of the tenant's, 20 at most. Replaces the agent's
    /// list; empty: nothing.
    tools: Option<Vec<String>>,
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
    let known = Known::read(&mut tx).await?;
    tx.close().await?;
    Ok(Json(AgentList { items: items.into_iter().map(|agent| agent_body(agent, &known)).collect() }))
}

/// What an agent was. To take a version back, send it as a change.
#[utoipa::path(get, path = "/api/v1/agents/{agent_id}/versions", params(("agent_id" = String, Path)),
    responses((status = 200, body = AgentVersionList), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn versions(
    operator: Operator,
    PathId(id): PathId<AgentId>,
) -> Result<Json<AgentVersionList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    agents::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    let found = agent_versions::list(&mut tx, id).await?;
    tx.close().await?;
    let items = found.into_iter().map(version_body).collect::<Result<_, _>>()?;
    Ok(Json(AgentVersionList { items }))
}

/// Creates the agent with this name, or changes the given fields of it. With `If-Match`, only if it is still at that version:
/// `412` says that somebody has changed it meanwhile.
#[utoipa::path(put, path = "/api/v1/agents", request_body = ShapeAgent,
    params(("if-match" = Option<String>, Header, description = "The version that was seen, in quotes: `\"3\"`.")),
    responses((status = 200, body = AgentBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 412, body = Problem)))]
pub async fn shape(
    admin: Admin,
    headers: HeaderMap,
    body: Result<Json<ShapeAgent>, JsonRejection>,
) -> Result<([(HeaderName, String); 1], Json<AgentBody>), ApiError> {
    let Json(body) = body?;
    let seen = seen(&headers)?;
    check(&body)?;
    let chosen = body.models.as_ref().map(|models| choices(models)).transpose()?;
    let granted = body.tools.as_ref().map(|tools| grants(tools)).transpose()?;
    let shape = AgentShape {
        role: body.role,
        tone: body.tone,
        instructions: body.instructions,
        model: body.model,
        temperature: body.temperature,
        answer_tokens: body.answer_tokens,
    };
    let (actor, name) = (&admin.0.actor, body.name.trim());
    let mut tx = admin.0.db.begin().await?;
    let known = agent_versions::lock(&mut tx, name).await?;
    if seen.is_some_and(|seen| known.is_none_or(|(_, version)| version != seen)) {
        return Err(ApiError::changed_meanwhile());
    }
    if let Some((id, 0)) = known {
        keep_former(&mut tx, id).await?;
    }
    let before = agents::named(&mut tx, name).await?;
    let agent = agents::shape(&mut tx, name, &shape).await?;
    cases::allow(&mut tx, before.as_ref(), &agent).await?;
    // Of two who made it at once, one made its first version.
    let version = agent_versions::latest(&mut tx, agent.id).await? + 1;
    let mut detail = json!({ "name": agent.name, "version": version });
    if let Some(chosen) = &chosen {
        llm_keys::set_models(&mut tx, agent.id, chosen).await?;
        detail["models"] = json!(chosen.iter().map(|choice| &choice.model).collect::<Vec<_>>());
    }
    if let Some(granted) = &granted {
        tools::set_grants(&mut tx, agent.id, granted).await?;
        detail["tools"] = json!(granted.iter().map(granted_name).collect::<Vec<_>>());
    }
    audit::append(&mut tx, actor, "agent.shape", ("agent", &agent.id.to_string()), detail).await?;
    let known = Known::read(&mut tx).await?;
    let id = agent.id;
    let body = AgentBody { version, ..agent_body(agent, &known) };
    agent_versions::keep(&mut tx, actor, (id, version), &kept(&body)).await?;
    tx.commit().await?;
    Ok(([(header::ETAG, format!("\"{version}\""))], Json(body)))
}

/// What it was before its first change is taken back like any other.
async fn keep_former(tx: &mut TenantTx, id: AgentId) -> Result<(), ApiError> {
    let agent = agents::find(tx, id).await?.ok_or_else(ApiError::not_found)?;
    let former = agent_body(agent, &Known::read(tx).await?);
    Ok(agent_versions::keep(tx, &Actor::System, (id, 1), &kept(&former)).await?)
}

/// The version that whoever changes it has seen.
fn seen(headers: &HeaderMap) -> Result<Option<i32>, ApiError> {
    let Some(given) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let version = given.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
    version
        .map(Some)
        .ok_or_else(|| ApiError::invalid("`If-Match` must be an agent's `version` in quotes: `\"3\"`."))
}

fn kept(body: &AgentBody) -> Value {
    json!({ "role": body.role, "tone": body.tone, "instructions": body.instructions, "model": body.model,
            "models": body.models, "temperature": body.temperature, "answer_tokens": body.answer_tokens,
            "tools": body.tools })
}

fn version_body(row: AgentVersion) -> Result<AgentVersionBody, ApiError> {
    let kept: Kept = serde_json::from_value(row.shape).map_err(|_| ApiError::internal())?;
    Ok(AgentVersionBody {
        version: row.version,
        role: kept.role,
        tone: kept.tone,
        instructions: kept.instructions,
        model: kept.model,
        models: kept.models,
        temperature: kept.temperature,
        answer_tokens: kept.answer_tokens,
        tools: kept.tools,
        changed_by: row.actor,
        created_at: written(row.created_at),
    })
}

/// What is there, `null` included: that takes a value back, and what is not there leaves it.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
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
    if body.temperature.flatten().is_some_and(|temperature| !(0.0..=TEMPERATURE_MAX).contains(&temperature)) {
        return Err(ApiError::invalid(format!("`temperature` must be from 0 to {TEMPERATURE_MAX}.")));
    }
    if body.answer_tokens.flatten().is_some_and(|tokens| !ANSWER_TOKENS.contains(&tokens)) {
        let (least, most) = (ANSWER_TOKENS.start(), ANSWER_TOKENS.end());
        return Err(ApiError::invalid(format!("`answer_tokens` must be from {least} to {most}.")));
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

fn choices(models: &[ModelBody]) -> Result<Vec<ModelChoice>, ApiError> {
    if models.len() > MODELS_MAX {
        return Err(ApiError::invalid(format!("`models` may have {MODELS_MAX} entries at most.")));
    }
    let choice = |body: &ModelBody| {
        let key = body.llm_key.as_deref().map(str::parse).transpose();
        let key = key.map_err(|error| ApiError::invalid(format!("`llm_key`: {error}.")))?;
        let model = body.model.trim();
        if model.is_empty() || model.chars().count() > SHORT_TEXT_MAX || model.chars().any(char::is_control) {
            return Err(ApiError::invalid(format!("A model's name must have 1 to {SHORT_TEXT_MAX} characters.")));
        }
        Ok(ModelChoice { key, model: model.to_owned() })
    };
    models.iter().map(choice).collect()
}

fn grants(tools: &[String]) -> Result<Vec<Grant>, ApiError> {
    if tools.len() > GRANTS_MAX {
        return Err(ApiError::invalid(format!("`tools` may have {GRANTS_MAX} entries at most.")));
    }
    let grant = |(at, tool): (usize, &String)| {
        if tools[..at].contains(tool) {
            return Err(ApiError::invalid("`tools` names one twice."));
        }
        if BUILT_IN.contains(&tool.as_str()) {
            return Ok(Grant::BuiltIn(tool.clone()));
        }
        let names = BUILT_IN.join("`, `");
        let id = tool
            .parse()
            .map_err(|_| ApiError::invalid(format!("`tools` may hold `{names}` and ids of the tenant's tools.")));
        id.map(Grant::Own)
    };
    tools.iter().enumerate().map(grant).collect()
}

fn granted_name(grant: &Grant) -> String {
    match grant {
        Grant::BuiltIn(name) => name.clone(),
        Grant::Own(id) => id.to_string(),
    }
}

/// What stands beside the agents.
struct Known {
    models: Vec<(AgentId, ModelChoice)>,
    grants: Vec<(AgentId, Grant)>,
    versions: Vec<(AgentId, i32)>,
}

impl Known {
    async fn read(tx: &mut TenantTx) -> Result<Self, ApiError> {
        let (models, grants) = (llm_keys::models(tx).await?, tools::grants(tx).await?);
        Ok(Self { models, grants, versions: agent_versions::current(tx).await? })
    }
}

fn agent_body(agent: Agent, known: &Known) -> AgentBody {
    let own = known.models.iter().filter(|(id, _)| *id == agent.id);
    let granted = known.grants.iter().filter(|(id, _)| *id == agent.id);
    let body = |(_, choice): &(AgentId, ModelChoice)| ModelBody {
        llm_key: choice.key.map(|key| key.to_string()),
        model: choice.model.clone(),
    };
    AgentBody {
        id: agent.id.to_string(),
        name: agent.name,
        role: agent.role,
        tone: agent.tone,
        instructions: agent.instructions,
        model: agent.model,
        models: own.map(body).collect(),
        temperature: agent.manner.temperature,
        answer_tokens: agent.manner.answer_tokens,
        tools: granted.map(|(_, grant)| granted_name(grant)).collect(),
        is_default: agent.is_default,
        version: known.versions.iter().find(|(id, _)| *id == agent.id).map_or(0, |(_, version)| *version),
    }
}

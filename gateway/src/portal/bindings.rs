//! Which agent answers on a connection, in a channel, or to a keyword.

use axum::{
    Json,
    extract::{Query, rejection::JsonRejection, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    db::{
        agents, audit,
        bindings::{self, Asked, BINDINGS_MAX, Binding},
    },
    ids::{AgentId, ConnectionId},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
};

const KEYWORD_MAX: usize = 80;
pub(crate) const CHANNEL_MAX: usize = 64;
const TEXT_MAX: usize = 4_000;

/// At least one of `connection` and `keyword` is needed: without both it would be the default agent.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindingBody {
    #[schema(example = "con_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    connection: Option<String>,
    /// The platform's id of a channel of the connection.
    #[schema(example = "C024BE91L")]
    channel: Option<String>,
    /// A word or words that occur in the question, whatever their case.
    #[schema(example = "refund")]
    keyword: Option<String>,
    #[schema(example = "agt_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    agent: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindingList {
    items: Vec<BindingBody>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Question {
    connection: String,
    /// The platform's id of the channel.
    channel: String,
    /// What is asked.
    #[serde(default)]
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct Explained {
    agent: String,
    agent_name: String,
    /// `channel_and_keyword`, `channel`, `keyword`, `connection` or `default`. A thread in which an agent has answered
    /// stays with it.
    because: &'static str,
}

/// The tenant's bindings.
#[utoipa::path(get, path = "/api/v1/bindings", responses((status = 200, body = BindingList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<BindingList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = bindings::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(BindingList { items: items.into_iter().map(BindingBody::from).collect() }))
}

/// Replaces all bindings. The narrower one wins: channel and keyword, channel, keyword, connection, the default agent.
#[utoipa::path(put, path = "/api/v1/bindings", request_body = BindingList,
    responses((status = 200, body = BindingList), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn replace(
    admin: Admin,
    body: Result<Json<BindingList>, JsonRejection>,
) -> Result<Json<BindingList>, ApiError> {
    let Json(BindingList { items }) = body?;
    if items.len() > BINDINGS_MAX {
        return Err(ApiError::invalid(format!("There may be {BINDINGS_MAX} bindings at most.")));
    }
    let given: Vec<Binding> = items.into_iter().map(binding).collect::<Result<_, _>>()?;
    let mut tx = admin.0.db.begin().await?;
    bindings::replace(&mut tx, &given).await?;
    let detail = json!({ "count": given.len() });
    audit::append(&mut tx, &admin.0.actor, "bindings.replace", ("tenant", &admin.0.tenant.to_string()), detail)
        .await?;
    let items = bindings::list(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(BindingList { items: items.into_iter().map(BindingBody::from).collect() }))
}

/// Who would answer a new question, and why.
#[utoipa::path(get, path = "/api/v1/bindings/explain", params(Question),
    responses((status = 200, body = Explained), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 404, body = Problem)))]
pub async fn explain(
    operator: Operator,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Json<Explained>, ApiError> {
    let Query(question) = question.map_err(|refusal| ApiError::invalid(refusal.body_text()))?;
    let asked = Asked {
        connection: connection(&question.connection)?,
        channel: channel(&question.channel)?,
        text: &question.text,
        thread_agent: None,
    };
    if question.text.chars().count() > TEXT_MAX {
        return Err(ApiError::invalid(format!("`text` may have {TEXT_MAX} characters at most.")));
    }
    let mut tx = operator.db.begin().await?;
    let (bound, agents) = (bindings::list(&mut tx).await?, agents::list(&mut tx).await?);
    tx.close().await?;
    let chosen = bindings::choose(&bound, &asked);
    let agent = match chosen {
        Some((id, _)) => agents.into_iter().find(|agent| agent.id == id),
        None => agents.into_iter().find(|agent| agent.is_default),
    };
    let agent = agent.ok_or_else(ApiError::not_found)?;
    let because = chosen.map_or("default", |(_, because)| because.as_str());
    Ok(Json(Explained { agent: agent.id.to_string(), agent_name: agent.name, because }))
}

fn binding(body: BindingBody) -> Result<Binding, ApiError> {
    let keyword = body.keyword.map(|keyword| keyword.trim().to_lowercase());
    let usable = |keyword: &String| keyword.chars().count() <= KEYWORD_MAX && bindings::is_keyword(keyword);
    if keyword.as_ref().is_some_and(|keyword| !usable(keyword) || keyword.contains('\0')) {
        return Err(ApiError::invalid(format!(
            "`keyword` must be a word or words, {KEYWORD_MAX} characters at most."
        )));
    }
    if body.connection.is_none() && (keyword.is_none() || body.channel.is_some()) {
        return Err(ApiError::invalid(
            "A binding needs a `connection` or a `keyword`, and a `channel` a `connection`.",
        ));
    }
    let channel = body.channel.as_deref().map(channel).transpose()?.map(str::to_owned);
    let agent = body.agent.parse::<AgentId>().map_err(|error| ApiError::invalid(format!("`agent`: {error}.")))?;
    let connection = body.connection.as_deref().map(connection).transpose()?;
    Ok(Binding { connection, channel, keyword, agent })
}

pub(crate) fn connection(id: &str) -> Result<ConnectionId, ApiError> {
    id.parse().map_err(|error| ApiError::invalid(format!("`connection`: {error}.")))
}

/// A provider's id of a channel: what else it held could not be one.
pub(crate) fn channel(id: &str) -> Result<&str, ApiError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if id.is_empty() || id.len() > CHANNEL_MAX || !id.bytes().all(plain) {
        return Err(ApiError::invalid("`channel` must be the platform's id of a channel, such as `C024BE91L`."));
    }
    Ok(id)
}

impl From<Binding> for BindingBody {
    fn from(binding: Binding) -> Self {
        Self {
            connection: binding.connection.map(|id| id.to_string()),
            channel: binding.channel,
            keyword: binding.keyword,
            agent: binding.agent.to_string(),
        }
    }
}

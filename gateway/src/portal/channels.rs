//! A tenant's channels, and how strangers are treated there.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::db::{
    audit,
    channels::{self, Channel},
    connections::{self, Outsiders, Policy},
};
use utoipa::ToSchema;

use super::bindings;
use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
};

#[derive(Serialize, ToSchema)]
pub struct ChannelBody {
    connection: String,
    /// The platform's id.
    channel: String,
    name: String,
    /// `public`, `private`, `group_direct` or `unknown`.
    kind: String,
    /// `open`, `left`, `archived` or `deleted`.
    state: String,
    /// People of other companies read along.
    shared: bool,
}

#[derive(Serialize, ToSchema)]
pub struct ChannelList {
    items: Vec<ChannelBody>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyBody {
    /// What happens to what guests and people of other companies ask: `ignore`, `answer_without_memory` (never from what
    /// insiders said elsewhere) or `like_members`.
    outsiders: Strangers,
    /// Other bots that name the agent are answered, three times in an hour without a person's word.
    answers_bots: bool,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strangers {
    Ignore,
    AnswerWithoutMemory,
    LikeMembers,
}

/// The channels people spoke in with the agent; no direct messages.
#[utoipa::path(get, path = "/api/v1/channels", responses((status = 200, body = ChannelList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<ChannelList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = channels::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(ChannelList { items: items.into_iter().map(ChannelBody::from).collect() }))
}

/// How a connection treats guests, people of other companies, and other bots.
#[utoipa::path(get, path = "/api/v1/connections/{id}/policy",
    responses((status = 200, body = PolicyBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 404, body = Problem)))]
pub async fn policy(operator: Operator, Path(id): Path<String>) -> Result<Json<PolicyBody>, ApiError> {
    let connection = bindings::connection(&id)?;
    let mut tx = operator.db.begin().await?;
    let policy = connections::policy(&mut tx, connection).await?;
    tx.close().await?;
    Ok(Json(policy.into()))
}

/// Sets it; other processes follow within five seconds.
#[utoipa::path(put, path = "/api/v1/connections/{id}/policy", request_body = PolicyBody,
    responses((status = 200, body = PolicyBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn set_policy(
    admin: Admin,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    body: Result<Json<PolicyBody>, JsonRejection>,
) -> Result<Json<PolicyBody>, ApiError> {
    let Json(body) = body?;
    let connection = bindings::connection(&id)?;
    let policy = Policy::from(body);
    let mut tx = admin.0.db.begin().await?;
    connections::set_policy(&mut tx, connection, policy).await?;
    let detail = json!({ "outsiders": policy.outsiders, "answers_bots": policy.answers_bots });
    audit::append(&mut tx, &admin.0.actor, "connection.policy", ("connection", &connection.to_string()), detail)
        .await?;
    tx.commit().await?;
    gateway.routes.invalidate_all();
    Ok(Json(policy.into()))
}

impl From<Channel> for ChannelBody {
    fn from(channel: Channel) -> Self {
        Self {
            connection: channel.connection.to_string(),
            channel: channel.external_id,
            name: channel.name,
            kind: channel.kind,
            state: channel.state,
            shared: channel.shared,
        }
    }
}

impl From<PolicyBody> for Policy {
    fn from(body: PolicyBody) -> Self {
        let outsiders = match body.outsiders {
            Strangers::Ignore => Outsiders::Ignore,
            Strangers::AnswerWithoutMemory => Outsiders::AnswerWithoutMemory,
            Strangers::LikeMembers => Outsiders::LikeMembers,
        };
        Self { outsiders, answers_bots: body.answers_bots }
    }
}

impl From<Policy> for PolicyBody {
    fn from(policy: Policy) -> Self {
        let outsiders = match policy.outsiders {
            Outsiders::Ignore => Strangers::Ignore,
            Outsiders::AnswerWithoutMemory => Strangers::AnswerWithoutMemory,
            Outsiders::LikeMembers => Strangers::LikeMembers,
        };
        Self { outsiders, answers_bots: policy.answers_bots }
    }
}

//! Servers of others that bring tools along, by the Model Context Protocol. Their tools are among `tools`, as writes that nobody
//! was granted, until an admin says otherwise.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    db::mcp_servers::{self, Looked, NAME_MAX, New, Remote, Server},
    ids::{McpServerId, ToolId},
    mcp::{self, Endpoint, Listed},
    model_check,
    tools::{address::Template, is_name},
};
use url::Url;
use utoipa::ToSchema;

use super::conversations::written;
use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

const TOKEN_MAX: usize = 2_000;

#[derive(Serialize, ToSchema)]
pub struct McpServerBody {
    #[schema(example = "mcp_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    url: String,
    /// The token's last four characters; empty for a short one.
    token_hint: Option<String>,
    created_by: String,
    created_at: String,
    /// When its tools were looked at last.
    looked_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct McpServerList {
    /// Oldest first.
    items: Vec<McpServerBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMcpServer {
    /// Small letters, digits and `_`, 15 at most: it stands before its tools' names.
    #[schema(example = "tickets")]
    name: String,
    /// Where it speaks streamable HTTP.
    #[schema(example = "https://mcp.example.com/mcp")]
    url: String,
    /// Sent as a bearer token.
    #[schema(value_type = Option<String>)]
    token: Option<SecretString>,
}

#[derive(Serialize, ToSchema)]
pub struct LookedAt {
    server: McpServerBody,
    /// Tools that came in.
    new: usize,
    /// Tools that are not what was seen before, and are out of use until they are confirmed.
    locked: usize,
    left_out: Vec<LeftOut>,
}

#[derive(Serialize, ToSchema)]
pub struct LeftOut {
    /// As the server calls it.
    name: String,
    why: String,
}

/// A tool that a server brought along. Only `class` and `enabled` can be changed.
#[derive(Serialize, ToSchema)]
pub struct RemoteBody {
    #[schema(example = "mcp_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// What the server calls it.
    name: String,
    /// The server's own word that it only reads. Nothing depends on it.
    read_only_hint: bool,
    /// Since when it is out of use, because its server describes it otherwise than before.
    locked_at: Option<String>,
    /// What it would be once it is confirmed; `null`: nothing changed, it is gone, or the server was not looked at since.
    seen: Option<SeenBody>,
}

#[derive(Serialize, ToSchema)]
pub struct SeenBody {
    description: String,
    #[schema(value_type = Object)]
    arguments: Value,
    digest: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The `digest` of `seen`, which says what was looked at.
    digest: String,
}

/// The tenant's tool servers.
#[utoipa::path(get, path = "/api/v1/mcp-servers",
    responses((status = 200, body = McpServerList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<McpServerList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = mcp_servers::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(McpServerList { items: items.into_iter().map(McpServerBody::from).collect() }))
}

/// Connects a server and looks at its tools. No agent may use one until it is granted.
#[utoipa::path(post, path = "/api/v1/mcp-servers", request_body = NewMcpServer, params(OnceKey),
    responses((status = 201, body = LookedAt), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem)))]
pub async fn connect(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    once: Once,
    body: Result<Json<NewMcpServer>, JsonRejection>,
) -> Result<(StatusCode, Json<LookedAt>), ApiError> {
    let Json(body) = body?;
    if !is_name(&body.name) || body.name.len() > NAME_MAX {
        return Err(ApiError::invalid(format!(
            "`name` must have 1 to {NAME_MAX} small letters, digits or `_`, and begin with a letter."
        )));
    }
    let url = address(&body.url)?;
    let hint = body.token.as_ref().map(checked).transpose()?;
    let listed = look(&gateway, &url, body.token.as_ref()).await?;
    let token = body.token.as_ref().zip(hint.as_deref());
    let mut tx = admin.db.begin().await?;
    let new = New { name: &body.name, url: url.as_str(), token };
    let id = mcp_servers::create(&mut tx, &gateway.keys, &admin.actor, &new).await?;
    let (server, _) = mcp_servers::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    let looked = mcp_servers::look(&mut tx, &admin.actor, &server, &listed).await?;
    once.commit(tx, StatusCode::CREATED, answer(server, looked)).await
}

/// Looks at a server's tools again. What changed is locked until it is confirmed.
#[utoipa::path(post, path = "/api/v1/mcp-servers/{server_id}/look", params(("server_id" = String, Path)),
    responses((status = 200, body = LookedAt), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 502, body = Problem)))]
pub async fn look_again(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    PathId(id): PathId<McpServerId>,
) -> Result<Json<LookedAt>, ApiError> {
    let mut tx = admin.db.begin().await?;
    let (server, sealed) = mcp_servers::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    let token = match sealed {
        Some(sealed) => Some(mcp_servers::open(&mut tx, &gateway.keys, id, &sealed).await?),
        None => None,
    };
    tx.close().await?;
    let listed = look(&gateway, &address(&server.url)?, token.as_ref()).await?;
    let mut tx = admin.db.begin().await?;
    let looked = mcp_servers::look(&mut tx, &admin.actor, &server, &listed).await?;
    let (server, _) = mcp_servers::find(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    tx.commit().await?;
    Ok(Json(answer(server, looked)))
}

/// Deletes a server with its token and its tools. What was called stays on record.
#[utoipa::path(delete, path = "/api/v1/mcp-servers/{server_id}", params(("server_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn remove(Admin(admin): Admin, PathId(id): PathId<McpServerId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    mcp_servers::remove(&mut tx, &admin.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Agrees to what a locked tool is by now. It is a write again, whatever it was.
#[utoipa::path(post, path = "/api/v1/tools/{tool_id}/confirm", params(("tool_id" = String, Path)), request_body = Confirm,
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn confirm(
    Admin(admin): Admin,
    PathId(id): PathId<ToolId>,
    body: Result<Json<Confirm>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(body) = body?;
    let digest = hex::decode(&body.digest).ok().filter(|digest| digest.len() == 32);
    let digest = digest.ok_or_else(|| ApiError::invalid("`digest` must be the one of `seen`."))?;
    let mut tx = admin.db.begin().await?;
    shared::db::tools::lock(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    mcp_servers::confirm(&mut tx, &admin.actor, id, &digest).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Outside of any transaction: it is a stranger who answers, or does not.
async fn look(gateway: &Gateway, url: &Url, token: Option<&SecretString>) -> Result<Vec<Listed>, ApiError> {
    let endpoint = Endpoint { guard: &gateway.guard, url, token };
    gateway
        .guard
        .client(url)
        .map_err(|refusal| ApiError::new(StatusCode::BAD_REQUEST, "address_refused", refusal.to_string()))?;
    mcp::list(&endpoint)
        .await
        .map_err(|failure| ApiError::new(StatusCode::BAD_GATEWAY, "server_unreachable", failure.sentence()))
}

pub(super) fn address(text: &str) -> Result<Url, ApiError> {
    let template = Template::parse(text).map_err(|error| ApiError::invalid(format!("`url`: {error}")))?;
    if template.names().next().is_some() {
        return Err(ApiError::invalid("`url` may hold no `{` and `}`."));
    }
    template.sample().map_err(|error| ApiError::invalid(format!("`url`: {error}")))
}

/// What people know a token by.
fn checked(token: &SecretString) -> Result<String, ApiError> {
    let token = token.expose_secret();
    if token.is_empty() || token.len() > TOKEN_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid(format!("`token` must have 1 to {TOKEN_MAX} plain characters.")));
    }
    Ok(model_check::hint(token))
}

fn answer(server: Server, looked: Looked) -> LookedAt {
    let left_out = looked.left_out.into_iter().map(|(name, why)| LeftOut { name, why }).collect();
    LookedAt { server: server.into(), new: looked.new, locked: looked.locked, left_out }
}

impl From<Server> for McpServerBody {
    fn from(server: Server) -> Self {
        Self {
            id: server.id.to_string(),
            name: server.name,
            url: server.url,
            token_hint: server.token_hint,
            created_by: server.created_by,
            created_at: written(server.created_at),
            looked_at: written(server.looked_at),
        }
    }
}

impl From<Remote> for RemoteBody {
    fn from(remote: Remote) -> Self {
        let seen = |(description, arguments, digest): (String, Value, Vec<u8>)| SeenBody {
            description,
            arguments,
            digest: hex::encode(digest),
        };
        Self {
            id: remote.server.to_string(),
            name: remote.name,
            read_only_hint: remote.read_only_hint,
            locked_at: remote.locked_at.map(written),
            seen: remote.seen.map(seen),
        }
    }
}

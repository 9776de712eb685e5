//! Tools that the tenant defines for its agents. Which agent may use which is part of the agent. A secret is never shown again.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderName, StatusCode},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    db::{
        audit,
        tools::{self, Header, Secret, Shape, Tool},
    },
    ids::ToolId,
    model_check,
    tools::{BUILT_IN, Class, METHODS, address::Template, arguments::Schema, is_name},
};
use utoipa::ToSchema;

use super::{conversations::written, mcp_servers::RemoteBody};
use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

const DESCRIPTION_MAX: usize = 500;
const SECRET_MAX: usize = 2_000;
const TIMEOUT_DEFAULT: i32 = 10_000;
const ANSWER_DEFAULT: i32 = 65_536;
/// Headers that say where a request goes, how long it is, or who forwarded it.
const HEADERS_OURS: [&str; 9] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "idempotency-key",
];

#[derive(Serialize, ToSchema)]
pub struct ToolBody {
    #[schema(example = "tol_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    #[schema(example = "open_ticket")]
    name: String,
    description: String,
    /// `read`, or `write`: then a second person approves each call.
    class: String,
    /// `get`, `post`, `put`, `patch` or `delete`; `mcp`: of a server.
    method: String,
    #[schema(example = "https://api.example.com/tickets/{id}")]
    url: String,
    #[schema(value_type = Object)]
    arguments: Value,
    /// The header that a secret goes into; `null`: there is none.
    header: Option<String>,
    /// The secret's last four characters; empty for a short one.
    secret_hint: Option<String>,
    timeout_ms: i32,
    /// Bytes of an answer that are read.
    answer_max: i32,
    enabled: bool,
    created_by: String,
    created_at: String,
    changed_at: String,
    /// Where it comes from; `null`: it is the tenant's own.
    server: Option<RemoteBody>,
}

#[derive(Serialize, ToSchema)]
pub struct ToolList {
    /// Those of the tenant, oldest first.
    items: Vec<ToolBody>,
    /// What every agent can be granted by name.
    #[schema(example = json!(["calculator"]))]
    built_in: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTool {
    /// Small letters, digits and `_`.
    #[schema(example = "open_ticket")]
    name: String,
    /// For the model: what it does, and when to use it.
    description: String,
    /// `read` or `write`.
    class: String,
    method: String,
    /// Arguments stand in path and query as `{name}`; the others go into the body, or behind `?` where there is none.
    #[schema(example = "https://api.example.com/tickets")]
    url: String,
    /// A JSON schema: an object of texts, numbers and yes-or-no.
    #[serde(default)]
    #[schema(value_type = Object)]
    arguments: Value,
    #[serde(default)]
    secret: Option<SecretBody>,
    timeout_ms: Option<i32>,
    answer_max: Option<i32>,
    enabled: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretBody {
    #[schema(example = "authorization")]
    header: String,
    #[schema(value_type = String, example = "Bearer …")]
    value: SecretString,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTool {
    name: Option<String>,
    description: Option<String>,
    class: Option<String>,
    method: Option<String>,
    /// With another host, a tool that has a secret needs `secret` or `remove_secret`, too: a stored one is never sent elsewhere.
    url: Option<String>,
    #[schema(value_type = Option<Object>)]
    arguments: Option<Value>,
    secret: Option<SecretBody>,
    #[serde(default)]
    remove_secret: bool,
    timeout_ms: Option<i32>,
    answer_max: Option<i32>,
    enabled: Option<bool>,
}

/// The tenant's tools, and what the product brings along.
#[utoipa::path(get, path = "/api/v1/tools",
    responses((status = 200, body = ToolList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<ToolList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = tools::list(&mut tx).await?;
    tx.close().await?;
    let built_in = BUILT_IN.iter().map(|name| (*name).to_owned()).collect();
    Ok(Json(ToolList { items: items.into_iter().map(ToolBody::from).collect(), built_in }))
}

/// Defines a tool. No agent may use it until it is granted.
#[utoipa::path(post, path = "/api/v1/tools", request_body = NewTool, params(OnceKey),
    responses((status = 201, body = ToolBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn create(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    once: Once,
    body: Result<Json<NewTool>, JsonRejection>,
) -> Result<(StatusCode, Json<ToolBody>), ApiError> {
    let Json(body) = body?;
    let schema = if body.arguments.is_null() { json!({}) } else { body.arguments };
    let given = Given {
        name: &body.name,
        description: &body.description,
        class: &body.class,
        method: &body.method,
        url: &body.url,
        arguments: &schema,
        timeout_ms: body.timeout_ms.unwrap_or(TIMEOUT_DEFAULT),
        answer_max: body.answer_max.unwrap_or(ANSWER_DEFAULT),
        enabled: body.enabled.unwrap_or(true),
    };
    let arguments = given.check(&gateway)?;
    let hint = body.secret.as_ref().map(SecretBody::check).transpose()?;
    let header = body.secret.as_ref().zip(hint.as_ref()).map(header);
    let mut tx = admin.db.begin().await?;
    let tool = tools::create(&mut tx, &gateway.keys, &given.shape(&arguments), header, &admin.actor.id()).await?;
    audit::append(&mut tx, &admin.actor, "tool.create", ("tool", &tool.id.to_string()), detail(&tool)).await?;
    once.commit(tx, StatusCode::CREATED, tool.into()).await
}

/// Changes a tool. Approvals that were given for it as it was are void.
#[utoipa::path(patch, path = "/api/v1/tools/{tool_id}", params(("tool_id" = String, Path)), request_body = ChangeTool,
    responses((status = 200, body = ToolBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn change(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    PathId(id): PathId<ToolId>,
    body: Result<Json<ChangeTool>, JsonRejection>,
) -> Result<Json<ToolBody>, ApiError> {
    let Json(body) = body?;
    let mut tx = admin.db.begin().await?;
    let (known, _) = tools::lock(&mut tx, id).await?.ok_or_else(ApiError::not_found)?;
    if known.remote.is_some() {
        if body.defines() {
            return Err(ApiError::invalid(
                "Of a tool that a server brought along, only `class` and `enabled` can be changed.",
            ));
        }
        let class = body.class.as_deref().unwrap_or(known.class.as_str());
        if !["read", "write"].contains(&class) {
            return Err(ApiError::invalid("`class` must be `read` or `write`."));
        }
        let enabled = body.enabled.unwrap_or(known.enabled);
        let tool = tools::set_use(&mut tx, id, Class::parse(class), enabled).await?;
        audit::append(&mut tx, &admin.actor, "tool.change", ("tool", &id.to_string()), detail(&tool)).await?;
        tx.commit().await?;
        return Ok(Json(tool.into()));
    }
    let given = Given {
        name: body.name.as_deref().unwrap_or(&known.name),
        description: body.description.as_deref().unwrap_or(&known.description),
        class: body.class.as_deref().unwrap_or(known.class.as_str()),
        method: body.method.as_deref().unwrap_or(&known.method),
        url: body.url.as_deref().unwrap_or(&known.url_template),
        arguments: body.arguments.as_ref().unwrap_or(&known.arguments),
        timeout_ms: body.timeout_ms.unwrap_or(known.timeout_ms),
        answer_max: body.answer_max.unwrap_or(known.answer_max),
        enabled: body.enabled.unwrap_or(known.enabled),
    };
    let arguments = given.check(&gateway)?;
    let hint = body.secret.as_ref().map(SecretBody::check).transpose()?;
    let secret = match body.secret.as_ref().zip(hint.as_ref()).map(header) {
        Some(header) => Secret::Replaced(header),
        None if body.remove_secret => Secret::Removed,
        None if known.header_name.is_some() && origin(given.url) != origin(&known.url_template) => {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "secret_required",
                "Another host needs `secret` or `remove_secret`, too: the stored secret is not sent elsewhere.",
            ));
        }
        None => Secret::Kept,
    };
    let tool = tools::change(&mut tx, &gateway.keys, id, &given.shape(&arguments), secret).await?;
    audit::append(&mut tx, &admin.actor, "tool.change", ("tool", &id.to_string()), detail(&tool)).await?;
    tx.commit().await?;
    Ok(Json(tool.into()))
}

/// Deletes a tool with its secret, and takes it from every agent. What was called stays on record.
#[utoipa::path(delete, path = "/api/v1/tools/{tool_id}", params(("tool_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn remove(Admin(admin): Admin, PathId(id): PathId<ToolId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    tools::remove(&mut tx, id).await?;
    audit::append(&mut tx, &admin.actor, "tool.delete", ("tool", &id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

impl ChangeTool {
    /// More than who may use it, and how.
    fn defines(&self) -> bool {
        let texts = [&self.name, &self.description, &self.method, &self.url];
        texts.iter().any(|text| text.is_some())
            || self.arguments.is_some()
            || self.secret.is_some()
            || self.remove_secret
            || self.timeout_ms.is_some()
            || self.answer_max.is_some()
    }
}

/// A tool as it is about to be.
struct Given<'a> {
    name: &'a str,
    description: &'a str,
    class: &'a str,
    method: &'a str,
    url: &'a str,
    arguments: &'a Value,
    timeout_ms: i32,
    answer_max: i32,
    enabled: bool,
}

impl<'a> Given<'a> {
    /// The arguments as they are stored.
    fn check(&self, gateway: &Gateway) -> Result<Value, ApiError> {
        if !is_name(self.name) || BUILT_IN.contains(&self.name) {
            return Err(ApiError::invalid(
                "`name` must have 1 to 40 small letters, digits or `_`, begin with a letter, and be none of the product's own.",
            ));
        }
        let length = self.description.trim().chars().count();
        if !(1..=DESCRIPTION_MAX).contains(&length) || self.description.chars().any(char::is_control) {
            return Err(ApiError::invalid(format!("`description` must have 1 to {DESCRIPTION_MAX} characters.")));
        }
        if !["read", "write"].contains(&self.class) {
            return Err(ApiError::invalid("`class` must be `read` or `write`."));
        }
        if !METHODS.contains(&self.method) {
            return Err(ApiError::invalid("`method` must be `get`, `post`, `put`, `patch` or `delete`."));
        }
        if self.class == "read" && self.method != "get" && self.method != "post" {
            return Err(ApiError::invalid("A tool that only reads must be sent with `get` or `post`."));
        }
        let limits = [("timeout_ms", self.timeout_ms, 100, 30_000), ("answer_max", self.answer_max, 1, 262_144)];
        if let Some((field, _, least, most)) =
            limits.iter().find(|(_, given, least, most)| !(least..=most).contains(&given))
        {
            return Err(ApiError::invalid(format!("`{field}` must be {least} to {most}.")));
        }
        let schema =
            Schema::parse(self.arguments).map_err(|error| ApiError::invalid(format!("`arguments`: {error}")))?;
        let template = Template::parse(self.url).map_err(|error| ApiError::invalid(format!("`url`: {error}")))?;
        if let Some(missing) = template.names().find(|name| !schema.requires(name)) {
            return Err(ApiError::invalid(format!("`url`: `{{{missing}}}` must be a required argument.")));
        }
        let sample = template.sample().map_err(|error| ApiError::invalid(format!("`url`: {error}")))?;
        gateway
            .guard
            .client(&sample)
            .map_err(|refusal| ApiError::new(StatusCode::BAD_REQUEST, "address_refused", refusal.to_string()))?;
        Ok(schema.to_value())
    }

    fn shape(&self, arguments: &'a Value) -> Shape<'a> {
        Shape {
            name: self.name,
            description: self.description.trim(),
            class: Class::parse(self.class),
            method: self.method,
            url_template: self.url,
            arguments,
            timeout_ms: self.timeout_ms,
            answer_max: self.answer_max,
            enabled: self.enabled,
        }
    }
}

impl SecretBody {
    /// What people know it by.
    fn check(&self) -> Result<String, ApiError> {
        let name = HeaderName::from_bytes(self.header.as_bytes()).ok();
        if name.is_none_or(|name| HEADERS_OURS.contains(&name.as_str()) || name.as_str().starts_with("proxy-")) {
            return Err(ApiError::invalid(
                "`header` must be a header that a secret may go into, such as `authorization`.",
            ));
        }
        let value = self.value.expose_secret();
        let plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if value.trim() != value || value.is_empty() || value.len() > SECRET_MAX || !value.bytes().all(plain) {
            return Err(ApiError::invalid(format!("`value` must have 1 to {SECRET_MAX} plain characters.")));
        }
        Ok(model_check::hint(value))
    }
}

fn header<'a>((secret, hint): (&'a SecretBody, &'a String)) -> Header<'a> {
    Header { name: &secret.header, value: &secret.value, hint }
}

fn origin(template: &str) -> Option<String> {
    let template = Template::parse(template).ok()?;
    template.sample().ok().map(|url| url.origin().ascii_serialization())
}

/// For the log: where it leads and what it may do, no secret.
fn detail(tool: &Tool) -> Value {
    json!({ "name": tool.name, "class": tool.class.as_str(), "method": tool.method, "origin": origin(&tool.url_template),
            "enabled": tool.enabled, "header": tool.header_name, "secret_hint": tool.header_hint })
}

impl From<Tool> for ToolBody {
    fn from(tool: Tool) -> Self {
        Self {
            id: tool.id.to_string(),
            name: tool.name,
            description: tool.description,
            class: tool.class.as_str().to_owned(),
            method: tool.method,
            url: tool.url_template,
            arguments: tool.arguments,
            header: tool.header_name,
            secret_hint: tool.header_hint,
            timeout_ms: tool.timeout_ms,
            answer_max: tool.answer_max,
            enabled: tool.enabled,
            created_by: tool.created_by,
            created_at: written(tool.created_at),
            changed_at: written(tool.changed_at),
            server: tool.remote.map(RemoteBody::from),
        }
    }
}

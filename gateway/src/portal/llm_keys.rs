//! The tenant's own keys for models. A key is tried with one small question before it is stored, and never shown again.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    db::{
        audit,
        llm_keys::{self, Change, LlmKey, NewLlmKey},
        usage::{self, ModelCall},
    },
    dialect,
    ids::LlmKeyId,
    model_check::{self, Failed},
};
use time::format_description::well_known::Rfc3339;
use url::Url;
use utoipa::ToSchema;

use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

const NAME_MAX: usize = 80;
const URL_MAX: usize = 500;
const KEY_MAX: usize = 512;
pub(super) const MODEL_MAX: usize = 200;

#[derive(Serialize, ToSchema)]
pub struct LlmKeyBody {
    #[schema(example = "lky_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    /// Where it is used. The whole address is not shown again.
    #[schema(example = "api.openai.com")]
    host: String,
    /// The key's last four characters; empty for a short key.
    #[schema(example = "x7Qa")]
    key_hint: String,
    default_model: String,
    /// Answers for agents that name no models.
    is_default: bool,
    /// The platform's models answer when this key does not.
    platform_fallback: bool,
    created_by: String,
    created_at: String,
    /// When the key itself was last replaced.
    replaced_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct LlmKeyList {
    items: Vec<LlmKeyBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LlmKeyRequest {
    name: String,
    /// Of an OpenAI-compatible provider.
    #[schema(example = "https://api.openai.com/v1")]
    base_url: String,
    #[schema(value_type = String)]
    key: SecretString,
    #[schema(example = "gpt-4.1-mini")]
    default_model: String,
    #[serde(default)]
    is_default: bool,
    #[serde(default)]
    platform_fallback: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLlmKey {
    name: Option<String>,
    /// Needs `key`, too: a stored key is never sent to another address than it was given for.
    base_url: Option<String>,
    #[schema(value_type = Option<String>)]
    key: Option<SecretString>,
    default_model: Option<String>,
    is_default: Option<bool>,
    platform_fallback: Option<bool>,
}

/// The keys, by hint and host.
#[utoipa::path(get, path = "/api/v1/llm-keys",
    responses((status = 200, body = LlmKeyList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<LlmKeyList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = llm_keys::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(LlmKeyList { items: items.into_iter().map(LlmKeyBody::from).collect() }))
}

/// Tries a key and stores it.
#[utoipa::path(post, path = "/api/v1/llm-keys", request_body = LlmKeyRequest, params(OnceKey),
    responses((status = 201, body = LlmKeyBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem)))]
pub async fn create(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    once: Once,
    body: Result<Json<LlmKeyRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<LlmKeyBody>), ApiError> {
    let Json(body) = body?;
    let (name, base_url) = (text("name", &body.name, NAME_MAX)?, address(&body.base_url)?);
    let model = text("default_model", &body.default_model, MODEL_MAX)?;
    secret(&body.key)?;
    let id = LlmKeyId::new();
    let call = try_out(&gateway, id, &base_url, &body.key, model).await?;
    let (hint, by) = (hint(&body.key), admin.actor.id());
    let new = NewLlmKey {
        id,
        name,
        base_url: &base_url,
        secret: &body.key,
        hint: &hint,
        default_model: model,
        is_default: body.is_default,
        platform_fallback: body.platform_fallback,
        created_by: &by,
    };
    let mut tx = admin.db.begin().await?;
    let key = llm_keys::create(&mut tx, &gateway.keys, &new).await?;
    usage::book_check(&mut tx, &call).await?;
    let detail = json!({ "host": host(&key), "key_hint": key.hint, "is_default": key.is_default });
    audit::append(&mut tx, &admin.actor, "llm_key.create", ("llm_key", &id.to_string()), detail).await?;
    once.commit(tx, StatusCode::CREATED, key.into()).await
}

/// Changes a key, or replaces it. Whatever changes where or as whom models are called is tried first.
#[utoipa::path(patch, path = "/api/v1/llm-keys/{llm_key_id}", params(("llm_key_id" = String, Path)),
    request_body = ChangeLlmKey,
    responses((status = 200, body = LlmKeyBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 502, body = Problem)))]
pub async fn change(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    PathId(id): PathId<LlmKeyId>,
    body: Result<Json<ChangeLlmKey>, JsonRejection>,
) -> Result<Json<LlmKeyBody>, ApiError> {
    let Json(body) = body?;
    let name = body.name.as_deref().map(|name| text("name", name, NAME_MAX)).transpose()?;
    let model = body.default_model.as_deref().map(|model| text("default_model", model, MODEL_MAX)).transpose()?;
    let base_url = body.base_url.as_deref().map(address).transpose()?;
    body.key.as_ref().map(secret).transpose()?;
    let mut tx = admin.db.begin().await?;
    let found = llm_keys::find(&mut tx, &gateway.keys, id).await?;
    tx.close().await?;
    let (known, kept) = found.ok_or_else(ApiError::not_found)?;
    if base_url.is_some() && body.key.is_none() {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "key_required",
            "A new `base_url` needs `key`, too: the stored key is not sent to another address.",
        ));
    }
    let base_url = match base_url {
        Some(base_url) => base_url,
        None => known.base_url.parse().map_err(|_| ApiError::not_found())?,
    };
    let tried = if body.key.is_some() || model.is_some() {
        let (key, model) = (body.key.as_ref().unwrap_or(&kept), model.unwrap_or(&known.default_model));
        Some(try_out(&gateway, id, &base_url, key, model).await?)
    } else {
        None
    };
    let hint = body.key.as_ref().map(hint);
    let place = body.key.as_ref().zip(hint.as_deref()).map(|(key, hint)| (&base_url, key, hint));
    let change = Change {
        name,
        place,
        default_model: model,
        is_default: body.is_default,
        platform_fallback: body.platform_fallback,
    };
    let mut tx = admin.db.begin().await?;
    let key = llm_keys::change(&mut tx, &gateway.keys, id, &change).await?;
    if let Some(call) = &tried {
        usage::book_check(&mut tx, call).await?;
    }
    let detail = json!({ "host": host(&key), "key_hint": key.hint, "replaced": hint.is_some(),
                         "is_default": key.is_default, "platform_fallback": key.platform_fallback });
    audit::append(&mut tx, &admin.actor, "llm_key.change", ("llm_key", &id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(Json(key.into()))
}

/// Deletes a key. One that an agent names can't be deleted; without a default key, agents that name no models turn to the
/// platform's.
#[utoipa::path(delete, path = "/api/v1/llm-keys/{llm_key_id}", params(("llm_key_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove(Admin(admin): Admin, PathId(id): PathId<LlmKeyId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    llm_keys::remove(&mut tx, id).await?;
    audit::append(&mut tx, &admin.actor, "llm_key.delete", ("llm_key", &id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One question, outside of any transaction. What it took is booked with what it was for.
async fn try_out(
    gateway: &Gateway,
    id: LlmKeyId,
    base_url: &Url,
    key: &SecretString,
    model: &str,
) -> Result<ModelCall, ApiError> {
    let counted = model_check::ask(&gateway.guard, base_url, key, model).await.map_err(refusal)?;
    Ok(model_check::ledger_row(id, model, counted))
}

fn refusal(failed: Failed) -> ApiError {
    let (status, code) = match failed {
        Failed::Address(_) => (StatusCode::BAD_REQUEST, "address_refused"),
        Failed::Key => (StatusCode::BAD_REQUEST, "key_refused"),
        Failed::Model(_) | Failed::Nonsense => (StatusCode::BAD_REQUEST, "model_refused"),
        Failed::Unavailable => (StatusCode::BAD_GATEWAY, "provider_unavailable"),
    };
    ApiError::new(status, code, failed.to_string())
}

pub(super) fn text<'a>(field: &str, given: &'a str, longest: usize) -> Result<&'a str, ApiError> {
    let given = given.trim();
    if given.is_empty() || given.chars().count() > longest || given.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!("`{field}` must have 1 to {longest} characters.")));
    }
    Ok(given)
}

fn address(given: &str) -> Result<Url, ApiError> {
    let url: Option<Url> = if given.len() <= URL_MAX { given.trim().parse().ok() } else { None };
    let usable = |url: &Url| url.has_host() && dialect::has_known_query(url) && url.fragment().is_none();
    url.filter(usable).ok_or_else(|| {
        ApiError::invalid(
            "`base_url` must be an address such as https://api.openai.com/v1, without `?` and `#`; at Azure with \
             `?api-version=…` at its end.",
        )
    })
}

/// What fits into a header.
fn secret(key: &SecretString) -> Result<(), ApiError> {
    let key = secrecy::ExposeSecret::expose_secret(key);
    if key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid(format!(
            "`key` must have 1 to {KEY_MAX} characters, without spaces and accents."
        )));
    }
    Ok(())
}

fn hint(key: &SecretString) -> String {
    model_check::hint(secrecy::ExposeSecret::expose_secret(key))
}

fn host(key: &LlmKey) -> String {
    let url: Option<Url> = key.base_url.parse().ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

impl From<LlmKey> for LlmKeyBody {
    fn from(key: LlmKey) -> Self {
        Self {
            host: host(&key),
            id: key.id.to_string(),
            name: key.name,
            key_hint: key.hint,
            default_model: key.default_model,
            is_default: key.is_default,
            platform_fallback: key.platform_fallback,
            created_by: key.created_by,
            created_at: key.created_at.format(&Rfc3339).unwrap_or_default(),
            replaced_at: key.replaced_at.and_then(|at| at.format(&Rfc3339).ok()),
        }
    }
}

//! API keys: what programs prove themselves by. A key is shown once, when it is made.

use axum::{Json, extract::rejection::JsonRejection, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    crypto::{new_token, token_hash},
    db::{
        api_keys::{self, ApiKey},
        audit,
    },
    ids::ApiKeyId,
};
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::members::Role;
use crate::{
    auth::Admin,
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

const NAME_MAX: usize = 80;
const DAYS_MAX: i32 = 3_650;

#[derive(Serialize, ToSchema)]
pub struct ApiKeyBody {
    #[schema(example = "key_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    #[schema(example = "customer_operator")]
    role: String,
    created_at: String,
    /// `null`: never.
    expires_at: Option<String>,
    /// To the minute; `null`: never.
    last_used_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ApiKeyList {
    items: Vec<ApiKeyBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    #[schema(example = "nightly import")]
    name: String,
    role: Role,
    /// How long it works, 1 to 3650; without it, until it is revoked.
    expires_in_days: Option<i32>,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedApiKey {
    #[serde(flatten)]
    about: ApiKeyBody,
    /// The key itself, shown only now.
    #[schema(example = "kst_…")]
    key: String,
}

/// The keys that were not revoked, oldest first, without the keys themselves.
#[utoipa::path(get, path = "/api/v1/api-keys",
    responses((status = 200, body = ApiKeyList), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list(Admin(admin): Admin) -> Result<Json<ApiKeyList>, ApiError> {
    let mut tx = admin.db.begin().await?;
    let items = api_keys::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(ApiKeyList { items: items.into_iter().map(ApiKeyBody::from).collect() }))
}

/// Makes a key and shows it, once.
#[utoipa::path(post, path = "/api/v1/api-keys", request_body = NewApiKey, params(OnceKey),
    responses((status = 201, body = CreatedApiKey), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn create(
    Admin(admin): Admin,
    once: Once,
    body: Result<Json<NewApiKey>, JsonRejection>,
) -> Result<(StatusCode, Json<CreatedApiKey>), ApiError> {
    let Json(body) = body?;
    let name = body.name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!("`name` must have 1 to {NAME_MAX} characters.")));
    }
    if body.expires_in_days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
        return Err(ApiError::invalid(format!("`expires_in_days` must be 1 to {DAYS_MAX}.")));
    }
    let key = new_token("kst_");
    let mut tx = admin.db.begin().await?;
    let created =
        api_keys::create(&mut tx, &token_hash(&key), name, body.role.name(), body.expires_in_days).await?;
    let detail = json!({ "role": created.role, "expires_in_days": body.expires_in_days });
    audit::append(&mut tx, &admin.actor, "api_key.create", ("api_key", &created.id.to_string()), detail).await?;
    once.commit(tx, StatusCode::CREATED, CreatedApiKey { about: created.into(), key }).await
}

/// Revokes a key. It is dead with the next request.
#[utoipa::path(delete, path = "/api/v1/api-keys/{key_id}", params(("key_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn revoke(Admin(admin): Admin, PathId(id): PathId<ApiKeyId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    api_keys::revoke(&mut tx, id).await?;
    audit::append(&mut tx, &admin.actor, "api_key.revoke", ("api_key", &id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ApiKey> for ApiKeyBody {
    fn from(key: ApiKey) -> Self {
        let text = |at: time::OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
        Self {
            id: key.id.to_string(),
            name: key.name,
            role: key.role,
            created_at: text(key.created_at),
            expires_at: key.expires_at.map(text),
            last_used_at: key.last_used_at.map(text),
        }
    }
}

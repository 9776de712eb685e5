//! Who is calling. A handler's extractor is its access rule; each is already bound to the caller's tenant.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use shared::{
    crypto::token_hash,
    db::{TenantDb, audit::Actor, system},
    ids::TenantId,
};

use crate::{Gateway, error::ApiError};

const KEY_PREFIX: &str = "kst_";
/// The prefix and 32 bytes in base64 without padding.
const KEY_LENGTH: usize = 4 + 43;

/// Anyone who holds a valid key of a tenant.
pub struct Operator {
    pub tenant: TenantId,
    pub role: String,
    pub actor: Actor,
    pub db: TenantDb,
}

/// Someone who may change how the tenant is set up.
pub struct Admin(pub Operator);

impl FromRequestParts<Gateway> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let token = bearer(parts).ok_or_else(ApiError::unauthorized)?;
        // One indexed look-up by hash: nothing of the key is compared byte by byte.
        let owner = system::find_api_key(&gateway.db.system(), &token_hash(token))
            .await?
            .ok_or_else(ApiError::unauthorized)?;
        Ok(Self {
            tenant: owner.tenant,
            role: owner.role,
            actor: Actor::ApiKey(owner.key),
            db: gateway.db.tenant(owner.tenant),
        })
    }
}

pub(crate) fn bearer(parts: &Parts) -> Option<&str> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let token = values.next()?.to_str().ok()?.strip_prefix("Bearer ")?.trim();
    let plausible = token.len() == KEY_LENGTH && token.starts_with(KEY_PREFIX);
    (values.next().is_none() && plausible).then_some(token)
}

impl FromRequestParts<Gateway> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let operator = Operator::from_request_parts(parts, gateway).await?;
        if operator.role == "customer_admin" { Ok(Self(operator)) } else { Err(ApiError::forbidden()) }
    }
}

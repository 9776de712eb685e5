//! Who is calling. A handler's extractor is its access rule; each is already bound to the caller's tenant.
//!
//! Programs show an API key, browsers the cookie of a session. A session speaks for one tenant at a time; role and
//! membership are read with every request, so what was taken from somebody is gone with their next one.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use shared::{
    crypto::token_hash,
    db::{
        SystemDb, TenantDb,
        audit::Actor,
        sessions::{self, SignedIn},
        system,
    },
    ids::{ApiKeyId, SessionId, TenantId},
};

use crate::{Gateway, cookies, error::ApiError};

const KEY_PREFIX: &str = "kst_";
/// The prefix and 32 bytes in base64 without padding.
const KEY_LENGTH: usize = 4 + 43;
/// Where a page repeats the token it got from `me`: another site's page can't read it, nor send this header.
const CSRF_HEADER: &str = "x-csrf-token";
const ADMIN: &str = "customer_admin";

/// Anyone who holds a valid key of a tenant, or is a member of it. Who may only look is refused what changes something.
pub struct Operator {
    pub tenant: TenantId,
    pub role: String,
    pub actor: Actor,
    pub db: TenantDb,
}

/// Someone who may change how the tenant is set up.
pub struct Admin(pub Operator);

/// Somebody who is signed in, whether or not they belong to a tenant. API keys are no persons.
pub struct Person(pub SignedIn);

/// Somebody who looks after the platform, and the role that may list tenants. It opens no tenant's content.
pub struct PlatformAdmin {
    pub person: SignedIn,
    pub db: SystemDb,
}

/// Somebody who reads for as long as the stream is open: known by what can be taken from them meanwhile.
pub struct Reader {
    pub identity: Identity,
    pub db: TenantDb,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    Session(SessionId),
    Key(ApiKeyId),
}

/// Anybody with an identity: for what shows who one is.
pub enum Caller {
    Key(Operator),
    Person(SignedIn),
}

/// A request of our own pages: for what gives a browser an identity before it has one.
pub struct OwnPage;

impl FromRequestParts<Gateway> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, gateway).await? {
            Caller::Key(operator) => Ok(operator),
            Caller::Person(person) => {
                let (tenant, role) = person.tenant.ok_or_else(ApiError::no_tenant)?;
                if person.read_only && !parts.method.is_safe() {
                    return Err(ApiError::read_only());
                }
                let (actor, db) = (Actor::User(person.user), gateway.db.tenant(tenant));
                Ok(Self { tenant, role, actor, db })
            }
        }
    }
}

impl FromRequestParts<Gateway> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, gateway).await? {
            Caller::Key(Operator { actor: Actor::ApiKey(key), db, .. }) => {
                Ok(Self { identity: Identity::Key(key), db })
            }
            Caller::Key(_) => Err(ApiError::unauthorized()),
            Caller::Person(person) => {
                let (tenant, _) = person.tenant.ok_or_else(ApiError::no_tenant)?;
                Ok(Self { identity: Identity::Session(person.session), db: gateway.db.tenant(tenant) })
            }
        }
    }
}

impl FromRequestParts<Gateway> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let operator = Operator::from_request_parts(parts, gateway).await?;
        if operator.role == ADMIN { Ok(Self(operator)) } else { Err(ApiError::forbidden()) }
    }
}

impl FromRequestParts<Gateway> for Person {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let token = cookies::value(&parts.headers, cookies::ACCESS).ok_or_else(ApiError::unauthorized)?;
        let person = sessions::find(&gateway.db.system(), token).await?.ok_or_else(ApiError::unauthorized)?;
        if !parts.method.is_safe() {
            own_page(&parts.headers, gateway)?;
            let given = single(&parts.headers, CSRF_HEADER).unwrap_or_default();
            if !gateway.fingerprints.is_token(given, "", &["csrf", &person.session.to_string()]) {
                return Err(ApiError::foreign_page());
            }
        }
        Ok(Self(person))
    }
}

impl FromRequestParts<Gateway> for PlatformAdmin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let Person(person) = Person::from_request_parts(parts, gateway).await?;
        if person.is_platform_admin {
            Ok(Self { person, db: gateway.db.system() })
        } else {
            Err(ApiError::forbidden())
        }
    }
}

impl FromRequestParts<Gateway> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self::Person(Person::from_request_parts(parts, gateway).await?.0));
        }
        let token = bearer(parts).ok_or_else(ApiError::unauthorized)?;
        // One indexed look-up by hash: nothing of the key is compared byte by byte.
        let owner = system::find_api_key(&gateway.db.system(), &token_hash(token))
            .await?
            .ok_or_else(ApiError::unauthorized)?;
        Ok(Self::Key(Operator {
            tenant: owner.tenant,
            role: owner.role,
            actor: Actor::ApiKey(owner.key),
            db: gateway.db.tenant(owner.tenant),
        }))
    }
}

impl FromRequestParts<Gateway> for OwnPage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        own_page(&parts.headers, gateway).map(|()| Self)
    }
}

/// Browsers say which page a changing request comes from, and pages can't alter it.
fn own_page(headers: &HeaderMap, gateway: &Gateway) -> Result<(), ApiError> {
    let own = gateway.public_url.origin().ascii_serialization();
    if single(headers, "origin") == Some(own.as_str()) { Ok(()) } else { Err(ApiError::foreign_page()) }
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// What a page of this session has to repeat.
pub(crate) fn csrf_token(gateway: &Gateway, session: SessionId) -> String {
    gateway.fingerprints.token("", &["csrf", &session.to_string()])
}

pub(crate) fn bearer(parts: &Parts) -> Option<&str> {
    let token = single(&parts.headers, header::AUTHORIZATION.as_str())?.strip_prefix("Bearer ")?.trim();
    (token.len() == KEY_LENGTH && token.starts_with(KEY_PREFIX)).then_some(token)
}

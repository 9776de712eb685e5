//! Who is calling. A handler's extractor is its access rule; each is already bound to the caller's tenant.
//!
//! Programs show an API key, browsers the cookie of a session. A session speaks for one tenant at a time; role and
//! membership are read with every request, so what was taken from somebody is gone with their next one.

use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use shared::{
    crypto::token_hash,
    db::{
        SystemDb, TenantDb,
        audit::Actor,
        impersonations::Impersonation,
        sessions::{self, SignedIn},
        suspensions::Suspension,
        system,
    },
    ids::{ApiKeyId, SessionId, TenantId},
    limits::Limit,
};

use crate::{
    Gateway, acting, cookies,
    error::ApiError,
    refusals::{self, Known},
};

const KEY_PREFIX: &str = "kst_";
/// The prefix and 32 bytes in base64 without padding.
const KEY_LENGTH: usize = 4 + 43;
/// Where a page repeats the token it got from `me`: another site's page can't read it, nor send this header.
const CSRF_HEADER: &str = "x-csrf-token";
pub(crate) const ADMIN: &str = "customer_admin";
/// What one key or session may ask of one process: far more than a person or a patient program does.
const EACH: Limit = Limit { name: "identity", burst: 1_000, every: Duration::from_millis(10) };

/// Anyone who holds a valid key of a tenant, or is a member of it. Who may only look is refused what changes something.
#[derive(Clone)]
pub struct Operator {
    pub tenant: TenantId,
    pub role: String,
    pub actor: Actor,
    pub db: TenantDb,
}

/// Someone who may change how the tenant is set up.
pub struct Admin(pub Operator);

/// Somebody who is signed in, whether or not they belong to a tenant. API keys are no persons, nor is who acts as another.
pub struct Person(pub SignedIn);

/// Somebody who acts as another, or did until a moment ago.
pub struct Impersonator(pub Impersonation);

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
    Key(Operator, Option<Suspension>),
    Person(SignedIn),
}

/// A request of our own pages: for what gives a browser an identity before it has one.
pub struct OwnPage;

impl FromRequestParts<Gateway> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        // Asked once a request, however many of its extractors want to know.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let operator = match Caller::from_request_parts(parts, gateway).await? {
            Caller::Key(operator, suspended) => {
                acting::pass(parts, operator.role == ADMIN, suspended.as_ref())?;
                operator
            }
            Caller::Person(person) => Self::of(parts, gateway, person).await?,
        };
        parts.extensions.insert(operator.clone());
        Ok(operator)
    }
}

impl Operator {
    async fn of(parts: &Parts, gateway: &Gateway, person: SignedIn) -> Result<Self, ApiError> {
        let actor = match &person.impersonation {
            None => Actor::User(person.user),
            Some(acting) => acting::enter(parts, gateway, acting).await?,
        };
        let (tenant, role) = person.tenant.ok_or_else(ApiError::no_tenant)?;
        acting::pass(parts, role == ADMIN, person.suspended.as_ref())?;
        if person.read_only && !parts.method.is_safe() {
            return Err(ApiError::read_only());
        }
        Ok(Self { tenant, role, actor, db: gateway.db.tenant(tenant) })
    }
}

impl FromRequestParts<Gateway> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, gateway).await? {
            Caller::Key(operator, suspended) => {
                acting::pass(parts, operator.role == ADMIN, suspended.as_ref())?;
                let Actor::ApiKey(key) = operator.actor else { return Err(ApiError::unauthorized()) };
                Ok(Self { identity: Identity::Key(key), db: operator.db })
            }
            Caller::Person(person) => {
                let identity = Identity::Session(person.session);
                Ok(Self { identity, db: Operator::of(parts, gateway, person).await?.db })
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
        let person = signed_in(parts, gateway).await?;
        match &person.impersonation {
            None => Ok(Self(person)),
            Some(acting) if acting.lives => Err(ApiError::not_in_a_name()),
            Some(_) => Err(ApiError::impersonation_ended()),
        }
    }
}

impl FromRequestParts<Gateway> for Impersonator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let person = signed_in(parts, gateway).await?;
        person.impersonation.map(|acting| Self(*acting)).ok_or_else(ApiError::not_found)
    }
}

/// Whose session it is, whatever it may do.
async fn signed_in(parts: &Parts, gateway: &Gateway) -> Result<SignedIn, ApiError> {
    let token = cookies::value(&parts.headers, cookies::ACCESS).ok_or_else(ApiError::unauthorized)?;
    let person = sessions::find(&gateway.db.system(), token).await?.ok_or_else(ApiError::unauthorized)?;
    let tenant = person.tenant.as_ref().map(|(tenant, _)| *tenant);
    refusals::remember(parts, Known::Session(person.user, tenant));
    gateway.limiter.take_here(&EACH, person.session.uuid()).await.map_err(ApiError::too_many)?;
    if !parts.method.is_safe() {
        own_page(&parts.headers, gateway)?;
        let given = single(&parts.headers, CSRF_HEADER).unwrap_or_default();
        if !gateway.fingerprints.is_token(given, "", &["csrf", &person.session.to_string()]) {
            return Err(ApiError::foreign_page());
        }
    }
    Ok(person)
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
            return Ok(Self::Person(signed_in(parts, gateway).await?));
        }
        let token = bearer(parts).ok_or_else(ApiError::unauthorized)?;
        // One indexed look-up by hash: nothing of the key is compared byte by byte.
        let owner = system::find_api_key(&gateway.db.system(), &token_hash(token))
            .await?
            .ok_or_else(ApiError::unauthorized)?;
        refusals::remember(parts, Known::Key(owner.key, owner.tenant));
        gateway.limiter.take_here(&EACH, owner.key.uuid()).await.map_err(ApiError::too_many)?;
        let operator = Operator {
            tenant: owner.tenant,
            role: owner.role,
            actor: Actor::ApiKey(owner.key),
            db: gateway.db.tenant(owner.tenant),
        };
        Ok(Self::Key(operator, owner.suspended))
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

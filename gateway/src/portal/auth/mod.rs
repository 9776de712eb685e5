//! Signing up, in and out. Who does that has no tenant yet: these handlers speak to the accounts as the system role.
//!
//! What answers strangers says the same whether or not an address has an account, and takes as long.

pub mod accept;
pub mod devices;
pub mod identities;
pub mod impersonation;
mod limits;
pub mod login;
mod newcomer;
pub mod password;
pub mod provider;
pub mod signup;
pub mod totp;

use axum::{Json, http::HeaderMap, response::IntoResponse};
use impersonation::ImpersonationBody;
use serde::Serialize;
use shared::{
    db::{
        SystemDb, accounts,
        accounts::Membership,
        sessions::{self, Device, SignedIn, Tokens, Way},
        suspensions::Suspension,
    },
    ids::{TenantId, UserId},
};
use time::format_description::well_known::Rfc3339;
use url::Url;
use utoipa::ToSchema;

use crate::{Gateway, auth::csrf_token, client::Client, cookies, error::ApiError};

/// Longest address that mail servers agree on.
const MAIL_MAX: usize = 254;
const NAME_MAX: usize = 80;

/// Somebody who is signed in, what they may do here, and where else they belong.
#[derive(Serialize, ToSchema)]
pub struct Session {
    pub user: SessionUser,
    /// The tenant this session speaks for; `null` if the person belongs to none.
    #[schema(example = "ten_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    pub tenant_id: Option<String>,
    pub tenant_name: Option<String>,
    pub role: Option<String>,
    pub is_owner: bool,
    /// May look, not change.
    pub read_only: bool,
    /// The platform has stopped the tenant: who administrates it may look and pay, and nobody more.
    pub suspended: Option<SuspensionBody>,
    /// Whom this session acts as, if it does.
    pub impersonation: Option<ImpersonationBody>,
    pub memberships: Vec<MembershipBody>,
    /// To be repeated in the header `x-csrf-token` of every request that changes something.
    pub csrf_token: String,
}

#[derive(Serialize, ToSchema)]
pub struct SessionUser {
    #[schema(example = "usr_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    pub id: String,
    pub mail: String,
    pub name: String,
    pub is_platform_admin: bool,
    /// A code is asked for when signing in.
    pub has_second_factor: bool,
}

#[derive(Serialize, ToSchema)]
pub struct SuspensionBody {
    pub since: String,
    /// A sentence for the tenant's people.
    #[schema(example = "An invoice of June is open")]
    pub reason: String,
}

impl From<Suspension> for SuspensionBody {
    fn from(suspension: Suspension) -> Self {
        Self { since: suspension.since.format(&Rfc3339).unwrap_or_default(), reason: suspension.why }
    }
}

#[derive(Serialize, ToSchema)]
pub struct MembershipBody {
    #[schema(example = "ten_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    pub tenant_id: String,
    pub tenant_name: String,
    #[schema(example = "customer_admin")]
    pub role: String,
    pub is_owner: bool,
    pub read_only: bool,
}

impl From<Membership> for MembershipBody {
    fn from(membership: Membership) -> Self {
        Self {
            tenant_id: membership.tenant.to_string(),
            tenant_name: membership.tenant_name,
            role: membership.role,
            is_owner: membership.is_owner,
            read_only: membership.read_only,
        }
    }
}

fn accounts_of(gateway: &Gateway) -> SystemDb {
    gateway.db.system()
}

/// What a session is to its person.
pub(super) async fn describe(gateway: &Gateway, person: SignedIn) -> Result<Session, ApiError> {
    let memberships = accounts::memberships(&accounts_of(gateway), person.user).await?;
    let (tenant, role) = person.tenant.unzip();
    let here = memberships.iter().find(|membership| Some(membership.tenant) == tenant);
    let acting = person.impersonation.as_deref();
    let tenant_name = match acting {
        Some(acting) => acting.lives.then(|| acting.tenant_name.clone()),
        None => here.map(|membership| membership.tenant_name.clone()),
    };
    Ok(Session {
        tenant_name,
        suspended: person.suspended.map(SuspensionBody::from),
        impersonation: acting.map(ImpersonationBody::from),
        tenant_id: tenant.map(|tenant| tenant.to_string()),
        role,
        is_owner: person.is_owner,
        read_only: person.read_only,
        csrf_token: csrf_token(gateway, person.session),
        memberships: memberships.into_iter().map(MembershipBody::from).collect(),
        user: SessionUser {
            id: person.user.to_string(),
            mail: person.mail,
            name: person.name,
            is_platform_admin: person.is_platform_admin,
            has_second_factor: person.has_second_factor,
        },
    })
}

/// Signs the browser in, in place of whatever it was before.
async fn sign_in(
    gateway: &Gateway,
    client: &Client,
    headers: &HeaderMap,
    (user, tenant): (UserId, Option<TenantId>),
    way: Way,
) -> Result<impl IntoResponse + use<>, ApiError> {
    let db = accounts_of(gateway);
    let address = client.address.to_string();
    let device = Device { address: &address, agent: &client.agent, way };
    let before = cookies::value(headers, cookies::ACCESS).or_else(|| cookies::value(headers, cookies::REFRESH));
    let tokens = sessions::open(&db, user, tenant, device, before).await?;
    shown(gateway, &tokens).await
}

/// The cookies, and whose they are.
async fn shown(gateway: &Gateway, tokens: &Tokens) -> Result<impl IntoResponse + use<>, ApiError> {
    let person =
        sessions::find(&accounts_of(gateway), &tokens.access).await?.ok_or_else(ApiError::unauthorized)?;
    Ok((cookies::signed_in(tokens), Json(describe(gateway, person).await?)))
}

/// What the session of this request is by now.
async fn described_anew(gateway: &Gateway, headers: &HeaderMap) -> Result<Json<Session>, ApiError> {
    let token = cookies::value(headers, cookies::ACCESS).ok_or_else(ApiError::unauthorized)?;
    let person = sessions::find(&accounts_of(gateway), token).await?.ok_or_else(ApiError::unauthorized)?;
    Ok(Json(describe(gateway, person).await?))
}

/// An address as accounts know it.
pub fn checked_mail(mail: &str) -> Result<String, ApiError> {
    let mail = mail.trim().to_lowercase();
    let plausible = mail.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
            // The same domain once more, written in full.
            && !domain.ends_with('.')
    });
    if !plausible || mail.len() > MAIL_MAX || !mail.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid("`mail` must be a mail address such as `ada@example.com`."));
    }
    Ok(mail)
}

pub(super) fn checked_name<'a>(field: &str, name: &'a str, longest: usize) -> Result<&'a str, ApiError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > longest || name.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!("`{field}` must have 1 to {longest} characters.")));
    }
    Ok(name)
}

/// An address of the portal that a mail leads to. Browsers keep what follows `#` to themselves: no log and no other site learns
/// the token.
pub fn link(portal: &Url, page: &str, token: &str) -> String {
    format!("{portal}{page}#token={token}")
}

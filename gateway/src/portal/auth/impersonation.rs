//! Platform admins who act as a member of a tenant, and the tenant's consent to it.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
};
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        impersonations::{self, Begin, Impersonation, MINUTES, Refusal},
        support,
    },
    ids::TenantId,
};
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::{Session, accounts_of, checked_mail, checked_name, described_anew, limits};
use crate::{
    Gateway,
    auth::{Admin, Impersonator, Person},
    error::{ApiError, Problem},
};

const REASON_MAX: usize = 500;
const TICKET_MAX: usize = 100;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginImpersonation {
    #[schema(example = "ten_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    tenant_id: String,
    /// The mail address of the member to act as. No platform admin.
    #[schema(example = "ada@example.com")]
    member: String,
    /// 1 to 500 characters; the tenant reads it.
    #[schema(example = "Ada asks why a rule never fires")]
    reason: String,
    /// 1 to 100 characters.
    #[schema(example = "SUP-1207")]
    ticket: String,
}

/// Who acts as whom, for how long, and why.
#[derive(Serialize, ToSchema)]
pub struct ImpersonationBody {
    #[schema(example = "imp_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    tenant_id: String,
    tenant_name: String,
    /// The member they act as.
    user_id: String,
    user_name: String,
    reason: String,
    ticket: String,
    /// May change how agents are set up; otherwise only look.
    can_write: bool,
    expires_at: String,
    /// It is over: nothing can be asked for until it is left.
    is_over: bool,
}

impl From<&Impersonation> for ImpersonationBody {
    fn from(acting: &Impersonation) -> Self {
        Self {
            id: acting.id.to_string(),
            tenant_id: acting.tenant.to_string(),
            tenant_name: acting.tenant_name.clone(),
            user_id: acting.subject.to_string(),
            user_name: acting.subject_name.clone(),
            reason: acting.reason.clone(),
            ticket: acting.ticket.clone(),
            can_write: acting.can_write,
            expires_at: acting.expires_at.format(&Rfc3339).unwrap_or_default(),
            is_over: !acting.lives,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct ConsentBody {
    /// `none`, `read` or `write`.
    #[schema(example = "none")]
    access: String,
    since: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeConsent {
    /// `none`: nobody of the platform sees any content. `read`: a platform admin may look, as a member. `write`: they may
    /// also change how agents are set up. Whoever is inside is out with each change.
    #[schema(example = "read")]
    access: String,
}

/// Lets the session of a platform admin act as a member of a tenant that consents, for thirty minutes.
#[utoipa::path(post, path = "/api/v1/impersonation", request_body = BeginImpersonation, security(("session" = [])),
    responses((status = 200, body = Session), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn begin(
    Person(admin): Person,
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    body: Result<Json<BeginImpersonation>, JsonRejection>,
) -> Result<Json<Session>, ApiError> {
    let db = accounts_of(&gateway);
    if !admin.is_platform_admin {
        if limits::may_note(&gateway, &admin.user.to_string()).await {
            impersonations::note_attempt(&db, &admin).await?;
        }
        return Err(ApiError::forbidden());
    }
    let Json(body) = body?;
    let tenant: TenantId = body.tenant_id.parse().map_err(|_| ApiError::not_found())?;
    let asked = Begin {
        tenant,
        member: &checked_mail(&body.member)?,
        reason: checked_name("reason", &body.reason, REASON_MAX)?,
        ticket: checked_name("ticket", &body.ticket, TICKET_MAX)?,
    };
    impersonations::begin(&db, &admin, &asked).await?.map_err(refusal)?;
    tracing::warn!(user.id = %admin.user, tenant.id = %tenant, minutes = MINUTES, "A platform admin acts in a tenant");
    described_anew(&gateway, &headers).await
}

/// Ends the impersonation: the session is its admin's own again. Also for one that is over already.
#[utoipa::path(delete, path = "/api/v1/impersonation", security(("session" = [])),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn end(
    Impersonator(acting): Impersonator,
    State(gateway): State<Gateway>,
) -> Result<StatusCode, ApiError> {
    impersonations::leave(&accounts_of(&gateway), &acting).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the tenant lets platform admins do for it.
#[utoipa::path(get, path = "/api/v1/impersonation/consent",
    responses((status = 200, body = ConsentBody), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn consent(Admin(admin): Admin) -> Result<Json<ConsentBody>, ApiError> {
    let mut tx = admin.db.begin().await?;
    let (access, since) = support::show(&mut tx).await?;
    tx.close().await?;
    Ok(Json(ConsentBody { access, since: since.format(&Rfc3339).unwrap_or_default() }))
}

/// Changes it. Taken back, it ends what a platform admin does here within five seconds, open streams included.
#[utoipa::path(put, path = "/api/v1/impersonation/consent", request_body = ChangeConsent,
    responses((status = 200, body = ConsentBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn set_consent(
    Admin(admin): Admin,
    body: Result<Json<ChangeConsent>, JsonRejection>,
) -> Result<Json<ConsentBody>, ApiError> {
    let Json(body) = body?;
    if !support::LEVELS.contains(&body.access.as_str()) {
        return Err(ApiError::invalid(format!("`access` must be one of: {}.", support::LEVELS.join(", "))));
    }
    let mut tx = admin.db.begin().await?;
    support::set(&mut tx, &admin.actor, &body.access).await?;
    let (access, since) = support::show(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(ConsentBody { access, since: since.format(&Rfc3339).unwrap_or_default() }))
}

fn refusal(why: Refusal) -> ApiError {
    let conflict = |code, sentence: &str| ApiError::new(StatusCode::CONFLICT, code, sentence);
    match why {
        Refusal::NoTenant => ApiError::not_found(),
        Refusal::NoConsent => conflict(
            "no_consent",
            "The tenant has not agreed to it: its owner or an admin can, under Settings › Support access.",
        ),
        Refusal::NoMember => {
            conflict("no_member", "`member` must be the mail address of a member who may be acted as.")
        }
        Refusal::Inside => conflict("impersonating", "End the impersonation that this session is in first."),
    }
}

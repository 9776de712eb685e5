//! Invitations into the tenant. Accepting one stands in `auth::accept`.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    crypto::{new_token, token_hash},
    db::{
        TenantTx, audit,
        invitations::{self, Invitation, NewInvitation},
        mails::{self, Mail},
    },
    ids::InvitationId,
};
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::{
    auth::{checked_mail, link},
    members::Role,
};
use crate::{
    Gateway,
    auth::Admin,
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

#[derive(Serialize, ToSchema)]
pub struct InvitationBody {
    #[schema(example = "inv_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    mail: String,
    #[schema(example = "customer_operator")]
    role: String,
    read_only: bool,
    created_at: String,
    expires_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct InvitationList {
    items: Vec<InvitationBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    #[schema(example = "bob@example.com")]
    mail: String,
    role: Role,
    #[serde(default)]
    read_only: bool,
}

/// Invitations that were neither accepted nor revoked, oldest first.
#[utoipa::path(get, path = "/api/v1/invitations",
    responses((status = 200, body = InvitationList), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list(Admin(admin): Admin) -> Result<Json<InvitationList>, ApiError> {
    let mut tx = admin.db.begin().await?;
    let items = invitations::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(InvitationList { items: items.into_iter().map(InvitationBody::from).collect() }))
}

/// Invites somebody by mail. The link works for seven days, once, for this address and role.
#[utoipa::path(post, path = "/api/v1/invitations", request_body = Invite, params(OnceKey),
    responses((status = 201, body = InvitationBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn invite(
    Admin(admin): Admin,
    once: Once,
    State(gateway): State<Gateway>,
    body: Result<Json<Invite>, JsonRejection>,
) -> Result<(StatusCode, Json<InvitationBody>), ApiError> {
    let Json(body) = body?;
    let (mail, token) = (checked_mail(&body.mail)?, new_token("ksi_"));
    let new = NewInvitation {
        mail: &mail,
        role: body.role.name(),
        read_only: body.read_only,
        makes_owner: false,
        token: &token_hash(&token),
    };
    let mut tx = admin.db.begin().await?;
    let invitation = invitations::create(&mut tx, &admin.actor, &new).await?;
    send(&gateway, &mut tx, &invitation, &token).await?;
    let detail = json!({ "role": invitation.role, "read_only": invitation.read_only });
    let target = invitation.id.to_string();
    audit::append(&mut tx, &admin.actor, "invitation.create", ("invitation", &target), detail).await?;
    once.commit(tx, StatusCode::CREATED, invitation.into()).await
}

/// Mails a new link for seven more days; the old link is dead.
#[utoipa::path(post, path = "/api/v1/invitations/{invitation_id}/resend", params(("invitation_id" = String, Path)),
    responses((status = 200, body = InvitationBody), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn resend(
    Admin(admin): Admin,
    State(gateway): State<Gateway>,
    PathId(id): PathId<InvitationId>,
) -> Result<Json<InvitationBody>, ApiError> {
    let token = new_token("ksi_");
    let mut tx = admin.db.begin().await?;
    let invitation = invitations::renew(&mut tx, id, &token_hash(&token)).await?;
    send(&gateway, &mut tx, &invitation, &token).await?;
    let target = ("invitation", id.to_string());
    audit::append(&mut tx, &admin.actor, "invitation.resend", (target.0, &target.1), json!({})).await?;
    tx.commit().await?;
    Ok(Json(invitation.into()))
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/api/v1/invitations/{invitation_id}", params(("invitation_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn revoke(Admin(admin): Admin, PathId(id): PathId<InvitationId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    invitations::revoke(&mut tx, id).await?;
    let target = ("invitation", id.to_string());
    audit::append(&mut tx, &admin.actor, "invitation.revoke", (target.0, &target.1), json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn send(gateway: &Gateway, tx: &mut TenantTx, invitation: &Invitation, token: &str) -> Result<(), ApiError> {
    let text =
        Mail::Invitation { tenant: invitation.into.clone(), link: link(&gateway.public_url, "accept", token) };
    mails::enqueue(tx, &gateway.keys, &invitation.mail, &text).await?;
    Ok(())
}

impl From<Invitation> for InvitationBody {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id.to_string(),
            mail: invitation.mail,
            role: invitation.role,
            read_only: invitation.read_only,
            created_at: invitation.created_at.format(&Rfc3339).unwrap_or_default(),
            expires_at: invitation.expires_at.format(&Rfc3339).unwrap_or_default(),
        }
    }
}

//! Who belongs to the tenant, and as what.

use axum::{Json, extract::rejection::JsonRejection, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    db::{
        audit::{self, Actor},
        members::{self, Member},
    },
    ids::UserId,
};
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    path_id::PathId,
};

/// What somebody may be to a tenant.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    CustomerAdmin,
    CustomerOperator,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomerAdmin => "customer_admin",
            Self::CustomerOperator => "customer_operator",
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct MemberBody {
    #[schema(example = "usr_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    user_id: String,
    mail: String,
    name: String,
    #[schema(example = "customer_operator")]
    role: String,
    is_owner: bool,
    /// May look, not change.
    read_only: bool,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct MemberList {
    items: Vec<MemberBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMember {
    role: Option<Role>,
    read_only: Option<bool>,
}

/// The members, owner first.
#[utoipa::path(get, path = "/api/v1/members", responses((status = 200, body = MemberList), (status = 401, body = Problem)))]
pub async fn list(operator: Operator) -> Result<Json<MemberList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = members::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(MemberList { items: items.into_iter().map(MemberBody::from).collect() }))
}

/// Changes a member's role, or whether they may change anything.
#[utoipa::path(patch, path = "/api/v1/members/{user_id}", params(("user_id" = String, Path)),
    request_body = ChangeMember,
    responses((status = 200, body = MemberBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn change(
    Admin(admin): Admin,
    PathId(user): PathId<UserId>,
    body: Result<Json<ChangeMember>, JsonRejection>,
) -> Result<Json<MemberBody>, ApiError> {
    let Json(body) = body?;
    if body.role.is_none() && body.read_only.is_none() {
        return Err(ApiError::invalid("Say what to change: `role`, `read_only`, or both."));
    }
    let mut tx = admin.db.begin().await?;
    let member = members::change(&mut tx, &admin.actor, user, body.role.map(Role::name), body.read_only).await?;
    let detail = json!({ "role": member.role, "read_only": member.read_only });
    audit::append(&mut tx, &admin.actor, "member.change", ("user", &user.to_string()), detail).await?;
    tx.commit().await?;
    Ok(Json(member.into()))
}

/// Removes a member. With the next request they are nobody here.
#[utoipa::path(delete, path = "/api/v1/members/{user_id}", params(("user_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove(Admin(admin): Admin, PathId(user): PathId<UserId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    members::remove(&mut tx, &admin.actor, user).await?;
    audit::append(&mut tx, &admin.actor, "member.remove", ("user", &user.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes another member the owner. Only the owner can.
#[utoipa::path(post, path = "/api/v1/members/{user_id}/owner", params(("user_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn transfer(Admin(admin): Admin, PathId(user): PathId<UserId>) -> Result<StatusCode, ApiError> {
    let Actor::User(owner) = admin.actor else { return Err(ApiError::forbidden()) };
    let mut tx = admin.db.begin().await?;
    members::transfer(&mut tx, owner, user).await?;
    audit::append(&mut tx, &admin.actor, "owner.transfer", ("user", &user.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> Self {
        Self {
            user_id: member.user.to_string(),
            mail: member.mail,
            name: member.name,
            role: member.role,
            is_owner: member.is_owner,
            read_only: member.read_only,
            created_at: member.created_at.format(&Rfc3339).unwrap_or_default(),
        }
    }
}

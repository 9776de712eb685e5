//! By which accounts of the provider one can sign in, seen and changed by their owner.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::IntoResponse,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use shared::{
    db::identities,
    ids::{IdentityId, UserId},
};
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::{accounts_of, provider, totp};
use crate::{
    Gateway,
    auth::Person,
    client::Client,
    error::{ApiError, Problem},
    path_id::PathId,
};

#[derive(Serialize, ToSchema)]
pub struct IdentityBody {
    #[schema(example = "idn_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// Whose word it is.
    #[schema(example = "https://id.example.com")]
    issuer: String,
    /// The address it had there when it was connected; may be empty.
    #[schema(example = "ada@example.com")]
    label: String,
    created_at: String,
    last_used_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct IdentityList {
    items: Vec<IdentityBody>,
}

/// Who changes how an account is entered, or where it is, shows once more that it is theirs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProveOwner {
    #[schema(value_type = String)]
    password: SecretString,
    /// Of the second factor, if it is on: what the app shows, or a recovery code.
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
}

impl ProveOwner {
    pub(super) async fn judge(&self, gateway: &Gateway, client: &Client, user: UserId) -> Result<(), ApiError> {
        let account = totp::own_account(gateway, client, user, &self.password).await?;
        totp::prove(gateway, &account, self.code.as_ref()).await.map(drop)
    }
}

/// By what one can sign in besides the password, the oldest first.
#[utoipa::path(get, path = "/api/v1/auth/identities", security(("session" = [])),
    responses((status = 200, body = IdentityList), (status = 401, body = Problem)))]
pub async fn list(Person(person): Person, State(gateway): State<Gateway>) -> Result<Json<IdentityList>, ApiError> {
    let items = identities::list(&accounts_of(&gateway), person.user).await?;
    let body = |item: identities::Identity| IdentityBody {
        id: item.id.to_string(),
        issuer: item.issuer,
        label: item.label,
        created_at: item.created_at.format(&Rfc3339).unwrap_or_default(),
        last_used_at: item.last_used_at.format(&Rfc3339).unwrap_or_default(),
    };
    Ok(Json(IdentityList { items: items.into_iter().map(body).collect() }))
}

/// The way to the provider's page, to connect this account. It comes back to the portal's `settings`.
#[utoipa::path(post, path = "/api/v1/auth/identities", request_body = ProveOwner, security(("session" = [])),
    responses((status = 200, body = provider::ProviderPage), (status = 400, body = Problem),
              (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 429, body = Problem), (status = 502, body = Problem)))]
pub async fn connect(
    Person(person): Person,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<ProveOwner>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(body) = body?;
    body.judge(&gateway, &client, person.user).await?;
    provider::visit(&gateway, Some(person.user), None).await
}

/// Nobody signs in by it any more. Devices that are signed in stay so.
#[utoipa::path(delete, path = "/api/v1/auth/identities/{identity_id}", request_body = ProveOwner,
    params(("identity_id" = String, Path)), security(("session" = [])),
    responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub async fn disconnect(
    Person(person): Person,
    client: Client,
    State(gateway): State<Gateway>,
    PathId(id): PathId<IdentityId>,
    body: Result<Json<ProveOwner>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(body) = body?;
    body.judge(&gateway, &client, person.user).await?;
    let home = person.tenant.map(|(tenant, _)| tenant);
    identities::disconnect(&accounts_of(&gateway), home, person.user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

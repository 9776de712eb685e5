//! Who the caller is.

use axum::{Json, extract::State};
use serde::Serialize;
use shared::db::{budgets::currencies, tenants};
use utoipa::ToSchema;

use super::auth::{Session, describe};
use crate::{
    Gateway,
    auth::Caller,
    error::{ApiError, Problem},
};

/// The tenant and role of a key, or somebody who is signed in.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Me {
    Key {
        #[schema(example = "ten_01k9z3w6h8f2m5x7q4r1t0v9sb")]
        tenant_id: String,
        tenant_name: String,
        #[schema(example = "customer_admin")]
        role: String,
        /// What the tenant says its budgets in.
        #[schema(example = "EUR")]
        currency: String,
    },
    Person(Box<Session>),
}

/// The tenant and role of the key, or the person of the session with all their tenants.
#[utoipa::path(get, path = "/api/v1/me", responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub async fn show(caller: Caller, State(gateway): State<Gateway>) -> Result<Json<Me>, ApiError> {
    let operator = match caller {
        Caller::Person(person) => return Ok(Json(Me::Person(Box::new(describe(&gateway, person).await?)))),
        Caller::Key(operator, _) => operator,
    };
    let mut tx = operator.db.begin().await?;
    let tenant_name = tenants::name(&mut tx).await?;
    let currency = currencies::show(&mut tx).await?.currency;
    tx.close().await?;
    Ok(Json(Me::Key { tenant_id: operator.tenant.to_string(), tenant_name, role: operator.role, currency }))
}

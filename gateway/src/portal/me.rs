//! Who the caller is.

use axum::Json;
use serde::Serialize;
use shared::db::tenants;
use utoipa::ToSchema;

use crate::{
    auth::Operator,
    error::{ApiError, Problem},
};

#[derive(Serialize, ToSchema)]
pub struct Me {
    #[schema(example = "ten_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    tenant_id: String,
    tenant_name: String,
    #[schema(example = "customer_admin")]
    role: String,
}

/// The tenant and role of the key.
#[utoipa::path(get, path = "/api/v1/me", responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub async fn show(operator: Operator) -> Result<Json<Me>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let tenant_name = tenants::name(&mut tx).await?;
    tx.close().await?;
    Ok(Json(Me { tenant_id: operator.tenant.to_string(), tenant_name, role: operator.role }))
}

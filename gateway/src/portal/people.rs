//! People who talk to agents, as far as the tenant says something about them.

use axum::{Json, extract::rejection::JsonRejection};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    db::{audit, people},
    ids::PersonId,
};
use utoipa::ToSchema;

use crate::{
    auth::Operator,
    error::{ApiError, Problem},
    path_id::PathId,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkPerson {
    /// Important: the rule `vip` holds for what they write.
    vip: bool,
}

#[derive(Serialize, ToSchema)]
pub struct MarkedPerson {
    #[schema(example = "per_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    name: String,
    vip: bool,
}

/// Marks somebody as important, or no longer.
#[utoipa::path(patch, path = "/api/v1/people/{person_id}", params(("person_id" = String, Path)), request_body = MarkPerson,
    responses((status = 200, body = MarkedPerson), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn mark(
    operator: Operator,
    PathId(id): PathId<PersonId>,
    body: Result<Json<MarkPerson>, JsonRejection>,
) -> Result<Json<MarkedPerson>, ApiError> {
    let Json(MarkPerson { vip }) = body?;
    let mut tx = operator.db.begin().await?;
    let name = people::set_vip(&mut tx, id, vip).await?;
    audit::append(&mut tx, &operator.actor, "person.mark", ("person", &id.to_string()), json!({ "vip": vip }))
        .await?;
    tx.commit().await?;
    Ok(Json(MarkedPerson { id: id.to_string(), name, vip }))
}

//! What models cost by a tenant's own key, where only the tenant knows: a private endpoint, a deployment by a name of one's own.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    db::{
        audit,
        llm_keys::prices::{self, NewPrice, Price},
    },
    ids::LlmKeyId,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

use super::{
    budgets::usd,
    llm_keys::{MODEL_MAX, text},
};
use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    path_id::PathId,
};

const USD_MAX: f64 = 100_000.0;
const MICRO: f64 = 1_000_000.0;

/// US dollars for a million tokens, as all prices of models.
#[derive(Serialize, ToSchema)]
pub struct ModelPriceBody {
    #[schema(example = "llama-3.3-70b")]
    model: String,
    /// What is booked from then on costs this, until the next price.
    effective_from: String,
    input_usd: f64,
    /// Of what the provider had at hand of a prompt; `null`: like the rest.
    cached_usd: Option<f64>,
    output_usd: f64,
    created_by: String,
}

#[derive(Serialize, ToSchema)]
pub struct ModelPriceList {
    /// By model, the newest first; those before stay.
    items: Vec<ModelPriceBody>,
}

/// US dollars for a million tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelPriceRequest {
    /// Its name, as the provider knows it.
    #[schema(example = "llama-3.3-70b")]
    model: String,
    input_usd: f64,
    /// Of what the provider had at hand of a prompt, at most `input_usd`; if not said, like the rest.
    cached_usd: Option<f64>,
    output_usd: f64,
    /// RFC 3339, not in the past; now, if not said.
    effective_from: Option<String>,
}

/// The prices said for a key.
#[utoipa::path(get, path = "/api/v1/llm-keys/{llm_key_id}/prices", params(("llm_key_id" = String, Path)),
    responses((status = 200, body = ModelPriceList), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn list(operator: Operator, PathId(id): PathId<LlmKeyId>) -> Result<Json<ModelPriceList>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let items = prices::list(&mut tx, id).await?;
    tx.close().await?;
    Ok(Json(ModelPriceList { items: items.into_iter().map(ModelPriceBody::from).collect() }))
}

/// Says what a model costs by this key. It takes the place of the list price for calls that the key pays, and holds for no
/// others; what was booked before keeps its cost.
#[utoipa::path(post, path = "/api/v1/llm-keys/{llm_key_id}/prices", request_body = ModelPriceRequest,
    params(("llm_key_id" = String, Path), OnceKey),
    responses((status = 201, body = ModelPriceBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn add(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    PathId(id): PathId<LlmKeyId>,
    once: Once,
    body: Result<Json<ModelPriceRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<ModelPriceBody>), ApiError> {
    let Json(body) = body?;
    let cached = body.cached_usd.map(|usd| micro("cached_usd", usd)).transpose()?;
    let by = admin.actor.id();
    let new = NewPrice {
        model: text("model", &body.model, MODEL_MAX)?,
        effective_from: body
            .effective_from
            .as_deref()
            .map(|text| moment(text, gateway.clock.now()))
            .transpose()?,
        input: micro("input_usd", body.input_usd)?,
        cached,
        output: micro("output_usd", body.output_usd)?,
        created_by: &by,
    };
    if cached.is_some_and(|cached| cached > new.input) {
        return Err(ApiError::invalid("`cached_usd` must be at most `input_usd`."));
    }
    let mut tx = admin.db.begin().await?;
    let price = prices::add(&mut tx, id, &new).await?;
    let detail = json!({ "model": new.model, "input_micro_usd": new.input, "cached_micro_usd": new.cached,
                         "output_micro_usd": new.output, "effective_from": written(price.effective_from) });
    audit::append(&mut tx, &admin.actor, "llm_key.price", ("llm_key", &id.to_string()), detail).await?;
    once.commit(tx, StatusCode::CREATED, price.into()).await
}

fn moment(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, ApiError> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok().filter(|moment| *moment >= now);
    moment.ok_or_else(|| {
        ApiError::invalid(
            "`effective_from` must be a time such as 2026-12-01T00:00:00Z that is not over: booked costs stay.",
        )
    })
}

fn micro(field: &str, usd: f64) -> Result<i64, ApiError> {
    if !(0.0..=USD_MAX).contains(&usd) {
        return Err(ApiError::invalid(format!(
            "`{field}` must be a number of US dollars from 0 to 100000 for a million tokens."
        )));
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 10^11")]
    Ok((usd * MICRO).round() as i64)
}

fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

impl From<Price> for ModelPriceBody {
    fn from(price: Price) -> Self {
        Self {
            effective_from: written(price.effective_from),
            model: price.model,
            input_usd: usd(price.input),
            cached_usd: price.cached.map(usd),
            output_usd: usd(price.output),
            created_by: price.created_by,
        }
    }
}

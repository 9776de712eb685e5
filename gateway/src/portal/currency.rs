//! The currency a tenant says its budgets in. What was used is counted in US dollars, as providers charge.

use axum::{Json, extract::rejection::JsonRejection, http::StatusCode};
use serde::{Deserialize, Serialize};
use shared::db::budgets::currencies::{self, Rate};
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use crate::{
    auth::{Admin, Operator},
    error::{ApiError, Problem},
};

#[derive(Serialize, ToSchema)]
pub struct CurrencyBody {
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: String,
    /// What a unit of it is worth now, as an exact decimal.
    #[schema(example = "1.0825")]
    usd_per_unit: String,
    /// Currencies that may be chosen beside `USD`.
    rates: Vec<RateBody>,
}

#[derive(Serialize, ToSchema)]
pub struct RateBody {
    #[schema(example = "EUR")]
    currency: String,
    #[schema(example = "1.0825")]
    usd_per_unit: String,
    effective_from: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CurrencyRequest {
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: String,
}

/// The tenant's currency; US dollars until somebody says otherwise.
#[utoipa::path(get, path = "/api/v1/currency",
    responses((status = 200, body = CurrencyBody), (status = 401, body = Problem)))]
pub async fn show(operator: Operator) -> Result<Json<CurrencyBody>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let body = described(&mut tx).await?;
    tx.close().await?;
    Ok(Json(body))
}

/// Changes it. Limits that were said before keep the currency they were said in, until they are said anew.
#[utoipa::path(put, path = "/api/v1/currency", request_body = CurrencyRequest,
    responses((status = 200, body = CurrencyBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem)))]
pub async fn set(
    Admin(admin): Admin,
    body: Result<Json<CurrencyRequest>, JsonRejection>,
) -> Result<Json<CurrencyBody>, ApiError> {
    let Json(CurrencyRequest { currency }) = body?;
    if !currencies::is_code(&currency) {
        return Err(ApiError::invalid("`currency` must be a code of ISO 4217 such as EUR."));
    }
    let mut tx = admin.db.begin().await?;
    if !currencies::set(&mut tx, &admin.actor, &currency).await? {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "no_exchange_rate",
            format!(
                "What {currency} is worth is not known here. Choose one of `rates`, or ask whoever runs the platform to \
                 add it: `konstruct rate --currency {currency} --usd …`."
            ),
        ));
    }
    let body = described(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(body))
}

async fn described(tx: &mut shared::db::TenantTx) -> Result<CurrencyBody, ApiError> {
    let unit = currencies::show(tx).await?;
    let rates = currencies::rates(tx).await?;
    Ok(CurrencyBody {
        usd_per_unit: unit.usd_per_unit(),
        currency: unit.currency,
        rates: rates.into_iter().map(RateBody::from).collect(),
    })
}

impl From<Rate> for RateBody {
    fn from(rate: Rate) -> Self {
        Self {
            usd_per_unit: rate.unit.usd_per_unit(),
            currency: rate.unit.currency,
            effective_from: rate.effective_from.format(&Rfc3339).unwrap_or_default(),
        }
    }
}

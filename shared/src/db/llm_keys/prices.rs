//! What models cost by a tenant's own key, where only the tenant knows. Append-only: what was booked keeps its cost.

use sqlx::Row;
use time::OffsetDateTime;

use crate::{
    db::{DbError, TenantTx},
    ids::LlmKeyId,
};

/// Rows of one key.
pub const PRICES_MAX: i64 = 500;

/// In micro-dollars for a million tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub model: String,
    pub effective_from: OffsetDateTime,
    pub input: i64,
    /// Of what the provider had at hand of a prompt; `None`: like the rest.
    pub cached: Option<i64>,
    pub output: i64,
    pub created_by: String,
}

pub struct NewPrice<'a> {
    pub model: &'a str,
    /// `None`: from now on.
    pub effective_from: Option<OffsetDateTime>,
    pub input: i64,
    pub cached: Option<i64>,
    pub output: i64,
    pub created_by: &'a str,
}

/// Says a price. [`DbError::NotFound`]: no such key.
pub async fn add(tx: &mut TenantTx, key: LlmKeyId, new: &NewPrice<'_>) -> Result<Price, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "insert into llm_key_prices (tenant_id, llm_key_id, model, effective_from, input_micro_usd_per_million,
                                     cached_micro_usd_per_million, output_micro_usd_per_million, created_by)
         select $1, $2, $3, coalesce($4, clock_timestamp()), $5, $6, $7, $8
          where (select count(*) from llm_key_prices where tenant_id = $1 and llm_key_id = $2) < $9
         returning *",
    )
    .bind(tenant)
    .bind(key)
    .bind(new.model)
    .bind(new.effective_from)
    .bind(new.input)
    .bind(new.cached)
    .bind(new.output)
    .bind(new.created_by)
    .bind(PRICES_MAX)
    .fetch_optional(tx.conn())
    .await
    .map_err(|error| match DbError::from(error) {
        error if error.constraint().is_some_and(|name| name.ends_with("_fkey")) => DbError::NotFound,
        error => error.on_constraint(
            "llm_key_prices_pkey",
            "There is a price from this moment on already: say another moment.",
        ),
    })?;
    row.as_ref().map(price).ok_or(DbError::Conflict("There are 500 prices for this key already."))?
}

/// All prices of a key, by model, the newest first. [`DbError::NotFound`]: no such key.
pub async fn list(tx: &mut TenantTx, key: LlmKeyId) -> Result<Vec<Price>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select p.* from llm_keys k
           left join llm_key_prices p on p.tenant_id = $1 and p.llm_key_id = k.llm_key_id
          where k.tenant_id = $1 and k.llm_key_id = $2
          order by p.model, p.effective_from desc limit $3",
    )
    .bind(tenant)
    .bind(key)
    .bind(PRICES_MAX)
    .fetch_all(tx.conn())
    .await?;
    let first = rows.first().ok_or(DbError::NotFound)?;
    if first.try_get::<Option<String>, _>("model")?.is_none() {
        return Ok(Vec::new());
    }
    rows.iter().map(price).collect()
}

fn price(row: &sqlx::postgres::PgRow) -> Result<Price, DbError> {
    Ok(Price {
        model: row.try_get("model")?,
        effective_from: row.try_get("effective_from")?,
        input: row.try_get("input_micro_usd_per_million")?,
        cached: row.try_get("cached_micro_usd_per_million")?,
        output: row.try_get("output_micro_usd_per_million")?,
        created_by: row.try_get("created_by")?,
    })
}

//! Currencies that limits are said in. The ledger is in micro-dollars: what begins (a period, a span of days) is worth in
//! dollars what it was worth when it began, and stays that.

use serde_json::json;
use sqlx::Row;
use time::{Date, OffsetDateTime};

use crate::db::{
    DbError, TenantTx,
    audit::{self, Actor},
};

const MICRO: i64 = 1_000_000;
/// Rates are exact to ten places.
const RATE_ONE: i64 = 10_000_000_000;
const RATES_MAX: i64 = 200;

/// SQL: dollars for one unit of a currency in what began at a time, in units of [`RATE_ONE`].
macro_rules! rate {
    ($currency:expr, $began:expr) => {
        concat!("(usd_per_unit(", $currency, ", ", $began, ") * 10000000000)::bigint")
    };
}
pub(super) use rate;

/// A currency and what it is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// ISO 4217.
    pub currency: String,
    rate: i64,
}

impl Unit {
    /// From the columns `currency` and `rate`.
    pub(super) fn of(row: &sqlx::postgres::PgRow) -> Result<Self, DbError> {
        Ok(Self { currency: row.try_get("currency")?, rate: row.try_get("rate")? })
    }

    /// Micro-dollars in millionths of the unit, rounded up: what is shown as spent is no less than it was. It never seems
    /// to be more than a limit that held.
    pub fn from_micro_usd(&self, micro_usd: i64) -> i64 {
        let (amount, rate) = (i128::from(micro_usd) * i128::from(RATE_ONE), i128::from(self.rate).max(1));
        i64::try_from((amount + rate - 1).div_euclid(rate)).unwrap_or(i64::MAX)
    }

    /// Dollars for one unit, such as `1.0825`.
    pub fn usd_per_unit(&self) -> String {
        let places = format!("{:010}", self.rate % RATE_ONE);
        let places = places.trim_end_matches('0');
        let point = if places.is_empty() { "" } else { "." };
        format!("{}{point}{places}", self.rate / RATE_ONE)
    }
}

/// Whether it looks like a code of ISO 4217.
pub fn is_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|letter| letter.is_ascii_uppercase())
}

/// A currency that a tenant may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    pub unit: Unit,
    pub effective_from: OffsetDateTime,
}

/// SQL: the tenant's currency, as it was worth at a time.
macro_rules! own {
    ($at:literal) => {
        concat!(
            "select t.currency, ",
            rate!("t.currency", $at),
            " as rate from (select (select currency from tenants where tenant_id = $1) as currency) t
              where t.currency is not null"
        )
    };
}

/// The tenant's currency, as it is worth now.
pub async fn show(tx: &mut TenantTx) -> Result<Unit, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(own!("now()")).bind(tenant).fetch_optional(tx.conn()).await?;
    row.as_ref().map(Unit::of).ok_or(DbError::NotFound)?
}

/// The same as it was worth when a day began in a time zone.
pub async fn since(tx: &mut TenantTx, day: Date, time_zone: &str) -> Result<Unit, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(own!("$2::date::timestamp at time zone $3"))
        .bind(tenant)
        .bind(day)
        .bind(time_zone)
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(Unit::of).ok_or(DbError::NotFound)?
}

/// The rates in effect, beside the dollar's.
pub async fn rates(tx: &mut TenantTx) -> Result<Vec<Rate>, DbError> {
    let rows = sqlx::query(
        "select distinct on (currency) currency, (usd_per_unit * 10000000000)::bigint as rate, effective_from
           from exchange_rates where effective_from <= now() order by currency, effective_from desc limit $1",
    )
    .bind(RATES_MAX)
    .fetch_all(tx.conn())
    .await?;
    let rate = |row| Ok(Rate { unit: Unit::of(row)?, effective_from: row.try_get("effective_from")? });
    rows.iter().map(rate).collect()
}

/// Sets the tenant's currency, audited. Limits that were said before keep theirs. `false`: there is no rate for it.
pub async fn set(tx: &mut TenantTx, actor: &Actor, currency: &str) -> Result<bool, DbError> {
    let (tenant, before) = (tx.tenant(), show(tx).await?.currency);
    let set = sqlx::query(
        "update tenants set currency = $2
          where tenant_id = $1
            and ($2 = 'USD' or exists (select from exchange_rates where currency = $2 and effective_from <= now()))",
    )
    .bind(tenant)
    .bind(currency)
    .execute(tx.conn())
    .await?;
    if set.rows_affected() == 1 && before != currency {
        let detail = json!({ "currency": currency, "before": before });
        audit::append(tx, actor, "currency.set", ("tenant", &tenant.to_string()), detail).await?;
    }
    Ok(set.rows_affected() == 1)
}

/// An amount in words: `$12.34`, `12.34 EUR`.
pub fn said(micro: i64, currency: &str) -> String {
    let amount = plain(micro);
    if currency == "USD" { format!("${amount}") } else { format!("{amount} {currency}") }
}

/// `12.34`, with as many places as it takes.
fn plain(micro: i64) -> String {
    let (whole, rest) = (micro / MICRO, micro % MICRO);
    let places = format!("{rest:06}");
    let places = places.trim_end_matches('0');
    format!("{whole}.{places:0<2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_like_money() {
        for (micro, text) in
            [(0, "0.00"), (1_000_000, "1.00"), (1_500_000, "1.50"), (1_234_567, "1.234567"), (5, "0.000005")]
        {
            assert_eq!(plain(micro), text);
        }
        assert_eq!((said(1_500_000, "USD"), said(5, "EUR")), ("$1.50".into(), "0.000005 EUR".into()));
    }

    #[test]
    fn what_was_spent_is_never_shown_as_less() {
        let unit = |rate| Unit { currency: "EUR".into(), rate };
        for (rate, text, micro_usd, micro) in [
            (10_825_000_000, "1.0825", 1_082_500, 1_000_000),
            (10_825_000_000, "1.0825", 1_082_499, 1_000_000),
            (10_825_000_000, "1.0825", 1, 1),
            (RATE_ONE, "1", 7, 7),
            (64_000_000, "0.0064", 1, 157),
            (3, "0.0000000003", i64::MAX, i64::MAX),
        ] {
            let unit = unit(rate);
            assert_eq!((unit.usd_per_unit().as_str(), unit.from_micro_usd(micro_usd)), (text, micro));
        }
    }
}

//! `konstruct rate`: what a currency is worth. What has begun keeps the rate it began with.

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use shared::{
    clock::Clock,
    config::Config,
    db::{Db, budgets::currencies::is_code, system},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

#[derive(Args)]
pub struct Rate {
    /// A code of ISO 4217, such as EUR.
    #[arg(long)]
    currency: String,
    /// US dollars for one unit of it, such as 1.0825: up to ten places.
    #[arg(long, value_name = "DECIMAL")]
    usd: String,
    /// From when on, such as 2026-12-01T00:00:00Z; from now on if not said.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
}

impl Rate {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let (currency, usd) = (self.currency.trim(), self.usd.trim());
        if !is_code(currency) || currency == "USD" {
            bail!("--currency must be a code of ISO 4217 such as EUR; the US dollar needs no rate.");
        }
        if !is_rate(usd) {
            bail!("--usd must be more than 0 and less than 100000000, with ten places at most, such as 1.0825.");
        }
        let from = self.from.as_deref().map(|text| OffsetDateTime::parse(text, &Rfc3339)).transpose();
        let from = from.context("--from must be a time such as 2026-12-01T00:00:00Z")?;
        if from.is_some_and(|from| from < Clock::system().now()) {
            bail!("--from must not be in the past: what has begun keeps the rate it began with.");
        }
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        system::set_rate(&db.system(), currency, usd, from).await.context("The rate was not stored")?;
        let when = self.from.as_deref().unwrap_or("now");
        if as_json {
            println!("{}", json!({ "currency": currency, "usd_per_unit": usd, "effective_from": when }));
        } else {
            println!("From {when} on, one {currency} is ${usd} in every budget whose period begins after that.");
        }
        Ok(())
    }
}

/// An exact decimal, more than nothing, that the table holds as it is.
fn is_rate(text: &str) -> bool {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit())
    };
    digits(whole, 8) && digits(places, 10) && text.bytes().any(|digit| (b'1'..=b'9').contains(&digit))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_rate_is_an_exact_decimal() {
        for good in ["1", "1.0825", "0.0000000001", "99999999.9999999999"] {
            assert!(super::is_rate(good), "{good}");
        }
        for wrong in ["", "0", "0.0", "-1", "1,08", "1.", ".5", "1e3", "100000000", "1.00000000001", "NaN"] {
            assert!(!super::is_rate(wrong), "{wrong}");
        }
    }
}

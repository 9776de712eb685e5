//! `konstruct price`: what a model costs from now on. What was booked before keeps its cost.

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use shared::{
    config::Config,
    db::{Db, system},
};

const MICRO: f64 = 1_000_000.0;
const USD_MAX: f64 = 100_000.0;

#[derive(Args)]
pub struct Price {
    /// Its name, as the provider knows it.
    #[arg(long)]
    model: String,
    /// Dollars for a million tokens of a prompt.
    #[arg(long, value_name = "USD")]
    input: f64,
    /// Dollars for a million tokens of an answer.
    #[arg(long, value_name = "USD")]
    output: f64,
    /// Dollars for a million tokens of a prompt that the provider has at hand; like the rest of it if not said.
    #[arg(long, value_name = "USD")]
    cached: Option<f64>,
}

impl Price {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        let (input, output) = (micro(self.input)?, micro(self.output)?);
        let cached = self.cached.map(micro).transpose()?;
        if cached.is_some_and(|cached| cached > input) {
            bail!("--cached must be at most --input.");
        }
        system::set_price(&db.system(), self.model.trim(), (input, cached, output))
            .await
            .context("The price was not stored")?;
        if as_json {
            println!(
                "{}",
                json!({ "model": self.model.trim(), "input_micro_usd_per_million": input,
                                   "cached_micro_usd_per_million": cached,
                                   "output_micro_usd_per_million": output })
            );
        } else {
            println!(
                "From now on {} costs ${} and ${} for a million tokens.",
                self.model.trim(),
                self.input,
                self.output
            );
        }
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 10^11")]
fn micro(usd: f64) -> anyhow::Result<i64> {
    if !(0.0..=USD_MAX).contains(&usd) {
        bail!("A price must be from 0 to 100000 dollars for a million tokens.");
    }
    Ok((usd * MICRO).round() as i64)
}

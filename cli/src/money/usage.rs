//! `konstruct usage`: what models were used for, and what it cost.

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::json;
use shared::{
    clock::Clock,
    config::Config,
    db::{
        Db,
        budgets::{
            self,
            currencies::{self, Unit, said},
        },
        usage_report::{self, By, Usage as Line},
    },
    ids::{AgentId, PersonId, TenantId},
};
use time::{Date, Duration, format_description::BorrowedFormatItem, macros::format_description};

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const DAYS_DEFAULT: i64 = 30;

#[derive(Args)]
pub struct Usage {
    #[arg(long)]
    tenant: TenantId,
    #[arg(long, value_enum, default_value = "model")]
    by: Grouping,
    /// The first day, such as 2026-11-01; 30 days ago if not said.
    #[arg(long)]
    from: Option<String>,
    /// The last day; today if not said.
    #[arg(long)]
    to: Option<String>,
    /// Whose days they are.
    #[arg(long, default_value = "UTC")]
    time_zone: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Grouping {
    Agent,
    Person,
    Model,
    Day,
}

impl Usage {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        let day =
            |text: &String| Date::parse(text, DAY).context("--from and --to must be days such as 2026-11-01");
        let to = self.to.as_ref().map(day).transpose()?.unwrap_or(Clock::system().now().date());
        let from = match &self.from {
            Some(text) => day(text)?,
            None => to.checked_sub(Duration::days(DAYS_DEFAULT)).unwrap_or(to),
        };
        let by = match self.by {
            Grouping::Agent => By::Agent,
            Grouping::Person => By::Person,
            Grouping::Model => By::Model,
            Grouping::Day => By::Day,
        };
        let mut tx = db.tenant(self.tenant).begin().await?;
        shared::db::tenants::name(&mut tx).await.with_context(|| format!("There is no tenant {}", self.tenant))?;
        if !budgets::knows_zone(&mut tx, &self.time_zone).await? {
            bail!("--time-zone must be a name such as Europe/Berlin.");
        }
        let lines = usage_report::report(&mut tx, by, (from, to), &self.time_zone).await?;
        let unit = currencies::since(&mut tx, from, &self.time_zone).await?;
        let limits = budgets::list(&mut tx).await?;
        tx.close().await?;
        if as_json {
            let items: Vec<_> = lines.iter().map(|line| machine(by, line, &unit)).collect();
            let head = json!({ "from": from.format(DAY)?, "to": to.format(DAY)?, "currency": unit.currency,
                               "usd_per_unit": unit.usd_per_unit(), "items": items });
            println!("{head}");
            return Ok(());
        }
        println!(
            "{:<40} {:>8} {:>8} {:>12} {:>12} {:>14}",
            "", "calls", "failed", "tokens in", "tokens out", "cost"
        );
        for line in &lines {
            println!("{}", table_line(line, &unit));
        }
        for budget in limits {
            let of = |micro| said(micro, &budget.unit.currency);
            let limit = budget.limit_micro.map_or("No limit set".to_owned(), of);
            let spent = of(budget.unit.from_micro_usd(budget.spent_micro_usd));
            println!("Budget ({}, {}): {spent} of {limit}", budget.scope.name(), budget.period);
        }
        Ok(())
    }
}

fn machine(by: By, line: &Line, unit: &Unit) -> serde_json::Value {
    let key = line.key.clone().map(|key| match (by, key.parse()) {
        (By::Agent, Ok(id)) => AgentId::from_uuid(id).to_string(),
        (By::Person, Ok(id)) => PersonId::from_uuid(id).to_string(),
        _ => key,
    });
    json!({
        "key": key, "name": line.name, "calls": line.calls, "failed_calls": line.failed_calls,
        "input_tokens": line.input_tokens, "output_tokens": line.output_tokens, "audio_seconds": line.audio_seconds,
        "cost_micro_usd": line.cost_micro_usd, "own_cost_micro_usd": line.own_cost_micro_usd,
        "cost_micro": unit.from_micro_usd(line.cost_micro_usd), "unpriced_calls": line.unpriced_calls,
    })
}

/// Calls without a price are said beside the sum: they are no part of it.
fn table_line(line: &Line, unit: &Unit) -> String {
    let name = line.name.as_deref().or(line.key.as_deref()).unwrap_or("(nobody)");
    let name: String = name.chars().take(40).collect();
    let cost = said(unit.from_micro_usd(line.cost_micro_usd), &unit.currency);
    let cost = if line.unpriced_calls == line.calls {
        "no price".to_owned()
    } else if line.unpriced_calls > 0 {
        format!("{cost} + {} unpriced", line.unpriced_calls)
    } else {
        cost
    };
    format!(
        "{name:<40} {:>8} {:>8} {:>12} {:>12} {cost:>14}",
        line.calls, line.failed_calls, line.input_tokens, line.output_tokens
    )
}

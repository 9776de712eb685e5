//! `make bench`: each figure beside a floor that was measured in the same run, interleaved with it.
//!
//! A ratio survives a busy or a slow machine, an absolute number does not: read the ratios. One file per benchmark;
//! `report` holds the figures and prints them, `house` is an installation in this process with simulated providers.

mod accept;
mod accept_load;
mod audit;
pub mod bulk;
mod channels;
mod chart;
mod cpu;
mod crowd;
mod doorstep;
mod embedding;
mod erasure;
mod failover;
mod files;
mod gate;
mod growth;
mod growth_recall;
mod house;
mod lists;
mod memory;
mod money;
mod office;
mod peer;
mod peers;
mod pgbench;
mod process;
mod races;
mod recall;
mod report;
mod rules;
mod sample;
mod startup;
mod street;
mod turn;
mod turn_burst;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, bail};
use report::Report;
pub use sample::Dice;

/// All benchmarks, in the order they run.
pub const NAMES: [&str; 17] = [
    "accept",
    "peers",
    "turn",
    "startup",
    "memory",
    "embedding",
    "recall",
    "money",
    "failover",
    "channels",
    "races",
    "rules",
    "files",
    "audit",
    "lists",
    "erasure",
    "growth",
];

/// Runs the named benchmarks, all of them if none is named; growth and lists up to `tenants_max`. Returns how many bars were missed.
///
/// # Errors
/// If a benchmark could not be run; a missed bar is no error.
pub async fn run(names: &[String], tenants_max: usize) -> anyhow::Result<usize> {
    if let Some(unknown) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        bail!("`{unknown}` is no benchmark; there are: {}", NAMES.join(", "));
    }
    let mut missed = 0;
    for name in NAMES {
        if !names.is_empty() && !names.iter().any(|given| given == name) {
            continue;
        }
        let began = Instant::now();
        let report =
            one(name, tenants_max).await.with_context(|| format!("the benchmark `{name}` could not be run"))?;
        report.print(began.elapsed());
        let json = report.write(&folder()?)?;
        if name == "growth" {
            growth::draw(&json)?;
        }
        missed += report.missed();
    }
    Ok(missed)
}

async fn one(name: &str, tenants_max: usize) -> anyhow::Result<Report> {
    match name {
        "accept" => accept::run().await,
        "peers" => peers::run().await,
        "startup" => startup::run().await,
        "turn" => turn::run().await,
        "memory" => memory::run().await,
        "embedding" => embedding::run().await,
        "recall" => recall::run().await,
        "money" => money::run().await,
        "failover" => failover::run().await,
        "channels" => channels::run().await,
        "races" => races::run().await,
        "rules" => rules::run().await,
        "files" => files::run().await,
        "audit" => audit::run().await,
        "lists" => lists::run(tenants_max).await,
        "erasure" => erasure::run().await,
        "growth" => growth::run(tenants_max).await,
        other => bail!("`{other}` is no benchmark"),
    }
}

/// `target/bench`, wherever the build put this program.
fn folder() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    Ok(here.ancestors().nth(2).context("the program lies outside of a target folder")?.join("bench"))
}

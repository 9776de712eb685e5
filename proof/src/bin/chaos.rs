//! `make chaos`: see `proof::chaos`. Ends with a failure if an invariant is broken.

#![expect(clippy::print_stdout, reason = "the verdict goes to standard output; logs go to standard error")]

use std::{fmt::Display, process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use proof::chaos::{
    Layout,
    driver::{self},
    driver_runs::{flood, throughput},
    invariants::Bars,
    plan::Plan,
};

const USAGE: &str = "usage: chaos [run|plan|calm|flood|rolling] [--seconds=N] [--seed=N] [--events=N]";
const SEED: u64 = 20_261_126;
/// Of a fault-free run, in events; a little less than the product can do on two processors.
const CALM_EVENTS_PER_SECOND: f64 = 150.0;
const THROUGHPUT_TIME: Duration = Duration::from_secs(40);
const CHAOS: Bars = Bars { duplicates_per_100_000: 20.0, calm: false };
const CALM: Bars = Bars { duplicates_per_100_000: 1.0, calm: true };

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Words {
    command: String,
    seconds: Option<u64>,
    seed: u64,
    events: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match read(std::env::args().skip(1)) {
        Ok(words) => match obey(&words).await {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                println!("error: {error:#} (seed {})", words.seed);
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            println!("{error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// An empty value counts as not said: the Makefile passes all of them.
fn read(arguments: impl Iterator<Item = String>) -> anyhow::Result<Words> {
    let mut words = Words { command: "run".into(), seconds: None, seed: SEED, events: None };
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
        let number =
            || value.replace('_', "").parse::<u64>().with_context(|| format!("`{argument}` names no number"));
        match name {
            "--seconds" | "--seed" | "--events" if value.is_empty() => {}
            "--seconds" => words.seconds = Some(number()?),
            "--seed" => words.seed = number()?,
            "--events" => words.events = Some(number()?),
            "run" | "plan" | "calm" | "flood" | "rolling" => words.command = name.into(),
            _ => bail!("`{argument}` is not understood"),
        }
    }
    Ok(words)
}

async fn obey(words: &Words) -> anyhow::Result<bool> {
    if cfg!(debug_assertions) {
        println!("This is a debug build: its rates say nothing. Use `make chaos`.");
    }
    let seconds = |usual: u64| Duration::from_secs(words.seconds.unwrap_or(usual));
    let events = |usual: u64| words.events.unwrap_or(usual);
    match words.command.as_str() {
        "plan" => {
            println!("{}", Plan::chaos(words.seed, seconds(600), events(100_000)));
            Ok(true)
        }
        "calm" => tell(Plan::calm(words.seed, events(300_000), CALM_EVENTS_PER_SECOND), CALM).await,
        "rolling" => {
            let holds = tell(Plan::rolling(words.seed, seconds(120), events(6_000)), CHAOS).await?;
            let one = throughput(words.seed, Layout::default(), THROUGHPUT_TIME).await?;
            let many = Layout { gateways: 2, orchestrators: 3, workers: 2, ..Layout::default() };
            let more = throughput(words.seed, many, THROUGHPUT_TIME).await?;
            println!(
                "one of each: {one:.1} answers/s; 2 gateways, 3 orchestrators, 2 workers: {more:.1} answers/s"
            );
            Ok(holds)
        }
        "flood" => {
            let flood = flood(words.seed, events(100_000)).await?;
            Ok(say(&flood, flood.holds()))
        }
        _ => tell(Plan::chaos(words.seed, seconds(600), events(100_000)), CHAOS).await,
    }
}

async fn tell(plan: Plan, bars: Bars) -> anyhow::Result<bool> {
    println!("{plan}");
    let report = driver::run(&plan, bars).await?;
    Ok(say(&report, report.holds()))
}

fn say(what: &impl Display, holds: bool) -> bool {
    println!("{what}");
    holds
}

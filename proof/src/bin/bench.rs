//! `make bench`: see `proof::bench`.

#![expect(clippy::print_stdout, reason = "the verdict goes to standard output; logs go to standard error")]

use std::process::ExitCode;

use anyhow::anyhow;
use shared::{
    config::{LogConfig, LogFormat},
    telemetry,
};

/// As in `konstruct`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (options, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with('-'));
    let (mut strict, mut tenants_max) = (false, Some(usize::MAX));
    for option in options {
        match option.strip_prefix("--tenants=") {
            Some(most) => tenants_max = most.parse().ok(),
            None if option == "--strict" => strict = true,
            None => tenants_max = None,
        }
    }
    let Some(tenants_max) = tenants_max else {
        println!("usage: bench [--strict] [--tenants=MOST] [NAME…], where a name is one of:");
        println!("{}", proof::bench::NAMES.join(", "));
        return ExitCode::from(2);
    };
    match measure(&names, tenants_max) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            println!("\n{missed} bars were MISSED.");
            if strict { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(names: &[String], tenants_max: usize) -> anyhow::Result<usize> {
    rustls::crypto::aws_lc_rs::default_provider().install_default().map_err(|_| anyhow!("TLS can't be set up"))?;
    if cfg!(debug_assertions) {
        println!("This is a debug build: its figures say nothing. Use `make bench`.");
    }
    // The product's own tracing and metrics run along: they are part of what a request costs.
    let log = LogConfig { format: LogFormat::Pretty, filter: "warn,sqlx=error".into(), otlp_endpoint: None };
    let _telemetry = telemetry::start("bench", &log).map_err(|error| anyhow!(error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(proof::bench::run(names, tenants_max))
}

//! `make isolation`: see `proof::isolation::scale`.

#![expect(clippy::print_stdout, reason = "the verdict goes to standard output; logs go to standard error")]

use std::process::ExitCode;

const USAGE: &str = "usage: isolation [--operations 1000000] [--seed 1]";

fn main() -> ExitCode {
    let (mut operations, mut seed) = (1_000_000, 1);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number = words.next().and_then(|text| text.parse().ok());
        match (word.as_str(), number) {
            ("--operations", Some(number)) => operations = number,
            ("--seed", Some(number)) => seed = number,
            _ => {
                println!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let reported = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(proof::isolation::scale::run(operations, seed)));
    match reported {
        Ok(report) => {
            println!("{report}");
            if report.leaks.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

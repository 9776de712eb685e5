//! What a fault run found: a line for the person who watches, a record in `target/proof/faults.json`, and the page
//! `proof/FAULTS.md` made of it.
//!
//! Records of one run replace those of the same name from an earlier one, so that single scenarios can be run again.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

static WRITING: Mutex<()> = Mutex::new(());

/// One fault that was tried, or why it was not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Of the fault matrix: `F07`.
    pub fault: String,
    /// "PostgreSQL is stopped immediately under load"
    pub what: String,
    /// From the end of the fault until nothing waited any more.
    pub recovered_seconds: Option<f64>,
    pub bound_seconds: Option<f64>,
    /// What was counted, or why the fault was left out.
    pub note: String,
}

impl Outcome {
    /// Recovered in time, or the scenario fails.
    ///
    /// # Panics
    /// If it took longer than the bound, or the record can't be written.
    pub fn recovered(fault: &str, what: &str, after: Duration, bound: Duration, note: impl Into<String>) {
        let outcome = Self {
            recovered_seconds: Some(after.as_secs_f64()),
            bound_seconds: Some(bound.as_secs_f64()),
            ..Self::noted(fault, what, note)
        };
        outcome.publish();
        assert!(after <= bound, "{fault} {what}: recovered only after {after:?}");
    }

    /// It held, and there is nothing to recover from.
    ///
    /// # Panics
    /// If the record can't be written.
    pub fn held(fault: &str, what: &str, note: impl Into<String>) {
        Self::noted(fault, what, note).publish();
    }

    /// Not tried, and why.
    ///
    /// # Panics
    /// If the record can't be written.
    pub fn skipped(fault: &str, what: &str, why: &str) {
        Self::noted(fault, what, format!("not tried: {why}")).publish();
    }

    fn noted(fault: &str, what: &str, note: impl Into<String>) -> Self {
        Self {
            fault: fault.into(),
            what: what.into(),
            recovered_seconds: None,
            bound_seconds: None,
            note: note.into(),
        }
    }

    fn publish(self) {
        let _one = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        // Not by a macro, whose output the test harness keeps to itself.
        writeln!(std::io::stderr(), "{}", self.line()).expect("standard error takes a line");
        let mut all = read().unwrap_or_default();
        all.insert(format!("{} {}", self.fault, self.what), self);
        write(&all).expect("target/proof can be written");
    }

    fn line(&self) -> String {
        let Self { fault, what, note, .. } = self;
        match (self.recovered_seconds, self.bound_seconds) {
            (Some(after), Some(bound)) => {
                format!("{fault} {what} … recovered after {after:.1} s (bound {bound:.0} s); {note}")
            }
            _ => format!("{fault} {what} … {note}"),
        }
    }
}

/// The page, from what the last run recorded.
pub fn page() -> anyhow::Result<String> {
    let all = read().context("no fault run is recorded: `cargo test --workspace --test faults`")?;
    let mut page = String::from(
        "# The fault matrix, as last run\n\nMade by `cargo run --bin faults_page` from `target/proof/faults.json`, which \
         `cargo test --workspace --test faults` writes. Each line is a scenario that asserts what its fault must not break; \
         the time is from the end of the fault until no message waited any more.\n\n\
         | | Fault | Recovered after | Bound | Seen |\n|---|---|---|---|---|\n",
    );
    for outcome in all.values() {
        let seconds = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1} s"));
        page += &format!(
            "| {} | {} | {} | {} | {} |\n",
            outcome.fault,
            outcome.what,
            seconds(outcome.recovered_seconds),
            seconds(outcome.bound_seconds),
            outcome.note
        );
    }
    Ok(page)
}

/// Sorted by fault, then by name.
type Outcomes = BTreeMap<String, Outcome>;

fn read() -> anyhow::Result<Outcomes> {
    Ok(serde_json::from_slice(&fs::read(place())?)?)
}

fn write(all: &Outcomes) -> anyhow::Result<()> {
    let place = place();
    fs::create_dir_all(place.parent().context("it has a folder")?)?;
    let new = place.with_extension("new");
    fs::write(&new, serde_json::to_vec_pretty(all)?)?;
    Ok(fs::rename(new, place)?)
}

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/proof/faults.json")
}

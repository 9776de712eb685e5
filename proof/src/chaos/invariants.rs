//! The invariants of the design as functions: over the ledger, over what is stored, over samples of the running system.
//!
//! Each returns a [`Verdict`] that names what broke it. `invariants_messages.rs` judges what came in,
//! `invariants_replies.rs` what went out, `invariants_bounds.rs` isolation, money and limits; `invariants_stored.rs` reads
//! the database as `konstruct_ops`. A checker that can't fail is worth nothing: each has a test that plants a violation.

use std::fmt;

use super::{
    invariants_bounds as bounds, invariants_messages as messages, invariants_replies as replies,
    invariants_samples::Samples, invariants_stored::Stored, ledger::Ledger,
};

/// Violations that are printed; the rest is counted.
const PRINTED_MAX: usize = 8;
const PROMISE_WIDTH: usize = 42;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub id: &'static str,
    pub promise: &'static str,
    /// What was held against the promise.
    pub examined: u64,
    pub violations: Vec<String>,
    /// What a reader should know even if it holds.
    pub notes: Vec<String>,
}

impl Verdict {
    pub fn new(id: &'static str, promise: &'static str) -> Self {
        Self { id, promise, examined: 0, violations: Vec::new(), notes: Vec::new() }
    }

    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    /// Counts one examined thing, and the violation if it is one.
    pub fn examine(&mut self, violation: Option<String>) {
        self.examined += 1;
        self.violations.extend(violation);
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dots = ".".repeat(PROMISE_WIDTH.saturating_sub(self.promise.chars().count() + self.id.len()));
        let word = if self.holds() { "holds" } else { "BROKEN" };
        let (broken, examined) = (grouped(self.violations.len() as u64), grouped(self.examined));
        write!(f, "{} {} {dots} {word} ({broken} of {examined})", self.id, self.promise)?;
        for violation in self.violations.iter().take(PRINTED_MAX) {
            write!(f, "\n        ! {violation}")?;
        }
        for note in &self.notes {
            write!(f, "\n        {note}")?;
        }
        Ok(())
    }
}

/// 100000 → 100,000.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What a run is measured against.
#[derive(Clone, Copy, Debug)]
pub struct Bars {
    /// Explained duplicates that are tolerated in 100,000 events.
    pub duplicates_per_100_000: f64,
    /// Without faults the ledger of model calls must be complete.
    pub calm: bool,
}

/// All of them, at the end of a run, when nothing is under way.
pub fn judge(ledger: &Ledger, stored: &Stored, samples: &Samples, bars: Bars) -> Vec<Verdict> {
    vec![
        messages::accepted_is_stored(ledger, stored),
        messages::stored_ends(stored),
        replies::one_visible_reply(ledger, stored, bars.duplicates_per_100_000),
        replies::replied_is_visible(ledger, stored),
        messages::order(ledger, stored),
        bounds::no_foreign_canary(ledger, samples),
        messages::one_owner(stored, samples),
        bounds::money(stored, samples, bars.calm),
        bounds::no_pool_poison(samples),
        bounds::bounded(samples),
        bounds::no_tool_effects(ledger, samples),
        bounds::recovery(samples),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_one_line_and_names_what_broke_it() {
        let mut verdict = Verdict::new("INV-5", "per-conversation order");
        verdict.examined = 100_000;
        let line = verdict.to_string();
        assert!(line.starts_with("INV-5 per-conversation order ...") && line.ends_with("holds (0 of 100,000)"));
        verdict.examine(Some("run 7 before run 6".into()));
        let text = verdict.to_string();
        assert!(text.contains("BROKEN (1 of 100,001)") && text.contains("! run 7 before run 6"), "{text}");
    }
}

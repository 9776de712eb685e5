//! What a run says at its end: one line for each invariant, its rate, and its seed.

use std::{fmt, time::Duration};

use super::{
    invariants::{Verdict, grouped},
    invariants_stored::Stored,
    ledger::Ledger,
    plan::Plan,
};

#[derive(Clone, Debug)]
pub struct Report {
    pub seed: u64,
    pub verdicts: Vec<Verdict>,
    pub events: u64,
    pub messages: u64,
    pub answers: u64,
    pub deliveries: u64,
    pub faults: usize,
    /// Traffic went on for so long, and work until so long after the begin.
    pub spoken: Duration,
    pub worked: Duration,
}

impl Report {
    pub fn new(
        plan: &Plan,
        verdicts: Vec<Verdict>,
        ledger: &Ledger,
        stored: &Stored,
        (spoken, worked): (Duration, Duration),
    ) -> Self {
        Self {
            seed: plan.seed,
            verdicts,
            events: ledger.events,
            messages: ledger.messages.len() as u64,
            answers: stored.outbox.iter().filter(|row| row.kind == "answer" && row.state == "sent").count() as u64,
            deliveries: ledger.messages.values().map(|sent| u64::from(sent.deliveries)).sum(),
            faults: ledger.disturbances.len(),
            spoken,
            worked,
        }
    }

    pub fn holds(&self) -> bool {
        self.verdicts.iter().all(Verdict::holds)
    }

    pub fn verdict(&self, id: &str) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.id == id)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for verdict in &self.verdicts {
            writeln!(f, "{verdict}")?;
        }
        let (spoken, worked) = (self.spoken.as_secs_f64(), self.worked.as_secs_f64());
        writeln!(
            f,
            "{} events as {} deliveries, {} messages, {} answers, {} faults; {:.0} events/s for {spoken:.0} s, {:.1} \
             answers/s until {worked:.0} s",
            grouped(self.events),
            grouped(self.deliveries),
            grouped(self.messages),
            grouped(self.answers),
            self.faults,
            self.events as f64 / spoken,
            self.answers as f64 / worked,
        )?;
        let broken: Vec<&str> =
            self.verdicts.iter().filter(|verdict| !verdict.holds()).map(|verdict| verdict.id).collect();
        if broken.is_empty() {
            write!(f, "all {} invariants hold; seed {}", self.verdicts.len(), self.seed)
        } else {
            write!(f, "BROKEN: {}; seed {}", broken.join(", "), self.seed)
        }
    }
}

//! Three minutes of faults, and all invariants afterwards: the short form of `make chaos`.

use std::time::Duration;

use proof::chaos::{driver, invariants::Bars, plan::Plan};

const SEED: u64 = 3;
const TIME: Duration = Duration::from_secs(180);
/// A debug build beside other tests: a modest rate.
const EVENTS: u64 = 3_600;
/// A handful of events more or less is a large share of few: what counts here is that each duplicate is explained.
const BARS: Bars = Bars { duplicates_per_100_000: 1_000.0, calm: false };

#[tokio::test(flavor = "multi_thread")]
async fn three_minutes_of_faults_break_no_invariant() {
    let plan = Plan::chaos(SEED, TIME, EVENTS);
    let report = driver::run(&plan, BARS).await.expect("the run comes to its end");
    // How fast everything comes back depends on what else the machine does; that it does, does not.
    let recovery = report.verdict("INV-16").expect("recovery is judged");
    let drained = !recovery.violations.iter().any(|violation| violation.contains("did not drain"));
    let rest = report.verdicts.iter().filter(|verdict| verdict.id != recovery.id).all(|verdict| verdict.holds());
    assert!(rest && drained, "\n{plan}\n{report}\n");
    assert!(report.answers > 200 && report.faults > 20, "\n{report}\n");
}

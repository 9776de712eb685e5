//! failover: a provider that fails, and how long after that the next one's first token comes.

use anyhow::Context;
use shared::db::agents::{self, AgentShape};
use simulators::{FaultKind, FaultRule};

use super::{
    house::House,
    report::{Figure, Report},
    sample::Sample,
};

const CHANNEL: &str = "C0FAILOVER";
const BAR_MS: f64 = 2_000.0;
const ROUNDS: usize = 10;
/// Each waits as long as the product does.
const HANGING_ROUNDS: usize = 2;
/// The product's patience before the first byte: what hangs is detected then.
const PATIENCE_MS: u64 = 30_000;
const FALLBACK: &str = "simulated-2";

/// What a provider does, how often it is tried, and how long it takes to know it.
fn failures() -> [(&'static str, FaultKind, usize, u64); 5] {
    [
        ("status 500", FaultKind::Status { code: 500, retry_after: None }, ROUNDS, 0),
        ("status 429", FaultKind::Status { code: 429, retry_after: None }, ROUNDS, 0),
        ("status 429, Retry-After 60", FaultKind::Status { code: 429, retry_after: Some(60) }, ROUNDS, 0),
        ("the stream breaks off", FaultKind::CloseMidStream(4), ROUNDS, 0),
        ("nothing before the first byte", FaultKind::StallBeforeFirstToken, HANGING_ROUNDS, PATIENCE_MS),
    ]
}

pub async fn run() -> anyhow::Result<Report> {
    let house = House::open_with(|config| config.llm.fallback_model = Some(FALLBACK.into())).await?;
    let mut report = Report::new("failover");
    for (place, (name, kind, rounds, patience)) in failures().into_iter().enumerate() {
        let mut times = Sample::default();
        for round in 0..rounds {
            // A name that nobody knows anything bad of.
            let primary = format!("primary-{place}-{round}");
            times.push(once(&house, &primary, kind.clone(), patience).await?);
        }
        report.add(Figure::new(format!("{name}, p50"), times.median(), "ms"));
        report.add(Figure::new(format!("{name}, longest"), times.percentile(100.0), "ms").at_most(BAR_MS));
    }
    house.close().await?;
    report.note(format!(
        "From the first failure of an agent's model to the request that its fallback answers with its first token at once, as \
         the simulated provider saw both; {ROUNDS} turns each, {HANGING_ROUNDS} of those that hang, whose failure is known \
         after {} s. A failure that may pass is tried once more at the same model, 800 ms later: that is part of it.",
        PATIENCE_MS / 1_000
    ));
    Ok(report)
}

/// Milliseconds.
async fn once(house: &House, primary: &str, kind: FaultKind, patience_ms: u64) -> anyhow::Result<f64> {
    house.model.faults().clear();
    house.model.faults().add(FaultRule::always("completions", kind).target(primary));
    house.model.clear_requests();
    let mut tx = house.db().begin().await?;
    agents::shape(&mut tx, "Kona", &AgentShape { model: Some(primary.to_owned()), ..AgentShape::default() })
        .await?;
    tx.commit().await?;
    house.asks(CHANNEL, "UADA", "what did we decide about the launch date?");
    let requests = house.model_asked(FALLBACK).await?;
    let of = |model: &str| requests.iter().find(|request| request.body["model"] == model).map(|one| one.at_ms);
    let (failed, next) = (of(primary).context("the model was not asked")?, of(FALLBACK).unwrap_or_default());
    // A clock in whole milliseconds: what is detected a moment early was detected at once.
    Ok(f64::from(u32::try_from(next.saturating_sub(failed + patience_ms))?))
}

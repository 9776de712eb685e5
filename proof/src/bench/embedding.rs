//! embedding: texts per second and the wait for one, against the bare library without our batches.

use anyhow::Context;
use shared::{
    config::Config,
    embedding::{self, Embedder},
};

use super::{
    bulk,
    report::{Figure, Report},
    sample::{Dice, Sample, timed},
};

const BATCH: usize = 64;
const BATCH_ROUNDS: usize = 8;
const SINGLE_ROUNDS: usize = 60;
/// From a short question to a long message.
const WORDS_MIN: usize = 4;
const WORDS_MAX: usize = 60;
const BATCH_BAR: f64 = 0.9;
const SINGLE_BAR: f64 = 1.2;

pub async fn run() -> anyhow::Result<Report> {
    let config = Config::load()?;
    let embedder = Embedder::new(&config);
    let mut bare = Bare(Some(embedding::bare(&config)?));
    let mut dice = Dice::new(64);
    let texts: Vec<String> = (0..BATCH).map(|_| bulk::sentence(&mut dice, WORDS_MIN, WORDS_MAX)).collect();
    let (mut ours, mut floor) = (Sample::default(), Sample::default());
    for round in 0..=BATCH_ROUNDS {
        let (embedded, batch) = timed(embedder.embed(texts.clone())).await;
        embedded?;
        let (embedded, whole) = timed(bare.embed(texts.clone())).await;
        embedded?;
        if round > 0 {
            ours.push(BATCH as f64 * 1_000.0 / batch);
            floor.push(BATCH as f64 * 1_000.0 / whole);
        }
    }
    let (mut single, mut single_floor) = (Sample::default(), Sample::default());
    for round in 0..=SINGLE_ROUNDS {
        let text = vec![texts[round % BATCH].clone()];
        let (embedded, one) = timed(embedder.embed(text.clone())).await;
        embedded?;
        let (embedded, alone) = timed(bare.embed(text)).await;
        embedded?;
        if round > 0 {
            single.push(one);
            single_floor.push(alone);
        }
    }
    Ok(report(&ours, &floor, &single, &single_floor))
}

fn report(ours: &Sample, floor: &Sample, single: &Sample, single_floor: &Sample) -> Report {
    let mut report = Report::new("embedding");
    let batch = Figure::new(format!("texts/s, batch of {BATCH}"), ours.median(), "/s");
    report.add(batch.floor(floor.median()).ratio_at_least(BATCH_BAR));
    let one = Figure::new("one text p50", single.median(), "ms");
    report.add(one.floor(single_floor.median()).ratio_at_most(SINGLE_BAR));
    let slow = Figure::new("one text p95", single.percentile(95.0), "ms");
    report.add(slow.floor(single_floor.percentile(95.0)));
    report.note(format!(
        "Texts of {WORDS_MIN} to {WORDS_MAX} words. Floor: the bare library in this process, same model and thread \
         count, all {BATCH} texts in one padded batch; {BATCH_ROUNDS} and {SINGLE_ROUNDS} interleaved rounds."
    ));
    report
}

/// The library's own model, on a blocking thread as ours is.
struct Bare(Option<embedding::BareModel>);

impl Bare {
    async fn embed(&mut self, texts: Vec<String>) -> anyhow::Result<()> {
        let mut model = self.0.take().context("the bare model is gone")?;
        let embedding = tokio::task::spawn_blocking(move || {
            let embedded = model.embed(&texts, Some(texts.len()));
            (model, embedded)
        });
        let (model, embedded) = embedding.await?;
        self.0 = Some(model);
        embedded.map_err(|error| anyhow::anyhow!("the bare model failed: {error}"))?;
        Ok(())
    }
}

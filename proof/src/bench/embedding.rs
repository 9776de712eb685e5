//! embedding: texts per second and the wait for one, against the bare library without our batches, and against Python.
//!
//! The Python peer is the ONNX runtime with the same weights and one thread, batched as sentence-transformers does it; the
//! package itself would bring PyTorch, a gigabyte, for the same model.

use anyhow::{Context, ensure};
use serde::Deserialize;
use shared::{
    config::Config,
    embedding::{self, Embedder},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{ChildStdin, ChildStdout},
};

use super::{
    bulk, cpu,
    peer::{Kind, Peer},
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
/// As the product's own.
const THREADS: usize = 1;
/// Two runs of one model differ by rounding only.
const SAME: f32 = 0.999;

/// One way to embed.
#[derive(Default)]
struct Way {
    /// Texts a second, in batches.
    batch: Sample,
    /// Milliseconds of processor time a text, in batches.
    cpu: Sample,
    /// Milliseconds of one text alone.
    single: Sample,
}

impl Way {
    fn note_batch(&mut self, took_ms: f64, cpu_ms: f64) {
        self.batch.push(BATCH as f64 * 1_000.0 / took_ms);
        self.cpu.push(cpu_ms / BATCH as f64);
    }
}

pub async fn run() -> anyhow::Result<Report> {
    let config = Config::load()?;
    let embedder = Embedder::new(&config);
    let mut bare = Bare(Some(embedding::bare(&config)?));
    let mut python = Python::start(&config);
    let mut dice = Dice::new(64);
    let texts: Vec<String> = (0..BATCH).map(|_| bulk::sentence(&mut dice, WORDS_MIN, WORDS_MAX)).collect();
    let (mut ours, mut floor, mut peer) = (Way::default(), Way::default(), Way::default());
    // Round 0 loads the models.
    for round in 0..=BATCH_ROUNDS {
        let before = cpu::of_us()?;
        let (embedded, took) = timed(embedder.embed(texts.clone())).await;
        let (vectors, spent) = (embedded?, cpu::of_us()? - before);
        let before = cpu::of_us()?;
        let (embedded, whole) = timed(bare.embed(texts.clone())).await;
        embedded?;
        let bare_spent = cpu::of_us()? - before;
        let answer = match &mut python {
            Ok(python) => Some(python.embed(&texts).await?),
            Err(_) => None,
        };
        if let Some(answer) = &answer {
            answer.is_like(&vectors[0])?;
        }
        if round > 0 {
            ours.note_batch(took, spent);
            floor.note_batch(whole, bare_spent);
            if let Some(answer) = answer {
                peer.note_batch(answer.ms, answer.cpu_ms);
            }
        }
    }
    for round in 0..=SINGLE_ROUNDS {
        let text = vec![texts[round % BATCH].clone()];
        let (embedded, one) = timed(embedder.embed(text.clone())).await;
        embedded?;
        let (embedded, alone) = timed(bare.embed(text.clone())).await;
        embedded?;
        if let Ok(python) = &mut python {
            peer.single.push(python.embed(&text).await?.ms);
        }
        if round > 0 {
            ours.single.push(one);
            floor.single.push(alone);
        }
    }
    let missing = python.err().map(|error| format!("No peer: {error:#}."));
    Ok(report(&ours, &floor, &peer, missing))
}

fn report(ours: &Way, floor: &Way, peer: &Way, missing: Option<String>) -> Report {
    let mut report = Report::new("embedding");
    let batch = Figure::new(format!("texts/s, batch of {BATCH}"), ours.batch.median(), "/s");
    report.add(batch.floor(floor.batch.median()).ratio_at_least(BATCH_BAR));
    let one = Figure::new("one text p50", ours.single.median(), "ms");
    report.add(one.floor(floor.single.median()).ratio_at_most(SINGLE_BAR));
    let slow = Figure::new("one text p95", ours.single.percentile(95.0), "ms");
    report.add(slow.floor(floor.single.percentile(95.0)));
    report.note(format!(
        "Texts of {WORDS_MIN} to {WORDS_MAX} words. Floor: the bare library in this process, same model and thread \
         count, all {BATCH} texts in one padded batch; {BATCH_ROUNDS} and {SINGLE_ROUNDS} interleaved rounds."
    ));
    if let Some(missing) = missing {
        report.note(missing);
        return report;
    }
    let batch = Figure::new("texts/s, to Python", ours.batch.median(), "/s");
    report.add(batch.floor(peer.batch.median()));
    let cpu = Figure::new("processor time a text, to Python", ours.cpu.median(), "ms");
    report.add(cpu.floor(peer.cpu.median()));
    let one = Figure::new("one text p50, to Python", ours.single.median(), "ms");
    report.add(one.floor(peer.single.median()));
    report.note(format!(
        "To Python: the ONNX runtime for Python and Hugging Face's tokenizers with the same weights and {THREADS} thread, \
         batches of 32 by length as sentence-transformers makes them; its time is taken inside of it. Each round compares a \
         vector of both."
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

/// The Python peer, asked line by line.
struct Python {
    _peer: Peer,
    ask: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
struct Answer {
    ms: f64,
    cpu_ms: f64,
    first: Vec<f32>,
}

impl Python {
    fn start(config: &Config) -> anyhow::Result<Self> {
        let folder = config.embedding_model_dir.as_deref().context("EMBEDDING_MODEL_DIR is not set")?;
        let variables = [("EMBEDDING_MODEL_DIR", folder.display().to_string())];
        let (peer, ask, answers) = Peer::talk(Kind::Embedding, THREADS, &variables)?;
        Ok(Self { _peer: peer, ask, answers: BufReader::new(answers).lines() })
    }

    async fn embed(&mut self, texts: &[String]) -> anyhow::Result<Answer> {
        self.ask.write_all((serde_json::to_string(texts)? + "\n").as_bytes()).await?;
        let line = self.answers.next_line().await?.context("the Python peer ended")?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Answer {
    /// A peer that computes something else would be no peer.
    fn is_like(&self, vector: &[f32]) -> anyhow::Result<()> {
        let cosine: f32 = self.first.iter().zip(vector).map(|(one, other)| one * other).sum();
        ensure!(cosine > SAME, "Python's vector is not ours: cosine {cosine}");
        Ok(())
    }
}

//! channels: how soon the platforms get their answer at 300 requests a second of both, and people the first words of theirs.

use std::time::Duration;

use anyhow::Context;
use simulators::{AuthorKind, HistoryEntry, ModelOptions, Say, SlackSimulator, WhatsAppSay};
use tokio::time::{Instant, sleep_until};

use super::{
    report::{Figure, Report},
    sample::Sample,
    street::Street,
};

const CHANNEL: &str = "C0CHANNELS";
const SETTLE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages of both channels together. A mention in Slack comes as two events, and the platforms tell of each answer, its own echo
/// in Slack and three statuses in WhatsApp: together at least [`REQUESTS_LEAST`].
const A_SECOND: u32 = 115;
const REQUESTS_LEAST: f64 = 300.0;
const SECONDS: u32 = 30;
/// In each channel.
const TALKS: u32 = 200;
const ACK_BAR_MS: f64 = 50.0;
const ACK_MAX_MS: f64 = 3_000.0;
const QUESTIONS: usize = 100;
/// Before each piece of a streamed answer.
const TOKEN_DELAY_MS: u64 = 40;
const WORDS_BAR_MS: f64 = 150.0;
const FIRST_WORD: &str = "Quartz";

pub async fn run() -> anyhow::Result<Report> {
    let street = Street::open().await?;
    let mut report = Report::new("channels");
    let words = first_words(&street).await?;
    report.add(Figure::new("the model's first token to the first words, p50", words.median(), "ms"));
    let p95 = words.percentile(95.0);
    report.add(Figure::new("the model's first token to the first words, p95", p95, "ms").at_most(WORDS_BAR_MS));
    let threads = meet(&street).await;
    // A model that thinks and writes as long as models do, and one that leaves the processors no rest.
    let speaking = ModelOptions { token_delay_ms: TOKEN_DELAY_MS, ..ModelOptions::default() };
    street.model.set_options(speaking);
    acknowledged(&street, &threads, "", &mut report).await?;
    street.model.set_options(ModelOptions::default());
    acknowledged(&street, &threads, "model at once: ", &mut report).await?;
    street.close().await?;
    report.note(format!(
        "First words: {QUESTIONS} mentions one after the other, a model that sends a piece every {TOKEN_DELAY_MS} ms; from its \
         first piece to the moment at which the simulated Slack shows it."
    ));
    report.note(format!(
        "Events: {SECONDS} s of {A_SECOND} messages a second, half of them mentions in {TALKS} threads, half messages of {TALKS} \
         people in WhatsApp, and what the simulated platforms tell of each answer; with a model that sends a piece every \
         {TOKEN_DELAY_MS} ms, and again with one that answers at once; gateway, orchestrator and worker are processes that answer them \
         meanwhile, on the same machine as PostgreSQL, the platforms and the model. Timed at a door in front of the gateway, \
         from a request's first byte to its answer."
    ));
    Ok(report)
}

/// Milliseconds from the model's first token to the first words in the thread.
async fn first_words(street: &Street) -> anyhow::Result<Sample> {
    let answer = format!("{FIRST_WORD} {}", "is what the team agreed on. ".repeat(3));
    let options = ModelOptions { token_delay_ms: TOKEN_DELAY_MS, answer: Some(answer), ..ModelOptions::default() };
    street.model.set_options(options);
    let mut times = Sample::default();
    for n in 0..QUESTIONS {
        street.model.clear_requests();
        let seen = street.slack.history(None).last().map_or(0, |entry| entry.seq);
        let question = format!("what did we decide about order {n}?");
        let said = street.slack.say(Say::new(&street.team, CHANNEL, "UADA", &question).mentioning());
        let of_agent = |entry: &HistoryEntry| {
            entry.thread_ts.as_deref() == Some(said.thread_ts.as_str())
                && matches!(entry.author_kind, Some(AuthorKind::Bot))
        };
        let shown = |slack: &SlackSimulator| {
            let news = slack.history_after(seen);
            let first =
                news.iter().find(|entry| of_agent(entry) && says(entry, FIRST_WORD)).map(|entry| entry.at_ms);
            let thread = slack.transcript(&street.team, CHANNEL, Some(&said.thread_ts));
            let is_over = thread.iter().any(|entry| entry.metadata.is_some() && entry.text.contains(FIRST_WORD));
            first.filter(|_| is_over)
        };
        let shown = street.slack.wait_until(PATIENCE, shown).await.context("the agent does not answer")?;
        let asked = street.model.requests().first().context("the model was not asked")?.at_ms;
        times.push(f64::from(u32::try_from(shown.saturating_sub(asked + TOKEN_DELAY_MS))?));
    }
    Ok(times)
}

fn says(entry: &HistoryEntry, word: &str) -> bool {
    entry.text.as_deref().is_some_and(|text| text.contains(word))
}

/// Everybody says hello, and is answered; returns the threads.
async fn meet(street: &Street) -> Vec<String> {
    let threads: Vec<String> = (0..TALKS)
        .map(|n| {
            street.slack.say(Say::new(&street.team, CHANNEL, &format!("U{n}"), "hello").mentioning()).thread_ts
        })
        .collect();
    for n in 0..TALKS {
        street.whatsapp.say(WhatsAppSay::new(&street.number, person(n), "hello"));
    }
    tokio::time::sleep(SETTLE).await;
    threads
}

fn person(n: u32) -> String {
    format!("49151{n:08}")
}

async fn acknowledged(street: &Street, threads: &[String], name: &str, report: &mut Report) -> anyhow::Result<()> {
    street.gate.take();
    let answers_before = shown(street);
    let began = Instant::now();
    for n in 0..A_SECOND * SECONDS {
        sleep_until(began + Duration::from_secs(1) * n / A_SECOND).await;
        let (talk, text) = (n / 2 % TALKS, format!("what did we decide about order {n}?"));
        if n % 2 == 0 {
            let say = Say::new(&street.team, CHANNEL, &format!("U{talk}"), &text);
            street.slack.say(say.in_thread(&threads[talk as usize]).mentioning());
        } else {
            street.whatsapp.say(WhatsAppSay::new(&street.number, person(talk), text));
        }
    }
    let late = began.elapsed().as_secs_f64() - f64::from(SECONDS);
    let answers = shown(street) - answers_before;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let passed = street.gate.take();
    let all = passed.all();
    let ms = |what: &str, value: f64| Figure::new(format!("{name}{what}"), value, "ms");
    let p99 = ms("acknowledged, p99", all.percentile(99.0));
    let rate = all.len() as f64 / (f64::from(SECONDS) + late);
    report.add(Figure::new(format!("{name}requests"), rate, "/s").at_least(REQUESTS_LEAST));
    report.add(Figure::new(format!("{name}answers of agents"), answers as f64 / f64::from(SECONDS), "/s"));
    report.add(ms("acknowledged, p50", all.median()));
    // Where nothing is left of the processors, nobody promises anything but an answer.
    report.add(if name.is_empty() { p99.at_most(ACK_BAR_MS) } else { p99 });
    report.add(ms("acknowledged, longest", all.percentile(100.0)).at_most(ACK_MAX_MS));
    for (what, times) in [("Slack", passed.slack), ("WhatsApp", passed.whatsapp), ("statuses", passed.statuses)] {
        report.add(ms(&format!("of them {what}, p99"), times.percentile(99.0)));
    }
    report.add(Figure::new(format!("{name}refused"), passed.refused as f64, "").at_most(0.0));
    // What waits is answered before anything else is measured.
    let mut before = usize::MAX;
    while before != shown(street) {
        before = shown(street);
        tokio::time::sleep(SETTLE).await;
    }
    Ok(())
}

/// Answers that people see, in both channels.
fn shown(street: &Street) -> usize {
    let thread = street.slack.transcript(&street.team, CHANNEL, None);
    let in_slack = thread.iter().filter(|entry| matches!(entry.author_kind, AuthorKind::Bot)).count();
    let phones = (0..TALKS).map(|n| street.whatsapp.phone(&street.number, &person(n)));
    in_slack + phones.map(|entries| entries.iter().filter(|entry| entry.incoming).count()).sum::<usize>()
}

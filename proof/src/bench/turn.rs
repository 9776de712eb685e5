//! turn: from a mention in Slack to the reply, against the commits and the embedding it can't do without.

use std::time::{Duration, Instant};

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use shared::{
    channels::slack::{SlackApi, Target},
    db,
    ids::OutboxId,
};
use simulators::{Say, SlackOptions, SlackSimulator};
use sqlx::{Executor, PgPool, postgres::PgPoolOptions};

use super::{
    doorstep::Doorstep,
    house::{House, TOKEN},
    report::{Figure, Report},
    sample::{Sample, ms, timed},
    turn_burst::{self, Counts},
};

const WARM_UP: usize = 15;
const TURNS: usize = 80;
/// Accept, claim, open, record: what must be durable before the reply may be shown. The last commit comes after it.
const COMMITS_BEFORE_REPLY: f64 = 4.0;
/// Between turns: the worker has embedded what was said by then.
const PAUSE: Duration = Duration::from_millis(240);
const IDLE: Duration = Duration::from_secs(6);
const PLATFORM_BAR: f64 = 1.5;
const SIGN_BAR_MS: f64 = 400.0;
const COMMITS_BAR: f64 = 6.0;
const ROUND_TRIPS_BAR: f64 = 18.0;
const CHANNEL: &str = "C0TURN";

const QUESTIONS: [&str; 8] = [
    "what did we decide about the launch date?",
    "please remember that the printer on the second floor needs new toner",
    "when does Grace come back from her holiday?",
    "who takes the offer to the customer in Lyon?",
    "remember: the badge number of the visitor is 4711",
    "what is the number of the visitor's badge?",
    "how long did the migration of the warehouse take?",
    "please note that Ada signs the contract on Friday",
];

#[derive(Default)]
struct Figures {
    total: Sample,
    sign: Sample,
    platform: Sample,
    delivery: Sample,
    model: Sample,
    slack: Sample,
    commit: Sample,
    embedding: Sample,
    floor: Sample,
}

pub async fn run() -> anyhow::Result<Report> {
    let house = House::open().await?;
    let mut bare = Bare::prepare(&house).await?;
    for n in 0..WARM_UP {
        let said = house.asks(CHANNEL, "UADA", question(n));
        house.shows(CHANNEL, &said, true).await?;
        bare.measure(&house, question(n)).await?;
    }
    house.settled().await?;
    let idle = turn_burst::idle(IDLE).await;
    let mut figures = Figures::default();
    let (before, began) = (db::statistics(), Instant::now());
    for n in 0..TURNS {
        one_turn(&house, &mut bare, question(n), &mut figures).await?;
    }
    let single = Counts::since(before, began.elapsed(), TURNS, &idle);
    let burst = turn_burst::run(&house, &idle, &QUESTIONS).await?;
    house.close().await?;
    Ok(report(&figures, &single, &burst))
}

fn question(n: usize) -> &'static str {
    QUESTIONS[n % QUESTIONS.len()]
}

async fn one_turn(house: &House, bare: &mut Bare, text: &str, figures: &mut Figures) -> anyhow::Result<()> {
    let began = Instant::now();
    let said = house.asks(CHANNEL, "UADA", text);
    house.shows(CHANNEL, &said, false).await?;
    figures.sign.push_ms(began.elapsed());
    house.shows(CHANNEL, &said, true).await?;
    let total = ms(began.elapsed());
    tokio::time::sleep(PAUSE).await;
    let [delivery, model, update, commit, embedding] = bare.measure(house, text).await?;
    figures.total.push(total);
    figures.model.push(model);
    figures.slack.push(update);
    figures.delivery.push(delivery);
    figures.platform.push(total - delivery - model - update);
    figures.commit.push(commit);
    figures.embedding.push(embedding);
    figures.floor.push(COMMITS_BEFORE_REPLY * commit + embedding);
    Ok(())
}

/// The same calls without the product: model, Slack, a commit, an embedding.
struct Bare {
    pool: PgPool,
    http: reqwest::Client,
    /// A second Slack, so that these calls send the product no events.
    slack: SlackSimulator,
    doorstep: Doorstep,
    api: SlackApi,
    token: SecretString,
    posted: String,
}

impl Bare {
    async fn prepare(house: &House) -> anyhow::Result<Self> {
        let mut owner = house.test.owner().await;
        owner.execute("create table bench_floor (client integer not null, body text not null)").await?;
        let pool = PgPoolOptions::new().max_connections(1).connect(house.test.owner_url.expose_secret()).await?;
        let doorstep = Doorstep::open().await?;
        let slack =
            SlackSimulator::start("127.0.0.1:0".parse()?, SlackOptions::new(&doorstep.url, "bare")).await?;
        let (api, token) = (SlackApi::new(&slack.api_url().parse()?), SecretString::from(TOKEN));
        let target = Target { channel: CHANNEL, thread: None };
        let posted = api.post(&token, target, "_Thinking …_", OutboxId::new()).await?;
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        Ok(Self { pool, http, slack, doorstep, api, token, posted })
    }

    /// Milliseconds of: Slack's delivery of a mention, the last model call once more, `chat.update`, a one-row commit, the
    /// embedding of `text`.
    async fn measure(&mut self, house: &House, text: &str) -> anyhow::Result<[f64; 5]> {
        let delivery = self.delivery(&house.team, text).await?;
        let asked = house.model.requests().pop().context("the model was never asked")?;
        house.model.clear_requests();
        let (called, model) = timed(self.model(house, &asked.body)).await;
        called?;
        let reply = asked.reply.unwrap_or_default();
        let update = self.api.update(&self.token, CHANNEL, &self.posted, &reply, OutboxId::new());
        let (updated, slack) = timed(update).await;
        updated?;
        let (stored, commit) = timed(self.commit()).await;
        stored?;
        let (vector, embedding) = timed(house.embedder.embed_question(house.db().id(), text.to_owned())).await;
        vector?;
        Ok([delivery, model, slack, commit, embedding])
    }

    /// From the mention to the first byte of its event.
    async fn delivery(&mut self, team: &str, text: &str) -> anyhow::Result<f64> {
        self.doorstep.sweep();
        let began = Instant::now();
        self.slack.say(Say::new(team, CHANNEL, "UADA", text).mentioning());
        let arrived = self.doorstep.next().await?;
        Ok(ms(arrived.duration_since(began)))
    }

    async fn model(&self, house: &House, body: &Value) -> anyhow::Result<()> {
        let url = format!("{}/chat/completions", house.model.base_url());
        self.http.post(url).bearer_auth("simulated").json(body).send().await?.error_for_status()?.bytes().await?;
        Ok(())
    }

    async fn commit(&self) -> anyhow::Result<()> {
        let mut connection = self.pool.acquire().await?;
        sqlx::query("insert into bench_floor values ($1, $2)")
            .bind(1)
            .bind("one row of a hundred characters")
            .execute(&mut *connection)
            .await?;
        Ok(())
    }
}

fn report(figures: &Figures, single: &Counts, burst: &turn_burst::Burst) -> Report {
    let mut report = Report::new("turn");
    let floor = figures.floor.median();
    let ms_of = |name: &str, value: f64| Figure::new(name, value, "ms");
    report.add(ms_of("platform time p50", figures.platform.median()).floor(floor).ratio_at_most(PLATFORM_BAR));
    report.add(ms_of("platform time p95", figures.platform.percentile(95.0)).floor(floor));
    report.add(ms_of("first visible sign p50", figures.sign.median()));
    report.add(ms_of("first visible sign p95", figures.sign.percentile(95.0)).at_most(SIGN_BAR_MS));
    report.add(ms_of("mention to reply p50, all in all", figures.total.median()));
    report.add(ms_of("mention to reply p95, all in all", figures.total.percentile(95.0)));
    report.add(ms_of("of it: event delivery p50", figures.delivery.median()));
    report.add(ms_of("of it: model call p50", figures.model.median()));
    report.add(ms_of("of it: chat.update p50", figures.slack.median()));
    report.add(ms_of("floor: one commit p50", figures.commit.median()));
    report.add(ms_of("floor: one embedding p50", figures.embedding.median()));
    let counts = |name: &str, value: f64| Figure::new(name, value, "");
    report.add(counts("commits per message, burst", burst.counts.commits).at_most(COMMITS_BAR));
    report.add(counts("round trips per message, burst", burst.counts.round_trips).at_most(ROUND_TRIPS_BAR));
    report.add(counts("commits per message, single", single.commits));
    report.add(counts("round trips per message, single", single.round_trips));
    report.add(Figure::new("messages/s, burst", burst.per_second, "/s"));
    report.note(format!(
        "{} sequential mentions in fresh threads. Platform time: mention sent → final reply visible, minus Slack's \
         delivery of an event to a bare listener, one model call and one chat.update, each measured right after the turn \
         (the placeholder's post runs beside recall and model and is not subtracted).",
        figures.total.len()
    ));
    report.note(format!(
        "Floor: {COMMITS_BEFORE_REPLY} commits (accept, claim, open, record) as bare one-row inserts by sqlx, and one \
         embedding of the same text, measured after each turn."
    ));
    report.note(format!(
        "Counts are the product's own (shared::db::statistics), minus idle polling of {:.1} commits/s and {:.1} round \
         trips/s; the burst is {} mentions at once, the vectors included.",
        burst.idle.commits, burst.idle.round_trips, burst.messages
    ));
    report
}

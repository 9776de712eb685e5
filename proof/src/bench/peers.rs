//! peers: the same signed events to us and to what a team would write with other libraries, by the same load generator.
//!
//! Ours answers when the event is on disk. Theirs keep nothing: FastAPI hands it to Celery's list in Redis's memory, the two
//! Bolts to a function. All have both processors, and share them with the load generator and their own database.

use std::time::Duration;

use anyhow::{Context, ensure};
use secrecy::ExposeSecret;
use shared::testing::TestDb;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    accept_load::{self, CLIENTS, Load},
    bulk, cpu,
    cpu::Server,
    peer::{Kind, Peer},
    process::Role,
    report::{Figure, Report},
    sample::Sample,
};

const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_secs(1);
const TENANTS: usize = 8;
const WORKERS: usize = 2;
const BAR: f64 = 2.0;
/// A database of Redis that nothing else uses.
const REDIS_DATABASE: u32 = 9;

/// Events a second, and milliseconds of processor time for each, round by round.
#[derive(Default)]
struct Measured {
    per_second: Sample,
    p99: Sample,
    cpu: Sample,
}

/// Who answers.
enum Answerer {
    Ours { gateway: Role, server: Server },
    Theirs { kind: Kind, peer: Peer, redis: u32 },
}

impl Answerer {
    fn name(&self) -> &'static str {
        match self {
            Self::Ours { .. } => "Konstruct, durable",
            Self::Theirs { kind, .. } => kind.name(),
        }
    }

    fn address(&self) -> &str {
        match self {
            Self::Ours { gateway, .. } => &gateway.bind,
            Self::Theirs { peer, .. } => &peer.address,
        }
    }

    /// With the database behind it, without the load generator.
    fn cpu_ms(&self) -> anyhow::Result<f64> {
        match self {
            Self::Ours { gateway, server } => Ok(gateway.cpu_ms()? + server.cpu_ms()?),
            Self::Theirs { kind: Kind::Queue, peer, redis } => Ok(peer.cpu_ms()? + cpu::of_process(*redis)?),
            Self::Theirs { peer, .. } => peer.cpu_ms(),
        }
    }
}

pub async fn run() -> anyhow::Result<Report> {
    let test = TestDb::new().await;
    let mut teams = Vec::new();
    for n in 0..TENANTS {
        teams.push(bulk::firm(&test, &format!("Peers{n}")).await?.team);
    }
    let secret = test.config.slack.signing_secret.expose_secret().to_owned();
    let redis = Redis::of(test.config.redis_url.expose_secret())?;
    let redis_process = redis.process().await?;
    let variables = [("SLACK_SIGNING_SECRET", secret.clone()), ("REDIS_URL", redis.url.clone())];
    let gateway = Role::start("gateway", &test).await?;
    let mut answerers = vec![Answerer::Ours { gateway, server: Server::of(&test).await? }];
    for kind in [Kind::Queue, Kind::BoltForPython, Kind::BoltForJavaScript] {
        let peer = Peer::serve(kind, WORKERS, &variables).await?;
        answerers.push(Answerer::Theirs { kind, peer, redis: redis_process });
    }
    for answerer in &answerers {
        refuses_forgeries(answerer, &teams).await?;
    }
    let mut measured: Vec<Measured> = answerers.iter().map(|_| Measured::default()).collect();
    // Round 0 opens connections and warms what compiles at run time.
    for round in 0..=ROUNDS {
        for (index, (answerer, measured)) in answerers.iter().zip(&mut measured).enumerate() {
            let address = answerer.address().parse()?;
            let run = round * answerers.len() + index;
            let load = Load { address, signing_secret: secret.clone(), teams: teams.clone(), run };
            let before = answerer.cpu_ms()?;
            let outcome = accept_load::drive(load, if round == 0 { WARM_UP } else { TIME })
                .await
                .with_context(|| format!("{} failed under load", answerer.name()))?;
            let spent = answerer.cpu_ms()? - before;
            redis.flush().await?;
            if round > 0 {
                measured.per_second.push(outcome.per_second);
                measured.p99.push(outcome.latencies.percentile(99.0));
                measured.cpu.push(spent / outcome.latencies.len() as f64);
            }
        }
    }
    Ok(report(&answerers, &measured))
}

/// Who skips the signature would be fast for the wrong reason.
async fn refuses_forgeries(answerer: &Answerer, teams: &[String]) -> anyhow::Result<()> {
    let address = answerer.address().parse()?;
    let load = Load { address, signing_secret: "not the secret".to_owned(), teams: teams.to_vec(), run: 0 };
    ensure!(accept_load::drive(load, WARM_UP).await.is_err(), "{} takes forged events", answerer.name());
    Ok(())
}

fn report(answerers: &[Answerer], measured: &[Measured]) -> Report {
    let mut report = Report::new("peers");
    let Some(ours) = measured.first() else { return report };
    for (answerer, theirs) in answerers.iter().zip(measured).skip(1) {
        let name = format!("events/s, to {}", answerer.name());
        let figure = Figure::new(name, ours.per_second.median(), "/s").floor(theirs.per_second.median());
        let is_bar = matches!(answerer, Answerer::Theirs { kind: Kind::Queue, .. });
        report.add(if is_bar { figure.ratio_at_least(BAR) } else { figure });
        let name = format!("p99, to {}", answerer.name());
        report.add(Figure::new(name, ours.p99.median(), "ms").floor(theirs.p99.median()));
        let name = format!("processor time an event, to {}", answerer.name());
        report.add(Figure::new(name, ours.cpu.median(), "ms").floor(theirs.cpu.median()));
    }
    report.note(format!(
        "Value: `konstruct gateway` with PostgreSQL, which answers when the event is on disk (shared commits). Floor: the \
         peer, which keeps nothing durably and knows neither duplicates, order nor tenants. Signed events of {TENANTS} \
         workspaces over {CLIENTS} kept-alive connections; medians of {ROUNDS} interleaved rounds of {} s.",
        TIME.as_secs()
    ));
    report.note(format!(
        "Each verifies the same signature over the raw bytes and parses. FastAPI enqueues by Celery into Redis and no worker \
         empties it, as no orchestrator empties our inbox; the Bolts call a function that does nothing. Peers run \
         {WORKERS} processes. Processor time includes PostgreSQL's, or Redis's, but not the load generator's; all share the \
         machine's {} processors.",
        std::thread::available_parallelism().map_or(0, usize::from)
    ));
    report
}

/// The little that is wanted of Redis, in its own plain words.
struct Redis {
    address: String,
    url: String,
}

impl Redis {
    fn of(url: &str) -> anyhow::Result<Self> {
        let url: reqwest::Url = url.parse().context("REDIS_URL is no URL")?;
        let address = format!("{}:{}", url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(6379));
        Ok(Self { url: format!("redis://{address}/{REDIS_DATABASE}"), address })
    }

    async fn say(&self, words: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(format!("{words}\r\nQUIT\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    async fn process(&self) -> anyhow::Result<u32> {
        let answer = self.say("INFO server").await?;
        let line = answer.lines().find_map(|line| line.strip_prefix("process_id:"));
        Ok(line.context("Redis does not say its process")?.trim().parse()?)
    }

    async fn flush(&self) -> anyhow::Result<()> {
        self.say(&format!("SELECT {REDIS_DATABASE}\r\nFLUSHDB")).await.map(drop)
    }
}

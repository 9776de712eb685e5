//! accept: how many events a second become durable, against bare inserts by `pgbench` on the same server.

use std::{net::SocketAddr, time::Duration};

use shared::{
    clock::Clock,
    db::inbox::{BATCH_MAX, COMMITTERS, Ingest},
    testing::TestDb,
};
use tokio::net::TcpListener;

use super::{
    accept_load::{self, CLIENTS, Load},
    bulk,
    pgbench::Pgbench,
    report::{Figure, Report},
    sample::Sample,
};

const ROUNDS: usize = 5;
const SECONDS: u64 = 3;
const WARM_UP: Duration = Duration::from_secs(1);
const TENANTS: usize = 8;
const LOW_BAR: f64 = 0.3;
const BAR: f64 = 0.5;
const P99_BAR: f64 = 4.0;

/// Figures of one way to accept, round by round.
struct Way {
    name: &'static str,
    address: SocketAddr,
    per_second: Sample,
    p99: Sample,
}

pub async fn run() -> anyhow::Result<Report> {
    let test = TestDb::new().await;
    let mut teams = Vec::new();
    for n in 0..TENANTS {
        teams.push(bulk::firm(&test, &format!("Accept{n}")).await?.team);
    }
    let floor = Pgbench::prepare(&test).await?;
    let mut ways = [
        Way::start(&test, "a commit each", 1, CLIENTS).await?,
        Way::start(&test, "shared commits", BATCH_MAX, COMMITTERS).await?,
    ];
    let (mut floor_per_second, mut floor_p99) = (Sample::default(), Sample::default());
    for round in 0..=ROUNDS {
        // Round 0 opens connections and prepares statements.
        let time = if round == 0 { WARM_UP } else { Duration::from_secs(SECONDS) };
        let bare = floor.run(time.as_secs()).await?;
        if round > 0 {
            floor_per_second.push(bare.per_second);
            floor_p99.push(bare.latencies.percentile(99.0));
        }
        for (index, way) in ways.iter_mut().enumerate() {
            let run = round * 2 + index;
            let signing_secret =
                secrecy::ExposeSecret::expose_secret(&test.config.slack.signing_secret).to_owned();
            let load = Load { address: way.address, signing_secret, teams: teams.clone(), run };
            let outcome = accept_load::drive(load, time).await?;
            if round > 0 {
                way.per_second.push(outcome.per_second);
                way.p99.push(outcome.latencies.percentile(99.0));
            }
        }
    }
    Ok(report(&ways, floor_per_second.median(), floor_p99.median()))
}

impl Way {
    async fn start(
        test: &TestDb,
        name: &'static str,
        batch_max: usize,
        committers: usize,
    ) -> anyhow::Result<Self> {
        let ingest = Ingest::start_with(&test.db, batch_max, committers);
        let gateway = gateway::Gateway::with_ingest(&test.config, &test.db, Clock::system(), ingest).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // Ends with the process.
        tokio::spawn(gateway::serve(listener, gateway::router(gateway), std::future::pending()));
        Ok(Self { name, address, per_second: Sample::default(), p99: Sample::default() })
    }
}

fn report(ways: &[Way; 2], floor_per_second: f64, floor_p99: f64) -> Report {
    let mut report = Report::new("accept");
    for (way, bar) in ways.iter().zip([LOW_BAR, BAR]) {
        let rate = Figure::new(format!("events/s, {}", way.name), way.per_second.median(), "/s");
        report.add(rate.floor(floor_per_second).ratio_at_least(bar));
    }
    for way in ways {
        let p99 = Figure::new(format!("p99, {}", way.name), way.p99.median(), "ms");
        report.add(p99.floor(floor_p99).ratio_at_most(P99_BAR));
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    report.note(format!(
        "Signed events of {TENANTS} tenants over {CLIENTS} kept-alive connections; load generator, gateway and \
         PostgreSQL share {cores} cores."
    ));
    report.note(format!(
        "Floor: pgbench, {CLIENTS} clients, one row per durable transaction into a table without index. Medians of \
         {ROUNDS} interleaved rounds of {SECONDS} s."
    ));
    report
}

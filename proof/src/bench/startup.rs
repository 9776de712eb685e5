//! startup: how long each role takes from nothing to ready, and what it occupies while nothing happens, beside servers of
//! other libraries that do less.

use std::time::Duration;

use secrecy::ExposeSecret;
use shared::testing::TestDb;

use super::{
    peer::{Kind, Peer},
    process::Role,
    report::{Figure, Report},
    sample::Sample,
};

const STARTS: usize = 5;
const ROLES: [&str; 4] = ["gateway", "orchestrator", "worker", "all"];
const PEERS: [Kind; 3] = [Kind::Queue, Kind::BoltForPython, Kind::BoltForJavaScript];
/// The model is loaded in the background after the role is ready.
const WARM: Duration = Duration::from_secs(3);
const GATEWAY_BAR_MB: f64 = 40.0;

/// Starts of one program.
struct Started {
    name: &'static str,
    start: Sample,
    idle: Sample,
}

impl Started {
    fn new(name: &'static str) -> Self {
        Self { name, start: Sample::default(), idle: Sample::default() }
    }
}

pub async fn run() -> anyhow::Result<Report> {
    let test = TestDb::new().await;
    let secret = test.config.slack.signing_secret.expose_secret().to_owned();
    let redis = test.config.redis_url.expose_secret().to_owned();
    let variables = [("SLACK_SIGNING_SECRET", secret), ("REDIS_URL", redis)];
    let mut roles = ROLES.map(Started::new);
    let mut peers = PEERS.map(|kind| Started::new(kind.name()));
    for _ in 0..STARTS {
        for started in &mut roles {
            let role = Role::start(started.name, &test).await?;
            started.start.push(role.start_ms);
            tokio::time::sleep(WARM).await;
            started.idle.push(role.memory()?.now);
            role.end().await?;
        }
        for (started, kind) in peers.iter_mut().zip(PEERS) {
            let peer = Peer::serve(kind, 1, &variables).await?;
            started.start.push(peer.start_ms);
            started.idle.push(peer.memory()?);
        }
    }
    Ok(report(&roles, &peers))
}

fn report(roles: &[Started], peers: &[Started]) -> Report {
    let mut report = Report::new("startup");
    for role in roles {
        report.add(Figure::new(format!("{}, start to ready", role.name), role.start.median(), "ms"));
    }
    for role in roles {
        let idle = Figure::new(format!("{}, idle", role.name), role.idle.median(), "MB");
        report.add(if role.name == "gateway" { idle.at_most(GATEWAY_BAR_MB) } else { idle });
    }
    if let Some(gateway) = roles.first() {
        for peer in peers {
            let start = Figure::new(format!("gateway's start, to {}", peer.name), gateway.start.median(), "ms");
            report.add(start.floor(peer.start.median()));
            let idle = Figure::new(format!("gateway, idle, to {}", peer.name), gateway.idle.median(), "MB");
            report.add(idle.floor(peer.idle.median()));
        }
    }
    report.note(format!(
        "Ready: /readyz says so, with the database's schema and isolation checked; a peer: it takes connections, with one \
         process that serves. Resident memory from /proc, {} s after that for a role, at once for a peer, with all its \
         processes. Orchestrator and `all` hold the embedding model; a worker loads it with its first text. Medians of {STARTS} starts that take turns.",
        WARM.as_secs()
    ));
    report
}

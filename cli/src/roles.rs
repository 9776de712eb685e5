//! The long-running roles: self-check, health and metrics, then work until told to stop.

use std::net::SocketAddr;

use anyhow::{anyhow, bail};
use rustix::process::{Resource, Rlimit, setrlimit};
use shared::{
    clock::Clock,
    config::Config,
    crash,
    db::{Db, schema, system},
    embedding::Embedder,
    health::{self, Dependencies},
    telemetry,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Gateway,
    Orchestrator,
    Worker,
    All,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Orchestrator => "orchestrator",
            Self::Worker => "worker",
            Self::All => "all",
        }
    }

    fn metrics_port(self) -> u16 {
        match self {
            Self::Gateway | Self::All => 9090,
            Self::Orchestrator => 9091,
            Self::Worker => 9092,
        }
    }

    fn is(self, other: Self) -> bool {
        self == other || self == Self::All
    }
}

pub async fn run(role: Role, config: &Config) -> anyhow::Result<()> {
    // What a process knows of secrets must not lie in a file when it crashes.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|error| anyhow!("Core dumps can't be switched off: {error}"))?;
    let telemetry = telemetry::start(role.name(), &config.log).map_err(|error| anyhow!(error))?;
    crash::arm(&config.crash);
    let db = Db::connect(&config.database_url, &config.database_system_url)?;
    refuse_unsafe(&db, config).await?;
    let address = config
        .metrics_bind
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], role.metrics_port() + config.port_offset)));
    let dependencies = Dependencies { db: db.clone(), redis_url: config.redis_url.clone() };
    let health = health::serve(address, dependencies, telemetry.metrics.clone());
    let stopping = CancellationToken::new();
    tokio::spawn(stop_on_signal(stopping.clone()));
    let roles = start_roles(role, config, &db, &stopping);
    tokio::select! {
        outcome = roles => outcome?,
        outcome = health => outcome?,
    }
    tracing::info!(role = role.name(), "Stopped");
    db.close().await;
    Ok(())
}

async fn start_roles(role: Role, config: &Config, db: &Db, stopping: &CancellationToken) -> anyhow::Result<()> {
    let (clock, embedder) = (Clock::system(), Embedder::new(config));
    let stop = || stopping.clone().cancelled_owned();
    let gateway = async {
        if !role.is(Role::Gateway) {
            return Ok(());
        }
        gateway::run(config, db, &embedder, clock.clone(), stop()).await
    };
    let orchestrator = async {
        if !role.is(Role::Orchestrator) {
            return Ok(());
        }
        orchestrator::run(config, db, &embedder, clock.clone(), stop()).await
    };
    let worker =
        async { if role.is(Role::Worker) { worker::run(config, db, &embedder, stop()).await } else { Ok(()) } };
    tokio::try_join!(gateway, orchestrator, worker).map_err(|error: String| anyhow!(error))?;
    Ok(())
}

/// A process on a database that does not isolate tenants, or with the wrong master key, must not start.
async fn refuse_unsafe(db: &Db, config: &Config) -> anyhow::Result<()> {
    let problems = schema::problems(db)
        .await
        .map_err(|error| anyhow!("PostgreSQL can't be used: {error}. Check DATABASE_URL and DATABASE_SYSTEM_URL, or run `konstruct doctor`."))?;
    if !problems.is_empty() {
        bail!("{}", problems.join(" "));
    }
    system::fingerprint_key(&db.system(), &config.master_keys).await?;
    Ok(())
}

async fn stop_on_signal(stopping: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return tracing::error!("Signals can't be caught: the process stops hard");
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("Stopping: no new work is taken");
    stopping.cancel();
}

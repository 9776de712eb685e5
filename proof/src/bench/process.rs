//! The release binary as a child process: started on a database of its own, watched through `/proc`, killed at the end.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use secrecy::{ExposeSecret, SecretString};
use shared::testing::TestDb;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
};

use super::cpu;

const READY_WITHIN: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
const KILOBYTES_PER_MEGABYTE: f64 = 1_024.0;

pub struct Role {
    child: Child,
    /// Where it serves webhooks, if it does.
    pub bind: String,
    metrics: String,
    /// Milliseconds until `/readyz` said so.
    pub start_ms: f64,
}

/// Resident memory in MB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub now: f64,
    pub peak: f64,
}

impl Memory {
    /// Of one process.
    pub fn of(id: u32) -> anyhow::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let megabytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kilobytes / KILOBYTES_PER_MEGABYTE)
        };
        let (now, peak) = (megabytes("VmRSS:"), megabytes("VmHWM:"));
        Ok(Self { now: now.context("no VmRSS")?, peak: peak.context("no VmHWM")? })
    }
}

impl Role {
    /// Starts `konstruct NAME` and waits until it is ready.
    pub async fn start(name: &str, test: &TestDb) -> anyhow::Result<Self> {
        Self::start_with(name, test, &[]).await
    }

    /// With further variables in its environment.
    pub async fn start_with(name: &str, test: &TestDb, variables: &[(&str, String)]) -> anyhow::Result<Self> {
        let program = program()?;
        let (bind, metrics) = (free_port().await?, free_port().await?);
        let secret = |text: &SecretString| text.expose_secret().to_owned();
        let began = Instant::now();
        let child = Command::new(&program)
            .arg(name)
            .env("DATABASE_URL", secret(&test.config.database_url))
            .env("DATABASE_SYSTEM_URL", secret(&test.config.database_system_url))
            .env("REDIS_URL", secret(&test.config.redis_url))
            .env("KONSTRUCT_BIND", &bind)
            .env("KONSTRUCT_METRICS_BIND", &metrics)
            .env("RUST_LOG", "warn")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} can't be started", program.display()))?;
        let mut role = Self { child, bind: bind.clone(), metrics: metrics.clone(), start_ms: 0.0 };
        // A role without webhooks serves health on the metrics port only.
        let addresses = if matches!(name, "gateway" | "all") { vec![bind, metrics] } else { vec![metrics] };
        for address in addresses {
            role.wait_until_ready(&address).await?;
        }
        role.start_ms = super::sample::ms(began.elapsed());
        Ok(role)
    }

    async fn wait_until_ready(&mut self, address: &str) -> anyhow::Result<()> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("the role ended at once ({status})");
            }
            let asked = http.get(format!("http://{address}/readyz")).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        bail!("the role was not ready within {} s", READY_WITHIN.as_secs());
    }

    pub fn memory(&self) -> anyhow::Result<Memory> {
        Memory::of(self.child.id().context("the role has ended")?)
    }

    /// Milliseconds of processor time since its start.
    pub fn cpu_ms(&self) -> anyhow::Result<f64> {
        cpu::of_process(self.child.id().context("the role has ended")?)
    }

    /// The sums of its counters of these names, whatever their labels.
    pub fn counters<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> impl Future<Output = anyhow::Result<[f64; N]>> + Send + 'static {
        let url = format!("http://{}/metrics", self.metrics);
        async move {
            let http = reqwest::Client::builder().no_proxy().build()?;
            let text = http.get(url).send().await?.error_for_status()?.text().await?;
            Ok(names.map(|name| counter(&text, name)))
        }
    }

    /// Kills the process; it must be as safe as asking.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

fn counter(text: &str, name: &str) -> f64 {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '{']))?;
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    values.sum()
}

/// Beside this program.
fn program() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("konstruct");
    ensure!(path.is_file(), "{} is missing: build the whole workspace", path.display());
    Ok(path)
}

/// Free a moment ago, which is as good as it gets without telling the child to choose.
async fn free_port() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string())
}

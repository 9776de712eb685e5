//! Programs of other people's libraries as child processes: Python and Node, with what `scripts/peers.sh` installed.
//!
//! Each runs in a process group of its own, because their servers have children that a killed parent would leave behind.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{cpu, process::Memory, sample::ms};

const READY_WITHIN: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// Whose program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// FastAPI + Celery + Redis.
    Queue,
    BoltForPython,
    BoltForJavaScript,
    /// The ONNX runtime for Python, for embedding.
    Embedding,
}

pub struct Peer {
    child: Child,
    group: u32,
    pub address: String,
    /// Milliseconds until it took connections.
    pub start_ms: f64,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "FastAPI + Celery + Redis",
            Self::BoltForPython => "Bolt for Python",
            Self::BoltForJavaScript => "Bolt for JavaScript",
            Self::Embedding => "ONNX runtime for Python",
        }
    }

    fn command(self, port: &str, workers: usize) -> anyhow::Result<Command> {
        let python = || -> anyhow::Result<Command> {
            let mut command = Command::new("python3");
            command.env("PYTHONPATH", format!("{}:{SOURCES}/python", installed("python")?.display()));
            Ok(command)
        };
        let serve = |app: &str| -> anyhow::Result<Command> {
            let mut command = python()?;
            command.args(["-m", "uvicorn", app, "--host", "127.0.0.1", "--port", port]);
            command.args(["--workers", &workers.to_string(), "--no-access-log", "--log-level", "error"]);
            Ok(command)
        };
        Ok(match self {
            Self::Queue => serve("queue_app:app")?,
            Self::BoltForPython => serve("bolt_app:app")?,
            Self::BoltForJavaScript => {
                let mut command = Command::new("node");
                command.arg(format!("{SOURCES}/javascript/bolt.js"));
                command.env("NODE_PATH", installed("javascript")?.join("node_modules"));
                command.env("PORT", port).env("WORKERS", workers.to_string());
                command
            }
            Self::Embedding => {
                let mut command = python()?;
                command.arg(format!("{SOURCES}/python/embed.py")).env("THREADS", workers.to_string());
                command
            }
        })
    }
}

impl Peer {
    /// Starts a server with `workers` processes and waits until it takes connections.
    pub async fn serve(kind: Kind, workers: usize, variables: &[(&str, String)]) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string();
        let port = address.rsplit(':').next().unwrap_or_default();
        let began = Instant::now();
        let mut command = kind.command(port, workers)?;
        let mut peer = Self::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()), variables, &address)
            .with_context(|| format!("{} can't be started", kind.name()))?;
        while TcpStream::connect(&peer.address).await.is_err() {
            if let Some(status) = peer.child.try_wait()? {
                bail!("{} ended at once ({status})", kind.name());
            }
            ensure!(began.elapsed() < READY_WITHIN, "{} was not ready in time", kind.name());
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        peer.start_ms = ms(began.elapsed());
        Ok(peer)
    }

    /// Starts a program that is spoken to over its standard input and output.
    pub fn talk(
        kind: Kind,
        threads: usize,
        variables: &[(&str, String)],
    ) -> anyhow::Result<(Self, ChildStdin, ChildStdout)> {
        let mut command = kind.command("", threads)?;
        let mut peer = Self::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()), variables, "")
            .with_context(|| format!("{} can't be started", kind.name()))?;
        let (stdin, stdout) = (peer.child.stdin.take(), peer.child.stdout.take());
        Ok((peer, stdin.context("no standard input")?, stdout.context("no standard output")?))
    }

    fn spawn(command: &mut Command, variables: &[(&str, String)], address: &str) -> anyhow::Result<Self> {
        let variables = variables.iter().map(|(name, value)| (name, value));
        let child = command.envs(variables).process_group(0).spawn()?;
        let group = child.id().context("it ended at once")?;
        Ok(Self { child, group, address: address.to_owned(), start_ms: 0.0 })
    }

    /// Milliseconds of processor time of all its processes.
    pub fn cpu_ms(&self) -> anyhow::Result<f64> {
        cpu::of_family(self.group)
    }

    /// Resident memory of all its processes; what they share counts once for each, as `ps` shows it.
    pub fn memory(&self) -> anyhow::Result<f64> {
        let family = cpu::family(self.group);
        Ok(family.into_iter().filter_map(|id| Memory::of(id).ok()).map(|memory| memory.now).sum())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The whole group: by its number, because nothing else knows the children.
        let group = format!("-{}", self.group);
        // It may have ended by itself.
        let _ = std::process::Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
}

fn installed(language: &str) -> anyhow::Result<PathBuf> {
    let wanted = PathBuf::from(".local/peers").join(language);
    let here = std::env::current_dir()?;
    let found = here.ancestors().map(|folder| folder.join(&wanted)).find(|path| path.join("installed").is_file());
    found.with_context(|| format!("{} is missing: run scripts/peers.sh", wanted.display()))
}

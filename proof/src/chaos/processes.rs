//! Children of a test: one `konstruct` role as a process of its own, and how any server is started and signalled.
//!
//! Everything takes `&self`, so that one task may break what another one uses. A child is started through `setpriv
//! --pdeathsig KILL`: should the test be killed, nothing stays behind.

use std::{
    fs::{File, OpenOptions},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
pub use rustix::process::Signal;
use rustix::process::{Pid, Resource, Rlimit, kill_process, prlimit};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    time::sleep,
};

const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Generous: the machine may be busy with a compiler.
pub const START_WITHIN: Duration = Duration::from_secs(60);
const KILL_WITHIN: Duration = Duration::from_secs(10);
const KILOBYTES_PER_MEGABYTE: f64 = 1_024.0;
/// Below the range the kernel takes for outgoing connections, which would steal the port of a server that is down.
const PORTS: std::ops::Range<u16> = 18_000..32_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Gateway,
    Orchestrator,
    Worker,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Gateway, Self::Orchestrator, Self::Worker];

    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Orchestrator => "orchestrator",
            Self::Worker => "worker",
        }
    }
}

/// How a process came to its end.
#[derive(Clone, Debug)]
pub struct Exit {
    /// Killed or stopped by the test.
    pub ordered: bool,
    /// "signal: 6 (SIGABRT)", "exit status: 1".
    pub how: String,
}

/// One role of the product. It stays the same thing across restarts: same addresses, same log file.
pub struct Process {
    pub role: Role,
    /// Among those of its role, from 0.
    pub index: usize,
    /// Where a gateway takes requests; unused by the others.
    pub address: SocketAddr,
    pub health: SocketAddr,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    life: Mutex<Life>,
}

#[derive(Default)]
struct Life {
    child: Option<Child>,
    /// The test is ending this child on purpose.
    ordered: bool,
    exits: Vec<Exit>,
    /// The house is closing: nothing starts any more.
    closed: bool,
}

impl Process {
    pub(super) async fn new(
        role: Role,
        index: usize,
        environment: Vec<(String, String)>,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let (address, health) = (free_port().await?, free_port().await?);
        Ok(Self { role, index, address, health, environment, folder: folder.to_owned(), life: Mutex::default() })
    }

    /// "orchestrator-1"
    pub fn name(&self) -> String {
        format!("{}-{}", self.role.name(), self.index)
    }

    /// Starts it; returns before it is ready.
    pub fn start(&self) -> anyhow::Result<()> {
        self.start_with(&[])
    }

    /// Starts it with more variables, `KONSTRUCT_CRASH_AT` say, for this life only.
    pub fn start_with(&self, variables: &[(&str, &str)]) -> anyhow::Result<()> {
        self.launch(variables, &self.log_path())
    }

    /// Starts it with its log elsewhere for this life, `/dev/full` say.
    pub fn start_logging_to(&self, log: &Path) -> anyhow::Result<()> {
        self.launch(&[], log)
    }

    fn launch(&self, variables: &[(&str, &str)], log: &Path) -> anyhow::Result<()> {
        let mut life = self.life();
        ensure!(!life.closed && !life.is_running(), "{} runs already, or for the last time", self.name());
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let program = konstruct()?;
        let mut command = child(None, None, program.as_os_str());
        command
            .arg(self.role.name())
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("KONSTRUCT_BIND", self.address.to_string())
            .env("KONSTRUCT_METRICS_BIND", self.health.to_string())
            .envs(variables.iter().copied());
        life.child = Some(spawn(command, log).with_context(|| format!("{} can't be started", self.name()))?);
        life.ordered = false;
        Ok(())
    }

    /// Resolves when `/readyz` says so; an error if the process ends instead.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let deadline = Instant::now() + START_WITHIN;
        while Instant::now() < deadline {
            if !self.is_running() {
                bail!("{} ended at once; the end of its log: {}", self.name(), tail(&self.log()));
            }
            let asked = http.get(format!("http://{}/readyz", self.health)).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            sleep(LOOK_INTERVAL).await;
        }
        bail!("{} was not ready within {START_WITHIN:?}; the end of its log: {}", self.name(), tail(&self.log()));
    }

    /// SIGKILL; returns when it is gone. Nothing happens to one that is gone already.
    pub async fn kill(&self) -> anyhow::Result<()> {
        self.order(Signal::KILL)?;
        self.gone_within(KILL_WITHIN).await.map(|_| ())
    }

    /// SIGTERM; returns how long the process took to end in order.
    pub async fn terminate(&self, within: Duration) -> anyhow::Result<Duration> {
        self.order(Signal::TERM)?;
        self.gone_within(within).await
    }

    /// SIGSTOP: alive, and doing nothing.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Waits for an end that somebody ordered, or a crash point.
    pub async fn gone_within(&self, within: Duration) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        while self.is_running() {
            let end = || tail(&self.log());
            ensure!(begun.elapsed() < within, "{} did not end within {within:?}; its log: {}", self.name(), end());
            sleep(LOOK_INTERVAL).await;
        }
        Ok(begun.elapsed())
    }

    pub fn is_running(&self) -> bool {
        self.life().is_running()
    }

    pub fn pid(&self) -> Option<u32> {
        self.life().running_pid()
    }

    /// Every end so far, oldest first.
    pub fn exits(&self) -> Vec<Exit> {
        let mut life = self.life();
        life.look();
        life.exits.clone()
    }

    /// Ends nobody asked for, crash points included.
    pub fn unordered_exits(&self) -> usize {
        self.exits().iter().filter(|exit| !exit.ordered).count()
    }

    /// Resident memory; `None` while it does not run.
    pub fn resident_megabytes(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes / KILOBYTES_PER_MEGABYTE)
    }

    /// Open file descriptors; `None` while it does not run.
    pub fn open_files(&self) -> Option<usize> {
        Some(std::fs::read_dir(format!("/proc/{}/fd", self.pid()?)).ok()?.count())
    }

    /// Limits a resource of the running process, as `prlimit` does.
    pub fn limit(&self, resource: Resource, maximum: u64) -> anyhow::Result<()> {
        let limit = Rlimit { current: Some(maximum), maximum: Some(maximum) };
        prlimit(Some(self.running()?), resource, limit)?;
        Ok(())
    }

    /// JSON lines of all its lives.
    pub fn log_path(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name()))
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// What `/metrics` shows now.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        Ok(http.get(format!("http://{}/metrics", self.health)).send().await?.text().await?)
    }

    /// It ended, and nobody wanted it to.
    pub(super) fn wants_restart(&self) -> bool {
        let mut life = self.life();
        !life.is_running() && life.exits.last().is_some_and(|exit| !exit.ordered)
    }

    /// Ends it for good.
    pub(super) fn close(&self) {
        let mut life = self.life();
        life.closed = true;
        if let Some(pid) = life.running_pid() {
            // It may have ended a moment ago.
            let _ = send(pid, Signal::KILL);
        }
        life.child = None;
    }

    fn order(&self, signal: Signal) -> anyhow::Result<()> {
        let mut life = self.life();
        let Some(pid) = life.running_pid() else { return Ok(()) };
        life.ordered = true;
        send(pid, signal)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let mut life = self.life();
        let pid = life.running_pid().with_context(|| format!("{} does not run", self.name()))?;
        send(pid, signal)
    }

    fn running(&self) -> anyhow::Result<Pid> {
        let id = self.pid().with_context(|| format!("{} does not run", self.name()))?;
        as_pid(id)
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Life {
    /// Notes an end that happened meanwhile.
    fn look(&mut self) {
        let Some(child) = &mut self.child else { return };
        let how = match child.try_wait() {
            Ok(None) => return,
            Ok(Some(status)) => status.to_string(),
            Err(error) => error.to_string(),
        };
        self.child = None;
        self.exits.push(Exit { ordered: self.ordered, how });
    }

    fn is_running(&mut self) -> bool {
        self.look();
        self.child.is_some()
    }

    fn running_pid(&mut self) -> Option<u32> {
        self.look();
        self.child.as_ref()?.id()
    }
}

/// A command that dies with us; as another user if we are root, and in another mount namespace if one is named.
pub(super) fn child(user: Option<u32>, namespace: Option<u32>, program: &std::ffi::OsStr) -> Command {
    let mut command = match namespace {
        Some(holder) => {
            let mut command = Command::new("nsenter");
            command.arg(format!("--mount=/proc/{holder}/ns/mnt")).args(["--", "setpriv"]);
            command
        }
        None => Command::new("setpriv"),
    };
    if let Some(user) = user {
        command.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).arg("--clear-groups");
    }
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts a server whose output goes to `log`.
pub(super) fn spawn(mut command: Command, log: File) -> io::Result<Child> {
    let errors = log.try_clone()?;
    command.stdin(Stdio::null()).stdout(log).stderr(errors).kill_on_drop(true).spawn()
}

pub(super) fn send(pid: u32, signal: Signal) -> anyhow::Result<()> {
    kill_process(as_pid(pid)?, signal).with_context(|| format!("process {pid} can't be signalled"))
}

fn as_pid(id: u32) -> anyhow::Result<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw).context("not a process id")
}

/// A port of 127.0.0.1 that nobody listens on, and that this process gives out once.
pub async fn free_port() -> io::Result<SocketAddr> {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let span = PORTS.end - PORTS.start;
    // Processes that run at the same time begin far from each other.
    let begin = (std::process::id() % u32::from(span / 64)) as u16 * 64;
    for _ in 0..span {
        let port = PORTS.start + begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % span;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).await.is_ok() {
            return Ok(address);
        }
    }
    Err(io::Error::other("no port is free"))
}

/// The binary of the workspace: beside this program, or beside the folder of a test.
fn konstruct() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let places = here.ancestors().skip(1).take(2).map(|folder| folder.join("konstruct"));
    let found = places.into_iter().find(|path| path.is_file());
    found.context("the konstruct binary is missing: build the whole workspace")
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

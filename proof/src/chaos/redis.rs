//! A Redis of one's own, with the checkout's settings: nothing is saved, so a restart forgets everything.

use std::{
    fs::OpenOptions,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Child,
    time::{sleep, timeout},
};

use super::{
    postgres::local,
    processes::{START_WITHIN, child, free_port, send, spawn},
};

const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

pub struct Redis {
    pub address: SocketAddr,
    folder: PathBuf,
    settings: Vec<String>,
    server: Mutex<Option<Child>>,
}

impl Redis {
    pub async fn create(folder: &Path) -> anyhow::Result<Self> {
        Self::create_with(folder, Vec::new()).await
    }

    /// With more settings, as on its command line.
    pub async fn create_with(folder: &Path, settings: Vec<String>) -> anyhow::Result<Self> {
        let (address, folder) = (free_port().await?, folder.to_owned());
        let server = Self { address, folder, settings, server: Mutex::default() };
        server.start().await?;
        Ok(server)
    }

    /// Starts it and waits until it answers. Nothing happens if it runs.
    pub async fn start(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        loop {
            if !self.is_running() {
                self.launch()?;
            }
            if self.command("PING").await.is_ok_and(|answer| answer.starts_with("+PONG")) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "Redis does not answer");
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&self) -> anyhow::Result<()> {
        if let Some(pid) = self.pid() {
            send(pid, Signal::KILL)?;
        }
        while self.is_running() {
            sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    /// FLUSHALL
    pub async fn flush(&self) -> anyhow::Result<()> {
        let answer = self.command("FLUSHALL").await?;
        ensure!(answer.starts_with("+OK"), "Redis refused: {answer}");
        Ok(())
    }

    pub fn freeze(&self) -> anyhow::Result<()> {
        self.pid().map_or(Ok(()), |pid| send(pid, Signal::STOP))
    }

    pub fn thaw(&self) -> anyhow::Result<()> {
        self.pid().map_or(Ok(()), |pid| send(pid, Signal::CONT))
    }

    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    pub fn pid(&self) -> Option<u32> {
        let mut server = self.server();
        let child = server.as_mut()?;
        if !matches!(child.try_wait(), Ok(None)) {
            *server = None;
            return None;
        }
        child.id()
    }

    /// One command of plain words; the first lines of the answer as they come.
    pub async fn command(&self, words: &str) -> anyhow::Result<String> {
        let asking = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(format!("{words}\r\n").as_bytes()).await?;
            let mut answer = vec![0; 64 * 1024];
            let count = stream.read(&mut answer).await?;
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer[..count]).into_owned())
        };
        Ok(timeout(ANSWER_WITHIN, asking).await.context("Redis does not answer")??)
    }

    fn launch(&self) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.folder.join("redis.log"))?;
        let (program, libraries) = program();
        let mut command = child(None, None, program.as_os_str());
        command
            .env("LD_LIBRARY_PATH", libraries)
            .args(["--bind", "127.0.0.1", "--port", &self.address.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction"])
            .arg("--dir")
            .arg(&self.folder)
            .args(&self.settings);
        *self.server() = Some(spawn(command, log)?);
        Ok(())
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The checkout's, else the machine's; with the folder of its libraries.
fn program() -> (PathBuf, PathBuf) {
    let Ok(unpacked) = local("redis/unpacked") else { return (PathBuf::from("redis-server"), PathBuf::new()) };
    let libraries = std::fs::read_dir(unpacked.join("usr/lib"))
        .ok()
        .and_then(|folders| folders.flatten().map(|folder| folder.path()).find(|path| path.is_dir()));
    (unpacked.join("usr/bin/redis-server"), libraries.unwrap_or_default())
}

//! The door between the platforms and the gateway: it lets requests through, and notes how long each waits for its answer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
};

use super::sample::{Sample, ms};

const BUFFER: usize = 64 * 1024;
const ACCEPTED: &[u8] = b"HTTP/1.1 200";

pub struct Gate {
    pub address: String,
    passed: Arc<Mutex<Passed>>,
}

/// What passed, by what it told.
#[derive(Clone, Default)]
pub struct Passed {
    /// Milliseconds from a request's first byte to its answer.
    pub slack: Sample,
    pub whatsapp: Sample,
    /// How messages of ours fared.
    pub statuses: Sample,
    /// Answers other than 200.
    pub refused: usize,
}

impl Passed {
    pub fn all(&self) -> Sample {
        let mut all = self.slack.clone();
        all.extend(&self.whatsapp);
        all.extend(&self.statuses);
        all
    }

    fn of(&mut self, kind: Kind) -> &mut Sample {
        match kind {
            Kind::Slack => &mut self.slack,
            Kind::WhatsApp => &mut self.whatsapp,
            Kind::Status => &mut self.statuses,
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Slack,
    WhatsApp,
    Status,
}

impl Kind {
    /// By the first bytes of a request, which the platforms send in one piece.
    fn of(request: &[u8]) -> Self {
        let has = |words: &[u8]| request.windows(words.len()).any(|part| part == words);
        if request.starts_with(b"POST /webhooks/slack") {
            Self::Slack
        } else if has(b"\"statuses\"") {
            Self::Status
        } else {
            Self::WhatsApp
        }
    }
}

/// The request of a connection that waits for its answer.
type Asked = Arc<Mutex<Option<(Kind, Instant)>>>;

impl Gate {
    /// In front of a server that answers the requests of a connection one by one.
    pub fn before(server: &str) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?.to_string();
        let (server, passed) = (server.to_owned(), Arc::<Mutex<Passed>>::default());
        let noted = Arc::clone(&passed);
        // A thread of its own: what the simulated platforms are busy with is no wait of theirs.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("gate".into()).spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                while let Ok((here, _)) = listener.accept().await {
                    tokio::spawn(connection(here, server.clone(), Arc::clone(&noted)));
                }
            });
        })?;
        Ok(Self { address, passed })
    }

    /// What passed since this was last asked.
    pub fn take(&self) -> Passed {
        std::mem::take(&mut self.passed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn connection(here: TcpStream, server: String, passed: Arc<Mutex<Passed>>) -> std::io::Result<()> {
    let there = TcpStream::connect(server).await?;
    here.set_nodelay(true)?;
    there.set_nodelay(true)?;
    let asked = Asked::default();
    let ((up, down), (from, to)) = (here.into_split(), there.into_split());
    tokio::spawn(requests(up, to, Arc::clone(&asked)));
    answers(from, down, &asked, &passed).await
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, asked: Asked) -> std::io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let now = Instant::now();
        let waiting = || (Kind::of(&buffer[..count]), now);
        asked.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(waiting);
        to.write_all(&buffer[..count]).await?;
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: &Mutex<Option<(Kind, Instant)>>,
    passed: &Mutex<Passed>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        // An answer in two pieces has its time from the first.
        if let Some((kind, began)) = asked.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
            passed.of(kind).push(ms(began.elapsed()));
            passed.refused += usize::from(!buffer[..count].starts_with(ACCEPTED));
        }
        to.write_all(&buffer[..count]).await?;
    }
}

//! An address that takes events, answers 200, and notes when the first byte came: how long Slack's own delivery takes.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(5);

pub struct Doorstep {
    pub url: String,
    arrivals: mpsc::UnboundedReceiver<Instant>,
}

impl Doorstep {
    pub async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/webhooks/slack/events", listener.local_addr()?);
        let (tell, arrivals) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, tell.clone()));
            }
        });
        Ok(Self { url, arrivals })
    }

    /// Forgets what came so far.
    pub fn sweep(&mut self) {
        while self.arrivals.try_recv().is_ok() {}
    }

    pub async fn next(&mut self) -> anyhow::Result<Instant> {
        timeout(PATIENCE, self.arrivals.recv()).await?.context("no event is delivered")
    }
}

/// Requests of one connection, one after the other.
async fn take(mut stream: TcpStream, tell: mpsc::UnboundedSender<Instant>) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await? > 0 {
        let arrived = Instant::now();
        while length(&request).is_none_or(|length| request.len() < length) {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        tell.send(arrived)?;
        request.clear();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    }
    Ok(())
}

/// Bytes of head and body, once the head is there.
fn length(request: &[u8]) -> Option<usize> {
    let head = request.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&request[..head]).ok()?.to_ascii_lowercase();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    Some(head + 4 + body.unwrap_or(0))
}

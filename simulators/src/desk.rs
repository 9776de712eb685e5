//! A web service that tools call: what it was asked, and how it answers. Each byte is written here, so that it can
//! misbehave.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Debug)]
pub enum Manner {
    /// A status, a content type and a body; of a redirect the body is where to.
    Says(u16, &'static str, String),
    /// Takes the request, and nothing more is heard of it.
    Hangs,
    /// Takes the request and hangs up.
    HangsUp,
    /// Talks without end.
    Endless,
}

/// Runs as long as the process.
pub struct DeskSimulator {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    manner: Arc<Mutex<Manner>>,
}

impl DeskSimulator {
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let manner = Arc::new(Mutex::new(Manner::Says(200, "application/json", "{\"ok\":true}".into())));
        let (heard, how) = (asked.clone(), manner.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, heard.clone(), how.clone()));
            }
        });
        Ok(Self { address, asked, manner })
    }

    pub fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Requests so far, as they came.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(mut socket: TcpStream, asked: Arc<Mutex<Vec<String>>>, manner: Arc<Mutex<Manner>>) {
    while let Some(request) = read(&mut socket).await {
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let manner = manner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match manner {
            Manner::Says(status, kind, body) => {
                let location = if status / 100 == 3 { format!("location: {body}\r\n") } else { String::new() };
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{location}content-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
            }
            Manner::Hangs => {
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
            Manner::HangsUp => return,
            Manner::Endless => {
                let _ = socket.write_all(b"HTTP/1.1 200 X\r\ncontent-type: text/plain\r\n\r\n").await;
                while socket.write_all(&[b'x'; 8192]).await.is_ok() {}
                return;
            }
        }
    }
}

async fn read(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.to_ascii_lowercase().lines().find_map(|line| {
                line.strip_prefix("content-length:").and_then(|length| length.trim().parse::<usize>().ok())
            });
            if bytes.len() >= end + 4 + length.unwrap_or_default() {
                return Some(text);
            }
        }
        let mut chunk = [0; 4096];
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

//! HTTP byte by byte: most of what is tested here, no client library would send.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it will be written.
#[derive(Clone)]
pub struct Ask {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub fn put(path: &str) -> Self {
        Self::new("PUT", path)
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same to another path.
    pub fn to(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Adds a header; one of the same name stays.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Takes a header out again.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(present, _)| present != name);
        self
    }

    pub fn with(self, name: &str, value: impl Into<String>) -> Self {
        self.without(name).header(name, value)
    }

    pub fn value_of(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(present, _)| present == name);
        found.map(|(_, value)| value.clone()).expect("the header was set")
    }

    pub fn key(self, key: &str) -> Self {
        self.header("authorization", format!("Bearer {key}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Everything up to the body, with the length the body will have.
    pub fn head(&self) -> Vec<u8> {
        self.head_with(&format!("content-length: {}\r\n", self.body.len()))
    }

    /// Everything up to the body, which is announced in these words.
    pub fn head_with(&self, framing: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(framing);
        head.push_str("\r\n");
        head.into_bytes()
    }

    pub fn bytes(&self) -> Vec<u8> {
        [self.head(), self.body.clone()].concat()
    }

    pub async fn send(&self, to: SocketAddr) -> Reply {
        let mut stream = connect(to).await;
        write(&mut stream, &self.bytes()).await;
        Reply::read(&mut stream).await.expect("the gateway answers every request")
    }
}

pub async fn connect(to: SocketAddr) -> TcpStream {
    TcpStream::connect(to).await.expect("the gateway listens")
}

/// Writes as far as the other side lets it: it may have answered and closed.
pub async fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok()
}

/// An answer that has no end: its beginning will do.
fn begins_a_stream(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    head.to_ascii_lowercase().contains("content-type: text/event-stream") && body.contains("\n\n")
}

pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads until the other side closes; `None` if it closed without a word.
    pub async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let reading = async {
            let mut piece = [0; 16 * 1024];
            // A reset after the answer is no failure: the answer counts.
            while let Ok(length @ 1..) = stream.read(&mut piece).await {
                bytes.extend_from_slice(&piece[..length]);
                if begins_a_stream(&bytes) {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("the gateway closes the connection in time");
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Some(Self { status, headers, body: bytes[end + 4..].to_vec() })
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(present, _)| present == name).map_or("", |(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The stable word of a problem document; fails if this is none.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["type"], "about:blank");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.ends_with('.') || detail.contains('`') || !detail.is_empty(), "a sentence: {detail}");
        problem["code"].as_str().expect("a problem has a code").to_owned()
    }

    /// The sentence of a problem document.
    pub fn detail(&self) -> String {
        self.problem();
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }
}

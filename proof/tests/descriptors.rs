//! The gateway as a process of its own that may open few files: more clients than it can hold do not stop it for good.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use secrecy::ExposeSecret;
use shared::{clock::Clock, testing::TestDb};

const FILES_MAX: u32 = 256;
const CLIENTS: usize = 1_000;
/// Generous: the suite may run beside a compiler.
const PATIENCE: Duration = Duration::from_secs(60);

/// Killed with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended: then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Beside the test binary's folder.
fn konstruct() -> PathBuf {
    let here = std::env::current_exe().expect("the test has a path");
    here.ancestors().nth(2).expect("target/debug").join("konstruct")
}

fn gateway(test: &TestDb, address: SocketAddr) -> Process {
    let limited = format!("ulimit -n {FILES_MAX} && exec \"$0\" gateway");
    let child = Command::new("sh")
        .args(["-c", &limited])
        .arg(konstruct())
        .env("DATABASE_URL", test.config.database_url.expose_secret())
        .env("DATABASE_SYSTEM_URL", test.config.database_system_url.expose_secret())
        .env("KONSTRUCT_BIND", address.to_string())
        .env("KONSTRUCT_METRICS_BIND", "127.0.0.1:0")
        .env("RUST_LOG", "off")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Process(child.expect("the konstruct binary is built with the workspace"))
}

/// The status of one request; `None` if there is no answer in time.
fn status(address: SocketAddr, request: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(3)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(3))).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = Vec::new();
    // A reset after the answer is no failure.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

fn until_answered(address: SocketAddr, request: impl Fn() -> Vec<u8>) {
    let started = Instant::now();
    while status(address, &request()) != Some(200) {
        assert!(started.elapsed() < PATIENCE, "no answer");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// An event that only a gateway with a database answers 200.
fn event(secret: &str) -> Vec<u8> {
    let body = r#"{"type":"event_callback","team_id":"TNOBODY","event_id":"Ev1","event":{"type":"message"}}"#;
    let timestamp = Clock::system().now().unix_timestamp().to_string();
    let signature = simulators::signature(secret, &timestamp, body.as_bytes());
    format!(
        "POST /webhooks/slack/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         x-slack-request-timestamp: {timestamp}\r\nx-slack-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_174_more_clients_than_descriptors_do_not_stop_the_gateway() {
    let test = TestDb::new().await;
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port is free");
    let mut gateway = gateway(&test, address);
    let secret = test.config.slack.signing_secret.expose_secret().to_owned();
    until_answered(address, || event(&secret));

    // As many as its limit leaves no room for; the rest waits in the kernel.
    let silent: Vec<TcpStream> = (0..CLIENTS)
        .filter_map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok())
        .collect();
    assert!(silent.len() > usize::try_from(FILES_MAX).expect("a number"), "only {} connections", silent.len());
    // The silent ones are cut after five seconds, so that there is room again while most of them still hold on.
    until_answered(address, || event(&secret));
    drop(silent);
    until_answered(address, || event(&secret));
    assert!(gateway.0.try_wait().expect("its state is known").is_none(), "it runs");
}

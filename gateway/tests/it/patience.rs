//! A client that keeps the gateway waiting loses its connection; one that only pauses does not.

use std::time::{Duration, Instant};

use gateway::Patience;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    events::{question, signed},
    stage::House,
    wire::connect,
};

const GENEROUS: Duration = Duration::from_secs(30);
/// Answered at once.
const HEALTH: &str = "/healthz";
/// Answered after asking others.
const READY: &str = "/readyz";

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Asks over a connection that stays open; returns what was answered.
async fn ask_again(stream: &mut TcpStream, path: &str) -> String {
    let ask = format!("GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.expect("the connection is open");
    let mut answer = vec![0; 4_096];
    let length =
        timeout(GENEROUS, stream.read(&mut answer)).await.expect("an answer").expect("an open connection");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// How long the gateway waited until it closed the connection.
async fn closed_after(stream: &mut TcpStream) -> Duration {
    let started = Instant::now();
    let mut rest = Vec::new();
    // Reset or ended: closed either way.
    let _ = timeout(GENEROUS, stream.read_to_end(&mut rest)).await.expect("the gateway closes it");
    started.elapsed()
}

#[test]
fn the_limits_are_those_of_the_design() {
    let patience = Patience::default();
    assert_eq!((patience.head, patience.idle), (Duration::from_secs(5), Duration::from_secs(30)));
    assert_eq!(patience.answer, Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_between_two_requests_may_be_longer_than_a_head() {
    let patience = Patience { head: ms(400), idle: ms(3_000), ..Patience::default() };
    let house = House::open_for(patience, |_| {}).await;
    for path in [HEALTH, READY] {
        let mut stream = connect(house.address).await;
        for _ in 0..3 {
            assert!(ask_again(&mut stream, path).await.starts_with("HTTP/1.1 200"));
            sleep(ms(900)).await;
        }
        assert!(ask_again(&mut stream, path).await.starts_with("HTTP/1.1 200"));
        let after = closed_after(&mut stream).await;
        assert!((2.5..8.0).contains(&after.as_secs_f64()), "{path}: then the pause is too long: {after:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_173_a_later_head_has_no_more_time_than_the_first() {
    let patience = Patience { head: ms(600), idle: GENEROUS * 2, ..Patience::default() };
    let house = House::open_for(patience, |_| {}).await;
    let mut stream = connect(house.address).await;
    assert!(ask_again(&mut stream, READY).await.starts_with("HTTP/1.1 200"));
    stream.write_all(b"GET /healthz HT").await.expect("the connection is open");
    let after = closed_after(&mut stream).await;
    assert!(after < GENEROUS / 2, "{after:?}");
    // Bytes that trickle in prolong nothing.
    let mut stream = connect(house.address).await;
    assert!(ask_again(&mut stream, READY).await.starts_with("HTTP/1.1 200"));
    let started = Instant::now();
    while stream.write_all(b"x").await.is_ok() {
        assert!(started.elapsed() < GENEROUS, "it is still open");
        sleep(ms(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_173_a_client_that_takes_no_answer_is_cut() {
    let patience = Patience { answer: ms(600), ..Patience::default() };
    let house = House::open_for(patience, |_| {}).await;
    let mut stream = connect(house.address).await;
    let whole = {
        let mut other = connect(house.address).await;
        other
            .write_all(b"GET /api/openapi.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .expect("open");
        let mut answer = Vec::new();
        other.read_to_end(&mut answer).await.expect("an answer");
        answer.len()
    };
    // More than the buffers of both sockets hold, asked for in one go; and not one byte is read.
    let asked = 64 * 1024 * 1024 / whole;
    let asks = b"GET /api/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(asked);
    let (mut reading, mut writing) = stream.split();
    // The gateway stops reading when it can't write: it need not take all of the requests.
    timeout(GENEROUS, async {
        if writing.write_all(&asks).await.is_ok() {
            while writing.write_all(b"\r\n").await.is_ok() {
                sleep(ms(50)).await;
            }
        }
    })
    .await
    .expect("the gateway gives up");
    let mut taken = Vec::new();
    // What had arrived before the end, if the reset left it.
    let _ = timeout(GENEROUS, reading.read_to_end(&mut taken)).await.expect("the connection is closed");
    assert!(taken.len() < asked * whole, "all {asked} answers were kept for it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_and_slow_bodies_are_not_taken_for_silence() {
    let patience = Patience { head: ms(500), idle: ms(500), answer: ms(500) };
    let house = House::open_for(patience, |_| {}).await;
    let acme = house.firm("acme").await;
    let ask = signed(house.secret(), question(&acme, "a slow but honest question").to_string());
    let mut stream = connect(house.address).await;
    stream.write_all(&ask.head()).await.expect("the connection is open");
    let half = ask.body.len() / 2;
    for piece in [&ask.body[..half], &ask.body[half..]] {
        sleep(ms(1_000)).await;
        stream.write_all(piece).await.expect("the connection is open");
    }
    let reply = crate::wire::Reply::read(&mut stream).await.expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(house.stored(acme.tenant).await, 1);
}

//! What is too large or too slow is cut off, and a challenge is no way to reflect a page.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

use crate::{
    events::{EVENTS, question, signed},
    stage::House,
    wire::{Ask, Reply, connect, write},
};

const BODY_MAX: usize = 1024 * 1024;

#[tokio::test]
async fn attack_53_a_challenge_is_echoed_only_when_signed_small_and_as_plain_text() {
    let house = House::open().await;
    let challenge =
        |text: &str| json!({ "type": "url_verification", "token": "x", "challenge": text }).to_string();
    let unsigned = Ask::post(EVENTS).header("content-type", "application/json").body(challenge("attacker"));
    let reply = house.ask(&unsigned).await;
    assert_eq!(reply.status, 401);
    assert!(!reply.text().contains("attacker"));

    for text in
        ["3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "<script>alert(1)</script>", &"x".repeat(1024)]
    {
        let reply = house.deliver(challenge(text)).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, text));
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
    for long in [1_025, BODY_MAX - 200] {
        let reply = house.deliver(challenge(&"x".repeat(long))).await;
        assert_eq!(reply.status, 400, "{long}");
        assert!(reply.body.len() < 200);
    }
    for odd in [json!(null), json!(5), json!(["a"]), json!({})] {
        let body = json!({ "type": "url_verification", "challenge": odd });
        assert_eq!(house.deliver(body.to_string()).await.status, 400, "{odd}");
    }
    assert_eq!(house.deliver(r#"{"type":"url_verification"}"#).await.status, 400);
}

/// A signed event of exactly this length.
fn of_length(house: &House, team: &str, length: usize) -> Ask {
    let body = |filler: usize| {
        json!({ "type": "event_callback", "event_id": "EvBig", "team_id": team,
                "event": { "type": "message", "text": "x".repeat(filler) } })
        .to_string()
    };
    let body = body(length - body(0).len());
    assert_eq!(body.len(), length);
    signed(house.secret(), body)
}

#[tokio::test]
async fn attack_171_one_mebibyte_is_the_limit() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    assert_eq!(house.ask(&of_length(&house, &acme.team, BODY_MAX)).await.status, 200);
    assert_eq!(house.stored(acme.tenant).await, 1);
    let reply = house.ask(&of_length(&house, &acme.team, BODY_MAX + 1)).await;
    assert_eq!(reply.status, 413);
    assert_eq!(house.stored(acme.tenant).await, 1);
}

#[tokio::test]
async fn attack_171_an_announced_giant_is_refused_before_its_body() {
    let house = House::open().await;
    let ask = signed(house.secret(), "{}");
    for length in ["1048577", "104857600", "18446744073709551615"] {
        let started = Instant::now();
        let mut stream = connect(house.address).await;
        write(&mut stream, &ask.head_with(&format!("content-length: {length}\r\n"))).await;
        let reply = Reply::read(&mut stream).await.expect("an answer");
        // The last one is no number to the HTTP library itself.
        assert!(matches!(reply.status, 413 | 431), "{length}: {}", reply.status);
        assert!(started.elapsed() < Duration::from_secs(3), "nothing was waited for");
    }
    // Without a signature's headers nobody even looks at the length.
    let reply = Ask::post(EVENTS).header("content-type", "application/json");
    let mut stream = connect(house.address).await;
    write(&mut stream, &reply.head_with("content-length: 104857600\r\n")).await;
    assert_eq!(Reply::read(&mut stream).await.expect("an answer").status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_171_a_thousand_giants_of_strangers_are_not_even_read() {
    let house = House::open().await;
    let head = Ask::post(EVENTS).head_with("content-length: 104857600\r\n");
    let before = resident_bytes();
    let asks = (0..1_000).map(|_| async {
        let mut stream = connect(house.address).await;
        write(&mut stream, &head).await;
        let reply = Reply::read(&mut stream).await.expect("an answer");
        reply.status
    });
    let asks = futures::stream::iter(asks).buffer_unordered(100);
    let statuses: Vec<u16> = asks.collect().await;
    assert_eq!(statuses, [401; 1_000]);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 64 * BODY_MAX, "{grown} bytes more");
}

/// Memory of this process, the tests beside this one included.
fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let resident: usize = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    resident * 4_096
}

/// Streams up to `most` bytes as chunks; returns how many were taken before the answer, and the answer.
async fn stream_chunks(house: &House, most: usize) -> (usize, Reply) {
    let chunk = vec![b'x'; 32 * 1024];
    let mut stream = connect(house.address).await;
    write(&mut stream, &signed(house.secret(), "").head_with("transfer-encoding: chunked\r\n")).await;
    let mut sent = 0;
    while sent < most {
        let piece = [format!("{:x}\r\n", chunk.len()).as_bytes(), &chunk, b"\r\n"].concat();
        if !write(&mut stream, &piece).await {
            break;
        }
        sent += chunk.len();
    }
    (sent, Reply::read(&mut stream).await.expect("an answer"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_171_an_endless_stream_is_cut_at_the_limit() {
    let house = House::open().await;
    let streams = (0..20).map(|_| stream_chunks(&house, 100 * BODY_MAX));
    for (sent, reply) in futures::future::join_all(streams).await {
        assert_eq!(reply.status, 413, "{}", reply.text());
        // What the sockets' buffers hold was sent, but read by nobody.
        assert!(sent < 16 * BODY_MAX, "{sent} bytes were taken");
    }
}

/// Writes one byte each 200 ms; returns when the answer, or the end, came.
async fn drip(stream: &mut TcpStream, bytes: &[u8]) -> (Duration, Option<Reply>) {
    let started = Instant::now();
    let (mut reading, mut writing) = stream.split();
    let dripping = async {
        for byte in bytes {
            sleep(Duration::from_millis(200)).await;
            if writing.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let answered = async {
        let mut seen = [0; 1];
        // Whatever comes, or the end: this is the moment.
        let _ = reading.peek(&mut seen).await;
        started.elapsed()
    };
    let after = tokio::select! {
        () = dripping => unreachable!("dripping waits for ever"),
        after = answered => after,
    };
    (after, Reply::read(stream).await)
}

#[tokio::test]
async fn attack_173_a_slow_body_is_cut_after_five_seconds() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ask = signed(house.secret(), question(&acme, "a very slow question").to_string());
    let plain = async {
        let mut stream = connect(house.address).await;
        write(&mut stream, &ask.head()).await;
        drip(&mut stream, &ask.body).await
    };
    let chunked = async {
        let mut stream = connect(house.address).await;
        write(&mut stream, &ask.head_with("transfer-encoding: chunked\r\n")).await;
        drip(&mut stream, &b"1\r\nx\r\n".repeat(200)).await
    };
    let silent = async {
        let mut stream = connect(house.address).await;
        write(&mut stream, &ask.head()).await;
        drip(&mut stream, b"").await
    };
    let (plain, chunked, silent) = tokio::join!(plain, chunked, silent);
    for (name, (after, reply)) in [("plain", plain), ("chunked", chunked), ("silent", silent)] {
        assert_eq!(reply.expect(name).status, 408, "{name}");
        assert!((4.5..6.0).contains(&after.as_secs_f64()), "{name}: {after:?}");
    }
    assert_eq!(house.stored(acme.tenant).await, 0);
}

#[tokio::test]
async fn attack_173_a_slow_body_of_the_api_is_a_504_problem() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ask = Ask::put("/api/v1/agents").key(&acme.key).json(&json!({ "name": "Kona" }));
    let mut stream = connect(house.address).await;
    write(&mut stream, &ask.head()).await;
    let (after, reply) = drip(&mut stream, &ask.body[1..]).await;
    assert!((14.0..17.0).contains(&after.as_secs_f64()), "{after:?}");
    let reply = reply.expect("an answer");
    assert_eq!((reply.status, reply.problem().as_str()), (504, "too_slow"));
    // A stranger is not waited for.
    let mut stream = connect(house.address).await;
    write(&mut stream, &Ask::put("/api/v1/agents").head_with("content-length: 100\r\n")).await;
    assert_eq!(Reply::read(&mut stream).await.expect("an answer").status, 401);
}

#[tokio::test]
async fn attack_173_slow_headers_are_cut() {
    let house = House::open().await;
    let head = signed(house.secret(), "{}").head();
    let dripped = async {
        let mut stream = connect(house.address).await;
        drip(&mut stream, &head).await.0
    };
    let silent = async {
        let mut stream = connect(house.address).await;
        drip(&mut stream, b"").await.0
    };
    let (dripped, silent) = tokio::join!(dripped, silent);
    for after in [dripped, silent] {
        assert!((4.5..6.5).contains(&after.as_secs_f64()), "{after:?}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_400_and_not_stored() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ask = signed(house.secret(), question(&acme, "cut").to_string());
    let chunk = format!("{:x}\r\n", ask.body.len());
    let half = &ask.body[..ask.body.len() / 2];
    let broken = [
        [ask.head(), half.to_vec()].concat(),
        [&ask.head_with("transfer-encoding: chunked\r\n"), chunk.as_bytes(), half].concat(),
        [&ask.head_with("transfer-encoding: chunked\r\n"), chunk.as_bytes(), &ask.body, b"\r\nnonsense\r\n"]
            .concat(),
    ];
    for bytes in broken {
        let mut stream = connect(house.address).await;
        write(&mut stream, &bytes).await;
        stream.shutdown().await.expect("our side can be closed");
        // Who closes its side may be taken for gone, and gets no answer at all.
        if let Some(reply) = Reply::read(&mut stream).await {
            assert_eq!(reply.status, 400, "{}", reply.text());
        }
    }
    assert_eq!(house.stored(acme.tenant).await, 0);
    assert!(house.quarantined().await.is_empty());
}

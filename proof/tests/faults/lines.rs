//! Each fault of a line, by itself: a fault run proves nothing if its faults do not happen.

use std::{
    io,
    time::{Duration, Instant},
};

use proof::chaos::{Fault, Proxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(20);

/// A line to a server that sends back what it gets, and says goodbye when the caller is done.
async fn line() -> Proxy {
    let server = TcpListener::bind("127.0.0.1:0").await.expect("it works");
    let target = server.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                // The caller may break off.
                if tokio::io::copy(&mut read, &mut write).await.is_ok() {
                    let _ = write.write_all(b"goodbye").await;
                }
            });
        }
    });
    Proxy::start(vec![target]).await.expect("it works")
}

async fn echo(stream: &mut TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(text).await?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).await?;
    Ok(back)
}

async fn call(line: &Proxy) -> TcpStream {
    let mut stream = TcpStream::connect(line.address()).await.expect("it works");
    assert_eq!(echo(&mut stream, b"hello").await.expect("it works"), b"hello");
    stream
}

#[tokio::test]
async fn without_a_fault_bytes_and_ends_pass() {
    let line = line().await;
    let mut stream = call(&line).await;
    assert_eq!(line.connections(), 1);
    stream.shutdown().await.unwrap();
    let mut rest = String::new();
    timeout(LONG, stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest, "goodbye");
}

#[tokio::test]
async fn a_delay_makes_the_round_trip_longer() {
    let line = line().await;
    let mut stream = call(&line).await;
    line.set(Fault::Delay(SHORT));
    let begun = Instant::now();
    echo(&mut stream, b"hello").await.unwrap();
    assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_black_hole_takes_old_and_new_connections_and_gives_them_back() {
    let line = line().await;
    let mut old = call(&line).await;
    line.set(Fault::Blackhole);
    let mut new = TcpStream::connect(line.address()).await.unwrap();
    assert!(timeout(SHORT, echo(&mut old, b"one")).await.is_err());
    assert!(timeout(SHORT, echo(&mut new, b"two")).await.is_err());
    line.heal();
    let mut back = [0; 3];
    timeout(LONG, old.read_exact(&mut back)).await.unwrap().unwrap();
    assert_eq!(&back, b"one");
    timeout(LONG, new.read_exact(&mut back)).await.unwrap().unwrap();
    assert_eq!(&back, b"two");
}

#[tokio::test]
async fn a_fault_for_new_connections_leaves_the_old_ones_alone() {
    let line = line().await;
    let mut old = call(&line).await;
    line.set_for_new(Fault::Blackhole);
    let mut new = TcpStream::connect(line.address()).await.unwrap();
    assert_eq!(echo(&mut old, b"one").await.unwrap(), b"one");
    assert!(timeout(SHORT, echo(&mut new, b"two")).await.is_err());
}

#[tokio::test]
async fn a_reset_comes_after_exactly_so_many_bytes_and_is_no_orderly_end() {
    let line = line().await;
    let mut stream = call(&line).await;
    // Eight go there, and the first four of them come back.
    line.set(Fault::ResetAfter(12));
    stream.write_all(b"12345678").await.unwrap();
    let mut back = Vec::new();
    let ended = timeout(LONG, stream.read_to_end(&mut back)).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(back, b"1234");
}

#[tokio::test]
async fn half_closed_the_caller_reads_the_end_and_may_still_send() {
    let line = line().await;
    let mut stream = call(&line).await;
    line.set(Fault::HalfClose);
    let mut back = Vec::new();
    assert_eq!(timeout(LONG, stream.read_to_end(&mut back)).await.unwrap().unwrap(), 0);
    stream.write_all(b"still here").await.unwrap();
    assert_eq!(line.connections(), 1);
}

#[tokio::test]
async fn sliced_bytes_arrive_piece_by_piece() {
    let line = line().await;
    let mut stream = call(&line).await;
    line.set(Fault::Slice { bytes: 2, pause: Duration::from_millis(20) });
    stream.write_all(b"12345678").await.unwrap();
    let (mut back, mut reads) = (Vec::new(), 0);
    while back.len() < 8 {
        timeout(LONG, stream.read_buf(&mut back)).await.unwrap().unwrap();
        reads += 1;
    }
    assert!(back == b"12345678" && reads >= 3, "{reads} reads");
}

#[tokio::test]
async fn a_narrow_line_takes_its_time() {
    let line = line().await;
    let mut stream = call(&line).await;
    line.set(Fault::Limit { bytes_per_second: 10_000 });
    let begun = Instant::now();
    assert_eq!(echo(&mut stream, &[7; 4_000]).await.unwrap(), [7; 4_000]);
    assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn refused_means_nobody_listens_until_it_is_healed() {
    let line = line().await;
    let mut old = call(&line).await;
    line.set(Fault::Refuse);
    let ended = timeout(LONG, old.read_u8()).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let refused = TcpStream::connect(line.address()).await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    line.heal();
    while TcpStream::connect(line.address()).await.is_err() {
        sleep(MOMENT).await;
    }
    call(&line).await;
}

#[tokio::test]
async fn of_two_targets_the_one_that_refuses_is_left_out() {
    let (gone, here) = (line().await, line().await);
    let both = Proxy::start(vec![gone.address(), here.address()]).await.unwrap();
    call(&both).await;
    call(&both).await;
    gone.set(Fault::Refuse);
    while TcpStream::connect(gone.address()).await.is_ok() {
        sleep(MOMENT).await;
    }
    for _ in 0..4 {
        call(&both).await;
    }
}

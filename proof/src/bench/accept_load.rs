//! Slack, as far as load goes: signed events over kept-alive connections, each with its own id, in many threads.
//!
//! Plain sockets instead of an HTTP library: the generator shares the machine with what it measures, and must not be the
//! dearer part. It runs on one thread of its own, as `pgbench` does.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use shared::clock::Clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

use super::sample::{Dice, Sample, ms};

pub const CLIENTS: usize = 24;
const THREADS_OF_TALK: usize = 2_000;
const RESPONSE_MAX: usize = 16 * 1024;

/// What all clients of a run share.
pub struct Load {
    pub address: SocketAddr,
    pub signing_secret: String,
    /// The workspaces the events come from, one per tenant.
    pub teams: Vec<String>,
    /// Part of every id, so that no run repeats another's events.
    pub run: usize,
}

/// What a run came to.
pub struct Outcome {
    pub per_second: f64,
    /// Milliseconds from the first byte sent to the last byte received.
    pub latencies: Sample,
}

/// Drives the gateway for `time` from a thread of its own.
pub async fn drive(load: Load, time: Duration) -> anyhow::Result<Outcome> {
    let (tell, told) = oneshot::channel();
    // Named, so that a profile tells the generator from what it drives.
    std::thread::Builder::new().name("load-generator".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let outcome = runtime.map_err(Into::into).and_then(|own| own.block_on(all_clients(Arc::new(load), time)));
        // Nobody waits any more if the benchmark was stopped.
        let _ = tell.send(outcome);
    })?;
    told.await.context("the load generator crashed")?
}

async fn all_clients(load: Arc<Load>, time: Duration) -> anyhow::Result<Outcome> {
    let mut clients = tokio::task::JoinSet::new();
    let began = Instant::now();
    for client in 0..CLIENTS {
        clients.spawn(one_client(load.clone(), client, began + time));
    }
    let mut latencies = Sample::default();
    while let Some(measured) = clients.join_next().await {
        latencies.extend(&measured??);
    }
    Ok(Outcome { per_second: latencies.len() as f64 / began.elapsed().as_secs_f64(), latencies })
}

async fn one_client(load: Arc<Load>, client: usize, until: Instant) -> anyhow::Result<Sample> {
    let mut stream = TcpStream::connect(load.address).await.context("the gateway takes no connection")?;
    stream.set_nodelay(true)?;
    let mut dice = Dice::new((load.run * CLIENTS + client + 1) as u64 * 7_919);
    let (mut latencies, mut buffer) = (Sample::default(), Vec::with_capacity(RESPONSE_MAX));
    for n in 0.. {
        let began = Instant::now();
        if began >= until {
            break;
        }
        let request = request(&load, client, n, &mut dice);
        stream.write_all(&request).await?;
        read_response(&mut stream, &mut buffer).await?;
        latencies.push(ms(began.elapsed()));
    }
    Ok(latencies)
}

/// A mention in one of many threads, as Slack sends it.
fn request(load: &Load, client: usize, n: usize, dice: &mut Dice) -> Vec<u8> {
    let seconds = Clock::system().now().unix_timestamp();
    let team = &load.teams[dice.below(load.teams.len())];
    let id = format!("{:03}{client:02}{n:07}", load.run);
    let thread = 1_000_000 + dice.below(THREADS_OF_TALK);
    let text = format!("<@UBOT> what did we decide about order {n}, and who takes it to the customer?");
    let body = format!(
        r#"{{"token":"z26uFbvR1xHJEdHE1OQiO6t8","team_id":"{team}","context_team_id":"{team}","context_enterprise_id":null,"api_app_id":"A0BENCH","event":{{"type":"app_mention","user":"U{client:03}","text":"{text}","ts":"{seconds}.{id}","client_msg_id":"bench-{id}","team":"{team}","thread_ts":"{seconds_of_thread}.{thread}","blocks":[{{"type":"rich_text","block_id":"b{n}","elements":[{{"type":"rich_text_section","elements":[{{"type":"user","user_id":"UBOT"}},{{"type":"text","text":"{text}"}}]}}]}}],"channel":"C{channel:03}","event_ts":"{seconds}.{id}"}},"type":"event_callback","event_id":"EvB{id}","event_time":{seconds},"authorizations":[{{"enterprise_id":null,"team_id":"{team}","user_id":"UBOT","is_bot":true,"is_enterprise_install":false}}],"is_ext_shared_channel":false,"event_context":"4-EvB{id}"}}"#,
        seconds_of_thread = 1_760_000_000,
        channel = thread % 100,
    );
    let timestamp = seconds.to_string();
    let signature = simulators::signature(&load.signing_secret, &timestamp, body.as_bytes());
    format!(
        "POST /webhooks/slack/events HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         user-agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\nx-slack-request-timestamp: {timestamp}\r\n\
         x-slack-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        load.address,
        body.len()
    )
    .into_bytes()
}

/// Reads one whole response; anything but a 200 ends the run.
async fn read_response(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    buffer.clear();
    loop {
        ensure!(buffer.len() < RESPONSE_MAX, "the gateway's answer does not end");
        if stream.read_buf(buffer).await? == 0 {
            bail!("the gateway closed the connection");
        }
        let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head])?;
        ensure!(text.starts_with("HTTP/1.1 200"), "the gateway answered {:?}", text.lines().next());
        // Other people's servers write the names in capitals, or send the body in chunks.
        let named = |wanted: &str| {
            text.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case(wanted).then_some(value)
            })
        };
        let body = &buffer[head + 4..];
        let whole = match named("transfer-encoding") {
            Some(_) => body.ends_with(b"0\r\n\r\n"),
            None => body.len() >= named("content-length").map_or(Ok(0), str::parse::<usize>)?,
        };
        if whole {
            return Ok(());
        }
    }
}

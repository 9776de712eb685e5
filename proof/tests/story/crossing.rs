//! The same words, the same names and the same provider in two tenants of one process: whatever is kept to be quick is kept for
//! one of them.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::{
    crypto::Place,
    db::{connections, data_keys},
};
use simulators::{FaultKind, FaultRule};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::house::{House, PATIENCE, Tenant, eventually};

const ADA: &str = "UADA";
const CHANNEL: &str = "CGENERAL";
const QUESTION: &str = "What is the code of the safe?";
const CODES: [&str; 2] = ["AARDVARK-4711", "BUDGERIGAR-0815"];
/// Each asks it so often, both at once.
const TIMES: usize = 12;

/// One command, as Redis takes it in a line; its answer as it comes.
async fn redis(house: &House, command: &str) -> String {
    let url: reqwest::Url = house.config.redis_url.expose_secret().parse().expect("a URL");
    let address = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(6379));
    let mut stream = TcpStream::connect(address).await.expect("Redis answers");
    stream.write_all(format!("{command}\r\n").as_bytes()).await.expect("sent");
    let mut bytes = vec![0; 1 << 20];
    let mut answer = String::new();
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut bytes)).await
    {
        answer.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    answer
}

async fn told(tenant: &Tenant<'_>, code: &str) {
    let said = tenant.asks(CHANNEL, ADA, &format!("The code of the safe is {code}."));
    tenant.finished(CHANNEL, &said.thread_ts, 1).await;
    let key = json!({ "name": "ours", "base_url": tenant.house.model.base_url(), "key": format!("sk-of-{code}"),
                      "default_model": "simulated-1", "is_default": true });
    let (status, stored) = tenant.asks_api("POST", "llm-keys", key).await;
    assert_eq!(status, 201, "{stored}");
    tenant.everything_remembered().await;
    tenant.change("update messages set sent_at = sent_at - interval '1 day' where tenant_id = $1").await;
}

/// Both ask at once, again and again, each in threads of its own.
async fn asked(both: [&Tenant<'_>; 2]) {
    let mut threads = Vec::new();
    for _ in 0..TIMES {
        for (n, tenant) in both.into_iter().enumerate() {
            threads.push((n, tenant.asks(CHANNEL, ADA, QUESTION).thread_ts));
        }
    }
    for (n, thread) in threads {
        let answer = both[n].finished(CHANNEL, &thread, 1).await.join(" ");
        assert!(answer.contains(CODES[n]) && !answer.contains(CODES[1 - n]), "tenant {n}: {answer}");
    }
    for request in both[0].house.model.requests() {
        let text = request.body.to_string();
        assert!(CODES.iter().filter(|code| text.contains(*code)).count() < 2, "a prompt holds both: {text}");
        let foreign =
            |n: usize| text.contains(CODES[n]) && request.key_hint == CODES[1 - n][CODES[1 - n].len() - 4..];
        assert!(!foreign(0) && !foreign(1), "asked with the other's key: {text}");
    }
}

/// Both keys are known to the process, and neither opens what the other seals.
async fn sealed(house: &House, both: [&Tenant<'_>; 2]) {
    let mut tx = both[0].db.begin().await.expect("a transaction");
    let find = "select connection_id, access_token from channel_connections where tenant_id = $1";
    let (row, bytes): (uuid::Uuid, Vec<u8>) =
        sqlx::query_as(find).bind(both[0].id).fetch_one(tx.conn()).await.expect("a connection");
    let token =
        connections::token(&mut tx, &house.config.master_keys, shared::ids::ConnectionId::from_uuid(row)).await;
    assert_eq!(token.expect("a token").expose_secret(), "xoxb-simulated-acme");
    tx.close().await.expect("closed");
    for tenant in [both[0].id, both[1].id] {
        let place = Place { tenant: Some(tenant), table: "channel_connections", column: "access_token", row };
        let mut tx = both[1].db.begin().await.expect("a transaction");
        let opened = data_keys::open(&mut tx, &house.config.master_keys, &place, &bytes).await;
        assert!(opened.is_err(), "it opens as another tenant's");
        tx.close().await.expect("closed");
    }
}

/// What a platform or a provider asked of one tenant, it did not ask of the other.
async fn waits(house: &House, both: [&Tenant<'_>; 2]) {
    // The first to post is told to leave its channel alone, which has the same name in both workspaces.
    let busy = FaultKind::Status { code: 429, retry_after: Some(20) };
    house.slack.faults().add(FaultRule::once("chat.postMessage", busy.clone()));
    let held = both[0].asks(CHANNEL, ADA, QUESTION);
    let key = |name: &str| {
        let digest = Sha256::digest(format!("xoxb-simulated-{name}{CHANNEL}"));
        format!("konstruct:pace:{{{}}}:free", hex::encode(&digest[..12]))
    };
    let begun = Instant::now();
    while redis(house, &format!("EXISTS {}", key("acme"))).await != ":1\r\n" {
        assert!(begun.elapsed() < PATIENCE, "it is not remembered that acme's channel is to be left alone");
    }
    assert_eq!(redis(house, &format!("EXISTS {}", key("bolt"))).await, ":0\r\n");
    let begun = Instant::now();
    let free = both[1].asks(CHANNEL, ADA, QUESTION);
    both[1].finished(CHANNEL, &free.thread_ts, 1).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "it waited for another: {:?}", begun.elapsed());
    assert!(both[0].replies(CHANNEL, &held.thread_ts).is_empty(), "and that one waits");
    both[0].finished(CHANNEL, &held.thread_ts, 1).await;

    // The same model of the same provider, by another key.
    house
        .model
        .faults()
        .add(FaultRule::once("completions", FaultKind::Status { code: 429, retry_after: Some(120) }));
    both[0].asks(CHANNEL, ADA, QUESTION);
    let refused = || house.model.requests().iter().any(|request| request.reply.is_none());
    eventually("the provider asks acme to wait", refused).await;
    let begun = Instant::now();
    let free = both[1].asks(CHANNEL, ADA, QUESTION);
    let answer = both[1].finished(CHANNEL, &free.thread_ts, 1).await;
    assert!(answer[0].contains(CODES[1]) && begun.elapsed() < Duration::from_secs(15), "{answer:?}");
}

/// An answer that is kept for whoever asks again is given to whoever asked.
async fn once(both: [&Tenant<'_>; 2]) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut made = Vec::new();
    for tenant in [both[0], both[1], both[0], both[1]] {
        let request = http.post(tenant.house.api("webhook-endpoints")).bearer_auth(&tenant.key);
        let request = request.header("idempotency-key", "the-same-for-both");
        let answer =
            request.json(&json!({ "url": "https://crm.example.com/hook" })).send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.expect("JSON");
        made.push(answer["secret"].as_str().expect("a secret").to_owned());
    }
    assert_eq!((&made[0], &made[1]), (&made[2], &made[3]), "each is told its own again");
    assert_ne!(made[0], made[1], "and nobody another's");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_137_the_same_words_in_two_tenants_bring_each_its_own() {
    let house = House::open_with(|config| {
        config.egress_allow = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    house.start_orchestrator();
    let (acme, bolt) = (house.tenant("acme").await, house.tenant("bolt").await);
    told(&acme, CODES[0]).await;
    told(&bolt, CODES[1]).await;
    asked([&acme, &bolt]).await;
    sealed(&house, [&acme, &bolt]).await;
    once([&acme, &bolt]).await;
    waits(&house, [&acme, &bolt]).await;
    // Whatever lies in Redis is a wait or a count, under a hash of whose it is; no key and no value holds words.
    let keys = redis(&house, "KEYS *").await;
    let known = |key: &str| ["konstruct:pace:{", "konstruct:limit:"].iter().any(|begin| key.starts_with(begin));
    let keys: Vec<&str> = keys.lines().filter(|line| !line.starts_with(['*', '$'])).collect();
    assert!(!keys.is_empty() && keys.iter().all(|key| known(key)), "{keys:?}");
}

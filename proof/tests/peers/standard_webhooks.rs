//! What own systems are told, read by Standard Webhooks' own library: it takes what we signed, and nothing that was touched.

use std::process::Stdio;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::{
    clock::Clock,
    egress::Guard,
    standard_webhooks::{self, Message},
};
use simulators::OwnSystemSimulator;
use tokio::io::AsyncWriteExt;

use crate::{PATIENCE, python};

#[tokio::test]
async fn the_specifications_own_library_takes_what_we_sign_and_nothing_else() {
    let system = OwnSystemSimulator::start().await.expect("a port is free");
    let guard = Guard::new(&["127.0.0.0/8".parse().expect("a network")]);
    let (secret, other) = (standard_webhooks::new_secret(), standard_webhooks::new_secret());
    let now = Clock::system().now().unix_timestamp();
    let body = json!({ "type": "message.received", "timestamp": "2026-11-27T09:30:00Z", "data": { "text": "Grüße “👋”" } });
    for sent_at in [now, now - 3_600] {
        let message = Message { id: "whd_01k9z3w6h8f2m5x7q4r1t0v9sb", sent_at, body: body.to_string() };
        standard_webhooks::send(&guard, &system.url(), &secret, message).await.expect("it hears");
    }
    let [fresh, old]: [Value; 2] = system
        .told()
        .into_iter()
        .map(|told| {
            let secret = secret.expose_secret();
            json!({ "id": told.id, "timestamp": told.timestamp, "signature": told.signature, "body": told.body, "secret": secret })
        })
        .collect::<Vec<_>>()
        .try_into()
        .expect("two were sent");
    let with = |field: &str, value: &str| {
        let mut changed = fresh.clone();
        changed[field] = json!(value);
        changed
    };
    let touched = [
        with("body", &body.to_string().replace("received", "answered")),
        with("id", "whd_another"),
        with("timestamp", &(now + 1).to_string()),
        with("signature", "v1,AAAA"),
        with("secret", other.expose_secret()),
        old,
    ];
    let given: Vec<&Value> = std::iter::once(&fresh).chain(&touched).collect();
    let verdicts = judged(&json!(given)).await;
    assert_eq!(verdicts[0]["taken"], body, "{verdicts}");
    for (n, what) in ["body", "id", "timestamp", "signature", "secret", "age"].into_iter().enumerate() {
        assert!(verdicts[n + 1]["refused"].is_string(), "another {what}: {}", verdicts[n + 1]);
    }
}

async fn judged(given: &Value) -> Value {
    let mut library = python("api", "messages.py").stdin(Stdio::piped()).spawn().expect("python starts");
    let mut input = library.stdin.take().expect("it is piped");
    input.write_all(given.to_string().as_bytes()).await.expect("it reads");
    drop(input);
    let output = tokio::time::timeout(PATIENCE, library.wait_with_output())
        .await
        .expect("it ends in time")
        .expect("an end");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

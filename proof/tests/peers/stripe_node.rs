//! Stripe's own client goes through every flow against our simulator, and agrees with both of our signatures. What it does is
//! in `peers/stripe/client.js`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use shared::stripe::Signature;
use simulators::{StripeOptions, StripeSimulator, stripe_signature};
use tokio::process::Command;

use crate::PATIENCE;

const SECRET: &str = "whsec_0123456789abcdef";

#[derive(Debug, Deserialize)]
struct Report {
    done: Vec<String>,
    misfits: Vec<String>,
    header: String,
}

fn node() -> Command {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/peers/stripe");
    assert!(installed.join("installed").is_file(), "the peer is missing: run scripts/peers.sh stripe");
    let mut command = Command::new("node");
    command
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/stripe/client.js"))
        .env("NODE_PATH", installed.join("node_modules"))
        .env("NO_PROXY", "127.0.0.1,localhost")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn stripes_own_client_is_content_with_the_simulator_and_with_our_signatures() {
    let any = "127.0.0.1:0".parse().expect("an address");
    let stripe = StripeSimulator::start(any, StripeOptions::new("", SECRET)).await.expect("a free port");
    let event = json!({ "id": "evt_1", "object": "event", "type": "invoice.paid", "livemode": false,
                        "data": { "object": { "id": "in_1", "object": "invoice", "customer": "cus_1" } } });
    let event = event.to_string();
    let now = shared::clock::Clock::system().now().unix_timestamp();
    let run = node()
        .env("STRIPE_API_URL", stripe.api_url())
        .env("STRIPE_SECRET_KEY", "sk_test_simulated")
        .env("WEBHOOK_SECRET", SECRET)
        .env("EVENT", &event)
        .env("SIGNATURE", stripe_signature(SECRET, now, event.as_bytes()))
        .env("NOW", now.to_string())
        .output();
    let output = tokio::time::timeout(PATIENCE, run).await.expect("it ends in time").expect("node starts");
    let report: Report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert!(report.misfits.is_empty(), "{:#?}", report.misfits);
    assert_eq!(report.done.len(), 24);
    // And what Stripe's client signs, we take.
    let signature = Signature::read(&report.header, now).expect("a signature of now");
    assert!(signature.fits(&[SecretString::from(SECRET)], event.as_bytes()));
    assert!(!signature.fits(&[SecretString::from("whsec_another")], event.as_bytes()));
    // What was sold and told is in the events: each kind at least once.
    let kinds: Vec<String> =
        stripe.events().iter().filter_map(|event| event["type"].as_str().map(str::to_owned)).collect();
    for kind in [
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "checkout.session.completed",
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "invoice.paid",
        "invoice.payment_failed",
    ] {
        assert!(kinds.iter().any(|told| told == kind), "{kind} was never told: {kinds:?}");
    }
}

//! Slack as other people wrote it down: the official client against our simulator, somebody else's simulator against our
//! client and our webhook. What only we believe about Slack shows here.
//!
//! And WhatsApp, as pywa's authors read it, against our simulated Meta; and Stripe's own client against our simulated Stripe.
//!
//! And a bucket, which is nobody's reading of ours: the storage must do with it what it does with a folder.
//!
//! And LiteLLM, as a tenant's provider of models, and a tool server by the protocol's own library. And programs that read our
//! API's description: one that makes up requests, generators that make clients of it, and Standard Webhooks' own library, which
//! reads what own systems are told.
//!
//! `scripts/peers.sh slack`, `… whatsapp`, `… stripe`, `… s3`, `… litellm`, `… mcp`, `… api` and `… sdk` install them; `make
//! test` does that first.

mod api;
mod bucket;
mod emulate;
#[path = "../story/house.rs"]
#[expect(dead_code, reason = "the stories use all of it")]
mod house;
mod litellm;
mod mcp;
mod page;
mod pywa;
mod sdk;
mod standard_webhooks;
mod stripe_node;
mod web_api;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::Command;

/// Starting Node beside a compiler takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// One of the programs in `peers/slack`, with what it needs installed; it dies with its handle.
fn node(script: &str) -> Command {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/peers/slack");
    assert!(installed.join("installed").is_file(), "the peers are missing: run scripts/peers.sh slack");
    let mut command = Command::new("node");
    command
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/slack").join(script))
        .env("NODE_PATH", installed.join("node_modules"))
        .env("PEERS", installed)
        .env("NO_PROXY", "127.0.0.1,localhost")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Python with what `peers/{peer}` needs installed.
fn python_with(peer: &str) -> Command {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/peers").join(peer);
    assert!(installed.join("installed").is_file(), "the peer is missing: run scripts/peers.sh {peer}");
    let mut command = Command::new("python3");
    command
        .env("PYTHONPATH", installed)
        .env("NO_PROXY", "127.0.0.1,localhost")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A script of `peers/{peer}`.
fn python(peer: &str, script: &str) -> Command {
    let mut command = python_with(peer);
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join(peer).join(script));
    command
}

/// A program that is installed there, by what its command runs.
fn python_program(peer: &str, program: &str) -> Command {
    let mut command = python_with(peer);
    command.args(["-c", program]);
    command
}

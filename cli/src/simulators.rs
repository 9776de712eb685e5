//! `konstruct simulators`: Slack and a model provider on this machine, for development.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use shared::config::{Config, Environment};
use simulators::{ModelSimulator, SlackOptions, SlackSimulator};

const SLACK_PORT: u16 = 9100;
const MODEL_PORT: u16 = 9103;

pub async fn run(config: &Config) -> anyhow::Result<()> {
    if config.environment == Environment::Production {
        bail!("The simulators are off in production.");
    }
    let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port + config.port_offset));
    let events = format!("{}webhooks/slack/events", config.public_url);
    let options = SlackOptions::new(events, config.slack.signing_secret.expose_secret());
    let slack = SlackSimulator::start(address(SLACK_PORT), options)
        .await
        .with_context(|| format!("The Slack simulator can't use port {}", address(SLACK_PORT).port()))?;
    let model = ModelSimulator::start(address(MODEL_PORT))
        .await
        .with_context(|| format!("The model simulator can't use port {}", address(MODEL_PORT).port()))?;
    println!("Slack is simulated at {}, a model at {}.", slack.api_url(), model.base_url());
    println!("Chat as a person at http://{}/.", slack.addr);
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?.recv().await;
    Ok(())
}

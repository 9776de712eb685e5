//! `konstruct simulators`: Slack, WhatsApp and a model provider on this machine, for development.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use shared::config::{Config, Environment};
use simulators::{
    ModelSimulator, SlackOptions, SlackSimulator, StripeOptions, StripeSimulator, WhatsAppOptions,
    WhatsAppSimulator,
};

const SLACK_PORT: u16 = 9100;
const WHATSAPP_PORT: u16 = 9101;
const STRIPE_PORT: u16 = 9102;
const MODEL_PORT: u16 = 9103;

pub async fn run(config: &Config) -> anyhow::Result<()> {
    if config.environment == Environment::Production {
        bail!("The simulators are off in production.");
    }
    let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port + config.port_offset));
    let events = format!("{}webhooks/slack/events", config.public_url);
    let mut options = SlackOptions::new(events, config.slack.signing_secret.expose_secret());
    if let Some(client) = &config.slack.client {
        options.client_id.clone_from(&client.id);
        options.client_secret = client.secret.expose_secret().to_owned();
    }
    let slack = SlackSimulator::start(address(SLACK_PORT), options)
        .await
        .with_context(|| format!("The Slack simulator can't use port {}", address(SLACK_PORT).port()))?;
    let secret = config.whatsapp.app.as_ref().map_or("", |app| app.secret.expose_secret());
    let options = WhatsAppOptions::new(format!("{}webhooks/whatsapp", config.public_url), secret);
    let whatsapp = WhatsAppSimulator::start(address(WHATSAPP_PORT), options)
        .await
        .with_context(|| format!("The WhatsApp simulator can't use port {}", address(WHATSAPP_PORT).port()))?;
    let model = ModelSimulator::start(address(MODEL_PORT))
        .await
        .with_context(|| format!("The model simulator can't use port {}", address(MODEL_PORT).port()))?;
    // Only where nobody brought a real account.
    let stripe =
        match &config.stripe {
            Some(sold) if sold.api_url.port() == Some(address(STRIPE_PORT).port()) => {
                let secret = sold.webhook_secrets.first().map_or("", |secret| secret.expose_secret());
                let mut options = StripeOptions::new(format!("{}webhooks/stripe", config.public_url), secret);
                options.secret_key = sold.secret_key.expose_secret().to_owned();
                let started = StripeSimulator::start(address(STRIPE_PORT), options).await;
                Some(started.with_context(|| {
                    format!("The Stripe simulator can't use port {}", address(STRIPE_PORT).port())
                })?)
            }
            _ => None,
        };
    println!(
        "Slack is simulated at {}, WhatsApp at {}, a model at {}.",
        slack.api_url(),
        whatsapp.graph_url(),
        model.base_url()
    );
    if let Some(stripe) = &stripe {
        println!("Stripe is simulated at {}.", stripe.api_url());
    }
    println!("Chat as a person at http://{}/, with a phone at http://{}/.", slack.addr, whatsapp.addr);
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?.recv().await;
    Ok(())
}

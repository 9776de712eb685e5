//! `konstruct connect slack`: checks a bot token with Slack, then stores it sealed.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use secrecy::SecretString;
use serde_json::json;
use shared::{channels::slack::SlackApi, config::Config, db::Db, db::audit::Actor, ids::TenantId};

#[derive(Subcommand)]
pub enum Connect {
    /// Connect a Slack workspace by its bot token.
    Slack(Slack),
}

#[derive(Args)]
pub struct Slack {
    #[arg(long)]
    tenant: TenantId,
    /// The `xoxb-…` token from the app's OAuth page; `-` reads it from standard input, out of sight of other users.
    #[arg(long)]
    bot_token: String,
    /// Your own Slack app's id; needs --signing-secret.
    #[arg(long, requires = "signing_secret")]
    app_id: Option<String>,
    #[arg(long, requires = "app_id")]
    signing_secret: Option<String>,
}

impl Connect {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let Self::Slack(slack) = self;
        let db = Db::connect(&config.database_url, &config.database_system_url)?.tenant(slack.tenant);
        let own_app = gateway::own_app(slack.app_id, slack.signing_secret.map(SecretString::from))
            .map_err(|error| anyhow!("{error}"))?;
        let connection = gateway::connect_slack(
            &SlackApi::new(&config.slack.api_url),
            &config.master_keys,
            &db,
            &Actor::CommandLine,
            SecretString::from(given_or_read(slack.bot_token)?),
            own_app,
        )
        .await
        .map_err(|error| anyhow!("{error}"))?;
        let events_url = gateway::events_url(&config.public_url, slack.tenant, &connection);
        if as_json {
            let answer = json!({ "connection_id": connection.id, "team": connection.external_id, "events_url": events_url });
            println!("{answer}");
        } else {
            println!("Connected to {} ({}).", connection.display_name, connection.external_id);
            println!("Request URL for Slack's Event Subscriptions: {events_url}");
        }
        Ok(())
    }
}

fn given_or_read(token: String) -> anyhow::Result<String> {
    if token != "-" {
        return Ok(token);
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

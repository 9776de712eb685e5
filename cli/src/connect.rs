//! `konstruct connect`: checks a token with its platform, then stores it sealed.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use gateway::WhatsAppNumber;
use secrecy::SecretString;
use serde_json::json;
use shared::{
    channels::{slack::SlackApi, whatsapp::WhatsAppApi},
    config::Config,
    db::Db,
    db::audit::Actor,
    ids::TenantId,
};

#[derive(Subcommand)]
pub enum Connect {
    /// Connect a Slack workspace by its bot token.
    Slack(Slack),
    /// Connect a WhatsApp number by its access token.
    #[command(name = "whatsapp")]
    WhatsApp(WhatsApp),
}

#[derive(Args)]
pub struct Slack {
    #[arg(long)]
    tenant: TenantId,
    /// The `xoxb-…` token from the app's OAuth page; `-` reads it from standard input, out of sight of other users.
    #[arg(long, required_unless_present = "install_link")]
    bot_token: Option<String>,
    /// Instead of a token: print a link to connect a workspace by a click, good for ten minutes.
    #[arg(long, conflicts_with_all = ["bot_token", "app_id"])]
    install_link: bool,
    /// Your own Slack app's id; needs --signing-secret.
    #[arg(long, requires = "signing_secret")]
    app_id: Option<String>,
    #[arg(long, requires = "app_id")]
    signing_secret: Option<String>,
}

#[derive(Args)]
pub struct WhatsApp {
    #[arg(long)]
    tenant: TenantId,
    /// Shown under WhatsApp → API Setup of your Meta app.
    #[arg(long)]
    phone_number_id: String,
    /// The system user's token; `-` reads it from standard input, out of sight of other users.
    #[arg(long)]
    access_token: String,
    /// The WhatsApp Business account; learned from the first webhook if it is left out.
    #[arg(long)]
    account_id: Option<String>,
    /// Your own Meta app's secret; needs --verify-token.
    #[arg(long, requires = "verify_token")]
    app_secret: Option<String>,
    #[arg(long, requires = "app_secret")]
    verify_token: Option<String>,
}

impl WhatsApp {
    async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let db = Db::connect(&config.database_url, &config.database_system_url)?.tenant(self.tenant);
        let token = SecretString::from(given_or_read(self.access_token)?);
        let (secret, verify) =
            (self.app_secret.map(SecretString::from), self.verify_token.map(SecretString::from));
        let account = self.account_id.as_deref();
        let number =
            WhatsAppNumber::checked(&self.phone_number_id, &token, account, secret.as_ref(), verify.as_ref())
                .map_err(|error| anyhow!("{error}"))?;
        let api = WhatsAppApi::new(&config.whatsapp);
        let connection = gateway::connect_whatsapp(&api, &config.master_keys, &db, &Actor::CommandLine, number)
            .await
            .map_err(|error| anyhow!("{error}"))?;
        let callback_url = gateway::events_url(&config.public_url, self.tenant, &connection);
        if as_json {
            let answer = json!({
                "connection_id": connection.id, "phone_number_id": connection.external_id, "callback_url": callback_url,
            });
            println!("{answer}");
        } else {
            println!("Connected to {} ({}).", connection.display_name, connection.external_id);
            println!("Callback URL for Meta's webhook settings: {callback_url}");
        }
        Ok(())
    }
}

impl Connect {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        match self {
            Self::Slack(slack) => slack.run(config, as_json).await,
            Self::WhatsApp(whatsapp) => whatsapp.run(config, as_json).await,
        }
    }
}

impl Slack {
    async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let slack = self;
        let db = Db::connect(&config.database_url, &config.database_system_url)?.tenant(slack.tenant);
        let Some(bot_token) = slack.bot_token else {
            let url = gateway::install_link(config, &db, &Actor::CommandLine)
                .await
                .map_err(|error| anyhow!("{error}"))?;
            if as_json {
                println!("{}", json!({ "install_url": url }));
            } else {
                println!(
                    "Open this within ten minutes, as somebody who may install apps in the workspace:\n{url}"
                );
            }
            return Ok(());
        };
        let own_app = gateway::own_app(slack.app_id, slack.signing_secret.map(SecretString::from))
            .map_err(|error| anyhow!("{error}"))?;
        let connection = gateway::connect_slack(
            &SlackApi::new(&config.slack.api_url),
            &config.master_keys,
            &db,
            &Actor::CommandLine,
            SecretString::from(given_or_read(bot_token)?),
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

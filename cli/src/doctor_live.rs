//! `konstruct doctor --live`: whether Slack can reach us, and each connected workspace, asked itself. Every failure names
//! the screen of Slack's where it is mended.

use std::time::Duration;

use reqwest::StatusCode;
use shared::{
    channels::{CallError, slack::SlackApi, slack_app},
    config::Config,
    crypto::Keyring,
    db::{Db, DbError, TenantDb, connections, system},
    egress,
    ids::ConnectionId,
    slack_tokens::SlackTokens,
    stripe::Stripe,
};
use url::{Host, Url};

use crate::doctor::{Finding, finding};

const ASK_TIMEOUT: Duration = Duration::from_secs(10);
const REACH: &str = "step 1 of docs/setup/slack.md; then enter the address at api.slack.com/apps → Event Subscriptions → Request URL";

const PRICES: &str = "step 1 of docs/setup/stripe.md, at dashboard.stripe.com → Product catalogue; the key is under Developers → API keys";

/// The address, then every connection, then what is sold.
pub async fn findings(config: &Config, db: &Db) -> Result<Vec<Finding>, DbError> {
    let mut findings = vec![finding("events address", address(config).await, REACH)];
    let tokens = SlackTokens::new(&config.slack, &config.master_keys);
    let slack = SlackApi::new(&config.slack.api_url);
    for (tenant, id) in system::connections_of(&db.system(), "slack").await? {
        let db = db.tenant(tenant);
        let patient = Patient { db: &db, id, slack: &slack, tokens: &tokens, keys: &config.master_keys };
        findings.push(patient.examine().await?);
    }
    if let Some(sold) = &config.stripe {
        let stripe = Stripe::new(sold);
        let ids = sold.prices.iter().map(|price| price.id.as_str()).chain(sold.usage_price.as_deref());
        for id in ids {
            findings.push(finding(&format!("Stripe price {id}"), price(&stripe, id).await, PRICES));
        }
    }
    Ok(findings)
}

/// Whether a price can be subscribed to; with it, whether the key is good.
async fn price(stripe: &Stripe, id: &str) -> Result<String, String> {
    match stripe.is_recurring(id).await {
        Ok(Some(true)) => Ok("it can be subscribed to".to_owned()),
        Ok(Some(false)) => Err("it is archived, or not recurring".to_owned()),
        Ok(None) => Err("Stripe knows no such price in the mode of this key".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether a stranger's request to our public address ends at our own gateway, which refuses it.
async fn address(config: &Config) -> Result<String, String> {
    let events = format!("{}{}", config.public_url, slack_app::EVENTS_PATH);
    let simulated = config.slack.api_url.host_str() != Some("slack.com");
    if !simulated {
        plausible(&config.public_url)?;
    }
    let request = egress::provider_client(Some(ASK_TIMEOUT)).post(&events).body("{}");
    match request.send().await {
        Ok(response) if response.status() == StatusCode::UNAUTHORIZED => Ok(format!("{events} refuses strangers")),
        Ok(response) => Err(format!(
            "{events} answered {} instead of 401: something else stands there, or the gateway is down",
            response.status().as_u16()
        )),
        Err(_) => Err(format!("{events} can't be reached from here")),
    }
}

/// Whether Slack, out on the internet, could reach this address at all.
fn plausible(public: &Url) -> Result<(), String> {
    if public.scheme() != "https" {
        return Err(format!("KONSTRUCT_PUBLIC_URL is {public}, and Slack sends events to https only"));
    }
    let private = match public.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        Some(Host::Domain(name)) => {
            name == "localhost" || !name.contains('.') || name.ends_with(".local") || name.ends_with(".internal")
        }
        None => true,
    };
    if private { Err(format!("KONSTRUCT_PUBLIC_URL is {public}, which Slack can't reach")) } else { Ok(()) }
}

/// One connection under examination.
struct Patient<'a> {
    db: &'a TenantDb,
    id: ConnectionId,
    slack: &'a SlackApi,
    tokens: &'a SlackTokens,
    keys: &'a Keyring,
}

impl Patient<'_> {
    async fn examine(&self) -> Result<Finding, DbError> {
        let mut tx = self.db.begin().await?;
        let connection = connections::find(&mut tx, self.id).await?.ok_or(DbError::NotFound)?;
        let own =
            connections::client(&mut tx, self.keys, self.id).await?.is_some() || !connection.app_id.is_empty();
        tx.close().await?;
        let name = format!("{} ({})", connection.display_name, connection.external_id);
        let again = format!(
            "install it again: `konstruct connect slack --tenant {} --install-link`{}",
            self.db.id(),
            if own { ", or with the customer's own app by the API" } else { "" }
        );
        if connection.status != "active" {
            return Ok(finding(&name, Err("the connection is dead".into()), &again));
        }
        let token = self.tokens.usable(self.db, self.id).await?;
        Ok(match self.slack.auth_test_with_scopes(&token).await {
            Ok((_, granted)) => {
                let missing = slack_app::missing_scopes(&granted);
                let scopes = if missing.is_empty() {
                    Ok("the token works and has every scope".to_owned())
                } else {
                    Err(format!("scopes are missing: {}", missing.join(", ")))
                };
                let advice = format!(
                    "add them at api.slack.com/apps → OAuth & Permissions → Bot Token Scopes, then {again}"
                );
                finding(&name, scopes, &advice)
            }
            Err(CallError::Dead(reason)) => {
                finding(&name, Err(format!("Slack does not accept the token ({reason})")), &again)
            }
            Err(error) => finding(&name, Err(error.to_string()), "try again; check SLACK_API_URL if it stays"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_the_internet_can_reach_are_plausible() {
        for good in ["https://konstruct.example.com/", "https://93.184.216.34/", "https://a.b.trycloudflare.com/"]
        {
            assert!(plausible(&good.parse().expect("a URL")).is_ok(), "{good}");
        }
        for bad in [
            "http://konstruct.example.com/",
            "https://127.0.0.1:8000/",
            "https://192.168.1.4/",
            "https://localhost/",
            "https://konstruct/",
            "https://box.local/",
            "https://[::1]/",
        ] {
            assert!(plausible(&bad.parse().expect("a URL")).is_err(), "{bad}");
        }
    }
}

//! `konstruct chat --channel whatsapp`: a person's message by WhatsApp, and the reply as their phone shows it.
//!
//! It speaks through the WhatsApp simulator, because nobody else can write as somebody's phone.

use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use serde_json::{Value, json};
use shared::{config::Config, db::Db, db::connections, egress, ids::TenantId};
use url::Url;

const REPLY_TIMEOUT: Duration = Duration::from_secs(150);
const LOOK_INTERVAL: Duration = Duration::from_millis(30);
/// No more messages for this long: the reply is complete.
const QUIET: Duration = Duration::from_millis(600);
/// Ada's phone.
pub const ADA: &str = "4915100000001";
/// Somebody else's, and the name in its profile.
pub const EVE: (&str, &str) = ("4915100000003", "Eve");

/// The simulated number of one tenant.
pub struct Phone {
    http: reqwest::Client,
    control: Url,
    number: String,
}

/// What one exchange looked like on the phone.
pub struct Exchange {
    pub reply: String,
    /// Until the phone showed that somebody types, and until the last message.
    pub first_sign: Duration,
    pub complete: Duration,
}

impl Phone {
    pub async fn find(config: &Config, tenant: TenantId) -> anyhow::Result<Self> {
        let db = Db::connect(&config.database_url, &config.database_system_url)?.tenant(tenant);
        let mut tx = db.begin().await?;
        let connections = connections::list(&mut tx).await?;
        tx.close().await?;
        let connection = connections
            .into_iter()
            // The simulation signs as the platform's app; an own app's connection would never hear it.
            .find(|connection| connection.channel == "whatsapp" && connection.app_id.is_empty())
            .ok_or_else(|| {
                anyhow!("Tenant {tenant} has no WhatsApp number of the platform's app: use `konstruct connect whatsapp`.")
            })?;
        let control = config.whatsapp.graph_url.join("/_sim/")?;
        let phone = Self {
            http: egress::provider_client(Some(Duration::from_secs(10))),
            control,
            number: connection.external_id,
        };
        phone.look(ADA).await.map_err(|_| {
            anyhow!(
                "`konstruct chat --channel whatsapp` speaks through the WhatsApp simulator, and {} is none or not running. \
                 With a real number, write to it from your phone.",
                config.whatsapp.graph_url
            )
        })?;
        Ok(phone)
    }

    /// Says something and waits for the whole reply, telling `show` each message as it becomes visible.
    pub async fn say(&self, person: &str, text: &str, show: impl Fn(&str)) -> anyhow::Result<Exchange> {
        let name = (person == EVE.0).then_some(EVE.1);
        let body = json!({ "number": self.number, "person": person, "name": name, "text": text });
        let started = Instant::now();
        let before = self.look(person).await?.1.len();
        let saying = self.http.post(self.control.join("say")?).json(&body).send().await?;
        saying.error_for_status()?;
        let (mut first_sign, mut seen, mut changed) = (None, 0, Instant::now());
        loop {
            if started.elapsed() > REPLY_TIMEOUT {
                bail!("No reply within {} s: `make logs` shows why.", REPLY_TIMEOUT.as_secs());
            }
            let (typing, entries) = self.look(person).await?;
            let replies: Vec<&str> = entries[before.min(entries.len())..]
                .iter()
                .filter(|entry| entry["incoming"] == true)
                .filter_map(|entry| entry["text"].as_str())
                .collect();
            if typing || !replies.is_empty() {
                first_sign = first_sign.or(Some(started.elapsed()));
            }
            if replies.len() > seen {
                replies[seen..].iter().for_each(|reply| show(reply));
                (seen, changed) = (replies.len(), Instant::now());
            }
            if seen > 0 && changed.elapsed() > QUIET {
                return Ok(Exchange {
                    reply: replies.join("\n"),
                    first_sign: first_sign.unwrap_or_default(),
                    complete: changed.duration_since(started),
                });
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// What the business has written to this person so far, oldest first.
    pub async fn received(&self, person: &str) -> anyhow::Result<Vec<String>> {
        let mut entries = self.look(person).await?.1;
        entries.retain(|entry| entry["incoming"] == true);
        Ok(entries.iter().filter_map(|entry| entry["text"].as_str().map(str::to_owned)).collect())
    }

    /// Whether somebody types, and everything in the chat.
    async fn look(&self, person: &str) -> anyhow::Result<(bool, Vec<Value>)> {
        let mut url = self.control.join("phone")?;
        url.query_pairs_mut().append_pair("number", &self.number).append_pair("person", person);
        let shown: Value = self.http.get(url).send().await?.error_for_status()?.json().await?;
        let entries = shown["entries"].as_array().cloned().unwrap_or_default();
        Ok((shown["typing"] == true, entries))
    }
}

//! An installation with a simulated Meta, and tenants with a number.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::{
    config::{Config, WhatsAppApp},
    db::TenantDb,
    ids::TenantId,
};
use simulators::{PhoneEntry, WhatsAppOptions, WhatsAppOptionsPatch, WhatsAppSay, WhatsAppSimulator, number_of};

use crate::house::{House, PATIENCE, konstruct};

const SECRET: &str = "5f0d3a2b1c4e6f708192a3b4c5d6e7f8";
pub const ADA: &str = "4915100000001";
pub const GRACE: &str = "4915100000002";

pub struct Phones {
    pub house: House,
    pub whatsapp: WhatsAppSimulator,
}

/// A tenant with an agent and a number.
pub struct Shop<'a> {
    pub phones: &'a Phones,
    pub id: TenantId,
    pub number: String,
    pub db: TenantDb,
    pub connection: String,
    pub key: String,
}

impl Phones {
    pub async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    /// `change` may alter what the product is started with.
    pub async fn open_with(alter: impl FnOnce(&mut Config)) -> Self {
        let any = "127.0.0.1:0".parse().expect("an address");
        let options = WhatsAppOptions { retry_time_scale: 0.1, ..WhatsAppOptions::new("", SECRET) };
        let whatsapp = WhatsAppSimulator::start(any, options).await.expect("a free port");
        let graph = whatsapp.graph_url().parse().expect("a URL");
        let change = |config: &mut Config| {
            // Speech is heard where a test says so.
            config.transcription = None;
            config.whatsapp.graph_url = graph;
            config.whatsapp.app = Some(WhatsAppApp {
                app_id: Some("4001".into()),
                config_id: Some("5001".into()),
                secret: SECRET.to_owned().into(),
                verify_token: "a-word-that-only-we-know".to_owned().into(),
            });
            alter(config);
        };
        let house = House::open_with(change).await;
        let webhook_url = Some(format!("{}/webhooks/whatsapp", house.address));
        whatsapp.set_options(WhatsAppOptionsPatch { webhook_url, ..WhatsAppOptionsPatch::default() });
        Self { house, whatsapp }
    }

    pub async fn shop(&self, name: &str) -> Shop<'_> {
        let (id, key) = self.house.test.tenant(name).await;
        let token = format!("EAAsimulated{name}");
        let number = number_of(&token).expect("a simulated token");
        let mut shop =
            Shop { phones: self, id, number, db: self.house.test.db.tenant(id), connection: String::new(), key };
        shop.call("PUT", "agents", json!({ "name": "Kona", "instructions": "Help the customers." })).await;
        let body = json!({ "channel": "whatsapp", "phone_number_id": shop.number, "access_token": token });
        let connected = shop.call("POST", "connections", body).await;
        shop.connection = connected["id"].as_str().expect("an id").to_owned();
        shop
    }
}

impl Phones {
    /// What the command line prints, on either output.
    pub async fn command(&self, arguments: &[&str]) -> String {
        let config = &self.house.config;
        let output = tokio::process::Command::new(konstruct())
            .args(arguments)
            .env("DATABASE_URL", config.database_url.expose_secret())
            .env("DATABASE_SYSTEM_URL", config.database_system_url.expose_secret())
            .env("WHATSAPP_GRAPH_URL", config.whatsapp.graph_url.as_str())
            .output()
            .await
            .expect("the konstruct binary is built with the workspace");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

impl Shop<'_> {
    /// A call of the API as the tenant's admin.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, text) = self.try_call(method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The same, whatever comes of it.
    pub async fn try_call(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("{}/api/v1/{path}", self.phones.house.address);
        let method = method.parse().expect("a method");
        let answer = http.request(method, url).bearer_auth(&self.key).json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    pub fn hears(&self, person: &str, text: &str) -> String {
        self.phones.whatsapp.say(WhatsAppSay::new(&self.number, person, text)).id
    }

    /// What the business shows on this phone.
    pub fn replies(&self, person: &str) -> Vec<PhoneEntry> {
        let mut entries = self.phones.whatsapp.phone(&self.number, person);
        entries.retain(|entry| entry.incoming);
        entries
    }

    /// Waits until the phone shows this many replies; returns their texts.
    pub async fn answered(&self, person: &str, count: usize) -> Vec<String> {
        let enough = |_: &WhatsAppSimulator| {
            let texts: Vec<String> = self.replies(person).into_iter().map(|entry| entry.text).collect();
            (texts.len() >= count).then_some(texts)
        };
        let shown = self.phones.whatsapp.wait_until(PATIENCE, enough).await;
        shown.unwrap_or_else(|| {
            panic!("no reply; the phone shows {:?}", self.phones.whatsapp.phone(&self.number, person))
        })
    }

    /// One text of the tenant's rows, once it is there; `query` binds the tenant.
    pub async fn eventually(&self, query: &'static str, wanted: &str) {
        let mut seen = String::new();
        for _ in 0..600 {
            let mut tx = self.db.begin_for_all_audiences().await.expect("a transaction");
            let found: Option<Option<String>> =
                sqlx::query_scalar(query).bind(self.id).fetch_optional(tx.conn()).await.expect("a text");
            tx.close().await.expect("closed");
            seen = found.flatten().unwrap_or_default();
            if seen == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("`{query}` stays `{seen}`, not `{wanted}`");
    }

    pub async fn change(&self, statement: &'static str) {
        let mut tx = self.db.begin_for_all_audiences().await.expect("a transaction");
        sqlx::query(statement).bind(self.id).execute(tx.conn()).await.expect("a change");
        tx.commit().await.expect("committed");
    }

    /// Waits until every memory has its vector.
    pub async fn everything_remembered(&self) {
        let open = "select count(*)::text from memories where tenant_id = $1 and embedding is null";
        self.eventually(open, "0").await;
    }
}

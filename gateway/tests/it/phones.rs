//! What the WhatsApp tests play on: a house whose Graph API is simulated, and firms with a number.

use serde_json::{Value, json};
use shared::{
    clock::Clock,
    config::{Config, WhatsAppApp},
    ids::TenantId,
};
use simulators::{WhatsAppOptions, WhatsAppSimulator, account_of, number_of, whatsapp_signature};

use crate::{
    events::next,
    stage::{ANY_PORT, House},
    wire::{Ask, Reply},
};

pub const WEBHOOK: &str = "/webhooks/whatsapp";
pub const APP_SECRET: &str = "5f0d3a2b1c4e6f708192a3b4c5d6e7f8";
pub const VERIFY_TOKEN: &str = "a-word-that-only-we-know";
pub const ADA: &str = "4915100000001";
pub const ADA_ID: &str = "DE.1a2b3c";

pub struct Phones {
    pub house: House,
    pub whatsapp: WhatsAppSimulator,
}

/// A tenant with an admin's key and a connected number.
pub struct Shop {
    pub tenant: TenantId,
    pub key: String,
    pub number: String,
    pub account: String,
    pub connection: Value,
}

impl Phones {
    pub async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let whatsapp =
            WhatsAppSimulator::start(ANY_PORT, WhatsAppOptions::new("", APP_SECRET)).await.expect("a free port");
        let graph = whatsapp.graph_url().parse().expect("a URL");
        let house = House::open_with(|config| {
            config.whatsapp.graph_url = graph;
            config.whatsapp.app = Some(WhatsAppApp {
                app_id: Some("4001".into()),
                config_id: Some("5001".into()),
                secret: APP_SECRET.to_owned().into(),
                verify_token: VERIFY_TOKEN.to_owned().into(),
            });
            change(config);
        })
        .await;
        Self { house, whatsapp }
    }

    pub async fn shop(&self, name: &str) -> Shop {
        self.shop_with(name, json!({})).await
    }

    /// With further fields of the connection.
    pub async fn shop_with(&self, name: &str, fields: Value) -> Shop {
        let (tenant, key) = self.house.test.tenant(name).await;
        let token = format!("EAAsimulated{name}");
        let number = number_of(&token).expect("a simulated token");
        let mut body = json!({ "channel": "whatsapp", "phone_number_id": number, "access_token": token });
        body.as_object_mut().expect("an object").extend(fields.as_object().cloned().unwrap_or_default());
        let connected = self.house.connect(&key, body).await;
        assert_eq!(connected.status, 201, "{}", connected.text());
        Shop { tenant, key, account: account_of(&number), number, connection: connected.json() }
    }

    /// Sends a body signed by the platform's app.
    pub async fn deliver(&self, body: impl Into<Vec<u8>>) -> Reply {
        self.house.ask(&signed(APP_SECRET, body)).await
    }

    /// A body that must be taken.
    pub async fn hear(&self, body: &Value) {
        let reply = self.deliver(body.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}

impl Shop {
    /// The path of the connection's own address.
    pub fn path(&self) -> String {
        let url = self.connection["events_url"].as_str().expect("an address is named");
        url.split_once("/webhooks").map(|(_, rest)| format!("/webhooks{rest}")).expect("a path")
    }
}

pub fn signed(secret: &str, body: impl Into<Vec<u8>>) -> Ask {
    let body = body.into();
    let signature = whatsapp_signature(secret, &body);
    Ask::post(WEBHOOK)
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature)
        .body(body)
}

pub fn new_id() -> String {
    format!("wamid.TEST{:08}", next())
}

/// Ada's message of any type.
pub fn message(fields: Value) -> Value {
    let now = Clock::system().now().unix_timestamp();
    let mut message = json!({ "from": ADA, "from_user_id": ADA_ID, "id": new_id(), "timestamp": now.to_string(), "type": "text" });
    message.as_object_mut().expect("an object").extend(fields.as_object().cloned().expect("fields"));
    message
}

pub fn text(body: &str) -> Value {
    message(json!({ "text": { "body": body } }))
}

/// A change of field `messages` for this number.
pub fn change(number: &str, content: Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "493012345678", "phone_number_id": number },
        "contacts": [{ "profile": { "name": "Ada Lovelace", "username": "ada" }, "wa_id": ADA, "user_id": ADA_ID }],
    });
    value.as_object_mut().expect("an object").extend(content.as_object().cloned().expect("content"));
    json!({ "field": "messages", "value": value })
}

pub fn entry(account: &str, changes: Vec<Value>) -> Value {
    json!({ "id": account, "time": 1_767_000_000, "changes": changes })
}

pub fn post(entries: Vec<Value>) -> Value {
    json!({ "object": "whatsapp_business_account", "entry": entries })
}

/// One POST with these messages of Ada's to the shop.
pub fn messages(shop: &Shop, messages: Vec<Value>) -> Value {
    post(vec![entry(&shop.account, vec![change(&shop.number, json!({ "messages": messages }))])])
}

/// One POST with another field's value.
pub fn news(shop: &Shop, field: &str, value: Value) -> Value {
    post(vec![entry(&shop.account, vec![json!({ "field": field, "value": value })])])
}

//! What Embedded Signup needs of the Graph API: from the code that the browser brings to a number that works.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CallError, whatsapp::WhatsAppApi};
use crate::config::WhatsAppApp;

/// What a number that is also used in the phone app tells about the time before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    Contacts,
    History,
}

#[derive(Deserialize)]
struct Exchanged {
    access_token: SecretString,
}

impl WhatsAppApi {
    /// The customer's access token for the code of a finished signup. A code works once, within a short time.
    pub async fn exchange(&self, app_id: &str, app: &WhatsAppApp, code: &str) -> Result<SecretString, CallError> {
        let query = [("client_id", app_id), ("client_secret", app.secret.expose_secret()), ("code", code)];
        let request = self.http.get(self.url(&["oauth", "access_token"])?).query(&query);
        let exchanged: Exchanged = self.send_request(request).await?;
        Ok(exchanged.access_token)
    }

    /// From now on the account's news come to our webhook.
    pub async fn subscribe(&self, token: &SecretString, account: &str) -> Result<(), CallError> {
        let request = self.http.post(self.url(&[account, "subscribed_apps"])?);
        self.call::<Value>(token, request).await.map(|_| ())
    }

    /// Lets the number send. The PIN protects it from being registered elsewhere.
    pub async fn register(&self, token: &SecretString, number: &str, pin: &str) -> Result<(), CallError> {
        let body = json!({ "messaging_product": "whatsapp", "pin": pin });
        let request = self.http.post(self.url(&[number, "register"])?).json(&body);
        self.call::<Value>(token, request).await.map(|_| ())
    }

    /// Asks the phone app for what it knows; only within a day after the signup.
    pub async fn sync(&self, token: &SecretString, number: &str, what: Sync) -> Result<(), CallError> {
        let kind = match what {
            Sync::Contacts => "smb_app_state_sync",
            Sync::History => "history",
        };
        let body = json!({ "messaging_product": "whatsapp", "sync_type": kind });
        let request = self.http.post(self.url(&[number, "smb_app_data"])?).json(&body);
        self.call::<Value>(token, request).await.map(|_| ())
    }
}

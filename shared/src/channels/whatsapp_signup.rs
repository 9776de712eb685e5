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

/// Without these a number can neither send nor be looked after.
const SCOPES: [&str; 2] = ["whatsapp_business_messaging", "whatsapp_business_management"];

/// What Meta says of a token.
#[derive(Clone, Debug, Deserialize)]
pub struct TokenInfo {
    pub is_valid: bool,
    #[serde(default)]
    pub scopes: Vec<String>,
    /// In seconds of the epoch; 0: never.
    #[serde(default)]
    pub expires_at: i64,
}

impl TokenInfo {
    pub fn missing_scopes(&self) -> Vec<&'static str> {
        SCOPES.into_iter().filter(|scope| !self.scopes.iter().any(|granted| granted == scope)).collect()
    }
}

#[derive(Deserialize)]
struct Debugged {
    data: TokenInfo,
}

#[derive(Deserialize)]
struct Subscribed {
    data: Vec<SubscribedApp>,
}

#[derive(Deserialize)]
struct SubscribedApp {
    #[serde(default)]
    override_callback_uri: Option<String>,
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

    /// From now on the account's news come to the webhook of the token's app; with `own`, to this address instead, which Meta
    /// looks at first, with this verify token.
    pub async fn subscribe(
        &self,
        token: &SecretString,
        account: &str,
        own: Option<(&str, &SecretString)>,
    ) -> Result<(), CallError> {
        let mut request = self.http.post(self.url(&[account, "subscribed_apps"])?);
        if let Some((address, verify_token)) = own {
            let verify_token = verify_token.expose_secret();
            request = request.json(&json!({ "override_callback_uri": address, "verify_token": verify_token }));
        }
        self.call::<Value>(token, request).await.map(|_| ())
    }

    /// Where the account's news go: for each app that is subscribed, its own address if it has one for this account.
    pub async fn subscriptions(
        &self,
        token: &SecretString,
        account: &str,
    ) -> Result<Vec<Option<String>>, CallError> {
        let request = self.http.get(self.url(&[account, "subscribed_apps"])?);
        let listed: Subscribed = self.call(token, request).await?;
        Ok(listed.data.into_iter().map(|app| app.override_callback_uri).collect())
    }

    /// What a token may do, and for how long.
    pub async fn debug_token(&self, token: &SecretString) -> Result<TokenInfo, CallError> {
        let query = [("input_token", token.expose_secret())];
        let request = self.http.get(self.url(&["debug_token"])?).query(&query);
        let found: Debugged = self.call(token, request).await?;
        Ok(found.data)
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

//! How what a tenant's own systems are told is signed: Standard Webhooks, version 1, with a shared secret.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::{Engine, engine::general_purpose::STANDARD};
use std::time::Duration;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    crypto::{hmac_sha256, random_bytes},
    egress::Guard,
};

const PREFIX: &str = "whsec_";
const TIMEOUT: Duration = Duration::from_secs(15);

pub struct Message<'a> {
    /// The same each time it is sent.
    pub id: &'a str,
    /// Seconds since 1970.
    pub sent_at: i64,
    /// JSON.
    pub body: String,
}

/// Why a message did not arrive.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The HTTP status that was answered, if one was.
    pub status: Option<u16>,
    /// For people.
    pub sentence: String,
}

impl Failure {
    /// It can't be signed.
    pub fn of_secret() -> Self {
        Self { status: None, sentence: "Its secret can't be read: delete it and add it anew.".into() }
    }

    /// By the specification, who answers 410 is to be told nothing more.
    pub fn wants_no_more(&self) -> bool {
        self.status == Some(StatusCode::GONE.as_u16())
    }
}

/// 32 random bytes, written as receivers' libraries take them.
pub fn new_secret() -> SecretString {
    format!("{PREFIX}{}", STANDARD.encode(random_bytes::<32>())).into()
}

/// The value of `webhook-signature`. `None`: the secret is none.
pub fn signature(secret: &SecretString, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let key = STANDARD.decode(secret.expose_secret().strip_prefix(PREFIX)?).ok()?;
    let mac = hmac_sha256(&key, &[id.as_bytes(), b".", timestamp.to_string().as_bytes(), b".", body]);
    Some(format!("v1,{}", STANDARD.encode(mac)))
}

/// Posts a message. What is answered is not read: only its status, which is returned, counts.
pub async fn send(guard: &Guard, url: &str, secret: &SecretString, message: Message<'_>) -> Result<u16, Failure> {
    let nowhere = |sentence: String| Failure { status: None, sentence };
    let url: Url = url.parse().map_err(|error| nowhere(format!("The address can't be read: {error}.")))?;
    let client = guard.client(&url).map_err(|refusal| nowhere(refusal.to_string()))?;
    let signature =
        signature(secret, message.id, message.sent_at, message.body.as_bytes()).ok_or_else(Failure::of_secret)?;
    let request = client
        .post(url)
        .timeout(TIMEOUT)
        .header("content-type", "application/json")
        .header("webhook-id", message.id)
        .header("webhook-timestamp", message.sent_at)
        .header("webhook-signature", signature)
        .body(message.body);
    let status = match request.send().await {
        Ok(response) => response.status(),
        Err(error) if error.is_timeout() => {
            return Err(nowhere("It did not answer within 15 seconds.".into()));
        }
        Err(_) => return Err(nowhere("It can't be reached.".into())),
    };
    if status.is_success() {
        return Ok(status.as_u16());
    }
    let further =
        if status.is_redirection() { " and points elsewhere: enter the address it points to" } else { "" };
    Err(Failure { status: Some(status.as_u16()), sentence: format!("It answers {}{further}.", status.as_u16()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tests of the specification's own libraries.
    #[test]
    fn the_specifications_example_is_signed_as_there() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = br#"{"test": 2432232314}"#;
        let signature = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn a_new_secret_signs_and_another_signs_otherwise() {
        let sign = |secret: &SecretString| signature(secret, "whd_1", 1, b"{}").expect("a secret of ours");
        let (one, other) = (new_secret(), new_secret());
        assert_ne!(sign(&one), sign(&other));
        assert_eq!(signature(&SecretString::from("plain"), "whd_1", 1, b"{}"), None);
    }
}

//! The WhatsApp Business Cloud API, as far as it is used. Plain HTTP over the one egress client: the outbox must tell
//! "refused", "not reached" and "no clear answer" apart.
//!
//! There is no idempotency key. Every message carries its outbox id as `biz_opaque_callback_data`, which comes back with
//! each status webhook: that, not a look-up, tells whether a send without an answer arrived.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;

use super::{CallError, brief, not_sent, whatsapp_codes};
use crate::{
    config::WhatsAppConfig,
    egress,
    ids::OutboxId,
    providers::{self, Provider},
};

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(2);
/// Longest text of one message, in characters.
pub const TEXT_MAX: usize = 4_096;
/// Templates that are listed at most.
const TEMPLATES_MAX: u32 = 250;

/// A business-scoped user id: a country, perhaps `ENT`, and letters.
pub fn is_user_id(id: &str) -> bool {
    let Some((country, rest)) = id.split_once('.') else { return false };
    let rest = rest.strip_prefix("ENT.").unwrap_or(rest);
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=128).contains(&rest.len())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A phone number as Meta writes it: digits with the country's code.
pub fn is_phone(id: &str) -> bool {
    (5..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// A client of Meta's Graph API; cheap to clone.
#[derive(Clone)]
pub struct WhatsAppApi {
    pub(super) http: Client,
    /// Bounds its downloads by itself.
    pub(super) downloads: Client,
    pub(super) base: Url,
}

/// A business's phone number.
#[derive(Clone, Debug, Deserialize)]
pub struct Number {
    pub id: String,
    #[serde(default)]
    pub display_phone_number: String,
    #[serde(default)]
    pub verified_name: String,
    /// `GREEN`, `YELLOW`, `RED` or `UNKNOWN`.
    #[serde(default)]
    pub quality_rating: String,
}

/// A message template of an account.
#[derive(Clone, Debug, Deserialize)]
pub struct Template {
    pub name: String,
    pub language: String,
    #[serde(default)]
    pub category: String,
    #[serde(default)]
    pub status: String,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing<'a> {
    Text(&'a str),
    /// Allowed outside the 24 hours. The body's variables in their order.
    Template {
        name: &'a str,
        language: &'a str,
        variables: &'a [&'a str],
    },
    /// Up to three buttons of id and title.
    Buttons {
        body: &'a str,
        buttons: &'a [(&'a str, &'a str)],
    },
    /// A text with a button by which a person who is known by a user id only shares their phone number.
    AskForNumber(&'a str),
    /// A file that was uploaded.
    Document {
        media: &'a str,
        name: &'a str,
    },
    /// An empty emoji takes a reaction away.
    Reaction {
        message: &'a str,
        emoji: &'a str,
    },
}

/// In every first answer, whatever the tenant configures.
pub const NOTICE: &str = "_You are writing with an AI assistant._";
/// Below a first answer, if it has room: whoever presses it says these words.
const PERSON: (&str, &str) = ("human", "Talk to a person");
/// Longest text above buttons, in characters.
pub const BODY_MAX: usize = 1_024;
/// What Meta says of a message that waits for a look at it.
const HELD: &str = "held_for_quality_assessment";

impl<'a> Outgoing<'a> {
    /// An answer in WhatsApp's own mark-up: the first one offers a person.
    pub fn answer(text: &'a str) -> Self {
        let offers_a_person = text.ends_with(NOTICE) && text.chars().count() <= BODY_MAX;
        if offers_a_person { Self::Buttons { body: text, buttons: &[PERSON] } } else { Self::Text(text) }
    }
}

/// One person, as one number of ours reaches them.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Our phone number id.
    pub number: &'a str,
    /// The person's user id or phone number.
    pub person: &'a str,
}

impl WhatsAppApi {
    pub fn new(config: &WhatsAppConfig) -> Self {
        let mut base = config.graph_url.clone();
        let path = base.path().trim_end_matches('/');
        base.set_path(&format!("{path}/{}/", config.graph_version));
        let (http, downloads) = (egress::provider_client(Some(CALL_TIMEOUT)), egress::provider_client(None));
        Self { http, downloads, base }
    }

    /// The number, if the token may use it.
    pub async fn number(&self, token: &SecretString, number: &str) -> Result<Number, CallError> {
        let fields = [("fields", "id,display_phone_number,verified_name,quality_rating")];
        self.call(token, self.http.get(self.url(&[number])?).query(&fields)).await
    }

    /// Sends a message tagged with its outbox row; returns its id. `answers` is the message it refers to.
    pub async fn send(
        &self,
        token: &SecretString,
        line: Line<'_>,
        outgoing: &Outgoing<'_>,
        answers: Option<&str>,
        outbox: OutboxId,
    ) -> Result<String, CallError> {
        let mut body = content(outgoing);
        body["messaging_product"] = json!("whatsapp");
        body["recipient_type"] = json!("individual");
        // A user id in `to` is dropped without a word.
        body[if is_user_id(line.person) { "recipient" } else { "to" }] = json!(line.person);
        body["biz_opaque_callback_data"] = json!(outbox);
        if let Some(message) = answers {
            body["context"] = json!({ "message_id": message });
        }
        let request = self.http.post(self.url(&[line.number, "messages"])?).json(&body);
        let sent: Sent = self.call(token, request).await?;
        let first = sent.messages.into_iter().next();
        let taken = first.ok_or_else(|| CallError::Ambiguous("the answer names no message".into()))?;
        if taken.message_status == HELD {
            // Taken all the same: a status tells whether it went out.
            metrics::counter!("konstruct_whatsapp_held_total").increment(1);
            tracing::warn!(outbox.id = %outbox, "Meta holds a message to look at its quality first");
        }
        Ok(taken.id)
    }

    /// Marks a message as read and, for 25 seconds or until the answer, shows that somebody types.
    pub async fn read(
        &self,
        token: &SecretString,
        number: &str,
        message: &str,
        typing: bool,
    ) -> Result<(), CallError> {
        let mut body = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": message });
        if typing {
            body["typing_indicator"] = json!({ "type": "text" });
        }
        let request = self.http.post(self.url(&[number, "messages"])?).json(&body);
        self.call::<Value>(token, request).await.map(|_| ())
    }

    pub async fn templates(&self, token: &SecretString, account: &str) -> Result<Vec<Template>, CallError> {
        let query = [("fields", "name,language,category,status"), ("limit", &TEMPLATES_MAX.to_string())];
        let request = self.http.get(self.url(&[account, "message_templates"])?).query(&query);
        let listed: Listed<Template> = self.call(token, request).await?;
        Ok(listed.data)
    }

    pub(super) fn url(&self, path: &[&str]) -> Result<Url, CallError> {
        let mut url = self.base.clone();
        // Segment by segment: an id with a slash stays one segment.
        let mut segments = url.path_segments_mut().map_err(|()| CallError::Refused("no such address".into()))?;
        segments.pop_if_empty().extend(path);
        drop(segments);
        Ok(url)
    }

    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        request: RequestBuilder,
    ) -> Result<T, CallError> {
        self.send_request(request.bearer_auth(token.expose_secret())).await
    }

    pub(super) async fn send_request<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CallError> {
        let outcome = asked(request).await;
        providers::note_call(Provider::WhatsApp, &outcome);
        outcome
    }
}

async fn asked<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CallError> {
    let response = request.send().await.map_err(|error| not_sent(&error))?;
    let status = response.status();
    let bytes = response.bytes().await.map_err(|error| CallError::Ambiguous(brief(&error)))?;
    judge(status, &bytes)
}

#[derive(Deserialize)]
pub(crate) struct Sent {
    messages: Vec<SentMessage>,
}

#[derive(Deserialize)]
struct SentMessage {
    id: String,
    #[serde(default)]
    message_status: String,
}

#[derive(Deserialize)]
struct Listed<T> {
    data: Vec<T>,
}

#[derive(Deserialize)]
struct Refusal {
    error: GraphError,
}

#[derive(Deserialize)]
struct GraphError {
    code: i64,
    #[serde(default)]
    message: String,
}

fn content(outgoing: &Outgoing<'_>) -> Value {
    match outgoing {
        Outgoing::Text(text) => json!({ "type": "text", "text": { "body": text, "preview_url": false } }),
        Outgoing::Template { name, language, variables } => {
            let parameters: Vec<Value> =
                variables.iter().map(|text| json!({ "type": "text", "text": text })).collect();
            let components = if parameters.is_empty() {
                json!([])
            } else {
                json!([{ "type": "body", "parameters": parameters }])
            };
            let template = json!({ "name": name, "language": { "code": language }, "components": components });
            json!({ "type": "template", "template": template })
        }
        Outgoing::Buttons { body, buttons } => {
            let buttons: Vec<Value> = buttons
                .iter()
                .map(|(id, title)| json!({ "type": "reply", "reply": { "id": id, "title": title } }))
                .collect();
            let action = json!({ "buttons": buttons });
            json!({ "type": "interactive", "interactive": { "type": "button", "body": { "text": body }, "action": action } })
        }
        Outgoing::AskForNumber(body) => {
            let action = json!({ "name": "request_contact_info" });
            json!({ "type": "interactive",
                    "interactive": { "type": "request_contact_info", "body": { "text": body }, "action": action } })
        }
        Outgoing::Document { media, name } => {
            json!({ "type": "document", "document": { "id": media, "filename": name } })
        }
        Outgoing::Reaction { message, emoji } => {
            json!({ "type": "reaction", "reaction": { "message_id": message, "emoji": emoji } })
        }
    }
}

pub(crate) fn judge<T: DeserializeOwned>(status: StatusCode, bytes: &[u8]) -> Result<T, CallError> {
    // Meta's own error speaks for itself, whatever the status.
    if let Ok(Refusal { error }) = serde_json::from_slice::<Refusal>(bytes) {
        return Err(whatsapp_codes::call_error(error.code, &error.message));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(CallError::RateLimited(RETRY_AFTER_DEFAULT));
    }
    if status == StatusCode::UNAUTHORIZED {
        return Err(CallError::Dead("status 401".into()));
    }
    if status.is_client_error() {
        return Err(CallError::Refused(format!("status {}", status.as_u16())));
    }
    if !status.is_success() {
        return Err(CallError::Ambiguous(format!("status {}", status.as_u16())));
    }
    let not_metas = || CallError::Ambiguous("the answer is not Meta's".into());
    // serde would also take a list for an object.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(not_metas());
    }
    serde_json::from_slice(bytes).map_err(|_| not_metas())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body: &str) -> CallError {
        judge::<Sent>(StatusCode::from_u16(status).unwrap(), body.as_bytes()).err().expect("an error")
    }

    #[test]
    fn every_answer_is_one_of_yes_no_and_unclear() {
        assert!(judge::<Sent>(StatusCode::OK, br#"{"messages":[{"id":"wamid.X"}]}"#).is_ok());
        let refused = r#"{"error":{"message":"(#131047) Re-engagement","type":"OAuthException","code":131047}}"#;
        assert!(matches!(verdict(400, refused), CallError::Refused(said) if said.starts_with("131047")));
        let dead = r#"{"error":{"message":"expired","code":190,"error_subcode":463}}"#;
        assert!(matches!(verdict(401, dead), CallError::Dead(_)));
        assert_eq!(verdict(400, r#"{"error":{"code":131056}}"#), CallError::RateLimited(Duration::from_secs(6)));
        assert_eq!(verdict(429, ""), CallError::RateLimited(RETRY_AFTER_DEFAULT));
        assert_eq!(verdict(404, ""), CallError::Refused("status 404".into()));
        for unclear in [(503, ""), (302, ""), (200, "<html>"), (200, "{}"), (200, r#"{"messages":5}"#)] {
            assert!(matches!(verdict(unclear.0, unclear.1), CallError::Ambiguous(_)), "{unclear:?}");
        }
    }

    #[test]
    fn a_user_id_is_no_phone_number_and_the_other_way_round() {
        for id in ["DE.1a2b3c", "US.ENT.A1", "BR.X"] {
            assert!(is_user_id(id) && !is_phone(id), "{id}");
        }
        for id in ["4930123456", "15551234567"] {
            assert!(is_phone(id) && !is_user_id(id), "{id}");
        }
        for id in ["", "DE.", "de.1a", "DEU.1", "DE.ENT.", "DE.1-2", "+4930", "49 30", "1234"] {
            assert!(!is_user_id(id) && !is_phone(id), "{id}");
        }
    }

    #[test]
    fn an_id_with_a_slash_stays_one_part_of_the_address() {
        let config = WhatsAppConfig {
            app: None,
            graph_url: "http://127.0.0.1:9101".parse().unwrap(),
            graph_version: "v26.0".into(),
        };
        let api = WhatsAppApi::new(&config);
        assert_eq!(api.url(&["PN1", "messages"]).unwrap().as_str(), "http://127.0.0.1:9101/v26.0/PN1/messages");
        assert_eq!(api.url(&["../me"]).unwrap().as_str(), "http://127.0.0.1:9101/v26.0/..%2Fme");
    }
}

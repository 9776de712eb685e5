//! How a model wants to be asked. What calls itself compatible with OpenAI speaks in dialects: some models know the limit of
//! an answer by another name, some take no temperature, and Azure has the key and the version in places of its own.

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

/// The query of an address that makes it one of Azure's.
const VERSION: &str = "api-version";
const AZURE_KEY: HeaderName = HeaderName::from_static("api-key");

/// What a model's refusals have taught about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// The limit is called `max_completion_tokens`: models that think before they answer, at OpenAI and Azure.
    completion_tokens: bool,
    /// It has one temperature, and refuses to hear of another.
    own_temperature: bool,
}

impl Dialect {
    /// All that either knows.
    pub fn and(self, other: Self) -> Self {
        Self {
            completion_tokens: self.completion_tokens || other.completion_tokens,
            own_temperature: self.own_temperature || other.own_temperature,
        }
    }

    /// Puts into a request how long the answer may be, in tokens, and how freely it is worded.
    pub fn limit(self, request: &mut Value, tokens_max: u32, temperature: Option<f64>) {
        let limit = if self.completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        request[limit] = json!(tokens_max);
        if let Some(temperature) = temperature.filter(|_| !self.own_temperature) {
            request["temperature"] = json!(temperature);
        }
    }

    /// How to ask instead, after a 400 that names the parameter or says it in words. `None`: it refused something else.
    /// Gateways pass the words on and lose the name.
    pub fn after_refusal(self, parameter: Option<&str>, words: &str) -> Option<Self> {
        let names = |name: &str| parameter == Some(name) || words.contains(&format!("'{name}'"));
        let unsupported = words.contains("nsupported") || words.contains("not support");
        if !self.completion_tokens && names("max_tokens") && words.contains("max_completion_tokens") {
            return Some(Self { completion_tokens: true, ..self });
        }
        (!self.own_temperature && unsupported && names("temperature"))
            .then_some(Self { own_temperature: true, ..self })
    }
}

/// Where a request of a provider goes. `path` begins with a slash; the query stays at the end.
pub fn address(base_url: &Url, path: &str) -> Url {
    let mut url = base_url.clone();
    url.set_path(&format!("{}{path}", base_url.path().trim_end_matches('/')));
    url
}

/// Whether an address may have the query it has: none, or the version of Azure's API alone.
pub fn has_known_query(base_url: &Url) -> bool {
    base_url.query().is_none_or(|query| {
        query.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix('=')).is_some_and(|version| {
            !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    })
}

/// The header that carries the key there. `None`: no header can carry it.
pub fn authorization(base_url: &Url, key: &SecretString) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = match base_url.query() {
        // Beside a `Bearer` Azure would look for no key.
        Some(_) => (AZURE_KEY, key.expose_secret().to_owned()),
        None => (AUTHORIZATION, format!("Bearer {}", key.expose_secret())),
    };
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn what_a_model_refuses_is_asked_in_its_own_words() {
        // As OpenAI says it, and as a gateway passes it on.
        let tokens = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                      'max_completion_tokens' instead.";
        let learned = Dialect::default().after_refusal(Some("max_tokens"), tokens).expect("learned");
        assert_eq!(Dialect::default().after_refusal(None, &format!("BadRequestError: {tokens}")), Some(learned));
        let warm = "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value \
                    is supported.";
        let both = learned.after_refusal(Some("temperature"), warm).expect("learned");
        let mut request = json!({});
        both.limit(&mut request, 300, Some(0.2));
        assert_eq!(request, json!({ "max_completion_tokens": 300 }));
        let mut plain = json!({});
        Dialect::default().limit(&mut plain, 300, Some(0.2));
        assert_eq!(plain, json!({ "max_tokens": 300, "temperature": 0.2 }));
        // The same refusal teaches nothing twice, others nothing at all.
        assert_eq!(both.after_refusal(Some("max_tokens"), tokens), None);
        assert_eq!(Dialect::default().after_refusal(Some("model"), "The model `x` does not exist"), None);
        assert_eq!(Dialect::default().after_refusal(Some("max_tokens"), "max_tokens is too large"), None);
    }

    #[test]
    fn azure_has_the_version_and_the_key_in_places_of_its_own() {
        let azure = url("https://acme.openai.azure.com/openai/deployments/chat?api-version=2024-10-21");
        let asked = address(&azure, "/chat/completions");
        assert_eq!(
            asked.as_str(),
            "https://acme.openai.azure.com/openai/deployments/chat/chat/completions?api-version=2024-10-21"
        );
        let key = SecretString::from("0123");
        let carried = |base: &Url| authorization(base, &key).expect("a header");
        assert_eq!(carried(&azure).0, "api-key");
        assert_eq!(carried(&azure).1, "0123");
        let plain = url("https://api.openai.com/v1/");
        assert_eq!(address(&plain, "/chat/completions").as_str(), "https://api.openai.com/v1/chat/completions");
        assert_eq!(carried(&plain), (AUTHORIZATION, HeaderValue::from_static("Bearer 0123")));
        assert!(carried(&plain).1.is_sensitive());
        assert!(authorization(&plain, &SecretString::from("a\nb")).is_none());
        assert!(has_known_query(&azure) && has_known_query(&plain));
        for odd in ["?a=b", "?", "?api-version=", "?api-version=1&key=2", "?api-version=%20"] {
            assert!(!has_known_query(&url(&format!("https://x.example/v1{odd}"))), "{odd}");
        }
    }
}

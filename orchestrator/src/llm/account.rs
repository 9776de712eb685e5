//! An account at a provider, as async-openai asks for it: addresses and headers in the provider's dialect.

use async_openai::config::Config;
use reqwest::{Url, header::HeaderMap};
use secrecy::SecretString;
use shared::dialect;

#[derive(Clone)]
pub(super) struct Account {
    base_url: Url,
    key: SecretString,
}

impl Account {
    pub(super) fn new(base_url: &Url, key: &SecretString) -> Self {
        Self { base_url: base_url.clone(), key: key.clone() }
    }
}

impl Config for Account {
    /// Without a key that no header can carry: the provider says that it is missing.
    fn headers(&self) -> HeaderMap {
        dialect::authorization(&self.base_url, &self.key).into_iter().collect()
    }

    fn url(&self, path: &str) -> String {
        dialect::address(&self.base_url, path).into()
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        self.base_url.as_str()
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

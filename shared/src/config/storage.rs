//! The storage's variables: a folder, or a bucket and its keys.

use secrecy::SecretString;
use url::Url;

use super::{ConfigError, Variables};

/// Where media and documents lie.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// `file:///…` or `s3://bucket/prefix`.
    pub url: Url,
    pub region: String,
    /// Of a bucket that is not Amazon's.
    pub endpoint: Option<Url>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<SecretString>,
}

pub(super) fn storage(variables: &Variables) -> Result<StorageConfig, ConfigError> {
    at(variables, "STORAGE_URL", "file:///var/lib/konstruct")
}

/// The place that the variable `name` says.
pub(super) fn at(variables: &Variables, name: &str, default: &str) -> Result<StorageConfig, ConfigError> {
    let text = variables.get(name).unwrap_or(default);
    let bad = || ConfigError(format!("{name} must be `file:///…` or `s3://bucket/prefix`; it is `{text}`."));
    let url: Url = text.parse().map_err(|_| bad())?;
    if !matches!(url.scheme(), "file" | "s3") {
        return Err(bad());
    }
    Ok(StorageConfig {
        url,
        region: variables.get("AWS_REGION").unwrap_or("us-east-1").to_owned(),
        endpoint: variables
            .get("AWS_ENDPOINT_URL")
            .map(|_| super::url(variables, "AWS_ENDPOINT_URL", None))
            .transpose()?,
        access_key_id: variables.get("AWS_ACCESS_KEY_ID").map(str::to_owned),
        secret_access_key: variables.get("AWS_SECRET_ACCESS_KEY").map(|key| SecretString::from(key.to_owned())),
    })
}

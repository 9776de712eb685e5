//! Where the heads of audit logs are kept outside of the database, and by whose key.

use secrecy::SecretString;

use super::{ConfigError, StorageConfig, Variables, storage};

const URL: &str = "AUDIT_CHECKPOINT_URL";
const KEY: &str = "AUDIT_CHECKPOINT_KEY";
const PUBLIC_KEY: &str = "AUDIT_CHECKPOINT_PUBLIC_KEY";

/// A place that whoever can write to the database can't write to.
#[derive(Clone, Debug)]
pub struct CheckpointConfig {
    pub storage: StorageConfig,
    pub key: CheckpointKey,
}

#[derive(Clone, Debug)]
pub enum CheckpointKey {
    /// 32 random bytes in hexadecimal: signs.
    Signs(SecretString),
    /// The public half in hexadecimal: only checks.
    Checks(String),
}

pub(super) fn checkpoints(variables: &Variables) -> Result<Option<CheckpointConfig>, ConfigError> {
    let key = match (variables.get(KEY), variables.get(PUBLIC_KEY)) {
        (Some(seed), _) => Some(CheckpointKey::Signs(SecretString::from(checked(KEY, seed)?))),
        (None, Some(public)) => Some(CheckpointKey::Checks(checked(PUBLIC_KEY, public)?)),
        (None, None) => None,
    };
    match (variables.get(URL), key) {
        (None, None) => Ok(None),
        (Some(_), Some(key)) => Ok(Some(CheckpointConfig { storage: storage::at(variables, URL, "")?, key })),
        (Some(_), None) => Err(ConfigError(format!(
            "{KEY} is missing or blank: {URL} needs a key that signs, for example of `openssl rand -hex 32`; who only \
             checks sets {PUBLIC_KEY}."
        ))),
        (None, Some(_)) => Err(ConfigError(format!(
            "{URL} is missing or blank: a key for checkpoints needs a place for them, `file:///…` or `s3://bucket/prefix`."
        ))),
    }
}

fn checked(name: &str, text: &str) -> Result<String, ConfigError> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_owned());
    }
    Err(ConfigError(format!("{name} must be 64 hexadecimal digits, for example of `openssl rand -hex 32`.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_a_key_a_key_without_a_place_and_a_short_key_stop_the_start() {
        let read = |pairs: &[(&str, &str)]| checkpoints(&Variables::of(pairs)).map_err(|error| error.to_string());
        let (url, key) = ((URL, "file:///var/lib/checkpoints"), "ab".repeat(32));
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[url]).unwrap_err().contains(KEY));
        assert!(read(&[(KEY, &key)]).unwrap_err().contains(URL));
        assert!(read(&[url, (KEY, "abcd")]).unwrap_err().contains("64 hexadecimal"));
        assert!(matches!(read(&[url, (KEY, &key)]).unwrap().unwrap().key, CheckpointKey::Signs(_)));
        assert!(matches!(read(&[url, (PUBLIC_KEY, &key)]).unwrap().unwrap().key, CheckpointKey::Checks(_)));
    }
}

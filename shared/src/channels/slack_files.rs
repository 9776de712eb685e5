//! Files in Slack: asked for by id, fetched from Slack's own hosts only.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    CallError,
    fetch::{self, BYTES_MAX, FetchError, Fetched},
    slack::SlackApi,
    slack_event::lenient,
};
use crate::message::{Attachment, clean_text};

/// Of a reference: `slack-file://F1`.
pub const SCHEME: &str = "slack-file";

/// A file as an event shows it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct File {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    mimetype: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    size: Option<u64>,
}

impl File {
    /// Its addresses are not taken from the event: Slack is asked for them when the file is fetched.
    pub(super) fn attachment(&self) -> Option<Attachment> {
        let (name, kind) =
            (self.name.as_deref().unwrap_or_default(), self.mimetype.as_deref().unwrap_or_default());
        let file = Attachment::new(SCHEME, self.id.as_deref()?, name, kind)?;
        Some(Attachment { size: self.size, ..file })
    }
}

/// Where Slack's own files lie. Addresses of events are never used: this one is Slack's answer, and checked all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileAddress {
    pub url: String,
    pub name: String,
    pub claimed_type: String,
    pub size: Option<u64>,
}

impl SlackApi {
    /// Asks where a file is. `Refused` carries a phrase for people.
    pub async fn file_address(&self, token: &SecretString, id: &str) -> Result<FileAddress, CallError> {
        let found: Value = match self.call(token, "files.info", json!({ "file": id })).await {
            Ok(found) => found,
            Err(CallError::Refused(word)) => return Err(CallError::Refused(meaning(&word).to_owned())),
            Err(error) => return Err(error),
        };
        let file = &found["file"];
        let text = |name: &str| file[name].as_str().unwrap_or_default();
        if matches!(text("mode"), "tombstone" | "hidden_by_limit") {
            return Err(CallError::Refused("it is no longer there".into()));
        }
        if file["is_external"].as_bool() == Some(true) || text("mode") == "external" {
            return Err(CallError::Refused("it lies outside of Slack".into()));
        }
        let url = ["url_private_download", "url_private"].into_iter().map(text).find(|url| !url.is_empty());
        let Some(url) = url else {
            return Err(CallError::Refused("Slack does not say where it is".into()));
        };
        Ok(FileAddress {
            url: url.to_owned(),
            name: clean_text(text("name")).chars().take(120).collect(),
            claimed_type: text("mimetype").to_ascii_lowercase(),
            size: file["size"].as_u64(),
        })
    }

    /// Fetches a file's bytes. Without the right to read files, Slack answers with its sign-in page and status 200.
    pub async fn download(&self, token: &SecretString, address: &FileAddress) -> Result<Fetched, FetchError> {
        if address.size.is_some_and(|size| size > BYTES_MAX as u64) {
            return Err(FetchError::Refused(fetch::too_large(BYTES_MAX)));
        }
        let trusts = |url: &Url| is_slacks(&self.base, url);
        let fetched = fetch::fetch(&self.downloads, &address.url, token, BYTES_MAX, trusts).await?;
        if fetched.content_type == "text/html" && !address.claimed_type.starts_with("text/html") {
            return Err(FetchError::Refused(meaning("missing_scope").to_owned()));
        }
        Ok(fetched)
    }
}

fn meaning(word: &str) -> &'static str {
    match word {
        "missing_scope" | "not_allowed_token_type" | "no_permission" => {
            "the app may not read files; an administrator must add the scope files:read"
        }
        "file_not_found" | "file_deleted" => "it is no longer there",
        _ => "Slack does not give it out",
    }
}

/// The configured origin itself. Where that is the real Slack, also its other hosts, by TLS on the usual port.
fn is_slacks(base: &Url, url: &Url) -> bool {
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    let of_slack = |url: &Url| {
        url.scheme() == "https"
            && url.port().is_none()
            && url.host_str().is_some_and(|host| host == "slack.com" || host.ends_with(".slack.com"))
    };
    url.origin() == base.origin() || (of_slack(base) && of_slack(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_149_the_token_goes_to_slacks_own_hosts_only() {
        let slack: Url = "https://slack.com/api/".parse().unwrap();
        let trusts = |url: &str| url.parse().is_ok_and(|url| is_slacks(&slack, &url));
        assert!(trusts("https://files.slack.com/files-pri/T1-F1/download/a.pdf"));
        assert!(trusts("https://acme.enterprise.slack.com/x") && trusts("https://slack.com/x"));
        for foreign in [
            "http://files.slack.com/a",
            "https://files.slack.com:8443/a",
            "https://files.slack.com.evil.example/a",
            "https://evilslack.com/a",
            "https://files.slack.com@evil.example/a",
            "https://user:word@files.slack.com/a",
            "https://evil.example/files.slack.com",
            "https://127.0.0.1/a",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "gopher://files.slack.com/",
            "data:text/plain,x",
        ] {
            assert!(!trusts(foreign), "{foreign}");
        }
        let simulated: Url = "http://127.0.0.1:9100/api/".parse().unwrap();
        assert!(is_slacks(&simulated, &"http://127.0.0.1:9100/files-pri/x".parse().unwrap()));
        assert!(!is_slacks(&simulated, &"http://127.0.0.1:9101/files-pri/x".parse().unwrap()));
        assert!(!is_slacks(&simulated, &"https://files.slack.com/x".parse().unwrap()));
    }
}

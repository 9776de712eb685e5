//! Files in Slack: asked for by id, fetched from and brought to Slack's own hosts only.

use std::time::Duration;

use reqwest::{StatusCode, header::CONTENT_TYPE};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    CallError, brief,
    fetch::{self, BYTES_MAX, FetchError, Fetched},
    slack::{SlackApi, Target},
    slack_event::lenient,
};
use crate::message::{Attachment, clean_text};

const UPLOAD_TIMEOUT: Duration = Duration::from_secs(30);
/// After Slack asked for a pause without a length.
const PAUSE: Duration = Duration::from_secs(1);

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

#[derive(Deserialize)]
struct UploadAddress {
    upload_url: String,
    file_id: String,
}

/// Bringing a file to Slack: it is seen once it is shown somewhere, and not before.
impl SlackApi {
    /// Brings bytes to Slack; returns the file's id.
    pub async fn upload(&self, token: &SecretString, name: &str, bytes: Vec<u8>) -> Result<String, CallError> {
        let asked = json!({ "filename": name, "length": bytes.len() });
        let address: UploadAddress = self.call(token, "files.getUploadURLExternal", asked).await?;
        let url = address.upload_url.parse::<Url>().ok().filter(|url| is_slacks(&self.base, url));
        let url = url.ok_or_else(|| CallError::Refused("Slack named no address of its own".into()))?;
        // The address itself is the permission: no token goes along.
        let request = self.downloads.post(url).timeout(UPLOAD_TIMEOUT);
        let request = request.header(CONTENT_TYPE, "application/octet-stream").body(bytes);
        let response = request.send().await.map_err(|error| CallError::Unreachable(brief(&error)))?;
        match response.status() {
            status if status.is_success() => Ok(address.file_id),
            StatusCode::TOO_MANY_REQUESTS => Err(CallError::RateLimited(PAUSE)),
            status if status.is_client_error() => {
                Err(CallError::Refused(format!("the bytes of the file: status {}", status.as_u16())))
            }
            status => Err(CallError::Unreachable(format!("status {}", status.as_u16()))),
        }
    }

    /// Shows a file that was brought there; returns its id.
    pub async fn show_file(
        &self,
        token: &SecretString,
        target: Target<'_>,
        (id, title): (&str, &str),
    ) -> Result<String, CallError> {
        let mut body = json!({ "files": [{ "id": id, "title": title }], "channel_id": target.channel });
        if let Some(thread) = target.thread {
            body["thread_ts"] = json!(thread);
        }
        self.call_in_turn::<Value>(token, target.channel, "files.completeUploadExternal", body).await?;
        Ok(id.to_owned())
    }

    /// The file's id, if it is shown in the channel.
    pub async fn find_file(
        &self,
        token: &SecretString,
        channel: &str,
        id: &str,
    ) -> Result<Option<String>, CallError> {
        let found: Value = match self.call(token, "files.info", json!({ "file": id })).await {
            Ok(found) => found,
            // Slack knows no file that was never shown.
            Err(CallError::Refused(word)) if word == "file_not_found" => return Ok(None),
            Err(error) => return Err(error),
        };
        let file = &found["file"];
        let listed = |name: &str| file[name].as_array().is_some_and(|list| list.iter().any(|one| one == channel));
        let shared = |how: &str| file["shares"][how].get(channel).is_some();
        let shown =
            ["public", "private"].into_iter().any(shared) || ["channels", "groups", "ims"].into_iter().any(listed);
        Ok(shown.then(|| id.to_owned()))
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

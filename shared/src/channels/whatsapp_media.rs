//! Files in WhatsApp. What people send is asked for by id, which gives an address that works for five minutes and needs the
//! token, too. A later attempt asks for a fresh one.

use reqwest::multipart::{Form, Part};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{
    CallError,
    fetch::{self, FetchError, Fetched},
    whatsapp::WhatsAppApi,
};

/// Of a reference: `meta-media://1`.
pub const SCHEME: &str = "meta-media";
const MB: usize = 1024 * 1024;
/// Of a document; nothing else is as large.
pub const DOCUMENT_BYTES_MAX: usize = 100 * MB;

/// Where a file lies, and what it must turn out to be.
#[derive(Clone, Debug, Deserialize)]
pub struct MediaAddress {
    pub url: String,
    #[serde(default)]
    pub mime_type: String,
    #[serde(default)]
    pub sha256: String,
    #[serde(default)]
    pub file_size: Option<u64>,
}

#[derive(Deserialize)]
struct Uploaded {
    id: String,
}

/// Meta's own limits; what is larger is not what it claims to be.
fn bytes_max(content_type: &str) -> usize {
    match content_type.split('/').next().unwrap_or_default() {
        // Pictures are JPEG or PNG; only stickers are WebP, moving ones the larger half.
        "image" if content_type.starts_with("image/webp") => MB / 2,
        "image" => 5 * MB,
        "audio" | "video" => 16 * MB,
        _ => DOCUMENT_BYTES_MAX,
    }
}

impl WhatsAppApi {
    /// Brings bytes to Meta, where nobody sees them until a message names them; returns their id, good for thirty days.
    pub async fn upload(
        &self,
        token: &SecretString,
        number: &str,
        (name, content_type): (&str, &str),
        bytes: Vec<u8>,
    ) -> Result<String, CallError> {
        let part = Part::bytes(bytes).file_name(name.to_owned()).mime_str(content_type);
        let part = part.map_err(|_| CallError::Refused("the file's type is none".into()))?;
        let form = Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", content_type.to_owned())
            .part("file", part);
        let request = self.http.post(self.url(&[number, "media"])?).multipart(form);
        let uploaded: Uploaded = self.call(token, request).await?;
        Ok(uploaded.id)
    }

    /// Asks where a file is. A file of another account is refused.
    pub async fn media(&self, token: &SecretString, id: &str) -> Result<MediaAddress, CallError> {
        self.call(token, self.http.get(self.url(&[id])?)).await
    }

    /// Fetches a file's bytes, which must have the size and the sum that Meta told.
    pub async fn download(&self, token: &SecretString, address: &MediaAddress) -> Result<Fetched, FetchError> {
        let most = bytes_max(&address.mime_type);
        if address.file_size.is_some_and(|size| size > most as u64) {
            return Err(FetchError::Refused(fetch::too_large(most)));
        }
        let trusts = |url: &Url| is_metas(&self.base, url);
        let fetched = fetch::fetch(&self.downloads, &address.url, token, most, trusts).await?;
        let size_fits = address.file_size.is_none_or(|size| size == fetched.size);
        let sum = hex::encode(fetched.sha256);
        if !size_fits || (!address.sha256.is_empty() && !address.sha256.eq_ignore_ascii_case(&sum)) {
            return Err(FetchError::Again("it arrived damaged".into()));
        }
        Ok(fetched)
    }
}

/// Meta's hosts by HTTPS at the usual port, or the configured one itself.
fn is_metas(base: &Url, url: &Url) -> bool {
    if url.origin() == base.origin() {
        return true;
    }
    let host = url.host_str().unwrap_or_default();
    let of = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && ["fbsbx.com", "fbcdn.net", "whatsapp.net", "facebook.com"].into_iter().any(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_149_the_token_goes_to_metas_hosts_only() {
        let base: Url = "https://graph.facebook.com/v26.0/".parse().unwrap();
        let trusts = |url: &str| is_metas(&base, &url.parse().unwrap());
        for url in [
            "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
            "https://graph.facebook.com/x",
            "https://scontent.xx.fbcdn.net/a",
        ] {
            assert!(trusts(url), "{url}");
        }
        for url in [
            "http://lookaside.fbsbx.com/x",
            "https://lookaside.fbsbx.com:8443/x",
            "https://evil.example/lookaside.fbsbx.com",
            "https://evilfbsbx.com/x",
            "https://fbsbx.com.evil.example/x",
            "https://user@lookaside.fbsbx.com/x",
            "https://127.0.0.1/x",
            "file:///etc/passwd",
        ] {
            assert!(!trusts(url), "{url}");
        }
    }

    #[test]
    fn each_type_has_metas_own_limit() {
        let limits =
            ["image/png", "audio/ogg", "video/mp4", "application/pdf", ""].map(|kind| bytes_max(kind) / MB);
        assert_eq!(limits, [5, 16, 16, 100, 100]);
    }
}

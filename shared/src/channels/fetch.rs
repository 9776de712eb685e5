//! Fetching a file from a platform: a token goes to trusted hosts only, every redirect is judged anew, and bytes and time
//! are counted while they come.

use std::time::Duration;

use reqwest::{
    Client, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

/// Redirects that are followed.
const HOPS_MAX: usize = 3;
const IDLE_MAX: Duration = Duration::from_secs(5);
const TOTAL_MAX: Duration = Duration::from_secs(45);

/// Bytes of a file of a platform without limits of its own.
pub const BYTES_MAX: usize = 20 * 1024 * 1024;

#[derive(Debug)]
pub struct Fetched {
    pub bytes: Vec<u8>,
    pub content_type: String,
}

/// Why there is no file. The phrase follows "could not be read:".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Trying again won't help.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Again(String),
}

fn refused<T>(reason: &str) -> Result<T, FetchError> {
    Err(FetchError::Refused(reason.to_owned()))
}

fn again<T>(reason: &str) -> Result<T, FetchError> {
    Err(FetchError::Again(reason.to_owned()))
}

/// `trusts` says which addresses may be asked at all. The token stays with the first host: a redirect to another trusted
/// one goes without.
pub async fn fetch(
    http: &Client,
    address: &str,
    token: &SecretString,
    bytes_max: usize,
    trusts: impl Fn(&Url) -> bool,
) -> Result<Fetched, FetchError> {
    let Ok(mut url) = address.parse::<Url>() else {
        return refused("the platform named no usable address");
    };
    let (deadline, origin) = (Instant::now() + TOTAL_MAX, url.origin());
    for _hop in 0..=HOPS_MAX {
        if !trusts(&url) {
            return refused("it lies outside of the platform");
        }
        let mut request = http.get(url.clone());
        if url.origin() == origin {
            request = request.bearer_auth(token.expose_secret());
        }
        let response = match timeout_at(deadline.min(Instant::now() + IDLE_MAX * 2), request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => return again("the platform can't be reached"),
            Err(_) => return again("the platform takes too long"),
        };
        let status = response.status();
        if status.is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let Some(next) = to.and_then(|to| url.join(to).ok()) else {
                return refused("the platform named no usable address");
            };
            url = next;
            continue;
        }
        judge(status)?;
        return receive(response, bytes_max, deadline).await;
    }
    refused("the platform redirects too often")
}

fn judge(status: StatusCode) -> Result<(), FetchError> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND | StatusCode::GONE => refused("it is no longer there"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => refused("the platform does not give it out"),
        StatusCode::TOO_MANY_REQUESTS => again("the platform is asked too often"),
        status if status.is_server_error() => again("the platform has a failure"),
        _ => refused("the platform does not give it out"),
    }
}

async fn receive(
    mut response: reqwest::Response,
    bytes_max: usize,
    deadline: Instant,
) -> Result<Fetched, FetchError> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let content_type = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut bytes = Vec::new();
    // What the length claims counts for nothing, except that a claim beyond the limit spares the work.
    if response.content_length().is_some_and(|length| length > bytes_max as u64) {
        return refused(&too_large(bytes_max));
    }
    loop {
        let piece = match timeout_at(deadline, timeout(IDLE_MAX, response.chunk())).await {
            Ok(Ok(Ok(piece))) => piece,
            Ok(Ok(Err(_))) => return again("the download broke off"),
            Ok(Err(_)) | Err(_) => return again("the download takes too long"),
        };
        let Some(piece) = piece else { break };
        if bytes.len() + piece.len() > bytes_max {
            return refused(&too_large(bytes_max));
        }
        bytes.extend_from_slice(&piece);
    }
    if bytes.is_empty() {
        return refused("it is empty");
    }
    Ok(Fetched { bytes, content_type })
}

pub fn too_large(bytes_max: usize) -> String {
    format!("it is larger than {} MB", bytes_max / 1024 / 1024)
}

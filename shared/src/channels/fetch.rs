//! Fetching a file from a platform: a token goes to trusted hosts only, every redirect is judged anew, and bytes and time
//! are counted while they come. They go to a temporary file piece by piece: twenty large ones at once must not fill the memory.

use std::{fs::File, time::Duration};

use reqwest::{
    Client, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, timeout, timeout_at},
};
use url::Url;

/// Redirects that are followed.
const HOPS_MAX: usize = 3;
const IDLE_MAX: Duration = Duration::from_secs(5);
const TOTAL_MAX: Duration = Duration::from_secs(45);
/// Bytes of one file in memory on their way to the disk.
const PIECE: usize = 256 * 1024;

/// Bytes of a file of a platform without limits of its own.
pub const BYTES_MAX: usize = 20 * 1024 * 1024;

#[derive(Debug)]
pub struct Fetched {
    /// Without a name: it goes with the last handle.
    pub file: File,
    pub size: u64,
    pub sha256: [u8; 32],
    pub content_type: String,
}

/// A handle for reading a file anew. Handles of one file share their place: one reader at a time.
///
/// # Errors
/// If the system gives no further handle.
pub fn from_the_start(file: &File) -> std::io::Result<File> {
    let mut handle = file.try_clone()?;
    std::io::Seek::rewind(&mut handle)?;
    Ok(handle)
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
    // What the length claims counts for nothing, except that a claim beyond the limit spares the work.
    if response.content_length().is_some_and(|length| length > bytes_max as u64) {
        return refused(&too_large(bytes_max));
    }
    let file = tempfile::tempfile().map_err(|error| no_room(&error))?;
    let mut to = tokio::fs::File::from_std(file.try_clone().map_err(|error| no_room(&error))?);
    to.set_max_buf_size(PIECE);
    let (mut size, mut sum) = (0, Sha256::new());
    loop {
        let piece = match timeout_at(deadline, timeout(IDLE_MAX, response.chunk())).await {
            Ok(Ok(Ok(piece))) => piece,
            Ok(Ok(Err(_))) => return again("the download broke off"),
            Ok(Err(_)) | Err(_) => return again("the download takes too long"),
        };
        let Some(piece) = piece else { break };
        size += piece.len() as u64;
        if size > bytes_max as u64 {
            return refused(&too_large(bytes_max));
        }
        sum.update(&piece);
        to.write_all(&piece).await.map_err(|error| no_room(&error))?;
    }
    if size == 0 {
        return refused("it is empty");
    }
    to.flush().await.map_err(|error| no_room(&error))?;
    Ok(Fetched { file, size, sha256: sum.finalize().into(), content_type })
}

fn no_room(error: &std::io::Error) -> FetchError {
    tracing::warn!(%error, "A file could not be put aside");
    FetchError::Again("there is no room to keep it".into())
}

pub fn too_large(bytes_max: usize) -> String {
    format!("it is larger than {} MB", bytes_max / 1024 / 1024)
}

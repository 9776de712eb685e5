//! Fetching a page that a tenant named: through the guard at every hop, conditionally, with bytes and time counted.

use std::time::Duration;

use reqwest::{
    Response, StatusCode,
    header::{CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION},
};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::{Guard, leads_inside};

/// Redirects that are followed.
const HOPS_MAX: usize = 3;
const IDLE_MAX: Duration = Duration::from_secs(5);
const TOTAL_MAX: Duration = Duration::from_secs(30);
/// Longest mark of a server that is sent back to it.
const MARK_MAX: usize = 500;

/// What the server said of the version that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

#[derive(Debug)]
pub enum Page {
    Unchanged,
    Fetched { bytes: Vec<u8>, content_type: String, mark: Known },
}

/// Why there is no page: a sentence for whoever named it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It is not there any more, or may not be read.
    #[error("{0}")]
    Gone(String),
    /// It may be there later.
    #[error("{0}")]
    Again(String),
}

fn gone<T>(reason: &str) -> Result<T, PageError> {
    Err(PageError::Gone(reason.to_owned()))
}

fn again<T>(reason: &str) -> Result<T, PageError> {
    Err(PageError::Again(reason.to_owned()))
}

/// Fetches the page, if it is not what is known.
pub async fn fetch(guard: &Guard, address: &str, known: &Known, bytes_max: usize) -> Result<Page, PageError> {
    let Ok(mut url) = address.parse::<Url>() else { return gone("the address can't be read") };
    let deadline = Instant::now() + TOTAL_MAX;
    for hop in 0..=HOPS_MAX {
        let client = guard.client(&url).map_err(|refusal| PageError::Gone(refusal.to_string()))?;
        let mut request = client.get(url.clone());
        // Marks are the first host's: nobody else is told them.
        if hop == 0 {
            for (name, mark) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)] {
                if let Some(mark) = mark {
                    request = request.header(name, mark);
                }
            }
        }
        let response = match timeout_at(deadline.min(Instant::now() + IDLE_MAX * 2), request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if leads_inside(&error) => {
                return gone("its address leads to a private or reserved network");
            }
            Ok(Err(_)) => return again("it can't be reached"),
            Err(_) => return again("it takes too long"),
        };
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Page::Unchanged),
            status if status.is_redirection() => {
                let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                let Some(next) = to.and_then(|to| url.join(to).ok()) else {
                    return again("it redirects to no usable address");
                };
                url = next;
            }
            status if status.is_success() => return receive(response, bytes_max, deadline).await,
            StatusCode::NOT_FOUND | StatusCode::GONE => return gone("it is no longer there"),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return gone("the server does not give it out"),
            StatusCode::TOO_MANY_REQUESTS => return again("the server is asked too often"),
            status => return again(&format!("the server answers with {}", status.as_u16())),
        }
    }
    again("it redirects too often")
}

async fn receive(mut response: Response, bytes_max: usize, deadline: Instant) -> Result<Page, PageError> {
    let said = |name: HeaderName| {
        let said = response.headers().get(name).and_then(|said| said.to_str().ok());
        said.filter(|said| said.len() <= MARK_MAX).map(str::to_owned)
    };
    let content_type = said(CONTENT_TYPE).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mark = Known { etag: said(ETAG), last_modified: said(LAST_MODIFIED) };
    let mut bytes = Vec::new();
    loop {
        let piece = match timeout_at(deadline, timeout(IDLE_MAX, response.chunk())).await {
            Ok(Ok(Ok(piece))) => piece,
            Ok(Ok(Err(_))) => return again("the download broke off"),
            Ok(Err(_)) | Err(_) => return again("the download takes too long"),
        };
        let Some(piece) = piece else { break };
        if bytes.len() + piece.len() > bytes_max {
            return gone(&format!("it is larger than {} MB", bytes_max / (1024 * 1024)));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Page::Fetched { bytes, content_type, mark })
}

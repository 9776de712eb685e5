//! The portal's files, built into the binary. Unknown addresses get the page itself: its router decides.

use axum::{
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

use crate::error::ApiError;

#[derive(RustEmbed)]
#[folder = "../portal/dist"]
#[allow_missing = true]
struct Portal;

/// Files whose name holds their hash never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

pub async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("webhooks/") || path.starts_with("api/") || path.starts_with("oauth/") {
        return ApiError::not_found().into_response();
    }
    let (name, lifetime) = if path.starts_with("assets/") { (path, FOR_EVER) } else { (path, ASK_AGAIN) };
    if let Some(file) = Portal::get(name) {
        let kind = with_charset(file.metadata.mimetype());
        return ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, lifetime.to_owned())], file.data)
            .into_response();
    }
    match Portal::get("index.html") {
        Some(page) if !path.contains('.') => {
            ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, ASK_AGAIN)], page.data)
                .into_response()
        }
        Some(_) => StatusCode::NOT_FOUND.into_response(),
        None => (
            StatusCode::NOT_FOUND,
            "The portal is not built into this binary: run `make up`, or build portal/ and compile again.",
        )
            .into_response(),
    }
}

/// Every text of ours is UTF-8, and nobody has to guess it.
fn with_charset(kind: &str) -> String {
    let text = kind.starts_with("text/") || kind.ends_with("javascript");
    if text && !kind.contains("charset") { format!("{kind}; charset=utf-8") } else { kind.to_owned() }
}

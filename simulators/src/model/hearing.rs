//! `/v1/audio/transcriptions`: hears what stands behind `say:` in a recording.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::Core;
use crate::{faults::FaultKind, server::Scissors};

const MARK: &str = "say:";

pub(super) async fn transcribe(
    State(core): State<Arc<Core>>,
    Extension(scissors): Extension<Scissors>,
    body: Bytes,
) -> Response {
    match core.faults.strike("transcriptions", None) {
        Some(FaultKind::Status { code, .. }) => {
            return StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
        }
        Some(FaultKind::DropConnectionBefore) => return scissors.cut().await,
        _ => {}
    }
    // A form with the recording in one of its parts; a line break ends what is said.
    let body = String::from_utf8_lossy(&body);
    let said = body.split_once(MARK).map(|(_, rest)| rest.split(['\r', '\n']).next().unwrap_or_default());
    let said = said.unwrap_or_default().trim();
    // As fast as people speak: two and a half words a second.
    let seconds = said.split_whitespace().count() * 2 / 5 + 1;
    Json(json!({ "text": said, "usage": { "type": "duration", "seconds": seconds } })).into_response()
}

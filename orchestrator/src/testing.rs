//! The sender, and the reader of models' answers, for the properties and fuzz targets of `proof` (feature "testing").
//!
//! A door instead of public modules: the product itself needs none of this from outside.

use async_openai::error::{OpenAIError, StreamError};
use futures::stream;
use serde_json::Value;
use tokio::time::{Duration, Instant};

pub use crate::reply::{Delivery, Outlet, Pace, Sender, SlackPlace, State, slack_parts};
use crate::{llm, reply::words::Words};

/// Longer than any stream that is all there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads a stream whose chunks are these lines; the text, if it is an answer. A line that is no JSON breaks the stream.
pub async fn read_answer(lines: &[u8]) -> Option<String> {
    let chunks = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| {
        serde_json::from_slice::<Value>(line)
            .map_err(|error| OpenAIError::StreamError(Box::new(StreamError::EventStream(error.to_string()))))
    });
    let chunks: Vec<_> = chunks.collect();
    let received = llm::read(stream::iter(chunks), Instant::now() + PATIENCE, &Words::default()).await;
    received.ok().map(|received| received.text)
}

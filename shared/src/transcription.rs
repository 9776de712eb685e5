//! Speech to text, by an OpenAI-compatible `/audio/transcriptions`.

use std::{fs::File, time::Duration};

use reqwest::{
    Client, StatusCode,
    multipart::{Form, Part},
};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::{config::TranscriptionConfig, egress};

/// A long message takes a while to hear.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why there is no text. The phrase follows "could not be read:".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    /// Trying again won't help.
    #[error("{0}")]
    Refused(&'static str),
    #[error("{0}")]
    Again(&'static str),
    /// As `Again`; the provider may have heard it, and may charge for it.
    #[error("{0}")]
    Unclear(&'static str),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Transcriber {
    http: Client,
    config: TranscriptionConfig,
}

/// What was said, and for how long, as the provider counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub text: String,
    /// `None`: the provider does not say.
    pub seconds: Option<u32>,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    seconds: Option<f64>,
}

impl Transcriber {
    pub fn new(config: &TranscriptionConfig) -> Self {
        Self { http: egress::provider_client(Some(TIMEOUT)), config: config.clone() }
    }

    /// As the ledger names it.
    pub fn model(&self) -> &str {
        &self.config.model
    }

    /// What is said in a recording of `size` bytes.
    pub async fn transcribe(&self, recording: File, size: u64, content_type: &str) -> Result<Heard, Unheard> {
        let kind = content_type.split(';').next().unwrap_or_default();
        let file = Part::stream_with_length(tokio::fs::File::from_std(recording), size)
            .file_name(format!("recording.{}", ending(kind)))
            .mime_str(kind)
            .map_err(|_| Unheard::Refused("it is no recording"))?;
        let form = Form::new().part("file", file).text("model", self.config.model.clone());
        let url = format!("{}/audio/transcriptions", self.config.base_url.as_str().trim_end_matches('/'));
        let request = self.http.post(url).bearer_auth(self.config.api_key.expose_secret()).multipart(form);
        let response = request.send().await.map_err(|_| Unheard::Unclear("the transcription does not answer"))?;
        match response.status() {
            StatusCode::OK => {}
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(Unheard::Again("the transcription does not answer"));
            }
            _ => return Err(Unheard::Refused("the transcription does not take it")),
        }
        let answer: Answer = response.json().await.map_err(|_| Unheard::Unclear("the transcription broke off"))?;
        // A provider that counts badly is not believed.
        let seconds =
            answer.usage.and_then(|usage| usage.seconds).filter(|seconds| (0.0..86_400.0).contains(seconds));
        Ok(Heard { text: answer.text, seconds: seconds.map(|seconds| seconds.ceil() as u32) })
    }
}

/// Providers go by the file's name.
fn ending(content_type: &str) -> &str {
    match content_type {
        "audio/mpeg" => "mp3",
        "audio/mp4" | "audio/aac" => "m4a",
        "audio/amr" => "amr",
        "audio/wav" | "audio/x-wav" => "wav",
        _ => "ogg",
    }
}

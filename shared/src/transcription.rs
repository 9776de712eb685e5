//! Speech to text, by an OpenAI-compatible `/audio/transcriptions`.

use std::time::Duration;

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
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Transcriber {
    http: Client,
    config: TranscriptionConfig,
}

#[derive(Deserialize)]
struct Heard {
    text: String,
}

impl Transcriber {
    pub fn new(config: &TranscriptionConfig) -> Self {
        Self { http: egress::provider_client(Some(TIMEOUT)), config: config.clone() }
    }

    /// What is said in a recording.
    pub async fn transcribe(&self, bytes: Vec<u8>, content_type: &str) -> Result<String, Unheard> {
        let kind = content_type.split(';').next().unwrap_or_default();
        let file = Part::bytes(bytes)
            .file_name(format!("recording.{}", ending(kind)))
            .mime_str(kind)
            .map_err(|_| Unheard::Refused("it is no recording"))?;
        let form = Form::new().part("file", file).text("model", self.config.model.clone());
        let url = format!("{}/audio/transcriptions", self.config.base_url.as_str().trim_end_matches('/'));
        let request = self.http.post(url).bearer_auth(self.config.api_key.expose_secret()).multipart(form);
        let response = request.send().await.map_err(|_| Unheard::Again("the transcription does not answer"))?;
        match response.status() {
            StatusCode::OK => {}
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(Unheard::Again("the transcription does not answer"));
            }
            _ => return Err(Unheard::Refused("the transcription does not take it")),
        }
        let heard: Heard = response.json().await.map_err(|_| Unheard::Again("the transcription broke off"))?;
        if heard.text.trim().is_empty() {
            return Err(Unheard::Refused("nothing is said in it"));
        }
        Ok(heard.text)
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

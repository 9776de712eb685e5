//! The variables of speech to text. Without an address nobody hears voice messages.

use secrecy::SecretString;
use url::Url;

use super::{ConfigError, Variables, url};

#[derive(Clone, Debug)]
pub struct TranscriptionConfig {
    /// An OpenAI-compatible provider, such as `https://api.openai.com/v1`.
    pub base_url: Url,
    pub api_key: SecretString,
    pub model: String,
}

pub(super) fn transcription(variables: &Variables) -> Result<Option<TranscriptionConfig>, ConfigError> {
    if variables.get("TRANSCRIPTION_BASE_URL").is_none() {
        return Ok(None);
    }
    Ok(Some(TranscriptionConfig {
        base_url: url(variables, "TRANSCRIPTION_BASE_URL", None)?,
        api_key: variables.secret("TRANSCRIPTION_API_KEY", "the key of your speech-to-text provider")?,
        model: variables.get("TRANSCRIPTION_MODEL").unwrap_or("whisper-1").to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_key_stops_the_start() {
        assert!(transcription(&Variables::of(&[])).unwrap().is_none());
        let address = ("TRANSCRIPTION_BASE_URL", "http://127.0.0.1:9103/v1");
        let sentence = transcription(&Variables::of(&[address])).unwrap_err().to_string();
        assert!(sentence.starts_with("TRANSCRIPTION_API_KEY is missing or blank"), "{sentence}");
        let known = transcription(&Variables::of(&[address, ("TRANSCRIPTION_API_KEY", "k")])).unwrap().unwrap();
        assert_eq!(known.model, "whisper-1");
    }
}

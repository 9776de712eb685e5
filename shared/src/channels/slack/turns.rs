//! A channel's turn: what adds a message to it waits, if Slack wants the channel left alone.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::SlackApi;
use crate::{channels::CallError, pacer::Pacer};

/// A channel's turn that is further away is left to the caller.
const TURN_MAX: Duration = Duration::from_secs(30);

impl SlackApi {
    /// Shares with other processes how long a channel wants to be left alone.
    pub fn paced(self, pacer: Pacer) -> Self {
        Self { pacer: Some(pacer), ..self }
    }

    /// For what adds a message to a channel: waits for the channel's turn, and remembers if Slack wants it left alone.
    pub(in crate::channels) async fn call_in_turn<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        channel: &str,
        method: &str,
        body: Value,
    ) -> Result<T, CallError> {
        let Some(pacer) = &self.pacer else {
            return self.call(token, method, body).await;
        };
        // Channel ids are unique within a workspace only; its token stands for it, and can't be read back.
        let mut hash = Sha256::new();
        hash.update(token.expose_secret());
        hash.update(channel);
        let place = hex::encode(&hash.finalize()[..12]);
        let wait = pacer.turn(&place).await;
        if wait > TURN_MAX {
            return Err(CallError::RateLimited(wait));
        }
        tokio::time::sleep(wait).await;
        let answer = self.call(token, method, body).await;
        if let Err(CallError::RateLimited(pause)) = &answer {
            pacer.hold(&place, *pause).await;
        }
        answer
    }
}

//! What Slack shows while the agent works: the status line of a thread, and in direct messages the agent's session, which
//! brings a Stop button. All of it is best effort: older apps have no sessions, and an answer never waits for a sign of it.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use shared::{
    channels::{CallError, slack::SessionStatus},
    message::{ChannelKind, InboundMessage},
};
use tracing::Instrument;

use super::SlackPlace;

/// A quick answer needs no status.
const STATUS_AFTER: Duration = Duration::from_secs(1);
/// Slack takes it away after two minutes.
const STATUS_AGAIN: Duration = Duration::from_secs(90);
const STATUS: &str = "is thinking …";
/// Of a conversation's name in Slack's list, in characters.
const TITLE_MAX: usize = 60;

impl SlackPlace {
    pub async fn working_on<T>(&self, message: &InboundMessage, work: impl Future<Output = T>) -> T {
        let Some(thread) = self.thread.as_deref() else { return work.await };
        let direct = message.channel_kind == ChannelKind::Direct;
        let has_status = AtomicBool::new(false);
        let showing = async {
            if direct {
                self.begin_session(thread, message).await;
            }
            tokio::time::sleep(STATUS_AFTER).await;
            loop {
                has_status.store(true, Ordering::Relaxed);
                note(self.api.set_status(&self.token, (&self.channel, thread), STATUS).await);
                tokio::time::sleep(STATUS_AGAIN).await;
            }
        };
        let result = tokio::select! {
            biased;
            result = work => result,
            () = showing => unreachable!("it goes on until the work is done"),
        };
        let has_status = has_status.into_inner();
        if direct || has_status {
            let (place, direct) = (self.clone(), direct);
            tokio::spawn(
                async move { place.rest(direct, has_status, SessionStatus::Active).await }.in_current_span(),
            );
        }
        result
    }

    /// An interruption ended the work.
    pub async fn let_go(&self, direct: bool, by_human: bool) {
        let status = if by_human { SessionStatus::Suspended } else { SessionStatus::Active };
        self.rest(direct, true, status).await;
    }

    /// The first message of a thread names it.
    async fn begin_session(&self, thread: &str, message: &InboundMessage) {
        let (place, title) = ((self.channel.as_str(), thread), title(&message.text));
        note(self.api.set_session(&self.token, place, SessionStatus::Processing, &title).await);
        if message.external_id == thread && !title.is_empty() {
            note(self.api.set_title(&self.token, place, &title).await);
        }
    }

    async fn rest(&self, direct: bool, has_status: bool, status: SessionStatus) {
        let Some(thread) = self.thread.as_deref() else { return };
        let place = (self.channel.as_str(), thread);
        if has_status {
            note(self.api.set_status(&self.token, place, "").await);
        }
        if direct {
            note(self.api.set_session(&self.token, place, status, "").await);
        }
    }
}

fn note(answered: Result<(), CallError>) {
    if let Err(error) = answered {
        tracing::debug!(%error, "Slack does not show what the agent is doing");
    }
}

/// The first words of a question.
fn title(text: &str) -> String {
    let mut title = String::new();
    for word in text.split_whitespace() {
        let length = title.chars().count() + 1 + word.chars().count();
        if length > TITLE_MAX {
            if title.is_empty() {
                return word.chars().take(TITLE_MAX).collect();
            }
            return title + " …";
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_words() {
        assert_eq!(title("  Where is\nmy order? "), "Where is my order?");
        let long = title(&"words and words ".repeat(20));
        assert!(long.ends_with(" …") && long.chars().count() <= TITLE_MAX + 2, "{long}");
        assert_eq!(title(&"x".repeat(100)).len(), TITLE_MAX);
    }
}

//! Where an answer goes. An enum instead of a trait: channels differ in what they can do, and a turn asks for that by name.
//!
//! A further channel is one more variant: its calls, what it can do, and how it cuts a long text.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use secrecy::SecretString;
use shared::{
    channels::{
        CallError, mrkdwn,
        slack::{SlackApi, Target},
    },
    db::outbox::{Operation, Part},
    ids::OutboxId,
    message::InboundMessage,
};

use super::{Pace, WhatsAppPlace};

/// Within this a message that arrived has a status.
const STATUS_LATEST: Duration = Duration::from_secs(10);

/// Says "seen" on a message that waits behind the current answer.
const SEEN_EMOJI: &str = "eyes";

/// One place to answer in; cheap to clone.
#[derive(Clone)]
pub enum Outlet {
    Slack(SlackPlace),
    WhatsApp(WhatsAppPlace),
}

/// One thread of one workspace.
#[derive(Clone)]
pub struct SlackPlace {
    pub api: SlackApi,
    pub token: SecretString,
    pub channel: String,
    pub thread: Option<String>,
    /// The agent's own user in the workspace.
    pub bot_user: String,
    /// The workspace.
    pub team: String,
    /// Whom the answer is for.
    pub recipient: String,
    /// The row that ends the answer, once it is known: people can rate it there.
    pub ending: Arc<OnceLock<OutboxId>>,
}

impl Outlet {
    /// What was sent can be replaced: a placeholder is shown at once and becomes the answer.
    pub fn can_edit(&self) -> bool {
        match self {
            Self::Slack(_) => true,
            Self::WhatsApp(_) => false,
        }
    }

    /// How long a sender waits here.
    pub fn pace(&self) -> Pace {
        match self {
            Self::Slack(_) => Pace::default(),
            // Meta has no look-up: what arrived is known by its status alone.
            Self::WhatsApp(_) => Pace { settle: STATUS_LATEST, ..Pace::default() },
        }
    }

    /// Shows that somebody works on an answer to this message.
    pub async fn while_working<T>(&self, message: &InboundMessage, work: impl Future<Output = T>) -> T {
        match self {
            Self::Slack(place) => place.working_on(message, work).await,
            Self::WhatsApp(place) => place.typing_while(message, work).await,
        }
    }

    /// The work is over before it was done: the platform should show none any more.
    pub async fn let_go(&self, direct: bool, by_human: bool) {
        match self {
            Self::Slack(place) => place.let_go(direct, by_human).await,
            Self::WhatsApp(_) => {}
        }
    }

    /// What proves us to the platform.
    pub fn token(&self) -> &SecretString {
        match self {
            Self::Slack(place) => &place.token,
            Self::WhatsApp(place) => &place.token,
        }
    }

    /// The same place, with the token that followed.
    pub fn with_token(&self, token: SecretString) -> Self {
        match self {
            Self::Slack(place) => Self::Slack(SlackPlace { token, ..place.clone() }),
            Self::WhatsApp(place) => Self::WhatsApp(WhatsAppPlace { token, ..place.clone() }),
        }
    }

    /// Sends a new message that carries the row's id; returns the platform's id of it.
    pub async fn post(&self, markdown: &str, id: OutboxId) -> Result<String, CallError> {
        match self {
            Self::Slack(place) if place.ends_with(id) => {
                place.api.post_answer(&place.token, place.target(), markdown, id).await
            }
            Self::Slack(place) => place.api.post(&place.token, place.target(), markdown, id).await,
            Self::WhatsApp(place) => place.post(markdown, id).await,
        }
    }

    /// Replaces a message of ours; repeating it does no harm. Only where [`Self::can_edit`].
    pub async fn update(&self, message: &str, markdown: &str, id: OutboxId) -> Result<String, CallError> {
        match self {
            Self::Slack(place) if place.ends_with(id) => {
                place.api.update_answer(&place.token, &place.channel, message, markdown, id).await
            }
            Self::Slack(place) => place.api.update(&place.token, &place.channel, message, markdown, id).await,
            Self::WhatsApp(_) => Err(CallError::Refused("nothing that was sent can be replaced".into())),
        }
    }

    /// From now on it is known which row ends the answer: where the platform can, people rate it there.
    pub fn note_ending(&self, id: OutboxId) {
        match self {
            Self::Slack(place) => place.note_ending(id),
            Self::WhatsApp(_) => {}
        }
    }

    /// Looks for the message that carries this row's id.
    pub async fn find(&self, id: OutboxId) -> Result<Option<String>, CallError> {
        match self {
            Self::Slack(place) => place.api.find_posted(&place.token, place.target(), id).await,
            Self::WhatsApp(place) => place.find(id).await,
        }
    }

    /// Shows that a message was read, though its answer has to wait.
    pub async fn mark_seen(&self, message: &InboundMessage) -> Result<(), CallError> {
        match self {
            Self::Slack(place) => {
                place.api.react(&place.token, &message.channel, &message.external_id, SEEN_EMOJI).await
            }
            Self::WhatsApp(place) => place.mark_seen(message).await,
        }
    }

    /// The outbox parts of a text: the first replaces the placeholder, if there is one, the rest follow below it.
    pub fn parts(&self, kind: &str, markdown: &str, placeholder: Option<&str>) -> Vec<Part> {
        match self {
            Self::Slack(place) => {
                let parts = slack_parts(kind, markdown, placeholder);
                // An apology is not rated.
                if let Some(last) = parts.last().filter(|part| part.kind == "answer") {
                    place.note_ending(last.id);
                }
                parts
            }
            Self::WhatsApp(place) => place.parts(kind, markdown),
        }
    }
}

pub fn slack_parts(kind: &str, markdown: &str, placeholder: Option<&str>) -> Vec<Part> {
    let pieces = mrkdwn::pages(markdown);
    let part = |(number, body)| {
        let target = placeholder.filter(|_| number == 0).map(str::to_owned);
        let operation = if target.is_some() { Operation::Update } else { Operation::Post };
        Part::new(kind, number, operation, body, target)
    };
    (0..).zip(pieces).map(part).collect()
}

impl SlackPlace {
    /// Remembers which row ends the answer.
    pub fn note_ending(&self, id: OutboxId) {
        // A turn has one answer: a second call brings the same row.
        let _ = self.ending.set(id);
    }

    pub fn ends_with(&self, id: OutboxId) -> bool {
        self.ending.get() == Some(&id)
    }

    pub fn target(&self) -> Target<'_> {
        Target { channel: &self.channel, thread: self.thread.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_replaces_the_placeholder_and_goes_on_below() {
        let parts = slack_parts("answer", &"A sentence of words. ".repeat(1_000), Some("1.2"));
        assert!(parts.len() >= 3);
        assert_eq!((parts[0].operation, parts[0].target.as_deref()), (Operation::Update, Some("1.2")));
        assert!(parts[1..].iter().all(|part| part.operation == Operation::Post && part.target.is_none()));
        let sentences: usize = parts.iter().map(|part| part.body.matches("A sentence of words.").count()).sum();
        assert_eq!(sentences, 1_000);
    }
}

//! One person's chat with one WhatsApp number. Nothing that was sent can be replaced: instead of a placeholder, the message
//! is marked as read and the phone shows that somebody types.

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use secrecy::SecretString;
use shared::{
    channels::{
        CallError,
        whatsapp::{Line, NOTICE, Outgoing, TEXT_MAX, WhatsAppApi},
        whatsapp_text,
    },
    clock::Clock,
    db::{
        DbError, TenantDb, deliveries, messages,
        numbers::{self, Sending},
        outbox::{Operation, Part},
    },
    ids::{ConnectionId, ConversationId, OutboxId},
    message::InboundMessage,
};
use tokio::sync::OnceCell;

/// Meta takes the sign away after 25 seconds.
const TYPING_INTERVAL: Duration = Duration::from_secs(20);
/// A person who has not written for this long may only be sent a template.
const WINDOW: Duration = Duration::from_secs(24 * 3_600);
/// Longest text of a template's variable that is sent, in characters; Meta allows 1,024 for the whole message.
const VARIABLE_MAX: usize = 900;
const CLOSED: &str = "more than 24 hours have passed since the person wrote";

#[derive(Clone)]
pub struct WhatsAppPlace {
    pub api: WhatsAppApi,
    pub token: SecretString,
    pub connection: ConnectionId,
    /// Read once.
    pub sending: Arc<OnceCell<Sending>>,
    /// The person's user id or phone number.
    pub person: String,
    pub conversation: ConversationId,
    pub db: TenantDb,
    pub clock: Clock,
    /// The agent has not answered here before.
    pub is_first: bool,
}

impl WhatsAppPlace {
    /// Sends free text within the 24 hours, by the person's own timestamp; later the template that the tenant named.
    pub async fn post(&self, text: &str, id: OutboxId) -> Result<String, CallError> {
        let sending = self.sending().await?;
        let line = Line { number: &sending.phone_number_id, person: &self.person };
        if self.is_open().await.map_err(away)? {
            return self.api.send(&self.token, line, &Outgoing::answer(text), None, id).await;
        }
        metrics::counter!("konstruct_whatsapp_window_closed_total").increment(1);
        let Some((name, language)) = &sending.fallback else { return Err(CallError::Refused(CLOSED.into())) };
        let words = one_line(text);
        let template = Outgoing::Template { name, language, variables: &[&words] };
        self.api.send(&self.token, line, &template, None, id).await
    }

    /// Brings a file's bytes to Meta, under the only type of texts it takes.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Result<String, CallError> {
        let sending = self.sending().await?;
        self.api.upload(&self.token, &sending.phone_number_id, (name, "text/plain"), bytes).await
    }

    /// Sends a file that Meta has. Outside the 24 hours no template could carry it.
    pub async fn show_file(&self, media: &str, name: &str, id: OutboxId) -> Result<String, CallError> {
        let sending = self.sending().await?;
        if !self.is_open().await.map_err(away)? {
            metrics::counter!("konstruct_whatsapp_window_closed_total").increment(1);
            return Err(CallError::Refused(CLOSED.into()));
        }
        let line = Line { number: &sending.phone_number_id, person: &self.person };
        self.api.send(&self.token, line, &Outgoing::Document { media, name }, None, id).await
    }

    async fn sending(&self) -> Result<&Sending, CallError> {
        let reading = async {
            let mut tx = self.db.begin().await?;
            let sending = numbers::sending(&mut tx, self.connection).await?.ok_or(DbError::NotFound)?;
            tx.close().await?;
            Ok::<_, DbError>(sending)
        };
        self.sending.get_or_try_init(|| reading).await.map_err(away)
    }

    async fn is_open(&self) -> Result<bool, DbError> {
        let mut tx = self.db.begin().await?;
        let written = messages::last_written(&mut tx, self.conversation).await?;
        tx.close().await?;
        Ok(written.is_some_and(|at| self.clock.now() - at < WINDOW))
    }

    /// A status that named the row says that the message arrived.
    pub async fn find(&self, id: OutboxId) -> Result<Option<String>, CallError> {
        let found = async {
            let mut tx = self.db.begin().await?;
            let found = deliveries::find(&mut tx, id).await?;
            tx.close().await?;
            Ok::<_, DbError>(found)
        };
        Ok(found.await.map_err(away)?.map(|(external_id, _)| external_id))
    }

    pub async fn mark_seen(&self, message: &InboundMessage) -> Result<(), CallError> {
        let sending = self.sending().await?;
        self.api.read(&self.token, &sending.phone_number_id, &message.external_id, true).await
    }

    /// Shows that somebody types for as long as the work takes.
    pub async fn typing_while<T>(&self, message: &InboundMessage, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.keep_typing(message) => match never {},
        }
    }

    /// Best effort: the answer comes whether or not the sign appears.
    async fn keep_typing(&self, message: &InboundMessage) -> Infallible {
        loop {
            if let Err(error) = self.mark_seen(message).await {
                tracing::info!(%error, "A message could not be marked as read");
            }
            tokio::time::sleep(TYPING_INTERVAL).await;
        }
    }

    /// One message, if it has room: each is charged.
    pub fn parts(&self, kind: &str, markdown: &str) -> Vec<Part> {
        let text = whatsapp_text::from_markdown(markdown);
        let text = if self.is_first { format!("{text}\n\n{NOTICE}") } else { text };
        let part = |(number, body)| Part::new(kind, number, Operation::Post, body, None);
        (0..).zip(whatsapp_text::split(&text, TEXT_MAX)).map(part).collect()
    }
}

/// A template's variable has no line breaks.
fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= VARIABLE_MAX {
        return words;
    }
    let cut: String = words.chars().take(VARIABLE_MAX).collect();
    format!("{cut} …")
}

/// Our own database does not answer: nothing was sent.
fn away(error: DbError) -> CallError {
    CallError::Unreachable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_templates_variable_is_one_line_and_not_too_long() {
        assert_eq!(one_line("a\n\n b\tc "), "a b c");
        assert_eq!(one_line(&"ä".repeat(2_000)).chars().count(), VARIABLE_MAX + 2);
    }
}

//! What only some outlets can: messages that grow, and messages that are taken away. A model's Markdown goes out as the
//! streaming methods read it, here and where such a message is set as a whole.

use shared::{
    channels::{CallError, mrkdwn, slack::Recipient},
    ids::OutboxId,
};

use super::{Outlet, SlackPlace};

impl Outlet {
    /// A long answer is shown while it is written; what follows is for such outlets only.
    pub fn streams(&self) -> bool {
        self.streaming().is_ok()
    }

    /// Begins a message that grows; returns the platform's id of it.
    pub async fn start_stream(&self, markdown: &str) -> Result<String, CallError> {
        let place = self.streaming()?;
        let recipient = Recipient { user: &place.recipient, team: &place.team };
        let text = mrkdwn::markdown_text("", markdown);
        place.api.start_stream(&place.token, place.target(), recipient, &text).await
    }

    /// Lets a message that shows `shown` grow. Not to be repeated: it would say things twice.
    pub async fn append_stream(&self, message: &str, (shown, piece): (&str, &str)) -> Result<(), CallError> {
        let place = self.streaming()?;
        let text = mrkdwn::markdown_text(shown, piece);
        place.api.append_stream(&place.token, &place.channel, message, &text).await
    }

    /// Ends a growing message that shows `shown`, with a last piece, which may be empty.
    pub async fn stop_stream(
        &self,
        message: &str,
        (shown, piece): (&str, &str),
        id: OutboxId,
    ) -> Result<(), CallError> {
        let place = self.slack()?;
        let text = mrkdwn::markdown_text(shown, piece);
        let is_rated = place.ends_with(id);
        place.api.stop_stream(&place.token, &place.channel, message, &text, (id, is_rated)).await
    }

    /// Looks for a stream of ours that nobody finished, after another message.
    pub async fn find_stream(&self, after: &str) -> Result<Option<String>, CallError> {
        let place = self.slack()?;
        place.api.find_stream(&place.token, place.target(), &place.bot_user, after).await
    }

    /// Sends, as one message, what a stream would have shown.
    pub async fn post_streamed(&self, markdown: &str, id: OutboxId) -> Result<String, CallError> {
        let place = self.slack()?;
        let text = mrkdwn::markdown_text("", markdown);
        place.api.post_markdown(&place.token, place.target(), &text, id).await
    }

    /// Sets the whole text of a message that was streamed and has ended; repeating it does no harm.
    pub async fn update_streamed(&self, message: &str, markdown: &str, id: OutboxId) -> Result<String, CallError> {
        let place = self.slack()?;
        let text = mrkdwn::markdown_text("", markdown);
        place.api.update_markdown(&place.token, &place.channel, message, &text, id).await
    }

    /// Takes a message of ours away; one that is gone counts, too.
    pub async fn delete(&self, message: &str) -> Result<(), CallError> {
        let place = self.slack()?;
        place.api.delete(&place.token, &place.channel, message).await
    }

    /// Slack streams into threads, for somebody.
    fn streaming(&self) -> Result<&SlackPlace, CallError> {
        let place = self.slack()?;
        let takes = place.thread.is_some() && !place.recipient.is_empty();
        if takes { Ok(place) } else { Err(CallError::Refused("nothing is streamed here".into())) }
    }

    fn slack(&self) -> Result<&SlackPlace, CallError> {
        match self {
            Self::Slack(place) => Ok(place),
            Self::WhatsApp(_) => Err(CallError::Refused("nothing that was sent can be changed".into())),
        }
    }
}

//! What comes into a conversation like a message and is nobody's words: it goes the way of every message, and arrives once.

use shared::{
    db::{
        TenantDb,
        approvals::Place,
        inbox::{Arrival, Content},
    },
    ids::ConversationId,
    message::{InboundMessage, Profile},
    queue::JobError,
    telemetry,
};

use crate::Worker;

/// Whose turn it is then.
pub enum Asker {
    /// Somebody who asked earlier: what they may be reminded of and what they may use decides.
    Person,
    /// Nobody. It is called like this.
    Nobody(String),
}

/// `name`: of what it is about; the same name arrives once, however often it is brought.
pub async fn bring(
    worker: &Worker,
    db: &TenantDb,
    conversation: ConversationId,
    (place, asker): (Place, Asker),
    name: &str,
) -> Result<(), JobError> {
    let kind = name.split('_').next().unwrap_or_default();
    let key = |about: &str| worker.fingerprints.fingerprint(&[kind, about, name]);
    let (by_bot, profile) = match asker {
        Asker::Person => (false, None),
        Asker::Nobody(name) => (true, Some(Profile { name, phone: None })),
    };
    let arrival = Arrival {
        tenant: db.id(),
        connection: place.connection,
        event_key: key("event"),
        message_key: Some(key("message")),
        conversation,
        addressed: true,
        known_lane_only: false,
        raw: Vec::new(),
        content: Content::Message(Box::new(InboundMessage {
            external_id: name.to_owned(),
            channel: place.channel,
            thread: place.thread,
            channel_kind: place.kind,
            author: place.person,
            text: String::new(),
            mentions_others: false,
            with_outsiders: false,
            outsider: false,
            by_bot,
            profile,
            attachments: Vec::new(),
            sent_at: worker.clock.now(),
        })),
        trace: telemetry::traceparent(),
    };
    worker.ingest.accept(arrival).await?;
    worker.waker.wake();
    Ok(())
}

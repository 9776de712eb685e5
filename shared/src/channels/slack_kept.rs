//! What is kept of a Slack event, with the identities that dedupe it.

use uuid::Uuid;

use crate::{
    crypto::FingerprintKey,
    db::{
        inbox::{Arrival, Content},
        system::Route,
    },
    ids::ConversationId,
    message::InboundMessage,
};

/// An event that is stored.
pub struct Kept {
    pub(super) message: Option<InboundMessage>,
    pub(super) reason: &'static str,
    pub(super) event_id: String,
    pub(super) team: String,
    /// Channel and thread, or the kind of an event that is stored but not understood.
    pub(super) lane: (String, String),
    pub(super) addressed: bool,
    /// What others say among themselves is stored only in threads the agent takes part in.
    pub(super) known_lane_only: bool,
    /// Written so soon after its thread began that it may have overtaken the thread's first message.
    pub follows_closely: bool,
    pub is_mention: bool,
}

/// The conversation of a thread.
pub fn lane(key: &FingerprintKey, route: &Route, channel: &str, thread: &str) -> ConversationId {
    ConversationId::from_uuid(key.fingerprint(&["slack-lane", &route.connection.to_string(), channel, thread]))
}

/// What makes two events the same message.
pub(super) fn message_key(key: &FingerprintKey, route: &Route, team: &str, (channel, ts): (&str, &str)) -> Uuid {
    key.fingerprint(&["slack-message", &route.connection.to_string(), team, channel, ts, "new"])
}

impl Kept {
    /// Whether it is a person's message, rather than something that is only counted.
    pub fn is_message(&self) -> bool {
        self.message.is_some()
    }

    /// With the keyed hashes that dedupe it. An event without an id is told apart by its bytes.
    pub fn into_arrival(
        self,
        key: &FingerprintKey,
        route: &Route,
        raw: Vec<u8>,
        trace: Option<String>,
    ) -> Arrival {
        let connection = route.connection.to_string();
        let event_key = if self.event_id.is_empty() {
            key.fingerprint(&["slack-bytes", &connection, &String::from_utf8_lossy(&raw)])
        } else {
            key.fingerprint(&["slack-event", &connection, &self.event_id])
        };
        let said = self.message.as_ref();
        let message_key = said.map(|said| message_key(key, route, &self.team, (&said.channel, &said.external_id)));
        Arrival {
            tenant: route.tenant,
            connection: route.connection,
            event_key,
            message_key,
            conversation: lane(key, route, &self.lane.0, &self.lane.1),
            addressed: self.addressed,
            known_lane_only: self.known_lane_only,
            raw,
            content: match self.message {
                Some(message) => Content::Message(Box::new(message)),
                None => Content::Ignored(self.reason),
            },
            trace,
        }
    }
}

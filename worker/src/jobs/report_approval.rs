//! Begins the turn that a decision stands for: it arrives in its conversation like a message, once, and says nothing. What is
//! done about it is decided by what the approval is then.

use shared::{
    db::{
        TenantDb,
        approvals::{self, State},
        inbox::{Arrival, Content},
    },
    ids::ApprovalId,
    message::InboundMessage,
    queue::JobError,
    telemetry,
};

use crate::Worker;

pub async fn run(worker: &Worker, db: &TenantDb, id: ApprovalId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let found = approvals::find(&mut tx, id).await?;
    tx.close().await?;
    let Some(approval) = found.filter(|approval| approval.state != State::Waiting) else { return Ok(()) };
    let (name, place) = (id.to_string(), approval.place);
    let key = |about: &str| worker.fingerprints.fingerprint(&["approval", about, &name]);
    let arrival = Arrival {
        tenant: db.id(),
        connection: place.connection,
        event_key: key("event"),
        message_key: Some(key("message")),
        conversation: approval.conversation,
        addressed: true,
        known_lane_only: false,
        raw: Vec::new(),
        content: Content::Message(Box::new(InboundMessage {
            external_id: name.clone(),
            channel: place.channel,
            thread: place.thread,
            channel_kind: place.kind,
            // Who asked: what they may be reminded of and what they may use decides, not who agreed.
            author: place.person,
            text: String::new(),
            mentions_others: false,
            with_outsiders: false,
            outsider: false,
            by_bot: false,
            profile: None,
            attachments: Vec::new(),
            sent_at: worker.clock.now(),
        })),
        trace: telemetry::traceparent(),
    };
    worker.ingest.accept(arrival).await?;
    worker.waker.wake();
    Ok(())
}

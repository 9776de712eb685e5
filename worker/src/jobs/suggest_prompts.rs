//! Shows what a person could ask, where they are about to write to the agent. Setting the same prompts twice changes nothing.

use shared::{db::TenantDb, ids::ConnectionId, queue::JobError};

use crate::{Worker, jobs::judge};

/// Title, and the message a click sends: each of them works for every agent.
const PROMPTS: [(&str, &str); 3] = [
    ("What can you do?", "What can you do for me?"),
    ("What do you remember?", "What do you remember of what I told you?"),
    ("Ask for a person", "I want to talk to a human."),
];

pub async fn run(worker: &Worker, db: &TenantDb, connection: ConnectionId, channel: &str) -> Result<(), JobError> {
    let showing = |token| async move { worker.slack.suggest_prompts(&token, channel, &PROMPTS).await };
    worker.tokens.call(db, connection, showing).await?.map_err(judge)
}

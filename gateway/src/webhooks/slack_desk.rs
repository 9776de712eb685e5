//! What is written in the thread of an escalation without naming the agent. It is stored as an act, and a job brings it to the
//! customer.

use shared::{
    db::{
        DbError, TenantDb, desks,
        inbox::{Arrival, Content},
        interactions::{self, Detail, New, State},
        system::Route,
    },
    jobs::Job,
    queue,
};

/// The act of writing there.
const REPLY: &str = "desk_reply";

/// `false`: the thread is nobody's escalation.
pub async fn hear(db: &TenantDb, route: &Route, arrival: &Arrival) -> Result<bool, DbError> {
    let Content::Message(said) = &arrival.content else { return Ok(false) };
    let Some(thread) = said.thread.as_deref().filter(|thread| *thread != said.external_id) else {
        return Ok(false);
    };
    if said.by_bot {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    if desks::at(&mut tx, route.connection, &said.channel, thread).await?.is_none() {
        tx.close().await?;
        return Ok(false);
    }
    let detail =
        Detail { thread: Some(thread.to_owned()), question: Some(said.text.clone()), ..Detail::default() };
    let new = New {
        connection: route.connection,
        identity: arrival.message_key.unwrap_or(arrival.event_key),
        act: REPLY,
        user: &said.author,
        channel: &said.channel,
        raw: &arrival.raw,
        detail: &detail,
    };
    if let Some(interaction) = interactions::store(&mut tx, &new, State::Pending).await? {
        queue::enqueue(&mut tx, &Job::ActAtDesk { interaction }).await?;
    }
    tx.commit().await?;
    Ok(true)
}

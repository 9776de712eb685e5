//! The button below the notice of an escalation: the conversation goes back to the agent. A job sees whether who pressed may.

use shared::{
    db::{
        desks,
        interactions::{Detail, State},
    },
    ids::EscalationId,
    jobs::Job,
    queue,
};

use super::{Act, Answer, Refusal};

pub async fn close(act: &Act<'_>) -> Result<Answer, Refusal> {
    let id = act.payload.action().and_then(|action| action.reference().parse::<EscalationId>().ok());
    let mut tx = act.db.begin().await?;
    let found = match id {
        Some(id) => desks::find(&mut tx, id).await?,
        None => None,
    };
    let here = |thread: &desks::Thread| {
        thread.desk.connection == act.route.connection && thread.desk.channel == act.payload.channel()
    };
    let Some(thread) = found.filter(here) else {
        tx.close().await?;
        return act.set_aside(State::Refused("no escalation that can be seen there")).await;
    };
    let detail = Detail { thread: thread.external_id, ..Detail::default() };
    if let Some(interaction) = act.store(&mut tx, &detail, State::Pending).await? {
        queue::enqueue(&mut tx, &Job::ActAtDesk { interaction }).await?;
    }
    tx.commit().await?;
    Ok(Answer::Taken)
}

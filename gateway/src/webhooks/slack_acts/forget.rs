//! "Forget me": pressed and confirmed at Slack, erased by a job.

use serde_json::json;
use shared::{
    channels::slack::blocks::FORGET_ME,
    db::{
        audit::{self, Actor},
        interactions::{self, Detail, State},
        people,
    },
    jobs::Job,
    queue,
};

use super::{Act, Answer, Refusal};

pub async fn confirm(act: &Act<'_>) -> Result<Answer, Refusal> {
    let mut tx = act.db.begin().await?;
    // Holds the second click of a double click back until the first one is stored.
    let person = people::meet(&mut tx, act.route.connection, act.user()).await?;
    let repeated = interactions::is_repeated(&mut tx, act.route.connection, FORGET_ME, act.user()).await?;
    let stored = act.store(&mut tx, &Detail::default(), State::Done).await?;
    if stored.is_some() && !repeated {
        let target = person.to_string();
        audit::append(&mut tx, &Actor::Person(person), "person.ask_to_forget", ("person", &target), json!({}))
            .await?;
        queue::enqueue(&mut tx, &Job::ForgetPerson { person }).await?;
    }
    tx.commit().await?;
    Ok(Answer::Taken)
}

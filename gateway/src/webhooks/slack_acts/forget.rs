//! "Forget me": pressed and confirmed at Slack, erased by a job.

use shared::{
    channels::slack::blocks::FORGET_ME,
    db::{
        audit::Actor,
        interactions::{self, Detail, State},
        people, privacy,
    },
};

use super::{Act, Answer, Refusal};

pub async fn confirm(act: &Act<'_>) -> Result<Answer, Refusal> {
    let mut tx = act.db.begin().await?;
    // Holds the second click of a double click back until the first one is stored.
    let person = people::meet(&mut tx, act.route.connection, act.user()).await?;
    let repeated = interactions::is_repeated(&mut tx, act.route.connection, FORGET_ME, act.user()).await?;
    let stored = act.store(&mut tx, &Detail::default(), State::Done).await?;
    if stored.is_some() && !repeated {
        privacy::request(&mut tx, &Actor::Person(person), &[person]).await?;
    }
    tx.commit().await?;
    Ok(Answer::Taken)
}

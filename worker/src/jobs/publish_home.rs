//! Draws a person's home page: what the agent is doing for them.

use shared::{
    channels::slack::blocks::{self, Shown},
    db::{TenantDb, connections, home, people},
    ids::PersonId,
    queue::JobError,
};

use crate::{Worker, jobs::judge};

pub async fn run(worker: &Worker, db: &TenantDb, id: PersonId) -> Result<(), JobError> {
    // Counts memories of any audience; the page shows answers in conversations this person takes part in.
    let mut tx = db.begin_for_all_audiences().await?;
    let Some(person) = people::find(&mut tx, id).await? else {
        return Ok(tx.close().await?);
    };
    let token = connections::token(&mut tx, &worker.keys, person.connection).await?;
    let status = home::status(&mut tx, person.connection, &person.external_id).await?;
    let talks = home::talks(&mut tx, id).await?;
    tx.close().await?;
    let mut shown = Vec::with_capacity(talks.len());
    for talk in talks {
        let link = match &talk.message {
            // A page without a link is better than none.
            Some(ts) => worker.slack.permalink(&token, &talk.channel, ts).await.ok(),
            None => None,
        };
        shown.push(Shown { talk, link });
    }
    let page = blocks::home(&status, &shown);
    worker.slack.publish_home(&token, &person.external_id, page).await.map_err(judge)
}

//! News of a channel that are no messages: stored or put on the way before the platform gets its 200. Of what nobody here
//! knows, nothing is kept.

use shared::{
    channels::slack_news::News,
    db::{
        DbError, TenantDb, channels,
        feedback::{self, Reaction},
        people,
    },
    ids::ConnectionId,
    jobs::Job,
    queue,
};

/// Says how it was counted.
pub async fn hear(db: &TenantDb, connection: ConnectionId, news: News) -> Result<&'static str, DbError> {
    let heard = match news {
        News::Reaction(reaction) => react(db, connection, &reaction).await?,
        News::OfChannel(channel) => describe(db, connection, channel).await?,
        News::OfPerson(user) => ask_who(db, connection, &user).await?,
        News::Nothing => false,
    };
    Ok(if heard { "news" } else { "not_kept" })
}

pub async fn react(db: &TenantDb, connection: ConnectionId, reaction: &Reaction) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let Some(run) = feedback::find_answer(&mut tx, connection, reaction).await? else {
        tx.close().await?;
        return Ok(false);
    };
    let person = people::meet(&mut tx, connection, &reaction.user).await?;
    let taken = feedback::react(&mut tx, run, person, reaction).await?;
    tx.commit().await?;
    Ok(taken)
}

async fn describe(db: &TenantDb, connection: ConnectionId, channel: String) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let known = channels::is_known(&mut tx, connection, &channel).await?;
    if known {
        queue::enqueue(&mut tx, &Job::DescribeChannel { connection, channel, in_doubt: Vec::new() }).await?;
    }
    tx.commit().await?;
    Ok(known)
}

async fn ask_who(db: &TenantDb, connection: ConnectionId, user: &str) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let person = people::outdate(&mut tx, connection, user).await?;
    if let Some(person) = person {
        queue::enqueue(&mut tx, &Job::FetchPersonProfile { person }).await?;
    }
    tx.commit().await?;
    Ok(person.is_some())
}

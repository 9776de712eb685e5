//! What one of the tenant's people did in the thread of an escalation: their words go to the customer, or the conversation goes
//! back to the agent. Only full members may, and whom Slack has not told us about is asked about first.

use shared::{
    channels::{
        slack::{Target, desk::DONE},
        slack_text::without_files,
    },
    db::{
        TenantDb, TenantTx,
        audit::Actor,
        connections,
        desks::{self, Thread},
        interactions::{self, Interaction, State},
        people::{self, Standing},
        takeovers::{self, REPLY_MAX},
    },
    ids::{InteractionId, PersonId},
    queue::JobError,
};

use super::fetch_person_profile;
use crate::{Worker, jobs::judge};

const NO_MEMBER: &str = "Only full members of this workspace can answer here. Nothing was sent.";
const CLOSED: &str = "This is closed: the agent has the conversation again. Nothing was sent.";
const TOO_LONG: &str = "That is longer than 8,000 characters. Nothing was sent.";
const FILES_ONLY: &str = "Files do not reach the customer from here, only words do. Nothing was sent.";
const FILES_LEFT: &str = "Your words were sent, your files were not: only words reach the customer from here.";

pub async fn run(worker: &Worker, db: &TenantDb, id: InteractionId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(act) = interactions::begin_attempt(&mut tx, id).await? else { return Ok(tx.close().await?) };
    let person = people::meet(&mut tx, act.connection, &act.user).await?;
    let (mut standing, _) = people::standing(&mut tx, person).await?;
    let token = connections::token(&mut tx, &worker.keys, act.connection).await?;
    tx.commit().await?;
    if standing == Standing::Unknown {
        fetch_person_profile::run(worker, db, person).await?;
    }
    let mut tx = db.begin().await?;
    let (known, name) = people::standing(&mut tx, person).await?;
    standing = known;
    let thread_ts = act.detail.thread.as_deref().unwrap_or_default();
    let thread = desks::at(&mut tx, act.connection, &act.channel, thread_ts).await?;
    let (state, told) = match &thread {
        None => (State::Refused("no thread of an escalation"), None),
        Some(_) if standing != Standing::Member => {
            (State::Refused("not known to be a full member"), Some(NO_MEMBER))
        }
        Some(thread) if !thread.is_open() => (State::Refused("the escalation is closed"), Some(CLOSED)),
        Some(thread) => carry_out(&mut tx, &act, thread, (person, &name)).await?,
    };
    interactions::end(&mut tx, id, state).await?;
    tx.commit().await?;
    worker.waker.wake();
    let Some(sentence) = told else { return Ok(()) };
    let target = Target { channel: &act.channel, thread: act.detail.thread.as_deref() };
    worker.slack.whisper(&token, target, &act.user, sentence).await.map_err(judge)
}

/// How it ends, and what the person is told of it.
type Outcome = (State, Option<&'static str>);

async fn carry_out(
    tx: &mut TenantTx,
    act: &Interaction,
    thread: &Thread,
    (person, name): (PersonId, &str),
) -> Result<Outcome, JobError> {
    let actor = Actor::Person(person);
    if act.act == DONE {
        takeovers::release(tx, thread.conversation, &actor).await?;
        return Ok((State::Done, None));
    }
    let (text, files) = without_files(act.detail.question.as_deref().unwrap_or_default().trim());
    if text.is_empty() {
        return Ok((State::Refused("it holds no words"), (files > 0).then_some(FILES_ONLY)));
    }
    if text.chars().count() > REPLY_MAX {
        return Ok((State::Refused("too long"), Some(TOO_LONG)));
    }
    takeovers::take(tx, thread.conversation, &actor).await?;
    takeovers::reply(tx, thread.conversation, &actor, name, text, false).await?;
    Ok((State::Done, (files > 0).then_some(FILES_LEFT)))
}

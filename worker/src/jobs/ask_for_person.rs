//! Shows a question where a person asked it without writing there (a command, a shortcut), and hands it to the agent as if it
//! had been written: by the same way, with the same checks.

use secrecy::SecretString;
use serde_json::{Value, json};
use shared::{
    channels::{
        CallError,
        slack::{Target, blocks},
        slack_event,
    },
    db::{
        TenantDb, connections,
        interactions::{self, Interaction, State},
        system::Route,
    },
    ids::{InteractionId, OutboxId},
    queue::JobError,
    telemetry,
};

use crate::{Worker, jobs::judge};

const NOT_HERE: &str = "I am not in this channel. Invite me here, or write to me directly.";

pub async fn run(worker: &Worker, db: &TenantDb, id: InteractionId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(asked) = interactions::begin_attempt(&mut tx, id).await? else {
        return Ok(tx.close().await?);
    };
    let token = connections::token(&mut tx, &worker.keys, asked.connection).await?;
    let (route, team) = connections::route(&mut tx, asked.connection).await?;
    tx.commit().await?;
    let ts = match show(worker, &token, &asked).await {
        Ok(ts) => ts,
        Err(CallError::Refused(reason)) => return refuse(worker, db, &asked, &reason).await,
        Err(error) => return Err(judge(error)),
    };
    // Unless Slack says otherwise, somebody may read along.
    let shared = worker.slack.is_shared_outside(&token, &asked.channel).await.unwrap_or(true);
    let event = written(&asked, &route, &team, &ts, shared);
    hand_over(worker, &route, &event).await?;
    let mut tx = db.begin().await?;
    interactions::end(&mut tx, id, State::Done).await?;
    Ok(tx.commit().await?)
}

/// Posts the question, once: an earlier attempt may have brought it there.
async fn show(worker: &Worker, token: &SecretString, asked: &Interaction) -> Result<String, CallError> {
    let question = asked.detail.question.as_deref().unwrap_or_default();
    let target = Target { channel: &asked.channel, thread: asked.detail.thread.as_deref() };
    let mark = OutboxId::from_uuid(asked.id.uuid());
    if asked.attempts > 1
        && let Some(ts) = worker.slack.find_posted(token, target, mark).await?
    {
        return Ok(ts);
    }
    worker.slack.post_question(token, target, (&asked.user, question), mark).await
}

async fn refuse(worker: &Worker, db: &TenantDb, asked: &Interaction, reason: &str) -> Result<(), JobError> {
    tracing::info!(reason, "A question could not be shown in its channel");
    if let Some(url) = &asked.detail.response_url
        && let Err(error) = worker.slack.respond(url, NOT_HERE).await
    {
        tracing::info!(%error, "A person could not be told that");
    }
    let mut tx = db.begin().await?;
    interactions::end(&mut tx, asked.id, State::Refused("the channel does not take it")).await?;
    Ok(tx.commit().await?)
}

/// The event that Slack would have sent had the person written it.
fn written(asked: &Interaction, route: &Route, team: &str, ts: &str, shared: bool) -> Value {
    let question = blocks::escaped(asked.detail.question.as_deref().unwrap_or_default());
    let about = asked.detail.about.as_ref().map_or_else(String::new, |(author, text)| {
        let author = if author.is_empty() { "an app".to_owned() } else { format!("<@{author}>") };
        format!("\n\n[about this message of {author}: {}]", blocks::escaped(text))
    });
    json!({
        "type": "event_callback",
        "event_id": asked.id.to_string(),
        "authorizations": [{ "team_id": team, "enterprise_id": team, "is_enterprise_install": team.starts_with('E') }],
        "is_ext_shared_channel": shared,
        "event": {
            "type": "app_mention",
            "user": asked.user,
            "text": format!("<@{}> {question}{about}", route.bot_user_id),
            "ts": ts,
            "thread_ts": asked.detail.thread,
            "channel": asked.channel,
        },
    })
}

async fn hand_over(worker: &Worker, route: &Route, event: &Value) -> Result<(), JobError> {
    let raw = event.to_string().into_bytes();
    let envelope = slack_event::parse(&raw).map_err(|_| JobError::Fail("the question is no event".into()))?;
    let kept = slack_event::normalize(&envelope, route, worker.clock.now())
        .ok_or_else(|| JobError::Fail("the question is not kept".into()))?;
    let arrival = kept.into_arrival(&worker.fingerprints, route, raw, telemetry::traceparent());
    worker.ingest.accept(arrival).await?;
    worker.waker.wake();
    Ok(())
}

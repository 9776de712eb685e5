//! The two buttons under an answer, and the dialog that asks why it is bad.

use serde_json::json;
use shared::{
    channels::slack::blocks::{self, BAD, FEEDBACK, FIELD, GOOD},
    db::{
        connections,
        feedback::{self, COMMENT_MAX, Verdict},
        interactions::{self, Detail, State},
        people,
    },
    ids::OutboxId,
    jobs::{Job, Notice},
    message::clean_text,
    queue,
};

use super::{Act, Answer, Refusal};

pub async fn give(act: &Act<'_>) -> Result<Answer, Refusal> {
    let action = act.payload.action();
    let part: Option<OutboxId> = action.and_then(|action| action.reference().parse().ok());
    let verdict = action.and_then(|action| match action.value.as_str() {
        GOOD => Some(Verdict::Good),
        BAD => Some(Verdict::Bad),
        _ => None,
    });
    let (Some(part), Some(verdict)) = (part, verdict) else {
        return act.set_aside(State::Refused("not a button of ours")).await;
    };
    let mut tx = act.db.begin().await?;
    let found = feedback::find_answered(&mut tx, part, act.route.connection, act.payload.channel()).await?;
    let Some((run, conversation)) = found else {
        tx.close().await?;
        return act.set_aside(State::Refused("no answer that can be seen there")).await;
    };
    let detail = Detail { run: Some(run), ..Detail::default() };
    let Some(click) = act.store(&mut tx, &detail, State::Done).await? else {
        return Ok(Answer::Taken);
    };
    let person = people::meet(&mut tx, act.route.connection, act.user()).await?;
    let is_news = feedback::give(&mut tx, run, person, verdict).await?;
    let mut token = None;
    match verdict {
        Verdict::Good if is_news => {
            let notice = Notice::FeedbackTaken { conversation };
            queue::enqueue(&mut tx, &Job::TellPerson { person, notice }).await?;
        }
        Verdict::Bad if is_news => {
            token = Some(connections::token(&mut tx, &act.gateway.keys, act.route.connection).await?);
        }
        Verdict::Good | Verdict::Bad => {}
    }
    tx.commit().await?;
    if let Some(token) = token {
        act.open_view(&token, blocks::feedback_dialog(click)).await;
    }
    Ok(Answer::Taken)
}

pub async fn explain(act: &Act<'_>) -> Result<Answer, Refusal> {
    let comment = clean_text(act.payload.field(FIELD, FIELD));
    if comment.chars().count() > COMMENT_MAX {
        let sentence = format!("Please use {COMMENT_MAX} characters at most.");
        return Ok(Answer::Shown(json!({ "response_action": "errors", "errors": { FIELD: sentence } })));
    }
    let Ok(opened) = act.payload.private_metadata().parse() else {
        return act.set_aside(State::Refused("not a dialog of ours")).await;
    };
    let mut tx = act.db.begin().await?;
    let click = interactions::opened_by(&mut tx, act.route.connection, opened, FEEDBACK, act.user()).await?;
    let Some((run, channel)) = click.and_then(|click| click.detail.run.zip(Some(click.channel))) else {
        tx.close().await?;
        return act.set_aside(State::Refused("not a dialog this person opened")).await;
    };
    let detail = Detail { run: Some(run), ..Detail::default() };
    if act.store_in(&mut tx, &channel, &detail, State::Done).await?.is_some() && !comment.is_empty() {
        let person = people::meet(&mut tx, act.route.connection, act.user()).await?;
        feedback::explain(&mut tx, run, person, &comment).await?;
    }
    tx.commit().await?;
    Ok(Answer::Taken)
}

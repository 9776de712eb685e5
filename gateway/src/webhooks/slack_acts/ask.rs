//! "Ask about this message": chosen in a message's menu, asked in a dialog, answered in the message's thread.

use serde_json::json;
use shared::{
    channels::{
        slack::blocks::{self, ASK_ABOUT_MESSAGE, FIELD, QUESTION_MAX},
        slack_ids::is_id,
        slack_text,
    },
    db::{
        connections,
        interactions::{self, Detail, State},
    },
    jobs::Job,
    message::clean_text,
    queue,
};

use super::{Act, Answer, Refusal};

/// Of the message that is asked about, in characters.
const ABOUT_MAX: usize = 2_000;

pub async fn open(act: &Act<'_>) -> Result<Answer, Refusal> {
    let message = &act.payload.message;
    if act.payload.channel().is_empty() || !is_id(&message.ts) {
        return act.set_aside(State::Refused("no message in a channel")).await;
    }
    let plain = slack_text::to_plain(&message.text, &act.route.bot_user_id).text;
    let text: String = clean_text(&plain).chars().take(ABOUT_MAX).collect();
    let thread = message.thread_ts.clone().filter(|ts| is_id(ts)).unwrap_or_else(|| message.ts.clone());
    let author = Some(message.user.clone()).filter(|user| is_id(user)).unwrap_or_default();
    let response_url = Some(act.payload.response_url.clone()).filter(|url| !url.is_empty());
    let detail = Detail { thread: Some(thread), about: Some((author, text)), response_url, ..Detail::default() };
    let mut tx = act.db.begin().await?;
    let Some(choice) = act.store(&mut tx, &detail, State::Done).await? else {
        return Ok(Answer::Taken);
    };
    let token = connections::token(&mut tx, &act.gateway.keys, act.route.connection).await?;
    tx.commit().await?;
    act.open_view(&token, blocks::ask_dialog(choice)).await;
    Ok(Answer::Taken)
}

pub async fn submit(act: &Act<'_>) -> Result<Answer, Refusal> {
    let question = clean_text(act.payload.field(FIELD, FIELD));
    let complaint = match question.chars().count() {
        0 => Some("Please write a question.".to_owned()),
        length if length > QUESTION_MAX => Some(format!("Please use {QUESTION_MAX} characters at most.")),
        _ => None,
    };
    if let Some(sentence) = complaint {
        return Ok(Answer::Shown(json!({ "response_action": "errors", "errors": { FIELD: sentence } })));
    }
    let Ok(opened) = act.payload.private_metadata().parse() else {
        return act.set_aside(State::Refused("not a dialog of ours")).await;
    };
    let mut tx = act.db.begin().await?;
    let choice =
        interactions::opened_by(&mut tx, act.route.connection, opened, ASK_ABOUT_MESSAGE, act.user()).await?;
    let Some(choice) = choice.filter(|choice| choice.detail.about.is_some()) else {
        tx.close().await?;
        return act.set_aside(State::Refused("not a dialog this person opened")).await;
    };
    let detail = Detail { question: Some(question), ..choice.detail };
    if let Some(interaction) = act.store_in(&mut tx, &choice.channel, &detail, State::Pending).await? {
        queue::enqueue(&mut tx, &Job::AskForPerson { interaction }).await?;
    }
    tx.commit().await?;
    Ok(Answer::Taken)
}

//! Goes on where a dead predecessor stopped: what is recorded is used, what was shown is finished.

use serde_json::Value;
use shared::db::{
    DbError,
    lanes::Lease,
    outbox::{self, Operation, Part},
    runs::End,
};

use crate::{
    Orchestrator,
    ending::{Close, conclude, conclude_stream, doubted, send_and_finish},
    escalation::Hit,
    opening::Turn,
    recall,
    reply::{Delivery, Sender, State, files, stream::Stream, words::Words},
    turn::{note_shown, think},
    watch::Watch,
};

pub async fn resume(
    orchestrator: &Orchestrator,
    (lease, watch): (&Lease, &Watch),
    turn: &Turn,
    sender: &Sender<'_>,
    prepared: Option<recall::Prepared>,
) -> Result<bool, DbError> {
    let mut tx = sender.db.begin().await?;
    let progress = outbox::progress(&mut tx, turn.run).await?;
    tx.close().await?;
    tracing::info!(answered = progress.answer.is_some(), "A turn that lost its worker is continued");
    let (placeholders, parts): (Vec<Part>, Vec<Part>) =
        progress.parts.into_iter().partition(|part| part.kind == "placeholder");
    // They follow the words.
    let (made, parts): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(files::is_one);
    let (streamed, whole): (Vec<Part>, Vec<Part>) =
        parts.into_iter().partition(|part| part.operation == Operation::Stream);
    let placeholder = placeholders.first();
    if !streamed.is_empty() {
        let shown = whereabouts(sender, placeholder).await;
        let in_the_way = shown.as_ref().and_then(|shown| shown.external_id.clone());
        let stream = Stream::new(sender, watch, turn.run, &turn.asked).resume(&streamed, in_the_way).await;
        return match progress.answer {
            Some(answer) => {
                let open: Vec<Part> = made.into_iter().filter(|part| part.state == "sending").collect();
                show_again((lease, turn), sender, stream, (&answer, &open), shown).await
            }
            None => go_on(orchestrator, (lease, turn), sender, stream, prepared, (&streamed, shown)).await,
        };
    }
    if !whole.is_empty() {
        let apologizes = whole.iter().any(|part| part.kind == "apology");
        let made = made.into_iter().filter(|part| part.state == "sending");
        let mut open: Vec<Part> = whole.iter().filter(|part| part.state == "sending").cloned().collect();
        let mut done = Vec::new();
        if apologizes {
            done = files::without_answer(&made.collect::<Vec<_>>());
        } else {
            open.extend(made);
        }
        let answer = progress.answer.as_ref();
        let hit = answer.and_then(|answer| doubted_then(turn, answer));
        let close = match answer.and_then(|answer| answer["hand_over"].as_str()) {
            Some(reason) => Close::new(End::Held, Some(reason)),
            None if apologizes => Close::new(End::Dead, Some("no usable answer")),
            None => Close::new(End::Replied, None).handed(hit.as_ref()),
        };
        return send_and_finish(lease, turn, sender, (&open, true), close, done).await;
    }
    let shown = match placeholder {
        Some(part) if part.state == "sent" => {
            Some(Delivery { id: part.id, state: State::Sent, external_id: part.external_id.clone(), error: None })
        }
        Some(part) => Some(sender.deliver(part, true).await?),
        None => None,
    };
    shown.iter().for_each(|shown| note_shown(watch, shown));
    let thought = think(orchestrator, lease, turn, prepared, &Words::default()).await?;
    conclude(lease, turn, sender, shown, thought).await
}

/// The answer was complete and on disk.
async fn show_again(
    (lease, turn): (&Lease, &Turn),
    sender: &Sender<'_>,
    mut stream: Stream<'_>,
    (answer, made): (&Value, &[Part]),
    shown: Option<Delivery>,
) -> Result<bool, DbError> {
    stream.close();
    let mut deliveries = stream.finish().await?;
    let refused = deliveries.iter().find(|one| one.is_refused()).map(|one| one.error.clone().unwrap_or_default());
    deliveries.extend(shown);
    let hit = doubted_then(turn, answer);
    let close = match (answer["broken_off"].as_str(), answer["hand_over"].as_str(), refused.as_deref()) {
        (_, Some(reason), _) => Close::new(End::Held, Some(reason)),
        (Some(reason), None, _) | (None, None, Some(reason)) => Close::new(End::Dead, Some(reason)),
        (None, None, None) => Close::new(End::Replied, None).handed(hit.as_ref()),
    };
    let wordless = refused.is_some() || answer["broken_off"].is_string();
    if wordless {
        deliveries.extend(files::without_answer(made));
    }
    let rest = if wordless { &[] } else { made };
    send_and_finish(lease, turn, sender, (rest, true), close, deliveries).await
}

/// Whether a rule hands over what was answered before the process died.
fn doubted_then(turn: &Turn, answer: &Value) -> Option<Hit> {
    doubted(turn, answer["text"].as_str()?)
}

/// People have read the beginning of an answer. It is shown as far as it is on disk, and a second call brings the rest.
async fn go_on(
    orchestrator: &Orchestrator,
    (lease, turn): (&Lease, &Turn),
    sender: &Sender<'_>,
    mut stream: Stream<'_>,
    prepared: Option<recall::Prepared>,
    (streamed, shown): (&[Part], Option<Delivery>),
) -> Result<bool, DbError> {
    let words = Words::default();
    streamed.iter().for_each(|part| words.push(&part.body));
    // Seen, so it counts as taken.
    words.take(str::len);
    let (caught_up, thought) = tokio::join!(stream.catch_up(), think(orchestrator, lease, turn, prepared, &words));
    caught_up?;
    conclude_stream(lease, turn, sender, stream, (&words, thought?), shown).await
}

/// Where the placeholder is, if it is still there.
async fn whereabouts(sender: &Sender<'_>, placeholder: Option<&Part>) -> Option<Delivery> {
    let part = placeholder?;
    let found = match &part.external_id {
        Some(external_id) => Ok(Some(external_id.clone())),
        None => sender.whereabouts(part.id).await,
    };
    let (state, external_id, error) = match found {
        Ok(Some(external_id)) => (State::Sent, Some(external_id), None),
        Ok(None) => (State::Dead, None, Some("it was never shown, or taken away again".to_owned())),
        Err(reason) => (State::Unknown, None, Some(reason.to_owned())),
    };
    Some(Delivery { id: part.id, state, external_id, error })
}

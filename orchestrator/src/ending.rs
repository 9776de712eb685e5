//! How a turn ends: its outcome is recorded under the fence, sent, and the lane let go; or the lane goes to a human.

use serde_json::json;
use shared::{
    crash::{self, Point},
    db::{
        DbError, TenantTx, budget_notices, dead_connections,
        escalations::{self, Cause, New},
        lanes::{self, Lease},
        notices::{self, Kind},
        outbox::Part,
        runs::{self, Answer, End, Finish},
    },
};

use crate::{
    escalation::{self, Hit},
    opening::Turn,
    pool::{NO_MONEY, NO_PRICE, Short},
    reply::{Delivery, Sender, State, files, stream::Stream, words::Words},
    sayings::Saying,
    turn::{Outcome, Thought},
};

/// How a turn ends, and why.
#[derive(Clone, Copy)]
pub struct Close<'a> {
    pub end: End,
    pub reason: Option<&'a str>,
    /// The rule by which it is a human's from here on.
    hit: Option<&'a Hit>,
}

impl<'a> Close<'a> {
    pub fn new(end: End, reason: Option<&'a str>) -> Self {
        Self { end, reason, hit: None }
    }

    /// The answer stands; the lane goes to a human with it.
    pub fn handed(self, hit: Option<&'a Hit>) -> Self {
        match hit {
            Some(hit) if self.end == End::Replied => {
                Self { end: End::Held, reason: Some(&hit.reason), hit: Some(hit) }
            }
            _ => self,
        }
    }
}

/// A rule hands over what the agent has answered like this.
pub fn doubted(turn: &Turn, answer: &str) -> Option<Hit> {
    escalation::after_answer(&turn.opening, &turn.authors, answer)
}

/// Records the outcome under the fence, sends it, and lets the lane go.
pub async fn conclude(
    lease: &Lease,
    turn: &Turn,
    sender: &Sender<'_>,
    shown: Option<Delivery>,
    thought: Thought,
) -> Result<bool, DbError> {
    crash::point(Point::Answered);
    let placeholder = shown.as_ref().and_then(|shown| shown.external_id.as_deref());
    let short = short_of(&thought);
    let hit = said_by(&thought).and_then(|answer| doubted(turn, answer));
    let (parts, answer_kind, end, reason) = match &thought.outcome {
        Outcome::Answer { completion, .. } => {
            (sender.outlet.parts("answer", &completion.text, placeholder), "answer", End::Replied, None)
        }
        Outcome::Fixed(text) => (sender.outlet.parts("answer", text, placeholder), "answer", End::Replied, None),
        Outcome::Told { text, hand_over, .. } => {
            let end = if hand_over.is_some() { End::Held } else { End::Replied };
            (sender.outlet.parts("answer", text, placeholder), "answer", end, hand_over.as_deref())
        }
        Outcome::NoAnswer(failure) if failure.short.is_some() => (
            sender.outlet.parts("apology", Saying::OutOfBudget.to(&turn.opening), placeholder),
            "apology",
            End::Held,
            Some(failure.reason.as_str()),
        ),
        Outcome::NoAnswer(failure) => (
            sender.outlet.parts("apology", Saying::Apology.to(&turn.opening), placeholder),
            "apology",
            End::Dead,
            Some(failure.reason.as_str()),
        ),
    };
    let (calls, result, request_hash) = match &thought.outcome {
        Outcome::Answer { completion, request_hash } => {
            (&completion.calls, Some(json!({ "text": completion.text })), *request_hash)
        }
        Outcome::Fixed(_) => (&Vec::new(), None, [0; 32]),
        Outcome::Told { text, hand_over, request_hash } => {
            (&Vec::new(), Some(json!({ "text": text, "hand_over": hand_over })), *request_hash)
        }
        Outcome::NoAnswer(failure) => {
            // Who is told that a colleague was asked gets one, also by whoever goes on after a crash.
            let handed = failure
                .short
                .as_ref()
                .map(|_| json!({ "broken_off": failure.reason, "hand_over": failure.reason }));
            (&failure.calls, handed, [0; 32])
        }
    };
    let answer = Answer {
        run: turn.run,
        asker: turn.authors.last().map(|author| author.person),
        placeholder,
        request_hash: &request_hash,
        result,
        calls,
        basis: thought.basis.as_ref(),
        parts: &parts,
        kind: answer_kind,
    };
    let mut tx = sender.db.begin().await?;
    if end == End::Dead {
        escalate(&mut tx, lease, turn).await?;
    }
    let held = runs::record_answer(&mut tx, lease, &answer).await?;
    tell_of_money(&mut tx, turn, &answer, short).await?;
    tx.commit().await?;
    crash::point(Point::Recorded);
    if !held {
        // Another owner, or an interruption: whoever bumped the fence sees to what was shown.
        return Err(DbError::Fenced);
    }
    let made = files::made(sender, turn).await?;
    let close = Close::new(end, reason).handed(hit.as_ref());
    send((lease, turn), sender, shown, (parts, made, answer_kind), close).await
}

/// The words, and below them the files that go with an answer.
async fn send(
    (lease, turn): (&Lease, &Turn),
    sender: &Sender<'_>,
    shown: Option<Delivery>,
    (mut parts, made, kind): (Vec<Part>, Vec<Part>, &str),
    close: Close<'_>,
) -> Result<bool, DbError> {
    let mut done: Vec<Delivery> = shown.into_iter().collect();
    // The channel takes nothing: sending the answer would fail the same way.
    let refused = done.iter().any(Delivery::is_refused);
    if kind == "answer" {
        parts.extend(made);
    } else {
        done.extend(files::without_answer(&made));
    }
    if refused {
        return bury((lease, turn), sender, done, &parts, close).await;
    }
    send_and_finish(lease, turn, sender, (&parts, false), close, done).await
}

/// The model has failed. If that is one attempt too many by a rule, the lane is a human's, and the apology is not sent: what
/// was shown is finished by whoever owns the lane next.
async fn escalate(tx: &mut TenantTx, lease: &Lease, turn: &Turn) -> Result<(), DbError> {
    if let Some(hit) = escalation::after_failure(&turn.opening, &turn.authors)
        && lanes::hold(tx, lease).await?
    {
        escalations::open(tx, &hit.escalation(lease)).await?;
    }
    Ok(())
}

/// What a model answered, all of it.
fn said_by(thought: &Thought) -> Option<&str> {
    match &thought.outcome {
        Outcome::Answer { completion, .. } => Some(&completion.text),
        _ => None,
    }
}

fn short_of(thought: &Thought) -> Option<&Short> {
    match &thought.outcome {
        Outcome::NoAnswer(failure) => failure.short.as_ref(),
        _ => None,
    }
}

/// Tells the admins what the booked calls did to the budgets, and whether somebody went without an answer.
async fn tell_of_money(
    tx: &mut TenantTx,
    turn: &Turn,
    answer: &Answer<'_>,
    short: Option<&Short>,
) -> Result<(), DbError> {
    if turn.opening.budgeted && !answer.calls.is_empty() {
        budget_notices::tell_thresholds(tx).await?;
    }
    if let Some(Short { budgets, unpriced }) = short {
        budget_notices::tell_exhausted(tx, budgets, unpriced.as_deref()).await?;
    }
    Ok(())
}

/// The same for an answer of which something is visible already: its rest, or the sentence that it breaks off.
pub async fn conclude_stream(
    lease: &Lease,
    turn: &Turn,
    sender: &Sender<'_>,
    mut stream: Stream<'_>,
    (words, thought): (&Words, Thought),
    shown: Option<Delivery>,
) -> Result<bool, DbError> {
    crash::point(Point::Answered);
    let mut rest = words.take(str::len).unwrap_or_default();
    rest.truncate(rest.trim_end().len());
    let (short, mut broken_off) = (short_of(&thought).cloned(), false);
    let hit = matches!(thought.outcome, Outcome::Answer { .. }).then(|| doubted(turn, &words.all())).flatten();
    let (calls, request_hash, end, reason) = match thought.outcome {
        Outcome::Answer { completion, request_hash } => (completion.calls, request_hash, End::Replied, None),
        Outcome::Fixed(_) => (Vec::new(), [0; 32], End::Replied, None),
        Outcome::Told { text, hand_over, request_hash } => {
            rest.push_str("\n\n");
            rest.push_str(&text);
            let end = if hand_over.is_some() { End::Held } else { End::Replied };
            (Vec::new(), request_hash, end, hand_over)
        }
        Outcome::NoAnswer(failure) if failure.short.is_some() => {
            (broken_off, rest) = (true, rest + &Saying::BrokenOffForMoney.below(&turn.opening));
            (failure.calls, [0; 32], End::Held, Some(failure.reason))
        }
        Outcome::NoAnswer(failure) => {
            (broken_off, rest) = (true, rest + &Saying::BrokenOff.below(&turn.opening));
            (failure.calls, [0; 32], End::Dead, Some(failure.reason))
        }
    };
    let answer = Answer {
        run: turn.run,
        asker: turn.authors.last().map(|author| author.person),
        placeholder: shown.as_ref().and_then(|shown| shown.external_id.as_deref()),
        request_hash: &request_hash,
        result: Some(json!({ "text": words.all(), "broken_off": reason.as_ref().filter(|_| broken_off),
                             "hand_over": reason.as_ref().filter(|_| end == End::Held) })),
        calls: &calls,
        basis: thought.basis.as_ref(),
        parts: &[],
        kind: "answer",
    };
    let mut tx = sender.db.begin().await?;
    if end == End::Dead {
        escalate(&mut tx, lease, turn).await?;
    }
    let held = runs::record_answer(&mut tx, lease, &answer).await?;
    if held {
        stream.write_end(&mut tx, &rest).await?;
    }
    tell_of_money(&mut tx, turn, &answer, short.as_ref()).await?;
    tx.commit().await?;
    crash::point(Point::Recorded);
    if !held {
        return Err(DbError::Fenced);
    }
    let mut deliveries = stream.finish().await?;
    let made = files::made(sender, turn).await?;
    if broken_off || deliveries.iter().any(Delivery::is_refused) {
        deliveries.extend(files::without_answer(&made));
    } else {
        for file in &made {
            deliveries.push(sender.deliver(file, false).await?);
        }
    }
    crash::point(Point::Sent);
    let failed = deliveries.iter().find(|delivery| delivery.state != State::Sent);
    let (end, reason) = match failed {
        // Who is handed over is handed over, also if they could not be told.
        Some(delivery) if end == End::Replied => (End::Dead, delivery.error.clone()),
        _ => (end, reason),
    };
    deliveries.extend(shown);
    let close = Close::new(end, reason.as_deref()).handed(hit.as_ref());
    finish(lease, turn, sender, &deliveries, close).await
}

/// Sends what is left, in its order. Files go below words that may be there: where these were refused, they stay.
pub async fn send_and_finish(
    lease: &Lease,
    turn: &Turn,
    sender: &Sender<'_>,
    (parts, resumed): (&[Part], bool),
    mut close: Close<'_>,
    mut deliveries: Vec<Delivery>,
) -> Result<bool, DbError> {
    let (mut failed, mut refused) = (None, false);
    for part in parts {
        if refused && files::is_one(part) {
            deliveries.extend(files::without_answer(std::slice::from_ref(part)));
            continue;
        }
        let delivery = sender.deliver(part, resumed).await?;
        refused |= delivery.is_refused() && !files::is_one(part);
        let (state, error) = (delivery.state, delivery.error.clone());
        deliveries.push(delivery);
        if state != State::Sent && close.end != End::Held {
            failed = Some(error);
        }
        if matches!(state, State::ConnectionDead { .. }) {
            break;
        }
    }
    crash::point(Point::Sent);
    if let Some(error) = &failed {
        close = Close::new(End::Dead, error.as_deref());
    }
    finish(lease, turn, sender, &deliveries, close).await
}

async fn finish(
    lease: &Lease,
    turn: &Turn,
    sender: &Sender<'_>,
    deliveries: &[Delivery],
    close: Close<'_>,
) -> Result<bool, DbError> {
    let Close { end, reason, .. } = close;
    let sent: Vec<_> = deliveries
        .iter()
        .map(|delivery| {
            (delivery.id, delivery.state.as_str(), delivery.external_id.clone(), delivery.error.clone())
        })
        .collect();
    let outcome = Finish { run: Some(turn.run), to_seq: turn.to_seq, end, reason, sent: &sent };
    let dead = deliveries.iter().any(|delivery| matches!(delivery.state, State::ConnectionDead { .. }));
    // A placeholder that may stand there says nothing wrong.
    let unclear = deliveries.iter().find(|one| one.state == State::Unknown && Some(one.id) != turn.placeholder);
    let waits = if dead || unclear.is_some() || end == End::Held {
        let mut tx = sender.db.begin().await?;
        if dead {
            let reason = reason.unwrap_or("token refused");
            dead_connections::bury(&mut tx, turn.opening.connection, reason, None).await?;
        }
        if let Some(unclear) = unclear {
            let why = unclear.error.as_deref().unwrap_or("the channel gave no clear answer");
            notices::tell_of_send(&mut tx, Kind::SendUnclear, lease.conversation, why).await?;
        }
        let waits = runs::finish(&mut tx, lease, &outcome).await?;
        if end == End::Held {
            hand_over(&mut tx, lease, turn, close).await?;
        }
        tx.commit().await?;
        waits
    } else {
        runs::finish_alone(sender.db, lease, &outcome).await?
    };
    crash::point(Point::Finished);
    let ended = if end == End::Replied { "replied" } else { "not_replied" };
    metrics::counter!("konstruct_turns_total", "outcome" => ended).increment(1);
    tracing::info!(outcome = ended, "A turn ended");
    Ok(waits)
}

/// There was no money for an answer, or a tool wants a human, and the person was told so, or a rule is about the answer: the lane
/// goes to a human together with the run's end.
async fn hand_over(tx: &mut TenantTx, lease: &Lease, turn: &Turn, close: Close<'_>) -> Result<(), DbError> {
    if let Some(hit) = close.hit {
        return escalations::open(tx, &hit.escalation(lease)).await.map(drop);
    }
    let Some(author) = turn.authors.last() else { return Ok(()) };
    let (cause, reason) = match close.reason {
        Some(why) if why != NO_MONEY && why != NO_PRICE => (Cause::Tool, why),
        _ => (Cause::OutOfBudget, "the budget for answers is used up"),
    };
    let new = New {
        conversation: lease.conversation,
        person: author.person,
        // A turn that follows a crash stored nothing anew, and an errand is nobody's words.
        message: (!turn.resumes && turn.errand.is_none()).then_some(author.message),
        cause,
        reason,
    };
    escalations::open(tx, &new).await.map(drop)
}

/// The channel refused the placeholder: the answer's rows end as dead, visible to an operator.
async fn bury(
    (lease, turn): (&Lease, &Turn),
    sender: &Sender<'_>,
    mut deliveries: Vec<Delivery>,
    parts: &[Part],
    close: Close<'_>,
) -> Result<bool, DbError> {
    let refused = deliveries.first().and_then(|shown| shown.error.clone());
    let reason = refused.unwrap_or_else(|| "the channel refused the message".into());
    deliveries.extend(parts.iter().map(|part| Delivery {
        id: part.id,
        state: State::Dead,
        external_id: None,
        error: Some(reason.clone()),
    }));
    let close = if close.end == End::Held { close } else { Close::new(End::Dead, Some(reason.as_str())) };
    finish(lease, turn, sender, &deliveries, close).await
}

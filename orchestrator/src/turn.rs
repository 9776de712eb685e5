//! One turn: open → (placeholder ‖ recall → prompt → model) → record → send → finish.
//!
//! Three short transactions, none across the network. A turn that follows a crash finds the run its predecessor opened and
//! goes on from what is recorded: the placeholder is looked up, a paid answer is used, a sent part is not sent again.

use std::time::Instant;

use serde_json::json;
use sha2::{Digest, Sha256};
use shared::{
    crash::{self, Point},
    db::{
        DbError, TenantTx, budget_notices,
        budgets::Spender,
        dead_connections,
        escalations::{self, Cause, New},
        lanes::{self, Lease},
        outbox::{Operation, Part},
        runs::{self, Answer, Basis, End, Finish},
    },
    ids::MessageId,
};

use crate::{
    Orchestrator, escalation, files, notices,
    opening::{self, Opened, Turn},
    policy,
    pool::{Completion, NoAnswer, Short},
    prompt, recall,
    reply::{Delivery, Sender, State, ran_out, stream::Stream, words::Words},
    resume,
    spending::Purse,
    watch::Watch,
};

pub const PLACEHOLDER: &str = "_Thinking …_";
const APOLOGY: &str = "Sorry, I could not work out an answer just now. Your message is stored; please ask me again in a \
                       moment, or ask a colleague if it is urgent.";

/// Instead of an answer that there is no money for. Who it is handed to is on record.
const OUT_OF_BUDGET: &str = "I can't answer this: the budget for my answers is used up for now. I have asked a colleague to \
                             take over here.";
const BROKEN_OFF: &str = "\n\n_(I could not finish this answer. Please ask me again in a moment.)_";

/// What the model step came to.
pub struct Thought {
    outcome: Outcome,
    /// What the model was shown; `None` if it was not asked.
    basis: Option<Basis>,
}

enum Outcome {
    Answer { completion: Completion, request_hash: [u8; 32] },
    Fixed(&'static str),
    NoAnswer(NoAnswer),
}

/// Whether more waits in the conversation.
pub async fn take_turn(orchestrator: &Orchestrator, lease: &Lease, watch: &Watch) -> Result<bool, DbError> {
    let db = orchestrator.db.tenant(lease.tenant);
    let (mut turn, prepared) = loop {
        match opening::open(orchestrator, &db, lease).await? {
            Opened::Turn(turn, prepared) => break (*turn, prepared),
            Opened::Notices(opening) => notices::deliver(orchestrator, &db, lease, &opening).await?,
            // Nothing was to be answered; that more arrived meanwhile can't be excluded.
            Opened::Nothing => return Ok(true),
        }
    };
    tracing::Span::current().record("run.id", tracing::field::display(turn.run));
    if turn.opening.token_runs_out {
        let token = orchestrator.tokens.usable(&db, turn.opening.connection).await?;
        turn.outlet = turn.outlet.with_token(token);
    }
    watch.acknowledge_after(turn.to_seq, &turn.outlet);
    let sender = Sender { outlet: &turn.outlet, db: &db, lease, pace: turn.outlet.pace() };
    if turn.resumes {
        return resume::resume(orchestrator, (lease, watch), &turn, &sender, prepared).await;
    }
    let (words, mut stream) = (Words::default(), Stream::new(&sender, watch, turn.run, &turn.asked));
    // The model does not wait for the placeholder, nor the placeholder for the model.
    let showing = async {
        let shown = show(&sender, &turn, watch).await?;
        stream.follow(&words, shown.as_ref()).await?;
        Ok(shown)
    };
    let work = async { tokio::try_join!(showing, think(orchestrator, lease, &turn, prepared, &words)) };
    let last = policy::last_addressed(&turn.opening.pending);
    let (shown, thought) = turn.outlet.while_working(last, work).await?;
    if stream.has_begun() {
        return conclude_stream(lease, &turn, &sender, stream, (&words, thought), shown).await;
    }
    // The platform's clock counts: a token may have lived its time although our row says otherwise.
    if shown.as_ref().is_some_and(ran_out)
        && let Some(next) = orchestrator.tokens.after(&db, turn.opening.connection, turn.outlet.token()).await?
    {
        let outlet = turn.outlet.with_token(next);
        let sender = Sender { outlet: &outlet, ..sender };
        let shown = show(&sender, &turn, watch).await?;
        return conclude(lease, &turn, &sender, shown, thought).await;
    }
    conclude(lease, &turn, &sender, shown, thought).await
}

async fn show(sender: &Sender<'_>, turn: &Turn, watch: &Watch) -> Result<Option<Delivery>, DbError> {
    let Some(id) = turn.placeholder else { return Ok(None) };
    let placeholder = Part { id, ..Part::new("placeholder", 0, Operation::Post, PLACEHOLDER.into(), None) };
    let shown = sender.deliver(&placeholder, false).await;
    crash::point(Point::PlaceholderPosted);
    shown.inspect(|shown| note_shown(watch, shown)).map(Some)
}

pub fn note_shown(watch: &Watch, shown: &Delivery) {
    if let Some(external_id) = &shown.external_id {
        watch.showed(shown.id, external_id);
    }
}

/// Recall, prompt, model; `words` get what it says, and their end. Too many claims: the turn itself may be what kills its worker, so it is not tried again.
pub async fn think(
    orchestrator: &Orchestrator,
    lease: &Lease,
    turn: &Turn,
    prepared: Option<recall::Prepared>,
    words: &Words,
) -> Result<Thought, DbError> {
    let thought = ask(orchestrator, lease, turn, prepared, words).await;
    words.end();
    thought
}

async fn ask(
    orchestrator: &Orchestrator,
    lease: &Lease,
    turn: &Turn,
    prepared: Option<recall::Prepared>,
    words: &Words,
) -> Result<Thought, DbError> {
    if let Some(text) = turn.fixed {
        return Ok(Thought { outcome: Outcome::Fixed(text), basis: None });
    }
    let Some(prepared) = prepared else {
        let reason = format!("given up after {} attempts", lanes::CLAIMS_MAX);
        let failure = NoAnswer { reason, ..NoAnswer::default() };
        return Ok(Thought { outcome: Outcome::NoAnswer(failure), basis: None });
    };
    let Some(asker) = turn.authors.last().map(|author| author.person) else {
        return Err(DbError::Damaged("a turn without an author".into()));
    };
    let except: Vec<MessageId> = turn.opening.window.iter().map(|line| line.id).collect();
    let asked = recall::Asked { audiences: &turn.audiences, asker, except: &except };
    let (db, window) = (orchestrator.db.tenant(lease.tenant), &turn.opening.window);
    let began = Instant::now();
    let (memories, files) = tokio::try_join!(
        recall::recall(&db, prepared, &asked),
        files::gather(&db, &orchestrator.storage, orchestrator.vision, window)
    )?;
    let shown = prompt::Turn {
        tenant_name: &turn.opening.tenant_name,
        agent: &turn.agent,
        now: orchestrator.clock.now(),
        window,
        memories: &memories,
        files: &files,
    };
    let prompt = prompt::build(&shown);
    let mut basis = prompt::basis(&shown, &prompt);
    basis.sizes.recall_ms = milliseconds(began);
    let mut hash = Sha256::new();
    for message in &prompt.messages {
        hash.update((message.content.len() as u64).to_be_bytes());
        hash.update(message.content.as_bytes());
        message.pictures.iter().for_each(|picture| hash.update(picture.as_bytes()));
        crash::on_text(&message.content);
    }
    crash::point(Point::PromptBuilt);
    let chain = orchestrator.models.chain(lease.tenant, turn.agent.model.as_deref(), &turn.named)?;
    let who =
        Spender { run: turn.run, agent: turn.agent.id, conversation: lease.conversation, person: Some(asker) };
    let purse = Purse { db, who, limited: turn.opening.budgeted };
    let asked = Instant::now();
    let outcome = match orchestrator.models.complete(&chain, &prompt, words, &purse).await? {
        Ok(completion) => Outcome::Answer { completion, request_hash: hash.finalize().into() },
        Err(failure) => Outcome::NoAnswer(failure),
    };
    basis.sizes.model_ms = milliseconds(asked);
    Ok(Thought { outcome, basis: Some(basis) })
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
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
    let (parts, answer_kind, end, reason) = match &thought.outcome {
        Outcome::Answer { completion, .. } => {
            (sender.outlet.parts("answer", &completion.text, placeholder), "answer", End::Replied, None)
        }
        Outcome::Fixed(text) => (sender.outlet.parts("answer", text, placeholder), "answer", End::Replied, None),
        Outcome::NoAnswer(failure) if failure.short.is_some() => (
            sender.outlet.parts("apology", OUT_OF_BUDGET, placeholder),
            "apology",
            End::Held,
            Some(failure.reason.as_str()),
        ),
        Outcome::NoAnswer(failure) => (
            sender.outlet.parts("apology", APOLOGY, placeholder),
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
        Outcome::NoAnswer(failure) => (&failure.calls, None, [0; 32]),
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
    match shown {
        // The channel takes nothing: sending the answer would fail the same way.
        Some(shown) if matches!(shown.state, State::Dead | State::ConnectionDead { .. }) => {
            bury(lease, turn, sender, shown, &parts).await
        }
        shown => {
            let shown = shown.into_iter().collect();
            send_and_finish(lease, turn, sender, (&parts, false), (end, reason), shown).await
        }
    }
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
    let short = short_of(&thought).cloned();
    let (calls, request_hash, end, reason) = match thought.outcome {
        Outcome::Answer { completion, request_hash } => (completion.calls, request_hash, End::Replied, None),
        Outcome::Fixed(_) => (Vec::new(), [0; 32], End::Replied, None),
        Outcome::NoAnswer(failure) => {
            rest.push_str(BROKEN_OFF);
            (failure.calls, [0; 32], End::Dead, Some(failure.reason))
        }
    };
    let answer = Answer {
        run: turn.run,
        asker: turn.authors.last().map(|author| author.person),
        placeholder: shown.as_ref().and_then(|shown| shown.external_id.as_deref()),
        request_hash: &request_hash,
        result: Some(json!({ "text": words.all(), "broken_off": reason })),
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
    crash::point(Point::Sent);
    let failed = deliveries.iter().find(|delivery| delivery.state != State::Sent);
    let (end, reason) = match failed {
        Some(delivery) => (End::Dead, delivery.error.clone()),
        None => (end, reason),
    };
    deliveries.extend(shown);
    finish(lease, turn, sender, &deliveries, end, reason.as_deref()).await
}

pub async fn send_and_finish(
    lease: &Lease,
    turn: &Turn,
    sender: &Sender<'_>,
    (parts, resumed): (&[Part], bool),
    (end, reason): (End, Option<&str>),
    mut deliveries: Vec<Delivery>,
) -> Result<bool, DbError> {
    let (mut end, mut why) = (end, reason.map(str::to_owned));
    for part in parts {
        let delivery = sender.deliver(part, resumed).await?;
        let (state, error) = (delivery.state, delivery.error.clone());
        deliveries.push(delivery);
        if state != State::Sent {
            (end, why) = (End::Dead, error);
        }
        if matches!(state, State::ConnectionDead { .. }) {
            break;
        }
    }
    crash::point(Point::Sent);
    finish(lease, turn, sender, &deliveries, end, why.as_deref()).await
}

async fn finish(
    lease: &Lease,
    turn: &Turn,
    sender: &Sender<'_>,
    deliveries: &[Delivery],
    end: End,
    reason: Option<&str>,
) -> Result<bool, DbError> {
    let sent: Vec<_> = deliveries
        .iter()
        .map(|delivery| {
            (delivery.id, delivery.state.as_str(), delivery.external_id.clone(), delivery.error.clone())
        })
        .collect();
    let mut tx = sender.db.begin().await?;
    if deliveries.iter().any(|delivery| matches!(delivery.state, State::ConnectionDead { .. })) {
        let reason = reason.unwrap_or("token refused");
        dead_connections::bury(&mut tx, turn.opening.connection, reason, None).await?;
    }
    let outcome = Finish { run: Some(turn.run), to_seq: turn.to_seq, end, reason, sent: &sent };
    let waits = runs::finish(&mut tx, lease, &outcome).await?;
    if end == End::Held {
        hand_over(&mut tx, lease, turn).await?;
    }
    tx.commit().await?;
    crash::point(Point::Finished);
    let ended = if end == End::Replied { "replied" } else { "not_replied" };
    metrics::counter!("konstruct_turns_total", "outcome" => ended).increment(1);
    tracing::info!(outcome = ended, "A turn ended");
    Ok(waits)
}

/// There was no money for an answer, and the person was told so: the lane goes to a human together with the run's end.
async fn hand_over(tx: &mut TenantTx, lease: &Lease, turn: &Turn) -> Result<(), DbError> {
    let Some(author) = turn.authors.last() else { return Ok(()) };
    let new = New {
        conversation: lease.conversation,
        person: author.person,
        message: Some(author.message),
        cause: Cause::OutOfBudget,
        reason: "the budget for answers is used up",
    };
    escalations::open(tx, &new).await.map(drop)
}

/// The channel refused the placeholder: the answer's rows end as dead, visible to an operator.
async fn bury(
    lease: &Lease,
    turn: &Turn,
    sender: &Sender<'_>,
    shown: Delivery,
    parts: &[Part],
) -> Result<bool, DbError> {
    let reason = shown.error.clone().unwrap_or_else(|| "the channel refused the message".into());
    let mut deliveries = vec![shown];
    deliveries.extend(parts.iter().map(|part| Delivery {
        id: part.id,
        state: State::Dead,
        external_id: None,
        error: Some(reason.clone()),
    }));
    finish(lease, turn, sender, &deliveries, End::Dead, Some(&reason)).await
}

//! One turn: open → (placeholder ‖ recall → prompt → model) → record → send → finish.
//!
//! Three short transactions, none across the network. A turn that follows a crash finds the run its predecessor opened and
//! goes on from what is recorded: the placeholder is looked up, a paid answer is used, a sent part is not sent again.

use std::time::Instant;

use sha2::{Digest, Sha256};
use shared::{
    crash::{self, Point},
    db::{
        DbError,
        budgets::Spender,
        lanes::{self, Lease},
        outbox::{Operation, Part},
        runs::Basis,
    },
    ids::MessageId,
};

use crate::{
    Orchestrator, earlier,
    ending::{conclude, conclude_stream},
    errands::Errand,
    files, notices,
    opening::{self, Opened, Turn},
    policy,
    pool::{Completion, NoAnswer},
    prompt::{self, Prompt, PromptMessage},
    recall,
    reply::{Delivery, Sender, ran_out, stream::Stream, words::Words},
    resume, sayings,
    spending::Purse,
    tools::{
        Work, approved,
        registry::{self, Registry},
    },
    watch::Watch,
};

pub const PLACEHOLDER: &str = "_Thinking …_";

/// What the model step came to.
pub struct Thought {
    pub outcome: Outcome,
    /// What the model was shown; `None` if it was not asked.
    pub basis: Option<Basis>,
}

pub enum Outcome {
    Answer {
        completion: Completion,
        request_hash: [u8; 32],
    },
    Fixed(&'static str),
    /// What tools came to, in our own words. `hand_over`: why a human is asked for with it.
    Told {
        text: String,
        hand_over: Option<String>,
        request_hash: [u8; 32],
    },
    NoAnswer(NoAnswer),
}

/// Whether more waits in the conversation.
pub async fn take_turn(orchestrator: &Orchestrator, lease: &Lease, watch: &Watch) -> Result<bool, DbError> {
    let db = orchestrator.db.tenant(lease.tenant);
    let (mut turn, prepared) = loop {
        match opening::open(orchestrator, &db, lease).await? {
            Opened::Turn(turn, prepared) => {
                // The question is stored, and seen before it is answered.
                orchestrator.announcer.changed(lease.tenant);
                break (*turn, prepared);
            }
            Opened::Notices(opening) => notices::deliver(orchestrator, &db, lease, &opening).await?,
            Opened::Aside => return Ok(false),
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
    let storage = &orchestrator.storage;
    let sender = Sender { outlet: &turn.outlet, db: &db, lease, pace: turn.outlet.pace(), storage };
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
    let (shown, thought) = match turn.errand {
        // Nobody wrote anything that could be shown as read.
        Some(_) => work.await?,
        None => turn.outlet.while_working(last, work).await?,
    };
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
    if let Some(Errand::Decision(decision)) = turn.errand {
        let db = orchestrator.db.tenant(lease.tenant);
        let outcome = approved::carry_out(orchestrator, &db, (lease, turn), decision).await?;
        return Ok(Thought { outcome, basis: None });
    }
    let except: Vec<MessageId> = turn.opening.window.iter().map(|line| line.id).collect();
    let asked = recall::Asked { audiences: &turn.audiences, asker, except: &except };
    let (db, window) = (orchestrator.db.tenant(lease.tenant), &turn.opening.window);
    let began = Instant::now();
    let (memories, files, summaries) = tokio::try_join!(
        recall::recall(&db, prepared, &asked),
        files::gather(&db, &orchestrator.storage, orchestrator.vision, window),
        earlier::read(&db, lease.conversation, window)
    )?;
    let shown = prompt::Turn {
        tenant_name: &turn.opening.tenant_name,
        agent: &turn.agent,
        now: orchestrator.clock.now(),
        window,
        summaries: &summaries,
        memories: &memories,
        files: &files,
    };
    let mut prompt = prompt::build(&shown);
    sayings::instruct(&mut prompt, turn.opening.languages.as_deref());
    if let Some(words) = turn.errand.as_ref().and_then(|errand| errand.words(&turn.authors)) {
        prompt.messages.push(PromptMessage::new("user", words));
    }
    let mut basis = prompt::basis(&shown, &prompt);
    basis.sizes.recall_ms = milliseconds(began);
    basis.outgrown = orchestrator.summary_after.is_some() && earlier::is_outgrown(window);
    prompt.messages.iter().for_each(|message| crash::on_text(&message.content));
    crash::point(Point::PromptBuilt);
    let chain = orchestrator.models.chain(turn.agent.model.as_deref(), &turn.named)?;
    let (run, conversation) = (Some(turn.run), Some(lease.conversation));
    let who = Spender { run, agent: turn.agent.id, conversation, person: Some(asker) };
    let purse = Purse { db: db.clone(), who, limited: turn.opening.budgeted };
    let began_asking = Instant::now();
    let tainted =
        registry::is_tainted(window, &files, &memories) || summaries.iter().any(|summary| summary.outside);
    let mut offered = Registry::new(&turn.tools, tainted);
    // Nobody is there who could be asked what was meant.
    offered.read_only_if(turn.errand.is_some());
    let request_hash = hash(&prompt);
    let outcome = if offered.is_empty() {
        match orchestrator.models.complete(&chain, &prompt, words, &purse).await? {
            Ok(completion) => Outcome::Answer { completion, request_hash },
            Err(failure) => Outcome::NoAnswer(failure),
        }
    } else {
        let (chain, purse, registry) = (&chain, &purse, &offered);
        let work = Work { orchestrator, lease, turn, db: &db, asker, chain, words, purse, registry, request_hash };
        work.run(prompt, tainted).await?
    };
    basis.sizes.model_ms = milliseconds(began_asking);
    Ok(Thought { outcome, basis: Some(basis) })
}

fn hash(prompt: &Prompt) -> [u8; 32] {
    let mut hash = Sha256::new();
    for message in &prompt.messages {
        hash.update((message.content.len() as u64).to_be_bytes());
        hash.update(message.content.as_bytes());
        message.pictures.iter().for_each(|picture| hash.update(picture.as_bytes()));
    }
    hash.finalize().into()
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

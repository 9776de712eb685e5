//! Tools in a turn: model → calls → model, until it answers, has to wait for an approval, or hands over.
//!
//! The policy is outside the model: what may be called is the agent's grants less what [`registry`] takes away, who asks and
//! where comes from the turn and is no argument, and what writes outside the house waits for a second person. Every step is on
//! disk before its calls are made, every call before its effect; a turn that follows a crash goes on from there.

mod act;
pub mod approved;
mod built_in;
mod calculator;
pub mod claims;
mod http;
mod knowledge;
mod later;
pub mod registry;
mod remote;
mod send_file;
pub mod wording;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    db::{
        DbError, TenantDb,
        lanes::Lease,
        runs::Opening,
        tool_calls::{self, Past, Step},
        usage::ModelCall,
    },
    ids::PersonId,
};
use tokio::time::Instant;

use crate::{
    Orchestrator,
    llm::Called,
    opening::Turn,
    pool::{Completion, Link, NoAnswer},
    prompt::{Prompt, PromptMessage},
    reply::words::Words,
    sayings::Saying,
    spending::Purse,
    turn::Outcome,
};
use registry::Registry;

/// Calls of a model in one turn.
const STEPS_MAX: i32 = 8;
/// Calls of tools in one step.
const CALLS_MAX: usize = 8;
/// Tokens of all steps, in and out.
const TOKENS_MAX: i64 = 150_000;
/// Nobody waits longer for an answer.
const TIME_MAX: Duration = Duration::from_secs(120);
const INSTRUCTIONS: &str = include_str!("../prompts/tools.md");

/// What the work is done with.
pub struct Work<'a> {
    pub orchestrator: &'a Orchestrator,
    pub lease: &'a Lease,
    pub turn: &'a Turn,
    pub db: &'a TenantDb,
    /// Who asks. No argument of a tool says so.
    pub asker: PersonId,
    pub chain: &'a [Link],
    pub words: &'a Words,
    pub purse: &'a Purse,
    pub registry: &'a Registry,
    pub request_hash: [u8; 32],
}

/// How far it came.
struct Progress {
    /// Words of strangers are in it.
    tainted: bool,
    /// What waits for an approval, as it is shown.
    waits: Vec<String>,
    /// Why a human is asked for.
    hands_over: Option<String>,
    /// Files that go out below the answer.
    files: usize,
    tokens: i64,
}

/// What a model asked for in one step, as it is kept.
#[derive(Serialize, Deserialize)]
struct Said {
    text: String,
    called: Vec<Called>,
}

/// What an earlier life of the run did.
#[derive(Default)]
struct Before {
    steps: Vec<(String, Value)>,
    calls: Vec<Past>,
}

impl Before {
    fn step(&self, name: &str) -> Option<Said> {
        let (_, said) = self.steps.iter().find(|(known, _)| known == name)?;
        serde_json::from_value(said.clone()).ok()
    }

    fn call(&self, step: i32, position: i32) -> Option<&Past> {
        self.calls.iter().find(|call| (call.step, call.position) == (step, position))
    }
}

enum Asked {
    Calls(Said),
    Ended(Box<Outcome>),
}

impl Work<'_> {
    pub async fn run(&self, mut prompt: Prompt, tainted: bool) -> Result<Outcome, DbError> {
        prompt.instruct(INSTRUCTIONS);
        prompt.tools = self.registry.to_values();
        let before = self.before().await?;
        let mut progress = Progress { tainted, waits: Vec::new(), hands_over: None, files: 0, tokens: 0 };
        let deadline = Instant::now() + TIME_MAX;
        for step in 1..=STEPS_MAX {
            if Instant::now() >= deadline || progress.tokens > TOKENS_MAX {
                return Ok(gives_up("the work with tools took too long"));
            }
            let name = format!("tools-{step}");
            let said = match before.step(&name) {
                Some(said) => said,
                None => match self.ask(&prompt, &name, &mut progress).await? {
                    Asked::Calls(said) => said,
                    Asked::Ended(outcome) => return Ok(*outcome),
                },
            };
            let mut answers = Vec::with_capacity(said.called.len());
            for (position, call) in (0..).zip(&said.called) {
                let known = before.call(step, position);
                let result = self.perform((step, position), call, known, &mut progress).await?;
                answers
                    .push(PromptMessage { answers: Some(call.id.clone()), ..PromptMessage::new("tool", result) });
            }
            if let Some(outcome) = ending(&mut progress, &self.turn.opening, self.request_hash) {
                self.words.settle("");
                return Ok(outcome);
            }
            prompt
                .messages
                .push(PromptMessage { called: said.called, ..PromptMessage::new("assistant", said.text) });
            prompt.messages.extend(answers);
        }
        self.words.settle("");
        Ok(gives_up("the model does not stop calling tools"))
    }

    async fn before(&self) -> Result<Before, DbError> {
        if !self.turn.resumes {
            return Ok(Before::default());
        }
        let mut tx = self.db.begin().await?;
        let (steps, calls) = tool_calls::past(&mut tx, self.turn.run).await?;
        tx.close().await?;
        Ok(Before { steps, calls })
    }

    /// One call of a model. What it says before it calls a tool is no answer.
    async fn ask(&self, prompt: &Prompt, name: &str, progress: &mut Progress) -> Result<Asked, DbError> {
        self.words.hold(!self.registry.writes_outside());
        let asked = self.orchestrator.models.complete(self.chain, prompt, self.words, self.purse).await?;
        let mut completion = match asked {
            Ok(completion) => completion,
            Err(failure) => {
                self.words.settle("");
                return Ok(Asked::Ended(Box::new(Outcome::NoAnswer(failure))));
            }
        };
        let spent = |call: &ModelCall| call.input_tokens.saturating_add(call.output_tokens);
        progress.tokens += completion.calls.iter().map(spent).sum::<i64>();
        if completion.called.is_empty() {
            return self.answer(completion).await.map(|outcome| Asked::Ended(Box::new(outcome)));
        }
        completion.called.truncate(CALLS_MAX);
        let said = Said { text: self.words.held(), called: completion.called };
        let kept = serde_json::to_value(&said).map_err(|error| DbError::Damaged(error.to_string()))?;
        let step = Step {
            run: self.turn.run,
            asker: self.asker,
            name,
            request_hash: &self.request_hash,
            said: &kept,
            calls: &completion.calls,
        };
        let mut tx = self.db.begin().await?;
        let held = tool_calls::record_step(&mut tx, self.lease, &step).await?;
        tx.commit().await?;
        if held { Ok(Asked::Calls(said)) } else { Err(DbError::Fenced) }
    }

    /// The answer, without claims that no entry of the ledger bears out.
    async fn answer(&self, completion: Completion) -> Result<Outcome, DbError> {
        let rest = self.words.held();
        let rest = match claims::without_claims(&rest) {
            Some(honest) if !self.has_acted().await? => {
                metrics::counter!("konstruct_false_claims_total").increment(1);
                tracing::warn!("An answer claimed an action that is not in the ledger; the claim was taken out");
                honest
            }
            _ => rest,
        };
        self.words.settle(&rest);
        let completion = Completion { text: self.words.all(), ..completion };
        Ok(Outcome::Answer { completion, request_hash: self.request_hash })
    }

    async fn has_acted(&self) -> Result<bool, DbError> {
        let mut tx = self.db.begin().await?;
        let acted = tool_calls::any_write_done(&mut tx, self.lease.conversation).await?;
        tx.close().await?;
        Ok(acted)
    }
}

/// A turn that waits or hands over ends here; its words are ours.
fn ending(progress: &mut Progress, opening: &Opening, request_hash: [u8; 32]) -> Option<Outcome> {
    let told = |text: String, hand_over: Option<String>| Outcome::Told { text, hand_over, request_hash };
    if let Some(reason) = progress.hands_over.take() {
        return Some(told(Saying::HandedOver.to(opening).to_owned(), Some(reason)));
    }
    (!progress.waits.is_empty()).then(|| told(wording::waits(&progress.waits, &opening.channel), None))
}

fn gives_up(reason: &str) -> Outcome {
    Outcome::NoAnswer(NoAnswer { reason: reason.to_owned(), ..NoAnswer::default() })
}

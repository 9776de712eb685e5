//! Rehearsals: a model is asked what it would have said, and nobody is sent it.
//!
//! Beside the turns and without a lane: no tool is offered, nothing goes to a channel, and nothing is remembered. The calls are
//! held against the agent's budgets and booked as `replay`, of cases as `case`.

mod verdict;

use std::time::Duration;

use shared::{
    db::{
        Audience, DbError, TenantDb,
        billing::Access,
        budgets::Spender,
        escalation_rules::{self, Rule},
        llm_keys,
        memories::Recalled,
        messages::AuthorKind,
        rehearsals::{
            self, Claimed, Draft, Material, Outcome, Place,
            cases::{self, Shape},
        },
        runs::Basis,
        system, usage,
    },
    ids::{AgentId, MessageId, PersonId},
    message::ChannelKind,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Orchestrator, files,
    pool::{Completion, Job, REHEARSED},
    prompt::{self, Prompt},
    recall,
    reply::words::Words,
    sayings,
    spending::Purse,
};

const LOOK_INTERVAL: Duration = Duration::from_secs(1);
const ERROR_PAUSE: Duration = Duration::from_secs(5);

const PAUSED: &str = "the agent is paused: look at the plan, under billing";
const NOTHING_LEFT: &str = "nothing of what the run answered is left";
const GIVEN_UP: &str = "given up after 3 attempts";

/// Runs until it is told to stop, and then ends the one at hand.
pub async fn run(orchestrator: Orchestrator, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let pause = match rehearse_waiting(&orchestrator).await {
            Ok(0) => LOOK_INTERVAL,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(%error, "No answer could be rehearsed");
                ERROR_PAUSE
            }
        };
        stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

/// One of each tenant that has some; how many there were.
async fn rehearse_waiting(orchestrator: &Orchestrator) -> Result<usize, DbError> {
    let mut count = 0;
    for tenant in system::tenants_to_rehearse(&orchestrator.db.system()).await? {
        let db = orchestrator.db.tenant(tenant);
        let mut tx = db.begin().await?;
        let claimed = rehearsals::claim(&mut tx).await?;
        tx.commit().await?;
        if let Some(claimed) = claimed {
            rehearse(orchestrator, &db, &claimed).await?;
            orchestrator.announcer.changed(tenant);
            count += 1;
        }
    }
    Ok(count)
}

async fn rehearse(orchestrator: &Orchestrator, db: &TenantDb, claimed: &Claimed) -> Result<(), DbError> {
    // The memories are those that the run's own place was shown; the model's answer is shown to operators.
    let mut tx = db.begin_for_all_audiences().await?;
    let material = rehearsals::material(&mut tx, claimed).await?;
    let named = match &material {
        Some(material) if material.own_models => {
            llm_keys::chain(&mut tx, &orchestrator.keys, claimed.agent).await?
        }
        _ => Vec::new(),
    };
    let (case, rules) = match claimed.case {
        Some(case) => (cases::find(&mut tx, case).await?, escalation_rules::list(&mut tx).await?),
        None => (None, Vec::new()),
    };
    tx.close().await?;
    let case = case.map(|case| case.shape);
    let handed = case.as_ref().and_then(|case| verdict::hand_over(&case.question, &rules, None).zip(Some(case)));
    if let Some((reason, case)) = handed {
        let complaints = verdict::of_hand_over(case, &reason);
        let (text, basis) = (format!("(handed to a human: {reason})"), Basis::default());
        let told = Outcome::Answered { text: &text, by: "", input_tokens: 0, output_tokens: 0, basis: &basis };
        return end(db, claimed, &told, Some(&complaints)).await;
    }
    let refusal = match &material {
        _ if claimed.is_hopeless => Some(GIVEN_UP),
        Some(material) if material.access != Access::Full => Some(PAUSED),
        Some(material) if material.window.is_empty() => Some(NOTHING_LEFT),
        Some(_) => None,
        None => Some(NOTHING_LEFT),
    };
    let (Some(material), None) = (material, refusal) else {
        return end(db, claimed, &Outcome::Failed { reason: refusal.unwrap_or(NOTHING_LEFT) }, None).await;
    };
    let asked = Asked { claimed, named };
    ask(orchestrator, db, asked, material, case.as_ref().map(|case| (case, rules.as_slice()))).await
}

/// What a model is asked for.
struct Asked<'a> {
    claimed: &'a Claimed,
    named: Vec<llm_keys::Link>,
}

async fn ask(
    orchestrator: &Orchestrator,
    db: &TenantDb,
    Asked { claimed, named }: Asked<'_>,
    mut material: Material,
    case: Option<(&Shape, &[Rule])>,
) -> Result<(), DbError> {
    if let Some(instructions) = &claimed.draft.instructions {
        material.agent.instructions.clone_from(instructions);
    }
    if let Some(place) = material.place.take() {
        let audiences = audiences(&place, claimed.agent);
        material.memories = remembered(orchestrator, db, &material, (&audiences, place.person)).await?;
    } else if case.is_some() {
        // A case is nobody's question: it is answered from what everybody may know.
        let audiences = [Audience::Tenant, Audience::Agents, Audience::Agent(claimed.agent)];
        material.memories = remembered(orchestrator, db, &material, (&audiences, PersonId::new())).await?;
    }
    let (prompt, basis) = shown(orchestrator, db, &material).await?;
    let model = claimed.draft.model.as_deref().or(material.agent.model.as_deref());
    let chain = orchestrator.models.chain(model, &as_drafted(named, &claimed.draft))?;
    let who = Spender { run: claimed.run, agent: claimed.agent, conversation: claimed.conversation, person: None };
    let purse = Purse { db: db.clone(), who, limited: material.budgeted };
    let job = Job { purpose: if case.is_some() { "case" } else { "replay" }, tokens: REHEARSED };
    let answered = orchestrator.models.complete_for(&job, &chain, &prompt, &Words::default(), &purse).await?;
    let calls = answered.as_ref().map_or_else(|failed| &failed.calls, |answered| &answered.calls);
    book(db, &who, job.purpose, calls).await?;
    match &answered {
        Ok(answered) => {
            let complaints = case.map(|(case, rules)| verdict::of_answer(case, rules, &answered.text));
            end(db, claimed, &outcome(answered, &basis), complaints.as_deref()).await
        }
        Err(failed) => end(db, claimed, &Outcome::Failed { reason: &failed.reason }, None).await,
    }
}

/// Another model is asked where the agent's own first one is: with the tenant's key, if it has one, or else the platform's.
fn as_drafted(named: Vec<llm_keys::Link>, draft: &Draft) -> Vec<llm_keys::Link> {
    let Some(model) = &draft.model else { return named };
    let first = named.into_iter().next();
    first.map(|link| llm_keys::Link { model: Some(model.clone()), ..link }).into_iter().collect()
}

/// What the agent would be reminded of there, asked by this person.
async fn remembered(
    orchestrator: &Orchestrator,
    db: &TenantDb,
    material: &Material,
    (audiences, asker): (&[Audience], PersonId),
) -> Result<Vec<Recalled>, DbError> {
    let Some(question) = material.window.iter().rev().find(|line| line.author_kind != AuthorKind::Agent) else {
        return Ok(Vec::new());
    };
    let except: Vec<MessageId> = material.window.iter().map(|line| line.id).collect();
    let asked = recall::Asked { audiences, asker, except: &except };
    let depth = (recall::MEMORIES_MAX, orchestrator.clock.now());
    recall::ask(db, &orchestrator.embedder, &question.body, &asked, depth).await
}

/// As in a turn: everyone's, the channel's, in a direct message the person's own; to outsiders nothing of what insiders said.
fn audiences(place: &Place, agent: AgentId) -> Vec<Audience> {
    let mut audiences = Vec::new();
    if !place.outside {
        if !place.shared {
            audiences.push(Audience::Tenant);
        }
        audiences.push(Audience::Channel(place.connection, place.channel.clone()));
    }
    if place.kind == ChannelKind::Direct {
        audiences.push(Audience::Person(place.person));
    }
    audiences.extend([Audience::Agents, Audience::Agent(agent)]);
    audiences
}

async fn shown(
    orchestrator: &Orchestrator,
    db: &TenantDb,
    material: &Material,
) -> Result<(Prompt, Basis), DbError> {
    let window = &material.window;
    let files = files::gather(db, &orchestrator.storage, orchestrator.vision, window).await?;
    let turn = prompt::Turn {
        tenant_name: &material.tenant_name,
        agent: &material.agent,
        now: material.at,
        window,
        summaries: &material.summaries,
        memories: &material.memories,
        files: &files,
    };
    let mut prompt = prompt::build(&turn);
    sayings::instruct(&mut prompt, material.languages.as_deref());
    let basis = prompt::basis(&turn, &prompt);
    Ok((prompt, basis))
}

fn outcome<'a>(answered: &'a Completion, basis: &'a Basis) -> Outcome<'a> {
    let last = answered.calls.last();
    Outcome::Answered {
        text: &answered.text,
        by: last.map_or("", |call| call.model.as_str()),
        input_tokens: last.map_or(0, |call| call.input_tokens),
        output_tokens: last.map_or(0, |call| call.output_tokens),
        basis,
    }
}

/// The calls are booked whatever comes of them, before anything else can go wrong.
async fn book(db: &TenantDb, who: &Spender, purpose: &str, calls: &[usage::ModelCall]) -> Result<(), DbError> {
    if calls.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    usage::book_rehearsed(&mut tx, who, purpose, calls).await?;
    tx.commit().await
}

async fn end(
    db: &TenantDb,
    claimed: &Claimed,
    outcome: &Outcome<'_>,
    complaints: Option<&[String]>,
) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    rehearsals::finish(&mut tx, claimed.id, outcome).await?;
    if let Some(complaints) = complaints {
        cases::complain(&mut tx, claimed.id, complaints).await?;
    }
    tx.commit().await
}

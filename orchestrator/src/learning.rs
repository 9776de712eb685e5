//! Learning: facts are drawn from what people wrote, after they have stopped writing and off the reply path.
//!
//! Messages only, as their authors wrote them: never the agent's words, nor what it recalled, so it can't learn from itself.
//! The call is one of the agent's own model, under its budgets; where money is short the messages stay as they are.

mod drawing;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{
    crypto::random_bytes,
    db::{
        DbError, TenantDb,
        billing::Access,
        budgets::Spender,
        facts::{self, Asker, Learned, Source},
        llm_keys, system, usage,
    },
    ids::{ConversationId, TenantId},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Orchestrator,
    pool::{Job, NoAnswer},
    reply::words::Words,
    spending::Purse,
};

/// Without work: how often to look within the time that conversations are left alone, and at most.
const LOOKS: u32 = 6;
const LOOK_INTERVAL_MIN: Duration = Duration::from_secs(1);
const ERROR_PAUSE: Duration = Duration::from_secs(5);
/// What the ledger calls it.
const PURPOSE: &str = "extraction";
/// A list of facts, no essay.
const ANSWER_TOKENS_MAX: u32 = 1_000;

/// Runs until it is told to stop, and then ends the conversation at hand.
pub async fn run(orchestrator: Orchestrator, quiet: Duration, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let pause = match learn_waiting(&orchestrator, quiet).await {
            Ok(0) => (quiet / LOOKS).max(LOOK_INTERVAL_MIN),
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(%error, "No facts could be drawn");
                ERROR_PAUSE
            }
        };
        stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

/// One conversation of each tenant that has work; how many there were.
async fn learn_waiting(orchestrator: &Orchestrator, quiet: Duration) -> Result<usize, DbError> {
    let mut count = 0;
    for tenant in system::tenants_to_learn(&orchestrator.db.system(), quiet.as_secs_f64()).await? {
        let db = orchestrator.db.tenant(tenant);
        let mut tx = db.begin_for_all_audiences().await?;
        let claimed = facts::claim(&mut tx, quiet.as_secs_f64()).await?;
        tx.commit().await?;
        if let Some(conversation) = claimed {
            learn_from(orchestrator, &db, tenant, conversation).await?;
            count += 1;
        }
    }
    Ok(count)
}

async fn learn_from(
    orchestrator: &Orchestrator,
    db: &TenantDb,
    tenant: TenantId,
    conversation: ConversationId,
) -> Result<(), DbError> {
    // What is read here is written under the audience it was said to, and shown to the model alone.
    let mut tx = db.begin_for_all_audiences().await?;
    let read = facts::sources(&mut tx, conversation).await?;
    let asker = facts::asker(&mut tx, conversation).await?;
    let named = match &asker {
        Some(asker) if asker.own_models => llm_keys::chain(&mut tx, &orchestrator.keys, asker.agent).await?,
        _ => Vec::new(),
    };
    tx.close().await?;
    // A tenant whose agent is paused pays for no calls.
    let may_ask = |asker: &Asker| asker.access == Access::Full && read.iter().any(says_something);
    let Some(asker) = asker.filter(may_ask) else {
        return end(db, conversation, &read, None).await;
    };
    let chain = orchestrator.models.chain(asker.model.as_deref(), &named)?;
    let who = Spender { run: Some(asker.run), agent: asker.agent, conversation: Some(conversation), person: None };
    let purse = Purse { db: db.clone(), who, limited: asker.budgeted };
    let mark = URL_SAFE_NO_PAD.encode(random_bytes::<9>());
    let prompt = drawing::prompt(&read, &mark);
    let job = Job { purpose: PURPOSE, tokens: &[ANSWER_TOKENS_MAX] };
    let (calls, drawn) =
        match orchestrator.models.complete_for(&job, &chain, &prompt, &Words::default(), &purse).await? {
            Ok(answered) => {
                let drawn = drawing::read(&answered.text, &read);
                if drawn.is_none() {
                    tracing::info!(tenant.id = %tenant, "A model was asked for facts and gave no list");
                }
                (answered.calls, Some(drawn.unwrap_or_default()))
            }
            // Without money nothing is learned; what was said is remembered all the same.
            Err(NoAnswer { calls, short: Some(_), .. }) => (calls, Some(Vec::new())),
            Err(NoAnswer { calls, .. }) => (calls, None),
        };
    let given_up = book(db, conversation, &asker, &calls, drawn.is_none()).await?;
    match drawn {
        Some(drawn) => end(db, conversation, &read, Some(drawn)).await,
        None if given_up => end(db, conversation, &read, None).await,
        None => Ok(()),
    }
}

/// Questions and greetings alone are not worth a call.
fn says_something(source: &Source) -> bool {
    let stated =
        source.body.split_inclusive(['.', '!', '?', '\n']).filter(|sentence| !sentence.trim_end().ends_with('?'));
    stated.map(|sentence| sentence.split_whitespace().count()).sum::<usize>() > 2
}

/// The calls are booked whatever comes of them, before anything else can go wrong. `true`: they failed for the last time.
async fn book(
    db: &TenantDb,
    conversation: ConversationId,
    asker: &Asker,
    calls: &[usage::ModelCall],
    failed: bool,
) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    if !calls.is_empty() {
        usage::book_afterwards(&mut tx, asker.run, PURPOSE, calls).await?;
    }
    let given_up = failed && facts::put_off(&mut tx, conversation).await?;
    tx.commit().await?;
    Ok(given_up)
}

async fn end(
    db: &TenantDb,
    conversation: ConversationId,
    read: &[Source],
    drawn: Option<Vec<facts::Drawn>>,
) -> Result<(), DbError> {
    let mut tx = db.begin_for_all_audiences().await?;
    let Learned { new, closed } = facts::learn(&mut tx, conversation, read, &drawn.unwrap_or_default()).await?;
    tx.commit().await?;
    metrics::counter!("konstruct_facts_total", "outcome" => "learned").increment(u64::try_from(new).unwrap_or(0));
    metrics::counter!("konstruct_facts_total", "outcome" => "closed")
        .increment(u64::try_from(closed).unwrap_or(0));
    Ok(())
}

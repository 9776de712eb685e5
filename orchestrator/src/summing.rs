//! Summing up: what a conversation's window no longer shows is told in a few sentences, off the reply path.
//!
//! Of messages only, as people wrote them: never of answers, of what they recalled, or of older summaries. The call is one of
//! the agent's own model, under its budgets; without money the conversation goes on without a summary.

mod span;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{
    crypto::random_bytes,
    db::{
        DbError, TenantDb,
        billing::Access,
        budgets::Spender,
        facts::{self, Asker},
        llm_keys,
        summaries::{self, Claimed, Spoken},
        system, usage,
    },
};
use tokio_util::sync::CancellationToken;

use crate::{
    Orchestrator,
    pool::{Job, NoAnswer},
    reply::words::Words,
    spending::Purse,
};

const LOOK_INTERVAL: Duration = Duration::from_secs(2);
const ERROR_PAUSE: Duration = Duration::from_secs(5);
/// What the ledger calls it.
const PURPOSE: &str = "summary";
/// A hundred words, in languages that take many tokens for one.
const ANSWER_TOKENS_MAX: u32 = 500;

/// Runs until it is told to stop, and then ends the conversation at hand. `grown`: letters that a new summary is worth.
pub async fn run(orchestrator: Orchestrator, grown: usize, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let pause = match sum_up_waiting(&orchestrator, grown).await {
            Ok(0) => LOOK_INTERVAL,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(%error, "No conversation could be summed up");
                ERROR_PAUSE
            }
        };
        stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

/// One span of each tenant that has work; how many there were.
async fn sum_up_waiting(orchestrator: &Orchestrator, grown: usize) -> Result<usize, DbError> {
    let mut count = 0;
    for tenant in system::tenants_to_sum_up(&orchestrator.db.system()).await? {
        let db = orchestrator.db.tenant(tenant);
        let mut tx = db.begin().await?;
        let claimed = summaries::claim(&mut tx).await?;
        tx.commit().await?;
        if let Some(claimed) = claimed {
            sum_up(orchestrator, &db, grown, &claimed).await?;
            count += 1;
        }
    }
    Ok(count)
}

async fn sum_up(
    orchestrator: &Orchestrator,
    db: &TenantDb,
    grown: usize,
    claimed: &Claimed,
) -> Result<(), DbError> {
    // What is read here is shown to the model alone, and kept with its conversation.
    let mut tx = db.begin_for_all_audiences().await?;
    let spoken = summaries::spoken(&mut tx, claimed.conversation).await?;
    let asker = facts::asker(&mut tx, claimed.conversation).await?;
    let named = match &asker {
        Some(asker) if asker.own_models => llm_keys::chain(&mut tx, &orchestrator.keys, asker.agent).await?,
        _ => Vec::new(),
    };
    tx.close().await?;
    let span = span::next(&spoken, grown);
    // A tenant whose agent is paused pays for no calls.
    let asker = asker.filter(|asker| asker.access == Access::Full && !span.is_empty());
    let Some(asker) = asker else { return end(db, claimed, false).await };
    let chain = orchestrator.models.chain(asker.model.as_deref(), &named)?;
    let (run, conversation) = (Some(asker.run), Some(claimed.conversation));
    let who = Spender { run, agent: asker.agent, conversation, person: None };
    let purse = Purse { db: db.clone(), who, limited: asker.budgeted };
    let mark = URL_SAFE_NO_PAD.encode(random_bytes::<9>());
    let prompt = span::prompt(span, &mark);
    let job = Job { purpose: PURPOSE, tokens: &[ANSWER_TOKENS_MAX] };
    match orchestrator.models.complete_for(&job, &chain, &prompt, &Words::default(), &purse).await? {
        Ok(answered) => {
            book(db, &asker, &answered.calls).await?;
            keep(db, claimed, &asker, (span, &span::read(&answered.text))).await
        }
        // Without money the window is all there is.
        Err(NoAnswer { calls, short: Some(_), .. }) => {
            book(db, &asker, &calls).await?;
            end(db, claimed, false).await
        }
        Err(NoAnswer { calls, .. }) => {
            book(db, &asker, &calls).await?;
            let mut tx = db.begin().await?;
            summaries::put_off(&mut tx, claimed.conversation).await?;
            tx.commit().await
        }
    }
}

/// The calls are booked whatever comes of them, before anything else can go wrong.
async fn book(db: &TenantDb, asker: &Asker, calls: &[usage::ModelCall]) -> Result<(), DbError> {
    if calls.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    usage::book_afterwards(&mut tx, asker.run, PURPOSE, calls).await?;
    tx.commit().await
}

/// Another span may wait, or this one, if it was changed meanwhile.
async fn keep(
    db: &TenantDb,
    claimed: &Claimed,
    asker: &Asker,
    (span, body): (&[Spoken], &str),
) -> Result<(), DbError> {
    let mut tx = db.begin_for_all_audiences().await?;
    let new = summaries::New { conversation: claimed.conversation, agent: asker.agent, body, of: span };
    let stored = summaries::store(&mut tx, &new).await?;
    summaries::release(&mut tx, claimed, true).await?;
    tx.commit().await?;
    let outcome = if stored { "stored" } else { "overtaken" };
    metrics::counter!("konstruct_summaries_total", "outcome" => outcome).increment(1);
    Ok(())
}

async fn end(db: &TenantDb, claimed: &Claimed, more: bool) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    summaries::release(&mut tx, claimed, more).await?;
    tx.commit().await
}

//! The question of a turn, on its way to a vector as soon as its words are known: that takes as long as all that is read and
//! written before a model is asked, and needs nothing of it.

use shared::db::{
    DbError, TenantTx,
    lanes::{self, Lease},
    people,
    runs::{self, Opening},
};

use crate::{
    Orchestrator,
    recall::{self, Prepared},
};

/// Of what waits, before the turn is opened. What is asked in the end may be less, or differ.
pub async fn early(
    tx: &mut TenantTx,
    orchestrator: &Orchestrator,
    lease: &Lease,
) -> Result<Option<Prepared>, DbError> {
    if is_given_up(lease) {
        return Ok(None);
    }
    let words = runs::words(tx, lease).await?;
    if words.is_empty() { Ok(None) } else { Ok(Some(prepare(tx, orchestrator, &words.join("\n")).await?)) }
}

/// Of what the turn is about; `None` where it wants no answer.
pub async fn of(
    tx: &mut TenantTx,
    orchestrator: &Orchestrator,
    lease: &Lease,
    asked: Option<(&Opening, Option<Prepared>)>,
) -> Result<Option<Prepared>, DbError> {
    let Some((opening, early)) = asked.filter(|_| !is_given_up(lease)) else { return Ok(None) };
    let texts: Vec<&str> = opening.pending.iter().map(|pending| pending.message.text.as_str()).collect();
    let question = texts.join("\n");
    match early.filter(|early| early.is_of(&question)) {
        Some(early) => Ok(Some(early)),
        None => Ok(Some(prepare(tx, orchestrator, &question).await?)),
    }
}

/// It may be the text itself that stops its worker.
fn is_given_up(lease: &Lease) -> bool {
    lease.claims > lanes::CLAIMS_MAX
}

async fn prepare(tx: &mut TenantTx, orchestrator: &Orchestrator, question: &str) -> Result<Prepared, DbError> {
    let names = recall::candidate_names(question);
    let named = if names.is_empty() { Vec::new() } else { people::named(tx, &names).await? };
    Ok(recall::prepare((&orchestrator.embedder, tx.tenant()), question, &named, orchestrator.clock.now()))
}

//! The part of the story in which a provider breaks off and a budget runs out: another model goes on with the answer, and a
//! human is asked.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use shared::{
    db::{
        TenantDb, agents,
        audit::Actor,
        budgets::{self, Budget, Limit, NewBudget, Scope},
        conversations::{self, Filter},
        escalations,
        llm_keys::{self, ModelChoice},
        takeovers, traces,
    },
    ids::{AgentId, BudgetId, ConversationId},
};

use crate::chat::{Exchange, Speaker, Words};

const CHANNEL: &str = "CGENERAL";
const ADA: &str = "UADA";
const QUESTION: &str = "On which day is the Apollo launch?";
const ANSWER: &str = "21 March";
/// Between two tokens, so that there is a middle to break off in.
const SLOW: Duration = Duration::from_millis(80);
/// Tokens before the provider's connection breaks.
const BREAKS_AFTER: usize = 4;
/// Has an example price; the simulated model answers to any name.
const PRICED: &str = "gpt-4o-mini";
const CENT: i64 = 10_000;
/// Escalations looked through for this one.
const LOOKED_AT: i64 = 20;

/// Fails if the answer does not come whole, or if the budget does not hold.
pub async fn tell(speaker: &Speaker, db: &TenantDb) -> anyhow::Result<()> {
    println!("── #general: the model's provider breaks off in the middle of an answer ──");
    let rule = json!({ "method": "completions", "model": "simulated-1", "times": 2,
                       "kind": { "close_mid_stream": BREAKS_AFTER } });
    if !speaker.break_model(&rule).await {
        println!("        (left out: the model is a real one)");
        return Ok(());
    }
    speaker.slow_model(SLOW).await;
    let answered = say(speaker, QUESTION).await;
    speaker.slow_model(Duration::ZERO).await;
    if !answered?.reply.contains(ANSWER) {
        bail!("The answer did not come whole: `make logs` shows why.");
    }
    println!("        ({})", calls(db).await?);
    println!("── #general: a budget runs out ──");
    let (agent, before) = priced(db).await?;
    let told = runs_out(speaker, db, agent).await;
    restore(db, agent, &before).await?;
    told
}

async fn say(speaker: &Speaker, text: &str) -> anyhow::Result<Exchange> {
    println!("{:>6}: {text}", "Ada");
    let exchange = speaker.say(Words { channel: CHANNEL, user: ADA, text, ..Words::default() }, |_| ()).await?;
    println!("  Kona: {}", exchange.reply);
    Ok(exchange)
}

/// The models that the last answer took, as the ledger has them.
async fn calls(db: &TenantDb) -> anyhow::Result<String> {
    let mut tx = db.begin().await?;
    let latest = conversations::list(&mut tx, &Filter::default(), None, 1).await?;
    let latest = latest.first().context("There is no conversation.")?.id;
    let run = traces::steps(&mut tx, latest, None, 1).await?.into_iter().find_map(|step| step.run);
    let run = run.context("Nothing was answered.")?.id;
    let calls = traces::evidence(&mut tx, &[run]).await?.calls;
    tx.close().await?;
    let calls: Vec<String> = calls.iter().map(|call| format!("{}: {}", call.model, call.status)).collect();
    Ok(calls.join(", "))
}

async fn runs_out(speaker: &Speaker, db: &TenantDb, agent: AgentId) -> anyhow::Result<()> {
    let budget = limit(db, agent, |spent| spent + CENT).await?;
    say(speaker, QUESTION).await?;
    let spent = limit(db, agent, |spent| spent).await?.spent_micro_usd;
    println!(
        "        ({} of today's budget is spent; that is the limit from here on)",
        dollars(spent - budget.spent_micro_usd)
    );
    say(speaker, "And where?").await?;
    let Some((id, conversation, reason)) = open(db).await? else {
        bail!("The budget held nothing back: `make logs` shows why.");
    };
    println!("        (waiting {id}: {reason})");
    let mut tx = db.begin().await?;
    takeovers::release(&mut tx, conversation, &Actor::CommandLine).await?;
    tx.commit().await?;
    println!("        (closed: the agent has the thread again)");
    Ok(())
}

fn dollars(micro: i64) -> String {
    format!("${}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

/// What waits for a human for want of money.
async fn open(db: &TenantDb) -> anyhow::Result<Option<(String, ConversationId, String)>> {
    let mut tx = db.begin().await?;
    let found = escalations::list(&mut tx, escalations::Filter::default(), None, LOOKED_AT).await?;
    tx.close().await?;
    let of_money = found.into_iter().find(|one| one.closed_at.is_none() && one.reason.contains("budget"));
    Ok(of_money.map(|one| (one.id.to_string(), one.conversation, one.reason)))
}

/// The agent asks a model that has a price; what it asked before.
async fn priced(db: &TenantDb) -> anyhow::Result<(AgentId, Vec<ModelChoice>)> {
    let mut tx = db.begin().await?;
    let agents = agents::list(&mut tx).await?;
    let agent = agents.first().context("The tenant has no agent: use `konstruct tenant agent`.")?.id;
    let models = llm_keys::models(&mut tx).await?.into_iter();
    let before: Vec<ModelChoice> = models.filter(|(other, _)| *other == agent).map(|(_, choice)| choice).collect();
    llm_keys::set_models(&mut tx, agent, &[ModelChoice { key: None, model: PRICED.into() }]).await?;
    tx.commit().await?;
    Ok((agent, before))
}

/// Sets the agent's budget of the day by what was spent already.
async fn limit(db: &TenantDb, agent: AgentId, of: impl FnOnce(i64) -> i64) -> anyhow::Result<Budget> {
    let mut tx = db.begin().await?;
    let budget = match ours(&budgets::list(&mut tx).await?, agent) {
        Some((id, spent)) => budgets::set_limit(&mut tx, id, Limit::usd(Some(of(spent)))).await?,
        None => {
            let new =
                NewBudget { scope: Scope::Agent(agent), period: "day", time_zone: "UTC", limit: Limit::usd(None) };
            let made = budgets::create(&mut tx, &new).await?;
            budgets::set_limit(&mut tx, made.id, Limit::usd(Some(of(made.spent_micro_usd)))).await?
        }
    };
    tx.commit().await?;
    Ok(budget)
}

fn ours(all: &[Budget], agent: AgentId) -> Option<(BudgetId, i64)> {
    let ours = all.iter().find(|budget| budget.scope == Scope::Agent(agent) && budget.period == "day")?;
    Some((ours.id, ours.spent_micro_usd))
}

async fn restore(db: &TenantDb, agent: AgentId, before: &[ModelChoice]) -> anyhow::Result<()> {
    let mut tx = db.begin().await?;
    llm_keys::set_models(&mut tx, agent, before).await?;
    if let Some((id, _)) = ours(&budgets::list(&mut tx).await?, agent) {
        budgets::remove(&mut tx, id).await?;
    }
    Ok(tx.commit().await?)
}

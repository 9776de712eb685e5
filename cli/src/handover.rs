//! The part of the story in which a rule hands a chat to a human: the rule, the message, what was handed over, and back.

use anyhow::bail;
use shared::db::{
    TenantDb,
    audit::Actor,
    escalation_rules::{self as rules, Shape},
    escalations::{self, Escalation, Filter},
    takeovers,
};

use crate::phone::Phone;

/// Somebody else's phone, so that nobody waits for a human in the rest of the story.
const PERSON: &str = "4915100000003";
const RULE: (&str, &str) = ("Lawyers", "keyword in (lawyer, court)");
/// Escalations looked through for those of the rule.
const LOOKED_AT: i64 = 100;

/// Fails if the rule does not hand over what it should.
pub async fn tell(db: &TenantDb, phone: &Phone) -> anyhow::Result<()> {
    let (name, condition) = RULE;
    println!("── WhatsApp, from another phone: the rule “{condition}” needs no model ──");
    make_rule(db).await?;
    give_back(db).await?;
    let text = "Send me my money back, or you hear from my lawyer.";
    println!("{:>6}: {text}", "Eve");
    let exchange = phone.say(PERSON, text, |_| ()).await?;
    println!("  Kona: {}", exchange.reply);
    let Some(escalation) = open(db).await?.into_iter().next() else {
        bail!("The rule “{name}” has handed nothing over: `make logs` shows why.");
    };
    println!(
        "        ({} {}: {}; told after {} ms)",
        escalation.state,
        escalation.id,
        escalation.reason,
        exchange.complete.as_millis()
    );
    give_back(db).await?;
    println!("        (closed: the agent has the chat again)");
    Ok(())
}

async fn make_rule(db: &TenantDb) -> anyhow::Result<()> {
    let (name, condition) = RULE;
    let mut tx = db.begin().await?;
    if !rules::list(&mut tx).await?.iter().any(|rule| rule.name == name && rule.enabled) {
        let shape = Shape { name: name.into(), condition: condition.into(), enabled: true, assign_to: Vec::new() };
        rules::create(&mut tx, &Actor::CommandLine, &shape).await?;
    }
    Ok(tx.commit().await?)
}

/// What the rule has handed over and nobody has given back.
async fn open(db: &TenantDb) -> anyhow::Result<Vec<Escalation>> {
    let mut tx = db.begin().await?;
    let mut found = escalations::list(&mut tx, Filter::default(), None, LOOKED_AT).await?;
    tx.close().await?;
    found.retain(|found| found.closed_at.is_none() && found.rule_name.as_deref() == Some(RULE.0));
    Ok(found)
}

async fn give_back(db: &TenantDb) -> anyhow::Result<()> {
    for escalation in open(db).await? {
        let mut tx = db.begin().await?;
        takeovers::release(&mut tx, escalation.conversation, &Actor::CommandLine).await?;
        tx.commit().await?;
    }
    Ok(())
}

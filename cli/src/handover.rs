//! The part of the story in which a rule hands a chat to a human: the rule, the message, a colleague's answer from Slack, and
//! back.

use anyhow::bail;
use shared::db::{
    TenantDb,
    audit::Actor,
    escalation_rules::{self as rules, Shape},
    escalations::{self, Escalation, Filter},
    takeovers,
};

use crate::{
    chat::Speaker,
    colleague::{self, Place},
    phone::{EVE, Phone},
};

const RULE: (&str, &str) = ("Lawyers", "keyword in (lawyer, court)");
/// Escalations looked through for those of the rule.
const LOOKED_AT: i64 = 100;

/// Fails if the rule does not hand over what it should, or if the colleague's answer does not arrive.
pub async fn tell(db: &TenantDb, phone: &Phone, speaker: &Speaker) -> anyhow::Result<()> {
    println!("── WhatsApp, from another phone: the rule “{}” needs no model ──", RULE.1);
    make_rule(db).await?;
    give_back(db).await?;
    let place = Place::open(db, speaker).await?;
    let told = hand_over(db, phone, speaker, &place).await;
    // Whatever came of it: nobody waits, and the tenant's own desk is where it was.
    let given_back = give_back(db).await;
    let restored = place.restore(db).await;
    told.and(given_back).and(restored)
}

async fn hand_over(db: &TenantDb, phone: &Phone, speaker: &Speaker, place: &Place) -> anyhow::Result<()> {
    let (number, name) = EVE;
    let text = "Send me my money back, or you hear from my lawyer.";
    println!("{name:>6}: {text}");
    let exchange = phone.say(number, text, |_| ()).await?;
    println!("  Kona: {}", exchange.reply);
    let Some(escalation) = open(db).await?.into_iter().next() else {
        bail!("The rule “{}” has handed nothing over: `make logs` shows why.", RULE.0);
    };
    println!(
        "        ({} {}: {}; told after {} ms)",
        escalation.state,
        escalation.id,
        escalation.reason,
        exchange.complete.as_millis()
    );
    colleague::tell(db, phone, speaker, place, escalation.id).await?;
    println!("── WhatsApp, from the other phone again ──");
    let text = "Thank you. Are you a human?";
    println!("{name:>6}: {text}");
    let exchange = phone.say(number, text, |_| ()).await?;
    println!("  Kona: {}", exchange.reply);
    println!("        (the agent has the chat again; answer after {} ms)", exchange.complete.as_millis());
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

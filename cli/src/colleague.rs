//! The part of the story in which a colleague answers a customer on WhatsApp from Slack: the notice at the desk, the answer in
//! its thread, the customer's phone, and the button that gives the conversation back.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use shared::{
    channels::slack::desk::DONE,
    db::{
        TenantDb,
        audit::Actor,
        desks::{self, Desk, Thread},
        escalations,
    },
    ids::EscalationId,
};

use crate::{
    chat::Speaker,
    phone::{EVE, Phone},
};

/// The desk of a tenant that has chosen none in this workspace.
const CHANNEL: &str = "CDESK";
/// A full member of the workspace: guests' answers are not sent.
const GRACE: &str = "UGRACE";
const ANSWER: &str = "Sorry, Eve. Your money is on its way, it is there tomorrow.";
const TIMEOUT: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(30);

/// Where escalations are shown during this part, and where they were shown before.
pub struct Place {
    channel: String,
    before: Option<Desk>,
    moved: bool,
}

impl Place {
    /// A desk that the tenant has in the simulated workspace is used as it is; one elsewhere can't be written in from here.
    pub async fn open(db: &TenantDb, speaker: &Speaker) -> anyhow::Result<Self> {
        let mut tx = db.begin().await?;
        let before = desks::get(&mut tx).await?;
        let place = match before {
            Some(Desk { connection, channel }) if connection == speaker.connection => {
                Self { channel, before: None, moved: false }
            }
            before => {
                let desk = Desk { connection: speaker.connection, channel: CHANNEL.into() };
                desks::set(&mut tx, &Actor::CommandLine, &desk).await?;
                Self { channel: desk.channel, before, moved: true }
            }
        };
        tx.commit().await?;
        Ok(place)
    }

    pub async fn restore(&self, db: &TenantDb) -> anyhow::Result<()> {
        if !self.moved {
            return Ok(());
        }
        let mut tx = db.begin().await?;
        match &self.before {
            Some(desk) => desks::set(&mut tx, &Actor::CommandLine, desk).await?,
            None => desks::remove(&mut tx, &Actor::CommandLine).await?,
        }
        Ok(tx.commit().await?)
    }
}

/// Fails if the notice does not come, if the answer arrives otherwise than it was written, or if nothing is given back.
pub async fn tell(
    db: &TenantDb,
    phone: &Phone,
    speaker: &Speaker,
    place: &Place,
    escalation: EscalationId,
) -> anyhow::Result<()> {
    println!("── Slack, at the desk: Grace answers the customer ──");
    let shown = noticed(db, escalation).await?;
    let shown = shown.context("The desk in Slack shows no notice of it: `make logs` shows why.")?;
    print_notice(&sections(speaker, place, &shown).await?);
    let before = phone.received(EVE.0).await?.len();
    let begun = Instant::now();
    println!("{:>6}: {ANSWER}", "Grace");
    speaker.remark(GRACE, &place.channel, &shown, ANSWER).await?;
    let arrived = arrival(phone, before).await?;
    let arrived = arrived.context("Grace's answer does not reach the phone: `make logs` shows why.")?;
    let took = begun.elapsed();
    println!(" phone: {arrived}");
    // Her name, as Slack told it, goes before her words.
    if arrived.split_once(":* ").map(|(_, words)| words) != Some(ANSWER) {
        bail!("The phone does not show what Grace wrote: `make logs` shows why.");
    }
    println!("        (on Eve's phone after {} ms)", took.as_millis());
    give_back(db, speaker, place, (escalation, &shown)).await
}

async fn give_back(
    db: &TenantDb,
    speaker: &Speaker,
    place: &Place,
    (escalation, shown): (EscalationId, &str),
) -> anyhow::Result<()> {
    println!("        (Grace presses “Done: give it back”)");
    let begun = Instant::now();
    speaker.press(GRACE, &place.channel, shown, &format!("{DONE}:")).await?;
    while begun.elapsed() < TIMEOUT {
        let sections = sections(speaker, place, shown).await?;
        if let Some(closed) = sections.last().filter(|last| last.starts_with("*Closed*")) {
            println!("  Kona: {closed}");
            return closed_by(db, escalation, begun.elapsed()).await;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    bail!("Grace's button gives nothing back: `make logs` shows why.");
}

async fn closed_by(db: &TenantDb, id: EscalationId, took: Duration) -> anyhow::Result<()> {
    let mut tx = db.begin().await?;
    let found = escalations::find(&mut tx, id).await?.context("The escalation is not there any more.")?;
    tx.close().await?;
    println!("        ({} {id}; shown after {} ms)", found.state, took.as_millis());
    Ok(())
}

/// The `ts` of the notice, once it is known here too: what is written below it before that is nobody's answer.
async fn noticed(db: &TenantDb, escalation: EscalationId) -> anyhow::Result<Option<String>> {
    let begun = Instant::now();
    while begun.elapsed() < TIMEOUT {
        let mut tx = db.begin().await?;
        let thread: Option<Thread> = desks::find(&mut tx, escalation).await?;
        tx.close().await?;
        if let Some(ts) = thread.and_then(|thread| thread.external_id) {
            return Ok(Some(ts));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(None)
}

/// What the notice says, as the team reads it.
async fn sections(speaker: &Speaker, place: &Place, shown: &str) -> anyhow::Result<Vec<String>> {
    let entries = speaker.transcript(&place.channel, shown).await?;
    let notice = entries.iter().find(|entry| entry["ts"] == shown);
    let blocks = notice.and_then(|notice| notice["blocks"].as_array());
    let blocks = blocks.context("The notice is not in the desk's channel: `make logs` shows why.")?;
    let read = |block: &Value| Some(readable(block["text"]["text"].as_str()?));
    Ok(blocks.iter().filter_map(read).collect())
}

/// As Slack shows it.
fn readable(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn print_notice(sections: &[String]) {
    let mut lines = sections.iter().flat_map(|section| section.lines());
    println!("  Kona: {}", lines.next().unwrap_or_default());
    lines.for_each(|line| println!("        {line}"));
}

/// The business's next message on the phone.
async fn arrival(phone: &Phone, before: usize) -> anyhow::Result<Option<String>> {
    let begun = Instant::now();
    while begun.elapsed() < TIMEOUT {
        if let Some(text) = phone.received(EVE.0).await?.into_iter().nth(before) {
            return Ok(Some(text));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(None)
}

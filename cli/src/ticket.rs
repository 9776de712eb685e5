//! The part of the story in which an agent acts: it calculates, and opens a ticket once a second person has agreed.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use shared::{
    config::Config,
    crypto::Keyring,
    db::{
        TenantDb, TenantTx, agents,
        tools::{self, Grant, Shape},
    },
    ids::{AgentId, ToolId},
    tools::Class,
};
use url::Url;

use crate::chat::{Speaker, Words};

const CHANNEL: &str = "CGENERAL";
const ADA: &str = "UADA";
const GRACE: &str = "UGRACE";
const TOOL: &str = "open_ticket";
const REPORT_TIMEOUT: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(30);

/// Where the simulated desk takes tickets, and what seals secrets.
pub struct Desk {
    address: Url,
    keys: Keyring,
}

impl Desk {
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { address: config.llm.base_url.join("/desk/tickets")?, keys: config.master_keys.clone() })
    }
}

/// The agent has the tools for as long as this part lasts. Fails if the sum is wrong, or if nothing comes of the approval.
pub async fn tell(speaker: &Speaker, db: &TenantDb, desk: &Desk) -> anyhow::Result<()> {
    println!("── #general, with tools: a sum, and a ticket that a second person agrees to ──");
    if !speaker.reaches(&desk.address).await {
        println!("        (left out: the desk is part of the simulated model)");
        return Ok(());
    }
    let (agent, before) = grant(db, desk).await?;
    let told = act(speaker).await;
    let mut tx = db.begin().await?;
    tools::set_grants(&mut tx, agent, &before).await?;
    tx.commit().await?;
    told
}

async fn act(speaker: &Speaker) -> anyhow::Result<()> {
    let text = "What is 17 * 23?";
    println!("{:>6}: {text}", "Ada");
    let sum = speaker.say(Words { channel: CHANNEL, user: ADA, text, ..Words::default() }, |_| ()).await?;
    println!("  Kona: {}", sum.reply);
    if !sum.reply.contains("391") {
        bail!("The answer does not contain the sum (391): `make logs` shows why.");
    }
    let text = "Open a ticket: The printer on the third floor is broken";
    println!("{:>6}: {text}", "Ada");
    let asked = speaker.say(Words { channel: CHANNEL, user: ADA, text, ..Words::default() }, |_| ()).await?;
    let shown = find(speaker, &asked.thread, |entry| entry["blocks"].to_string().contains("approve_call:")).await;
    let shown = shown.context("Nobody is asked for an approval: `make logs` shows why.")?;
    println!("  Kona: {}", first_line(&asked.reply));
    println!("        (Grace presses Approve)");
    let pressed = Instant::now();
    speaker.press(GRACE, CHANNEL, shown["ts"].as_str().unwrap_or_default(), "approve_call:").await?;
    let done =
        find(speaker, &asked.thread, |entry| entry["text"].as_str().is_some_and(|text| text.contains("Done:")));
    let done = done.await.context("The ticket was not opened: `make logs` shows why.")?;
    println!("  Kona: {}", done["text"].as_str().unwrap_or_default());
    println!("        (told after {} ms)", pressed.elapsed().as_millis());
    Ok(())
}

async fn find(speaker: &Speaker, thread: &str, is_it: impl Fn(&Value) -> bool) -> Option<Value> {
    let begun = Instant::now();
    while begun.elapsed() < REPORT_TIMEOUT {
        let entries = speaker.transcript(CHANNEL, thread).await.ok()?;
        if let Some(found) = entries.into_iter().find(&is_it) {
            return Some(found);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    None
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Lets the default agent calculate and open tickets; what it had before.
async fn grant(db: &TenantDb, desk: &Desk) -> anyhow::Result<(AgentId, Vec<Grant>)> {
    let mut tx = db.begin().await?;
    let agents = agents::list(&mut tx).await?;
    let agent = agents.first().context("The tenant has no agent: use `konstruct tenant agent`.")?.id;
    let tool = tool(&mut tx, desk).await?;
    let mut before = tools::grants(&mut tx).await?;
    before.retain(|(other, _)| *other == agent);
    let before: Vec<Grant> = before.into_iter().map(|(_, grant)| grant).collect();
    tools::set_grants(&mut tx, agent, &[Grant::BuiltIn("calculator".into()), Grant::Own(tool)]).await?;
    tx.commit().await?;
    Ok((agent, before))
}

async fn tool(tx: &mut TenantTx, desk: &Desk) -> anyhow::Result<ToolId> {
    if let Some(known) = tools::list(tx).await?.into_iter().find(|tool| tool.name == TOOL) {
        return Ok(known.id);
    }
    let arguments =
        json!({ "properties": { "title": { "type": "string", "maxLength": 200 } }, "required": ["title"] });
    let shape = Shape {
        name: TOOL,
        description: "Opens a ticket at the IT desk.",
        class: Class::Write,
        method: "post",
        url_template: desk.address.as_str(),
        arguments: &arguments,
        timeout_ms: 5_000,
        answer_max: 10_000,
        enabled: true,
    };
    Ok(tools::create(tx, &desk.keys, &shape, None, "konstruct").await?.id)
}

//! The short conversation that `make up` holds and prints: each line goes over the real webhook and comes back.

use std::time::Duration;

use anyhow::bail;
use shared::db::TenantDb;

use crate::{
    chat::{Exchange, Speaker, Words},
    handover,
    phone::{self, Phone},
    shortage,
    ticket::{self, Desk},
};

/// For the worker to embed what was said; recall works by words until then.
const EMBEDDING_PAUSE: Duration = Duration::from_millis(1_500);
/// Between two tokens, so that somebody can press Stop.
const SLOW: Duration = Duration::from_millis(80);
const ADA: (&str, &str) = ("UADA", "Ada");
const GRACE: (&str, &str) = ("UGRACE", "Grace");
const LINUS: (&str, &str) = ("ULINUS", "Linus");
const GENERAL: &str = "CGENERAL";
/// Linus's direct messages with the agent.
const DIRECT: &str = "DULINUS";
const MENU: &str = "Menu of the canteen.\nThe soup on Friday is pumpkin.\nThe cake on Friday is apple.";

/// Holds the conversation. Fails if an answer that needs the memory, the edit or the file does not contain it.
pub async fn tell(
    speaker: &Speaker,
    phone: anyhow::Result<Phone>,
    db: &TenantDb,
    desk: &Desk,
) -> anyhow::Result<()> {
    in_slack(speaker).await?;
    shortage::tell(speaker, db).await?;
    ticket::tell(speaker, db, desk).await?;
    println!("── WhatsApp, from Ada's phone ──");
    match phone {
        Ok(phone) => {
            by_phone(&phone, "Are you a human?").await?;
            handover::tell(db, &phone, speaker).await
        }
        Err(why) => {
            println!("        (left out: {why})");
            Ok(())
        }
    }
}

async fn in_slack(speaker: &Speaker) -> anyhow::Result<()> {
    println!("── #general, a thread by Ada ──");
    let fact = "The launch of Apollo is on 14 March, and Grace presents it.";
    let told = line(speaker, ADA, Words { channel: GENERAL, text: fact, ..Words::default() }).await?;
    let thread = Some(told.thread.as_str());
    line(speaker, ADA, Words { channel: GENERAL, thread, text: "Who presents it?", ..Words::default() }).await?;
    tokio::time::sleep(EMBEDDING_PAUSE).await;

    println!("── #general, another thread, by Grace: this needs memory ──");
    let text = "When is the Apollo launch?";
    let remembered = line(speaker, GRACE, Words { channel: GENERAL, text, ..Words::default() }).await?;
    expect(&remembered, "14 March", "what was said in the other thread")?;

    println!("── Ada edits her first message: 14 March becomes 21 March ──");
    speaker.edit(GENERAL, &told.thread, "14 March", "21 March").await?;
    tokio::time::sleep(EMBEDDING_PAUSE).await;
    let text = "On which day is the Apollo launch?";
    let corrected = line(speaker, LINUS, Words { channel: GENERAL, text, ..Words::default() }).await?;
    expect(&corrected, "21 March", "what the message says now")?;

    println!("── direct messages from Linus: a file, and Stop ──");
    let asked =
        Words { channel: DIRECT, text: "Here is the menu. Which soup is there on Friday?", ..Words::default() };
    let read = line(speaker, LINUS, Words { file: Some(("menu.txt", MENU)), ..asked }).await?;
    expect(&read, "pumpkin", "what stands in the file")?;
    let thread = Some(read.thread.as_str());
    let stopped = Words { channel: DIRECT, thread, text: "Are you a human?", stops: true, ..Words::default() };
    speaker.slow_model(SLOW).await;
    let stopping = line(speaker, LINUS, stopped).await;
    speaker.slow_model(Duration::ZERO).await;
    stopping.map(drop)
}

async fn by_phone(phone: &Phone, text: &str) -> anyhow::Result<()> {
    println!("   Ada: {text}");
    let exchange = phone.say(phone::ADA, text, |_| ()).await?;
    println!("  Kona: {}", exchange.reply);
    let (first, complete) = (exchange.first_sign.as_millis(), exchange.complete.as_millis());
    println!("        (first sign after {first} ms, answer after {complete} ms)");
    Ok(())
}

fn expect(exchange: &Exchange, part: &str, what: &str) -> anyhow::Result<()> {
    if !exchange.reply.contains(part) {
        bail!("The answer does not contain {what} ({part}): `make logs` shows why.");
    }
    Ok(())
}

async fn line(speaker: &Speaker, (user, name): (&str, &str), words: Words<'_>) -> anyhow::Result<Exchange> {
    println!("{name:>6}: {}", words.text);
    if let Some((file, _)) = words.file {
        println!("        [{file}]");
    }
    let exchange = speaker.say(Words { user, ..words }, |_| ()).await?;
    println!("  Kona: {}", exchange.reply);
    if words.stops {
        println!("        ({name} pressed Stop at the first words)");
    }
    println!(
        "        (first sign after {} ms, first words after {} ms, all of it after {} ms)",
        exchange.first_sign.as_millis(),
        exchange.first_words.as_millis(),
        exchange.complete.as_millis()
    );
    Ok(exchange)
}

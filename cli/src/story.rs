//! The short conversation that `make up` holds and prints: each line goes over the real webhook and comes back.

use std::time::Duration;

use anyhow::bail;

use crate::{
    chat::Speaker,
    phone::{self, Phone},
};

/// For the worker to embed what was said; recall works by words until then.
const EMBEDDING_PAUSE: Duration = Duration::from_millis(1_500);

/// Holds the conversation. Fails if an answer that needs the memory does not contain it.
pub async fn tell(speaker: &Speaker, phone: anyhow::Result<Phone>) -> anyhow::Result<()> {
    println!("── #general, a thread by Ada ──");
    let fact = "The launch of Apollo is on 14 March, and Grace presents it.";
    let thread = line(speaker, ("CGENERAL", "UADA", "Ada"), None, fact).await?.0;
    line(speaker, ("CGENERAL", "UADA", "Ada"), Some(&thread), "Who presents it?").await?;
    tokio::time::sleep(EMBEDDING_PAUSE).await;
    println!("── #general, another thread, by Grace: this needs memory ──");
    let (_, remembered) =
        line(speaker, ("CGENERAL", "UGRACE", "Grace"), None, "When is the Apollo launch?").await?;
    println!("── a direct message from Linus ──");
    line(speaker, ("DLINUS", "ULINUS", "Linus"), None, "Are you a human?").await?;
    println!("── WhatsApp, from Ada's phone ──");
    match phone {
        Ok(phone) => by_phone(&phone, "Are you a human?").await?,
        Err(why) => println!("        (left out: {why})"),
    }
    if !remembered.contains("14 March") {
        bail!("The answer does not contain what was said in the other thread: `make logs` shows why.");
    }
    Ok(())
}

async fn by_phone(phone: &Phone, text: &str) -> anyhow::Result<()> {
    println!("   Ada: {text}");
    let exchange = phone.say(phone::ADA, text, |_| ()).await?;
    println!("  Kona: {}", exchange.reply);
    let (first, complete) = (exchange.first_sign.as_millis(), exchange.complete.as_millis());
    println!("        (first sign after {first} ms, answer after {complete} ms)");
    Ok(())
}

async fn line(
    speaker: &Speaker,
    (channel, user, name): (&str, &str, &str),
    thread: Option<&str>,
    text: &str,
) -> anyhow::Result<(String, String)> {
    println!("{name:>6}: {text}");
    let exchange = speaker.say((channel, user), thread, text, |_| ()).await?;
    println!("  Kona: {}", exchange.reply);
    println!(
        "        (first sign after {} ms, first words after {} ms, all of it after {} ms)",
        exchange.first_sign.as_millis(),
        exchange.first_words.as_millis(),
        exchange.complete.as_millis()
    );
    Ok((exchange.thread, exchange.reply))
}

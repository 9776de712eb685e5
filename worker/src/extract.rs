//! Documents of strangers as text, in a process of their own: `konstruct extract-text`, with little memory and time.
//!
//! A parser may loop, abort or ask for all memory there is; then that process dies, and the message goes on without the
//! file. What a parser reads is bounded here as well: inflated bytes, pages, cells, letters.

pub mod office;
pub mod page;
pub mod pdf;
pub mod plain;

use std::{fs::File, path::Path, process::Stdio, time::Duration};

use shared::db::media::Kind;
use tokio::{io::AsyncReadExt, process::Command, sync::Semaphore};

/// Letters of a document that are kept.
pub const TEXT_CHARS_MAX: usize = 60_000;
/// Bytes of memory the process may have.
pub const MEMORY_MAX: u64 = 512 * 1024 * 1024;
/// Seconds of a processor it may use.
pub const CPU_SECONDS_MAX: u64 = 10;
const TIME_MAX: Duration = Duration::from_secs(15);
/// Documents that are read at once, each with that much memory.
static READERS: Semaphore = Semaphore::const_new(2);

/// Why there is no text; a phrase that follows "could not be read:".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub &'static str);

/// The text of a document, read here. Call it in a process that may die.
pub fn text(kind: Kind, bytes: &[u8]) -> Result<String, Unreadable> {
    let text = match kind {
        Kind::Pdf => pdf::text(bytes)?,
        Kind::Docx => office::docx(bytes)?,
        Kind::Xlsx => office::xlsx(bytes)?,
        Kind::Csv | Kind::Text => plain::text(bytes)?,
        Kind::Html => page::text(bytes)?,
        Kind::Image | Kind::Other | Kind::Refused => return Err(Unreadable("this kind of file holds no text")),
    };
    let text = shared::message::clean_text(&bounded(text.trim()));
    if text.is_empty() { Err(Unreadable("no text was found in it")) } else { Ok(text) }
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// The text of a document, read by the program at `extractor` under limits.
pub async fn apart(extractor: &Path, kind: Kind, document: File) -> Result<String, Unreadable> {
    let _room = READERS.acquire().await;
    let reading = async {
        let mut child = Command::new(extractor)
            .args(["extract-text", kind.as_str()])
            .env_clear()
            .stdin(document)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|_| Unreadable("the reader of documents can't be started"))?;
        let Some(from) = child.stdout.take() else {
            return Err(Unreadable("the reader of documents can't be started"));
        };
        let mut answer = Vec::new();
        // At most four bytes a letter, and the sign at the beginning.
        let read = from.take(TEXT_CHARS_MAX as u64 * 4 + 64).read_to_end(&mut answer).await;
        read.map_err(|_| Unreadable("the reader of documents broke off"))?;
        let done = child.wait().await.is_ok_and(|status| status.success());
        let answer = String::from_utf8_lossy(&answer).into_owned();
        match answer.split_once('\n') {
            Some(("text", text)) if done => Ok(text.to_owned()),
            Some(("unreadable", reason)) if done => Err(known(reason.trim())),
            _ => Err(Unreadable("it needs too much memory or time to read, or is damaged")),
        }
    };
    tokio::time::timeout(TIME_MAX, reading).await.unwrap_or(Err(Unreadable("reading it takes too long")))
}

/// What [`apart`] reads, for the process that was started.
pub fn answer(kind: &str, bytes: &[u8]) -> String {
    match text(Kind::parse(kind), bytes) {
        Ok(text) => format!("text\n{text}"),
        Err(Unreadable(reason)) => format!("unreadable\n{reason}"),
    }
}

const REASONS: [&str; 9] = [
    "this kind of file holds no text",
    "no text was found in it",
    "it is protected by a password",
    "it is damaged",
    "it unpacks to far more than it should",
    "it holds too many parts",
    "it is no text",
    "it has too many pages",
    "it is empty",
];

/// Another process's words are only taken if they are ours.
fn known(reason: &str) -> Unreadable {
    Unreadable(REASONS.into_iter().find(|known| *known == reason).unwrap_or("it is damaged"))
}

#[cfg(test)]
mod samples;

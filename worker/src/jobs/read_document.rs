//! Reads a document that a tenant gave its agents: says what it is by its bytes, takes its text in a process of its own, and
//! cuts that into passages. The embedding loop does the rest.

use std::{
    io::{Cursor, Seek, Write},
    time::Duration,
};

use shared::{
    channels::fetch::BYTES_MAX,
    db::{TenantDb, documents, media::Kind},
    ids::DocumentId,
    message::CUT_MARK,
    queue::JobError,
};

use crate::{Worker, extract, passages::passages, sniff};

/// How long the storage is asked for a document.
const PATIENCE: Duration = Duration::from_secs(30);
const ONLY_THE_BEGINNING: &str = "only its first 40,000 letters are kept: cut it into several documents";

pub async fn run(worker: &Worker, db: &TenantDb, id: DocumentId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let waiting = documents::find(&mut tx, id).await?.filter(|document| document.state == "waiting");
    tx.close().await?;
    let Some(document) = waiting else { return Ok(()) };
    let read = match worker.storage.get_document(db.id(), id, BYTES_MAX).await {
        Ok(bytes) => read(worker, bytes, &document.content_type, &document.name).await,
        Err(error) if worker.clock.now() - document.created_at < PATIENCE => {
            return Err(JobError::Retry(error.to_string()));
        }
        Err(_) => Err("its bytes can't be fetched from the storage"),
    };
    // Stores memories of the document's audience; none is read from here.
    let mut tx = db.begin_for_all_audiences().await?;
    match &read {
        Ok(text) => {
            let (text, note) = match text.strip_suffix(CUT_MARK) {
                Some(beginning) => (beginning, Some(ONLY_THE_BEGINNING)),
                None => (text.as_str(), None),
            };
            documents::store(&mut tx, id, &passages(text), note).await?;
        }
        Err(reason) => {
            documents::refuse(&mut tx, id, reason).await?;
        }
    }
    tx.commit().await?;
    metrics::counter!("konstruct_documents_total", "outcome" => if read.is_ok() { "ready" } else { "refused" })
        .increment(1);
    if let Err(reason) = read {
        tracing::info!(document.id = %id, %reason, "A document could not be read");
    }
    Ok(())
}

async fn read(worker: &Worker, bytes: Vec<u8>, claimed_type: &str, name: &str) -> Result<String, &'static str> {
    let sniffed = sniff::sniff_document(Cursor::new(&bytes), claimed_type, name);
    if sniffed.kind != Kind::Html && !sniffed.kind.is_document() {
        return Err(sniffed.reason.unwrap_or("this kind of file holds no text"));
    }
    // Up to 20 MB, which a busy disk takes its time for.
    let aside = tokio::task::spawn_blocking(move || {
        let mut file = tempfile::tempfile()?;
        file.write_all(&bytes)?;
        file.rewind()?;
        std::io::Result::Ok(file)
    });
    let file = aside.await.ok().and_then(Result::ok).ok_or("there is no room to read it")?;
    extract::apart(&worker.executable, sniffed.kind, file).await.map_err(|unreadable| unreadable.0)
}

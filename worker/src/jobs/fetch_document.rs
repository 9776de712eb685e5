//! Looks at a document's address: what has changed is kept and read anew, what has not is left alone, and what is gone is
//! forgotten. A sitemap makes each page that it names a document of its own.

use sha2::{Digest, Sha256};
use shared::{
    channels::fetch::BYTES_MAX,
    db::{
        TenantDb,
        documents::addresses::{self, Address, PAGES_MAX, Stamp},
    },
    egress::pages::{self, Known, Page, PageError},
    ids::DocumentId,
    jobs::Job,
    queue::{self, JobError},
};
use url::Url;

use crate::{Worker, sitemap};

const SITEMAP_BYTES_MAX: usize = 2 * 1024 * 1024;
const NO_LIST: &str = "it is no sitemap: a list of pages in a `urlset`";

pub async fn run(worker: &Worker, db: &TenantDb, id: DocumentId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(address) = addresses::of(&mut tx, id).await? else {
        // An earlier life of this job may have kept bytes just after it was deleted.
        queue::enqueue(&mut tx, &Job::EraseDocument { document: id }).await?;
        return Ok(tx.commit().await?);
    };
    tx.close().await?;
    let known = Known { etag: address.etag.clone(), last_modified: address.last_modified.clone() };
    let most = if address.is_sitemap { SITEMAP_BYTES_MAX } else { BYTES_MAX };
    let outcome = match pages::fetch(&worker.guard, &address.address, &known, most).await {
        Ok(Page::Unchanged) => unchanged(db, id).await,
        Ok(Page::Fetched { bytes, content_type, mark }) => {
            let digest = Sha256::digest(&bytes).to_vec();
            let stamp = Stamp { etag: mark.etag, last_modified: mark.last_modified, digest };
            if address.digest.as_ref() == Some(&stamp.digest) {
                unchanged(db, id).await
            } else if address.is_sitemap {
                list(db, &address, &bytes, &stamp).await
            } else {
                keep(worker, db, id, (bytes, content_type), &stamp).await
            }
        }
        Err(PageError::Gone(reason)) => fail(db, id, &reason, true).await,
        Err(PageError::Again(reason)) => fail(db, id, &reason, false).await,
    };
    let outcome = outcome?;
    metrics::counter!("konstruct_documents_fetched_total", "outcome" => outcome).increment(1);
    Ok(())
}

async fn unchanged(db: &TenantDb, id: DocumentId) -> Result<&'static str, JobError> {
    let mut tx = db.begin().await?;
    addresses::unchanged(&mut tx, id).await?;
    tx.commit().await?;
    Ok("unchanged")
}

async fn keep(
    worker: &Worker,
    db: &TenantDb,
    id: DocumentId,
    (bytes, content_type): (Vec<u8>, String),
    stamp: &Stamp,
) -> Result<&'static str, JobError> {
    let size = bytes.len();
    let kept = worker.storage.put_document(db.id(), id, bytes).await;
    kept.map_err(|error| JobError::Retry(error.to_string()))?;
    let mut tx = db.begin().await?;
    let is_there = addresses::fetched(&mut tx, id, (&content_type, size), stamp).await?;
    if !is_there {
        queue::enqueue(&mut tx, &Job::EraseDocument { document: id }).await?;
    }
    tx.commit().await?;
    Ok(if is_there { "fetched" } else { "deleted" })
}

async fn list(db: &TenantDb, address: &Address, bytes: &[u8], stamp: &Stamp) -> Result<&'static str, JobError> {
    let own: Option<Url> = address.address.parse().ok();
    let Some(named) = own.and_then(|own| sitemap::pages(bytes, &own, PAGES_MAX)) else {
        return fail(db, address.document, NO_LIST, false).await;
    };
    // Pages that are no longer named are deleted with what is remembered of them.
    let mut tx = db.begin_for_all_audiences().await?;
    addresses::listed(&mut tx, address, &named, stamp).await?;
    tx.commit().await?;
    Ok("listed")
}

async fn fail(db: &TenantDb, id: DocumentId, reason: &str, gone: bool) -> Result<&'static str, JobError> {
    // What is gone is forgotten, whoever could be reminded of it.
    let mut tx = db.begin_for_all_audiences().await?;
    addresses::failed(&mut tx, id, reason, gone).await?;
    tx.commit().await?;
    tracing::info!(document.id = %id, %reason, "A document could not be fetched");
    Ok("failed")
}

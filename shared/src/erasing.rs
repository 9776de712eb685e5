//! Erasing a person or a tenant, in the database and in the storage, with a certificate of it.
//!
//! A certificate holds ids, keyed hashes and numbers, no word. It is signed by the key of the checkpoints and kept where they
//! are, outside of the database: whoever restores an older copy of the database learns there what was erased since, and
//! `konstruct erase replay` does it again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    checkpoints::Checkpoints,
    crypto::FingerprintKey,
    db::{
        DbError, SystemDb, TenantDb,
        audit::Actor,
        data_keys,
        privacy::{self, Counts, Erasure, PARTS, Part, Subject, endings},
    },
    ids::{ErasureId, PersonId, TenantId},
    storage::{Storage, StorageError},
};

const FOLDER: &str = "erasures";
/// A certificate is about 1 KB.
const CERTIFICATE_MAX: usize = 1 << 20;
/// Rows of one transaction.
const BATCH: i64 = 5_000;
/// How often a tenant is gone through until nothing of it is left: what was under way may still write.
const ROUNDS_MAX: usize = 20;
/// A turn loses its conversation within a second.
const DRAIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// It is not done yet, and no harm: what was begun has to end first.
    #[error("{0} of their messages, answers and files are under way at this moment")]
    UnderWay(i64),
    #[error("something of the tenant is written again and again: is it connected?")]
    NeverEmpty,
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// That somebody or something is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub erasure_id: ErasureId,
    pub tenant_id: TenantId,
    /// None: the whole tenant.
    pub people: Vec<PersonId>,
    /// Keyed hashes of what their provider knew them by.
    pub subjects: Vec<Uuid>,
    /// As the audit log names who asked for it.
    pub requested_by: String,
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub finished_at: OffsetDateTime,
    /// Rows erased, by table; of a tenant also `files`.
    pub counts: Counts,
    /// Of a tenant, how many rows its audit log had, and the last one's hash.
    pub audit_n: Option<i64>,
    pub audit_hash: Option<String>,
}

/// As it is kept and handed out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Signed {
    pub certificate: Certificate,
    /// Ed25519, in hexadecimal, over a first line `konstruct erasure 1` and the certificate as compact JSON. None where no key
    /// is configured.
    pub signature: Option<String>,
}

impl Certificate {
    fn signed_text(&self) -> String {
        format!("konstruct erasure 1\n{}", serde_json::to_string(self).unwrap_or_default())
    }
}

impl Signed {
    /// Whether the key of these checkpoints has signed it.
    pub fn is_proved_by(&self, outside: &Checkpoints) -> bool {
        self.signature.as_ref().is_some_and(|signature| outside.proves(&self.certificate.signed_text(), signature))
    }
}

/// All certificates that are kept outside of the database, and the names of what is none, or not signed by the key.
pub async fn kept(outside: &Checkpoints) -> Result<(Vec<Signed>, Vec<String>), StorageError> {
    let (mut kept, mut strange) = (Vec::new(), Vec::new());
    for (name, bytes) in outside.storage().all_in(FOLDER, CERTIFICATE_MAX).await? {
        match serde_json::from_slice::<Signed>(&bytes) {
            Ok(signed) if signed.is_proved_by(outside) => kept.push(signed),
            _ => strange.push(name),
        }
    }
    Ok((kept, strange))
}

/// What erasing needs; cheap to clone.
#[derive(Clone)]
pub struct Eraser {
    pub storage: Storage,
    pub fingerprints: FingerprintKey,
    /// Where certificates are kept, if anywhere.
    pub outside: Option<std::sync::Arc<Checkpoints>>,
}

impl Eraser {
    /// Erases all that is theirs but what they are known by: who asked for it may still be told. May be begun again.
    pub async fn empty(&self, db: &TenantDb, id: ErasureId) -> Result<Erasure, EraseError> {
        let (erasure, subject) = self.hide(db, id).await?;
        if erasure.finished_at.is_some() {
            return Ok(erasure);
        }
        let mut tx = db.begin_for_all_audiences().await?;
        let hidden_at = erasure.hidden_at.unwrap_or(erasure.requested_at);
        let under_way = privacy::settle(&mut tx, &subject, hidden_at).await?;
        tx.commit().await?;
        if under_way > 0 {
            return Err(EraseError::UnderWay(under_way));
        }
        // Turns that ended meanwhile may have found what was hidden after they began.
        let mut tx = db.begin_for_all_audiences().await?;
        let subject = privacy::subject(&mut tx, &erasure.people).await?;
        let files = privacy::files(&mut tx, &subject).await?;
        tx.close().await?;
        for media in &files.media {
            self.storage.erase_media(db.id(), *media).await?;
        }
        for made in &files.made {
            self.storage.erase_file(db.id(), *made).await?;
        }
        let (_, parts) = PARTS.split_last().expect("there are parts");
        for part in parts {
            self.all(db, id, &subject, part).await?;
        }
        let mut tx = db.begin().await?;
        let erasure = privacy::take(&mut tx, id).await?;
        tx.close().await?;
        Ok(erasure)
    }

    async fn hide(&self, db: &TenantDb, id: ErasureId) -> Result<(Erasure, Subject), EraseError> {
        let mut tx = db.begin_for_all_audiences().await?;
        let mut erasure = privacy::take(&mut tx, id).await?;
        let subject = privacy::subject(&mut tx, &erasure.people).await?;
        tx.commit().await?;
        if erasure.hidden_at.is_some() || erasure.finished_at.is_some() {
            return Ok((erasure, subject));
        }
        loop {
            let mut tx = db.begin_for_all_audiences().await?;
            let hidden = privacy::hide(&mut tx, &subject, BATCH).await?;
            if hidden < BATCH {
                privacy::note_hidden(&mut tx, id).await?;
                erasure = privacy::take(&mut tx, id).await?;
            }
            tx.commit().await?;
            if hidden < BATCH {
                return Ok((erasure, subject));
            }
        }
    }

    /// All rows of a part, some at a time.
    async fn all(&self, db: &TenantDb, id: ErasureId, subject: &Subject, part: &Part) -> Result<(), EraseError> {
        loop {
            let mut tx = db.begin_for_all_audiences().await?;
            let gone = privacy::erase(&mut tx, id, subject, part, BATCH).await?;
            tx.commit().await?;
            if gone < BATCH {
                return Ok(());
            }
        }
    }

    /// Forgets what they are known by, and certifies it. For what [`Eraser::empty`] has emptied.
    pub async fn finish(&self, db: &TenantDb, id: ErasureId) -> Result<Signed, EraseError> {
        let mut tx = db.begin_for_all_audiences().await?;
        let mut erasure = privacy::take(&mut tx, id).await?;
        if erasure.finished_at.is_none() {
            let addresses = privacy::addresses(&mut tx, &erasure.people).await?;
            let tenant = db.id().to_string();
            let subjects: Vec<Uuid> = addresses
                .iter()
                .map(|(channel, known_as)| {
                    self.fingerprints.fingerprint(&["erased-person", &tenant, channel, known_as])
                })
                .collect();
            privacy::note_subjects(&mut tx, id, &subjects).await?;
            let subject = privacy::subject(&mut tx, &erasure.people).await?;
            let last = PARTS.last().expect("there are parts");
            privacy::erase(&mut tx, id, &subject, last, BATCH).await?;
            privacy::finish(&mut tx, id).await?;
            erasure = privacy::take(&mut tx, id).await?;
        }
        tx.commit().await?;
        let signed = self.certify(Certificate {
            erasure_id: id,
            tenant_id: db.id(),
            people: erasure.people,
            subjects: erasure.subjects,
            requested_by: named(&erasure.actor),
            requested_at: erasure.requested_at,
            finished_at: erasure.finished_at.unwrap_or(erasure.requested_at),
            counts: erasure.counts,
            audit_n: None,
            audit_hash: None,
        });
        if erasure.certificate.is_none() {
            let text = self.keep(&signed).await?;
            let mut tx = db.begin().await?;
            privacy::certify(&mut tx, id, &text).await?;
            tx.commit().await?;
        }
        Ok(signed)
    }

    /// Ends a tenant: stops it, destroys its data key, removes its files and rows. `told` hears which table is at hand, and how
    /// many rows of it went. May be begun again.
    pub async fn tenant(
        &self,
        system: &SystemDb,
        db: &TenantDb,
        actor: &Actor,
        mut told: impl FnMut(&str, i64),
    ) -> Result<Signed, EraseError> {
        let tenant = db.id();
        let known = endings::find(system, tenant).await?;
        match endings::begin(system, actor, tenant).await {
            Ok(_) => self.remove(system, db, actor, &mut told).await?,
            // Its last row went before its certificate was written.
            Err(DbError::NotFound) if known.is_some() => {}
            Err(error) => return Err(error.into()),
        }
        let files = self.storage.erase_tenant(tenant).await?;
        let before = known.as_ref().and_then(|known| known.counts.get("files")).copied().unwrap_or_default();
        let ending = endings::finish(system, tenant, before + i64::try_from(files).unwrap_or(i64::MAX)).await?;
        let signed = self.certify(Certificate {
            erasure_id: ending.id,
            tenant_id: tenant,
            people: Vec::new(),
            subjects: Vec::new(),
            requested_by: named(&ending.actor),
            requested_at: ending.begun_at,
            finished_at: ending.finished_at.unwrap_or(ending.begun_at),
            counts: ending.counts,
            audit_n: Some(ending.audit.0),
            audit_hash: Some(ending.audit.1),
        });
        let text = self.keep(&signed).await?;
        endings::certify(system, tenant, &text).await?;
        Ok(signed)
    }

    async fn remove(
        &self,
        system: &SystemDb,
        db: &TenantDb,
        actor: &Actor,
        told: &mut impl FnMut(&str, i64),
    ) -> Result<(), EraseError> {
        let tenant = db.id();
        let begun = tokio::time::Instant::now();
        while endings::under_way(system, tenant).await? > 0 && begun.elapsed() < DRAIN {
            tokio::time::sleep(PAUSE).await;
        }
        let mut tx = db.begin().await?;
        data_keys::shred(&mut tx, actor).await?;
        tx.commit().await?;
        endings::note_audit(system, tenant).await?;
        let tables = endings::tables(system).await?;
        for _ in 0..ROUNDS_MAX {
            match self.remove_once(system, tenant, &tables, told).await {
                Ok(()) => return Ok(()),
                // A row came behind us: once more from the beginning.
                Err(error) if error.constraint().is_some() => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(EraseError::NeverEmpty)
    }

    async fn remove_once(
        &self,
        system: &SystemDb,
        tenant: TenantId,
        tables: &[String],
        told: &mut impl FnMut(&str, i64),
    ) -> Result<(), DbError> {
        let at_most = i32::try_from(BATCH).unwrap_or(i32::MAX);
        for table in tables {
            let mut all = 0;
            loop {
                let gone = endings::remove(system, tenant, table, at_most).await?;
                all += gone;
                if gone < BATCH {
                    break;
                }
            }
            told(table, all);
        }
        Ok(())
    }

    fn certify(&self, certificate: Certificate) -> Signed {
        let signature = self.outside.as_ref().and_then(|outside| outside.sign(&certificate.signed_text()));
        Signed { certificate, signature }
    }

    /// Keeps it outside of the database, where there is such a place; returns its text.
    async fn keep(&self, signed: &Signed) -> Result<String, EraseError> {
        let text = serde_json::to_string(signed).unwrap_or_default();
        if let Some(outside) = self.outside.as_ref().filter(|outside| outside.signs()) {
            let name = format!("{}.json", signed.certificate.erasure_id);
            outside.storage().put_once(&[FOLDER, &name], text.clone().into_bytes()).await?;
        }
        Ok(text)
    }
}

fn named((kind, id): &(String, String)) -> String {
    format!("{kind} {id}")
}

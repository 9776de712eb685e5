//! Signed copies of the heads of audit logs, kept where nobody who can write to the database can write.
//!
//! A chain that was recomputed to its end, with its head, is whole in itself: only a head that was kept elsewhere shows it.
//! One object a minute, a line for each log that has grown, each signed by itself (Ed25519), so that lines can be handed on.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    config::{CheckpointConfig, CheckpointKey},
    ids::TenantId,
    storage::{Storage, StorageError},
};

const FOLDER: &str = "checkpoints";
/// A line is about 350 bytes: some 100,000 tenants.
const OBJECT_MAX: usize = 40 << 20;

/// The last row of a tenant's log at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub tenant_id: TenantId,
    pub n: i64,
    /// In hexadecimal.
    pub hash: String,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    checkpoint: Checkpoint,
    signature: String,
}

pub struct Checkpoints {
    storage: Storage,
    /// Who only checks has none.
    signer: Option<Ed25519KeyPair>,
    public: Vec<u8>,
}

impl Checkpoints {
    /// The error is a sentence that names the variable.
    pub fn open(config: &CheckpointConfig) -> Result<Self, String> {
        let storage = Storage::open_as("AUDIT_CHECKPOINT_URL", &config.storage)?;
        let bad = |name: &str| format!("{name} is no key: 64 hexadecimal digits are one.");
        let (signer, public) = match &config.key {
            CheckpointKey::Signs(seed) => {
                let bad = || bad("AUDIT_CHECKPOINT_KEY");
                let seed = hex::decode(seed.expose_secret()).map_err(|_| bad())?;
                let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| bad())?;
                let public = pair.public_key().as_ref().to_vec();
                (Some(pair), public)
            }
            CheckpointKey::Checks(public) => {
                (None, hex::decode(public).map_err(|_| bad("AUDIT_CHECKPOINT_PUBLIC_KEY"))?)
            }
        };
        Ok(Self { storage, signer, public })
    }

    /// For who checks without being able to sign.
    pub fn public_key(&self) -> String {
        hex::encode(&self.public)
    }

    pub fn signs(&self) -> bool {
        self.signer.is_some()
    }

    /// Keeps them under a name of their own; nothing that is kept is ever replaced.
    pub async fn keep(&self, checkpoints: &[Checkpoint], at: OffsetDateTime) -> Result<(), StorageError> {
        let mut lines = String::new();
        for checkpoint in checkpoints {
            let Some(signature) = self.sign(&signed(checkpoint)) else { return Ok(()) };
            let line = Line { checkpoint: checkpoint.clone(), signature };
            lines.push_str(&serde_json::to_string(&line).unwrap_or_default());
            lines.push('\n');
        }
        let day = at.date().to_string();
        let (hour, minute, second) = at.time().as_hms();
        let name = format!("{hour:02}-{minute:02}-{second:02}-{}.jsonl", Uuid::now_v7().simple());
        self.storage.put_new(&[FOLDER, &day, &name], lines.into_bytes()).await
    }

    /// All that were kept, and what among them was not signed by this key.
    pub async fn all(&self) -> Result<(Vec<Checkpoint>, Vec<String>), StorageError> {
        let (mut kept, mut strange) = (Vec::new(), Vec::new());
        for (name, bytes) in self.storage.all_in(FOLDER, OBJECT_MAX).await? {
            for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
                match serde_json::from_str::<Line>(line) {
                    Ok(line) if self.has_signed(&line) => kept.push(line.checkpoint),
                    _ => strange.push(format!("{name}, line {}", number + 1)),
                }
            }
        }
        Ok((kept, strange))
    }

    /// Signs what is something else than a checkpoint; `None`: who only checks can't.
    pub(crate) fn sign(&self, text: &str) -> Option<String> {
        self.signer.as_ref().map(|signer| hex::encode(signer.sign(text.as_bytes()).as_ref()))
    }

    pub(crate) fn proves(&self, text: &str, signature: &str) -> bool {
        let Ok(signature) = hex::decode(signature) else { return false };
        UnparsedPublicKey::new(&ED25519, &self.public).verify(text.as_bytes(), &signature).is_ok()
    }

    /// Where it keeps things, for what else is kept outside.
    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    fn has_signed(&self, line: &Line) -> bool {
        self.proves(&signed(&line.checkpoint), &line.signature)
    }
}

/// What is signed. The first line is no part of anything else that this key could sign.
fn signed(checkpoint: &Checkpoint) -> String {
    let at = checkpoint.at.format(&Rfc3339).unwrap_or_default();
    let tenant = checkpoint.tenant_id.uuid();
    format!("konstruct audit checkpoint 1\n{tenant}\n{}\n{}\n{at}", checkpoint.n, checkpoint.hash)
}

//! The inbox: every accepted message, stored before anyone answers 200.
//!
//! [`Ingest`] lets concurrent requests share a commit: while one is on its way to disk, the next ones queue and go
//! together. It is the only place where rows of several tenants travel in one statement; its role can insert, not read.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{Db, DbError, SystemDb, accept::store, commits::Commits, count_commit, count_round_trip};
use crate::{
    ids::{ConnectionId, ConversationId, TenantId},
    message::InboundMessage,
};

/// Requests that share one commit at most.
pub const BATCH_MAX: usize = 64;
/// Commits that are begun at the same time. With one, all that arrives meanwhile shares the next: measured a sixth faster than
/// two on two processors, and far from its end where there are more.
pub const COMMITTERS: usize = 1;
/// Requests that may wait for a commit; beyond that the gateway answers 503 at once.
const WAITING_MAX: usize = 4_096;

/// One message as the gateway hands it over. Keys are keyed hashes of provider ids.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub tenant: TenantId,
    pub connection: ConnectionId,
    pub event_key: Uuid,
    /// The same for the two events one mention arrives as.
    pub message_key: Option<Uuid>,
    /// Channel and thread, as a keyed hash.
    pub conversation: ConversationId,
    pub addressed: bool,
    /// Talk that is not addressed to the agent is stored only in threads it takes part in.
    pub known_lane_only: bool,
    pub raw: Vec<u8>,
    pub content: Content,
    pub trace: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Content {
    Message(Box<InboundMessage>),
    /// Stored and counted, never answered.
    Ignored(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    Stored {
        conversation: ConversationId,
        seq: i64,
    },
    /// Stored by an earlier delivery. `settled`: it is known to be addressed to the agent; otherwise a mention must
    /// [`Ingest::readdress`] it.
    Duplicate {
        settled: bool,
    },
    /// Not addressed to the agent, outside its threads: not kept.
    NotKept,
}

/// Who waits to hear that theirs is stored.
pub(super) type Waiting = (Arc<Arrival>, oneshot::Sender<Result<Accepted, DbError>>);

/// The accept path's front door; cheap to clone.
#[derive(Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Waiting>,
    db: SystemDb,
}

impl Ingest {
    pub fn start(db: &Db) -> Self {
        Self::start_with(db, BATCH_MAX, COMMITTERS)
    }

    /// `batch_max` 1 gives every request a commit of its own, for the benchmark.
    pub fn start_with(db: &Db, batch_max: usize, committers: usize) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(Commits::new(&db.system(), batch_max, committers).run(waiting));
        Self { queue, db: db.system() }
    }

    /// Returns once the message is on disk. A caller that goes away does not stop the commit.
    pub async fn accept(&self, arrival: impl Into<Arc<Arrival>>) -> Result<Accepted, DbError> {
        let arrival = arrival.into();
        let (answer, answered) = oneshot::channel();
        let full = |_| DbError::Conflict("Too many messages are waiting to be stored.");
        self.queue.try_send((arrival, answer)).map_err(full)?;
        answered.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    /// The message is known to be addressed to the agent, so that no later event about it counts as a new mention.
    pub async fn settle(&self, tenant: TenantId, message_key: Uuid) -> Result<(), DbError> {
        sqlx::query(
            "update inbox_keys set addressed = true where tenant_id = $1 and identity = $2 and not addressed",
        )
        .bind(tenant)
        .bind(message_key)
        .execute(self.db.write())
        .await?;
        Ok(())
    }

    /// The twin of an event that was stored as not addressed turns out to be a mention: stores it once more as addressed.
    pub async fn readdress(&self, arrival: impl Into<Arc<Arrival>>) -> Result<Accepted, DbError> {
        let arrival = arrival.into();
        let Some(message_key) = arrival.message_key else {
            return Ok(Accepted::Duplicate { settled: true });
        };
        let db = self.db.clone();
        // Shielded like every accept: the caller may hang up.
        let task = tokio::spawn(async move {
            let mut tx = db.begin(arrival.tenant).await?;
            count_round_trip();
            let changed = sqlx::query(
                "update inbox_keys set addressed = true where tenant_id = $1 and identity = $2 and not addressed",
            )
            .bind(arrival.tenant)
            .bind(message_key)
            .execute(&mut *tx)
            .await?;
            if changed.rows_affected() == 0 {
                return Ok(Accepted::Duplicate { settled: true });
            }
            let again = Arrival { message_key: None, known_lane_only: false, ..Arc::unwrap_or_clone(arrival) };
            let accepted = store(&mut tx, &[Arc::new(again)]).await?;
            count_commit();
            tx.commit().await?;
            Ok(accepted.first().copied().unwrap_or(Accepted::Duplicate { settled: true }))
        });
        task.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }
}

/// Keeps what a provider signed and no tenant can be found for, or what is a tenant's and the database refuses: that only once,
/// `false` if it is kept already.
pub async fn quarantine(
    db: &SystemDb,
    of: Option<TenantId>,
    (provider, reason): (&str, &str),
    raw: &[u8],
) -> Result<bool, DbError> {
    let id = match of {
        None => Uuid::now_v7(),
        Some(tenant) => {
            let digest = Sha256::new().chain_update(tenant.uuid()).chain_update(raw).finalize();
            uuid::Builder::from_custom_bytes(*digest.first_chunk().expect("a digest has 32 bytes")).into_uuid()
        }
    };
    // Without a named arbiter: the role may insert and not read.
    let kept = sqlx::query(
        "insert into quarantine (quarantine_id, provider, reason, raw) values ($1, $2, $3, $4) on conflict do nothing",
    )
    .bind(id)
    .bind(provider)
    .bind(reason)
    .bind(raw)
    .execute(db.write())
    .await?;
    Ok(kept.rows_affected() == 1)
}

//! The inbox: every accepted message, stored before anyone answers 200.
//!
//! [`Ingest`] lets concurrent requests share a commit: while one is on its way to disk, the next ones queue and go
//! together. It is the only place where rows of several tenants travel in one statement; its role can insert, not read.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use sqlx::{PgConnection, PgPool, Postgres, Row, pool::PoolConnection, types::Json};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    time::timeout,
};
use uuid::Uuid;

use super::{Db, DbError, SystemDb, count_commit, count_round_trip};
use crate::{
    ids::{ConnectionId, ConversationId, TenantId},
    message::InboundMessage,
};

/// Requests that share one commit at most.
pub const BATCH_MAX: usize = 64;
/// Commits on their way at the same time: one is being written while the next is being prepared.
pub const COMMITTERS: usize = 2;
/// A committer without work gives its connection back. One per batch would cost the pool's round trips each time.
const CONNECTION_KEPT: Duration = Duration::from_secs(5);
/// Requests that may wait for a commit; beyond that the gateway answers 503 at once.
const WAITING_MAX: usize = 4_096;

/// One message as the gateway hands it over. Keys are keyed hashes of provider ids.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub tenant: TenantId,
    pub connection: ConnectionId,
    pub event_key: [u8; 32],
    /// The same for the two events one mention arrives as.
    pub message_key: Option<[u8; 32]>,
    /// Channel and thread.
    pub lane_key: [u8; 32],
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

type Waiting = (Arrival, oneshot::Sender<Result<Accepted, DbError>>);

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
        let waiting = Arc::new(Mutex::new(waiting));
        let pool = db.system().own_pool(u32::try_from(committers).unwrap_or(u32::MAX));
        for _ in 0..committers {
            let committer = Committer { pool: pool.clone(), connection: None };
            tokio::spawn(commit_batches(committer, waiting.clone(), batch_max));
        }
        Self { queue, db: db.system() }
    }

    /// Returns once the message is on disk. A caller that goes away does not stop the commit.
    pub async fn accept(&self, arrival: Arrival) -> Result<Accepted, DbError> {
        let (answer, answered) = oneshot::channel();
        let full = |_| DbError::Conflict("Too many messages are waiting to be stored.");
        self.queue.try_send((arrival, answer)).map_err(full)?;
        answered.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    /// The twin of an event that was stored as not addressed turns out to be a mention: stores it once more as addressed.
    pub async fn readdress(&self, arrival: Arrival) -> Result<Accepted, DbError> {
        let Some(message_key) = arrival.message_key else {
            return Ok(Accepted::Duplicate { settled: true });
        };
        let db = self.db.clone();
        // Shielded like every accept: the caller may hang up.
        let task = tokio::spawn(async move {
            let mut tx = db.begin(arrival.tenant).await?;
            count_round_trip();
            let changed = sqlx::query(
                "update inbox_keys set addressed = true where tenant_id = $1 and message_key = $2 and not addressed",
            )
            .bind(arrival.tenant)
            .bind(message_key.as_slice())
            .execute(&mut *tx)
            .await?;
            if changed.rows_affected() == 0 {
                return Ok(Accepted::Duplicate { settled: true });
            }
            let again = Arrival { message_key: None, known_lane_only: false, ..arrival };
            let accepted = store(&mut tx, &[again]).await?;
            count_commit();
            tx.commit().await?;
            Ok(accepted.first().copied().unwrap_or(Accepted::Duplicate { settled: true }))
        });
        task.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }
}

async fn commit_batches(mut committer: Committer, waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>, batch_max: usize) {
    let mut batch = Vec::with_capacity(batch_max);
    loop {
        let receiving = async { waiting.lock().await.recv_many(&mut batch, batch_max).await };
        match timeout(CONNECTION_KEPT, receiving).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(_) => {
                committer.connection = None;
                continue;
            }
        }
        let (arrivals, answers): (Vec<Arrival>, Vec<_>) = batch.drain(..).unzip();
        match committer.store(&arrivals).await {
            Ok(accepted) => {
                for (answer, accepted) in answers.into_iter().zip(accepted) {
                    // The request may be gone; the row is stored all the same.
                    let _ = answer.send(Ok(accepted));
                }
            }
            // One row that can't be stored must not take the others with it.
            Err(error) if arrivals.len() > 1 && is_about_a_row(&error) => {
                for (arrival, answer) in arrivals.into_iter().zip(answers) {
                    let one = committer.store(std::slice::from_ref(&arrival)).await;
                    let _ = answer.send(one.map(|accepted| accepted[0]));
                }
            }
            // The database is away: asking once more for each would take as long again each time.
            Err(error) => {
                for answer in answers {
                    let away = std::io::Error::other(error.to_string());
                    let _ = answer.send(Err(sqlx::Error::Io(away).into()));
                }
            }
        }
    }
}

/// Whether the server refused the statement, rather than being away, out of room or told to stop.
fn is_about_a_row(error: &DbError) -> bool {
    let DbError::Sql(sqlx::Error::Database(refusal)) = error else { return false };
    refusal.code().is_some_and(|code| !["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)))
}

struct Committer {
    pool: PgPool,
    connection: Option<PoolConnection<Postgres>>,
}

impl Committer {
    async fn store(&mut self, arrivals: &[Arrival]) -> Result<Vec<Accepted>, DbError> {
        if let Some(kept) = self.connection.take() {
            match self.store_on(kept, arrivals).await {
                // What was kept may have died meanwhile. Whatever did arrive is a duplicate of itself.
                Err(error) if !is_about_a_row(&error) => {}
                answered => return answered,
            }
        }
        let fresh = self.pool.acquire().await?;
        self.store_on(fresh, arrivals).await
    }

    /// A single statement is its own transaction: one round trip, one commit.
    async fn store_on(
        &mut self,
        mut connection: PoolConnection<Postgres>,
        arrivals: &[Arrival],
    ) -> Result<Vec<Accepted>, DbError> {
        count_round_trip();
        count_commit();
        let stored = store(&mut connection, arrivals).await?;
        // After an error it is not kept: it may be what failed.
        self.connection = Some(connection);
        Ok(stored)
    }
}

/// Dedupes, appends to the lanes and stores the rows, in one statement. Sequence numbers are given out under the lane's
/// row lock, so their order is the order of commit.
const STORE: &str = "
with incoming as (
    select distinct on (tenant_id, event_key) *
      from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::uuid[], $7::bool[], $8::bool[],
                  $9::text[], $10::bytea[], $11::jsonb[], $12::text[])
           with ordinality as given (tenant_id, connection_id, event_key, message_key, key_hash, proposed_id, addressed,
                                     known_lane_only, ignored, raw, normalized, trace, n)
     order by tenant_id, event_key, n
), wanted as (
    select * from incoming i
     where not known_lane_only
        or exists (select from lanes l where l.tenant_id = i.tenant_id and l.connection_id = i.connection_id
                                         and l.key_hash = i.key_hash)
        -- What opens the lane may travel in the same batch, and this statement does not see it yet.
        or exists (select from incoming o where o.tenant_id = i.tenant_id and o.connection_id = i.connection_id
                                            and o.key_hash = i.key_hash and o.n < i.n and not o.known_lane_only)
), fresh as (
    insert into inbox_keys (tenant_id, event_key, message_key, addressed)
    select tenant_id, event_key, message_key, addressed from wanted order by tenant_id, event_key
    on conflict do nothing
    returning tenant_id, event_key
), kept as materialized (
    -- Joined once and apart: the planner expects single rows here, and nests all further joins over each other.
    select wanted.* from wanted join fresh using (tenant_id, event_key)
), counted as (
    select tenant_id, connection_id, key_hash, (array_agg(proposed_id order by n))[1] as proposed_id,
           count(*) as added, bool_or(ignored is null) as pending
      from kept
     group by tenant_id, connection_id, key_hash
), lane as (
    insert into lanes as l (tenant_id, conversation_id, connection_id, key_hash, last_seq, ready_at)
    select tenant_id, proposed_id, connection_id, key_hash, added, case when pending then clock_timestamp() end
      from counted
     order by tenant_id, connection_id, key_hash
    on conflict (tenant_id, connection_id, key_hash) do update
       set last_seq = l.last_seq + excluded.last_seq,
           -- While it is leased, ready_at is the lease's end; the owner looks at last_seq before it lets go.
           ready_at = case when l.owner is null then least(l.ready_at, excluded.ready_at) else l.ready_at end
    returning tenant_id, connection_id, key_hash, conversation_id, last_seq
), numbered as (
    select kept.*, lane.conversation_id,
           lane.last_seq - count(*) over (partition by tenant_id, connection_id, key_hash)
             + row_number() over (partition by tenant_id, connection_id, key_hash order by n) as seq
      from kept join lane using (tenant_id, connection_id, key_hash)
), stored as (
    insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized, state, reason, trace,
                       ended_at)
    select tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized,
           case when ignored is null then 'pending' else 'ignored' end, ignored, trace,
           case when ignored is not null then clock_timestamp() end
      from numbered
)
select given.n, numbered.conversation_id, numbered.seq, wanted.n is not null as wanted,
       -- What a concurrent statement just stored is not visible here: then it is not settled, and asked again.
       numbered.seq is null and (
           -- Not `exists`: for many rows the planner would read the whole table instead of asking the index.
           coalesce((select k.addressed from inbox_keys k where k.tenant_id = incoming.tenant_id
                                                            and k.message_key = incoming.message_key), false)
           or exists (select from incoming o where o.tenant_id = incoming.tenant_id
                                               and o.message_key = incoming.message_key and o.addressed and o.n < incoming.n)
       ) as settled
  from generate_series(1, $13::bigint) as given (n)
  left join incoming on incoming.n = given.n
  left join wanted on wanted.n = given.n
  left join numbered on numbered.n = given.n
 order by given.n";

async fn store(connection: &mut PgConnection, arrivals: &[Arrival]) -> Result<Vec<Accepted>, DbError> {
    let column = |pick: fn(&Arrival) -> Uuid| arrivals.iter().map(pick).collect::<Vec<_>>();
    let bytes = |pick: fn(&Arrival) -> &[u8]| arrivals.iter().map(pick).collect::<Vec<_>>();
    let flags = |pick: fn(&Arrival) -> bool| arrivals.iter().map(pick).collect::<Vec<_>>();
    let ignored: Vec<Option<&str>> = arrivals.iter().map(|arrival| arrival.content.ignored()).collect();
    let rows = sqlx::query(STORE)
        .bind(column(|arrival| arrival.tenant.uuid()))
        .bind(column(|arrival| arrival.connection.uuid()))
        .bind(bytes(|arrival| &arrival.event_key))
        .bind(
            arrivals
                .iter()
                .map(|arrival| arrival.message_key.as_ref().map(<[u8; 32]>::as_slice))
                .collect::<Vec<_>>(),
        )
        .bind(bytes(|arrival| &arrival.lane_key))
        .bind(column(|_| ConversationId::new().uuid()))
        .bind(flags(|arrival| arrival.addressed))
        .bind(flags(|arrival| arrival.known_lane_only))
        .bind(ignored)
        .bind(bytes(|arrival| &arrival.raw))
        .bind(arrivals.iter().map(|arrival| arrival.content.normalized()).collect::<Result<Vec<_>, _>>()?)
        .bind(arrivals.iter().map(|arrival| arrival.trace.as_deref()).collect::<Vec<_>>())
        .bind(i64::try_from(arrivals.len()).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let conversation: Option<ConversationId> = row.try_get("conversation_id")?;
            let seq: Option<i64> = row.try_get("seq")?;
            let wanted: bool = row.try_get("wanted")?;
            Ok(match (conversation, seq) {
                (Some(conversation), Some(seq)) => Accepted::Stored { conversation, seq },
                // A second copy within the batch is in neither list, and a duplicate as well.
                _ if wanted || !flags_known_only(arrivals, row)? => {
                    Accepted::Duplicate { settled: row.try_get("settled")? }
                }
                _ => Accepted::NotKept,
            })
        })
        .collect()
}

fn flags_known_only(arrivals: &[Arrival], row: &sqlx::postgres::PgRow) -> Result<bool, DbError> {
    let n: i64 = row.try_get("n")?;
    let index = usize::try_from(n - 1).unwrap_or(usize::MAX);
    Ok(arrivals.get(index).is_some_and(|arrival| arrival.known_lane_only))
}

impl Content {
    fn ignored(&self) -> Option<&'static str> {
        match self {
            Self::Message(_) => None,
            Self::Ignored(reason) => Some(reason),
        }
    }

    fn normalized(&self) -> Result<Option<Json<Value>>, DbError> {
        match self {
            Self::Message(message) => serde_json::to_value(message)
                .map(|value| Some(Json(value)))
                .map_err(|error| DbError::Damaged(error.to_string())),
            Self::Ignored(_) => Ok(None),
        }
    }
}

/// Keeps what a provider signed but no tenant can be found for.
pub async fn quarantine(db: &SystemDb, provider: &str, reason: &str, raw: &[u8]) -> Result<(), DbError> {
    sqlx::query("insert into quarantine (quarantine_id, provider, reason, raw) values ($1, $2, $3, $4)")
        .bind(Uuid::now_v7())
        .bind(provider)
        .bind(reason)
        .bind(raw)
        .execute(db.write())
        .await?;
    Ok(())
}

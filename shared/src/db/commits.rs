//! Batches of accepted messages on their way to disk, each in one commit.
//!
//! While one is on its way, what arrives meanwhile waits and shares the next. But a batch that is stuck, behind a conversation
//! that a turn holds, is left to itself after [`STUCK_AFTER`] and others pass it: one tenant's conversation is no reason for
//! another's message to wait. Only what belongs to its own conversations waits for it, so that their order stays.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use sqlx::{PgPool, Postgres, pool::PoolConnection};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    DbError, SystemDb,
    accept::store,
    count_commit, count_round_trip,
    inbox::{Accepted, Arrival, Waiting},
};
use crate::ids::{ConversationId, TenantId};

/// A turn holds its lane for milliseconds. Whoever holds one longer must not stop everybody else's messages: the batch is
/// stored one by one, and the message behind the lock is refused for its platform to send again.
const LOCK_TIMEOUT: &str = "500ms";
/// One commit. Slack waits three seconds; whoever finds a dead session should be able to try a new one by then.
const STORE_DEADLINE: Duration = Duration::from_millis(1_500);
/// A committer without work gives its connection back. One per batch would cost the pool's round trips each time.
const CONNECTION_KEPT: Duration = Duration::from_secs(5);
/// Far above what a commit takes, and far below what a turn may hold a conversation for.
const STUCK_AFTER: Duration = Duration::from_millis(15);
/// Batches that may be stuck while others pass.
const STUCK_MAX: usize = 8;
/// Messages that wait here for a place or their conversation; further ones wait in the queue.
const HELD_MAX: usize = 1_024;

type Lane = (TenantId, ConversationId);

/// A committer that is free again, the number of its batch, and the conversations nothing is under way for any more.
type Ended = (Committer, u64, Vec<Lane>);

/// The desk at which batches are made up and sent off.
pub(super) struct Commits {
    pool: PgPool,
    batch_max: usize,
    committers: usize,
    idle: Vec<Committer>,
    under_way: FuturesUnordered<BoxFuture<'static, Ended>>,
    /// Number and beginning of each batch under way, the oldest first.
    begun: VecDeque<(u64, Instant)>,
    next: u64,
    /// Conversations of the batches under way.
    busy: HashSet<Lane>,
    held: Vec<Waiting>,
}

impl Commits {
    /// `committers` batches are begun at the same time; those that are stuck do not count.
    pub(super) fn new(db: &SystemDb, batch_max: usize, committers: usize) -> Self {
        let connections = u32::try_from(committers + STUCK_MAX).unwrap_or(u32::MAX);
        Self {
            pool: db.own_pool(connections, LOCK_TIMEOUT),
            batch_max,
            committers,
            idle: Vec::new(),
            under_way: FuturesUnordered::new(),
            begun: VecDeque::new(),
            next: 0,
            busy: HashSet::new(),
            held: Vec::new(),
        }
    }

    /// Until nobody can hand over anything any more and all is stored.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        let mut is_open = true;
        while is_open || !self.held.is_empty() || !self.under_way.is_empty() {
            let place = self.place();
            if place.is_ok() {
                let batch = self.make_up();
                if !batch.is_empty() {
                    self.begin(batch);
                    continue;
                }
            }
            let room = HELD_MAX.saturating_sub(self.held.len()).min(self.batch_max);
            tokio::select! {
                biased;
                Some(ended) = self.under_way.next(), if !self.under_way.is_empty() => self.end(ended),
                count = queue.recv_many(&mut self.held, room), if is_open && place.is_ok() && room > 0 => {
                    is_open = count > 0;
                }
                () = sleep_until(place.err().flatten().unwrap_or_else(Instant::now)), if matches!(place, Err(Some(_))) => {}
                () = sleep(CONNECTION_KEPT), if !self.idle.is_empty() => self.idle.clear(),
            }
        }
    }

    /// Whether another batch may begin; if not, when the oldest one counts as stuck, unless too many are.
    fn place(&self) -> Result<(), Option<Instant>> {
        let now = Instant::now();
        let mut fresh = self.begun.iter().map(|(_, at)| *at + STUCK_AFTER).filter(|stuck| *stuck > now);
        let (first, count) = (fresh.next(), fresh.count());
        if self.under_way.len() >= self.committers + STUCK_MAX {
            return Err(None);
        }
        match first {
            Some(stuck) if count + 1 >= self.committers => Err(Some(stuck)),
            _ => Ok(()),
        }
    }

    /// What may go: in order of arrival, without what belongs to conversations that are under way.
    fn make_up(&mut self) -> Vec<Waiting> {
        if self.busy.is_empty() && self.held.len() <= self.batch_max {
            return std::mem::take(&mut self.held);
        }
        let (mut batch, mut held) = (Vec::new(), Vec::with_capacity(self.held.len()));
        for waiting in self.held.drain(..) {
            let goes = batch.len() < self.batch_max && !self.busy.contains(&lane(&waiting.0));
            if goes { &mut batch } else { &mut held }.push(waiting);
        }
        self.held = held;
        batch
    }

    fn begin(&mut self, batch: Vec<Waiting>) {
        let lanes: Vec<Lane> = batch.iter().map(|(arrival, _)| lane(arrival)).collect();
        self.busy.extend(&lanes);
        let number = self.next;
        self.next += 1;
        self.begun.push_back((number, Instant::now()));
        let mut committer =
            self.idle.pop().unwrap_or_else(|| Committer { pool: self.pool.clone(), connection: None });
        self.under_way.push(Box::pin(async move {
            committer.commit(batch).await;
            (committer, number, lanes)
        }));
    }

    fn end(&mut self, (committer, number, lanes): Ended) {
        self.begun.retain(|(begun, _)| *begun != number);
        for lane in &lanes {
            self.busy.remove(lane);
        }
        // One that was begun beside a stuck one gives its connection back.
        if self.idle.len() < self.committers {
            self.idle.push(committer);
        }
    }
}

fn lane(arrival: &Arrival) -> Lane {
    (arrival.tenant, arrival.conversation)
}

fn is_lock_timeout(error: &DbError) -> bool {
    let DbError::Sql(sqlx::Error::Database(refusal)) = error else { return false };
    refusal.code().is_some_and(|code| code == "55P03")
}

struct Committer {
    pool: PgPool,
    connection: Option<PoolConnection<Postgres>>,
}

impl Committer {
    /// Stores a batch and tells those who wait for it.
    async fn commit(&mut self, batch: Vec<Waiting>) {
        let (arrivals, answers): (Vec<Arc<Arrival>>, Vec<_>) = batch.into_iter().unzip();
        match self.store(&arrivals).await {
            Ok(accepted) => {
                for (answer, accepted) in answers.into_iter().zip(accepted) {
                    // The request may be gone; the row is stored all the same.
                    let _ = answer.send(Ok(accepted));
                }
            }
            // One row that can't be stored must not take the others with it.
            Err(error) if arrivals.len() > 1 && error.is_about_a_row() => {
                self.store_singly(arrivals.into_iter().zip(answers)).await;
            }
            // The database is away: asking once more for each would take as long again each time.
            Err(error) => {
                for answer in answers {
                    let _ = answer.send(Err(error.for_another()));
                }
            }
        }
    }

    /// A conversation that somebody holds is tried once: who waits behind the same lock would wait as long again each time, and
    /// the first to get through would overtake the others.
    async fn store_singly(&mut self, waiting: impl Iterator<Item = Waiting>) {
        let mut held = HashSet::new();
        for (arrival, answer) in waiting {
            let lane = lane(&arrival);
            let one = if held.contains(&lane) {
                Err(DbError::Conflict("Somebody holds this conversation."))
            } else {
                self.store(std::slice::from_ref(&arrival)).await
            };
            if one.as_ref().is_err_and(is_lock_timeout) {
                held.insert(lane);
            }
            let _ = answer.send(one.map(|accepted| accepted[0]));
        }
    }

    async fn store(&mut self, arrivals: &[Arc<Arrival>]) -> Result<Vec<Accepted>, DbError> {
        if let Some(kept) = self.connection.take() {
            match self.store_on(kept, arrivals).await {
                // What was kept may have died meanwhile. Whatever did arrive is a duplicate of itself.
                Err(error) if !error.is_about_a_row() => {}
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
        arrivals: &[Arc<Arrival>],
    ) -> Result<Vec<Accepted>, DbError> {
        count_round_trip();
        count_commit();
        let stored = match timeout(STORE_DEADLINE, store(&mut connection, arrivals)).await {
            Ok(stored) => stored?,
            Err(_) => {
                connection.close_on_drop();
                return Err(DbError::timed_out());
            }
        };
        // After an error it is not kept: it may be what failed.
        self.connection = Some(connection);
        Ok(stored)
    }
}

//! Who watches: open streams of events, and the looks that feed them.
//!
//! One task looks at each tenant that somebody watches, every two seconds and at once when Redis names it, and tells all of
//! its streams what changed between two looks. So a lost wake-up costs a moment, and a client costs no question of its own.
//! Another task asks whether those who watch still may: a stream that nobody has confirmed for four seconds ends, also
//! while the database is away.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream};
use shared::{
    db::{
        DbError, SystemDb, TenantDb,
        watched::{self, Counters, Look},
    },
    ids::{ConversationId, TenantId},
    live::Announcements,
};
use tokio::{sync::mpsc, time::Instant};

use crate::auth::Identity;

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Between two looks that were asked for: a busy tenant is looked at ten times a second at most.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
const LOOKS_AT_ONCE: usize = 4;
const CONFIRM_EVERY: Duration = Duration::from_secs(2);
const CONFIRM_TIMEOUT: Duration = Duration::from_millis(1_500);
/// A stream that nobody confirmed for this long ends: five seconds after somebody lost their right at the latest.
const UNCONFIRMED_MAX: Duration = Duration::from_secs(4);
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// A browser's tabs, say.
const PER_IDENTITY_MAX: usize = 8;
const PER_TENANT_MAX: usize = 200;
/// Half of the connections that one gateway takes.
const STREAMS_MAX: usize = 2_000;
/// Events that wait for a slow client; then it is told to ask for everything.
const QUEUE: usize = 64;
/// More changes than that in one look are told as one.
const CHANGES_MAX: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// What was said in it, who answers in it, or whether somebody waits in it.
    Conversation(ConversationId),
    Counters(Counters),
    /// Something may have been missed.
    Reload,
}

/// Why nobody may watch at the moment.
#[derive(Debug)]
pub(crate) enum Refused {
    /// There are enough streams of one identity, tenant or gateway.
    TooMany,
    Stopping,
    Db(DbError),
}

pub(crate) struct Hub {
    system: SystemDb,
    state: Mutex<State>,
}

struct State {
    streams: HashMap<u64, Stream>,
    tenants: HashMap<TenantId, Watched>,
    next: u64,
    /// When it was last known who may watch.
    confirmed: Instant,
    stopping: bool,
}

struct Stream {
    tenant: TenantId,
    identity: Identity,
    events: mpsc::Sender<Event>,
    missed: Arc<AtomicBool>,
}

struct Watched {
    db: TenantDb,
    /// As it was told; `None` before the first look.
    last: Option<Look>,
}

/// One open stream. Dropped, it is forgotten.
pub(crate) struct Seat {
    hub: Arc<Hub>,
    number: u64,
    events: mpsc::Receiver<Event>,
    missed: Arc<AtomicBool>,
}

impl Hub {
    /// Starts the looking. It ends with the hub.
    pub(crate) fn start(system: SystemDb, announcements: Announcements) -> Arc<Self> {
        let hub = Arc::new(Self::new(system));
        tokio::spawn(look_again_and_again(Arc::downgrade(&hub), announcements));
        tokio::spawn(confirm_again_and_again(Arc::downgrade(&hub)));
        hub
    }

    fn new(system: SystemDb) -> Self {
        let (streams, tenants) = (HashMap::new(), HashMap::new());
        let state = State { streams, tenants, next: 0, confirmed: Instant::now(), stopping: false };
        Self { system, state: Mutex::new(state) }
    }

    /// Opens a stream for somebody whose right was just checked. What changes from now on is told.
    pub(crate) async fn join(self: &Arc<Self>, db: TenantDb, identity: Identity) -> Result<Seat, Refused> {
        let seat = self.seat(&db, identity)?;
        let tenant = db.id();
        let is_first = self.state().tenants.get(&tenant).is_some_and(|watched| watched.last.is_none());
        if is_first {
            let look = look(&db).await.map_err(Refused::Db)?;
            if let Some(watched) = self.state().tenants.get_mut(&tenant) {
                watched.last.get_or_insert(look);
            }
        }
        let state = self.state();
        let last = state.tenants.get(&tenant).and_then(|watched| watched.last.as_ref());
        if let (Some(last), Some(stream)) = (last, state.streams.get(&seat.number)) {
            stream.tell(Event::Counters(last.counters));
        }
        drop(state);
        Ok(seat)
    }

    fn seat(self: &Arc<Self>, db: &TenantDb, identity: Identity) -> Result<Seat, Refused> {
        let tenant = db.id();
        let mut state = self.state();
        if state.stopping {
            return Err(Refused::Stopping);
        }
        let of_identity = state.streams.values().filter(|stream| stream.identity == identity).count();
        let of_tenant = state.streams.values().filter(|stream| stream.tenant == tenant).count();
        if of_identity >= PER_IDENTITY_MAX || of_tenant >= PER_TENANT_MAX || state.streams.len() >= STREAMS_MAX {
            return Err(Refused::TooMany);
        }
        if state.streams.is_empty() {
            state.confirmed = Instant::now();
        }
        let (number, (events, receiver)) = (state.next, mpsc::channel(QUEUE));
        let missed = Arc::new(AtomicBool::new(false));
        state.next += 1;
        state.streams.insert(number, Stream { tenant, identity, events, missed: missed.clone() });
        state.tenants.entry(tenant).or_insert_with(|| Watched { db: db.clone(), last: None });
        metrics::gauge!("konstruct_event_streams").increment(1);
        Ok(Seat { hub: self.clone(), number, events: receiver, missed })
    }

    /// Ends every stream: a gateway that stops waits for its answers.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        state.streams.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look_at(&self, named: Option<&BTreeSet<TenantId>>) {
        let watched: Vec<TenantDb> = {
            let state = self.state();
            let asked =
                state.tenants.iter().filter(|(tenant, _)| named.is_none_or(|named| named.contains(tenant)));
            asked.map(|(_, watched)| watched.db.clone()).collect()
        };
        let looking = stream::iter(watched).for_each_concurrent(LOOKS_AT_ONCE, |db| async move {
            match look(&db).await {
                Ok(now) => self.tell(db.id(), now),
                Err(error) => {
                    // The last look stays the one to compare with: nothing is missed by it.
                    tracing::warn!(tenant.id = %db.id(), %error, "Open pages could not be told what changed");
                }
            }
        });
        looking.await;
    }

    fn tell(&self, tenant: TenantId, now: Look) {
        let mut state = self.state();
        let Some(watched) = state.tenants.get_mut(&tenant) else { return };
        let Some(before) = watched.last.replace(now) else { return };
        let events = watched.last.as_ref().map(|now| differences(&before, now)).unwrap_or_default();
        for stream in state.streams.values().filter(|stream| stream.tenant == tenant) {
            for event in &events {
                stream.tell(*event);
            }
        }
    }

    /// Ends the streams of those who may watch no longer.
    async fn confirm(&self) {
        let (mut asked, mut sessions, mut keys) = (HashSet::new(), Vec::new(), Vec::new());
        for (number, stream) in &self.state().streams {
            asked.insert(*number);
            match stream.identity {
                Identity::Session(session) => sessions.push(session),
                Identity::Key(key) => keys.push(key),
            }
        }
        if asked.is_empty() {
            return;
        }
        let asking = watched::still_allowed(&self.system, &sessions, &keys);
        let (sessions, keys) = match tokio::time::timeout(CONFIRM_TIMEOUT, asking).await {
            Ok(Ok(allowed)) => allowed,
            Ok(Err(error)) => return tracing::warn!(%error, "Who may watch could not be confirmed"),
            Err(_) => return tracing::warn!("Who may watch could not be confirmed in time"),
        };
        let mut state = self.state();
        state.confirmed = Instant::now();
        state.streams.retain(|number, stream| {
            let tenant = match stream.identity {
                Identity::Session(session) => sessions.get(&session),
                Identity::Key(key) => keys.get(&key),
            };
            // Whoever came while the question was under way has just been checked.
            tenant == Some(&stream.tenant) || !asked.contains(number)
        });
    }
}

impl Stream {
    fn tell(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.missed.store(true, Ordering::Relaxed);
        }
    }
}

impl Seat {
    /// The next thing to tell; `None`: the stream ends.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if self.missed.swap(false, Ordering::Relaxed) {
                while self.events.try_recv().is_ok() {}
                return Some(Event::Reload);
            }
            tokio::select! {
                event = self.events.recv() => return event,
                () = tokio::time::sleep(CHECK_EVERY) => {}
            }
            if self.hub.state().confirmed.elapsed() > UNCONFIRMED_MAX {
                return None;
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!("konstruct_event_streams").decrement(1);
        let mut state = self.hub.state();
        state.streams.remove(&self.number);
        let State { streams, tenants, .. } = &mut *state;
        tenants.retain(|tenant, _| streams.values().any(|stream| stream.tenant == *tenant));
    }
}

async fn look_again_and_again(hub: Weak<Hub>, announcements: Announcements) {
    let mut looked = Instant::now();
    loop {
        let named = announcements.next(LOOK_EVERY.saturating_sub(looked.elapsed())).await;
        let Some(hub) = hub.upgrade() else { return };
        if looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            hub.look_at(None).await;
        } else {
            hub.look_at(Some(&named)).await;
        }
        drop(hub);
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

async fn confirm_again_and_again(hub: Weak<Hub>) {
    loop {
        tokio::time::sleep(CONFIRM_EVERY).await;
        let Some(hub) = hub.upgrade() else { return };
        hub.confirm().await;
    }
}

async fn look(db: &TenantDb) -> Result<Look, DbError> {
    let looking = async {
        let mut tx = db.begin().await?;
        let look = watched::look(&mut tx).await?;
        tx.close().await?;
        Ok(look)
    };
    let late = || DbError::Damaged("the look took too long".into());
    tokio::time::timeout(LOOK_TIMEOUT, looking).await.map_err(|_| late())?
}

/// What leaves the window of the latest conversations did not change.
fn differences(before: &Look, now: &Look) -> Vec<Event> {
    let changed = now.conversations.iter().filter(|(id, print)| before.conversations.get(id) != Some(print));
    let mut events: Vec<Event> = changed.map(|(id, _)| Event::Conversation(*id)).collect();
    if events.len() > CHANGES_MAX {
        events = vec![Event::Reload];
    }
    if before.counters != now.counters {
        events.push(Event::Counters(now.counters));
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(conversations: &[(ConversationId, i64)], waiting: i64) -> Look {
        let counters = Counters { waiting, ..Counters::default() };
        Look { conversations: conversations.iter().copied().collect(), counters }
    }

    #[test]
    fn only_what_changed_is_told() {
        let (one, other) = (ConversationId::new(), ConversationId::new());
        let before = look(&[(one, 1), (other, 1)], 0);
        assert_eq!(differences(&before, &before), []);
        assert_eq!(differences(&before, &look(&[(one, 1), (other, 2)], 0)), [Event::Conversation(other)]);
        let counted = Event::Counters(Counters { waiting: 1, ..Counters::default() });
        assert_eq!(differences(&before, &look(&[(one, 1)], 1)), [counted]);
    }

    #[test]
    fn very_much_at_once_is_told_as_one() {
        let many: Vec<_> = (0..=CHANGES_MAX).map(|_| (ConversationId::new(), 1)).collect();
        assert_eq!(differences(&look(&[], 0), &look(&many, 0)), [Event::Reload]);
        assert_eq!(differences(&look(&[], 0), &look(&many[1..], 0)).len(), CHANGES_MAX);
    }

    #[tokio::test]
    async fn streams_end_with_the_gateway_and_none_begins_while_it_stops() {
        let nowhere = secrecy::SecretString::from("postgres://127.0.0.1:1/nothing".to_owned());
        let db = shared::db::Db::connect(&nowhere, &nowhere).expect("a valid address");
        let hub = Arc::new(Hub::new(db.system()));
        let (tenant, identity) = (db.tenant(TenantId::new()), Identity::Session(shared::ids::SessionId::new()));
        let mut seat = hub.seat(&tenant, identity).expect("there is room");
        hub.stop();
        assert_eq!(seat.next().await, None);
        assert!(matches!(hub.seat(&tenant, identity), Err(Refused::Stopping)));
    }

    #[tokio::test]
    async fn who_is_too_slow_is_told_to_ask_for_everything() {
        let (events, receiver) = mpsc::channel(1);
        let missed = Arc::new(AtomicBool::new(false));
        let identity = Identity::Session(shared::ids::SessionId::new());
        let stream = Stream { tenant: TenantId::new(), identity, events, missed: missed.clone() };
        for _ in 0..3 {
            stream.tell(Event::Conversation(ConversationId::new()));
        }
        assert!(missed.load(Ordering::Relaxed));
        drop(receiver);
    }
}

//! Keeps the lease of a turn, notices when it is lost, and acknowledges messages that arrive meanwhile.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use shared::{
    db::{
        DbError,
        lanes::{self, Lease},
        runs,
    },
    ids::OutboxId,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{Instrument, Span};

use crate::{Orchestrator, reply::Outlet};

/// How soon a takeover or a later message is noticed.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
const RENEW_INTERVAL: Duration = Duration::from_secs(2);
/// Without a successful renewal for this long the lease may be someone else's.
const RENEWAL_LATEST: Duration = Duration::from_secs(6);

/// Lives as long as the turn; dropping it ends the watching.
pub struct Watch {
    lost: CancellationToken,
    /// Messages up to here are part of the run or acknowledged; `i64::MAX` until the run is known.
    acknowledged: Arc<AtomicI64>,
    outlet: Arc<OnceLock<Outlet>>,
    /// Where the turn's rows are visible, as far as it knows.
    shown: Mutex<HashMap<OutboxId, String>>,
    _ending: DropGuard,
}

impl Watch {
    /// Resolves when the lease is lost or a human took over.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// From now on, messages after `to_seq` are acknowledged as soon as they are seen.
    pub fn acknowledge_after(&self, to_seq: i64, outlet: &Outlet) {
        // Set once a turn; a second call would bring the same value.
        let _ = self.outlet.set(outlet.clone());
        self.acknowledged.store(to_seq, Ordering::Relaxed);
    }

    /// A row of the turn is visible.
    pub fn showed(&self, row: OutboxId, external_id: &str) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(row, external_id.to_owned());
    }

    /// Ends the watching; what was shown meanwhile.
    pub fn end(self) -> HashMap<OutboxId, String> {
        self.shown.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn start(orchestrator: Orchestrator, lease: Lease, span: Span) -> Watch {
    let (lost, ending) = (CancellationToken::new(), CancellationToken::new());
    let acknowledged = Arc::new(AtomicI64::new(i64::MAX));
    let outlet = Arc::new(OnceLock::new());
    let watcher = Watcher {
        orchestrator,
        lease,
        lost: lost.clone(),
        acknowledged: acknowledged.clone(),
        outlet: outlet.clone(),
    };
    let until = ending.clone();
    tokio::spawn(async move { until.run_until_cancelled(watcher.watch()).await }.instrument(span));
    Watch { lost, acknowledged, outlet, shown: Mutex::default(), _ending: ending.drop_guard() }
}

struct Watcher {
    orchestrator: Orchestrator,
    lease: Lease,
    lost: CancellationToken,
    acknowledged: Arc<AtomicI64>,
    outlet: Arc<OnceLock<Outlet>>,
}

impl Watcher {
    async fn watch(&self) {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let system = self.orchestrator.db.system();
            match lanes::watch(&system, &self.lease).await {
                Ok(lane) if lane.fence != self.lease.fence || lane.by_human => return self.lost.cancel(),
                Ok(lane) => self.acknowledge(lane.last_seq).await,
                Err(error) => tracing::warn!(%error, "The lane could not be read"),
            }
            if renewed.elapsed() < RENEW_INTERVAL {
                continue;
            }
            match lanes::renew(&system, &self.lease).await {
                Ok(()) => renewed = Instant::now(),
                Err(DbError::Fenced) => return self.lost.cancel(),
                Err(error) => tracing::warn!(%error, "The lease could not be renewed"),
            }
            if renewed.elapsed() > RENEWAL_LATEST {
                return self.lost.cancel();
            }
        }
    }

    /// Best effort: the message is stored and will be answered whether or not the sign appears.
    async fn acknowledge(&self, last_seq: i64) {
        let seen = self.acknowledged.load(Ordering::Relaxed);
        let Some(outlet) = self.outlet.get().filter(|_| last_seq > seen) else {
            return;
        };
        let later = async {
            let mut tx = self.orchestrator.db.tenant(self.lease.tenant).begin().await?;
            let later = runs::arrived_after(&mut tx, &self.lease, seen).await?;
            tx.close().await?;
            Ok::<_, DbError>(later)
        };
        let Ok(later) = later.await else { return };
        self.acknowledged.store(last_seq, Ordering::Relaxed);
        for message in later {
            if let Err(error) = outlet.mark_seen(&message).await {
                tracing::info!(%error, "A waiting message could not be marked as seen");
            }
        }
    }
}

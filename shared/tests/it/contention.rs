//! Many claimers, many lanes and a stream of messages: one owner per lane, everything served once and in order.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use shared::{
    db::{
        Db, lanes,
        lanes::{Lease, Round},
    },
    ids::ConversationId,
};

use crate::stage::{Firm, Stage};

const LANES: usize = 200;
const WORKERS: usize = 6;
const MESSAGES_PER_LANE: usize = 5;

/// What the workers saw, kept outside the database.
#[derive(Default)]
struct Witness {
    owned: Mutex<HashSet<ConversationId>>,
    /// Served up to, and the last fence, of each lane.
    served: Mutex<BTreeMap<ConversationId, (i64, i64)>>,
    overlaps: AtomicU64,
    disorder: AtomicU64,
    claims: AtomicU64,
}

impl Witness {
    fn take(&self, lease: &Lease) {
        self.claims.fetch_add(1, Ordering::Relaxed);
        if !self.owned.lock().expect("no panic").insert(lease.conversation) {
            self.overlaps.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Must be called before the database hears of the end.
    fn release(&self, lease: &Lease, to_seq: i64) {
        let mut served = self.served.lock().expect("no panic");
        let (before, fence) = served.insert(lease.conversation, (to_seq, lease.fence)).unwrap_or_default();
        if to_seq < before || lease.fence <= fence {
            self.disorder.fetch_add(1, Ordering::Relaxed);
        }
        self.owned.lock().expect("no panic").remove(&lease.conversation);
    }
}

async fn work(db: Db, name: String, witness: Arc<Witness>, closing: Arc<AtomicBool>) {
    let (system, mut after) = (db.system(), None);
    loop {
        let round = Round { after, full: &[] };
        let Some(lease) = lanes::claim(&system, &name, round).await.expect("a claim is answered") else {
            if closing.load(Ordering::Relaxed) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        };
        after = Some(lease.tenant);
        witness.take(&lease);
        let state = lanes::watch(&system, &lease).await.expect("the lane is there");
        tokio::task::yield_now().await;
        witness.release(&lease, state.last_seq);
        let mut tx = db.tenant(lease.tenant).begin().await.expect("a transaction begins");
        lanes::finish(&mut tx, &lease, state.last_seq).await.expect("the lease holds");
        tx.commit().await.expect("the end is stored");
    }
}

/// Four gateways that write to all lanes of all firms.
async fn pour(stage: &Stage, firms: &[Firm]) {
    let pouring = (0..MESSAGES_PER_LANE).map(|round| async move {
        let arrivals = (0..LANES).map(|lane| {
            let firm = &firms[lane % firms.len()];
            stage.ingest.accept(firm.says(&format!("{round}/{lane}"), &format!("C{lane}"), "Hello"))
        });
        for accepted in join_all(arrivals).await {
            accepted.expect("stored");
        }
    });
    join_all(pouring).await;
}

async fn unfinished(firms: &[Firm]) -> i64 {
    let mut open = 0;
    for firm in firms {
        open += firm.count("select count(*) from lanes where last_seq > done_seq").await;
    }
    open
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_claimers_never_own_one_lane() {
    let stage = Stage::new().await;
    let mut firms = Vec::new();
    for name in ["acme", "bolt", "crow", "dune"] {
        firms.push(stage.firm(name).await);
    }
    let (witness, closing) = (Arc::new(Witness::default()), Arc::new(AtomicBool::new(false)));
    let workers: Vec<_> = (0..WORKERS)
        .map(|n| {
            let (db, witness, closing) = (stage.db().clone(), witness.clone(), closing.clone());
            tokio::spawn(work(db, format!("worker {n}"), witness, closing))
        })
        .collect();
    pour(&stage, &firms).await;
    let mut waits = 0;
    while unfinished(&firms).await > 0 {
        waits += 1;
        assert!(waits < 600, "lanes are left over");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    closing.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.expect("no worker fails");
    }
    assert_eq!(witness.overlaps.load(Ordering::Relaxed), 0, "a lane had two owners");
    assert_eq!(witness.disorder.load(Ordering::Relaxed), 0, "a fence or a number went back");
    let served: i64 = witness.served.lock().expect("no panic").values().map(|(seq, _)| seq).sum();
    assert_eq!(served, (LANES * MESSAGES_PER_LANE) as i64);
    let claims = witness.claims.load(Ordering::Relaxed);
    assert!(claims >= LANES as u64, "{claims} claims");
}

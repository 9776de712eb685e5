//! Every periodic job, on one page. All of them may run in several workers at once.

use std::time::Duration;

use shared::{
    clock::Clock,
    db::{
        Db, DbError, TenantDb, allowances,
        budgets::{self, SummedUp},
        customers,
        documents::addresses,
        escalations, idempotency, impersonations, installation,
        privacy::retention::{self, purge_quarantine},
        rotations, routines, system,
        webhook_endpoints::deliveries,
    },
    jobs::Job,
    queue,
    storage::{Storage, StorageError},
};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How often each worker sums the ledger up; several doing it is one too many, and harmless.
const SUM_UP_INTERVAL: Duration = Duration::from_secs(24 * 3_600);
/// Rows of one kind that are purged in one transaction.
const BATCH: i64 = 1_000;
/// How often each worker looks for what was kept long enough.
const PURGE_INTERVAL: Duration = Duration::from_secs(24 * 3_600);
/// How often each worker counts memories against plans.
const REST_INTERVAL: Duration = Duration::from_secs(3_600);

pub async fn run(db: Db, clock: Clock, storage: Storage, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut summed_up, mut rested): (Option<tokio::time::Instant>, Option<tokio::time::Instant>) = (None, None);
    let mut purged: Option<tokio::time::Instant> = None;
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        sweep(&db, &clock).await;
        if rested.is_none_or(|at| at.elapsed() >= REST_INTERVAL) {
            rested = Some(tokio::time::Instant::now());
            match let_memories_rest(&db).await {
                Ok(0) => {}
                Ok(memories) => tracing::info!(memories, "Memories rest beyond their plan's limit, or came back"),
                Err(error) => tracing::warn!(%error, "The memories could not be counted"),
            }
        }
        if purged.is_none_or(|at| at.elapsed() >= PURGE_INTERVAL) {
            purged = Some(tokio::time::Instant::now());
            match purge(&db, &storage).await {
                Ok(0) => {}
                Ok(rounds) => tracing::info!(rounds, "What was kept long enough was purged"),
                Err(error) => tracing::warn!(%error, "What was kept long enough could not be purged"),
            }
        }
        if summed_up.is_none_or(|at| at.elapsed() >= SUM_UP_INTERVAL) {
            summed_up = Some(tokio::time::Instant::now());
            match sum_up(&db).await {
                Ok(SummedUp { corrected: 0, budgets }) => {
                    tracing::info!(budgets, "The budgets agree with the ledger")
                }
                Ok(SummedUp { corrected, .. }) => {
                    tracing::error!(corrected, "Budgets did not agree with the ledger; they were corrected");
                }
                Err(error) => tracing::warn!(%error, "The ledger could not be summed up"),
            }
        }
    }
}

/// What is looked at every few seconds.
async fn sweep(db: &Db, clock: &Clock) {
    // Conversations with unfinished messages that nobody would look at.
    match system::sweep_lanes(&db.system()).await {
        Ok(0) => {}
        Ok(lanes) => tracing::warn!(lanes, "Conversations were put back into the queue"),
        Err(error) => tracing::warn!(%error, "The lanes could not be swept"),
    }
    // Tokens that run out.
    match renew_due(db).await {
        Ok(0) => {}
        Ok(tokens) => tracing::info!(tokens, "Tokens are about to be renewed"),
        Err(error) => tracing::warn!(%error, "The tokens could not be looked through"),
    }
    // People who wait for a human.
    match remind_due(db).await {
        Ok(0) => {}
        Ok(waiting) => tracing::warn!(waiting, "People still wait for a human"),
        Err(error) => tracing::warn!(%error, "The escalations could not be looked through"),
    }
    // Platform admins who acted in a tenant and do no longer.
    match impersonations::end_due(&db.system()).await {
        Ok(0) => {}
        Ok(ended) => tracing::info!(ended, "Impersonations ended by themselves"),
        Err(error) => tracing::warn!(%error, "The impersonations could not be looked through"),
    }
    // What agents do again and again.
    match begin_due(db, clock.now()).await {
        Ok(0) => {}
        Ok(begun) => tracing::info!(begun, "Routines were begun"),
        Err(error) => tracing::warn!(%error, "The routines could not be looked through"),
    }
    // Tenants' own systems that are told what was done.
    match tell_due(db).await {
        Ok(0) => {}
        Ok(told) => tracing::debug!(told, "Tenants' own systems are about to be told"),
        Err(error) => tracing::warn!(%error, "The webhook endpoints could not be looked through"),
    }
    // Subscriptions that nobody told of.
    match look_due(db).await {
        Ok(0) => {}
        Ok(tenants) => tracing::info!(tenants, "Subscriptions are about to be looked at"),
        Err(error) => tracing::warn!(%error, "The customers could not be looked through"),
    }
    // Documents that may have changed.
    match fetch_due(db).await {
        Ok(0) => {}
        Ok(documents) => tracing::info!(documents, "Documents are about to be fetched again"),
        Err(error) => tracing::warn!(%error, "The addresses could not be looked through"),
    }
    // Calls whose process is gone.
    match settle_stale(db).await {
        Ok(0) => {}
        Ok(calls) => tracing::warn!(calls, "Calls that nobody booked were booked at what was held for them"),
        Err(error) => tracing::warn!(%error, "The held money could not be looked through"),
    }
    // Answers that nobody asks for again.
    match idempotency::sweep(&db.system()).await {
        Ok(0) => {}
        Ok(answers) => tracing::info!(answers, "Idempotency keys older than a day were forgotten"),
        Err(error) => tracing::warn!(%error, "The idempotency keys could not be swept"),
    }
    // How the installation is.
    if let Err(error) = installation::sample(&db.system()).await {
        tracing::warn!(%error, "This minute could not be kept");
    }
    // Jobs whose wake-up was lost.
    match queue::sweep(db).await {
        Ok(0) => {}
        Ok(jobs) => tracing::warn!(jobs, "Jobs were woken again"),
        Err(error) => tracing::warn!(%error, "The jobs could not be swept"),
    }
}

/// Enqueues a job for each token that wants to be renewed; returns how many. What fails is due again in a while.
pub async fn renew_due(db: &Db) -> Result<usize, DbError> {
    let mut count = 0;
    for (tenant, connection) in system::tokens_to_renew(&db.system()).await? {
        let mut tx = db.tenant(tenant).begin().await?;
        if rotations::take_due(&mut tx, connection).await? {
            queue::enqueue(&mut tx, &Job::RefreshToken { connection }).await?;
            count += 1;
        }
        tx.commit().await?;
    }
    Ok(count)
}

/// Reminds of each escalation that nobody has taken in time, once; returns how many.
pub async fn remind_due(db: &Db) -> Result<usize, DbError> {
    let mut count = 0;
    for (tenant, escalation) in system::escalations_due(&db.system()).await? {
        let mut tx = db.tenant(tenant).begin().await?;
        count += usize::from(escalations::remind(&mut tx, escalation).await?);
        tx.commit().await?;
    }
    Ok(count)
}

/// Begins each routine that is due, once; returns how many.
pub async fn begin_due(db: &Db, now: OffsetDateTime) -> Result<usize, DbError> {
    let mut count = 0;
    for (tenant, routine) in routines::due(&db.system()).await? {
        let mut tx = db.tenant(tenant).begin().await?;
        count += usize::from(routines::take_due(&mut tx, routine, now).await?.is_some());
        tx.commit().await?;
    }
    Ok(count)
}

/// Enqueues what each endpoint was not told of yet; returns how much.
pub async fn tell_due(db: &Db) -> Result<usize, DbError> {
    let mut count = 0;
    for (tenant, endpoint) in deliveries::due(&db.system()).await? {
        let mut tx = db.tenant(tenant).begin().await?;
        count += deliveries::take_due(&mut tx, endpoint).await?;
        count += deliveries::take_new(&mut tx, endpoint).await?;
        tx.commit().await?;
    }
    Ok(count)
}

/// Enqueues, once a day for each customer, a look at its subscriptions and what its answers are told by; returns how many.
pub async fn look_due(db: &Db) -> Result<usize, DbError> {
    let mut count = 0;
    for tenant in customers::due(&db.system()).await? {
        let mut tx = db.tenant(tenant).begin().await?;
        if customers::take_due(&mut tx).await? {
            queue::enqueue(&mut tx, &Job::RefreshBilling).await?;
            queue::enqueue(&mut tx, &Job::ReportUsage).await?;
            count += 1;
        }
        tx.commit().await?;
    }
    Ok(count)
}

/// Enqueues a look at each document whose turn it is; returns how many.
pub async fn fetch_due(db: &Db) -> Result<usize, DbError> {
    let mut count = 0;
    for (tenant, document) in addresses::due(&db.system()).await? {
        let mut tx = db.tenant(tenant).begin().await?;
        count += usize::from(addresses::take_due(&mut tx, document).await?);
        tx.commit().await?;
    }
    Ok(count)
}

/// Books calls of processes that died in them; returns how many.
pub async fn settle_stale(db: &Db) -> Result<u64, DbError> {
    let mut calls = 0;
    for tenant in system::tenants_with_stale_money(&db.system()).await? {
        let mut tx = db.tenant(tenant).begin().await?;
        calls += budgets::settle_stale(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(calls)
}

/// Counts every tenant's memories against its plan; returns how many rest from now on, or no longer.
pub async fn let_memories_rest(db: &Db) -> Result<i64, DbError> {
    let (mut changed, mut after) = (0, None);
    loop {
        let tenants = allowances::tenants_after(&db.system(), after).await?;
        let Some(last) = tenants.last() else { return Ok(changed) };
        after = Some(*last);
        for tenant in &tenants {
            let mut tx = db.tenant(*tenant).begin_for_all_audiences().await?;
            changed += allowances::let_memories_rest(&mut tx).await?;
            tx.commit().await?;
        }
    }
}

/// Compares every budget with the ledger.
pub async fn sum_up(db: &Db) -> Result<SummedUp, DbError> {
    let (mut all, mut after) = (SummedUp::default(), None);
    loop {
        let tenants = system::tenants_with_budgets(&db.system(), after).await?;
        let Some(last) = tenants.last() else { return Ok(all) };
        after = Some(*last);
        for tenant in &tenants {
            let mut tx = db.tenant(*tenant).begin().await?;
            let summed = budgets::sum_up(&mut tx).await?;
            tx.commit().await?;
            (all.budgets, all.corrected) = (all.budgets + summed.budgets, all.corrected + summed.corrected);
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Purges what is older than each tenant wants it kept; returns how many times something was left to do. May be stopped and begun
/// again anywhere, and run twice at once.
pub async fn purge(db: &Db, storage: &Storage) -> Result<usize, PurgeError> {
    let (mut after, mut rounds) = (None, 0);
    loop {
        let page = system::list_tenants(&db.system(), after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.tenant);
        for line in &page {
            let tenant = db.tenant(line.tenant);
            loop {
                let erased = erase_old_files(&tenant, storage).await?;
                let mut tx = tenant.begin_for_all_audiences().await?;
                let days = retention::get(&mut tx).await?;
                let most = retention::purge(&mut tx, &days, BATCH).await?.max(erased);
                tx.commit().await?;
                rounds += usize::from(most > 0);
                if most < BATCH.unsigned_abs() {
                    break;
                }
            }
        }
    }
    purge_quarantine(&db.system()).await?;
    Ok(rounds)
}

/// The bytes first: rows of files whose bytes are still there are found again.
async fn erase_old_files(tenant: &TenantDb, storage: &Storage) -> Result<u64, PurgeError> {
    let mut tx = tenant.begin().await?;
    let days = retention::get(&mut tx).await?;
    let files = retention::files(&mut tx, &days, BATCH).await?;
    tx.close().await?;
    if files.is_empty() {
        return Ok(0);
    }
    for media in &files.media {
        storage.erase_media(tenant.id(), *media).await?;
    }
    for made in &files.made {
        storage.erase_file(tenant.id(), *made).await?;
    }
    let mut tx = tenant.begin().await?;
    retention::note_erased(&mut tx, &files).await?;
    tx.commit().await?;
    Ok(files.media.len().max(files.made.len()) as u64)
}

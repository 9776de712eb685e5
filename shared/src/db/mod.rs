//! The only door to PostgreSQL: `Db → TenantDb → TenantTx`, and `SystemDb` for the listed cross-tenant statements.
//!
//! A transaction's first statement sets `app.current_tenant`, so a query cannot reach another tenant's rows even if its
//! `where` is wrong; every query says `tenant_id = …` all the same, for the planner and as the second net.
//!
//! sqlx loses an acknowledged write when a `begin()` is cancelled half-way (the session stays inside a transaction that
//! the next borrower writes into). Two guards, tested in `testing`: every begin runs in a task of its own that cancellation
//! can't reach, and first ends whatever an earlier one may have left open. What needs no transaction has a pool of its own.

mod accept;
pub mod accounts;
pub mod agent_versions;
pub mod agents;
pub mod allowances;
pub mod analytics;
pub mod api_keys;
pub mod approvals;
mod audience;
pub mod audit;
pub mod audit_chain;
pub mod audit_pages;
pub mod billing;
pub mod bindings;
mod bounded;
pub mod budget_notices;
pub mod budgets;
pub mod changes;
pub mod channels;
mod commits;
pub mod connections;
pub mod conversations;
pub mod customers;
pub mod data_keys;
pub mod dead_connections;
pub mod dead_jobs;
pub mod deliveries;
pub mod desks;
pub mod devices;
pub mod documents;
mod error;
pub mod escalation_rules;
pub mod escalations;
pub mod facts;
pub mod failed_sign_ins;
pub mod feedback;
pub mod follow_ups;
pub mod home;
pub mod idempotency;
pub mod identities;
pub mod impersonations;
pub mod inbox;
pub mod install_links;
pub mod installation;
pub mod interactions;
pub mod interruptions;
pub mod invitations;
pub mod lanes;
pub mod languages;
pub mod llm_keys;
pub mod mail_links;
pub mod mails;
pub mod mcp_servers;
pub mod media;
pub mod members;
pub mod memories;
pub mod messages;
pub mod missed;
pub mod notices;
pub mod numbers;
pub mod office_hours;
mod openings;
pub mod origins;
pub mod outbox;
pub mod past;
pub mod people;
pub mod people_pages;
mod planning;
pub mod plans;
pub mod privacy;
pub mod reading;
pub mod rehearsals;
pub mod resends;
pub mod rotations;
pub mod routines;
pub mod runs;
pub mod schema;
pub mod sealed;
pub mod second_factor;
pub mod sent_files;
pub mod sessions;
pub mod streams;
pub mod summaries;
pub mod support;
pub mod suspensions;
pub mod system;
pub mod takeovers;
pub mod tenants;
pub mod tool_calls;
pub mod tools;
pub mod traces;
mod tx;
pub mod usage;
pub mod usage_report;
pub mod vectors;
pub mod watched;
pub mod webhook_endpoints;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

pub use audience::Audience;
pub use error::DbError;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
pub use tx::TenantTx;

use crate::ids::TenantId;
use bounded::{Bounded, within};
use planning::{ANEW, BY_INDEX, KEPT, ManyMemories};

/// Also for opening a connection, which takes some five round trips: on a slow line that must not fail each time.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Per pool. Small on purpose: no transaction waits for the network.
const CONNECTIONS_MAX: u32 = 16;
/// A connection that was used a moment ago lives: asking it first would double the round trips.
const TRUSTED: Duration = Duration::from_secs(1);
/// What proves that a session lives. A line may be slow, but a person does not wait for ten dead sessions in turn.
const PING_DEADLINE: Duration = Duration::from_secs(1);
/// Begins, commits, and statements by key. PostgreSQL's own limit for a lock is 5 s.
const KEY_DEADLINE: Duration = Duration::from_secs(6);
/// A little more than PostgreSQL's own limit for any statement of a service, 30 s.
const STATEMENT_DEADLINE: Duration = Duration::from_secs(35);

static ROUND_TRIPS: AtomicU64 = AtomicU64::new(0);
static COMMITS: AtomicU64 = AtomicU64::new(0);

/// Statements sent and transactions committed by this process since its start, for `make bench`.
pub fn statistics() -> (u64, u64) {
    (ROUND_TRIPS.load(Ordering::Relaxed), COMMITS.load(Ordering::Relaxed))
}

fn count_round_trip() {
    ROUND_TRIPS.fetch_add(1, Ordering::Relaxed);
    metrics::counter!("konstruct_database_round_trips_total").increment(1);
}

fn count_commit() {
    COMMITS.fetch_add(1, Ordering::Relaxed);
    metrics::counter!("konstruct_database_commits_total").increment(1);
}

/// The pools of one process.
#[derive(Clone)]
pub struct Db {
    app: PgPool,
    system: PgPool,
    /// The two roles once more, for statements that are transactions by themselves: nothing begins here.
    alone: PgPool,
    statements: PgPool,
    many_memories: ManyMemories,
}

impl Db {
    /// Connects lazily: the first statement opens the first connection.
    pub fn connect(app: &SecretString, system: &SecretString) -> Result<Self, DbError> {
        let generic = [("plan_cache_mode", "force_generic_plan")];
        Ok(Self {
            app: pool(app, &[])?,
            alone: pool(app, &generic)?,
            system: pool(system, &generic)?,
            statements: pool(system, &generic)?,
            many_memories: ManyMemories::default(),
        })
    }

    pub fn tenant(&self, tenant: TenantId) -> TenantDb {
        let (pool, alone) = (self.app.clone(), self.alone.clone());
        TenantDb { pool, alone, tenant, many_memories: self.many_memories.clone() }
    }

    /// The narrow cross-tenant role. Every statement that uses it stands in `db/system.rs` with its reason, or in a file
    /// that says so at its top.
    pub fn system(&self) -> SystemDb {
        SystemDb { pool: self.system.clone(), statements: self.statements.clone() }
    }

    /// The same with pools of its own, of so many connections each.
    pub fn narrow(&self, connections: u32) -> Self {
        let pool = |pool: &PgPool| {
            let options = (*pool.connect_options()).clone();
            pool.options().clone().max_connections(connections).connect_lazy_with(options)
        };
        Self {
            app: pool(&self.app),
            system: pool(&self.system),
            alone: pool(&self.alone),
            statements: pool(&self.statements),
            many_memories: self.many_memories.clone(),
        }
    }

    pub async fn ping(&self) -> Result<(), DbError> {
        self.app.execute("select 1").await?;
        Ok(())
    }

    pub async fn close(&self) {
        self.app.close().await;
        self.alone.close().await;
        self.system.close().await;
        self.statements.close().await;
    }

    /// The pool of the system role, for apalis, which brings its own statements.
    pub(crate) fn jobs_pool(&self) -> PgPool {
        self.system.clone()
    }
}

/// `settings` of every session. The system role's statements touch single rows by key: planning them anew each time
/// costs more than running them (measured: 3.1 ms against 1.7 ms for an accepted message).
fn pool(url: &SecretString, settings: &[(&str, &str)]) -> Result<PgPool, DbError> {
    let options: PgConnectOptions = url.expose_secret().parse()?;
    let options =
        options.application_name("konstruct").options(settings.iter().copied()).disable_statement_logging();
    Ok(PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, used| {
            Box::pin(async move {
                if used.idle_for > TRUSTED {
                    within(PING_DEADLINE, connection.ping()).await?;
                }
                Ok(true)
            })
        })
        // sqlx asks each session, too, when it is given back, but would wait for the answer of a dead one for ever.
        .after_release(|connection, _| {
            Box::pin(async move {
                within(PING_DEADLINE, connection.ping()).await?;
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// Begins where a cancelled caller can't interrupt, with `settings` for this transaction.
async fn begin(pool: &PgPool, settings: String) -> Result<Transaction<'static, Postgres>, DbError> {
    let pool = pool.clone();
    // Ends what may be open, and begins once before so that the usual case, nothing open, raises no warning.
    let statement = format!("begin; rollback; begin; select {settings}");
    count_round_trip();
    let begun =
        tokio::spawn(async move { within(KEY_DEADLINE, pool.begin_with(AssertSqlSafe(statement))).await }).await;
    Ok(begun.map_err(|error| sqlx::Error::Protocol(error.to_string()))??)
}

/// The call of a function up to its second argument; the first one is the tenant, `$1`. The function runs with what sets it:
/// PostgreSQL can't look at a row before it knows whose it may be.
macro_rules! alone {
    ($function:literal) => {
        concat!(
            "set_config('app.current_tenant', $1::uuid::text, true) as door (tenant), lateral ",
            $function,
            "(door.tenant::uuid, "
        )
    };
}
use alone;

/// One tenant's database: nothing reached through it can be another's.
#[derive(Clone)]
pub struct TenantDb {
    pool: PgPool,
    alone: PgPool,
    tenant: TenantId,
    many_memories: ManyMemories,
}

impl TenantDb {
    pub fn id(&self) -> TenantId {
        self.tenant
    }

    /// A transaction that sees no memories: `app.audiences` stays empty.
    pub async fn begin(&self) -> Result<TenantTx, DbError> {
        self.begin_with("", KEPT).await
    }

    /// A transaction that sees the memories these audiences may be reminded of.
    pub async fn begin_for(&self, audiences: &[Audience]) -> Result<TenantTx, DbError> {
        let names: Vec<String> = audiences.iter().map(ToString::to_string).collect();
        // Channel ids come from a provider; anything that is not id-like would be SQL here, and a comma would be another
        // audience.
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, ':' | '_' | '-' | '.');
        if !names.iter().all(|name| name.chars().all(plain)) {
            return Err(DbError::Damaged("a channel id holds characters that no provider uses".into()));
        }
        let anew = self.many_memories.has(self.tenant);
        let plans = if anew { ANEW } else { KEPT };
        let mut tx = self.begin_with(&names.join(","), &format!("{plans}, {BY_INDEX}")).await?;
        tx.plans_anew = anew;
        Ok(tx)
    }

    /// A transaction that sees every memory of the tenant, for jobs that maintain them (embedding, erasing).
    pub async fn begin_for_all_audiences(&self) -> Result<TenantTx, DbError> {
        self.begin_with("*", KEPT).await
    }

    /// The same for people who look through them.
    pub async fn begin_to_look_through(&self) -> Result<TenantTx, DbError> {
        let mut tx = self.begin_with("*", &format!("{ANEW}, {BY_INDEX}")).await?;
        tx.plans_anew = true;
        Ok(tx)
    }

    /// For one call of a function, written with [`alone!`], that is a transaction by itself.
    fn alone(&self) -> Bounded<&PgPool> {
        count_round_trip();
        count_commit();
        Bounded { inner: &self.alone, deadline: KEY_DEADLINE }
    }

    async fn begin_with(&self, audiences: &str, plans: &str) -> Result<TenantTx, DbError> {
        // Both values are validated above: a uuid and id-like text. One round trip instead of two.
        let settings = format!(
            "set_config('app.current_tenant', '{}', true), \
             set_config('app.audiences', '{audiences}', true), {plans}",
            self.tenant.uuid()
        );
        let transaction = begin(&self.pool, settings).await?;
        let many_memories = self.many_memories.clone();
        Ok(TenantTx::new(transaction, self.tenant, many_memories))
    }
}

/// The cross-tenant role's door; see [`Db::system`].
#[derive(Clone)]
pub struct SystemDb {
    pool: PgPool,
    statements: PgPool,
}

impl SystemDb {
    /// For one statement that is a transaction by itself and changes nothing.
    fn read(&self) -> Bounded<&PgPool> {
        count_round_trip();
        Bounded { inner: &self.statements, deadline: KEY_DEADLINE }
    }

    /// For one statement that is a transaction by itself and writes.
    fn write(&self) -> Bounded<&PgPool> {
        count_round_trip();
        count_commit();
        Bounded { inner: &self.statements, deadline: KEY_DEADLINE }
    }

    /// For somebody who keeps up to `connections`, for single statements that wait at most `lock_timeout` for others' rows.
    fn own_pool(&self, connections: u32, lock_timeout: &str) -> PgPool {
        let options = (*self.statements.connect_options()).clone().options([("lock_timeout", lock_timeout)]);
        self.statements.options().clone().max_connections(connections).connect_lazy_with(options)
    }

    /// Several statements, acting for one tenant that may not exist yet.
    async fn begin(&self, tenant: TenantId) -> Result<Transaction<'static, Postgres>, DbError> {
        begin(&self.pool, format!("set_config('app.current_tenant', '{}', true)", tenant.uuid())).await
    }

    /// Several statements about what belongs to no tenant.
    async fn begin_untied(&self) -> Result<Transaction<'static, Postgres>, DbError> {
        begin(&self.pool, "set_config('app.current_tenant', '', true)".to_owned()).await
    }

    /// Several statements about a user, whose audit row goes to this tenant, if there is one.
    async fn begin_for(&self, tenant: Option<TenantId>) -> Result<Transaction<'static, Postgres>, DbError> {
        match tenant {
            Some(tenant) => self.begin(tenant).await,
            None => self.begin_untied().await,
        }
    }
}

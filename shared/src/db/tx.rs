//! A tenant's transaction, and what it writes down last: the acts it records and the jobs it enqueues.
//!
//! Whoever records or enqueues leaves that with the transaction. [`TenantTx::commit`] writes all of it in one statement before
//! it commits: together with the rest or not at all, one round trip for all of it, and the head of the audit log, where a
//! tenant's writers queue, is locked for that moment only. See decision 0152.

use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction, types::Json};
use uuid::Uuid;

use super::{
    DbError, KEY_DEADLINE, STATEMENT_DEADLINE,
    bounded::{Bounded, within},
    count_commit, count_round_trip,
    planning::ManyMemories,
};
use crate::ids::{JobId, TenantId};

/// A transaction bound to one tenant. Dropped without [`TenantTx::commit`], it rolls back.
pub struct TenantTx {
    transaction: Transaction<'static, Postgres>,
    tenant: TenantId,
    pub(super) many_memories: ManyMemories,
    pub(super) plans_anew: bool,
    last: Last,
}

/// What is written last.
#[derive(Default)]
struct Last {
    acts: Acts,
    jobs: Jobs,
    wakes: Wakes,
    answer: Option<Answer>,
}

/// What whoever asks again with the same key is told, of a try that may still tell it.
pub(super) struct Answer {
    pub attempt: Uuid,
    /// What it is sealed under must not be destroyed meanwhile.
    pub data_key: Uuid,
    pub status: i32,
    pub sealed: Vec<u8>,
}

/// A column each.
#[derive(Default)]
struct Acts {
    actor_kinds: Vec<&'static str>,
    actor_ids: Vec<String>,
    actions: Vec<String>,
    target_kinds: Vec<String>,
    target_ids: Vec<String>,
    details: Vec<Json<Value>>,
}

#[derive(Default)]
struct Jobs {
    ids: Vec<JobId>,
    kinds: Vec<&'static str>,
    payloads: Vec<Json<Value>>,
    seconds: Vec<f64>,
}

#[derive(Default)]
struct Wakes {
    ids: Vec<String>,
    payloads: Vec<Vec<u8>>,
    seconds: Vec<f64>,
}

/// The wake-ups are written as apalis itself writes them, which would take a statement of its own. Its times are whole seconds.
macro_rules! written {
    () => {
        "
enqueued as (
    insert into jobs (tenant_id, job_id, kind, payload, run_after)
    select $1, j.job_id, j.kind, j.payload, clock_timestamp() + make_interval(secs => j.seconds)
      from unnest($2::uuid[], $3::text[], $4::jsonb[], $5::float8[]) as j (job_id, kind, payload, seconds)
), woken as (
    insert into apalis.jobs (id, job_type, job, status, attempts, max_attempts, run_at, priority, metadata)
    select w.id, $6, w.job, 'Pending', 0, 25,
           date_trunc('second', clock_timestamp() + make_interval(secs => w.seconds)), 0, ''::hstore
      from unnest($7::text[], $8::bytea[], $9::float8[]) as w (id, job, seconds)
), recorded as (
    select count(audit_append(a.actor_kind, a.actor_id, a.action, a.target_kind, a.target_id, a.detail)) as acts
      from (select * from unnest($10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::jsonb[])
                     with ordinality as listed (actor_kind, actor_id, action, target_kind, target_id, detail, n)
             order by n) a
)"
    };
}
const WRITE: &str = concat!("with", written!(), " select acts from recorded");
/// The same with an answer, and whether it was still this try's to give.
const WRITE_WITH_ANSWER: &str = concat!(
    "with answered as (
    update idempotency_keys set status = $17, answer = $18
     where tenant_id = $1 and attempt_id = $16 and answer is null
       and exists (select from data_keys where tenant_id = $1 and data_key_id = $19 for key share)
    returning attempt_id
),",
    written!(),
    " select (select count(*) from answered) from recorded"
);

/// What apalis calls its rows by: the bits of a UUID, in the letters of our ids.
fn ulid() -> String {
    let id = JobId::new().to_string();
    id.rsplit('_').next().unwrap_or_default().to_uppercase()
}

impl TenantTx {
    pub(super) fn new(
        transaction: Transaction<'static, Postgres>,
        tenant: TenantId,
        many_memories: ManyMemories,
    ) -> Self {
        Self { transaction, tenant, many_memories, plans_anew: false, last: Last::default() }
    }

    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The connection, for one statement.
    pub fn conn(&mut self) -> Bounded<&mut PgConnection> {
        count_round_trip();
        Bounded { inner: &mut self.transaction, deadline: STATEMENT_DEADLINE }
    }

    /// An act, for the tenant's audit log: who, what, to which thing.
    pub(super) fn record(
        &mut self,
        (actor_kind, actor_id): (&'static str, String),
        action: &str,
        (target_kind, target_id): (&str, &str),
        detail: Value,
    ) {
        let acts = &mut self.last.acts;
        acts.actor_kinds.push(actor_kind);
        acts.actor_ids.push(actor_id);
        acts.actions.push(action.to_owned());
        acts.target_kinds.push(target_kind.to_owned());
        acts.target_ids.push(target_id.to_owned());
        acts.details.push(Json(detail));
    }

    /// A row for a job that is not woken before `seconds` have passed.
    pub(crate) fn enqueue(&mut self, id: JobId, kind: &'static str, payload: Value, seconds: f64) {
        let jobs = &mut self.last.jobs;
        jobs.ids.push(id);
        jobs.kinds.push(kind);
        jobs.payloads.push(Json(payload));
        jobs.seconds.push(seconds);
    }

    /// An answer to keep; [`TenantTx::commit`] fails if it is not this try's to give any more.
    pub(super) fn answers(&mut self, answer: Answer) {
        self.last.answer = Some(answer);
    }

    /// A wake-up, as apalis is given it.
    pub(crate) fn wake(&mut self, payload: Vec<u8>, seconds: f64) {
        let wakes = &mut self.last.wakes;
        wakes.ids.push(ulid());
        wakes.payloads.push(payload);
        wakes.seconds.push(seconds);
    }

    /// Whether this transaction enqueues such a job.
    pub(crate) fn enqueues(&self, kind: &str, payload: &Value) -> bool {
        let jobs = &self.last.jobs;
        jobs.kinds.iter().zip(&jobs.payloads).any(|(known, Json(waiting))| *known == kind && waiting == payload)
    }

    /// Writes down what is recorded and enqueued so far; [`TenantTx::commit`] does. For whoever looks at it before.
    pub async fn write_last(&mut self) -> Result<(), DbError> {
        let Last { acts, jobs, wakes, answer } = std::mem::take(&mut self.last);
        if acts.actions.is_empty() && wakes.ids.is_empty() && answer.is_none() {
            return Ok(());
        }
        let tenant = self.tenant;
        let statement = if answer.is_some() { WRITE_WITH_ANSWER } else { WRITE };
        let mut writing = sqlx::query_scalar::<_, i64>(statement)
            .bind(tenant)
            .bind(jobs.ids)
            .bind(jobs.kinds)
            .bind(jobs.payloads)
            .bind(jobs.seconds)
            .bind(crate::queue::QUEUE)
            .bind(wakes.ids)
            .bind(wakes.payloads)
            .bind(wakes.seconds)
            .bind(acts.actor_kinds)
            .bind(acts.actor_ids)
            .bind(acts.actions)
            .bind(acts.target_kinds)
            .bind(acts.target_ids)
            .bind(acts.details);
        let Some(answer) = answer else {
            writing.fetch_one(self.conn()).await?;
            return Ok(());
        };
        writing = writing.bind(answer.attempt).bind(answer.status).bind(answer.sealed).bind(answer.data_key);
        match writing.fetch_one(self.conn()).await? {
            1 => Ok(()),
            _ => Err(DbError::Conflict(
                "This took so long that another try with the same `Idempotency-Key` has taken over.",
            )),
        }
    }

    pub async fn commit(mut self) -> Result<(), DbError> {
        self.write_last().await?;
        count_round_trip();
        count_commit();
        Ok(within(KEY_DEADLINE, self.transaction.commit()).await?)
    }

    /// Ends a transaction that only read. The rollback travels with the pool's check of the returned connection: it takes
    /// no round trip of its own, and nobody waits for it.
    pub async fn close(self) -> Result<(), DbError> {
        drop(self.transaction);
        Ok(())
    }
}

//! What is kept for a while: records that nobody reads any more lose their bodies.
//!
//! Rows of the inbox stay, and so do the keyed hashes that tell a message which came twice: what is purged never comes in again.

use serde_json::json;
use sqlx::Row;

use super::super::{
    DbError, SystemDb, TenantTx,
    audit::{self, Actor},
    count_commit,
};

/// Days that can be asked for.
pub const DAYS_MAX: i32 = 3_650;

/// Days, by what is kept; `None`: for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Bytes as they came from a platform, and what people pressed. The messages themselves stay.
    pub inbox_days: Option<i32>,
    /// What models and tools answered in a turn, as it is recorded, and what went out. The answers stay among the messages.
    pub runs_days: Option<i32>,
    /// What the tenant's own systems were told.
    pub deliveries_days: Option<i32>,
    /// Jobs that are done.
    pub jobs_days: Option<i32>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { inbox_days: Some(90), runs_days: Some(90), deliveries_days: Some(90), jobs_days: Some(30) }
    }
}

/// What the tenant said, or the default.
pub async fn get(tx: &mut TenantTx) -> Result<Retention, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select inbox_days, runs_days, deliveries_days, jobs_days from retention where tenant_id = $1",
    )
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(Retention::default()) };
    Ok(Retention {
        inbox_days: row.try_get("inbox_days")?,
        runs_days: row.try_get("runs_days")?,
        deliveries_days: row.try_get("deliveries_days")?,
        jobs_days: row.try_get("jobs_days")?,
    })
}

/// Sets it; recorded.
pub async fn set(tx: &mut TenantTx, actor: &Actor, days: &Retention) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into retention (tenant_id, inbox_days, runs_days, deliveries_days, jobs_days) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id) do update
            set inbox_days = excluded.inbox_days, runs_days = excluded.runs_days,
                deliveries_days = excluded.deliveries_days, jobs_days = excluded.jobs_days,
                changed_at = clock_timestamp()",
    )
    .bind(tenant)
    .bind(days.inbox_days)
    .bind(days.runs_days)
    .bind(days.deliveries_days)
    .bind(days.jobs_days)
    .execute(tx.conn())
    .await?;
    let detail = json!({ "inbox_days": days.inbox_days, "runs_days": days.runs_days,
                         "deliveries_days": days.deliveries_days, "jobs_days": days.jobs_days });
    audit::append(tx, actor, "retention.set", ("tenant", &tenant.to_string()), detail).await
}

/// Bodies older than $2 days, $3 rows at most.
const INBOX: [&str; 3] = [
    "update inbox set raw = '', normalized = null
      where tenant_id = $1 and (conversation_id, seq) in (
                select conversation_id, seq from inbox
                 where tenant_id = $1 and state <> 'pending' and raw <> ''
                   and received_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update interactions set raw = '', detail = '{}'
      where tenant_id = $1 and interaction_id in (
                select interaction_id from interactions
                 where tenant_id = $1 and state <> 'pending' and raw <> ''
                   and received_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "delete from message_changes
      where tenant_id = $1 and ctid = any (array(
                select ctid from message_changes
                 where tenant_id = $1 and applied_at is not null
                   and received_at < clock_timestamp() - make_interval(days => $2) limit $3))",
];
const RUNS: [&str; 3] = [
    "update run_steps set result = '{}', request_hash = ''
      where tenant_id = $1 and (run_id, step) in (
                select s.run_id, s.step from run_steps s
                  join runs r on r.tenant_id = $1 and r.run_id = s.run_id and r.state <> 'running'
                 where s.tenant_id = $1 and s.result <> '{}'
                   and s.created_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update outbox_parts set text = ''
      where tenant_id = $1 and (outbox_id, n) in (
                select p.outbox_id, p.n from outbox_parts p
                  join outbox o on o.tenant_id = $1 and o.outbox_id = p.outbox_id and o.state <> 'sending'
                 where p.tenant_id = $1 and p.text <> ''
                   and p.created_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update outbox set body = '', head = '', tail = ''
      where tenant_id = $1 and outbox_id in (
                select outbox_id from outbox
                 where tenant_id = $1 and state <> 'sending' and body <> ''
                   and created_at < clock_timestamp() - make_interval(days => $2) limit $3)",
];
const DELIVERIES: [&str; 1] = ["delete from webhook_deliveries
      where tenant_id = $1 and delivery_id in (
                select delivery_id from webhook_deliveries
                 where tenant_id = $1 and state <> 'waiting'
                   and finished_at < clock_timestamp() - make_interval(days => $2) limit $3)"];
const JOBS: [&str; 1] = ["delete from jobs
      where tenant_id = $1 and job_id in (
                select job_id from jobs
                 where tenant_id = $1 and state in ('done', 'discarded')
                   and finished_at < clock_timestamp() - make_interval(days => $2) limit $3)"];

/// Purges some of what is older, of each kind at most `at_most` rows; returns how many rows of the kind of which there were
/// most: fewer than that, and it is done.
pub async fn purge(tx: &mut TenantTx, days: &Retention, at_most: i64) -> Result<u64, DbError> {
    let (tenant, mut most) = (tx.tenant(), 0);
    let kinds: [(Option<i32>, &[&'static str]); 4] = [
        (days.inbox_days, &INBOX),
        (days.runs_days, &RUNS),
        (days.deliveries_days, &DELIVERIES),
        (days.jobs_days, &JOBS),
    ];
    for (days, statements) in kinds {
        let Some(days) = days else { continue };
        for statement in statements {
            let purged = sqlx::query(*statement).bind(tenant).bind(days).bind(at_most).execute(tx.conn()).await?;
            most = most.max(purged.rows_affected());
        }
    }
    Ok(most)
}

/// What no tenant could be found for goes after thirty days, as its policies say.
///
/// Reason: it is nobody's.
pub async fn purge_quarantine(db: &SystemDb) -> Result<u64, DbError> {
    let mut tx = db.begin_untied().await?;
    let gone = sqlx::query("delete from quarantine where received_at < clock_timestamp() - interval '30 days'")
        .execute(&mut *tx)
        .await?;
    count_commit();
    tx.commit().await?;
    Ok(gone.rows_affected())
}

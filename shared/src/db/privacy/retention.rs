//! What is kept for a while: what is older loses its bodies.
//!
//! Rows of the inbox stay, and so do the keyed hashes that tell a message which came twice: what is purged never comes in again.
//! `older.rs` says table by table what goes.

use serde_json::json;
use sqlx::Row;

use super::super::{
    DbError, SystemDb, TenantTx,
    audit::{self, Actor},
    count_commit,
};
use super::{Files, older};

/// Days that can be asked for.
pub const DAYS_MAX: i32 = 3_650;

/// Days, by what is kept; `None`: for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What was said, with its files, what is remembered of it word for word, summaries and side conversations, and whatever
    /// else repeats it: no record below outlives it.
    pub messages_days: Option<i32>,
    /// What was learned from it.
    pub facts_days: Option<i32>,
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
        Self {
            messages_days: None,
            facts_days: None,
            inbox_days: Some(90),
            runs_days: Some(90),
            deliveries_days: Some(90),
            jobs_days: Some(30),
        }
    }
}

impl Retention {
    fn and_no_longer_than_messages(&self, days: Option<i32>) -> Option<i32> {
        days.into_iter().chain(self.messages_days).min()
    }
}

/// What the tenant said, or the default.
pub async fn get(tx: &mut TenantTx) -> Result<Retention, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select messages_days, facts_days, inbox_days, runs_days, deliveries_days, jobs_days
           from retention where tenant_id = $1",
    )
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(Retention::default()) };
    Ok(Retention {
        messages_days: row.try_get("messages_days")?,
        facts_days: row.try_get("facts_days")?,
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
        "insert into retention (tenant_id, messages_days, facts_days, inbox_days, runs_days, deliveries_days, jobs_days)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id) do update
            set messages_days = excluded.messages_days, facts_days = excluded.facts_days,
                inbox_days = excluded.inbox_days, runs_days = excluded.runs_days,
                deliveries_days = excluded.deliveries_days, jobs_days = excluded.jobs_days,
                changed_at = clock_timestamp()",
    )
    .bind(tenant)
    .bind(days.messages_days)
    .bind(days.facts_days)
    .bind(days.inbox_days)
    .bind(days.runs_days)
    .bind(days.deliveries_days)
    .bind(days.jobs_days)
    .execute(tx.conn())
    .await?;
    let detail = json!({ "messages_days": days.messages_days, "facts_days": days.facts_days,
                         "inbox_days": days.inbox_days, "runs_days": days.runs_days,
                         "deliveries_days": days.deliveries_days, "jobs_days": days.jobs_days });
    audit::append(tx, actor, "retention.set", ("tenant", &tenant.to_string()), detail).await
}

/// Purges some of what is older, without telling the tenant's own systems of each message, of each kind at most `at_most` rows;
/// returns how many rows of the kind of which there were most: fewer than that, and it is done.
pub async fn purge(tx: &mut TenantTx, days: &Retention, at_most: i64) -> Result<u64, DbError> {
    let (tenant, mut most) = (tx.tenant(), 0);
    let kinds: [(Option<i32>, &[&'static str]); 6] = [
        (days.messages_days, &older::MESSAGES),
        (days.facts_days, &older::FACTS),
        (days.and_no_longer_than_messages(days.inbox_days), &older::INBOX),
        (days.and_no_longer_than_messages(days.runs_days), &older::RUNS),
        (days.and_no_longer_than_messages(days.deliveries_days), &older::DELIVERIES),
        (days.and_no_longer_than_messages(days.jobs_days), &older::JOBS),
    ];
    sqlx::query("select set_config('app.purging', 'on', true)").execute(tx.conn()).await?;
    for (days, statements) in kinds {
        let Some(days) = days else { continue };
        for statement in statements {
            let purged = sqlx::query(*statement).bind(tenant).bind(days).bind(at_most).execute(tx.conn()).await?;
            most = most.max(purged.rows_affected());
        }
    }
    Ok(most)
}

/// Files that came or were made before messages that are still kept, at most `at_most` of each. Their bytes are to be erased
/// first: then [`note_erased`].
pub async fn files(tx: &mut TenantTx, days: &Retention, at_most: i64) -> Result<Files, DbError> {
    let (tenant, Some(days)) = (tx.tenant(), days.messages_days) else { return Ok(Files::default()) };
    let media =
        sqlx::query_scalar(older::MEDIA).bind(tenant).bind(days).bind(at_most).fetch_all(tx.conn()).await?;
    let made = sqlx::query_as(older::MADE).bind(tenant).bind(days).bind(at_most).fetch_all(tx.conn()).await?;
    Ok(Files { media, made })
}

/// Their bytes are gone.
pub async fn note_erased(tx: &mut TenantTx, files: &Files) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(older::MEDIA_GONE).bind(tenant).bind(&files.media).execute(tx.conn()).await?;
    let (runs, parts): (Vec<_>, Vec<_>) = files.made.iter().copied().unzip();
    sqlx::query(older::MADE_GONE).bind(tenant).bind(runs).bind(parts).execute(tx.conn()).await?;
    Ok(())
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

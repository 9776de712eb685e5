//! How far our messages got, as a platform reports it: late, twice, and in any order.

use std::time::Duration;

use sqlx::{
    Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use time::OffsetDateTime;

use super::{
    DbError, TenantDb, TenantTx, alone,
    notices::{self, Kind},
    resends::{self, AGE_MAX, RESENDS_MAX},
};
use crate::ids::{ConnectionId, OutboxId, TenantId};

/// As `deliveries_record` says it.
const SOMETHING_FOLLOWS: &str = "09000";

/// The stages of a message. A later one is never taken back by an earlier one that arrives late; a message that was seen
/// has not failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    Accepted,
    Sent,
    Failed,
    Delivered,
    Read,
    Played,
}

impl Progress {
    /// A word that is not known yet counts as the least.
    pub fn parse(word: &str) -> Self {
        match word {
            "sent" => Self::Sent,
            "failed" => Self::Failed,
            "delivered" => Self::Delivered,
            "read" => Self::Read,
            "played" => Self::Played,
            _ => Self::Accepted,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
        }
    }

    fn rank(self) -> i32 {
        self as i32
    }
}

/// One report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The platform's id of the message.
    pub external_id: String,
    pub progress: Progress,
    pub at: OffsetDateTime,
    /// What we sent along, if it was ours.
    pub outbox: Option<OutboxId>,
    /// Whom it went to, for the price; not stored.
    pub recipient: String,
    pub error_code: Option<i32>,
    pub error: Option<String>,
    pub category: Option<String>,
    /// `regular`, or why it is free.
    pub pricing: Option<String>,
}

/// The arguments of `deliveries_record` after the tenant.
macro_rules! reported {
    () => {
        "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    };
}

/// Records reports about messages of the tenant's connections, and what follows from them. Recording them again changes
/// nothing. `pause`: after which time a failure is worth another try, if it is.
pub async fn record(
    tx: &mut TenantTx,
    reports: &[(ConnectionId, Status)],
    pause: impl Fn(&Status) -> Option<Duration>,
) -> Result<(), DbError> {
    if reports.is_empty() {
        return Ok(());
    }
    let (tenant, sql) = (tx.tenant(), concat!("select * from deliveries_record($1, ", reported!()));
    let pauses = reports.iter().map(|(_, status)| pause(status).map(|pause| pause.as_secs_f64())).collect();
    let failed = recording(sql, tenant, reports, pauses).bind(false).fetch_all(tx.conn()).await?;
    for row in &failed {
        follow_up(tx, row).await?;
    }
    Ok(())
}

/// The same as a transaction by itself: one round trip. `false`: something follows from them, and nothing is recorded.
pub async fn record_alone(db: &TenantDb, reports: &[(ConnectionId, Status)]) -> Result<bool, DbError> {
    if reports.iter().any(|(_, status)| status.progress == Progress::Failed) {
        return Ok(false);
    }
    let sql = concat!("select count(*) from ", alone!("deliveries_record"), reported!());
    match recording(sql, db.id(), reports, vec![None; reports.len()]).bind(true).fetch_one(db.alone()).await {
        Err(sqlx::Error::Database(refusal)) if refusal.code().is_some_and(|code| code == SOMETHING_FOLLOWS) => {
            Ok(false)
        }
        recorded => Ok(recorded.map(|_| true)?),
    }
}

fn recording<'q>(
    sql: &'static str,
    tenant: TenantId,
    reports: &'q [(ConnectionId, Status)],
    pauses: Vec<Option<f64>>,
) -> Query<'q, Postgres, PgArguments> {
    let list =
        |pick: fn(&Status) -> Option<&str>| reports.iter().map(|(_, status)| pick(status)).collect::<Vec<_>>();
    sqlx::query(sql)
        .bind(tenant)
        .bind(reports.iter().map(|(connection, _)| *connection).collect::<Vec<_>>())
        .bind(list(|status| Some(&status.external_id)))
        .bind(reports.iter().map(|(_, status)| status.outbox).collect::<Vec<_>>())
        .bind(list(|status| Some(status.progress.as_str())))
        .bind(reports.iter().map(|(_, status)| status.progress.rank()).collect::<Vec<_>>())
        .bind(reports.iter().map(|(_, status)| status.at).collect::<Vec<_>>())
        .bind(reports.iter().map(|(_, status)| status.error_code).collect::<Vec<_>>())
        .bind(list(|status| status.error.as_deref()))
        .bind(list(|status| status.category.as_deref()))
        .bind(list(|status| status.pricing.as_deref()))
        .bind(list(|status| Some(&status.recipient)))
        .bind(pauses)
        .bind(RESENDS_MAX)
        .bind(AGE_MAX.as_secs_f64())
}

/// Draws the consequences of a failure that was reported before anybody here knew whose message it was.
pub async fn catch_up(
    tx: &mut TenantTx,
    connection: ConnectionId,
    external_id: &str,
    pause: impl Fn(&Status) -> Option<Duration>,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select outbox_id, changed_at, error_code, error from delivery_statuses
          where tenant_id = $1 and connection_id = $2 and external_id = $3 and status = 'failed'",
    )
    .bind(tenant)
    .bind(connection)
    .bind(external_id)
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(()) };
    let failure = Status {
        external_id: external_id.to_owned(),
        progress: Progress::Failed,
        at: row.try_get("changed_at")?,
        outbox: row.try_get("outbox_id")?,
        recipient: String::new(),
        error_code: row.try_get("error_code")?,
        error: row.try_get("error")?,
        category: None,
        pricing: None,
    };
    record(tx, &[(connection, failure)], pause).await
}

/// Of a message that failed: another try a while later, each time a longer one, or a word to those who can look.
async fn follow_up(tx: &mut TenantTx, row: &PgRow) -> Result<(), DbError> {
    let (state, error): (String, Option<String>) = (row.try_get("state")?, row.try_get("error")?);
    if state != "sending" {
        let reason = error.unwrap_or_default();
        return notices::tell_of_send(tx, Kind::SendFailed, row.try_get("conversation_id")?, &reason).await;
    }
    let (pause, resends): (f64, i32) = (row.try_get("pause")?, row.try_get("resends")?);
    let pause = Duration::from_secs_f64(pause * 3_f64.powi(resends));
    resends::put_off(tx, row.try_get("outbox_id")?, pause).await
}

/// What the platform said about a message that got no clear answer: its id, and whether it failed.
pub async fn find(tx: &mut TenantTx, outbox: OutboxId) -> Result<Option<(String, bool)>, DbError> {
    let tenant = tx.tenant();
    let found = sqlx::query_as(
        "select external_id, status = 'failed' from delivery_statuses
          where tenant_id = $1 and outbox_id = $2 order by rank desc limit 1",
    )
    .bind(tenant)
    .bind(outbox)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found)
}

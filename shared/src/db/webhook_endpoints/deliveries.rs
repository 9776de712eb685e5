//! What a tenant's own systems are told: `waiting → delivered | failed`, and back to `waiting` when somebody asks for it.
//!
//! The audit log is one source: whoever acts writes there and nowhere else, in its order, which is that of the commits. An
//! endpoint remembers how far it was told, and a delivery which act it is of. Of messages and notices a delivery is made by a
//! trigger, `new` until the schedule sees it. The words of all of them are read when they are sent.

use std::time::Duration;

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    super::{
        DbError, SystemDb, TenantTx,
        audit::{self, Actor},
        notices::{self, Kind},
    },
    LOG, PING,
    subjects::{self, Subject},
};
use crate::{
    ids::{MessageId, NoticeId, TenantId, WebhookDeliveryId, WebhookEndpointId},
    jobs::Job,
    queue,
    standard_webhooks::Failure,
};

/// Acts of one look at the log, and what else is new.
const ACTS_MAX: i64 = 200;
/// Endpoints of one sweep.
const DUE_MAX: i64 = 100;

#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: WebhookDeliveryId,
    /// The act's place in the log. `None`: it is about the message or the notice.
    pub n: Option<i64>,
    pub action: String,
    pub message: Option<MessageId>,
    pub notice: Option<NoticeId>,
    pub state: String,
    pub attempts: i32,
    /// The HTTP status that was answered last.
    pub status: Option<i32>,
    /// Why it did not arrive the last time.
    pub error: Option<String>,
    pub created_at: OffsetDateTime,
    pub finished_at: Option<OffsetDateTime>,
}

/// One that is about to be sent.
#[derive(Clone, Debug)]
pub struct Due {
    pub endpoint: WebhookEndpointId,
    pub url: String,
    /// Sealed.
    pub secret: Vec<u8>,
    /// This one included.
    pub attempts: i32,
    /// Whether the words of a message go along.
    pub with_text: bool,
    pub subject: Subject,
}

/// Endpoints whose tenant has done something since they were told last, or about which something is new, at most 100.
///
/// Reason: the schedule asks whose turn it is; what is told is written under each tenant.
pub async fn due(db: &SystemDb) -> Result<Vec<(TenantId, WebhookEndpointId)>, DbError> {
    Ok(sqlx::query_as(
        "select e.tenant_id, e.endpoint_id
           from webhook_endpoints e join audit_heads h on h.tenant_id = e.tenant_id
          where e.enabled and e.told_n < h.n
         union
         select d.tenant_id, d.endpoint_id from webhook_deliveries d where d.state = 'new'
         limit $1",
    )
    .bind(DUE_MAX)
    .fetch_all(db.read())
    .await?)
}

/// Enqueues what an endpoint is to be told of messages and notices; returns how many.
pub async fn take_new(tx: &mut TenantTx, id: WebhookEndpointId) -> Result<usize, DbError> {
    let tenant = tx.tenant();
    let ids: Vec<WebhookDeliveryId> = sqlx::query_scalar(
        "update webhook_deliveries d set state = 'waiting'
          where d.tenant_id = $1 and d.delivery_id = any(array(
                    select n.delivery_id from webhook_deliveries n
                     where n.tenant_id = $1 and n.endpoint_id = $2 and n.state = 'new'
                     order by n.delivery_id limit $3 for no key update skip locked))
         returning d.delivery_id",
    )
    .bind(tenant)
    .bind(id)
    .bind(ACTS_MAX)
    .fetch_all(tx.conn())
    .await?;
    for delivery in &ids {
        queue::enqueue(tx, &Job::TellOwnSystem { delivery: *delivery }).await?;
    }
    Ok(ids.len())
}

/// Makes a delivery of each act that an endpoint was not told of and asked for; returns how many.
pub async fn take_due(tx: &mut TenantTx, id: WebhookEndpointId) -> Result<usize, DbError> {
    let tenant = tx.tenant();
    let due: Option<(i64, Vec<String>)> = sqlx::query_as(
        "select told_n, actions from webhook_endpoints
          where tenant_id = $1 and endpoint_id = $2 and enabled for no key update skip locked",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some((told, actions)) = due else { return Ok(0) };
    let acts: Vec<(i64, bool)> = sqlx::query_as(
        "select a.n, a.action = $4 and a.target_id = $5
                  or a.action <> $4 and (cardinality($3::text[]) = 0 or $7 = any($3::text[])
                      or exists (select from unnest($3::text[]) as w (word)
                                  where a.action = w.word or starts_with(a.action, w.word || '.')))
           from audit_events a where a.tenant_id = $1 and a.n > $2 order by a.n limit $6",
    )
    .bind(tenant)
    .bind(told)
    .bind(&actions)
    .bind(PING)
    .bind(id.to_string())
    .bind(ACTS_MAX)
    .bind(LOG)
    .fetch_all(tx.conn())
    .await?;
    let Some((last, _)) = acts.last() else { return Ok(0) };
    sqlx::query("update webhook_endpoints set told_n = $3 where tenant_id = $1 and endpoint_id = $2")
        .bind(tenant)
        .bind(id)
        .bind(last)
        .execute(tx.conn())
        .await?;
    let wanted: Vec<i64> = acts.iter().filter(|(_, wanted)| *wanted).map(|(n, _)| *n).collect();
    if wanted.is_empty() {
        return Ok(0);
    }
    let ids: Vec<WebhookDeliveryId> = wanted.iter().map(|_| WebhookDeliveryId::new()).collect();
    sqlx::query(
        "insert into webhook_deliveries (tenant_id, delivery_id, endpoint_id, n)
         select $1, told.id, $2, told.n from unnest($3::uuid[], $4::bigint[]) as told (id, n)",
    )
    .bind(tenant)
    .bind(id)
    .bind(&ids)
    .bind(&wanted)
    .execute(tx.conn())
    .await?;
    for delivery in &ids {
        queue::enqueue(tx, &Job::TellOwnSystem { delivery: *delivery }).await?;
    }
    Ok(ids.len())
}

/// Counts an attempt before it is made. `None`: it arrived, was given up, or its endpoint is switched off or deleted, which ends
/// it.
pub async fn begin_attempt(tx: &mut TenantTx, id: WebhookDeliveryId) -> Result<Option<Due>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "update webhook_deliveries d set attempts = d.attempts + 1
           from webhook_endpoints e
          where d.tenant_id = $1 and d.delivery_id = $2 and d.state = 'waiting'
            and e.tenant_id = $1 and e.endpoint_id = d.endpoint_id and e.enabled
         returning e.endpoint_id, e.url, e.secret, e.with_text, d.attempts, d.n, d.event, d.message_id, d.notice_id",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    if row.is_none() {
        sqlx::query(
            "update webhook_deliveries
                set state = 'failed', error = 'The endpoint is switched off.', finished_at = clock_timestamp()
              where tenant_id = $1 and delivery_id = $2 and state = 'waiting'",
        )
        .bind(tenant)
        .bind(id)
        .execute(tx.conn())
        .await?;
    }
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Due {
        endpoint: row.try_get("endpoint_id")?,
        url: row.try_get("url")?,
        secret: row.try_get("secret")?,
        attempts: row.try_get("attempts")?,
        with_text: row.try_get("with_text")?,
        subject: subjects::of(tx, &row).await?,
    }))
}

/// It arrived, and the endpoint hears again if it did not.
pub async fn delivered(tx: &mut TenantTx, id: WebhookDeliveryId, status: u16) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with arrived as (
             update webhook_deliveries
                set state = 'delivered', status = $3, error = null, finished_at = clock_timestamp()
              where tenant_id = $1 and delivery_id = $2 and state = 'waiting' returning endpoint_id
         )
         update webhook_endpoints e set failing_since = null
           from arrived
          where e.tenant_id = $1 and e.endpoint_id = arrived.endpoint_id and e.failing_since is not null",
    )
    .bind(tenant)
    .bind(id)
    .bind(i32::from(status))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It did not arrive, and is sent again after a while.
pub async fn put_off(
    tx: &mut TenantTx,
    id: WebhookDeliveryId,
    failure: &Failure,
    after: Duration,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let waits = sqlx::query(
        "update webhook_deliveries set status = $3, error = $4
          where tenant_id = $1 and delivery_id = $2 and state = 'waiting'",
    )
    .bind(tenant)
    .bind(id)
    .bind(failure.status.map(i32::from))
    .bind(&failure.sentence)
    .execute(tx.conn())
    .await?;
    if waits.rows_affected() == 1 {
        queue::enqueue_after(tx, &Job::TellOwnSystem { delivery: id }, after).await?;
    }
    Ok(())
}

/// It is given up. The admins are told when an endpoint begins to fail, not each time. `for_good`: the endpoint wants no more.
pub async fn give_up(
    tx: &mut TenantTx,
    (id, due): (WebhookDeliveryId, &Due),
    failure: &Failure,
    for_good: bool,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update webhook_deliveries set state = 'failed', status = $3, error = $4, finished_at = clock_timestamp()
          where tenant_id = $1 and delivery_id = $2 and state = 'waiting'",
    )
    .bind(tenant)
    .bind(id)
    .bind(failure.status.map(i32::from))
    .bind(&failure.sentence)
    .execute(tx.conn())
    .await?;
    let begins = sqlx::query(
        "update webhook_endpoints set failing_since = coalesce(failing_since, clock_timestamp()), enabled = enabled and not $3
          where tenant_id = $1 and endpoint_id = $2 and (failing_since is null or $3 and enabled)",
    )
    .bind(tenant)
    .bind(due.endpoint)
    .bind(for_good)
    .execute(tx.conn())
    .await?;
    if begins.rows_affected() == 0 {
        return Ok(());
    }
    let what = if for_good { "wants no more of them and was switched off" } else { "does not take them" };
    let body = format!(
        "Your system at {} is told what happens here, and {what}: {} What it missed can be sent again from the list of its \
         deliveries.",
        due.url, failure.sentence
    );
    notices::tell(tx, Kind::WebhookFailing, None, &body).await?;
    if for_good {
        let target = due.endpoint.to_string();
        let detail = json!({ "why": failure.sentence });
        audit::append(tx, &Actor::System, "webhook_endpoint.disable", ("webhook_endpoint", &target), detail)
            .await?;
    }
    Ok(())
}

/// Of one endpoint, the newest first; `before`: what came before this one.
pub async fn list(
    tx: &mut TenantTx,
    endpoint: WebhookEndpointId,
    before: Option<WebhookDeliveryId>,
    limit: i64,
) -> Result<Vec<Delivery>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select d.delivery_id, d.n, d.message_id, d.notice_id, d.attempts, d.status, d.error, d.created_at, d.finished_at,
                coalesce(d.event, (select a.action from audit_events a where a.tenant_id = $1 and a.n = d.n)) as action,
                case d.state when 'new' then 'waiting' else d.state end as state
           from webhook_deliveries d
          where d.tenant_id = $1 and d.endpoint_id = $2 and ($3::uuid is null or d.delivery_id < $3)
          order by d.delivery_id desc limit $4",
    )
    .bind(tenant)
    .bind(endpoint)
    .bind(before)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    let read = |row: &PgRow| {
        Ok(Delivery {
            id: row.try_get("delivery_id")?,
            n: row.try_get("n")?,
            action: row.try_get("action")?,
            message: row.try_get("message_id")?,
            notice: row.try_get("notice_id")?,
            state: row.try_get("state")?,
            attempts: row.try_get("attempts")?,
            status: row.try_get("status")?,
            error: row.try_get("error")?,
            created_at: row.try_get("created_at")?,
            finished_at: row.try_get("finished_at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Sends one again that is over, or that nobody works at any more, with all of its attempts and the same id; recorded.
pub async fn again(tx: &mut TenantTx, actor: &Actor, id: WebhookDeliveryId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let state: Option<(String, bool)> = sqlx::query_as(
        "select d.state, e.enabled
           from webhook_deliveries d join webhook_endpoints e on e.tenant_id = $1 and e.endpoint_id = d.endpoint_id
          where d.tenant_id = $1 and d.delivery_id = $2 and e.deleted_at is null for no key update of d",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let (state, enabled) = state.ok_or(DbError::NotFound)?;
    if !enabled {
        return Err(DbError::Conflict("The endpoint is switched off: switch it on first."));
    }
    let job = Job::TellOwnSystem { delivery: id };
    // One whose job was given up waits for nobody.
    if state == "new" || state == "waiting" && queue::is_waiting(tx, &job).await? {
        return Err(DbError::Conflict("It is on its way already."));
    }
    sqlx::query(
        "update webhook_deliveries set state = 'waiting', attempts = 0, finished_at = null
          where tenant_id = $1 and delivery_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .execute(tx.conn())
    .await?;
    queue::enqueue(tx, &job).await?;
    audit::append(tx, actor, "webhook_delivery.retry", ("webhook_delivery", &id.to_string()), json!({})).await
}

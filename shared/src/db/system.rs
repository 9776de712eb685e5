//! Cross-tenant statements, each with its reason. The claim stands in `lanes.rs`, the accept path in `inbox.rs`.

mod tenants;
mod waiting;

use sqlx::Row;
use uuid::Uuid;

use super::{DbError, SystemDb, audit::Actor, suspensions::Suspension};
use crate::{
    crypto::{FingerprintKey, Keyring, Place, random_bytes},
    ids::{ApiKeyId, ConnectionId, EscalationId, JobId, TenantId},
};

pub(super) use tenants::tenant_line;
pub use tenants::{TENANTS_PAGE, TenantLine, change_plan, create_tenant, list_tenants};
pub use waiting::{tenants_to_learn, tenants_to_rehearse, tenants_to_sum_up};

/// Where a provider's workspace leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub tenant: TenantId,
    pub connection: ConnectionId,
    pub bot_user_id: String,
    pub bot_id: String,
    /// The business account of a WhatsApp number; '' while it is not known.
    pub account: String,
    /// Other bots are answered, too.
    pub answers_bots: bool,
    /// Escalations are seen to in channels of this workspace, or were: what is written in a thread may be for a customer.
    pub has_desk: bool,
}

/// Of a `connection_routes r`.
macro_rules! route_columns {
    () => {
        "r.tenant_id, r.connection_id, r.bot_user_id, r.bot_id, r.account_id, r.answers_bots,
         exists (select from escalation_desks d where d.tenant_id = r.tenant_id and d.connection_id = r.connection_id)
           or exists (select from desk_threads d where d.tenant_id = r.tenant_id and d.connection_id = r.connection_id)
           as has_desk"
    };
}
pub(super) use route_columns;

/// The tenant of a workspace that reports through `app_id` ('' is the platform's own app).
///
/// Reason: a provider names a workspace, not a tenant; the mapping is read before a tenant is known.
pub async fn find_route(
    db: &SystemDb,
    channel: &str,
    app_id: &str,
    external_id: &str,
) -> Result<Option<Route>, DbError> {
    let row = sqlx::query(concat!(
        "select ",
        route_columns!(),
        " from connection_routes r where r.channel = $1 and r.app_id = $2 and r.external_id = $3",
    ))
    .bind(channel)
    .bind(app_id)
    .bind(external_id)
    .fetch_optional(db.read())
    .await?;
    row.map(|row| route(&row)).transpose()
}

pub(super) fn route(row: &sqlx::postgres::PgRow) -> Result<Route, DbError> {
    Ok(Route {
        tenant: row.try_get("tenant_id")?,
        connection: row.try_get("connection_id")?,
        bot_user_id: row.try_get("bot_user_id")?,
        bot_id: row.try_get("bot_id")?,
        account: row.try_get("account_id")?,
        answers_bots: row.try_get("answers_bots")?,
        has_desk: row.try_get("has_desk")?,
    })
}

/// The numbers of a business account that report through this app, at most 200.
///
/// Reason: Meta tells news of an account without naming a number; whose it is is read before a tenant is known.
pub async fn find_routes_of_account(db: &SystemDb, app_id: &str, account: &str) -> Result<Vec<Route>, DbError> {
    let rows = sqlx::query(concat!(
        "select ",
        route_columns!(),
        " from connection_routes r
           where r.channel = 'whatsapp' and r.app_id = $1 and r.account_id = $2 and r.account_id <> '' limit 200",
    ))
    .bind(app_id)
    .bind(account)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(route).collect()
}

/// Who an API key speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    pub key: ApiKeyId,
    pub tenant: TenantId,
    pub role: String,
    /// The platform has stopped the tenant.
    pub suspended: Option<Suspension>,
}

/// Reason: a program proves itself by its key alone; the tenant follows from it.
pub async fn find_api_key(db: &SystemDb, hash: &[u8; 32]) -> Result<Option<KeyOwner>, DbError> {
    let row = sqlx::query(
        // Once a minute is exact enough to tell a key that is used from one that is not.
        "with known as (
             select k.api_key_id, k.tenant_id, k.role, t.suspended_at, t.suspended_why,
                    coalesce(k.last_used_at < now() - interval '1 minute', true) as unseen
               from api_keys k join tenants t on t.tenant_id = k.tenant_id
              where k.key_hash = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
         ), used as (
             update api_keys k set last_used_at = clock_timestamp()
               from known where k.api_key_id = known.api_key_id and known.unseen
         )
         select * from known",
    )
    .bind(hash.as_slice())
    .fetch_optional(db.read())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let key = row.try_get("api_key_id")?;
    let (tenant, role) = (row.try_get("tenant_id")?, row.try_get("role")?);
    Ok(Some(KeyOwner { key, tenant, role, suspended: Suspension::read(&row)? }))
}

/// Whether somebody may still administer the tenant.
///
/// Reason: what was begun with a key or by a person must end with their right; accounts have no grants for konstruct_app.
pub async fn may_administer(db: &SystemDb, tenant: TenantId, actor: &Actor) -> Result<bool, DbError> {
    let tenants: Vec<TenantId> = match actor {
        Actor::ApiKey(key) => {
            sqlx::query_scalar(
                "select tenant_id from api_keys
                  where api_key_id = $1 and role = 'customer_admin' and revoked_at is null
                    and (expires_at is null or expires_at > now())",
            )
            .bind(key)
            .fetch_all(db.read())
            .await?
        }
        Actor::User(user) => {
            sqlx::query_scalar(
                "select m.tenant_id from memberships m join users u on u.user_id = m.user_id
                  where m.user_id = $1 and m.role = 'customer_admin' and not m.read_only and u.disabled_at is null",
            )
            .bind(user)
            .fetch_all(db.read())
            .await?
        }
        Actor::CommandLine | Actor::System => return Ok(true),
        // What was begun in somebody's name does not outlive it.
        Actor::Person(_) | Actor::Impersonator(_) => return Ok(false),
    };
    Ok(tenants.contains(&tenant))
}

/// The number and the hash of each audit log's last row, 1,000 tenants after `after` at a time.
///
/// Reason: heads are copied out of the database for all tenants at once, and tell nothing but a number and a hash.
pub async fn audit_heads(db: &SystemDb, after: Option<TenantId>) -> Result<Vec<(TenantId, i64, String)>, DbError> {
    Ok(sqlx::query_as(
        "select tenant_id, n, encode(hash, 'hex') from audit_heads
          where tenant_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid)
          order by tenant_id limit 1000",
    )
    .bind(after)
    .fetch_all(db.read())
    .await?)
}

/// Tenants with memories that lack their vector, at most 100.
///
/// Reason: the embedding loop asks who has work; the text is read under each tenant.
pub async fn tenants_to_embed(db: &SystemDb) -> Result<Vec<TenantId>, DbError> {
    Ok(sqlx::query_scalar("select distinct tenant_id from memories limit 100").fetch_all(db.read()).await?)
}

/// Every connection of a channel, at most 1,000.
///
/// Reason: the operator's `doctor --live` examines them all; each is read under its tenant.
pub async fn connections_of(db: &SystemDb, channel: &str) -> Result<Vec<(TenantId, ConnectionId)>, DbError> {
    let rows = sqlx::query(
        "select tenant_id, connection_id from connection_routes where channel = $1
          order by tenant_id, connection_id limit 1000",
    )
    .bind(channel)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("tenant_id")?, row.try_get("connection_id")?))).collect()
}

/// Connections whose token runs out and wants to be renewed, at most 100.
///
/// Reason: the schedule asks whose turn it is; the token is read under each tenant.
pub async fn tokens_to_renew(db: &SystemDb) -> Result<Vec<(TenantId, ConnectionId)>, DbError> {
    let rows = sqlx::query(
        "select tenant_id, connection_id from token_rotations where refresh_at <= now() order by refresh_at limit 100",
    )
    .fetch_all(db.read())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("tenant_id")?, row.try_get("connection_id")?))).collect()
}

/// Escalations that nobody has taken in time, at most 100.
///
/// Reason: the schedule asks whose turn it is; what is said of it is written under each tenant.
pub async fn escalations_due(db: &SystemDb) -> Result<Vec<(TenantId, EscalationId)>, DbError> {
    let rows = sqlx::query(
        "select tenant_id, escalation_id from escalations where remind_at <= now() order by remind_at limit 100",
    )
    .fetch_all(db.read())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("tenant_id")?, row.try_get("escalation_id")?))).collect()
}

/// Lanes that hold unfinished messages but are neither ready nor leased: puts them back into the queue.
///
/// Reason: the safety net under the lane machinery; it must not depend on knowing the tenant.
pub async fn sweep_lanes(db: &SystemDb) -> Result<u64, DbError> {
    let swept = sqlx::query(
        "update lanes l set ready_at = clock_timestamp()
           from (select tenant_id, conversation_id from lanes
                  where ready_at is null and last_seq > done_seq
                  limit 1000 for update skip locked) lost
          where l.tenant_id = lost.tenant_id and l.conversation_id = lost.conversation_id",
    )
    .execute(db.write())
    .await?;
    Ok(swept.rows_affected())
}

/// Queued jobs whose time has passed by more than a minute: their wake-up was lost.
///
/// Reason: apalis' rows may be lost; ours are the record.
pub async fn overdue_jobs(db: &SystemDb) -> Result<Vec<(TenantId, JobId)>, DbError> {
    let rows = sqlx::query(
        "select tenant_id, job_id from jobs
          where state = 'queued' and run_after < now() - interval '60 seconds' order by run_after limit 100",
    )
    .fetch_all(db.read())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("tenant_id")?, row.try_get("job_id")?))).collect()
}

/// What a model costs from now on, in micro-dollars for a million tokens.
///
/// Reason: list prices are the same for everyone and belong to no tenant.
pub async fn set_price(
    db: &SystemDb,
    model: &str,
    (input, cached, output): (i64, Option<i64>, i64),
) -> Result<(), DbError> {
    sqlx::query(
        "insert into model_prices (model, effective_from, input_micro_usd_per_million, output_micro_usd_per_million,
                                   cached_micro_usd_per_million)
         values ($1, clock_timestamp(), $2, $3, $4)",
    )
    .bind(model)
    .bind(input)
    .bind(output)
    .bind(cached)
    .execute(db.write())
    .await?;
    Ok(())
}

/// What a unit of a currency is worth, in dollars as an exact decimal; from now on unless a later time is said. The policy
/// refuses the past.
///
/// Reason: rates are the same for everyone and belong to no tenant.
pub async fn set_rate(
    db: &SystemDb,
    currency: &str,
    usd_per_unit: &str,
    from: Option<time::OffsetDateTime>,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into exchange_rates (currency, effective_from, usd_per_unit)
         values ($1, coalesce($3, clock_timestamp()), $2::numeric)",
    )
    .bind(currency)
    .bind(usd_per_unit)
    .bind(from)
    .execute(db.write())
    .await?;
    Ok(())
}

/// Tenants with money that is held for calls which will never be booked, at most 100.
///
/// Reason: the schedule asks whose it is; the calls are booked under each tenant.
pub async fn tenants_with_stale_money(db: &SystemDb) -> Result<Vec<TenantId>, DbError> {
    Ok(sqlx::query_scalar(
        "select distinct tenant_id from budget_reservations where created_at < now() - interval '15 minutes' limit 100",
    )
    .fetch_all(db.read())
    .await?)
}

/// The next tenants with budgets, in the order of their ids, at most 500.
///
/// Reason: the nightly sum asks who has any; the sums are taken under each tenant.
pub async fn tenants_with_budgets(db: &SystemDb, after: Option<TenantId>) -> Result<Vec<TenantId>, DbError> {
    Ok(sqlx::query_scalar(
        "select distinct tenant_id from budgets where $1::uuid is null or tenant_id > $1 order by tenant_id limit 500",
    )
    .bind(after)
    .fetch_all(db.read())
    .await?)
}

/// The key of the dedupe hashes, made at first use and sealed under the master key.
///
/// Opening it proves at start that the master key is the right one: a wrong one refuses here and overwrites nothing.
/// Reason: the platform's own secret belongs to no tenant.
pub async fn fingerprint_key(db: &SystemDb, keys: &Keyring) -> Result<FingerprintKey, DbError> {
    let place = Place { tenant: None, table: "system_secrets", column: "sealed", row: Uuid::nil() };
    let proposed = keys.seal(&place, &random_bytes::<32>());
    sqlx::query("insert into system_secrets (name, sealed) values ('fingerprint', $1) on conflict do nothing")
        .bind(&proposed)
        .execute(db.write())
        .await?;
    let sealed: Vec<u8> = sqlx::query_scalar("select sealed from system_secrets where name = 'fingerprint'")
        .fetch_one(db.read())
        .await?;
    let opened = keys
        .open(&place, &sealed)
        .map_err(|error| DbError::Damaged(format!("KONSTRUCT_MASTER_KEYS does not fit this database: {error}")))?;
    let key: [u8; 32] = opened
        .as_slice()
        .try_into()
        .map_err(|_| DbError::Damaged("the fingerprint key has a wrong length".into()))?;
    Ok(FingerprintKey::new(key))
}

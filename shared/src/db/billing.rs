//! Subscriptions: the mirror of Stripe's state, and what follows from it.
//!
//! Nothing is accumulated. An event only says that there is something to see; a look fetches the customer's subscriptions
//! and overwrites these rows, so that events may come twice, late and in any order. Looks are numbered as they begin: of two
//! at once, the one that began later is right. Plan and access are worked out when they are asked for.

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::{Date, OffsetDateTime};

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    notices::{self, Kind},
};

/// What the state of its subscription lets a tenant do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Full,
    /// What is there can be read and exported, and people can be answered by hand; the agent is silent.
    Paused,
    /// As paused, and nothing can be added.
    ReadOnly,
    /// The platform has stopped the tenant: nobody is answered, by hand neither.
    Suspended,
}

impl Access {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Paused => "paused",
            Self::ReadOnly => "read_only",
            Self::Suspended => "suspended",
        }
    }

    /// As [`access_of`] words it; NULL is a tenant whose subscriptions stand in its way nowhere.
    pub(super) fn read(row: &PgRow) -> Result<Self, DbError> {
        Ok(match row.try_get::<Option<String>, _>("access")?.as_deref() {
            Some("paused") => Self::Paused,
            Some("read_only") => Self::ReadOnly,
            Some("suspended") => Self::Suspended,
            _ => Self::Full,
        })
    }

    /// For the tenant's admins.
    fn sentence(self) -> &'static str {
        match self {
            Self::Full => "Your subscription is in order: your AI employee answers again.",
            Self::Paused => {
                "Your AI employee is paused, since your subscription is not paid. The inbox still works: answer there by \
                 hand, and pay the open invoice under Settings › Billing."
            }
            Self::ReadOnly => {
                "Your subscription has ended: your AI employee is silent and nothing can be added, but everything can be \
                 read and exported. Subscribe again under Settings › Billing."
            }
            Self::Suspended => "Your account is suspended: nobody is answered until the platform lets it go on.",
        }
    }
}

/// A sub-select: the access of the tenant `$1`. What the platform stopped is stopped, whatever is paid. A first payment that is
/// still open, or was never made, takes nothing away and gives nothing; nor does a status that Stripe invented since.
macro_rules! access_of {
    () => {
        "(select case when exists (select from tenants x where x.tenant_id = $1 and x.suspended_at is not null)
                      then 'suspended'
                      when bool_or(b.status in ('active', 'trialing')
                                   or b.status = 'past_due' and b.past_due_since > clock_timestamp() - interval '7 days')
                      then 'full'
                      when bool_or(b.status in ('unpaid', 'paused')) then 'paused'
                      when bool_or(b.status in ('past_due', 'canceled')) then 'read_only' end
            from subscriptions b where b.tenant_id = $1)"
    };
}
pub(super) use access_of;

/// A sub-select: the plans that the tenant `$1` pays for.
macro_rules! plans_paid_by {
    ($tenant:literal) => {
        concat!(
            "array(select b.plan from subscriptions b where b.tenant_id = ",
            $tenant,
            " and b.plan is not null and b.status in ('active', 'trialing', 'past_due'))"
        )
    };
}
pub(super) use plans_paid_by;

/// What is shown of a tenant's billing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billing {
    pub customer: Option<String>,
    pub access: Access,
    /// What the platform gave.
    pub plan_given: String,
    pub plans_paid: Vec<String>,
    /// The one that counts: the newest that has not ended, otherwise the newest.
    pub subscription: Option<Current>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    pub status: String,
    pub plan: Option<String>,
    pub current_period_end: Option<OffsetDateTime>,
    pub cancel_at: Option<OffsetDateTime>,
    pub past_due_since: Option<OffsetDateTime>,
}

impl Current {
    /// Nothing comes of it any more.
    pub fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "canceled" | "incomplete_expired")
    }
}

/// A subscription as a look saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub id: String,
    pub status: String,
    pub plan: Option<&'static str>,
    pub current_period_end: Option<OffsetDateTime>,
    pub cancel_at: Option<OffsetDateTime>,
    pub created: OffsetDateTime,
    /// An invoice that waits for its payment, and where it is paid.
    pub open_invoice: Option<(String, String)>,
}

/// A look that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub customer: String,
    number: i64,
}

const SHOW: &str = concat!(
    "select c.customer, t.plan, ",
    access_of!(),
    " as access, ",
    plans_paid_by!("$1"),
    " as paid, s.status, s.plan as of_plan, s.current_period_end, s.cancel_at, s.past_due_since
       from tenants t
       left join stripe_customers c on c.tenant_id = $1
       left join lateral (select * from subscriptions s where s.tenant_id = $1
                           order by s.status in ('canceled', 'incomplete_expired'), s.created_at desc limit 1) s on true
      where t.tenant_id = $1"
);

pub async fn show(tx: &mut TenantTx) -> Result<Billing, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(SHOW).bind(tenant).fetch_optional(tx.conn()).await?.ok_or(DbError::NotFound)?;
    let status: Option<String> = row.try_get("status")?;
    let subscription = match status {
        Some(status) => Some(Current {
            status,
            plan: row.try_get("of_plan")?,
            current_period_end: row.try_get("current_period_end")?,
            cancel_at: row.try_get("cancel_at")?,
            past_due_since: row.try_get("past_due_since")?,
        }),
        None => None,
    };
    Ok(Billing {
        customer: row.try_get("customer")?,
        access: Access::read(&row)?,
        plan_given: row.try_get("plan")?,
        plans_paid: row.try_get("paid")?,
        subscription,
    })
}

/// Remembers an event; `false`: it was heard before.
pub async fn hear(tx: &mut TenantTx, event: &str, kind: &str) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let heard = sqlx::query(
        "insert into stripe_events (tenant_id, event_id, kind) values ($1, $2, $3) on conflict do nothing",
    )
    .bind(tenant)
    .bind(event)
    .bind(kind)
    .execute(tx.conn())
    .await?;
    Ok(heard.rows_affected() == 1)
}

/// Begins a look; `None`: the tenant is no customer. What is fetched after the commit is newer than what any look with a
/// smaller number fetched before it.
pub async fn begin_look(tx: &mut TenantTx) -> Result<Option<Look>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "update stripe_customers set asked = asked + 1 where tenant_id = $1 returning customer, asked",
    )
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| Ok(Look { customer: row.try_get("customer")?, number: row.try_get("asked")? })).transpose()
}

const OVERWRITE: &str = "
with given as (
    select * from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
           as g (subscription, status, plan, period_end, cancel_at, created_at)
), written as (
    insert into subscriptions as s (tenant_id, subscription, status, plan, current_period_end, cancel_at, past_due_since,
                                    created_at)
    select $1, subscription, status, plan, period_end, cancel_at,
           case when status = 'past_due' then clock_timestamp() end, created_at
      from given
    on conflict (tenant_id, subscription) do update
       set status = excluded.status, plan = excluded.plan, current_period_end = excluded.current_period_end,
           cancel_at = excluded.cancel_at,
           past_due_since = case when excluded.status = 'past_due'
                                 then coalesce(s.past_due_since, excluded.past_due_since) end
     where (s.status, s.plan, s.current_period_end, s.cancel_at)
           is distinct from (excluded.status, excluded.plan, excluded.current_period_end, excluded.cancel_at)
    returning s.subscription, s.status, s.plan
), gone as (
    -- Of a customer that was deleted.
    update subscriptions s set status = 'canceled', past_due_since = null
     where s.tenant_id = $1 and s.status <> 'canceled' and s.subscription <> all ($2)
    returning s.subscription, s.status, s.plan
)
select * from written union all select * from gone order by 1";

/// Overwrites what is known by what a look saw; `false`: a later look was quicker. Whatever changed is in the audit log, and
/// the admins are told if it changes what the agent may do, or if there is something to pay.
pub async fn apply(tx: &mut TenantTx, look: &Look, seen: &[Seen]) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let told: Option<String> = sqlx::query_scalar(
        "update stripe_customers set applied = $2, applied_at = clock_timestamp()
          where tenant_id = $1 and applied < $2 returning told_access",
    )
    .bind(tenant)
    .bind(look.number)
    .fetch_optional(tx.conn())
    .await?;
    let Some(told) = told else { return Ok(false) };
    let changed = sqlx::query(OVERWRITE)
        .bind(tenant)
        .bind(seen.iter().map(|one| one.id.as_str()).collect::<Vec<_>>())
        .bind(seen.iter().map(|one| one.status.as_str()).collect::<Vec<_>>())
        .bind(seen.iter().map(|one| one.plan).collect::<Vec<_>>())
        .bind(seen.iter().map(|one| one.current_period_end).collect::<Vec<_>>())
        .bind(seen.iter().map(|one| one.cancel_at).collect::<Vec<_>>())
        .bind(seen.iter().map(|one| one.created).collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await?;
    for row in &changed {
        let (id, status): (String, String) = (row.try_get("subscription")?, row.try_get("status")?);
        let plan: Option<String> = row.try_get("plan")?;
        let detail = json!({ "status": status, "plan": plan });
        audit::append(tx, &Actor::System, "billing.subscription", ("subscription", &id), detail).await?;
    }
    tell_of_access(tx, &told).await?;
    for one in seen {
        tell_of_invoice(tx, one).await?;
    }
    Ok(true)
}

async fn tell_of_access(tx: &mut TenantTx, told: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let row =
        sqlx::query(concat!("select ", access_of!(), " as access")).bind(tenant).fetch_one(tx.conn()).await?;
    let access = Access::read(&row)?;
    // Who stopped a tenant tells it why; what its subscription lets it do is told afterwards.
    if access.as_str() == told || access == Access::Suspended {
        return Ok(());
    }
    sqlx::query("update stripe_customers set told_access = $2 where tenant_id = $1")
        .bind(tenant)
        .bind(access.as_str())
        .execute(tx.conn())
        .await?;
    notices::tell(tx, Kind::AccessChanged, None, access.sentence()).await?;
    Ok(())
}

/// Once for each invoice.
async fn tell_of_invoice(tx: &mut TenantTx, seen: &Seen) -> Result<(), DbError> {
    let waits = matches!(seen.status.as_str(), "past_due" | "unpaid" | "incomplete");
    let Some((invoice, url)) = seen.open_invoice.as_ref().filter(|_| waits) else { return Ok(()) };
    let tenant = tx.tenant();
    let new = sqlx::query(
        "update subscriptions set told_invoice = $3
          where tenant_id = $1 and subscription = $2 and told_invoice is distinct from $3",
    )
    .bind(tenant)
    .bind(&seen.id)
    .bind(invoice)
    .execute(tx.conn())
    .await?;
    if new.rows_affected() == 1 {
        let body =
            format!("The payment of an invoice did not succeed, or needs you to confirm it. Pay it here: {url}");
        notices::tell(tx, Kind::PaymentDue, None, &body).await?;
    }
    Ok(())
}

/// Days that are over and were not told to the meter, with their answers: since the tenant became a customer, and at most
/// 30, since Stripe takes no older ones. Days are UTC's.
pub async fn days_to_tell(tx: &mut TenantTx) -> Result<Vec<(Date, i64)>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "with today as (select (clock_timestamp() at time zone 'UTC')::date as date)
         select d::date as day,
                (select count(*) from runs r
                  where r.tenant_id = $1 and r.state = 'done' and r.finished_at >= d at time zone 'UTC'
                    and r.finished_at < (d + interval '1 day') at time zone 'UTC') as answers
           from stripe_customers c, today,
                generate_series(greatest((c.created_at at time zone 'UTC')::date, today.date - 30)::timestamp,
                                (today.date - 1)::timestamp, interval '1 day') d
          where c.tenant_id = $1
            and not exists (select from usage_mirrors u where u.tenant_id = $1 and u.day = d::date)
          order by d",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("day")?, row.try_get("answers")?))).collect()
}

/// Notes that a day was told.
pub async fn note_told(tx: &mut TenantTx, day: Date, answers: i64) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("insert into usage_mirrors (tenant_id, day, answers) values ($1, $2, $3) on conflict do nothing")
        .bind(tenant)
        .bind(day)
        .bind(answers)
        .execute(tx.conn())
        .await?;
    Ok(())
}

//! Which of Stripe's customers a tenant is, found both ways. A file of the system role, too: an event names a customer, never
//! a tenant, and the schedule asks whose turn it is.

use super::{DbError, SystemDb, TenantTx};
use crate::ids::TenantId;

/// Whose customer it is.
///
/// Reason: Stripe names a customer; the mapping is read before a tenant is known.
pub async fn find(db: &SystemDb, customer: &str) -> Result<Option<TenantId>, DbError> {
    Ok(sqlx::query_scalar("select tenant_id from stripe_customers where customer = $1")
        .bind(customer)
        .fetch_optional(db.read())
        .await?)
}

/// Tenants whose state at Stripe was not looked at for a day, at most 100.
///
/// Reason: the schedule asks whose turn it is; the look is stored under each tenant.
pub async fn due(db: &SystemDb) -> Result<Vec<TenantId>, DbError> {
    Ok(sqlx::query_scalar(
        "select tenant_id from stripe_customers where look_at <= clock_timestamp() order by look_at limit 100",
    )
    .fetch_all(db.read())
    .await?)
}

/// The tenant's customer.
pub async fn of(tx: &mut TenantTx) -> Result<Option<String>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar("select customer from stripe_customers where tenant_id = $1")
        .bind(tenant)
        .fetch_optional(tx.conn())
        .await?)
}

/// Makes this the tenant's customer, unless it has one; answers with the one it has. [`DbError::Conflict`]: it is another
/// tenant's.
pub async fn link(tx: &mut TenantTx, customer: &str) -> Result<String, DbError> {
    let tenant = tx.tenant();
    let taken = |error: sqlx::Error| {
        DbError::from(error)
            .on_constraint("stripe_customers_customer_key", "Stripe answered with another tenant's customer.")
    };
    sqlx::query(
        "insert into stripe_customers (tenant_id, customer) values ($1, $2) on conflict (tenant_id) do nothing",
    )
    .bind(tenant)
    .bind(customer)
    .execute(tx.conn())
    .await
    .map_err(taken)?;
    Ok(sqlx::query_scalar("select customer from stripe_customers where tenant_id = $1")
        .bind(tenant)
        .fetch_one(tx.conn())
        .await?)
}

/// Whether it is time to look without being told to; the next time is a day later.
pub async fn take_due(tx: &mut TenantTx) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let due = sqlx::query(
        "update stripe_customers set look_at = clock_timestamp() + interval '1 day'
          where tenant_id = $1 and look_at <= clock_timestamp()",
    )
    .bind(tenant)
    .execute(tx.conn())
    .await?;
    Ok(due.rows_affected() == 1)
}

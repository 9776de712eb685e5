//! Tenants that end: every row of theirs is removed, and what is known afterwards is that there was one.
//!
//! A tenant that ends was stopped before and never goes on. Its rows are removed by a function of a role of its own, which sees
//! one tenant at a time, in small transactions, children first as the catalogue says: a table that is new is there by itself.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;

use super::{
    super::{
        DbError, SystemDb,
        audit::{Actor, append_to},
        count_commit, suspensions,
    },
    Counts,
};
use crate::ids::{ErasureId, TenantId};

/// As the tenant's people are told while it lasts.
const WHY: &str = "This tenant is being erased.";
/// What lets somebody in, or a message. It goes first.
const ENTRANCES: [&str; 4] = ["connection_routes", "api_keys", "invitations", "memberships"];
/// What says what happened goes last.
const LAST: [&str; 3] = ["audit_events", "audit_heads", "tenants"];

/// The end of a tenant.
#[derive(Clone, Debug)]
pub struct Ending {
    pub id: ErasureId,
    pub tenant: TenantId,
    pub actor: (String, String),
    pub begun_at: OffsetDateTime,
    pub finished_at: Option<OffsetDateTime>,
    /// Rows by table, and files.
    pub counts: Counts,
    /// The last row of its audit log and that row's hash.
    pub audit: (i64, String),
    pub certificate: Option<String>,
}

fn ending(row: &PgRow) -> Result<Ending, DbError> {
    let Json(counts) = row.try_get("counts")?;
    Ok(Ending {
        id: row.try_get("erasure_id")?,
        tenant: row.try_get("erased_tenant")?,
        actor: (row.try_get("actor_kind")?, row.try_get("actor_id")?),
        begun_at: row.try_get("begun_at")?,
        finished_at: row.try_get("finished_at")?,
        counts,
        audit: (row.try_get("audit_n")?, row.try_get("audit_hash")?),
        certificate: row.try_get("certificate")?,
    })
}

/// Stops a tenant for good, audited in its own log. Who begins it again goes on with it.
///
/// Reason: who ends a tenant is no member of it, and what is left of it belongs to none.
pub async fn begin(db: &SystemDb, actor: &Actor, tenant: TenantId) -> Result<Ending, DbError> {
    suspensions::suspend(db, actor, tenant, WHY).await?;
    let mut tx = db.begin(tenant).await?;
    let begun: bool = sqlx::query_scalar("select ending_at is null from tenants where tenant_id = $1 for update")
        .bind(tenant)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(DbError::NotFound)?;
    sqlx::query("update tenants set ending_at = coalesce(ending_at, clock_timestamp()) where tenant_id = $1")
        .bind(tenant)
        .execute(&mut *tx)
        .await?;
    // An older copy of the database that was restored may know of an end that had not come then.
    let row = sqlx::query(
        "insert into tenant_erasures as e (erasure_id, erased_tenant, actor_kind, actor_id) values ($1, $2, $3, $4)
         on conflict (erased_tenant) do update set finished_at = null
         returning e.*",
    )
    .bind(ErasureId::new())
    .bind(tenant)
    .bind(actor.parts().0)
    .bind(actor.id())
    .fetch_one(&mut *tx)
    .await?;
    if begun {
        let target = tenant.to_string();
        append_to(&mut *tx, actor, "tenant.erase", ("tenant", &target), json!({})).await?;
    }
    count_commit();
    tx.commit().await?;
    ending(&row)
}

/// Conversations that a turn of this tenant still holds.
///
/// Reason: see [`begin`]; lanes are this role's.
pub async fn under_way(db: &SystemDb, tenant: TenantId) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar("select count(*) from lanes where tenant_id = $1 and owner is not null")
        .bind(tenant)
        .fetch_one(db.read())
        .await?)
}

/// Every table with rows of tenants, in the order in which rows can be removed.
///
/// Reason: the catalogue belongs to no tenant.
pub async fn tables(db: &SystemDb) -> Result<Vec<String>, DbError> {
    let all: Vec<(String, Vec<String>)> = sqlx::query_as(
        "select c.relname::text,
                array(select distinct k.relname::text
                        from pg_constraint f join pg_class k on k.oid = f.conrelid
                       where f.contype = 'f' and f.confrelid = c.oid and f.conrelid <> c.oid
                         and exists (select from pg_attribute a where a.attrelid = k.oid and a.attname = 'tenant_id'))
           from pg_class c
          where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
            and exists (select from pg_attribute a
                         where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
          order by c.relname",
    )
    .fetch_all(db.read())
    .await?;
    Ok(in_order(all))
}

/// Children before parents.
fn in_order(all: Vec<(String, Vec<String>)>) -> Vec<String> {
    let mut waiting: BTreeMap<String, Vec<String>> = all.into_iter().collect();
    let mut ordered: Vec<String> = Vec::new();
    let is_one_of = |list: &[&str], name: &String| list.contains(&name.as_str());
    while !waiting.is_empty() {
        let free = |name: &&String| {
            let children = &waiting[*name];
            !is_one_of(&LAST, name) && children.iter().all(|child| !waiting.contains_key(child))
        };
        let entrance = waiting.keys().filter(|name| is_one_of(&ENTRANCES, name)).find(free);
        let next = entrance.or_else(|| waiting.keys().find(free));
        let Some(next) = next.cloned() else { break };
        waiting.remove(&next);
        ordered.push(next);
    }
    // `LAST`, and what refers to itself in a circle: the database says no if that is ever wrong.
    ordered.extend(waiting.into_keys().filter(|name| !is_one_of(&LAST, name)));
    ordered.extend(LAST.map(str::to_owned));
    ordered
}

/// Keeps the end of the tenant's audit log, which is about to go.
///
/// Reason: see [`begin`].
pub async fn note_audit(db: &SystemDb, tenant: TenantId) -> Result<(), DbError> {
    sqlx::query(
        "update tenant_erasures e set audit_n = h.n, audit_hash = encode(h.hash, 'hex')
           from audit_heads h where e.erased_tenant = $1 and h.tenant_id = $1",
    )
    .bind(tenant)
    .execute(db.write())
    .await?;
    Ok(())
}

/// Removes some rows of one table; returns how many. Nobody is in the tenant any more: who had it open is elsewhere.
///
/// Reason: see [`begin`].
pub async fn remove(db: &SystemDb, tenant: TenantId, table: &str, at_most: i32) -> Result<i64, DbError> {
    let mut tx = db.begin(tenant).await?;
    if table == "tenants" {
        sqlx::query("update sessions set current_tenant = null where current_tenant = $1")
            .bind(tenant)
            .execute(&mut *tx)
            .await?;
    }
    let gone: i64 =
        sqlx::query_scalar("select tenant_rows_end($1, $2)").bind(table).bind(at_most).fetch_one(&mut *tx).await?;
    if gone > 0 {
        sqlx::query(
            "update tenant_erasures
                set counts = counts || jsonb_build_object($2::text, coalesce((counts ->> $2)::bigint, 0) + $3)
              where erased_tenant = $1",
        )
        .bind(tenant)
        .bind(table)
        .bind(gone)
        .execute(&mut *tx)
        .await?;
    }
    count_commit();
    tx.commit().await?;
    Ok(gone)
}

/// It is gone; `files` of it are, too.
///
/// Reason: see [`begin`].
pub async fn finish(db: &SystemDb, tenant: TenantId, files: i64) -> Result<Ending, DbError> {
    let row = sqlx::query(
        "update tenant_erasures set finished_at = clock_timestamp(), counts = counts || jsonb_build_object('files', $2)
          where erased_tenant = $1 returning *",
    )
    .bind(tenant)
    .bind(files)
    .fetch_one(db.write())
    .await?;
    ending(&row)
}

/// Reason: see [`begin`].
pub async fn certify(db: &SystemDb, tenant: TenantId, certificate: &str) -> Result<(), DbError> {
    sqlx::query("update tenant_erasures set certificate = $2 where erased_tenant = $1")
        .bind(tenant)
        .bind(certificate)
        .execute(db.write())
        .await?;
    Ok(())
}

/// What is known of a tenant that ended, or is about to.
///
/// Reason: see [`begin`].
pub async fn find(db: &SystemDb, tenant: TenantId) -> Result<Option<Ending>, DbError> {
    let row = sqlx::query("select * from tenant_erasures where erased_tenant = $1")
        .bind(tenant)
        .fetch_optional(db.read())
        .await?;
    row.map(|row| ending(&row)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_go_before_their_parents_and_the_log_goes_last() {
        let table = |name: &str, children: &[&str]| {
            (name.to_owned(), children.iter().map(|child| (*child).to_owned()).collect::<Vec<_>>())
        };
        let ordered = in_order(vec![
            table("audit_events", &[]),
            table("audit_heads", &[]),
            table("connection_routes", &[]),
            table("media", &[]),
            table("messages", &["media"]),
            table("tenants", &["media", "messages", "audit_events", "audit_heads", "connection_routes"]),
        ]);
        assert_eq!(ordered[..3], ["connection_routes", "media", "messages"]);
        assert_eq!(ordered[3..], LAST);
    }
}

//! Who is to be erased, who asked for it, and what came of it.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::{Row, postgres::PgRow, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::{
    DbError, TenantTx,
    audit::{self, Actor},
};
use crate::{
    ids::{ErasureId, PersonId},
    jobs::Job,
    queue,
};

/// People of one erasure.
pub const PEOPLE_MAX: usize = 20;
/// Of a list.
pub const ERASURES_PAGE: i64 = 100;

/// Rows by table.
pub type Counts = BTreeMap<String, i64>;

/// That somebody is to be erased, or was.
#[derive(Clone, Debug)]
pub struct Erasure {
    pub id: ErasureId,
    pub people: Vec<PersonId>,
    /// Keyed hashes of their ids at the provider; empty until it is done.
    pub subjects: Vec<Uuid>,
    pub actor: (String, String),
    pub requested_at: OffsetDateTime,
    pub hidden_at: Option<OffsetDateTime>,
    pub finished_at: Option<OffsetDateTime>,
    pub counts: Counts,
    pub certificate: Option<String>,
}

macro_rules! erasures {
    ($rest:literal) => {
        concat!(
            "select erasure_id, people, subjects, actor_kind, actor_id, requested_at, hidden_at, finished_at, counts, certificate
               from erasures where tenant_id = $1 ",
            $rest
        )
    };
}

fn erasure(row: &PgRow) -> Result<Erasure, DbError> {
    let Json(counts) = row.try_get("counts")?;
    Ok(Erasure {
        id: row.try_get("erasure_id")?,
        people: row.try_get("people")?,
        subjects: row.try_get("subjects")?,
        actor: (row.try_get("actor_kind")?, row.try_get("actor_id")?),
        requested_at: row.try_get("requested_at")?,
        hidden_at: row.try_get("hidden_at")?,
        finished_at: row.try_get("finished_at")?,
        counts,
        certificate: row.try_get("certificate")?,
    })
}

/// The ids of the people $2, and of whoever is known by the same id of the provider's on another connection of the tenant's: that
/// is the same human. Who was erased is nobody's, and so is an id that somebody went by before.
macro_rules! human {
    () => {
        "select other.person_id
           from people other
           join channel_connections d on d.tenant_id = $1 and d.connection_id = other.connection_id
          where other.tenant_id = $1
            and exists (
                select from people p
                  join channel_connections c on c.tenant_id = $1 and c.connection_id = p.connection_id
                 where p.tenant_id = $1 and p.person_id = any ($2) and p.external_id not like 'erased:%'
                   and p.merged_into is null and c.channel = d.channel
                   and (other.external_id = p.external_id
                        or c.channel = 'whatsapp'
                           and (other.phone = p.phone or other.external_id = p.phone or other.phone = p.external_id)))
          order by other.person_id"
    };
}
pub(crate) use human;

/// Them, and who is the same human, with the ids each went by before. `NotFound`: one of them is nobody here, or was erased.
pub(super) async fn same_humans(tx: &mut TenantTx, people: &[PersonId]) -> Result<Vec<PersonId>, DbError> {
    let tenant = tx.tenant();
    let all: Vec<PersonId> = sqlx::query_scalar(concat!(
        "select k.person_id from people k where k.tenant_id = $1 and coalesce(k.merged_into, k.person_id) in (",
        human!(),
        ") order by k.person_id"
    ))
    .bind(tenant)
    .bind(people)
    .fetch_all(tx.conn())
    .await?;
    // Whoever is there is the same human as themselves.
    let known = !people.is_empty() && people.iter().all(|person| all.contains(person));
    if known { Ok(all) } else { Err(DbError::NotFound) }
}

/// Those of them who are somebody here, and not erased.
pub async fn still_known(tx: &mut TenantTx, people: &[PersonId]) -> Result<Vec<PersonId>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select person_id from people where tenant_id = $1 and person_id = any ($2) and external_id not like 'erased:%'",
    )
    .bind(tenant)
    .bind(people)
    .fetch_all(tx.conn())
    .await?)
}

/// Asks for an erasure, which a job carries out; recorded. `NotFound`: one of them is nobody here, or was erased.
pub async fn request(tx: &mut TenantTx, actor: &Actor, people: &[PersonId]) -> Result<ErasureId, DbError> {
    let people = same_humans(tx, people).await?;
    let (tenant, id) = (tx.tenant(), ErasureId::new());
    sqlx::query(
        "insert into erasures (tenant_id, erasure_id, people, actor_kind, actor_id) values ($1, $2, $3, $4, $5)",
    )
    .bind(tenant)
    .bind(id)
    .bind(&people)
    .bind(actor.parts().0)
    .bind(actor.id())
    .execute(tx.conn())
    .await?;
    let target = id.to_string();
    audit::append(tx, actor, "person.ask_to_forget", ("erasure", &target), json!({ "people": people })).await?;
    queue::enqueue(tx, &Job::ErasePerson { erasure: id }).await?;
    Ok(id)
}

/// Locks it: one process at a time works at it.
pub async fn take(tx: &mut TenantTx, id: ErasureId) -> Result<Erasure, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(erasures!("and erasure_id = $2 for update"))
        .bind(tenant)
        .bind(id)
        .fetch_optional(tx.conn())
        .await?;
    erasure(&row.ok_or(DbError::NotFound)?)
}

/// The latest.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Erasure>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(erasures!("order by erasure_id desc limit $2"))
        .bind(tenant)
        .bind(ERASURES_PAGE)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(erasure).collect()
}

/// All of it is hidden from now on.
pub async fn note_hidden(tx: &mut TenantTx, id: ErasureId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("update erasures set hidden_at = clock_timestamp() where tenant_id = $1 and erasure_id = $2")
        .bind(tenant)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What their provider knows them by, for as long as it is known here.
pub async fn addresses(tx: &mut TenantTx, people: &[PersonId]) -> Result<Vec<(String, String)>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as(
        "select c.channel, case when p.merged_into is null then p.external_id else left(p.external_id, -37) end
           from people p join channel_connections c on c.tenant_id = $1 and c.connection_id = p.connection_id
          where p.tenant_id = $1 and p.person_id = any ($2) and p.external_id not like 'erased:%'",
    )
    .bind(tenant)
    .bind(people)
    .fetch_all(tx.conn())
    .await?)
}

/// Keeps what they were known by, as keyed hashes.
pub async fn note_subjects(tx: &mut TenantTx, id: ErasureId, subjects: &[Uuid]) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("update erasures set subjects = $3 where tenant_id = $1 and erasure_id = $2")
        .bind(tenant)
        .bind(id)
        .bind(subjects)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// It is done; recorded.
pub async fn finish(tx: &mut TenantTx, id: ErasureId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let Json(counts): Json<Counts> = sqlx::query_scalar(
        "update erasures set finished_at = clock_timestamp() where tenant_id = $1 and erasure_id = $2 returning counts",
    )
    .bind(tenant)
    .bind(id)
    .fetch_one(tx.conn())
    .await?;
    audit::append(tx, &Actor::System, "person.forget", ("erasure", &id.to_string()), json!({ "counts": counts }))
        .await
}

pub async fn certify(tx: &mut TenantTx, id: ErasureId, certificate: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("update erasures set certificate = $3 where tenant_id = $1 and erasure_id = $2")
        .bind(tenant)
        .bind(id)
        .bind(certificate)
        .execute(tx.conn())
        .await?;
    Ok(())
}

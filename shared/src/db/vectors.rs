//! Vectors of memories, which come a while after the memories themselves.

use pgvector::HalfVector;
use sqlx::{
    Postgres,
    postgres::PgArguments,
    query::{QueryAs, QueryScalar},
};

use super::{DbError, TenantDb, TenantTx, alone};
use crate::{
    embedding,
    ids::{MemoryId, TenantId},
};

/// A memory and what it says.
pub type Text = (MemoryId, String);

/// Memories that lack their vector, oldest first.
pub async fn missing(tx: &mut TenantTx, limit: i64) -> Result<Vec<Text>, DbError> {
    let tenant = tx.tenant();
    let sql = "select memory_id, body from memories_without_vector($1, $2)";
    Ok(texts(sql, tenant, limit).fetch_all(tx.conn()).await?)
}

/// The same as a transaction by itself: one round trip.
pub async fn missing_alone(db: &TenantDb, limit: i64) -> Result<Vec<Text>, DbError> {
    let sql = concat!("select m.memory_id, m.body from ", alone!("memories_without_vector"), "$2) as m");
    Ok(texts(sql, db.id(), limit).fetch_all(db.alone()).await?)
}

fn texts(sql: &'static str, tenant: TenantId, limit: i64) -> QueryAs<'static, Postgres, Text, PgArguments> {
    sqlx::query_as(sql).bind(tenant).bind(limit)
}

/// Stores the vectors of these texts, each of 384 numbers; rows that were erased meanwhile, or say something else by now, are
/// left alone. Returns how many were stored.
pub async fn store(tx: &mut TenantTx, embedded: &[Text], vectors: &[Vec<f32>]) -> Result<i64, DbError> {
    let tenant = tx.tenant();
    let sql = "select memories_store_vectors($1, $2, $3, $4, $5)";
    Ok(storing(sql, tenant, embedded, vectors).fetch_one(tx.conn()).await?)
}

/// The same as a transaction by itself: one round trip.
pub async fn store_alone(db: &TenantDb, embedded: &[Text], vectors: &[Vec<f32>]) -> Result<i64, DbError> {
    let sql = concat!("select stored from ", alone!("memories_store_vectors"), "$2, $3, $4, $5) as stored");
    Ok(storing(sql, db.id(), embedded, vectors).fetch_one(db.alone()).await?)
}

fn storing<'q>(
    sql: &'static str,
    tenant: TenantId,
    embedded: &'q [Text],
    vectors: &[Vec<f32>],
) -> QueryScalar<'q, Postgres, i64, PgArguments> {
    let vectors: Vec<HalfVector> = vectors.iter().map(|vector| HalfVector::from_f32_slice(vector)).collect();
    sqlx::query_scalar(sql)
        .bind(tenant)
        .bind(embedded.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(embedded.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>())
        .bind(vectors)
        .bind(embedding::MODEL)
}

/// Counts a failed attempt; after five the row stays searchable by words only. Needs an all-audiences transaction.
pub async fn count_failure(tx: &mut TenantTx, embedded: &[Text]) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update memories set embed_failures = embed_failures + 1 where tenant_id = $1 and memory_id = any ($2)",
    )
    .bind(tenant)
    .bind(embedded.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

//! What an erasure would take now, counted by the conditions that the erasure itself goes by.

use std::sync::LazyLock;

use sqlx::AssertSqlSafe;

use super::{Counts, PARTS, subject};
use crate::{
    db::{DbError, TenantTx},
    ids::PersonId,
};

/// What would go.
#[derive(Clone, Debug, Default)]
pub struct Forecast {
    /// Rows by table. An erasure counts a row twice that it changes in two steps; here each is counted once.
    pub counts: Counts,
    /// Conversations that only they and the agent have.
    pub own_talks: i64,
    /// Conversations with others in which they wrote.
    pub shared_talks: i64,
}

/// One statement for all parts. A row that several parts of a table name is one row.
static DUE: LazyLock<String> = LazyLock::new(|| {
    let each =
        PARTS.iter().map(|part| format!("select '{}', d.place from ({}) as d (place)", part.table, part.due));
    format!(
        "select due.of_table, count(*) from ({}) as due (of_table, place) group by due.of_table",
        each.collect::<Vec<_>>().join(" union ")
    )
});

/// Counts what an erasure of these people would take: all who are the same human, as [`super::request`] takes them along. For
/// an all-audiences transaction.
pub async fn forecast(tx: &mut TenantTx, people: &[PersonId]) -> Result<Forecast, DbError> {
    let subject = subject(tx, people).await?;
    let tenant = tx.tenant();
    let counts: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(DUE.as_str()))
        .bind(tenant)
        .bind(&subject.people)
        .bind(&subject.talks)
        .bind(&subject.own_talks)
        .bind(&subject.runs)
        .fetch_all(tx.conn())
        .await?;
    let number = |talks: usize| i64::try_from(talks).unwrap_or(i64::MAX);
    let own_talks = number(subject.own_talks.len());
    Ok(Forecast {
        counts: counts.into_iter().collect(),
        own_talks,
        shared_talks: number(subject.talks.len()) - own_talks,
    })
}

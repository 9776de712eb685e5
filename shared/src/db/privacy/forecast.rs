//! What an erasure would take now, counted by the conditions that the erasure itself goes by.

use super::{Counts, due, subject};
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

/// Counts what an erasure of these people would take, who are all the ids of a human: those of which [`super::request`] takes
/// along. For an all-audiences transaction.
pub async fn forecast(tx: &mut TenantTx, people: &[PersonId]) -> Result<Forecast, DbError> {
    let subject = subject(tx, people).await?;
    let counts = due(tx, &subject).await?;
    let number = |talks: usize| i64::try_from(talks).unwrap_or(i64::MAX);
    let own_talks = number(subject.own_talks.len());
    Ok(Forecast { counts, own_talks, shared_talks: number(subject.talks.len()) - own_talks })
}

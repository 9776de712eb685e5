//! A deadline for every statement, on our side of the line.
//!
//! PostgreSQL's own limits do not help when its answer never comes: after a failover a session can be dead without a word,
//! and whoever waits for it would wait for ever. sqlx knows no time-outs but for getting a connection.

use std::{fmt, io, time::Duration};

use futures::{StreamExt, future::BoxFuture, stream, stream::BoxStream};
use sqlx::{
    Describe, Either, Error, Execute, Executor, Postgres, SqlStr,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use tokio::time::{Instant, timeout, timeout_at};

/// Runs statements on `inner`, each within `deadline`. A session that missed it is not used again: the pool asks it once
/// more when it is given back, and closes it.
pub struct Bounded<E> {
    pub(crate) inner: E,
    pub(super) deadline: Duration,
}

impl<E> fmt::Debug for Bounded<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bounded({:?})", self.deadline)
    }
}

impl<'c, E: Executor<'c, Database = Postgres>> Executor<'c> for Bounded<E> {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, Q>(self, query: Q) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        Q: 'q + Execute<'q, Postgres>,
    {
        let until = Instant::now() + self.deadline;
        let rows = self.inner.fetch_many(query);
        stream::unfold(Some(rows), move |rows| async move {
            let mut rows = rows?;
            match timeout_at(until, rows.next()).await {
                Ok(row) => Some((row?, Some(rows))),
                Err(_) => Some((Err(late()), None)),
            }
        })
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, Q>(self, query: Q) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        Q: 'q + Execute<'q, Postgres>,
    {
        within(self.deadline, self.inner.fetch_optional(query))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        within(self.deadline, self.inner.prepare_with(sql, parameters))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        within(self.deadline, self.inner.describe(sql))
    }
}

/// What `work` comes to, or an error that counts as "the database is away".
pub(super) fn within<'e, T: 'e>(
    deadline: Duration,
    work: impl Future<Output = Result<T, Error>> + Send + 'e,
) -> BoxFuture<'e, Result<T, Error>> {
    Box::pin(async move { timeout(deadline, work).await.unwrap_or_else(|_| Err(late())) })
}

pub(super) fn late() -> Error {
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer in time: the session may be dead"))
}

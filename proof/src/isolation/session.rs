//! One session of the generator: many probes in few round trips.
//!
//! Probes that should succeed share a transaction and a round trip; one that should be refused ends its transaction and
//! travels alone. What is judged is the same as in `trial`.

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Either, Executor, PgConnection, Row, postgres::PgDatabaseError};

use super::{
    probes::{Expect, Probe, Shape, Way},
    trial::{Outcome, judge},
};

pub struct Session {
    connection: PgConnection,
    /// How a transaction ends in which nothing was refused.
    end: &'static str,
    /// An error left the transaction open.
    dirty: bool,
}

/// Whom the session speaks for, and what must never show to it.
pub struct Asker<'a> {
    /// Binds a transaction. Empty for nobody.
    pub settings: &'a str,
    pub secrets: &'a [String],
}

impl Session {
    pub fn new(connection: PgConnection) -> Self {
        Self { connection, end: "commit", dirty: false }
    }

    /// For a schema that is spoilt on purpose: its rows are needed once more.
    pub fn that_keeps_nothing(connection: PgConnection) -> Self {
        Self { end: "rollback", ..Self::new(connection) }
    }

    /// Tries them all; returns what was wrong.
    pub async fn try_all(&mut self, asker: &Asker<'_>, probes: &[Probe]) -> anyhow::Result<Vec<String>> {
        let mut faults = Vec::new();
        let statements = probes.iter().filter(|probe| probe.way == Way::Statement);
        let (quiet, loud): (Vec<&Probe>, Vec<&Probe>) = statements.partition(|probe| is_quiet(probe));
        let outcomes = self.send(asker, &quiet, self.end).await?;
        if outcomes.len() == quiet.len() {
            faults.extend(quiet.iter().zip(&outcomes).filter_map(|(probe, outcome)| fault(probe, outcome, asker)));
        } else {
            // None of them should fail: which one did?
            for probe in quiet {
                faults.extend(self.alone(asker, probe).await?);
            }
        }
        for probe in loud {
            faults.extend(self.alone(asker, probe).await?);
        }
        // The server ends sessions that rest inside a transaction.
        if std::mem::take(&mut self.dirty) {
            self.connection.execute("rollback").await?;
        }
        Ok(faults)
    }

    async fn alone(&mut self, asker: &Asker<'_>, probe: &Probe) -> anyhow::Result<Option<String>> {
        // What may succeed with the other tenant's key leaves nothing behind, or later reads would show it.
        let end = if is_quiet(probe) { self.end } else { "rollback" };
        let outcomes = self.send(asker, &[probe], end).await?;
        Ok(outcomes.first().and_then(|outcome| fault(probe, outcome, asker)))
    }

    /// One round trip. Ends at the first error; an error before the first probe is that probe's.
    async fn send(&mut self, asker: &Asker<'_>, probes: &[&Probe], end: &str) -> anyhow::Result<Vec<Outcome>> {
        if probes.is_empty() {
            return Ok(Vec::new());
        }
        let before: Vec<&str> = [if self.dirty { "rollback" } else { "" }, "begin", asker.settings]
            .into_iter()
            .chain(probes[0].setup.iter().map(String::as_str))
            .filter(|statement| !statement.is_empty())
            .collect();
        let statements = before.iter().copied().chain(probes.iter().map(|probe| probe.sql.as_str())).chain([end]);
        let script = statements.collect::<Vec<_>>().join(";\n");
        let (mut outcomes, mut rows, mut place) = (Vec::new(), Vec::new(), 0);
        let mut answers = (&mut self.connection).fetch_many(sqlx::raw_sql(AssertSqlSafe(script)));
        loop {
            match answers.try_next().await {
                Ok(Some(Either::Right(row))) if place >= before.len() => rows.push(row.try_get(0)?),
                Ok(Some(Either::Right(_))) => {}
                Ok(Some(Either::Left(done))) => {
                    if (before.len()..before.len() + probes.len()).contains(&place) {
                        outcomes.push(Outcome::Done {
                            rows: std::mem::take(&mut rows),
                            touched: done.rows_affected(),
                        });
                    }
                    place += 1;
                }
                Ok(None) => break,
                Err(sqlx::Error::Database(error)) => {
                    drop(answers);
                    self.dirty = true;
                    outcomes.push(failed(error.downcast_ref::<PgDatabaseError>(), place < before.len()));
                    return Ok(outcomes);
                }
                Err(other) => return Err(other.into()),
            }
        }
        drop(answers);
        self.dirty = false;
        Ok(outcomes)
    }
}

fn is_quiet(probe: &Probe) -> bool {
    matches!(probe.expect, Expect::Nothing | Expect::Value(_) | Expect::OwnRows)
        && probe.setup.is_empty()
        && probe.shape != Shape::UpsertTheirKey
}

fn failed(error: &PgDatabaseError, too_early: bool) -> Outcome {
    let text = [Some(error.message()), error.detail(), error.hint(), error.r#where()];
    let text: String = text.into_iter().flatten().collect();
    if too_early { Outcome::Unready { text } } else { Outcome::Failed { code: error.code().to_owned(), text } }
}

fn fault(probe: &Probe, outcome: &Outcome, asker: &Asker<'_>) -> Option<String> {
    let fault = judge(outcome, probe.expect, asker.secrets)?;
    Some(format!("{} {:?}: {fault}: {}", probe.table, probe.shape, probe.sql))
}

//! Tries probes as one tenant, or as nobody, and says what leaked.

use std::collections::BTreeMap;

use anyhow::Context;
use futures::TryStreamExt;
use shared::testing::TestDb;
use sqlx::{AssertSqlSafe, Either, Executor, PgConnection, Row, postgres::PgDatabaseError};

use super::{
    catalog::Catalog,
    fill::{Doors, Tenant},
    probes::{Expect, Probe, Shape, Way},
};

/// Whom a session speaks for.
#[derive(Clone, Copy)]
pub enum Speaker<'a> {
    Tenant(Tenant<'a>),
    /// No tenant was ever set on the session.
    Unset,
    /// What the setting is after a transaction that had one.
    Empty,
}

#[derive(Debug, Default)]
pub struct Report {
    pub operations: BTreeMap<(String, Shape), usize>,
    pub leaks: Vec<String>,
}

/// What a probe brought to light.
pub enum Outcome {
    Done {
        rows: Vec<String>,
        touched: u64,
    },
    Failed {
        code: String,
        text: String,
    },
    /// The rows that the probe needs can't even be made.
    Unready {
        text: String,
    },
}

impl Report {
    pub fn total(&self) -> usize {
        self.operations.values().sum()
    }

    /// Table × shape pairs that no probe covers.
    pub fn gaps(&self, catalog: &Catalog, shapes: &[Shape]) -> anyhow::Result<Vec<String>> {
        let mut gaps = Vec::new();
        for table in catalog.tenant_tables()? {
            for shape in shapes {
                if !self.operations.contains_key(&(table.name.clone(), *shape)) {
                    gaps.push(format!("{}: {shape:?}", table.name));
                }
            }
        }
        Ok(gaps)
    }
}

/// Tries every probe in a transaction of its own, which is committed.
pub async fn run(
    test: &TestDb,
    speaker: Speaker<'_>,
    theirs: Tenant<'_>,
    probes: &[Probe],
) -> anyhow::Result<Report> {
    let secrets = theirs.secrets();
    let mut report = Report::default();
    let mut app = connect(test, speaker).await?;
    for probe in probes {
        let outcome = attempt(&mut app, speaker, probe).await.with_context(|| format!("trying {}", probe.sql))?;
        *report.operations.entry((probe.table.clone(), probe.shape)).or_default() += 1;
        if let Some(fault) = judge(&outcome, probe.expect, &secrets) {
            report.leaks.push(format!("{} {:?}: {fault}: {}", probe.table, probe.shape, probe.sql));
        }
        // sqlx does not read a refused copy's answer to its end.
        if probe.way != Way::Statement && matches!(outcome, Outcome::Failed { .. }) {
            app = connect(test, speaker).await?;
        }
    }
    Ok(report)
}

async fn connect(test: &TestDb, speaker: Speaker<'_>) -> anyhow::Result<PgConnection> {
    let mut app = test.app().await;
    if let Speaker::Empty = speaker {
        app.execute("select set_config('app.current_tenant', '', false)").await?;
    }
    Ok(app)
}

async fn attempt(app: &mut PgConnection, speaker: Speaker<'_>, probe: &Probe) -> anyhow::Result<Outcome> {
    app.execute("begin").await?;
    if let Speaker::Tenant(tenant) = speaker {
        app.execute(AssertSqlSafe(tenant.settings())).await?;
    }
    for statement in &probe.setup {
        if let Err(error) = app.execute(AssertSqlSafe(statement.clone())).await {
            app.execute("rollback").await?;
            return Ok(Outcome::Unready { text: format!("{error}: {statement}") });
        }
    }
    let outcome = match perform(app, probe).await {
        Ok(outcome) => outcome,
        Err(sqlx::Error::Database(error)) => {
            let error = error.downcast_ref::<PgDatabaseError>();
            let text = [Some(error.message()), error.detail(), error.hint(), error.r#where()];
            Outcome::Failed { code: error.code().to_owned(), text: text.into_iter().flatten().collect() }
        }
        Err(other) => return Err(other.into()),
    };
    let end = match (&outcome, probe.way) {
        (Outcome::Done { .. }, _) => "commit",
        (Outcome::Failed { .. }, Way::Statement) => "rollback",
        // Its connection is given up.
        _ => return Ok(outcome),
    };
    app.execute(end).await?;
    Ok(outcome)
}

async fn perform(app: &mut PgConnection, probe: &Probe) -> Result<Outcome, sqlx::Error> {
    let (mut rows, mut touched) = (Vec::new(), 0);
    match probe.way {
        Way::Statement => {
            let mut answers = sqlx::raw_sql(AssertSqlSafe(probe.sql.clone())).fetch_many(app);
            while let Some(answer) = answers.try_next().await? {
                match answer {
                    Either::Left(result) => touched += result.rows_affected(),
                    Either::Right(row) => rows.push(row.try_get(0)?),
                }
            }
        }
        Way::CopyOut => {
            let mut lines = app.copy_out_raw(&probe.sql).await?;
            while let Some(line) = lines.try_next().await? {
                rows.push(String::from_utf8_lossy(&line).into_owned());
            }
            touched = rows.len() as u64;
        }
        Way::CopyIn => touched = app.copy_in_raw(&probe.sql).await?.finish().await?,
    }
    Ok(Outcome::Done { rows, touched })
}

pub fn judge(outcome: &Outcome, expect: Expect, secrets: &[String]) -> Option<String> {
    match outcome {
        Outcome::Unready { text } => Some(format!("one's own rows can't be made: {text}")),
        Outcome::Done { rows, touched } => {
            let shown = rows.iter().find(|row| secrets.iter().any(|secret| row.contains(secret)));
            if let Some(row) = shown {
                return Some(format!("shows {row}"));
            }
            let fits = match expect {
                Expect::Nothing | Expect::NothingOrRefused => rows.is_empty() && *touched == 0,
                Expect::Value(value) => rows.len() == 1 && rows[0] == value,
                Expect::OwnRows => !rows.is_empty(),
                Expect::Refused(_) => false,
                Expect::Harmless => true,
            };
            (!fits).then(|| format!("expected {expect:?}, got {} rows, {touched} touched", rows.len()))
        }
        Outcome::Failed { code, text } => {
            if secrets.iter().any(|secret| text.contains(secret)) {
                return Some(format!("the error quotes a secret: {text}"));
            }
            let fits = match expect {
                Expect::Refused(codes) => codes.contains(&code.as_str()),
                Expect::NothingOrRefused => true,
                // An error in one's own data, or a key that refers to nothing.
                Expect::Harmless => ["22P02", "23503", "23505", "42501"].contains(&code.as_str()),
                _ => false,
            };
            (!fits).then(|| format!("expected {expect:?}, got {code} {text}"))
        }
    }
}

/// Tables whose rows of this tenant are not what they were.
pub async fn changed(
    doors: &mut Doors,
    tenant: Tenant<'_>,
    before: &BTreeMap<String, String>,
) -> anyhow::Result<Vec<String>> {
    let after = tenant.fingerprints(doors).await?;
    let differing = before.iter().filter(|(table, print)| after.get(*table) != Some(print));
    Ok(differing.map(|(table, _)| format!("{table}: the other tenant's rows changed")).collect())
}

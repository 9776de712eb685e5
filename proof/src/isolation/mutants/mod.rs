//! Deliberate mistakes in the database, one at a time, and which check notices each. One that nobody notices is a hole in
//! the checks.
//!
//! A mutant is killed only by a finding that names what it broke: a check that merely stumbles does not count. Every mutant
//! is undone, and the database is compared with what it was before the next one is planted.

pub mod database;
pub mod functions;
pub mod product;
pub mod roles;
pub mod tables;

use std::fmt;

use anyhow::{Context, ensure};
use shared::db::schema;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::{
    arena::{Arena, ours, theirs},
    catalog::Catalog,
    listed::Listed,
    probes::Probe,
    rights::{excesses, table_of_functions, table_of_policies, table_of_rights},
    rules::violations,
    session::{Asker, Session},
};

/// One mistake.
pub struct Mutant {
    pub name: String,
    /// SQL that makes it, as the owner.
    pub script: String,
    /// What a finding must say to be about it; alternatives are parted by `|`.
    pub word: String,
    /// SQL that unmakes it. Without it the mistake is judged inside a transaction, by what reads the catalogue.
    pub undo: Option<String>,
    /// Tables whose probes are tried, for one that is committed.
    pub tables: Vec<String>,
    /// Whether they are also tried without a tenant.
    pub by_nobody: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Killer {
    /// The self-check that keeps a process from starting.
    Start,
    /// What must be true of every table.
    Rules,
    /// Rights, functions and policies beyond the checked-in lists.
    Lists,
    /// One tenant reaches for the other's rows.
    Probes,
    /// The product's own statements, each behind one net only.
    Statements,
    /// What the next transaction of a session sees if it forgets whose it is.
    NextTransaction,
    /// The server itself refuses.
    Server,
}

pub struct Verdict {
    pub mutant: String,
    pub killers: Vec<Killer>,
}

#[derive(Default)]
pub struct Score {
    pub verdicts: Vec<Verdict>,
}

impl Score {
    pub fn survivors(&self) -> Vec<&str> {
        let alive = self.verdicts.iter().filter(|verdict| verdict.killers.is_empty());
        alive.map(|verdict| verdict.mutant.as_str()).collect()
    }
}

/// Who killed each, and the score.
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for verdict in &self.verdicts {
            let killers: Vec<String> = verdict.killers.iter().map(|killer| format!("{killer:?}")).collect();
            let killers = if killers.is_empty() { "SURVIVED".to_owned() } else { killers.join(", ") };
            writeln!(f, "{:<72} {killers}", verdict.mutant)?;
        }
        let killed = self.verdicts.len() - self.survivors().len();
        write!(f, "{killed} of {} mutants killed", self.verdicts.len())
    }
}

/// The unspoilt database, and what the checks know of it.
pub struct Laboratory {
    arena: Arena,
    owner: PgConnection,
    app: Session,
    probes: Vec<Probe>,
    listed: Listed,
    /// Rights, policies and functions, one line each.
    lines: Vec<String>,
}

impl Laboratory {
    pub async fn new() -> anyhow::Result<Self> {
        let arena = Arena::new().await?;
        let mut owner = arena.test.owner().await;
        let lines = lines(&mut owner).await?;
        let app = Session::that_keeps_nothing(arena.test.app().await);
        Ok(Self { probes: arena.probes()?, owner, app, listed: Listed::read()?, lines, arena })
    }

    pub fn catalog(&self) -> &Catalog {
        &self.arena.catalog
    }

    /// What the checks say of the database as it is: nothing, unless something is planted.
    pub async fn findings(&mut self, tables: &[String], by_nobody: bool) -> anyhow::Result<Vec<(Killer, String)>> {
        let mut found = self.in_the_catalogue().await?;
        found.extend(schema::problems(&self.arena.test.db).await?.into_iter().map(|line| (Killer::Start, line)));
        let tried: Vec<Probe> =
            self.probes.iter().filter(|probe| tables.contains(&probe.table)).cloned().collect();
        let (us, them) = (ours(&self.arena.catalog), theirs(&self.arena.catalog));
        let asker = Asker { settings: &us.settings(), secrets: &them.secrets() };
        let mut leaks = self.app.try_all(&asker, &tried).await?;
        if by_nobody {
            let tried: Vec<Probe> = tried.into_iter().map(Probe::by_nobody).collect();
            // A session of its own: what it begins with may be what is wrong.
            let mut nobody = Session::that_keeps_nothing(self.arena.test.app().await);
            leaks.extend(nobody.try_all(&Asker { settings: "", ..asker }, &tried).await?);
        }
        found.extend(leaks.into_iter().map(|leak| (Killer::Probes, leak)));
        Ok(found)
    }

    async fn in_the_catalogue(&mut self) -> anyhow::Result<Vec<(Killer, String)>> {
        let catalog = Catalog::read(&mut self.owner).await?;
        let mut found: Vec<(Killer, String)> =
            violations(&catalog, &self.listed).into_iter().map(|line| (Killer::Rules, line)).collect();
        found.extend(excesses(&mut self.owner).await?.into_iter().map(|line| (Killer::Lists, line)));
        let now = lines(&mut self.owner).await?;
        let new = now.iter().filter(|line| !self.lines.contains(line));
        let gone = self.lines.iter().filter(|line| !now.contains(line));
        found.extend(new.chain(gone).map(|line| (Killer::Lists, line.clone())));
        Ok(found)
    }

    /// Plants the mutant, asks every check, and undoes it.
    pub async fn judge(&mut self, mutant: &Mutant) -> anyhow::Result<Verdict> {
        let found = match self.plant(mutant).await {
            Err(error) if is_denied(&error) => vec![(Killer::Server, mutant.word.clone())],
            planted => planted.with_context(|| mutant.name.clone())?,
        };
        let about = found.into_iter().filter(|(_, line)| mutant.word.split('|').any(|word| line.contains(word)));
        let mut killers: Vec<Killer> = about.map(|(killer, _)| killer).collect();
        killers.sort_unstable();
        killers.dedup();
        Ok(Verdict { mutant: mutant.name.clone(), killers })
    }

    async fn plant(&mut self, mutant: &Mutant) -> anyhow::Result<Vec<(Killer, String)>> {
        let Some(undo) = &mutant.undo else {
            let planted = run(&mut self.owner, &format!("begin; {}", mutant.script)).await;
            let found = if planted.is_ok() { self.in_the_catalogue().await } else { Ok(Vec::new()) };
            run(&mut self.owner, "rollback").await?;
            return planted.and(found);
        };
        run(&mut self.owner, &mutant.script).await?;
        let found = self.findings(&mutant.tables, mutant.by_nobody).await;
        run(&mut self.owner, undo).await?;
        let now = Catalog::read(&mut self.owner).await?;
        ensure!(now == self.arena.catalog, "the mutant was not undone in full");
        found
    }
}

/// The server let not even the owner of everything do it.
fn is_denied(error: &anyhow::Error) -> bool {
    let refusal = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    refusal.and_then(|refusal| refusal.code()).is_some_and(|code| code == "42501")
}

async fn lines(owner: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    let mut lines = table_of_rights(owner).await?;
    lines.extend(table_of_policies(owner).await?);
    lines.extend(table_of_functions(owner).await?);
    Ok(lines)
}

async fn run(owner: &mut PgConnection, script: &str) -> anyhow::Result<()> {
    owner.execute(sqlx::raw_sql(AssertSqlSafe(script.to_owned()))).await.with_context(|| script.to_owned())?;
    Ok(())
}

//! `konstruct sql`: questions to the database under one tenant's policies, for whoever looks after the installation.

use std::{
    io::{BufRead, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use shared::{
    config::Config,
    db::{
        Db, TenantDb,
        audit::Actor,
        reading::{self, Answer, ROWS_MAX, ReadError},
        tenants,
    },
    ids::TenantId,
};

const PROMPT: &str = "> ";
const PROMPT_GOES_ON: &str = "… ";

/// A prompt for queries that see this tenant's rows and can change nothing. Each is put on record in the tenant's audit log before
/// it runs.
#[derive(Args)]
pub struct Sql {
    #[arg(long)]
    tenant: TenantId,
    /// One query; without it, queries are read from standard input, each up to a semicolon at the end of a line.
    query: Option<String>,
}

impl Sql {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        let db = db.tenant(self.tenant);
        let mut tx = db.begin().await?;
        tenants::name(&mut tx).await.with_context(|| format!("There is no tenant {}", self.tenant))?;
        tx.close().await?;
        let answered = match &self.query {
            Some(query) => ask(&db, query, as_json).await?,
            None => prompt(&db, as_json).await?,
        };
        Ok(if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// `false`: the last query was refused.
async fn prompt(db: &TenantDb, as_json: bool) -> anyhow::Result<bool> {
    let is_typed = std::io::stdin().is_terminal();
    let (mut query, mut well) = (String::new(), true);
    show(is_typed, PROMPT)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        query.push_str(&line);
        query.push('\n');
        if line.trim_end().ends_with(';') {
            well = ask(db, &query, as_json).await?;
            query.clear();
        }
        show(is_typed, if query.trim().is_empty() { PROMPT } else { PROMPT_GOES_ON })?;
    }
    if query.trim().is_empty() { Ok(well) } else { ask(db, &query, as_json).await }
}

fn show(is_typed: bool, prompt: &str) -> std::io::Result<()> {
    if !is_typed {
        return Ok(());
    }
    print!("{prompt}");
    std::io::stdout().flush()
}

#[expect(clippy::print_stderr, reason = "what went wrong is no part of the answer")]
async fn ask(db: &TenantDb, query: &str, as_json: bool) -> anyhow::Result<bool> {
    let answer = match reading::read(db, &Actor::CommandLine, query).await {
        Ok(answer) => answer,
        Err(ReadError::Refused(why)) => {
            eprintln!("{why}");
            return Ok(false);
        }
        Err(ReadError::Db(error)) => return Err(error.into()),
    };
    if as_json {
        for row in &answer.rows {
            println!("{}", row.object);
        }
    } else {
        print!("{}", table(&answer));
    }
    if answer.cut {
        eprintln!("There are more than {ROWS_MAX} rows; these are the first.");
    }
    Ok(true)
}

/// Columns below their names, as wide as what stands in them.
fn table(answer: &Answer) -> String {
    let Some(first) = answer.rows.first() else { return "(no rows)\n".into() };
    let mut lines = vec![first.columns.clone()];
    lines
        .extend(answer.rows.iter().map(|row| row.values.iter().map(|value| one_line(value.as_deref())).collect()));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..first.columns.len()).map(width).collect();
    let written = lines.iter().map(|line| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    });
    let rows = if answer.rows.len() == 1 { "1 row" } else { &format!("{} rows", answer.rows.len()) };
    written.chain([format!("({rows})\n")]).collect()
}

/// What a terminal would take for a command of its own is shown as what it is.
fn one_line(value: Option<&str>) -> String {
    let Some(value) = value else { return "∅".into() };
    value.chars().map(|letter| if letter.is_control() { '␣' } else { letter }).collect()
}

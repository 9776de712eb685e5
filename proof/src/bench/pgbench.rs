//! The floor of durable storage: `pgbench` inserting one row per transaction on the same server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use reqwest::Url;
use secrecy::ExposeSecret;
use shared::testing::TestDb;
use sqlx::Executor;

use super::{accept_load::CLIENTS, sample::Sample};

/// One in so many transactions is logged: writing the log costs processor time.
const LOGGED: &str = "0.2";

/// A table without index, one row per transaction, durable: as little as a commit can be.
const TABLE: &str = "create table bench_floor (client integer not null, body text not null)";
const SCRIPT: &str = "insert into bench_floor values (:client_id, \
    'one row of a hundred characters, which is about what the narrowest table of a product would hold in it');\n";

pub struct Pgbench {
    program: PathBuf,
    url: Url,
    folder: PathBuf,
}

pub struct Outcome {
    pub per_second: f64,
    /// Milliseconds of the logged transactions.
    pub latencies: Sample,
}

impl Pgbench {
    /// Creates the table as the owner, who also inserts: no row-level security in the floor.
    pub async fn prepare(test: &TestDb) -> anyhow::Result<Self> {
        let mut owner = test.owner().await;
        owner.execute(TABLE).await?;
        let folder = std::env::temp_dir().join(format!("konstruct-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("insert.sql"), SCRIPT)?;
        let url = test.owner_url.expose_secret().parse().context("DATABASE_OWNER_URL is no URL")?;
        Ok(Self { program: program(), url, folder })
    }

    pub async fn run(&self, seconds: u64) -> anyhow::Result<Outcome> {
        let clients = CLIENTS.to_string();
        let output = tokio::process::Command::new(&self.program)
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--file=insert.sql"])
            .args(["--client", &clients, "--time", &seconds.to_string()])
            .args(["--log", "--log-prefix=transactions", "--sampling-rate", LOGGED])
            .args(["--host", self.url.host_str().unwrap_or("127.0.0.1")])
            .args(["--port", &self.url.port().unwrap_or(5432).to_string()])
            .args(["--username", self.url.username(), self.url.path().trim_start_matches('/')])
            .env("PGPASSWORD", self.url.password().unwrap_or_default())
            .env("PGSSLMODE", "disable")
            .env("PGOPTIONS", "-c synchronous_commit=on")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .await
            .with_context(|| format!("{} can't be run", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        let per_second = said
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok())
            .context("pgbench reports no rate")?;
        Ok(Outcome { per_second, latencies: read_logs(&self.folder)? })
    }
}

impl Drop for Pgbench {
    fn drop(&mut self) {
        // It lies in the folder for temporary files; what stays behind harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Each line: client, transaction, microseconds, …
fn read_logs(folder: &Path) -> anyhow::Result<Sample> {
    let mut latencies = Sample::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("transactions")) {
            continue;
        }
        for line in fs::read_to_string(&path)?.lines() {
            let micros: f64 = line.split(' ').nth(2).context("a log line without its time")?.parse()?;
            latencies.push(micros / 1_000.0);
        }
        fs::remove_file(&path)?;
    }
    Ok(latencies)
}

/// What `make up` installed, otherwise the one in the path.
fn program() -> PathBuf {
    let installed = Path::new(".local/pg/tools/bin/pgbench");
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors()
        .map(|folder| folder.join(installed))
        .find(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from("pgbench"))
}

//! `konstruct erase person | tenant | replay`: erases for good, and hands out a certificate.

use std::{fs, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use shared::{
    checkpoints::Checkpoints,
    config::Config,
    db::{Db, DbError, TenantDb, audit::Actor, people, privacy, system, tenants},
    erasing::{self, EraseError, Eraser, Signed},
    ids::{PersonId, TenantId},
    storage::Storage,
};
use tokio::time::Instant;

/// How long turns that are under way may take to end.
const PATIENCE: Duration = Duration::from_mins(3);
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Subcommand)]
pub enum Erase {
    /// Erase somebody who talks to agents: what they said, what was made of it, and what they are known by.
    Person(Person),
    /// Erase a tenant: stop it, destroy its key, remove its rows and files.
    Tenant(Tenant),
    /// Erase again what was erased since the backup was made that this database was restored from.
    Replay(Replay),
}

#[derive(Args)]
pub struct Person {
    #[arg(long)]
    tenant: TenantId,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    sure: Sure,
}

/// Somebody who talks to agents.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct Who {
    /// `per_…`; several times for one human whom several connections know.
    #[arg(long)]
    person: Vec<PersonId>,
    /// What the provider knows them by: a member's id (`U…`), a phone number with its country code, digits only.
    #[arg(long)]
    known_as: Vec<String>,
}

#[derive(Args)]
pub struct Tenant {
    tenant: TenantId,
    #[command(flatten)]
    sure: Sure,
}

#[derive(Args)]
struct Sure {
    /// Nothing is erased without it; it can't be undone.
    #[arg(long)]
    yes: bool,
    /// Where the certificate is written as well.
    #[arg(long)]
    certificate: Option<PathBuf>,
}

#[derive(Args)]
pub struct Replay {
    /// Certificates; without any, all that are kept at AUDIT_CHECKPOINT_URL.
    files: Vec<PathBuf>,
    /// Also those that no key has signed.
    #[arg(long)]
    unsigned: bool,
}

impl Erase {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        let eraser = eraser(config, &db).await?;
        match self {
            Self::Person(asked) => asked.run(&db, &eraser, as_json).await,
            Self::Tenant(asked) => asked.run(&db, &eraser, as_json).await,
            Self::Replay(asked) => asked.run(&db, &eraser, as_json).await,
        }
    }
}

async fn eraser(config: &Config, db: &Db) -> anyhow::Result<Eraser> {
    let outside =
        config.checkpoints.as_ref().map(Checkpoints::open).transpose().map_err(|error| anyhow!(error))?;
    Ok(Eraser {
        storage: Storage::open(&config.storage).map_err(|error| anyhow!(error))?,
        fingerprints: system::fingerprint_key(&db.system(), &config.master_keys).await?,
        outside: outside.map(Arc::new),
    })
}

impl Who {
    /// All of them, each once.
    pub async fn find(&self, db: &TenantDb) -> anyhow::Result<Vec<PersonId>> {
        let mut tx = db.begin().await?;
        let tenant = db.id();
        tenants::name(&mut tx).await.with_context(|| format!("There is no tenant {tenant}"))?;
        let mut all = self.person.clone();
        for person in &self.person {
            let found = people::find(&mut tx, *person).await?;
            found.with_context(|| format!("{tenant} knows no person {person}"))?;
        }
        for id in &self.known_as {
            let found = people::known_as(&mut tx, id).await?;
            if found.is_empty() {
                bail!("{tenant} knows nobody as {id}: it is the id that Slack or WhatsApp gave them.");
            }
            all.extend(found);
        }
        tx.close().await?;
        all.sort_unstable_by_key(|person| person.uuid());
        all.dedup();
        Ok(all)
    }
}

impl Person {
    async fn run(self, db: &Db, eraser: &Eraser, as_json: bool) -> anyhow::Result<ExitCode> {
        let db = db.tenant(self.tenant);
        let people = self.who.find(&db).await?;
        if !self.sure.yes {
            let who: Vec<String> = people.iter().map(ToString::to_string).collect();
            return Ok(hesitate(&format!("{} of {}", who.join(", "), self.tenant)));
        }
        let signed = person(&db, eraser, &people).await?;
        self.sure.report(&signed, eraser, as_json)
    }
}

/// Asks for the erasure and carries it out at once; where this process ends, the worker goes on with it.
async fn person(db: &TenantDb, eraser: &Eraser, people: &[PersonId]) -> anyhow::Result<Signed> {
    let mut tx = db.begin().await?;
    let id = privacy::request(&mut tx, &Actor::CommandLine, people).await.map_err(|error| match error {
        DbError::NotFound => anyhow!("They are erased already."),
        other => other.into(),
    })?;
    tx.commit().await?;
    let begun = Instant::now();
    loop {
        match eraser.empty(db, id).await {
            Ok(_) => return Ok(eraser.finish(db, id).await?),
            Err(EraseError::UnderWay(_)) if begun.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            Err(error @ EraseError::UnderWay(_)) => {
                bail!("{error}, and have been for three minutes. The worker goes on with {id}.")
            }
            Err(error) => return Err(error.into()),
        }
    }
}

impl Tenant {
    async fn run(self, db: &Db, eraser: &Eraser, as_json: bool) -> anyhow::Result<ExitCode> {
        let tenant = self.tenant;
        if !self.sure.yes {
            return Ok(hesitate(&format!("{tenant} with all that belongs to it")));
        }
        let signed = end(db, eraser, tenant, as_json).await?;
        self.sure.report(&signed, eraser, as_json)
    }
}

async fn end(db: &Db, eraser: &Eraser, tenant: TenantId, as_json: bool) -> anyhow::Result<Signed> {
    let told = |table: &str, rows: i64| {
        if !as_json && rows > 0 {
            println!("{table}: {rows} rows");
        }
    };
    eraser.tenant(&db.system(), &db.tenant(tenant), &Actor::CommandLine, told).await.map_err(|error| match error {
        EraseError::Database(DbError::NotFound) => anyhow!("There is no tenant {tenant}."),
        other => anyhow!(other).context(format!("{tenant} is not gone yet; the same command goes on with it")),
    })
}

impl Sure {
    fn report(&self, signed: &Signed, eraser: &Eraser, as_json: bool) -> anyhow::Result<ExitCode> {
        let text = serde_json::to_string_pretty(signed)?;
        if let Some(path) = &self.certificate {
            fs::write(path, &text).with_context(|| format!("{} can't be written", path.display()))?;
        }
        if as_json {
            println!("{}", serde_json::to_string(signed)?);
            return Ok(ExitCode::SUCCESS);
        }
        let rows: i64 = signed.certificate.counts.values().sum();
        println!("Erased: {rows} rows in {} tables. The certificate:\n{text}", signed.certificate.counts.len());
        if eraser.outside.is_none() {
            println!(
                "It is not signed and not kept elsewhere, because AUDIT_CHECKPOINT_KEY is not set: keep it yourself, a restore of \
                 an older backup needs it."
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[expect(clippy::print_stderr, reason = "it is no answer to what was asked for")]
fn hesitate(what: &str) -> ExitCode {
    eprintln!("This would erase {what}. It can't be undone: say --yes.");
    ExitCode::FAILURE
}

impl Replay {
    async fn run(self, db: &Db, eraser: &Eraser, as_json: bool) -> anyhow::Result<ExitCode> {
        let (mut again, mut gone) = (Vec::new(), 0);
        for signed in self.certificates(eraser).await? {
            let certificate = &signed.certificate;
            let tenant = db.tenant(certificate.tenant_id);
            let mut tx = tenant.begin().await?;
            let is_there = tenants::name(&mut tx).await.is_ok();
            let people = privacy::still_known(&mut tx, &certificate.people).await?;
            tx.close().await?;
            match (is_there, certificate.people.is_empty()) {
                (true, true) => again.push(end(db, eraser, certificate.tenant_id, as_json).await?),
                (true, false) if !people.is_empty() => again.push(person(&tenant, eraser, &people).await?),
                _ => gone += 1,
            }
        }
        if as_json {
            println!("{}", json!({ "erased_again": again, "were_gone": gone }));
        } else {
            println!("{} erasures were done again; {gone} had nothing left to erase.", again.len());
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Oldest first.
    async fn certificates(&self, eraser: &Eraser) -> anyhow::Result<Vec<Signed>> {
        let outside = eraser.outside.as_deref();
        let mut all = Vec::new();
        if self.files.is_empty() {
            let outside = outside.context(
                "AUDIT_CHECKPOINT_KEY is not set, so no certificates are kept: name the files that hold them.",
            )?;
            let (kept, strange) = erasing::kept(outside).await?;
            if let Some(first) = strange.first() {
                bail!("{} of the certificates are not signed by the key ({first}).", strange.len());
            }
            all = kept;
        }
        for path in &self.files {
            let bytes = fs::read(path).with_context(|| format!("{} can't be read", path.display()))?;
            let signed: Signed = serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is no certificate of an erasure", path.display()))?;
            if !self.unsigned && !outside.is_some_and(|outside| signed.is_proved_by(outside)) {
                bail!(
                    "{} is not signed by the key of AUDIT_CHECKPOINT_KEY; if you know where it comes from, say --unsigned.",
                    path.display()
                );
            }
            all.push(signed);
        }
        all.sort_by_key(|signed| signed.certificate.finished_at);
        Ok(all)
    }
}

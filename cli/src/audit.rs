//! `konstruct audit verify`: walks the audit log of one tenant or of all, and says whether it is whole, or which row does not
//! fit.
//!
//! It writes nothing, so that it also works on a copy of the database. Where checkpoints are kept outside of the database, it
//! compares the logs with them, too.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use shared::{
    checkpoints::{Checkpoint, Checkpoints},
    config::Config,
    db::{
        Db,
        audit_chain::{self, FaultKind, Verdict},
        system, tenants,
    },
    erasing,
    ids::TenantId,
};

#[derive(Subcommand)]
pub enum Audit {
    /// Check that nobody changed, removed or moved a row of the log.
    Verify(Verify),
    /// Print the public key of the checkpoints, for who checks without being able to sign.
    PublicKey,
}

#[derive(Args)]
pub struct Verify {
    /// Only this tenant's (`ten_…`); all of them without it.
    #[arg(long)]
    tenant: Option<TenantId>,
}

/// What checkpoints tell of each log: hashes by number.
type Kept = HashMap<TenantId, BTreeMap<i64, String>>;

/// What was found for all.
#[derive(Default)]
struct Tally {
    lines: Vec<Value>,
    broken: usize,
    kept: Kept,
    /// Tenants that a signed certificate says were erased, with how many rows their log had.
    erased: HashMap<TenantId, i64>,
}

impl Audit {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let outside =
            config.checkpoints.as_ref().map(Checkpoints::open).transpose().map_err(|error| anyhow!(error))?;
        let Self::Verify(Verify { tenant }) = self else {
            let outside = outside.context("AUDIT_CHECKPOINT_KEY is not set: no checkpoints are signed here")?;
            println!("{}", outside.public_key());
            return Ok(());
        };
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        let (kept, erased) = (kept(outside.as_ref()).await?, erased(outside.as_ref()).await?);
        let mut tally = Tally { kept, erased, ..Tally::default() };
        if let Some(tenant) = tenant {
            tally.check(&db, tenant, as_json).await?;
        } else {
            tally.check_all(&db, as_json).await?;
        }
        if as_json {
            println!("{}", json!({ "whole": tally.broken == 0, "tenants": tally.lines }));
        }
        if tally.broken > 0 {
            bail!(
                "{} of {} audit logs do not fit together: compare them with a backup, and find out who could write to the database.",
                tally.broken,
                tally.lines.len()
            );
        }
        Ok(())
    }
}

/// All checkpoints by tenant. One that is not signed by the key is no small matter: nobody else can write there.
async fn kept(outside: Option<&Checkpoints>) -> anyhow::Result<Kept> {
    let mut kept = Kept::new();
    let Some(outside) = outside else { return Ok(kept) };
    let (checkpoints, strange) = outside.all().await.context("The checkpoints can't be read")?;
    if let Some(first) = strange.first() {
        bail!(
            "{} of the checkpoints are not signed by the key ({first}): the key is another one, or somebody writes to \
             AUDIT_CHECKPOINT_URL who should not.",
            strange.len()
        );
    }
    for Checkpoint { tenant_id, n, hash, .. } in checkpoints {
        let first = kept.entry(tenant_id).or_default().entry(n).or_insert_with(|| hash.clone());
        // A worker signs what it finds at its start anew: a forged head must not stand in place of the true one.
        if *first != hash {
            bail!(
                "Two signed checkpoints of {tenant_id} tell of different rows {n}: the log was rewritten between them."
            );
        }
    }
    Ok(kept)
}

async fn erased(outside: Option<&Checkpoints>) -> anyhow::Result<HashMap<TenantId, i64>> {
    let Some(outside) = outside else { return Ok(HashMap::new()) };
    let (certificates, _) = erasing::kept(outside).await.context("The certificates of erasures can't be read")?;
    let ended = |signed: erasing::Signed| {
        let certificate = signed.certificate;
        certificate.audit_n.map(|n| (certificate.tenant_id, n))
    };
    Ok(certificates.into_iter().filter_map(ended).collect())
}

impl Tally {
    async fn check_all(&mut self, db: &Db, as_json: bool) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            let page = system::list_tenants(&db.system(), after)
                .await
                .context("The tenants can't be listed; `konstruct doctor` looks for the cause")?;
            let Some(last) = page.last() else { break };
            after = Some(last.tenant);
            for line in &page {
                self.check(db, line.tenant, as_json).await?;
            }
        }
        self.tell_of_gone(as_json);
        Ok(())
    }

    /// Logs that checkpoints tell of, and that went with their whole tenant.
    fn tell_of_gone(&mut self, as_json: bool) {
        for (tenant, rows) in std::mem::take(&mut self.kept) {
            let n = rows.keys().next_back().copied().unwrap_or_default();
            if let Some(events) = self.erased.get(&tenant).filter(|events| **events >= n) {
                if !as_json {
                    println!("{tenant}  erased with its {events} rows, as its certificate tells");
                }
                self.lines.push(json!({ "tenant_id": tenant, "whole": true, "events": 0, "head": null,
                                        "checkpoints": rows.len(), "erased": true, "fault": null }));
                continue;
            }
            let detail = format!("The tenant is not there; checkpoints tell of {n} rows.");
            if !as_json {
                println!("{tenant}  BROKEN: {detail}");
            }
            self.broken += 1;
            let fault = json!({ "n": 1, "kind": FaultKind::Missing, "detail": detail });
            self.lines.push(json!({ "tenant_id": tenant, "whole": false, "events": 0, "head": null,
                                    "checkpoints": rows.len(), "fault": fault }));
        }
    }

    async fn check(&mut self, db: &Db, tenant: TenantId, as_json: bool) -> anyhow::Result<()> {
        let mut tx = db.tenant(tenant).begin().await.context("PostgreSQL can't be used")?;
        tenants::name(&mut tx).await.with_context(|| format!("There is no tenant {tenant}"))?;
        let kept = self.kept.remove(&tenant).unwrap_or_default();
        let verdict = audit_chain::verify(&mut tx, &kept)
            .await
            .with_context(|| format!("The audit log of {tenant} can't be read"))?;
        tx.close().await?;
        if !as_json {
            println!("{tenant}  {}", sentence(&verdict, kept.len()));
        }
        self.broken += usize::from(!verdict.is_whole());
        let fault =
            verdict.fault.map(|fault| json!({ "n": fault.n, "kind": fault.kind, "detail": fault.sentence() }));
        self.lines.push(json!({ "tenant_id": tenant, "whole": verdict.is_whole(), "events": verdict.events,
                                "head": verdict.head, "checkpoints": kept.len(), "fault": fault }));
        Ok(())
    }
}

fn sentence(verdict: &Verdict, checkpoints: usize) -> String {
    match (verdict.fault, checkpoints) {
        (Some(fault), _) => format!("BROKEN: {}", fault.sentence()),
        (None, 0) => format!("whole, {} rows, head {}", verdict.events, verdict.head),
        (None, kept) => {
            format!("whole, {} rows, as {kept} checkpoints tell, head {}", verdict.events, verdict.head)
        }
    }
}

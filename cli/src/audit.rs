//! `konstruct audit verify`: walks the audit log of one tenant or of all, and says whether it is whole, or which row does not
//! fit.
//!
//! It writes nothing, so that it also works on a copy of the database.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use shared::{
    config::Config,
    db::{
        Db,
        audit_chain::{self, Verdict},
        system, tenants,
    },
    ids::TenantId,
};

#[derive(Subcommand)]
pub enum Audit {
    /// Check that nobody changed, removed or moved a row of the log.
    Verify(Verify),
}

#[derive(Args)]
pub struct Verify {
    /// Only this tenant's (`ten_…`); all of them without it.
    #[arg(long)]
    tenant: Option<TenantId>,
}

/// What was found for all.
#[derive(Default)]
struct Tally {
    lines: Vec<Value>,
    broken: usize,
}

impl Audit {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let Self::Verify(Verify { tenant }) = self;
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        let mut tally = Tally::default();
        if let Some(tenant) = tenant {
            tally.check(&db, tenant, as_json).await?;
        } else {
            let mut after = None;
            loop {
                let page = system::list_tenants(&db.system(), after)
                    .await
                    .context("The tenants can't be listed; `konstruct doctor` looks for the cause")?;
                let Some(last) = page.last() else { break };
                after = Some(last.tenant);
                for line in &page {
                    tally.check(&db, line.tenant, as_json).await?;
                }
            }
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

impl Tally {
    async fn check(&mut self, db: &Db, tenant: TenantId, as_json: bool) -> anyhow::Result<()> {
        let mut tx = db.tenant(tenant).begin().await.context("PostgreSQL can't be used")?;
        tenants::name(&mut tx).await.with_context(|| format!("There is no tenant {tenant}"))?;
        let verdict = audit_chain::verify(&mut tx)
            .await
            .with_context(|| format!("The audit log of {tenant} can't be read"))?;
        tx.close().await?;
        if !as_json {
            println!("{tenant}  {}", sentence(&verdict));
        }
        self.broken += usize::from(!verdict.is_whole());
        let fault =
            verdict.fault.map(|fault| json!({ "n": fault.n, "kind": fault.kind, "detail": fault.sentence() }));
        self.lines.push(json!({ "tenant_id": tenant, "whole": verdict.is_whole(), "events": verdict.events,
                                "head": verdict.head, "fault": fault }));
        Ok(())
    }
}

fn sentence(verdict: &Verdict) -> String {
    match verdict.fault {
        Some(fault) => format!("BROKEN: {}", fault.sentence()),
        None => format!("whole, {} rows, head {}", verdict.events, verdict.head),
    }
}

//! `konstruct export person`: all that is there of somebody, as JSON.

use std::io::Write;

use clap::{Args, Subcommand};
use shared::{
    config::Config,
    db::{Db, audit::Actor, privacy},
    ids::TenantId,
};

use super::erase::Who;

#[derive(Subcommand)]
pub enum Export {
    /// What somebody who talks to agents said, and what is known of them. Recorded in the tenant's audit log.
    Person(Person),
}

#[derive(Args)]
pub struct Person {
    #[arg(long)]
    tenant: TenantId,
    #[command(flatten)]
    who: Who,
}

impl Export {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let Self::Person(Person { tenant, who }) = self;
        let db = Db::connect(&config.database_url, &config.database_system_url)?.tenant(tenant);
        let people = who.find(&db).await?;
        let mut tx = db.begin_for_all_audiences().await?;
        let all = privacy::export(&mut tx, &Actor::CommandLine, &people).await?;
        tx.commit().await?;
        let mut out = std::io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &all)?;
        writeln!(out)?;
        Ok(())
    }
}

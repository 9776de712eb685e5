//! `konstruct key rotate`: seals every stored secret anew under the first master key, while everything runs.

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;
use shared::{
    config::Config,
    db::{
        Db,
        sealed::{self, Rotated},
        system,
    },
};

#[derive(Subcommand)]
pub enum Key {
    /// Seal every stored secret anew under the first of KONSTRUCT_MASTER_KEYS. May be stopped, and begun again.
    Rotate,
}

impl Key {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let Self::Rotate = self;
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        // A wrong key ends here, before anything is written.
        system::fingerprint_key(&db.system(), &config.master_keys).await?;
        let mut all = Rotated::default();
        let mut count = |rotated: Rotated| {
            all.looked_at += rotated.looked_at;
            all.resealed += rotated.resealed;
        };
        let mut after = None;
        loop {
            let tenants = sealed::tenants(&db.system(), after).await?;
            let Some(last) = tenants.last() else { break };
            after = Some(*last);
            for tenant in &tenants {
                let rotated = sealed::rotate(&db.tenant(*tenant), &config.master_keys).await;
                count(rotated.with_context(|| format!("A secret of {tenant} could not be sealed anew"))?);
            }
        }
        count(sealed::rotate_untied(&db.system(), &config.master_keys).await?);
        if as_json {
            println!("{}", json!({ "looked_at": all.looked_at, "resealed": all.resealed }));
        } else {
            println!(
                "{} of {} secrets were sealed anew under the first key. When every process knows it as its first, run this \
                 once more; if it finds nothing to do, the older keys may go.",
                all.resealed, all.looked_at
            );
        }
        Ok(())
    }
}

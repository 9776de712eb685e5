//! `konstruct migrate`: brings the schema up to date as its owner.

use anyhow::{Context, anyhow};
use shared::{config::Config, db::schema};

pub async fn run(config: &Config) -> anyhow::Result<()> {
    let owner = config.database_owner_url.as_ref().ok_or_else(|| {
        anyhow!("DATABASE_OWNER_URL is missing: migrations run as konstruct_owner; see migrations/bootstrap.sql.")
    })?;
    schema::migrate(owner).await.context("The schema could not be brought up to date")?;
    println!("The schema is up to date.");
    Ok(())
}

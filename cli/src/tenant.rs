//! `konstruct tenant create | agent`.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use shared::{
    config::Config,
    crypto::{new_token, token_hash},
    db::{
        Db,
        agents::{self, AgentShape},
        audit::{self, Actor},
        system,
    },
    ids::{ApiKeyId, TenantId},
};

#[derive(Subcommand)]
pub enum Tenant {
    /// Create a tenant; prints its id and its first API key, which is shown only now.
    Create(Create),
    /// Create or reshape an agent; the tenant's first one answers.
    Agent(Agent),
}

#[derive(Args)]
pub struct Create {
    #[arg(long)]
    name: String,
    #[arg(long, default_value = "trial", value_parser = ["trial", "team", "business", "enterprise"])]
    plan: String,
}

#[derive(Args)]
pub struct Agent {
    #[arg(long)]
    tenant: TenantId,
    #[arg(long)]
    name: String,
    #[arg(long)]
    role: Option<String>,
    #[arg(long)]
    tone: Option<String>,
    #[arg(long)]
    instructions: Option<String>,
    /// Another model than the platform's.
    #[arg(long)]
    model: Option<String>,
}

impl Tenant {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        match self {
            Self::Create(create) => create.run(&db, as_json).await,
            Self::Agent(agent) => agent.run(&db, as_json).await,
        }
    }
}

impl Create {
    async fn run(self, db: &Db, as_json: bool) -> anyhow::Result<()> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 200 {
            bail!("--name must have 1 to 200 characters.");
        }
        let (tenant, token) = (TenantId::new(), new_token("kst_"));
        system::create_tenant(&db.system(), tenant, name, &self.plan, ApiKeyId::new(), &token_hash(&token))
            .await
            .context("The tenant could not be created; `konstruct doctor` looks for the cause")?;
        if as_json {
            println!("{}", json!({ "tenant_id": tenant, "api_key": token }));
        } else {
            println!("Tenant   {tenant}\nAPI key  {token}\nThe key is shown only now: keep it.");
        }
        Ok(())
    }
}

impl Agent {
    async fn run(self, db: &Db, as_json: bool) -> anyhow::Result<()> {
        if self.name.trim().is_empty() || self.name.chars().count() > 80 {
            bail!("--name must have 1 to 80 characters.");
        }
        let shape =
            AgentShape { role: self.role, tone: self.tone, instructions: self.instructions, model: self.model };
        let mut tx = db.tenant(self.tenant).begin().await?;
        shared::db::tenants::name(&mut tx).await.with_context(|| format!("There is no tenant {}", self.tenant))?;
        let agent =
            agents::shape(&mut tx, self.name.trim(), &shape).await.context("The agent could not be stored")?;
        let target = agent.id.to_string();
        let detail = json!({ "name": agent.name });
        audit::append(&mut tx, &Actor::CommandLine, "agent.shape", ("agent", &target), detail).await?;
        tx.commit().await?;
        if as_json {
            println!("{}", json!({ "agent_id": agent.id, "name": agent.name, "is_default": agent.is_default }));
        } else {
            println!(
                "Agent {} ({}) is ready{}.",
                agent.name,
                agent.id,
                if agent.is_default { " and answers" } else { "" }
            );
        }
        Ok(())
    }
}

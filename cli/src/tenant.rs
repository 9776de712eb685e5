//! `konstruct tenant create | agent`.

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use shared::{
    config::Config,
    crypto::{new_token, token_hash},
    db::{
        Db, DbError, TenantDb,
        agents::{self, AgentShape},
        audit::{self, Actor},
        invitations::{self, NewInvitation},
        system,
    },
    ids::{ApiKeyId, TenantId},
};
use url::Url;

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
    /// What it may have; without one, as much as it likes.
    #[arg(long, default_value = "enterprise", value_parser = ["free", "starter", "pro", "enterprise"])]
    plan: String,
    /// Also print a link with which this person signs in and owns the tenant.
    #[arg(long, value_name = "MAIL")]
    admin: Option<String>,
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
    /// How freely its model chooses words, from 0 to 2.
    #[arg(long)]
    temperature: Option<f64>,
    /// How many tokens an answer may have, from 50 to 8000.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(i32).range(50..=8000))]
    answer_tokens: Option<i32>,
}

impl Tenant {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        match self {
            Self::Create(create) => create.run(&db, &config.public_url, as_json).await,
            Self::Agent(agent) => agent.run(&db, as_json).await,
        }
    }
}

impl Create {
    async fn run(self, db: &Db, portal: &Url, as_json: bool) -> anyhow::Result<()> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 200 {
            bail!("--name must have 1 to 200 characters.");
        }
        let admin =
            self.admin.as_deref().map(gateway::checked_mail).transpose().map_err(|error| anyhow!("{error}"))?;
        let (tenant, token) = (TenantId::new(), new_token("kst_"));
        system::create_tenant(&db.system(), tenant, name, &self.plan, ApiKeyId::new(), &token_hash(&token))
            .await
            .context("The tenant could not be created; `konstruct doctor` looks for the cause")?;
        let link = match &admin {
            Some(mail) => {
                Some(invite_owner(&db.tenant(tenant), portal, mail).await.context("The link could not be made")?)
            }
            None => None,
        };
        if as_json {
            println!("{}", json!({ "tenant_id": tenant, "api_key": token, "sign_in_link": link }));
            return Ok(());
        }
        println!("Tenant   {tenant}\nAPI key  {token}");
        if let Some(link) = link {
            println!("Sign in  {link}\nThe link works once, for {} days.", invitations::LIVES_DAYS);
        }
        println!("The key is shown only now: keep it.");
        Ok(())
    }
}

/// The first person of a tenant, who will own it.
async fn invite_owner(db: &TenantDb, portal: &Url, mail: &str) -> Result<String, DbError> {
    let token = new_token("ksi_");
    let new = NewInvitation {
        mail,
        role: "customer_admin",
        read_only: false,
        makes_owner: true,
        token: &token_hash(&token),
    };
    let mut tx = db.begin().await?;
    let invitation = invitations::create(&mut tx, &Actor::CommandLine, &new).await?;
    let target = invitation.id.to_string();
    let detail = json!({ "role": invitation.role, "owner": true });
    audit::append(&mut tx, &Actor::CommandLine, "invitation.create", ("invitation", &target), detail).await?;
    tx.commit().await?;
    Ok(gateway::link(portal, "accept", &token))
}

impl Agent {
    async fn run(self, db: &Db, as_json: bool) -> anyhow::Result<()> {
        if self.name.trim().is_empty() || self.name.chars().count() > 80 {
            bail!("--name must have 1 to 80 characters.");
        }
        if self.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            bail!("--temperature must be from 0 to 2.");
        }
        let shape = AgentShape {
            role: self.role,
            tone: self.tone,
            instructions: self.instructions,
            model: self.model,
            temperature: self.temperature.map(Some),
            answer_tokens: self.answer_tokens.map(Some),
        };
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

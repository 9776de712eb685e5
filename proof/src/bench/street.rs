//! The three roles as processes, with Slack, WhatsApp and a model simulated in this one: what passes between people and the
//! product is timed at the door, and each process is watched from outside.

use std::time::Duration;

use anyhow::{Context, anyhow};
use secrecy::{ExposeSecret, SecretString};
use shared::{
    channels::{slack::SlackApi, whatsapp::WhatsAppApi},
    db::{
        TenantDb,
        agents::{self, AgentShape},
        audit::Actor,
    },
    testing::TestDb,
};
use simulators::{
    ModelSimulator, OptionsPatch, SlackOptions, SlackSimulator, WhatsAppOptions, WhatsAppOptionsPatch,
    WhatsAppSay, WhatsAppSimulator,
};
use tokio::time::Instant;

use super::{gate::Gate, house::TOKEN, process::Role, sample::ms};

const NUMBER_TOKEN: &str = "EAAsimulatedbench";
const ROLES: [&str; 3] = ["gateway", "orchestrator", "worker"];
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Street {
    /// Dropped, its database is anybody's to clear away.
    _test: TestDb,
    pub db: TenantDb,
    pub slack: SlackSimulator,
    pub whatsapp: WhatsAppSimulator,
    pub model: ModelSimulator,
    pub gate: Gate,
    pub team: String,
    pub number: String,
    gateway: Role,
    orchestrator: Role,
    pub worker: Role,
}

impl Street {
    pub async fn open() -> anyhow::Result<Self> {
        let (test, any) = (TestDb::new().await, "127.0.0.1:0".parse()?);
        let model = ModelSimulator::start(any).await?;
        let signing = test.config.slack.signing_secret.expose_secret();
        let app = test.config.whatsapp.app.as_ref().context("WHATSAPP_APP_SECRET is not set")?;
        // They want to know where news go before anybody is there.
        let slack = SlackSimulator::start(any, SlackOptions::new("", signing)).await?;
        let whatsapp = WhatsAppSimulator::start(any, WhatsAppOptions::new("", app.secret.expose_secret())).await?;
        let providers = [
            ("SLACK_API_URL", slack.api_url()),
            ("WHATSAPP_GRAPH_URL", whatsapp.graph_url()),
            ("LLM_BASE_URL", model.base_url()),
        ];
        let db = move_in(&test, &slack, &whatsapp).await?;
        let [gateway, orchestrator, worker] = ROLES.map(|name| Role::start_with(name, &test, &providers));
        let (gateway, orchestrator, worker) = (gateway.await?, orchestrator.await?, worker.await?);
        let gate = Gate::before(&gateway.bind)?;
        let door = |channel: &str| Some(format!("http://{}/webhooks/{channel}", gate.address));
        slack.set_options(OptionsPatch { events_url: door("slack/events"), ..OptionsPatch::default() });
        let patch = WhatsAppOptionsPatch { webhook_url: door("whatsapp"), ..WhatsAppOptionsPatch::default() };
        whatsapp.set_options(patch);
        let team = simulators::team_of(TOKEN).context("the token names no workspace")?;
        let number = simulators::number_of(NUMBER_TOKEN).context("the token names no number")?;
        Ok(Self { _test: test, db, slack, whatsapp, model, gate, team, number, gateway, orchestrator, worker })
    }

    /// Somebody writes in WhatsApp and waits for the answer: milliseconds.
    pub async fn asks_by_phone(&self, person: &str, text: &str) -> anyhow::Result<f64> {
        let before = self.whatsapp.phone(&self.number, person).len();
        let began = Instant::now();
        self.whatsapp.say(WhatsAppSay::new(&self.number, person, text));
        // What they wrote is one more, the answer another.
        let answered = |whatsapp: &WhatsAppSimulator| {
            let entries = whatsapp.phone(&self.number, person);
            entries.iter().skip(before).any(|entry| entry.incoming).then_some(())
        };
        self.whatsapp.wait_until(PATIENCE, answered).await.with_context(|| format!("{person} gets no answer"))?;
        Ok(ms(began.elapsed()))
    }

    pub async fn close(self) -> anyhow::Result<()> {
        for role in [self.gateway, self.orchestrator, self.worker] {
            role.end().await?;
        }
        Ok(())
    }
}

/// One tenant with an agent, a workspace and a number.
async fn move_in(test: &TestDb, slack: &SlackSimulator, whatsapp: &WhatsAppSimulator) -> anyhow::Result<TenantDb> {
    let (tenant, _) = test.tenant("bench").await;
    let (db, keys) = (test.db.tenant(tenant), &test.config.master_keys);
    let mut tx = db.begin().await?;
    agents::shape(&mut tx, "Kona", &AgentShape::default()).await?;
    tx.commit().await?;
    let api = SlackApi::new(&slack.api_url().parse()?);
    let by = Actor::CommandLine;
    gateway::connect_slack(&api, keys, &db, &by, SecretString::from(TOKEN), None)
        .await
        .map_err(|_| anyhow!("the simulated workspace can't be connected"))?;
    let mut config = test.config.whatsapp.clone();
    config.graph_url = whatsapp.graph_url().parse()?;
    let id = simulators::number_of(NUMBER_TOKEN).context("the token names no number")?;
    let account = simulators::account_of(&id);
    let token = SecretString::from(NUMBER_TOKEN);
    let number = gateway::WhatsAppNumber::checked(&id, &token, Some(&account), None, None)
        .map_err(|_| anyhow!("the simulated number is none"))?;
    gateway::connect_whatsapp(&WhatsAppApi::new(&config), keys, &db, &by, number)
        .await
        .map_err(|_| anyhow!("the simulated number can't be connected"))?;
    Ok(db)
}

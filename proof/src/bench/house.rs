//! An installation in this process: gateway, orchestrator and worker, with a simulated Slack and a model that answers at
//! once.

use std::{thread::JoinHandle, time::Duration};

use anyhow::{Context, anyhow};
use secrecy::{ExposeSecret, SecretString};
use shared::{
    channels::slack::SlackApi,
    clock::Clock,
    config::Config,
    db::{
        Db, TenantDb,
        agents::{self, AgentShape},
        audit::Actor,
        system,
    },
    embedding::Embedder,
    ids::TenantId,
    testing::TestDb,
};
use simulators::{AuthorKind, ModelRequest, ModelSimulator, Said, Say, SlackOptions, SlackSimulator};
use tokio::{net::TcpListener, sync::watch};

pub const TOKEN: &str = "xoxb-simulated-bench";
const PATIENCE: Duration = Duration::from_secs(60);

pub struct House {
    pub test: TestDb,
    tenant: TenantId,
    pub config: Config,
    pub slack: SlackSimulator,
    pub model: ModelSimulator,
    pub embedder: Embedder,
    pub team: String,
    /// Set to true, it ends the roles; so does dropping it.
    stop: watch::Sender<bool>,
    worker: Option<JoinHandle<Result<(), String>>>,
}

impl House {
    pub async fn open() -> anyhow::Result<Self> {
        Self::open_with(|_| ()).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Config)) -> anyhow::Result<Self> {
        let test = TestDb::new().await;
        let any = "127.0.0.1:0".parse()?;
        let listener = TcpListener::bind(any).await?;
        let events = format!("http://{}/webhooks/slack/events", listener.local_addr()?);
        let secret = test.config.slack.signing_secret.expose_secret();
        let slack = SlackSimulator::start(any, SlackOptions::new(events, secret)).await?;
        let model = ModelSimulator::start(any).await?;
        let mut config = test.config.clone();
        config.slack.api_url = slack.api_url().parse()?;
        config.llm.base_url = model.base_url().parse()?;
        change(&mut config);
        let embedder = Embedder::new(&config);
        let (stop, _) = watch::channel(false);
        let team = simulators::team_of(TOKEN).context("the token names no workspace")?;
        let (tenant, _) = test.tenant("bench").await;
        let mut house = Self { test, tenant, config, slack, model, embedder, team, stop, worker: None };
        house.move_in().await?;
        house.start(listener).await?;
        Ok(house)
    }

    /// One tenant with an agent and its workspace.
    async fn move_in(&self) -> anyhow::Result<()> {
        let db = self.db();
        let mut tx = db.begin().await?;
        agents::shape(&mut tx, "Kona", &AgentShape::default()).await?;
        tx.commit().await?;
        let (api, token) = (SlackApi::new(&self.config.slack.api_url), SecretString::from(TOKEN));
        let connecting =
            gateway::connect_slack(&api, &self.config.master_keys, &db, &Actor::CommandLine, token, None);
        connecting.await.map_err(|_| anyhow!("the simulated workspace can't be connected"))?;
        Ok(())
    }

    async fn start(&mut self, listener: TcpListener) -> anyhow::Result<()> {
        let gateway = gateway::Gateway::new(&self.config, &self.test.db, Clock::system()).await?;
        tokio::spawn(gateway::serve(listener, gateway::router(gateway), self.stopped()));
        let (config, db, embedder) = (self.config.clone(), self.test.db.clone(), self.embedder.clone());
        let stopped = self.stopped();
        tokio::spawn(async move { orchestrator::run(&config, &db, &embedder, Clock::system(), stopped).await });
        let (config, embedder, stopped) = (self.config.clone(), self.embedder.clone(), self.stopped());
        // Connections of its own: they belong to the runtime that opened them.
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // A thread of its own: the job runner's future can't be spawned.
        self.worker =
            Some(std::thread::spawn(move || runtime.block_on(worker::run(&config, &db, &embedder, stopped))));
        Ok(())
    }

    /// Resolves when the roles should end.
    fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut told = self.stop.subscribe();
        async move {
            // An error means that the house is gone, which is an end, too.
            let _ = told.wait_for(|stop| *stop).await;
        }
    }

    /// Someone mentions the agent in a channel, and a new thread begins.
    pub fn asks(&self, channel: &str, user: &str, text: &str) -> Said {
        self.slack.say(Say::new(&self.team, channel, user, text).mentioning())
    }

    /// Resolves when the thread shows something of the agent; the final text, if `answered`.
    pub async fn shows(&self, channel: &str, said: &Said, answered: bool) -> anyhow::Result<()> {
        let shown = |slack: &SlackSimulator| {
            let thread = slack.transcript(&self.team, channel, Some(&said.thread_ts));
            let agents = |kind: AuthorKind| matches!(kind, AuthorKind::Bot);
            thread.iter().any(|entry| agents(entry.author_kind) && (entry.edited || !answered)).then_some(())
        };
        self.slack.wait_until(PATIENCE, shown).await.context("the agent does not answer")
    }

    /// How many threads of the channel have their answer.
    pub fn answers(&self, channel: &str) -> usize {
        self.slack.transcript(&self.team, channel, None).iter().filter(|entry| entry.edited).count()
    }

    /// The tenant's own door.
    pub fn db(&self) -> TenantDb {
        self.test.db.tenant(self.tenant)
    }

    /// What the model was asked since it was last cleared, once this one was among it.
    pub async fn model_asked(&self, name: &str) -> anyhow::Result<Vec<ModelRequest>> {
        let asked = async {
            loop {
                let requests = self.model.requests();
                if requests.iter().any(|request| request.body["model"] == name) {
                    return requests;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(2 * PATIENCE, asked).await.with_context(|| format!("`{name}` is not asked"))
    }

    /// Waits until every memory has its vector.
    pub async fn settled(&self) -> anyhow::Result<()> {
        embedded(&self.test).await
    }

    /// Ends the roles. A worker that failed meanwhile has spoiled the measurement.
    pub async fn close(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        let Some(worker) = self.worker.take() else { return Ok(()) };
        let ended = tokio::task::spawn_blocking(|| worker.join()).await?;
        ended.map_err(|_| anyhow!("the worker crashed"))?.map_err(|error| anyhow!(error))
    }
}

/// Waits until no memory of the database lacks its vector.
pub async fn embedded(test: &TestDb) -> anyhow::Result<()> {
    let waiting = async {
        while !system::tenants_to_embed(&test.db.system()).await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    };
    tokio::time::timeout(3 * PATIENCE, waiting).await.context("the memories are not embedded")?
}

//! An installation of its own: database, Redis, roles as separate processes, simulated providers, and a line with
//! switchable faults between each pair.
//!
//! Simulators and proxies live in the test's process, so they die with it. Checks go straight to the database
//! ([`House::db`], [`Postgres::superuser`]), past every fault; only the roles use the lines.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, ensure};
use secrecy::SecretString;
use shared::{
    channels::slack::SlackApi,
    config::{Config, Variables},
    crypto::{new_token, token_hash},
    db::{
        Db, TenantDb,
        agents::{self, AgentShape},
        audit::Actor,
        system,
    },
    ids::{ApiKeyId, TenantId},
};
use simulators::{ModelSimulator, SlackOptions, SlackSimulator};
use tokio::{task::JoinHandle, time::sleep};

use super::{
    postgres::Postgres,
    processes::{Process, Role},
    proxy::Proxy,
    redis::Redis,
};

/// Slack retries after 0, 2 and 9 s instead of 0 s, 1 and 5 minutes.
const RETRY_TIME_SCALE: f64 = 0.03;
const SUPERVISION_INTERVAL: Duration = Duration::from_millis(100);
const DRAINED_LOOK_INTERVAL: Duration = Duration::from_millis(50);
const SIGNING_SECRET: &str = "5f1f9e0f7a0f4a2a9f1e";
/// Thirty-two bytes, for this test only.
const MASTER_KEYS: &str = "chaos-1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// What a role talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    Postgres,
    Redis,
    Slack,
    Model,
}

impl Service {
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Redis, Self::Slack, Self::Model];
}

/// How many of what.
#[derive(Clone, Debug)]
pub struct Layout {
    pub gateways: usize,
    pub orchestrators: usize,
    pub workers: usize,
    /// A role that ends by itself is started again, as an init system does.
    pub supervised: bool,
    /// Puts the database on a small disk of its own.
    pub disk_megabytes: Option<u64>,
    /// More variables for every role.
    pub variables: Vec<(String, String)>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            gateways: 1,
            orchestrators: 1,
            workers: 1,
            supervised: false,
            disk_megabytes: None,
            variables: Vec::new(),
        }
    }
}

pub struct House {
    pub slack: SlackSimulator,
    pub model: ModelSimulator,
    pub postgres: Postgres,
    pub redis: Redis,
    /// As the roles have it, but with the database's own address.
    pub config: Config,
    /// Straight to the database.
    pub db: Db,
    /// In front of the gateways; Slack's events go here.
    pub balancer: Proxy,
    lines: HashMap<(Role, Service), Proxy>,
    processes: Arc<Vec<Process>>,
    supervisor: Option<JoinHandle<()>>,
    /// The last to go: everything above lies in it.
    folder: Folder,
}

struct Folder(PathBuf);

/// A customer with an agent, connected to a workspace of its own.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
    pub team: String,
    /// Of the API.
    pub key: String,
}

impl House {
    /// Opens it and waits until every role is ready.
    pub async fn open(layout: Layout) -> anyhow::Result<Self> {
        let house = Self::furnish(&layout).await?;
        house.start().await?;
        Ok(house)
    }

    /// Everything but the roles, which the test starts itself.
    pub async fn furnish(layout: &Layout) -> anyhow::Result<Self> {
        // Another part of the same program may have done so.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = Folder(new_folder()?);
        let data = folder.0.join("postgres");
        let (postgres, redis) =
            tokio::try_join!(Postgres::create(&data, layout.disk_megabytes), Redis::create(&folder.0))?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let model = ModelSimulator::start(any).await?;
        let slack = SlackSimulator::start(any, SlackOptions::default()).await?;
        let mut lines = HashMap::new();
        for role in Role::ALL {
            for (service, target) in [
                (Service::Postgres, postgres.address),
                (Service::Redis, redis.address),
                (Service::Slack, slack.addr),
                (Service::Model, model.addr),
            ] {
                lines.insert((role, service), Proxy::start(vec![target]).await?);
            }
        }
        let processes = Arc::new(processes(layout, &postgres, &lines, &folder.0).await?);
        let gateways = processes.iter().filter(|process| process.role == Role::Gateway);
        let balancer = Proxy::start(gateways.map(|process| process.address).collect()).await?;
        let events = format!("http://{}/webhooks/slack/events", balancer.address());
        let mut patch = simulators::OptionsPatch { events_url: Some(events), ..Default::default() };
        patch.signing_secret = Some(SIGNING_SECRET.into());
        patch.retry_time_scale = Some(RETRY_TIME_SCALE);
        slack.set_options(patch);
        let config = direct_config(&postgres, &redis, &slack, &model)?;
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        let supervisor = layout.supervised.then(|| tokio::spawn(supervise(processes.clone())));
        Ok(Self { slack, model, postgres, redis, config, db, balancer, lines, processes, supervisor, folder })
    }

    /// Starts what does not run and waits until all of it is ready.
    pub async fn start(&self) -> anyhow::Result<()> {
        for process in self.processes() {
            if !process.is_running() {
                process.start()?;
            }
        }
        for process in self.processes() {
            process.ready().await?;
        }
        Ok(())
    }

    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    pub fn of(&self, role: Role) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(move |process| process.role == role)
    }

    /// # Panics
    /// If the layout has no such process.
    pub fn process(&self, role: Role, index: usize) -> &Process {
        self.of(role).nth(index).expect("the layout has this process")
    }

    pub fn gateway(&self, index: usize) -> &Process {
        self.process(Role::Gateway, index)
    }

    pub fn orchestrator(&self, index: usize) -> &Process {
        self.process(Role::Orchestrator, index)
    }

    pub fn worker(&self, index: usize) -> &Process {
        self.process(Role::Worker, index)
    }

    /// The line from all processes of a role to a service.
    pub fn line(&self, role: Role, service: Service) -> &Proxy {
        &self.lines[&(role, service)]
    }

    /// The lines from every role to a service.
    pub fn lines_to(&self, service: Service) -> impl Iterator<Item = &Proxy> {
        Role::ALL.into_iter().map(move |role| self.line(role, service))
    }

    /// No line has a fault, no provider misbehaves, nobody is frozen, both servers run. Roles that ended stay ended.
    pub async fn heal(&self) -> anyhow::Result<()> {
        self.lines.values().for_each(Proxy::heal);
        self.balancer.heal();
        self.slack.faults().clear();
        self.model.faults().clear();
        for process in self.processes().iter().filter(|process| process.is_running()) {
            process.thaw()?;
        }
        self.redis.thaw()?;
        self.postgres.start().await?;
        self.redis.start().await
    }

    /// A tenant with an agent and a workspace. Needs the database only.
    pub async fn tenant(&self, name: &str) -> anyhow::Result<Tenant> {
        let (id, key) = (TenantId::new(), new_token("kst_"));
        let first_key = token_hash(&key);
        system::create_tenant(&self.db.system(), id, name, "enterprise", ApiKeyId::new(), &first_key).await?;
        let db = self.db.tenant(id);
        let mut tx = db.begin().await?;
        agents::shape(&mut tx, "Kona", &AgentShape::default()).await?;
        tx.commit().await?;
        let token = format!("xoxb-simulated-{name}");
        let team = simulators::team_of(&token).context("the token names no workspace")?;
        let (api, token) = (SlackApi::new(&self.config.slack.api_url), SecretString::from(token));
        let connecting =
            gateway::connect_slack(&api, &self.config.master_keys, &db, &Actor::CommandLine, token, None);
        connecting.await.map_err(|_| anyhow!("the simulated workspace can't be connected"))?;
        Ok(Tenant { id, name: name.to_owned(), team, key })
    }

    pub fn tenant_db(&self, tenant: &Tenant) -> TenantDb {
        self.db.tenant(tenant.id)
    }

    /// Waits until no accepted message waits for its end; returns how long that took.
    pub async fn drained(&self, within: Duration) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        loop {
            // The database may just be recovering.
            let waiting = self.waiting().await;
            if matches!(waiting, Ok(0)) {
                return Ok(begun.elapsed());
            }
            ensure!(begun.elapsed() < within, "not drained within {within:?}: {waiting:?} messages wait");
            sleep(DRAINED_LOOK_INTERVAL).await;
        }
    }

    /// Accepted messages without an end.
    pub async fn waiting(&self) -> anyhow::Result<i64> {
        let mut connection = self.postgres.superuser().await?;
        let query = "select count(*) from inbox where state = 'pending'";
        Ok(sqlx::query_scalar(query).fetch_one(&mut connection).await?)
    }

    /// Where logs and data lie until the house is dropped.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.abort();
        }
        self.processes.iter().for_each(Process::close);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What can't be removed lies in the machine's folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn supervise(processes: Arc<Vec<Process>>) {
    loop {
        sleep(SUPERVISION_INTERVAL).await;
        for process in processes.iter().filter(|process| process.wants_restart()) {
            // Should it fail, the next round tries again.
            let _ = process.start();
        }
    }
}

async fn processes(
    layout: &Layout,
    postgres: &Postgres,
    lines: &HashMap<(Role, Service), Proxy>,
    folder: &Path,
) -> anyhow::Result<Vec<Process>> {
    let here = Variables::read()?;
    let mut processes = Vec::new();
    for (role, count) in [
        (Role::Gateway, layout.gateways),
        (Role::Orchestrator, layout.orchestrators),
        (Role::Worker, layout.workers),
    ] {
        let line = |service| lines[&(role, service)].address();
        let mut environment = variables(
            postgres,
            line(Service::Postgres),
            line(Service::Redis),
            &format!("http://{}/api/", line(Service::Slack)),
            &format!("http://{}/v1", line(Service::Model)),
        );
        // Read by name: everything else of the checkout stays outside.
        for name in ["ORT_DYLIB_PATH", "EMBEDDING_MODEL_DIR", "PATH"] {
            environment.extend(here.get(name).map(|value| (name.to_owned(), value.to_owned())));
        }
        environment.extend(layout.variables.iter().cloned());
        for index in 0..count {
            processes.push(Process::new(role, index, environment.clone(), folder).await?);
        }
    }
    Ok(processes)
}

fn variables(
    postgres: &Postgres,
    database: SocketAddr,
    redis: SocketAddr,
    slack: &str,
    model: &str,
) -> Vec<(String, String)> {
    let pairs = [
        ("KONSTRUCT_ENV", "development".to_owned()),
        ("DATABASE_URL", postgres.url("konstruct_app", database)),
        ("DATABASE_SYSTEM_URL", postgres.url("konstruct_system", database)),
        ("REDIS_URL", format!("redis://{redis}")),
        ("KONSTRUCT_MASTER_KEYS", MASTER_KEYS.to_owned()),
        ("SLACK_SIGNING_SECRET", SIGNING_SECRET.to_owned()),
        ("SLACK_API_URL", slack.to_owned()),
        ("LLM_BASE_URL", model.to_owned()),
        ("LLM_API_KEY", "simulated".to_owned()),
        ("LLM_MODEL", "simulated-1".to_owned()),
        // The invariants count a model's calls by what was asked; facts have tests of their own.
        ("KONSTRUCT_FACTS_AFTER", "off".to_owned()),
        ("KONSTRUCT_SUMMARY_AFTER", "off".to_owned()),
        ("LLM_FALLBACK_MODEL", "simulated-2".to_owned()),
        ("LOG_FORMAT", "json".to_owned()),
        ("RUST_LOG", "info".to_owned()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn direct_config(
    postgres: &Postgres,
    redis: &Redis,
    slack: &SlackSimulator,
    model: &ModelSimulator,
) -> anyhow::Result<Config> {
    let all = variables(postgres, postgres.address, redis.address, &slack.api_url(), &model.base_url());
    let pairs: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Ok(Config::from_variables(&Variables::of(&pairs))?)
}

/// `nobody` must be able to reach what lies in it.
fn new_folder() -> anyhow::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("konstruct-house-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    // Left by an earlier process of the same number.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

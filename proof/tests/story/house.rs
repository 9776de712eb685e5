//! A whole installation for one test: real database, real Redis, the roles, and simulated providers.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::Once,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared::{clock::Clock, config::Config, db::TenantDb, embedding::Embedder, ids::TenantId, testing::TestDb};
use simulators::{
    AuthorKind, ModelSimulator, Said, Say, SlackOptions, SlackSimulator, StreamState, TranscriptEntry,
};
use tokio::process::{Child, Command};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Generous: the suite may run beside a compiler.
pub const PATIENCE: Duration = Duration::from_secs(60);
static SETUP: Once = Once::new();

pub struct House {
    pub test: TestDb,
    pub config: Config,
    pub slack: SlackSimulator,
    pub model: ModelSimulator,
    pub embedder: Embedder,
    pub address: String,
    stop: CancellationToken,
    _stopping: DropGuard,
}

impl House {
    /// Gateway and worker run; the orchestrator is started by the test, as its life is what tests are about.
    pub async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        SETUP.call_once(set_up_process);
        let test = TestDb::new().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let events = format!("{address}/webhooks/slack/events");
        let secret = test.config.slack.signing_secret.expose_secret().to_owned();
        let any = "127.0.0.1:0".parse().expect("an address");
        let slack = SlackSimulator::start(any, SlackOptions::new(events, secret)).await.expect("a free port");
        let model = ModelSimulator::start(any).await.expect("a free port");
        let mut config = test.config.clone();
        config.slack.api_url = slack.api_url().parse().expect("a URL");
        config.llm.base_url = model.base_url().parse().expect("a URL");
        config.executable = konstruct();
        config.public_url = address.parse().expect("a URL");
        change(&mut config);
        let gateway = gateway::Gateway::new(&config, &test.db, Clock::system()).await.expect("a gateway");
        let stop = CancellationToken::new();
        tokio::spawn(gateway::serve(listener, gateway::router(gateway), stop.clone().cancelled_owned()));
        let embedder = Embedder::new(&config);
        let house =
            Self { test, config, slack, model, embedder, address, _stopping: stop.clone().drop_guard(), stop };
        house.start_worker();
        house
    }

    fn start_worker(&self) {
        let (config, db, embedder) = (self.config.clone(), self.test.db.clone(), self.embedder.clone());
        let stop = self.stop.clone();
        // A thread of its own: the job runner's future can't be spawned.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(worker::run(&config, &db, &embedder, stop.cancelled_owned())).expect("a worker");
        });
    }

    /// An orchestrator in this process.
    pub fn start_orchestrator(&self) {
        let (config, db, embedder) = (self.config.clone(), self.test.db.clone(), self.embedder.clone());
        let stop = self.stop.clone().cancelled_owned();
        tokio::spawn(async move { orchestrator::run(&config, &db, &embedder, Clock::system(), stop).await });
    }

    /// What `konstruct doctor --live` finds: the name, whether it is well, and what it says.
    pub async fn examined(&self) -> Vec<(String, bool, String)> {
        let secret = |text: &SecretString| text.expose_secret().to_owned();
        let output = Command::new(konstruct())
            .args(["--json", "doctor", "--live"])
            .env("DATABASE_URL", secret(&self.config.database_url))
            .env("DATABASE_SYSTEM_URL", secret(&self.config.database_system_url))
            .env("REDIS_URL", secret(&self.config.redis_url))
            .env("SLACK_API_URL", self.config.slack.api_url.as_str())
            .env("WHATSAPP_GRAPH_URL", self.config.whatsapp.graph_url.as_str())
            .env("LLM_BASE_URL", self.config.llm.base_url.as_str())
            .env("KONSTRUCT_PUBLIC_URL", &self.address)
            .output()
            .await
            .expect("the konstruct binary is built with the workspace");
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let checks = said["checks"].as_array().expect("a list").iter().map(|check| {
            let text = |name: &str| check[name].as_str().expect("text").to_owned();
            (text("name"), check["ok"] == true, text("detail"))
        });
        checks.collect()
    }

    /// The program itself, told where everything is.
    pub fn konstruct(&self, arguments: &[&str]) -> Command {
        let secret = |text: &SecretString| text.expose_secret().to_owned();
        let mut command = Command::new(konstruct());
        command
            .args(arguments)
            .env("DATABASE_URL", secret(&self.config.database_url))
            .env("DATABASE_SYSTEM_URL", secret(&self.config.database_system_url))
            .env("REDIS_URL", secret(&self.config.redis_url))
            .env("SLACK_API_URL", self.config.slack.api_url.as_str())
            .env("LLM_BASE_URL", self.config.llm.base_url.as_str())
            .env("KONSTRUCT_FACTS_AFTER", "off")
            .env("KONSTRUCT_SUMMARY_AFTER", "off")
            .env("KONSTRUCT_METRICS_BIND", "127.0.0.1:0")
            .env("LOG_FORMAT", "json")
            .env("RUST_LOG", "info")
            .kill_on_drop(true);
        command
    }

    /// An orchestrator in a process of its own, to be killed. Its standard error is `log`.
    pub fn spawn_orchestrator(&self, log: &std::path::Path) -> Child {
        let file = std::fs::File::create(log).expect("a log file");
        let mut orchestrator = self.konstruct(&["orchestrator"]);
        orchestrator.stdout(Stdio::null()).stderr(file);
        orchestrator.spawn().expect("the konstruct binary is built with the workspace")
    }

    /// A tenant with an agent, connected to its own simulated workspace over the real API.
    pub async fn tenant(&self, name: &str) -> Tenant<'_> {
        let (id, key) = self.test.tenant(name).await;
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let agent = json!({ "name": "Kona", "instructions": "Help the team." });
        let put = http.put(format!("{}/api/v1/agents", self.address)).bearer_auth(&key).json(&agent);
        assert_eq!(put.send().await.expect("an answer").status(), 200);
        let token = format!("xoxb-simulated-{name}");
        let connection = json!({ "channel": "slack", "bot_token": token });
        let post = http.post(format!("{}/api/v1/connections", self.address)).bearer_auth(&key).json(&connection);
        assert_eq!(post.send().await.expect("an answer").status(), 201);
        let team = simulators::team_of(&token).expect("a workspace");
        Tenant { house: self, id, key, team, db: self.test.db.tenant(id) }
    }

    /// The address of a resource of the API.
    pub fn api(&self, resource: &str) -> String {
        format!("{}/api/v1/{resource}", self.address)
    }
}

fn set_up_process() {
    // Another suite that lives here too may have done so.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let log = shared::config::LogConfig {
        format: shared::config::LogFormat::Pretty,
        filter: "off,gateway=error,orchestrator=error".into(),
        otlp_endpoint: None,
    };
    // Traces need it: a message carries its trace from webhook to reply.
    std::mem::forget(shared::telemetry::start("test", &log).expect("telemetry starts once"));
    // The product's hook leaves a panic's text out of the log; a failed test must say it.
    drop(std::panic::take_hook());
}

/// Beside the test binary's folder.
pub fn konstruct() -> PathBuf {
    let here = std::env::current_exe().expect("the test has a path");
    here.ancestors().nth(2).expect("target/debug").join("konstruct")
}

pub struct Tenant<'a> {
    pub house: &'a House,
    pub id: TenantId,
    /// Of its API key.
    pub key: String,
    pub team: String,
    pub db: TenantDb,
}

impl Tenant<'_> {
    /// Someone mentions the agent in a channel (or writes a direct message) and a new thread begins.
    pub fn asks(&self, channel: &str, user: &str, text: &str) -> Said {
        self.house.slack.say(Say::new(&self.team, channel, user, text).mentioning())
    }

    pub fn says_in_thread(&self, channel: &str, user: &str, text: &str, thread: &str) -> Said {
        self.house.slack.say(Say::new(&self.team, channel, user, text).in_thread(thread))
    }

    /// What the agent shows in a thread now.
    pub fn replies(&self, channel: &str, thread: &str) -> Vec<TranscriptEntry> {
        let mut entries = self.house.slack.transcript(&self.team, channel, Some(thread));
        entries.retain(|entry| matches!(entry.author_kind, AuthorKind::Bot));
        entries
    }

    /// Waits until the thread shows `count` finished replies; returns their texts.
    pub async fn finished(&self, channel: &str, thread: &str, count: usize) -> Vec<String> {
        let finished = |_: &SlackSimulator| {
            let replies = self.replies(channel, thread);
            let is_finished = |entry: &TranscriptEntry| {
                !entry.text.starts_with("_Thinking") && !matches!(entry.streaming, Some(StreamState::InProgress))
            };
            let all = replies.len() >= count && replies.iter().all(is_finished);
            all.then(|| replies.into_iter().map(|entry| entry.text).collect::<Vec<_>>())
        };
        let shown = self.house.slack.wait_until(PATIENCE, finished).await;
        shown.unwrap_or_else(|| panic!("no reply; the thread shows {:?}", self.replies(channel, thread)))
    }

    /// The states of all inbox rows, oldest first, once there are some and none is pending any more.
    pub async fn inbox(&self) -> Vec<(String, Option<String>)> {
        for _ in 0..600 {
            let mut tx = self.db.begin().await.expect("a transaction");
            let rows: Vec<(String, Option<String>)> = sqlx::query_as(
                "select state::text, reason from inbox where tenant_id = $1 order by received_at, conversation_id, seq",
            )
            .bind(self.id)
            .fetch_all(tx.conn())
            .await
            .expect("rows");
            tx.close().await.expect("closed");
            if !rows.is_empty() && rows.iter().all(|(state, _)| state != "pending") {
                return rows;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("a message of {} stays pending", self.team);
    }

    /// One number from the tenant's own rows.
    pub async fn count(&self, query: &'static str) -> i64 {
        let mut tx = self.db.begin_for_all_audiences().await.expect("a transaction");
        let count = sqlx::query_scalar(query).bind(self.id).fetch_one(tx.conn()).await.expect("a number");
        tx.close().await.expect("closed");
        count
    }

    /// Waits until one number from the tenant's own rows is this.
    pub async fn until(&self, what: &str, query: &'static str, wanted: i64) {
        let begun = Instant::now();
        let mut seen = self.count(query).await;
        while seen != wanted {
            assert!(begun.elapsed() < PATIENCE, "it never happened: {what}; {seen} instead of {wanted}");
            tokio::time::sleep(Duration::from_millis(50)).await;
            seen = self.count(query).await;
        }
    }

    /// Waits until every memory has its vector and every person a name.
    pub async fn everything_remembered(&self) {
        for _ in 0..600 {
            let open = "select (select count(*) from memories where tenant_id = $1 and embedding is null)
                             + (select count(*) from people where tenant_id = $1 and profile_fetched_at is null)
                             + (select count(*) from channels where tenant_id = $1 and kind = 'unknown')";
            if self.count(open).await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("a memory stays without its vector, or a person without a name");
    }

    /// Runs a statement on the tenant's own rows, such as letting a day pass.
    pub async fn change(&self, statement: &'static str) {
        let mut tx = self.db.begin_for_all_audiences().await.expect("a transaction");
        sqlx::query(statement).bind(self.id).execute(tx.conn()).await.expect("a change");
        tx.commit().await.expect("committed");
    }
}

/// Polls until `ask` says yes.
pub async fn eventually(what: &str, ask: impl Fn() -> bool) {
    for _ in 0..1_200 {
        if ask() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never happened: {what}");
}

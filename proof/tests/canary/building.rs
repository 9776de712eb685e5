//! Gateway, orchestrator and worker as processes that log all they can, between simulated providers.

use std::{net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use reqwest::{Client, Method, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared::{db::TenantDb, ids::TenantId, testing::TestDb};
use simulators::{AuthorKind, ChannelSetup, ModelSimulator, Said, Say, SlackOptions, SlackSimulator};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
};

/// Generous: the suite may run beside a compiler.
const PATIENCE: Duration = Duration::from_secs(60);
const ROLES: [&str; 3] = ["gateway", "orchestrator", "worker"];

pub struct Building {
    pub test: TestDb,
    pub slack: SlackSimulator,
    pub model: ModelSimulator,
    pub http: Client,
    address: SocketAddr,
    health: Vec<SocketAddr>,
    logs: Vec<PathBuf>,
    _processes: Vec<Child>,
}

impl Building {
    /// Traces go to `collector`.
    pub async fn open(collector: SocketAddr) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let test = TestDb::new().await;
        let address = free_port().await;
        let secret = test.config.slack.signing_secret.expose_secret().to_owned();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let events = format!("http://{address}/webhooks/slack/events");
        let slack = SlackSimulator::start(any, SlackOptions::new(events, secret)).await.expect("a free port");
        let model = ModelSimulator::start(any).await.expect("a free port");
        let http = Client::builder().no_proxy().build().expect("a client");
        let (mut health, mut logs, mut processes) = (Vec::new(), Vec::new(), Vec::new());
        for role in ROLES {
            let metrics = free_port().await;
            let log = std::env::temp_dir().join(format!("konstruct-canary-{}-{role}.log", std::process::id()));
            let mut command = command(role, &test, &slack, &model);
            command
                .env("KONSTRUCT_BIND", address.to_string())
                .env("KONSTRUCT_METRICS_BIND", metrics.to_string())
                .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
                .stderr(std::fs::File::create(&log).expect("a log file"));
            processes.push(command.spawn().expect("the konstruct binary is built with the workspace"));
            health.push(metrics);
            logs.push(log);
        }
        let building = Self { test, slack, model, http, address, health, logs, _processes: processes };
        building.ready().await;
        building
    }

    async fn ready(&self) {
        for (role, health) in ROLES.iter().zip(&self.health) {
            let url = format!("http://{health}/readyz");
            let asked =
                || async { self.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) };
            for attempt in 0.. {
                if asked().await {
                    break;
                }
                assert!(attempt < 600, "{role} does not get ready");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// What each role wrote to its log, by role.
    pub fn logs(&self) -> Vec<(String, String)> {
        let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a log");
        ROLES.iter().zip(&self.logs).map(|(role, path)| (format!("log of the {role}"), read(path))).collect()
    }

    pub async fn metrics(&self) -> Vec<(String, String)> {
        let mut shown = Vec::new();
        for (role, health) in ROLES.iter().zip(&self.health) {
            let answer = self.http.get(format!("http://{health}/metrics")).send().await.expect("an answer");
            shown.push((format!("metrics of the {role}"), answer.text().await.expect("text")));
        }
        shown
    }

    pub async fn ask(&self, method: Method, path: &str, key: &str, body: &Value) -> Response {
        let request = self.http.request(method, format!("http://{}{path}", self.address));
        request.bearer_auth(key).json(body).send().await.expect("an answer")
    }

    /// A tenant whose every text carries its canary.
    pub async fn tenant(&self, name: &str, canary: &str) -> Tenant<'_> {
        let (id, key) = self.test.tenant(&format!("{canary} firm")).await;
        let agent = json!({
            "name": format!("{canary} agent"), "role": format!("{canary} role"), "tone": format!("{canary} tone"),
            "instructions": format!("{canary} instructions"),
        });
        assert_eq!(self.ask(Method::PUT, "/api/v1/agents", &key, &agent).await.status(), 200);
        let token = format!("xoxb-simulated-{name}");
        let connection = json!({ "channel": "slack", "bot_token": token });
        assert_eq!(self.ask(Method::POST, "/api/v1/connections", &key, &connection).await.status(), 201);
        let team = simulators::team_of(&token).expect("a workspace");
        for channel in ["CGENERAL", "CSHARED"] {
            let named = format!("{}-{}", canary.to_lowercase(), channel.to_lowercase());
            let mut setup: ChannelSetup =
                serde_json::from_value(json!({ "team": team, "channel": channel })).expect("a channel");
            setup.name = Some(named);
            self.slack.set_channel(setup);
        }
        Tenant { building: self, db: self.test.db.tenant(id), id, key, token, team, canary: canary.to_owned() }
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for log in &self.logs {
            // Nobody needs it any more.
            let _ = std::fs::remove_file(log);
        }
    }
}

fn command(role: &str, test: &TestDb, slack: &SlackSimulator, model: &ModelSimulator) -> Command {
    let secret = |text: &SecretString| text.expose_secret().to_owned();
    let here = std::env::current_exe().expect("the test has a path");
    let mut command = Command::new(here.ancestors().nth(2).expect("target/debug").join("konstruct"));
    command
        .arg(role)
        .env("DATABASE_URL", secret(&test.config.database_url))
        .env("DATABASE_SYSTEM_URL", secret(&test.config.database_system_url))
        .env("REDIS_URL", secret(&test.config.redis_url))
        .env("SLACK_API_URL", slack.api_url())
        .env("LLM_BASE_URL", model.base_url())
        .env("LOG_FORMAT", "json")
        .env("RUST_LOG", "debug")
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("an address")
}

pub struct Tenant<'a> {
    pub building: &'a Building,
    pub id: TenantId,
    pub key: String,
    pub token: String,
    pub team: String,
    pub canary: String,
    db: TenantDb,
}

impl Tenant<'_> {
    /// Someone mentions the agent and waits for what it shows in the thread.
    pub async fn converse(&self, channel: &str, user: &str, text: &str) -> (Said, String) {
        let slack = &self.building.slack;
        let said = slack.say(Say::new(&self.team, channel, user, text).mentioning());
        let reply = self.reply(channel, &said.thread_ts).await;
        (said, reply)
    }

    pub async fn reply(&self, channel: &str, thread: &str) -> String {
        let slack = &self.building.slack;
        let shown = slack.wait_until(PATIENCE, |slack| {
            let thread = slack.transcript(&self.team, channel, Some(thread));
            let texts: Vec<String> = thread
                .into_iter()
                .filter(|entry| matches!(entry.author_kind, AuthorKind::Bot))
                .map(|entry| entry.text)
                .collect();
            let finished = !texts.is_empty() && texts.iter().all(|text| !text.starts_with("_Thinking"));
            finished.then(|| texts.join("\n"))
        });
        shown.await.expect("the agent answers")
    }

    /// Waits until everything is embedded and named, and no message waits.
    pub async fn settled(&self) {
        let open = "select (select count(*) from memories where tenant_id = $1 and embedding is null)
                         + (select count(*) from people where tenant_id = $1 and profile_fetched_at is null)
                         + (select count(*) from inbox where tenant_id = $1 and state = 'pending')";
        for attempt in 0.. {
            let mut tx = self.db.begin_for_all_audiences().await.expect("a transaction");
            let count: i64 = sqlx::query_scalar(open).bind(self.id).fetch_one(tx.conn()).await.expect("a number");
            tx.close().await.expect("closed");
            if count == 0 {
                return;
            }
            assert!(attempt < 600, "{count} things of {} stay open", self.canary);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

//! What the tests play on: a firm whose workspace is simulated, questions as the gateway hands them over, and orchestrators
//! that can be killed.

use std::{sync::Once, time::Duration};

use secrecy::SecretString;
use shared::{
    clock::Clock,
    crypto::token_hash,
    db::{
        TenantDb, TenantTx,
        agents::{self, AgentShape},
        connections::{self, NewSlackConnection},
        inbox::{Arrival, Content, Ingest},
    },
    embedding::Embedder,
    ids::{ConnectionId, ConversationId},
    message::{ChannelKind, InboundMessage},
    testing::TestDb,
};
use simulators::{AuthorKind, ModelSimulator, Said, Say, SlackOptions, SlackSimulator, TranscriptEntry};
use sqlx::{AssertSqlSafe, Row};
use tokio::runtime::Runtime;
use uuid::Uuid;

pub const TEAM: &str = "TACME";
pub const CHANNEL: &str = "CGENERAL";
/// Generous: the suite may run beside a compiler.
pub const PATIENCE: Duration = Duration::from_secs(90);
static SETUP: Once = Once::new();

pub struct Stage {
    pub test: TestDb,
    pub slack: SlackSimulator,
    pub model: ModelSimulator,
    pub db: TenantDb,
    connection: ConnectionId,
    ingest: Ingest,
}

/// One that lives until it is dropped, and dies in the middle of whatever it does.
pub struct Orchestrator(Option<Runtime>);

impl Drop for Orchestrator {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Stage {
    pub async fn new() -> Self {
        SETUP.call_once(|| {
            // The product's clients want a TLS library, also for addresses without TLS.
            rustls::crypto::aws_lc_rs::default_provider().install_default().expect("TLS is set up once");
        });
        let mut test = TestDb::new().await;
        let any = "127.0.0.1:0".parse().expect("an address");
        let slack = SlackSimulator::start(any, SlackOptions::default()).await.expect("a port is free");
        let model = ModelSimulator::start(any).await.expect("a port is free");
        test.config.slack.api_url = slack.api_url().parse().expect("a URL");
        test.config.llm.base_url = model.base_url().parse().expect("a URL");
        let (tenant, _) = test.tenant("acme").await;
        let db = test.db.tenant(tenant);
        let mut tx = db.begin().await.expect("a transaction begins");
        let new = NewSlackConnection {
            team_id: TEAM.into(),
            team_name: "acme".into(),
            bot_user_id: "UBOTACME".into(),
            bot_id: "BBOTACME".into(),
            bot_token: SecretString::from("xoxb-simulated-acme"),
            ..NewSlackConnection::default()
        };
        let connection = connections::connect_slack(&mut tx, &test.config.master_keys, &new).await;
        let connection = connection.expect("a workspace is connected").id;
        agents::shape(&mut tx, "Ada", &AgentShape::default()).await.expect("an agent is shaped");
        tx.commit().await.expect("the firm is stored");
        let ingest = Ingest::start(&test.db);
        Self { test, slack, model, db, connection, ingest }
    }

    /// On threads of its own, so that nothing of it outlives it.
    pub fn orchestrator(&self) -> Orchestrator {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let config = self.test.config.clone();
        runtime.spawn(async move {
            let db =
                shared::db::Db::connect(&config.database_url, &config.database_system_url).expect("a database");
            let embedder = Embedder::new(&config);
            orchestrator::run(&config, &db, &embedder, Clock::system(), std::future::pending()).await
        });
        Orchestrator(Some(runtime))
    }

    /// Somebody asks, and the message is stored as the gateway would.
    pub async fn asks(&self, text: &str) -> Said {
        self.says(Say::new(TEAM, CHANNEL, "UADA", text)).await
    }

    pub async fn says(&self, say: Say) -> Said {
        let (text, channel, user) = (say.text.clone(), say.channel.clone(), say.user.clone());
        let said = self.slack.say(say);
        let kind = if channel.starts_with('D') { ChannelKind::Direct } else { ChannelKind::Public };
        let arrival = Arrival {
            tenant: self.db.id(),
            connection: self.connection,
            event_key: key(&said.ts),
            message_key: None,
            conversation: self.conversation(&said),
            addressed: true,
            known_lane_only: false,
            raw: Vec::new(),
            content: Content::Message(Box::new(InboundMessage {
                external_id: said.ts.clone(),
                channel,
                thread: Some(said.thread_ts.clone()),
                channel_kind: kind,
                author: user,
                text,
                mentions_others: false,
                with_outsiders: false,
                outsider: false,
                by_bot: false,
                profile: None,
                attachments: Vec::new(),
                sent_at: Clock::system().now(),
            })),
            trace: None,
        };
        self.ingest.accept(arrival).await.expect("the message is stored");
        said
    }

    /// A decision about an approval arrives in the thread, as the worker would bring it there.
    pub async fn decided(&self, said: &Said, user: &str, approval: &str) {
        let arrival = Arrival {
            tenant: self.db.id(),
            connection: self.connection,
            event_key: key(approval),
            message_key: None,
            conversation: self.conversation(said),
            addressed: true,
            known_lane_only: false,
            raw: Vec::new(),
            content: Content::Message(Box::new(InboundMessage {
                external_id: approval.to_owned(),
                channel: CHANNEL.to_owned(),
                thread: Some(said.thread_ts.clone()),
                channel_kind: ChannelKind::Public,
                author: user.to_owned(),
                text: String::new(),
                mentions_others: false,
                with_outsiders: false,
                outsider: false,
                by_bot: false,
                profile: None,
                attachments: Vec::new(),
                sent_at: Clock::system().now(),
            })),
            trace: None,
        };
        self.ingest.accept(arrival).await.expect("the decision is stored");
    }

    pub fn conversation(&self, said: &Said) -> ConversationId {
        ConversationId::from_uuid(key(&format!("lane of {}", said.thread_ts)))
    }

    /// What the agent shows in a thread now.
    pub fn replies(&self, said: &Said) -> Vec<TranscriptEntry> {
        let mut entries = self.slack.transcript(TEAM, CHANNEL, Some(&said.thread_ts));
        entries.retain(|entry| entry.author_kind == AuthorKind::Bot);
        entries
    }

    pub fn calls(&self, method: &str) -> usize {
        let history = self.slack.history(Some(TEAM));
        history.iter().filter(|entry| entry.method.as_deref() == Some(method)).count()
    }

    /// Waits until all runs have ended; their states.
    pub async fn ended(&self) -> Vec<String> {
        let begun = std::time::Instant::now();
        loop {
            let open = "select count(*)::text from inbox where state = 'pending'";
            let states = self.texts("select state from runs order by started_at").await;
            if self.texts(open).await == ["0"]
                && !states.is_empty()
                && states.iter().all(|state| state != "running")
            {
                return states;
            }
            assert!(begun.elapsed() < PATIENCE, "runs {states:?}, {:?}", self.shown());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn shown(&self) -> Vec<String> {
        let entries = self.slack.transcript(TEAM, CHANNEL, None);
        entries.into_iter().map(|entry| entry.text.chars().take(80).collect()).collect()
    }

    /// The first column of each row, of this tenant.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let mut tx: TenantTx = self.db.begin().await.expect("a transaction begins");
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(tx.conn()).await;
        tx.close().await.expect("it ends");
        rows.unwrap_or_else(|error| panic!("`{sql}`: {error}")).iter().map(|row| row.get(0)).collect()
    }
}

fn key(name: &str) -> Uuid {
    Uuid::from_slice(&token_hash(name)[..16]).expect("sixteen bytes")
}

/// Polls until `ask` says yes.
pub async fn eventually(what: &str, ask: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !ask() {
        assert!(begun.elapsed() < PATIENCE, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

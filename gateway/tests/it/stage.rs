//! What the tests play on: a gateway on a port of its own, a simulated Slack, and firms that are connected to it.

use std::net::{Ipv4Addr, SocketAddr};

use gateway::{Gateway, Patience};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::{
    clock::Clock,
    config::Config,
    db::Db,
    ids::{ApiKeyId, TenantId},
    testing::TestDb,
};
use simulators::{SlackOptions, SlackSimulator};
use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    events::{envelope, signed},
    wire::{Ask, Reply},
};

pub const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub struct House {
    pub address: SocketAddr,
    pub slack: SlackSimulator,
    pub test: TestDb,
    config: Config,
    patience: Patience,
    // Dropped with the house: the gateway stops.
    _stop: oneshot::Sender<()>,
}

async fn start(config: &Config, patience: Patience) -> (SocketAddr, oneshot::Sender<()>) {
    let db = Db::connect(&config.database_url, &config.database_system_url).expect("the addresses are valid");
    let gateway = Gateway::new(config, &db, Clock::system()).await.expect("the gateway starts");
    let listener = TcpListener::bind(ANY_PORT).await.expect("a port is free");
    let address = listener.local_addr().expect("the port is known");
    let (stop, stopped) = oneshot::channel::<()>();
    let stopping = async move {
        // An error means that the house is gone: the same.
        let _ = stopped.await;
    };
    tokio::spawn(gateway::serve_with(listener, gateway::router(gateway), patience, stopping));
    (address, stop)
}

/// A tenant with an admin's key and a connected workspace.
pub struct Firm {
    pub tenant: TenantId,
    pub key: String,
    pub team: String,
    pub bot: String,
    pub connection: String,
}

impl House {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// `change` may alter what the gateway is started with; the tests themselves use the real addresses.
    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::open_for(Patience::default(), change).await
    }

    /// For clients who are given less time than in earnest.
    pub async fn open_for(patience: Patience, change: impl FnOnce(&mut Config)) -> Self {
        let test = TestDb::new().await;
        let slack = SlackSimulator::start(ANY_PORT, SlackOptions::default()).await.expect("a port is free");
        let mut config = test.config.clone();
        config.slack.api_url = slack.api_url().parse().expect("the simulator has a URL");
        change(&mut config);
        let (address, stop) = start(&config, patience).await;
        Self { address, slack, test, config, patience, _stop: stop }
    }

    /// Another gateway in the place of this one, which remembers nothing.
    pub async fn restart(&mut self) {
        (self.address, self._stop) = start(&self.config, self.patience).await;
    }

    /// A tenant whose workspace `T` + the name in capitals is connected through the API.
    pub async fn firm(&self, name: &str) -> Firm {
        let (tenant, key) = self.test.tenant(name).await;
        let token = format!("xoxb-simulated-{name}");
        let connected = self.connect(&key, json!({ "channel": "slack", "bot_token": token })).await;
        assert_eq!(connected.status, 201, "{}", connected.text());
        firm(tenant, key, &connected.json())
    }

    /// A tenant that brought its own app.
    pub async fn firm_with_app(&self, name: &str, app: &str, secret: &str) -> Firm {
        let (tenant, key) = self.test.tenant(name).await;
        let token = format!("xoxb-simulated-{name}");
        let body = json!({ "channel": "slack", "bot_token": token, "app_id": app, "signing_secret": secret });
        let connected = self.connect(&key, body).await;
        assert_eq!(connected.status, 201, "{}", connected.text());
        firm(tenant, key, &connected.json())
    }

    pub async fn connect(&self, key: &str, body: Value) -> Reply {
        self.ask(&Ask::post("/api/v1/connections").key(key).json(&body)).await
    }

    pub async fn ask(&self, ask: &Ask) -> Reply {
        ask.send(self.address).await
    }

    /// The platform's signing secret.
    pub fn secret(&self) -> &str {
        self.test.config.slack.signing_secret.expose_secret()
    }

    /// Sends a well-signed body.
    pub async fn deliver(&self, body: impl Into<Vec<u8>>) -> Reply {
        self.ask(&signed(self.secret(), body)).await
    }

    /// Sends an inner event to the firm's workspace, which must take it.
    pub async fn hear(&self, firm: &Firm, event: Value) {
        let reply = self.deliver(envelope(&firm.team, event).to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    /// The tenant's rows, as the tenant sees them.
    pub async fn rows(&self, tenant: TenantId, sql: &str) -> Vec<PgRow> {
        let mut tx = self.test.db.tenant(tenant).begin_for_all_audiences().await.expect("a transaction begins");
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(tx.conn()).await;
        tx.close().await.expect("the transaction ends");
        rows.expect("the question is valid SQL")
    }

    pub async fn count(&self, tenant: TenantId, sql: &str) -> i64 {
        self.rows(tenant, sql).await[0].get(0)
    }

    /// How many messages the tenant's inbox holds.
    pub async fn stored(&self, tenant: TenantId) -> i64 {
        self.count(tenant, "select count(*) from inbox").await
    }

    /// The tenant's inbox in order of arrival: `state reason addressed`.
    pub async fn inbox(&self, tenant: TenantId) -> Vec<String> {
        let sql =
            "select state::text, coalesce(reason, '-') as reason, addressed from inbox order by received_at, seq";
        let line = |row: &PgRow| {
            let (state, reason): (String, String) = (row.get("state"), row.get("reason"));
            format!("{state} {reason} {}", if row.get("addressed") { "addressed" } else { "overheard" })
        };
        self.rows(tenant, sql).await.iter().map(line).collect()
    }

    /// What the tenant's messages say.
    pub async fn texts(&self, tenant: TenantId) -> Vec<String> {
        let sql = "select normalized ->> 'text' as text from inbox where normalized is not null order by received_at, seq";
        self.rows(tenant, sql).await.iter().map(|row| row.get("text")).collect()
    }

    /// The reasons in the quarantine, oldest first, and the bytes that were kept.
    pub async fn quarantined(&self) -> Vec<(String, Vec<u8>)> {
        let mut owner = self.test.owner().await;
        // No role of the product can read it; in this clone the owner may.
        run(&mut owner, "alter table quarantine no force row level security").await;
        let rows = sqlx::query("select reason, raw from quarantine order by received_at, quarantine_id");
        let rows = rows.fetch_all(&mut owner).await.expect("the owner reads");
        rows.iter().map(|row| (row.get("reason"), row.get("raw"))).collect()
    }

    /// A second key of the tenant.
    pub async fn new_key(&self, tenant: TenantId, role: &str) -> String {
        let token = shared::crypto::new_token("kst_");
        let mut system = self.test.system().await;
        let inserting = sqlx::query(
            "insert into api_keys (api_key_id, tenant_id, key_hash, name, role) values ($1, $2, $3, 'a second key', $4)",
        );
        let inserting = inserting.bind(ApiKeyId::new()).bind(tenant);
        let inserting = inserting.bind(shared::crypto::token_hash(&token).as_slice()).bind(role);
        inserting.execute(&mut system).await.expect("a key can be added");
        token
    }
}

fn firm(tenant: TenantId, key: String, connection: &Value) -> Firm {
    let text = |name: &str| connection[name].as_str().expect("a connection has this field").to_owned();
    Firm { tenant, key, team: text("external_id"), bot: text("bot_user_id"), connection: text("id") }
}

/// One statement that must succeed; returns how many rows it touched.
pub async fn run(connection: &mut PgConnection, sql: &str) -> u64 {
    let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("`{sql}` failed: {error}")).rows_affected()
}

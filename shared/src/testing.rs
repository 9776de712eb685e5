//! Real databases for tests: each case gets a clone of a migrated template and talks to it as the real roles.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use crate::{
    channels::{self, CallError},
    config::{Config, Variables},
    crypto::{new_token, token_hash},
    db::{Db, schema, system},
    ids::{ApiKeyId, TenantId},
};

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
/// Of the advisory lock that lets one test binary build the template.
const TEMPLATE_LOCK: i64 = 7_361_520_118;

/// A database of its own. A later run clears it away: dropping one makes the server write down all it has in memory,
/// which is cheap for many at once and slow after each test.
pub struct TestDb {
    pub db: Db,
    /// As the environment says, but with this database's addresses.
    pub config: Config,
    pub owner_url: SecretString,
    /// A session for as long as the value lives: a database without one is nobody's.
    _keeper: PgConnection,
}

impl TestDb {
    /// # Panics
    /// If the development servers are not running: `make test` starts them.
    pub async fn new() -> Self {
        let variables = Variables::read().expect("the development file can be read");
        let mut config = Config::from_variables(&variables).expect("run `make test`, which writes .local/env");
        // A test that is about facts or summaries asks for them: elsewhere they would be a call more, now and then.
        config.facts_after = None;
        config.summary_after = None;
        let admin_url = config.database_owner_url.clone().expect("DATABASE_OWNER_URL is set for tests");
        let template = TEMPLATE
            .get_or_init(|| {
                clear_away(admin_url.clone());
                build_template(admin_url.clone())
            })
            .await;
        let name = format!("konstruct_test_{}", Uuid::now_v7().simple());
        let mut admin = connect(&admin_url).await;
        // Two clones of one template at the same moment can collide on its lock: try again.
        let mut attempts = 0;
        while let Err(error) = admin
            .execute(AssertSqlSafe(format!("create database {name} template {template} strategy wal_log")))
            .await
        {
            attempts += 1;
            assert!(attempts < 50, "the test database can't be created: {error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // As migrations/bootstrap.sql does; a clone does not inherit the rights on its template.
        admin
            .execute(AssertSqlSafe(format!("revoke temporary on database {name} from public")))
            .await
            .expect("the owner sets the rights");
        config.database_url = in_database(&config.database_url, &name);
        config.database_system_url = in_database(&config.database_system_url, &name);
        let owner_url = in_database(&admin_url, &name);
        config.database_owner_url = Some(owner_url.clone());
        let db = Db::connect(&config.database_url, &config.database_system_url).expect("the addresses are valid");
        let _keeper = connect(&owner_url).await;
        Self { db, config, owner_url, _keeper }
    }

    /// A tenant, and the token of its first API key.
    pub async fn tenant(&self, name: &str) -> (TenantId, String) {
        let (tenant, token) = (TenantId::new(), new_token("kst_"));
        system::create_tenant(&self.db.system(), tenant, name, "enterprise", ApiKeyId::new(), &token_hash(&token))
            .await
            .expect("a tenant can be created");
        (tenant, token)
    }

    /// A connection as `konstruct_owner`; row-level security binds it too.
    pub async fn owner(&self) -> PgConnection {
        connect(&self.owner_url).await
    }

    /// A connection as `konstruct_app` that no tenant is set on.
    pub async fn app(&self) -> PgConnection {
        connect(&self.config.database_url).await
    }

    /// A connection as `konstruct_system`.
    pub async fn system(&self) -> PgConnection {
        connect(&self.config.database_system_url).await
    }
}

/// What a call to Slack comes to that is answered with this status and body.
pub fn slack_verdict(status: u16, body: &[u8]) -> Option<Result<Value, CallError>> {
    let status = reqwest::StatusCode::from_u16(status).ok()?;
    Some(channels::slack::judge(status, None, body))
}

/// What sending by WhatsApp comes to that is answered with this status and body.
pub fn whatsapp_verdict(status: u16, body: &[u8]) -> Option<Result<(), CallError>> {
    let status = reqwest::StatusCode::from_u16(status).ok()?;
    Some(channels::whatsapp::judge::<channels::whatsapp::Sent>(status, body).map(|_| ()))
}

async fn connect(url: &SecretString) -> PgConnection {
    PgConnection::connect(url.expose_secret()).await.expect("PostgreSQL answers: `make test` starts it")
}

fn in_database(url: &SecretString, name: &str) -> SecretString {
    let mut url: Url = url.expose_secret().parse().expect("a database address is a URL");
    url.set_path(name);
    SecretString::from(url.to_string())
}

/// Drops what earlier runs left, beside the tests; what is not done when the process ends, the next one does.
fn clear_away(admin_url: SecretString) {
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(async { drop_leftovers(&mut connect(&admin_url).await).await });
    });
}

/// Test databases that nobody holds any more. A UUIDv7 begins with its milliseconds: the youngest may be in the making.
async fn drop_leftovers(admin: &mut PgConnection) {
    let names: Vec<String> = sqlx::query_scalar(
        "select datname::text from pg_database d
          where datname like 'konstruct\\_test\\_%'
            and ('x' || lpad(substr(datname, 16, 12), 16, '0'))::bit(64)::bigint
                < extract(epoch from now() - interval '30 seconds') * 1000
            and not exists (select from pg_stat_activity a where a.datname = d.datname)",
    )
    .fetch_all(&mut *admin)
    .await
    .expect("the catalogue can be read");
    for name in names {
        // Another binary may be faster.
        let _ = admin.execute(AssertSqlSafe(format!("drop database if exists {name}"))).await;
    }
}

/// One template per state of the migrations, shared by all test binaries.
async fn build_template(admin_url: SecretString) -> String {
    let mut hash = Sha256::new();
    for migration in schema::migrations() {
        hash.update(migration);
    }
    let name = format!("konstruct_migrated_{}", hex::encode(&hash.finalize()[..8]));
    let mut admin = connect(&admin_url).await;
    admin
        .execute(AssertSqlSafe(format!("select pg_advisory_lock({TEMPLATE_LOCK})")))
        .await
        .expect("a lock is given");
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .expect("the catalogue can be read");
    if !exists {
        let building = format!("{name}_building");
        for statement in [
            format!("drop database if exists {building} with (force)"),
            format!("create database {building} template konstruct_template strategy wal_log"),
        ] {
            admin.execute(AssertSqlSafe(statement)).await.expect("the template can be cloned");
        }
        schema::migrate(&in_database(&admin_url, &building)).await.expect("the migrations run");
        admin
            .execute(AssertSqlSafe(format!("alter database {building} rename to {name}")))
            .await
            .expect("the template can be renamed");
    }
    admin.close().await.expect("the lock is released");
    name
}

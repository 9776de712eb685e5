//! What the tests play on: a database, firms with a connection and an agent, and messages as the gateway hands them over.

use secrecy::SecretString;
use shared::{
    crypto::token_hash,
    db::{
        Db, TenantDb, TenantTx,
        agents::{self, AgentShape},
        audit::Actor,
        connections::{self, NewSlackConnection},
        inbox::{Accepted, Arrival, Content, Ingest},
        privacy,
    },
    ids::{AgentId, ConnectionId, ConversationId, PersonId, TenantId},
    message::{ChannelKind, InboundMessage},
    testing::TestDb,
};
use sqlx::{AssertSqlSafe, PgConnection, postgres::PgRow};
use time::macros::datetime;
use uuid::Uuid;

pub struct Stage {
    pub test: TestDb,
    pub ingest: Ingest,
}

/// A tenant that can be written to.
pub struct Firm {
    pub tenant: TenantId,
    pub db: TenantDb,
    pub connection: ConnectionId,
    pub agent: AgentId,
}

impl Stage {
    pub async fn new() -> Self {
        let test = TestDb::new().await;
        let ingest = Ingest::start(&test.db);
        Self { test, ingest }
    }

    pub fn db(&self) -> &Db {
        &self.test.db
    }

    pub async fn firm(&self, name: &str) -> Firm {
        let (tenant, _) = self.test.tenant(name).await;
        let db = self.db().tenant(tenant);
        let mut tx = db.begin().await.expect("a transaction begins");
        let new = NewSlackConnection {
            team_id: format!("T{name}"),
            team_name: name.to_owned(),
            bot_user_id: "UBOT".into(),
            bot_id: "BBOT".into(),
            bot_token: SecretString::from("xoxb-test"),
            ..NewSlackConnection::default()
        };
        let connection = connections::connect_slack(&mut tx, &self.test.config.master_keys, &new)
            .await
            .expect("a workspace can be connected");
        let agent = agents::shape(&mut tx, "Ada", &AgentShape::default()).await.expect("an agent can be shaped");
        tx.commit().await.expect("the firm is stored");
        Firm { tenant, db, connection: connection.id, agent: agent.id }
    }

    pub async fn accept(&self, arrival: Arrival) -> Accepted {
        self.ingest.accept(arrival).await.expect("the message is stored")
    }

    /// Stores the message and returns its conversation.
    pub async fn hear(&self, arrival: Arrival) -> ConversationId {
        let (conversation, _) = stored(self.accept(arrival).await);
        conversation
    }

    /// A connection as `konstruct_app`, without any tenant set.
    pub async fn app(&self) -> PgConnection {
        self.test.app().await
    }

    /// A connection as `konstruct_system`.
    pub async fn system(&self) -> PgConnection {
        self.test.system().await
    }
}

impl Firm {
    /// Erases somebody at once.
    pub async fn forget(&self, person: PersonId) {
        let mut tx = self.db.begin_for_all_audiences().await.expect("a transaction begins");
        let id = privacy::request(&mut tx, &Actor::System, &[person]).await.expect("they are known");
        let subject = privacy::subject(&mut tx, &[person]).await.expect("the database answers");
        for part in &privacy::PARTS {
            privacy::erase(&mut tx, id, &subject, part, 1_000).await.expect(part.table);
        }
        tx.commit().await.expect("it is committed");
    }

    /// A message addressed to the agent. `event` and `lane` are names; their hashes become the keys.
    pub fn says(&self, event: &str, lane: &str, text: &str) -> Arrival {
        Arrival {
            tenant: self.tenant,
            connection: self.connection,
            event_key: key(event),
            message_key: Some(key(&format!("message of {event}"))),
            conversation: ConversationId::from_uuid(key(&format!("{}/{lane}", self.connection))),
            addressed: true,
            known_lane_only: false,
            raw: text.as_bytes().to_vec(),
            content: Content::Message(Box::new(message(event, lane, "U1", text))),
            trace: None,
        }
    }

    /// One number asked for under this tenant.
    pub async fn count(&self, sql: &str) -> i64 {
        let mut tx = self.begin().await;
        let count = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(tx.conn())
            .await
            .expect("the question is valid SQL");
        tx.close().await.expect("the transaction ends");
        count
    }

    pub async fn rows(&self, sql: &str) -> Vec<PgRow> {
        let mut tx = self.begin().await;
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned()))
            .fetch_all(tx.conn())
            .await
            .expect("the question is valid SQL");
        tx.close().await.expect("the transaction ends");
        rows
    }

    /// The first column of each row as text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        use sqlx::Row;
        let rows = self.rows(sql).await;
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    }

    /// Sees everything of the tenant, memories included.
    async fn begin(&self) -> TenantTx {
        self.db.begin_for_all_audiences().await.expect("a transaction begins")
    }
}

/// The key of an event, a message or a lane that goes by this name.
pub fn key(name: &str) -> Uuid {
    Uuid::from_slice(&token_hash(name)[..16]).expect("sixteen bytes")
}

pub fn message(external_id: &str, channel: &str, author: &str, text: &str) -> InboundMessage {
    InboundMessage {
        external_id: external_id.to_owned(),
        channel: channel.to_owned(),
        thread: None,
        channel_kind: ChannelKind::Public,
        author: author.to_owned(),
        text: text.to_owned(),
        mentions_others: false,
        with_outsiders: false,
        profile: None,
        outsider: false,
        by_bot: false,
        attachments: Vec::new(),
        sent_at: datetime!(2026-11-20 12:00 UTC),
    }
}

/// What was stored; anything else fails the test.
pub fn stored(accepted: Accepted) -> (ConversationId, i64) {
    match accepted {
        Accepted::Stored { conversation, seq } => (conversation, seq),
        other => panic!("the message was not stored but {other:?}"),
    }
}

/// Runs one statement that must succeed.
pub async fn run(connection: &mut PgConnection, sql: &str) -> u64 {
    sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("`{sql}` failed: {error}"))
        .rows_affected()
}

/// Runs one statement that must fail, and returns its SQLSTATE.
pub async fn refused(connection: &mut PgConnection, sql: &str) -> String {
    let error = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await.expect_err(sql);
    match error {
        sqlx::Error::Database(error) => error.code().map(Into::into).unwrap_or_default(),
        other => panic!("`{sql}` failed otherwise: {other}"),
    }
}

//! What the tests play on: a simulated Slack whose app rotates its tokens, and a firm that is installed there.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use shared::{
    channels::{
        slack::SlackApi,
        slack_oauth::{Grant, SlackClient},
    },
    config::Config,
    crypto::{new_token, token_hash},
    db::{
        TenantDb,
        audit::Actor,
        connections::{self, NewSlackConnection},
        invitations::{self, NewInvitation},
    },
    ids::{ConnectionId, JobId, TenantId},
    jobs::Job,
    queue::JobError,
    slack_tokens::SlackTokens,
    testing::TestDb,
};
use simulators::{Decision, FaultKind, FaultRule, SlackOptions, SlackSimulator};
use sqlx::{AssertSqlSafe, postgres::PgRow};
use worker::Worker;

const REDIRECT: &str = "http://konstruct/oauth/slack/callback";
const EXCHANGE: &str = "oauth.v2.access";
pub const ADMIN: &str = "grace@example.com";

pub struct Stage {
    pub test: TestDb,
    pub slack: SlackSimulator,
    pub api: SlackApi,
    pub client: SlackClient,
    pub config: Config,
    /// Where mails lie.
    pub folder: tempfile::TempDir,
}

/// An installed firm whose admin has a mailbox.
pub struct Firm {
    pub tenant: TenantId,
    pub db: TenantDb,
    pub connection: ConnectionId,
}

impl Stage {
    pub async fn new() -> Self {
        let test = TestDb::new().await;
        let options = SlackOptions { token_rotation: true, ..SlackOptions::default() };
        let client = SlackClient { id: options.client_id.clone(), secret: options.client_secret.clone().into() };
        let any = "127.0.0.1:0".parse().expect("an address");
        let slack = SlackSimulator::start(any, options).await.expect("a port is free");
        slack.faults().add(FaultRule::always(EXCHANGE, FaultKind::Empty).chance(0, 0));
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut config = test.config.clone();
        config.slack.api_url = slack.api_url().parse().expect("a URL");
        config.slack.client = Some(client.clone());
        config.mail.folder = folder.path().join("mail");
        config.mail.smtp_url = None;
        config.mail.from = "Konstruct <konstruct@example.com>".into();
        let api = SlackApi::new(&config.slack.api_url);
        Self { test, slack, api, client, config, folder }
    }

    pub async fn worker(&self) -> Worker {
        Worker::new(&self.config, &self.test.db).await.expect("the configuration is complete")
    }

    pub fn tokens(&self) -> SlackTokens {
        SlackTokens::new(&self.config.slack, &self.config.master_keys)
    }

    /// Calls that reached the token exchange.
    pub fn exchanges(&self) -> u64 {
        self.slack
            .faults()
            .list()
            .iter()
            .filter(|fault| fault.rule.method == EXCHANGE)
            .map(|fault| fault.seen)
            .sum()
    }

    pub async fn grant(&self, client: &SlackClient, team: &str) -> Grant {
        let page = self.api.authorize_url(&client.id, REDIRECT, "state", None);
        let decision = Decision { team: team.to_owned(), user: "UADA".into(), allow: true };
        let back = self.slack.decide(page.as_str(), &decision).expect("the page is there");
        let code = back.split_once("code=").and_then(|(_, rest)| rest.split('&').next()).expect("a code");
        self.api.exchange_code(client, code, REDIRECT).await.expect("the code is good")
    }

    pub async fn firm(&self, team: &str) -> Firm {
        let (tenant, _) = self.test.tenant("Acme Ltd").await;
        let db = self.test.db.tenant(tenant);
        let new = NewInvitation {
            mail: ADMIN,
            role: "customer_admin",
            read_only: false,
            makes_owner: true,
            token: &token_hash(&new_token("ksi_")),
        };
        let mut tx = db.begin().await.expect("a transaction begins");
        invitations::create(&mut tx, &Actor::CommandLine, &new).await.expect("an owner is invited");
        tx.commit().await.expect("it is committed");
        let connection = self.install(&db, self.grant(&self.client, team).await, None).await;
        Firm { tenant, db, connection }
    }

    pub async fn install(&self, db: &TenantDb, grant: Grant, own: Option<SlackClient>) -> ConnectionId {
        let new = NewSlackConnection {
            team_id: grant.workspace_id,
            team_name: grant.workspace_name,
            bot_user_id: grant.bot_user_id,
            bot_id: "BBOT".into(),
            bot_token: grant.bot_token,
            own_app: own.as_ref().map(|_| ("A0OWNAPP".to_owned(), SecretString::from("0123456789abcdef"))),
            client: own,
            scopes: grant.scopes,
            rotation: grant.rotation,
            ..NewSlackConnection::default()
        };
        let mut tx = db.begin().await.expect("a transaction begins");
        let connection =
            connections::connect_slack(&mut tx, &self.config.master_keys, &new).await.expect("it is connected");
        tx.commit().await.expect("it is stored");
        connection.id
    }
}

impl Firm {
    pub async fn token(&self, stage: &Stage) -> String {
        let mut tx = self.db.begin().await.expect("a transaction begins");
        let token =
            connections::token(&mut tx, &stage.config.master_keys, self.connection).await.expect("it opens");
        token.expose_secret().to_owned()
    }

    pub async fn rows(&self, sql: &str) -> Vec<PgRow> {
        let mut tx = self.db.begin().await.expect("a transaction begins");
        sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(tx.conn()).await.expect("the question is valid SQL")
    }

    pub async fn run(&self, sql: &str) {
        let mut tx = self.db.begin().await.expect("a transaction begins");
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(tx.conn()).await.expect("the statement is valid SQL");
        tx.commit().await.expect("it is committed");
    }

    /// As if so much of the token's time had passed; Slack's clock goes along.
    pub async fn wait(&self, stage: &Stage, hours: f64) {
        let sql = format!(
            "update token_rotations set expires_at = expires_at - interval '{hours} hours',
                    refresh_at = refresh_at - interval '{hours} hours', leased_until = null"
        );
        self.run(&sql).await;
        stage.slack.advance_clock(Duration::from_secs_f64(hours * 3_600.0).as_secs().cast_signed());
    }

    /// The queued jobs of this kind, done by hand; returns how each went.
    pub async fn work(&self, stage: &Stage, kind: &str) -> Vec<Result<(), JobError>> {
        use sqlx::Row;
        let sql = format!(
            "select job_id, payload from jobs where state = 'queued' and kind = '{kind}' order by created_at"
        );
        let mut ends = Vec::new();
        for row in self.rows(&sql).await {
            let job: Job = serde_json::from_value(row.get("payload")).expect("a job");
            ends.push(stage.worker().await.perform(&self.db, job).await);
            let id: JobId = row.get("job_id");
            self.run(&format!("update jobs set state = 'done' where job_id = '{}'", id.uuid())).await;
        }
        ends
    }
}

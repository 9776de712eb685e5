//! The outbox against a Slack that answers yes, no, unclear or late, and under a sender that dies: what is recorded is what
//! happened, and nothing is said twice without a reason that is on record.

use std::time::Duration;

use futures::future::join_all;
use orchestrator::testing::{Delivery, Outlet, Pace, Sender, SlackPlace, State};
use proptest::{
    collection::vec,
    test_runner::{Config, FileFailurePersistence, TestRunner},
};
use secrecy::SecretString;
use shared::{
    channels::slack::{SlackApi, Target},
    db::{
        TenantDb,
        connections::{self, NewSlackConnection},
        lanes::Lease,
        outbox::{Operation, Part},
    },
    ids::{ConnectionId, ConversationId, OutboxId},
    storage::Storage,
    testing::TestDb,
};
use simulators::{HistoryKind, Say, SlackOptions, SlackSimulator};
use sqlx::Row;

use crate::slack_script::{Fate, Happened, Script, script};

/// As the product's, a thousandth of it; but no look-up of a script hangs, and one that is only slow on a busy machine must
/// not count as one that found nothing out.
const PACE: Pace = Pace {
    settle: Duration::from_millis(5),
    wait_max: Duration::from_secs(10),
    retry_base: Duration::from_millis(1),
};
/// Each case sends this many messages at the same time, each in a channel of its own.
const MESSAGES_MAX: usize = 12;
/// Shorter scripts that are tried after a failure.
const SHRINKS_MAX: u32 = 2_000;
const BODY: &str = "The answer.";

struct Stage {
    test: TestDb,
    db: TenantDb,
    connection: ConnectionId,
    slack: SlackSimulator,
    api: SlackApi,
    token: SecretString,
    team: String,
    storage: Storage,
}

impl Stage {
    async fn new() -> Self {
        let test = TestDb::new().await;
        let (tenant, _) = test.tenant("acme").await;
        let db = test.db.tenant(tenant);
        let options = SlackOptions { self_echo: false, ..SlackOptions::default() };
        let any = "127.0.0.1:0".parse().expect("an address");
        let slack = SlackSimulator::start(any, options).await.expect("a port is free");
        let text = "xoxb-simulated-acme";
        let team = simulators::team_of(text).expect("a workspace");
        let new = NewSlackConnection {
            team_id: team.clone(),
            team_name: "acme".into(),
            bot_user_id: "UBOT".into(),
            bot_id: "BBOT".into(),
            bot_token: SecretString::from(text),
            ..NewSlackConnection::default()
        };
        let mut tx = db.begin().await.expect("a transaction begins");
        let connection =
            connections::connect_slack(&mut tx, &test.config.master_keys, &new).await.expect("it is connected");
        tx.commit().await.expect("it is stored");
        let api = SlackApi::new(&slack.api_url().parse().expect("a URL"));
        let storage = Storage::open(&test.config.storage).expect("a folder");
        Self { test, db, connection: connection.id, slack, api, token: SecretString::from(text), team, storage }
    }

    /// A message on its way: its row is there, nothing was sent.
    async fn write(&self, channel: &str, part: &Part) -> Lease {
        let conversation = ConversationId::new();
        let lease = Lease { tenant: self.db.id(), conversation, fence: 1, claims: 1 };
        sqlx::query(
            "insert into lanes (tenant_id, conversation_id, connection_id, last_seq, fence) values ($1, $2, $3, 1, 1)",
        )
        .bind(lease.tenant)
        .bind(conversation)
        .bind(self.connection)
        .execute(&mut self.test.system().await)
        .await
        .expect("the lane is there");
        let mut tx = self.db.begin().await.expect("a transaction begins");
        sqlx::query(
            "with place as (
                 insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, kind)
                 values ($1, $2, $3, $4, 'public')
             )
             insert into outbox (tenant_id, outbox_id, conversation_id, kind, operation, body, target_external_id, fence)
             values ($1, $5, $2, 'answer', $6, $7, $8, 1)",
        )
        .bind(self.db.id())
        .bind(conversation)
        .bind(self.connection)
        .bind(channel)
        .bind(part.id)
        .bind(part.operation.as_str())
        .bind(&part.body)
        .bind(&part.target)
        .execute(tx.conn())
        .await
        .expect("the row is written");
        tx.commit().await.expect("it is stored");
        lease
    }

    async fn attempts(&self, id: OutboxId) -> i32 {
        let mut tx = self.db.begin().await.expect("a transaction begins");
        let row = sqlx::query("select attempts from outbox where tenant_id = $1 and outbox_id = $2")
            .bind(self.db.id())
            .bind(id)
            .fetch_one(tx.conn())
            .await
            .expect("the row is there");
        tx.close().await.expect("the transaction ends");
        row.get(0)
    }

    /// The `ts` of each post that carries this row's id.
    fn posts(&self, id: OutboxId) -> Vec<String> {
        let wanted = id.to_string();
        let history = self.slack.history(Some(&self.team)).into_iter();
        let ours = history.filter(|entry| {
            let payload = entry.metadata.as_ref().map(|metadata| &metadata["event_payload"]["outbox_id"]);
            entry.kind == HistoryKind::Post && payload.is_some_and(|said| *said == wanted)
        });
        ours.filter_map(|entry| entry.ts).collect()
    }

    /// Until it has an end; a sender that dies is followed by another one that finds what was recorded.
    async fn deliver(&self, lease: &Lease, place: Target<'_>, part: &mut Part, script: &Script) -> Delivery {
        let channel = place.channel;
        let outlet = Outlet::Slack(SlackPlace {
            api: self.api.clone(),
            token: self.token.clone(),
            channel: channel.to_owned(),
            thread: place.thread.map(str::to_owned),
            bot_user: "UBOT".into(),
            team: self.team.clone(),
            recipient: "UADA".into(),
            ending: Default::default(),
        });
        let sender = Sender { outlet: &outlet, db: &self.db, lease, pace: PACE, storage: &self.storage };
        for deaths in 0.. {
            tokio::select! {
                delivery = sender.deliver(part, deaths > 0) => return delivery.expect("the database answers"),
                () = hangs(self, script, channel, deaths) => {}
            }
            part.attempts = self.attempts(part.id).await;
        }
        unreachable!("a script has an end")
    }
}

/// Resolves when a call hangs that its sender will not survive.
async fn hangs(stage: &Stage, script: &Script, channel: &str, deaths: usize) {
    while Happened::so_far(script, &stage.slack, channel).deaths() <= deaths {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // What Slack does before it hangs, it does at once.
    tokio::time::sleep(Duration::from_millis(10)).await;
}

/// Plays one script and judges what is left.
async fn play(stage: &Stage, channel: String, script: &Script) {
    let asked = stage.slack.say(Say::new(&stage.team, &channel, "UADA", "Where is my order?"));
    let part = Part::new("answer", 0, Operation::Post, BODY.into(), None);
    let mut part = if script.updates_first {
        let target = Target { channel: &channel, thread: Some(&asked.ts) };
        let placeholder = stage.api.post(&stage.token, target, "…", OutboxId::new()).await.expect("it is posted");
        Part { operation: Operation::Update, target: Some(placeholder), ..part }
    } else {
        part
    };
    let lease = stage.write(&channel, &part).await;
    script.begin(&stage.slack, &channel);
    let place = Target { channel: &channel, thread: Some(&asked.ts) };
    let delivery = stage.deliver(&lease, place, &mut part, script).await;

    let (posts, happened) = (stage.posts(part.id), Happened::so_far(script, &stage.slack, &channel));
    let said: Vec<String> = stage
        .slack
        .transcript(&stage.team, &channel, Some(&asked.ts))
        .into_iter()
        .filter(|entry| entry.text == BODY)
        .map(|entry| entry.ts)
        .collect();
    let unclear = |fates: &[Fate]| fates.iter().filter(|fate| fate.is_unclear()).count();
    let blind = happened.lookups.iter().filter(|fate| **fate != Fate::Done).count();
    match delivery.state {
        State::Sent => {
            let shown = delivery.external_id.expect("what is sent is somewhere");
            assert!(said.contains(&shown), "recorded as {shown}, seen are {said:?}");
        }
        State::Dead => assert!(said.is_empty(), "recorded as not sent, and it is there: {said:?}"),
        State::Unknown => {
            assert!(unclear(&happened.posts) + unclear(&happened.updates) > 0, "Slack always said what it did");
        }
        State::ConnectionDead { unclear: known } => {
            assert!(said.is_empty() || known, "recorded as not sent, and it is there: {said:?}");
        }
    }
    assert!(posts.len() <= 1 + blind, "{} posts, and {blind} look-ups that found nothing out", posts.len());
    assert!(posts.len() <= 2 + happened.deaths(), "{} posts", posts.len());
    let attempts = usize::try_from(stage.attempts(part.id).await).expect("a small number");
    assert!(posts.len() <= attempts, "{} posts, and {attempts} attempts on record", posts.len());
    if !script.updates_first {
        let answered = usize::from(happened.posts.len() == script.posts.len() && !posts.is_empty());
        let calls = happened.posts.len() + answered;
        assert!(attempts == happened.posts.len() || attempts == calls, "{attempts} attempts for {calls} calls");
    }
}

#[test]
fn what_is_recorded_as_sent_is_seen_and_what_is_seen_twice_was_unclear() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    // The product's clients want a TLS library, also for addresses without TLS.
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("TLS is set up once");
    let stage = runtime.block_on(Stage::new());
    let kept = FileFailurePersistence::Direct("tests/properties/outbox.proptest-regressions");
    let max_shrink_iters = SHRINKS_MAX;
    let config = Config { failure_persistence: Some(Box::new(kept)), max_shrink_iters, ..Config::default() };
    let case = std::cell::Cell::new(0);
    let result = TestRunner::new(config).run(&vec(script(), 1..MESSAGES_MAX), |scripts| {
        case.set(case.get() + 1);
        stage.slack.faults().clear();
        let channel = |n: usize| format!("C{}X{n}", case.get());
        let playing = scripts.iter().enumerate().map(|(n, script)| play(&stage, channel(n), script));
        runtime.block_on(join_all(playing));
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

//! Vercel's `emulate` as the Slack behind our client, and before our webhook.
//!
//! It knows no `assistant.*`, no `agents.*` and no streaming methods (404), sends no `app_mention`, and its events name neither
//! app, authorizations nor channel type: what needs those is tried against our own simulator only. It answers an unknown
//! token as if it were its administrator's, so dead tokens are not tried here either. No setting tells it where events go;
//! `peers/slack/emulate.js` says how it learns that.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    channels::{
        CallError,
        slack::{SlackApi, Target},
    },
    clock::Clock,
    config::Config,
    db::people::Standing,
    embedding::Embedder,
    ids::OutboxId,
    message::ChannelKind,
    testing::TestDb,
};
use simulators::ModelSimulator;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::Child,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{PATIENCE, node};

const GENERAL: &str = "C000000001";
const ADMIN: &str = "U000000001";
const SECRET: &str = "somebody else's signing secret";

struct Emulate {
    url: String,
    http: reqwest::Client,
    _process: Child,
}

#[derive(Deserialize)]
struct Listening {
    url: String,
}

impl Emulate {
    async fn start(events: &str, secret: &str) -> Self {
        let mut process = node("emulate.js")
            .env("EVENTS_URL", events)
            .env("SLACK_SIGNING_SECRET", secret)
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it starts in time");
        let line = line.expect("a readable line").expect("it says where it listens");
        let Listening { url } = serde_json::from_str(&line).expect("JSON");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { url: url.replace("localhost", "127.0.0.1"), http, _process: process }
    }

    fn api_url(&self) -> Url {
        format!("{}/api/", self.url).parse().expect("a URL")
    }

    /// A call that our client doesn't know.
    async fn call(&self, token: &str, method: &str, form: &[(&str, &str)]) -> Value {
        let request = self.http.post(format!("{}/api/{method}", self.url)).bearer_auth(token).form(form);
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer
    }

    async fn thread(&self, ts: &str) -> Vec<Value> {
        let answer = self.call("xoxb-kona", "conversations.replies", &[("channel", GENERAL), ("ts", ts)]).await;
        answer["messages"].as_array().expect("messages").clone()
    }
}

#[tokio::test]
async fn our_client_gets_along_with_a_slack_of_others() {
    let slack = Emulate::start("http://127.0.0.1:9/", SECRET).await;
    let (api, token) = (SlackApi::new(&slack.api_url()), SecretString::from("xoxb-kona"));

    let identity = api.auth_test(&token).await.expect("an identity");
    assert_eq!(
        (identity.team_id.as_str(), identity.team.as_str(), identity.user_id.as_str(), identity.bot_id.as_str()),
        ("T000000001", "Acme", "U0KONA9RT", "B0KONA4WE")
    );
    let admin = api.profile(&token, ADMIN, "T000000001").await.expect("a profile");
    assert_eq!((admin.display_name.as_str(), admin.standing), ("admin", Standing::Member));
    assert_eq!(
        api.profile(&token, "UNOBODY", "T000000001").await.expect_err("nobody"),
        CallError::Refused("user_not_found".into())
    );
    let general = api.channel(&token, GENERAL).await.expect("a channel");
    assert_eq!((general.kind, general.name.as_str(), general.shared), (ChannelKind::Public, "general", false));
    let channels = slack.call("xoxp-admin", "conversations.list", &[("types", "private_channel")]).await;
    let vault = channels["channels"][0]["id"].as_str().expect("a private channel").to_owned();
    // The bot is no member: it is told so, as in Slack.
    assert!(matches!(api.channel(&token, &vault).await, Err(CallError::Refused(_))));

    let (outbox, other) = (OutboxId::new(), OutboxId::new());
    let place = Target { channel: GENERAL, thread: None };
    let root = api.post(&token, place, "**Hello** & welcome", outbox).await.expect("posted");
    let thread = Target { channel: GENERAL, thread: Some(&root) };
    let reply = api.post(&token, thread, "thinking", other).await.expect("posted");
    assert_eq!(api.find_posted(&token, thread, other).await, Ok(Some(reply.clone())), "found by its metadata");
    assert_eq!(api.find_posted(&token, thread, OutboxId::new()).await, Ok(None));
    assert_eq!(api.find_posted(&token, place, outbox).await, Ok(Some(root.clone())), "by the history, too");

    assert_eq!(api.update(&token, GENERAL, &reply, "done", other).await, Ok(reply.clone()));
    api.react(&token, GENERAL, &root, "eyes").await.expect("a reaction");
    api.react(&token, GENERAL, &root, "eyes").await.expect("twice is once");
    let shown = slack.thread(&root).await;
    assert_eq!((&shown[0]["reactions"][0]["name"], &shown[1]["text"]), (&json!("eyes"), &json!("done")));
    assert_eq!(shown[1]["metadata"]["event_payload"]["outbox_id"], json!(other), "an update keeps the mark");

    let gone = api.update(&token, GENERAL, "1.000001", "x", other).await;
    assert_eq!(gone, Err(CallError::Refused("message_not_found".into())));
    let lost = api.post(&token, Target { channel: "C0NOWHERE", thread: None }, "x", OutboxId::new()).await;
    assert_eq!(lost, Err(CallError::Refused("channel_not_found".into())));
}

#[tokio::test]
async fn dialogs_home_pages_and_whispers_are_taken_by_a_slack_of_others() {
    let slack = Emulate::start("http://127.0.0.1:9/", SECRET).await;
    let (api, token) = (SlackApi::new(&slack.api_url()), SecretString::from("xoxb-kona"));
    let given = slack.call("xoxb-kona", "views.generateTriggerId", &[("user_id", ADMIN)]).await;
    let trigger = given["trigger_id"].as_str().expect("a trigger");
    let title = json!({ "type": "plain_text", "text": "A note" });
    let section = json!({ "type": "section", "text": { "type": "mrkdwn", "text": "*Hello*" } });
    let dialog = json!({ "type": "modal", "callback_id": "note", "title": title, "blocks": [section] });
    api.open_view(&token, trigger, dialog.clone()).await.expect("a dialog");
    assert!(matches!(api.open_view(&token, trigger, dialog).await, Err(CallError::Refused(_))), "good for once");
    api.publish_home(&token, ADMIN, json!({ "type": "home", "blocks": [section] })).await.expect("a home page");

    let direct = api.open_direct(&token, ADMIN).await.expect("direct messages");
    let place = Target { channel: &direct, thread: None };
    let asked = api.post_question(&token, place, (ADMIN, "Who has the keys?"), OutboxId::new()).await;
    let permalink = api.permalink(&token, &direct, &asked.expect("posted")).await.expect("an address");
    assert!(permalink.contains(&format!("/archives/{direct}/p")), "{permalink}");
    let general = Target { channel: GENERAL, thread: None };
    api.whisper(&token, general, ADMIN, "only you see this").await.expect("a whisper");
    let stranger = api.whisper(&token, general, "U0NOBODY1", "x").await;
    assert!(matches!(stranger, Err(CallError::Refused(_))), "{stranger:?}");
    assert_eq!(api.is_shared_outside(&token, GENERAL).await, Ok(false));
}

/// Everything but the Slack is ours: what a person writes there comes signed to the webhook, and is answered there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_in_a_slack_of_others_is_answered() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let test = TestDb::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let secret = test.config.slack.signing_secret.expose_secret().to_owned();
    let slack = Emulate::start(&format!("{address}/webhooks/slack/events"), &secret).await;
    let model = ModelSimulator::start("127.0.0.1:0".parse().expect("an address")).await.expect("a free port");
    let mut config = test.config.clone();
    config.slack.api_url = slack.api_url();
    config.llm.base_url = model.base_url().parse().expect("a URL");
    let stop = CancellationToken::new();
    let _stopping = stop.clone().drop_guard();
    start(&config, &test, listener, &stop).await;

    let (tenant, key) = test.tenant("acme").await;
    let set_up = async |method: reqwest::Method, path: &str, body: Value| {
        let request = slack.http.request(method, format!("{address}/api/v1/{path}")).bearer_auth(&key).json(&body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    };
    set_up(reqwest::Method::PUT, "agents", json!({ "name": "Kona", "instructions": "Help the team." })).await;
    set_up(reqwest::Method::POST, "connections", json!({ "channel": "slack", "bot_token": "xoxb-kona" })).await;

    let words = "<@U0KONA9RT> Are you a human?";
    let said = slack.call("xoxp-admin", "chat.postMessage", &[("channel", GENERAL), ("text", words)]).await;
    let ts = said["ts"].as_str().expect("a time");
    let answered = async {
        loop {
            let texts: Vec<String> =
                slack.thread(ts).await.iter().skip(1).map(|message| message["text"].to_string()).collect();
            if texts.iter().any(|text| text.contains("AI")) {
                return texts;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let texts = tokio::time::timeout(PATIENCE, answered).await.expect("an answer in the thread");
    assert_eq!(texts.len(), 1, "one answer, which took the placeholder's place: {texts:?}");

    // It also sent back our own post, its change, and our reaction: none of them is a question.
    let mut tx = test.db.tenant(tenant).begin().await.expect("a transaction");
    let asked: i64 = sqlx::query_scalar("select count(*) from inbox where tenant_id = $1 and state <> 'ignored'")
        .bind(tenant)
        .fetch_one(tx.conn())
        .await
        .expect("a number");
    tx.close().await.expect("closed");
    assert_eq!(asked, 1);
}

async fn start(config: &Config, test: &TestDb, listener: TcpListener, stop: &CancellationToken) {
    let gateway = gateway::Gateway::new(config, &test.db, Clock::system()).await.expect("a gateway");
    tokio::spawn(gateway::serve(listener, gateway::router(gateway), stop.clone().cancelled_owned()));
    let (config, db, embedder) = (config.clone(), test.db.clone(), Embedder::new(config));
    let stop = stop.clone().cancelled_owned();
    tokio::spawn(async move { orchestrator::run(&config, &db, &embedder, Clock::system(), stop).await });
}

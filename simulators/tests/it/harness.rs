//! A receiver of events, and short ways to call both simulators.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use reqwest::Client;
use serde_json::{Value, json};
use simulators::{ModelSimulator, SlackOptions, SlackSimulator};

pub const SECRET: &str = "signing-secret";
pub const DEMO: &str = "xoxb-simulated-demo";
pub const TEAM: &str = "TDEMO";
pub const PATIENCE: Duration = Duration::from_secs(10);

pub fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub fn http() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[derive(Clone)]
pub enum Answer {
    Status(u16),
    NoRetry(u16),
    Slow(Duration),
}

/// Stands in for the product: keeps what it gets and answers as told, 200 when told nothing.
#[derive(Clone, Default)]
pub struct Receiver {
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

impl Receiver {
    /// Lives until the test's runtime ends.
    pub async fn start() -> (Self, String) {
        let receiver = Self::default();
        let listener = tokio::net::TcpListener::bind(anywhere()).await.unwrap();
        let url = format!("http://{}/webhooks/slack/events", listener.local_addr().unwrap());
        let router = Router::new().route("/webhooks/slack/events", post(receive)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    pub fn will_answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().unwrap().extend(answers);
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(tokio::time::Instant::now() < deadline, "got {} of {count} requests", received.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for this many, then a moment longer for any that should not come.
    pub async fn wait_for_exactly(&self, count: usize) -> Vec<Received> {
        self.wait_for(count).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        let received = self.received();
        assert_eq!(received.len(), count, "{received:#?}");
        received
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    receiver.received.lock().unwrap().push(Received { headers, body });
    let answer = receiver.answers.lock().unwrap().pop_front().unwrap_or(Answer::Status(200));
    match answer {
        Answer::Status(code) => StatusCode::from_u16(code).unwrap().into_response(),
        Answer::NoRetry(code) => {
            (StatusCode::from_u16(code).unwrap(), [("x-slack-no-retry", "1")]).into_response()
        }
        Answer::Slow(time) => {
            tokio::time::sleep(time).await;
            StatusCode::OK.into_response()
        }
    }
}

/// A Slack with a receiver behind it; retries come at once.
pub async fn slack_with_receiver() -> (SlackSimulator, Receiver) {
    let (receiver, url) = Receiver::start().await;
    let options = SlackOptions { retry_time_scale: 0.0, ..SlackOptions::new(url, SECRET) };
    (SlackSimulator::start(anywhere(), options).await.unwrap(), receiver)
}

/// A Slack that sends no events.
pub async fn quiet_slack() -> SlackSimulator {
    SlackSimulator::start(anywhere(), SlackOptions::default()).await.unwrap()
}

pub async fn call(slack: &SlackSimulator, token: &str, method: &str, body: Value) -> Value {
    let url = format!("{}{method}", slack.api_url());
    http().post(url).bearer_auth(token).json(&body).send().await.unwrap().json().await.unwrap()
}

/// Posts and returns the `ts`.
pub async fn post_text(slack: &SlackSimulator, token: &str, channel: &str, text: &str) -> String {
    let answer = call(slack, token, "chat.postMessage", json!({ "channel": channel, "text": text })).await;
    assert_eq!(answer["ok"], true, "{answer}");
    answer["ts"].as_str().unwrap().to_owned()
}

pub async fn error_of(slack: &SlackSimulator, method: &str, body: Value) -> String {
    let answer = call(slack, DEMO, method, body).await;
    assert_eq!(answer["ok"], false, "{method} should have been refused: {answer}");
    answer["error"].as_str().unwrap().to_owned()
}

pub async fn model() -> ModelSimulator {
    ModelSimulator::start(anywhere()).await.unwrap()
}

pub async fn ask_raw(model: &ModelSimulator, body: &Value) -> reqwest::Response {
    let url = format!("{}/chat/completions", model.base_url());
    http().post(url).bearer_auth("sk-test-1234").json(body).send().await.unwrap()
}

/// The reply to a system prompt and a conversation of `(role, content)`.
pub async fn ask(model: &ModelSimulator, system: &str, turns: &[(&str, &str)]) -> String {
    let mut messages = vec![json!({ "role": "system", "content": system })];
    messages.extend(turns.iter().map(|(role, content)| json!({ "role": role, "content": content })));
    let answer: Value =
        ask_raw(model, &json!({ "model": "simulated-1", "messages": messages })).await.json().await.unwrap();
    answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

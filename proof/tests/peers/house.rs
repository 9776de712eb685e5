//! A gateway with a tenant and its key, for programs that call the API.

use secrecy::ExposeSecret;
use shared::{clock::Clock, testing::TestDb};
use simulators::{SlackOptions, SlackSimulator};
use tokio_util::sync::{CancellationToken, DropGuard};

pub struct House {
    /// Dropped with it.
    _test: TestDb,
    _slack: SlackSimulator,
    _stopping: DropGuard,
    pub address: String,
    /// Of an admin's program.
    pub key: String,
}

impl House {
    pub async fn open() -> Self {
        let test = TestDb::new().await;
        let any = "127.0.0.1:0".parse().expect("an address");
        let secret = test.config.slack.signing_secret.expose_secret().to_owned();
        let slack = SlackSimulator::start(any, SlackOptions::new("", secret)).await.expect("a free port");
        let mut config = test.config.clone();
        config.slack.api_url = slack.api_url().parse().expect("a URL");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        config.public_url = address.parse().expect("a URL");
        let gateway = gateway::Gateway::new(&config, &test.db, Clock::system()).await.expect("a gateway");
        let stop = CancellationToken::new();
        tokio::spawn(gateway::serve(listener, gateway::router(gateway), stop.clone().cancelled_owned()));
        let (_, key) = test.tenant("acme").await;
        Self { _test: test, _slack: slack, _stopping: stop.drop_guard(), address, key }
    }
}

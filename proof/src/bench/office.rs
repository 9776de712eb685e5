//! The three roles as processes of their own, so that each one's processor time and statements can be told apart.
//!
//! Slack and the model are simulated in this process, whose time counts for nobody. What the roles do while nothing happens
//! is measured first and taken off.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::Context;
use secrecy::ExposeSecret;
use shared::testing::TestDb;
use simulators::{AuthorKind, ModelSimulator, Said, Say, SlackOptions, SlackSimulator};

use super::{
    cpu::Server,
    crowd::{CHANNEL, PERSON},
    house,
    process::Role,
};

const ROLES: [&str; 3] = ["gateway", "orchestrator", "worker"];
/// Mentions on their way at the same time.
const TOGETHER: usize = 8;
const PATIENCE: Duration = Duration::from_secs(120);
/// After the last reply: the worker's batch and the ends of the turns.
const SETTLE: Duration = Duration::from_secs(2);
const ROUND_TRIPS: &str = "konstruct_database_round_trips_total";
const COMMITS: &str = "konstruct_database_commits_total";

pub struct Office<'a> {
    test: &'a TestDb,
    slack: SlackSimulator,
    /// Runs until dropped.
    _model: ModelSimulator,
    roles: Vec<Role>,
    server: Server,
}

/// What was spent: since the beginning, per second, or per message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    pub round_trips: f64,
    pub commits: f64,
    /// Milliseconds of processor time.
    pub gateway: f64,
    pub orchestrator: f64,
    pub worker: f64,
    pub postgres: f64,
    pub wal_bytes: f64,
}

impl<'a> Office<'a> {
    pub async fn open(test: &'a TestDb) -> anyhow::Result<Self> {
        let any = "127.0.0.1:0".parse()?;
        let model = ModelSimulator::start(any).await?;
        let secret = test.config.slack.signing_secret.expose_secret();
        // It wants to know where events go before anybody is there.
        let slack = SlackSimulator::start(any, SlackOptions::new("", secret)).await?;
        let providers = [("SLACK_API_URL", slack.api_url()), ("LLM_BASE_URL", model.base_url())];
        let mut roles = Vec::new();
        for name in ROLES {
            roles.push(Role::start_with(name, test, &providers).await?);
        }
        let events = format!("http://{}/webhooks/slack/events", roles[0].bind);
        slack.set_options(simulators::OptionsPatch { events_url: Some(events), ..Default::default() });
        Ok(Self { test, slack, _model: model, roles, server: Server::of(test).await? })
    }

    pub async fn close(self) -> anyhow::Result<()> {
        for role in self.roles {
            role.end().await?;
        }
        Ok(())
    }

    /// Per second, while nothing happens.
    pub async fn idle(&self, time: Duration) -> anyhow::Result<Spent> {
        let (before, began) = (self.spent().await?, Instant::now());
        tokio::time::sleep(time).await;
        Ok(self.spent().await?.minus(&before).over(began.elapsed().as_secs_f64()))
    }

    /// A mention of each team, one after the other with a few together, or all at once. Returns what one of them cost beyond
    /// being idle, and how many were answered per second.
    pub async fn talk(&self, teams: &[&str], at_once: bool, idle: &Spent) -> anyhow::Result<(Spent, f64)> {
        let (before, began) = (self.spent().await?, Instant::now());
        let width = if at_once { teams.len() } else { TOGETHER };
        let next = AtomicUsize::new(0);
        let talkers = (0..width).map(|_| async {
            while let Some(team) = teams.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.ask(team).await?;
            }
            anyhow::Ok(())
        });
        tokio::time::timeout(PATIENCE, futures::future::try_join_all(talkers))
            .await
            .context("the mentions are not answered in time")??;
        let per_second = teams.len() as f64 / began.elapsed().as_secs_f64();
        house::embedded(self.test).await?;
        tokio::time::sleep(SETTLE).await;
        let spent = self.spent().await?.minus(&before);
        let idle = idle.over(1.0 / began.elapsed().as_secs_f64());
        Ok((spent.minus(&idle).over(teams.len() as f64), per_second))
    }

    /// Somebody mentions the agent in a fresh thread, and waits for the answer.
    async fn ask(&self, team: &str) -> anyhow::Result<()> {
        let text = "what did we decide about the order, and who takes it to the customer?";
        let said: Said = self.slack.say(Say::new(team, CHANNEL, PERSON, text).mentioning());
        let answered = |slack: &SlackSimulator| {
            let thread = slack.transcript(team, CHANNEL, Some(&said.thread_ts));
            thread.iter().any(|entry| matches!(entry.author_kind, AuthorKind::Bot) && entry.edited).then_some(())
        };
        self.slack.wait_until(PATIENCE, answered).await.context("the agent does not answer")
    }

    /// Since the roles and the server started.
    async fn spent(&self) -> anyhow::Result<Spent> {
        let counted = self.roles.iter().map(|role| role.counters([ROUND_TRIPS, COMMITS]));
        let mut spent = Spent::default();
        for [round_trips, commits] in futures::future::try_join_all(counted).await? {
            spent.round_trips += round_trips;
            spent.commits += commits;
        }
        spent.gateway = self.roles[0].cpu_ms()?;
        spent.orchestrator = self.roles[1].cpu_ms()?;
        spent.worker = self.roles[2].cpu_ms()?;
        spent.postgres = self.server.cpu_ms()?;
        spent.wal_bytes = sqlx::query_scalar("select (pg_current_wal_insert_lsn() - '0/0')::float8")
            .fetch_one(&mut self.test.owner().await)
            .await?;
        Ok(spent)
    }
}

impl Spent {
    pub fn cpu_ms(&self) -> f64 {
        self.gateway + self.orchestrator + self.worker + self.postgres
    }

    fn minus(&self, other: &Self) -> Self {
        self.with(other, |one, two| one - two)
    }

    fn over(&self, divisor: f64) -> Self {
        self.with(self, |one, _| one / divisor)
    }

    fn with(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            round_trips: f(self.round_trips, other.round_trips),
            commits: f(self.commits, other.commits),
            gateway: f(self.gateway, other.gateway),
            orchestrator: f(self.orchestrator, other.orchestrator),
            worker: f(self.worker, other.worker),
            postgres: f(self.postgres, other.postgres),
            wal_bytes: f(self.wal_bytes, other.wal_bytes),
        }
    }
}

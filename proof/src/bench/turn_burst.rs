//! What a message costs in commits and round trips, and a burst of messages that share some of them.

use std::time::{Duration, Instant};

use anyhow::Context;
use shared::db;

use super::house::House;

const MESSAGES: usize = 200;
const USERS: usize = 20;
const CHANNEL: &str = "C0BURST";
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// After the last reply: the worker's batch and the ends of the turns.
const SETTLE: Duration = Duration::from_secs(2);

/// Per second if idle, otherwise per message.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub commits: f64,
    pub round_trips: f64,
}

impl Counts {
    /// Per message since `before`, without what the idle product would have sent meanwhile.
    pub fn since(before: (u64, u64), time: Duration, messages: usize, idle: &Self) -> Self {
        let now = db::statistics();
        let per_message = |after: u64, before: u64, idle: f64| {
            ((after - before) as f64 - idle * time.as_secs_f64()) / messages as f64
        };
        Self {
            round_trips: per_message(now.0, before.0, idle.round_trips),
            commits: per_message(now.1, before.1, idle.commits),
        }
    }
}

/// What the product sends per second while nothing happens.
pub async fn idle(time: Duration) -> Counts {
    let (before, began) = (db::statistics(), Instant::now());
    tokio::time::sleep(time).await;
    let (after, seconds) = (db::statistics(), began.elapsed().as_secs_f64());
    Counts { round_trips: (after.0 - before.0) as f64 / seconds, commits: (after.1 - before.1) as f64 / seconds }
}

pub struct Burst {
    pub counts: Counts,
    pub idle: Counts,
    pub messages: usize,
    /// From the first mention to the last reply.
    pub per_second: f64,
}

/// Everybody asks at once, each in a thread of their own.
pub async fn run(house: &House, idle: &Counts, questions: &[&str]) -> anyhow::Result<Burst> {
    let (before, began) = (db::statistics(), Instant::now());
    for n in 0..MESSAGES {
        house.asks(CHANNEL, &format!("UB{}", n % USERS), questions[n % questions.len()]);
    }
    let answered = async {
        while house.answers(CHANNEL) < MESSAGES {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.context("the burst is not answered")?;
    let per_second = MESSAGES as f64 / began.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    Ok(Burst {
        counts: Counts::since(before, began.elapsed(), MESSAGES, idle),
        idle: *idle,
        messages: MESSAGES,
        per_second,
    })
}

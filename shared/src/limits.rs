//! How often something may be tried: a bucket for each who tries, in Redis, so that all replicas count together.
//!
//! A bucket is one time: when it will be empty again (GCRA). Without Redis each process counts for itself; what was
//! counted may be lost at any time, which makes a guesser faster for a moment and nobody wait longer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use moka::future::Cache;
use redis::aio::MultiplexedConnection;
use secrecy::SecretString;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use uuid::Uuid;

use crate::redis_address;

const REDIS_TIMEOUT: Duration = Duration::from_millis(200);
/// After Redis did not answer: until then it is not asked.
const REDIS_PAUSE: Duration = Duration::from_secs(2);
/// Buckets of one process.
const BUCKETS_MAX: u64 = 100_000;
const BUCKET_KEPT: Duration = Duration::from_secs(3600);

/// `burst` tries at once, then one `every` so often.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub name: &'static str,
    pub burst: u32,
    pub every: Duration,
}

impl Limit {
    fn every_ms(&self) -> i64 {
        i64::try_from(self.every.as_millis()).unwrap_or(i64::MAX)
    }

    fn tolerance_ms(&self) -> i64 {
        self.every_ms().saturating_mul(i64::from(self.burst.saturating_sub(1)))
    }

    /// The bucket after one more try, or how long it is too full for one.
    fn fill(&self, empty_at: i64, now: i64) -> Result<i64, i64> {
        let empty_at = empty_at.max(now);
        let wait = empty_at - now - self.tolerance_ms();
        if wait > 0 { Err(wait) } else { Ok(empty_at + self.every_ms()) }
    }
}

/// [`Limit::fill`] by Redis' clock. Answers the milliseconds to wait, 0 for go.
const FILL: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local empty_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = empty_at - now - tonumber(ARGV[2])
if wait > 0 then return wait end
empty_at = empty_at + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', empty_at), 'PX', empty_at - now)
return 0";

/// Counts tries; cheap to clone.
#[derive(Clone)]
pub struct Limiter {
    client: redis::Client,
    line: Arc<Mutex<Line>>,
    own: Cache<(&'static str, Uuid), Arc<AtomicI64>>,
    started: Instant,
}

struct Line {
    open: Option<MultiplexedConnection>,
    try_at: Instant,
}

impl Limiter {
    pub fn new(url: &SecretString) -> Result<Self, redis::RedisError> {
        Ok(Self {
            client: redis_address::client(url)?,
            line: Arc::new(Mutex::new(Line { open: None, try_at: Instant::now() })),
            own: Cache::builder().max_capacity(BUCKETS_MAX).time_to_idle(BUCKET_KEPT).build(),
            started: Instant::now(),
        })
    }

    /// Counts one try of whoever `who` stands for. The error is how long to wait.
    pub async fn take(&self, limit: &Limit, who: Uuid) -> Result<(), Duration> {
        answer(match self.ask_redis(limit, who).await {
            Some(wait) => wait,
            None => self.count_here(limit, who).await,
        })
    }

    /// For what happens too often to ask Redis each time: every process allows as much.
    pub async fn take_here(&self, limit: &Limit, who: Uuid) -> Result<(), Duration> {
        answer(self.count_here(limit, who).await)
    }

    async fn ask_redis(&self, limit: &Limit, who: Uuid) -> Option<i64> {
        let mut connection = self.connection().await?;
        let mut call = redis::cmd("EVAL");
        call.arg(FILL).arg(1).arg(format!("konstruct:limit:{}:{}", limit.name, who.simple()));
        call.arg(limit.every_ms()).arg(limit.tolerance_ms());
        match timeout(REDIS_TIMEOUT, call.query_async(&mut connection)).await {
            Ok(Ok(wait)) => Some(wait),
            _ => {
                let mut line = self.line.lock().await;
                (line.open, line.try_at) = (None, Instant::now() + REDIS_PAUSE);
                None
            }
        }
    }

    async fn connection(&self) -> Option<MultiplexedConnection> {
        let mut line = self.line.lock().await;
        if line.open.is_none() && line.try_at <= Instant::now() {
            let opening = self.client.get_multiplexed_async_connection();
            line.open = timeout(REDIS_TIMEOUT, opening).await.ok().and_then(Result::ok);
            if line.open.is_none() {
                line.try_at = Instant::now() + REDIS_PAUSE;
            }
        }
        line.open.clone()
    }

    async fn count_here(&self, limit: &Limit, who: Uuid) -> i64 {
        let now = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let bucket = self.own.get_with((limit.name, who), async { Arc::default() }).await;
        let mut wait = 0;
        // The closure may run several times: the last run's word counts.
        let filled = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |empty_at| {
            limit.fill(empty_at, now).map_err(|longer| wait = longer).ok()
        });
        if filled.is_ok() { 0 } else { wait }
    }
}

fn answer(wait: i64) -> Result<(), Duration> {
    match u64::try_from(wait) {
        Ok(wait @ 1..) => Err(Duration::from_millis(wait)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let limit = Limit { name: "test", burst: 3, every: Duration::from_secs(10) };
        let mut empty_at = 0;
        for _ in 0..3 {
            empty_at = limit.fill(empty_at, 1_000).unwrap();
        }
        assert_eq!(limit.fill(empty_at, 1_000), Err(10_000));
        assert_eq!(limit.fill(empty_at, 4_000), Err(7_000));
        empty_at = limit.fill(empty_at, 11_000).unwrap();
        assert_eq!(limit.fill(empty_at, 11_000), Err(10_000));
        // Long afterwards it is empty, and no emptier than that.
        assert_eq!(limit.fill(empty_at, 1_000_000), Ok(1_010_000));
    }

    #[tokio::test]
    async fn without_redis_a_process_counts_for_itself() {
        let limiter = Limiter::new(&SecretString::from("redis://127.0.0.1:1")).unwrap();
        let limit = Limit { name: "test", burst: 2, every: Duration::from_secs(60) };
        let (ada, bob) = (Uuid::now_v7(), Uuid::now_v7());
        assert!(limiter.take(&limit, ada).await.is_ok() && limiter.take(&limit, ada).await.is_ok());
        let wait = limiter.take(&limit, ada).await.unwrap_err();
        assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
        assert!(limiter.take(&limit, bob).await.is_ok(), "another one's bucket");
    }
}

//! How often a channel is written to. A channel whose platform asked to wait is left alone for that long by every process,
//! and is then written to once a second for a while; before that, nothing is held back.
//!
//! Redis keeps it, so that a wait outlives the process that was told of it; without Redis each process remembers its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::aio::ConnectionManager;
use secrecy::SecretString;
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout},
};

use crate::redis_address;

/// Slack's own measure of a channel.
const SPACING: Duration = Duration::from_secs(1);
/// How long a channel is written to with [`SPACING`] after its platform complained.
const CAREFUL_FOR: Duration = Duration::from_secs(120);
/// Redis may only help: a slow one is done without.
const REDIS_MAX: Duration = Duration::from_millis(150);
const PLACES_MAX: usize = 10_000;

/// Milliseconds until this place's turn, which is taken. By Redis' own clock, so that processes need not agree.
const TURN: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('SET', KEYS[1], at + ARGV[1], 'PX', at - now + ARGV[1] + 1000)
end
return at - now";

/// Nobody writes there for so many milliseconds, and carefully after that.
const HOLD: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = math.max(now + ARGV[1], tonumber(redis.call('GET', KEYS[1]) or '0'))
redis.call('SET', KEYS[1], at, 'PX', at - now + 1000)
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
return 0";

/// Cheap to clone; clones share what they remember.
#[derive(Clone)]
pub struct Pacer {
    local: Arc<Mutex<HashMap<String, Place>>>,
    redis: Option<Arc<Redis>>,
}

#[derive(Clone, Copy)]
struct Place {
    free_at: Instant,
    careful_until: Instant,
}

struct Redis {
    client: redis::Client,
    connection: OnceCell<ConnectionManager>,
}

impl Pacer {
    pub fn new(redis_url: &SecretString) -> Result<Self, redis::RedisError> {
        let client = redis_address::client(redis_url)?;
        let redis = Redis { client, connection: OnceCell::new() };
        Ok(Self { local: Arc::default(), redis: Some(Arc::new(redis)) })
    }

    /// One process's own memory only.
    pub fn local() -> Self {
        Self { local: Arc::default(), redis: None }
    }

    /// Takes the next turn of a place and says how long it is until then. `place` names no tenant's data in the clear.
    pub async fn turn(&self, place: &str) -> Duration {
        let here = self.local_turn(place, Instant::now());
        let there = match &self.redis {
            Some(redis) => redis.run(TURN, place, SPACING.as_millis() as u64, 0).await.unwrap_or(0),
            None => 0,
        };
        here.max(Duration::from_millis(there))
    }

    /// The platform asked to wait this long.
    pub async fn hold(&self, place: &str, pause: Duration) {
        self.local_hold(place, pause, Instant::now());
        if let Some(redis) = &self.redis {
            let (pause, careful) = (pause.as_millis() as u64, (pause + CAREFUL_FOR).as_millis() as u64);
            if redis.run(HOLD, place, pause, careful).await.is_none() {
                tracing::info!("Other processes do not know that a channel wants to be left alone");
            }
        }
    }

    fn local_turn(&self, place: &str, now: Instant) -> Duration {
        let mut places = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = places.get_mut(place) else { return Duration::ZERO };
        let at = known.free_at.max(now);
        if known.careful_until > now {
            known.free_at = at + SPACING;
        }
        at - now
    }

    fn local_hold(&self, place: &str, pause: Duration, now: Instant) {
        let mut places = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= PLACES_MAX {
            places.retain(|_, place| place.careful_until > now);
        }
        let known = places.entry(place.to_owned()).or_insert(Place { free_at: now, careful_until: now });
        known.free_at = known.free_at.max(now + pause);
        known.careful_until = now + pause + CAREFUL_FOR;
    }
}

impl Redis {
    /// `None`: no answer in time, or none at all.
    async fn run(&self, script: &str, place: &str, first: u64, second: u64) -> Option<u64> {
        let asking = async {
            let connect = || ConnectionManager::new(self.client.clone());
            let mut connection = self.connection.get_or_try_init(connect).await.ok()?.clone();
            let (free, careful) =
                (format!("konstruct:pace:{{{place}}}:free"), format!("konstruct:pace:{{{place}}}:careful"));
            let mut ask = redis::cmd("EVAL");
            ask.arg(script).arg(2).arg(free).arg(careful).arg(first).arg(second);
            ask.query_async::<i64>(&mut connection).await.ok()
        };
        let answer = timeout(REDIS_MAX, asking).await.ok().flatten()?;
        Some(u64::try_from(answer).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_complained_is_left_alone_and_then_written_to_once_a_second() {
        let (pacer, now) = (Pacer::local(), Instant::now());
        let waits = |place: &str, at| {
            [pacer.local_turn(place, at), pacer.local_turn(place, at)].map(|wait| wait.as_secs())
        };
        for _ in 0..20 {
            assert_eq!(waits("c", now), [0, 0], "nothing is held back before a complaint");
        }
        pacer.local_hold("c", Duration::from_secs(7), now);
        assert_eq!(waits("c", now), [7, 8]);
        assert_eq!(waits("other", now), [0, 0]);
        pacer.local_hold("c", Duration::from_secs(1), now);
        assert_eq!(waits("c", now), [9, 10], "a shorter wait does not end a longer one");
        assert_eq!(waits("c", now + Duration::from_secs(150)), [0, 0], "it is forgotten in time");
    }
}

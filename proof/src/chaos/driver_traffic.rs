//! People who speak: in channels, threads and direct messages of several tenants, often several messages at once.
//!
//! The seed decides who says what; only the pace depends on the machine: when too many conversations wait, people wait.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use simulators::{Delete, Edit, Say, SlackSimulator};
use tokio::time::sleep;

use super::{Tenant, driver::Stage, plan::Plan};

const TICK: Duration = Duration::from_millis(20);
/// Conversations that wait at the same time; people who see no answer stop asking.
pub const BUSY_LANES_MAX: u64 = 200;
const THREADS_REMEMBERED: usize = 300;
const CHANNELS: usize = 6;
const PEOPLE: usize = 12;
const THINGS: [&str; 8] = ["launch", "budget", "venue", "contract", "invoice", "review", "deadline", "release"];
const PLACES: [&str; 6] = ["Berlin", "Lisbon", "Oslo", "Vienna", "Turin", "Porto"];
/// A run that can't keep its pace at all ends some time.
const TIMES_AS_LONG_MAX: u32 = 6;

struct Thread {
    tenant: usize,
    channel: String,
    ts: String,
}

pub struct Speaker<'a> {
    slack: &'a SlackSimulator,
    tenants: &'a [Tenant],
    dice: StdRng,
    threads: Vec<Thread>,
    said: u64,
}

/// Until the plan's time is over and its events are sent.
pub async fn speak(stage: &Stage, plan: &Plan) {
    let mut speaker = Speaker::new(&stage.house.slack, &stage.tenants, plan.seed);
    let (begun, mut last) = (Instant::now(), Instant::now());
    let (mut events, mut credit) = (0_u64, 0.0_f64);
    while (events < plan.events || begun.elapsed() < plan.time) && begun.elapsed() < plan.time * TIMES_AS_LONG_MAX
    {
        sleep(TICK).await;
        // Of a pause at most a second is caught up.
        credit = (credit + last.elapsed().as_secs_f64() * plan.events_per_second).min(plan.events_per_second);
        last = Instant::now();
        while credit > 0.0 && stage.busy_lanes.load(Ordering::Relaxed) < BUSY_LANES_MAX {
            let sent = speaker.speak();
            events += sent;
            credit -= sent as f64;
        }
    }
}

impl<'a> Speaker<'a> {
    pub fn new(slack: &'a SlackSimulator, tenants: &'a [Tenant], seed: u64) -> Self {
        Self { slack, tenants, dice: StdRng::seed_from_u64(seed), threads: Vec::new(), said: 0 }
    }

    /// Somebody says something; returns how many events that made.
    pub fn speak(&mut self) -> u64 {
        match self.dice.random_range(0..100) {
            0..35 => self.ask(),
            35..65 => self.burst(),
            65..85 => self.go_on(),
            85..98 => self.write_directly(),
            _ => self.reconsider(),
        }
    }

    /// A new thread begins with a mention.
    fn ask(&mut self) -> u64 {
        let tenant = self.dice.random_range(0..self.tenants.len());
        let channel = self.channel();
        let text = self.sentence(tenant);
        let say = Say::new(&self.tenants[tenant].team, &channel, &self.person(), &text).mentioning();
        self.say(tenant, say)
    }

    /// Several quick messages in one conversation, the later ones with or without a mention.
    fn burst(&mut self) -> u64 {
        let mut events = self.ask();
        let Some(thread) = self.threads.last() else { return events };
        let (tenant, channel, ts) = (thread.tenant, thread.channel.clone(), thread.ts.clone());
        let person = self.person();
        for _ in 0..self.dice.random_range(2..10) {
            let text = self.sentence(tenant);
            let say = Say::new(&self.tenants[tenant].team, &channel, &person, &text).in_thread(&ts);
            let say = if self.dice.random_bool(0.5) { say.mentioning() } else { say };
            events += self.say(tenant, say);
        }
        events
    }

    fn go_on(&mut self) -> u64 {
        if self.threads.is_empty() {
            return self.ask();
        }
        let thread = &self.threads[self.dice.random_range(0..self.threads.len())];
        let (tenant, channel, ts) = (thread.tenant, thread.channel.clone(), thread.ts.clone());
        let text = self.sentence(tenant);
        let say = Say::new(&self.tenants[tenant].team, &channel, &self.person(), &text).in_thread(&ts);
        let say = if self.dice.random_bool(0.5) { say.mentioning() } else { say };
        self.say(tenant, say)
    }

    fn write_directly(&mut self) -> u64 {
        let tenant = self.dice.random_range(0..self.tenants.len());
        let person = self.person();
        let text = self.sentence(tenant);
        let say = Say::new(&self.tenants[tenant].team, &format!("D{person}"), &person, &text);
        self.say(tenant, say)
    }

    /// Someone edits or deletes what they said.
    fn reconsider(&mut self) -> u64 {
        if self.threads.is_empty() {
            return self.ask();
        }
        let thread = &self.threads[self.dice.random_range(0..self.threads.len())];
        let (tenant, team) = (thread.tenant, self.tenants[thread.tenant].team.clone());
        let (channel, ts) = (thread.channel.clone(), thread.ts.clone());
        let events = if self.dice.random_bool(0.5) {
            let text = self.sentence(tenant);
            self.slack.edit(Edit { team, channel, ts, text })
        } else {
            self.slack.delete(Delete { team, channel, ts })
        };
        events.map_or(0, |ids| ids.len() as u64)
    }

    fn say(&mut self, tenant: usize, say: Say) -> u64 {
        let (channel, begins) = (say.channel.clone(), say.thread_ts.is_none());
        let said = self.slack.say(say);
        if begins {
            if self.threads.len() >= THREADS_REMEMBERED {
                let forgotten = self.dice.random_range(0..self.threads.len());
                self.threads.swap_remove(forgotten);
            }
            self.threads.push(Thread { tenant, channel, ts: said.ts });
        }
        said.event_ids.len() as u64
    }

    /// Every sentence carries the canary of its tenant.
    fn sentence(&mut self, tenant: usize) -> String {
        self.said += 1;
        let (canary, number) = (&self.tenants[tenant].name, self.said);
        let (thing, place) =
            (THINGS[self.dice.random_range(0..THINGS.len())], PLACES[self.dice.random_range(0..PLACES.len())]);
        match self.dice.random_range(0..4) {
            0 => format!("When is the {thing} in {place}? I ask for {canary}{number}."),
            _ => format!("The {thing} {canary}{number} in {place} is on {} March.", number % 28 + 1),
        }
    }

    fn channel(&mut self) -> String {
        match self.dice.random_range(0..=CHANNELS) {
            0 => "GBOARD".to_owned(),
            number => format!("CROOM{number}"),
        }
    }

    fn person(&mut self) -> String {
        format!("UPERSON{}", self.dice.random_range(0..PEOPLE))
    }
}

//! People who write while something breaks, and what must hold of their messages afterwards.
//!
//! Accepted ⇒ stored ⇒ ended; exactly one visible answer to each; answers in the order of the questions; nothing left
//! half-way in outbox, runs and database sessions. Counted from outside: Slack's own log against the database's rows.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use proof::chaos::{House, Tenant};
use serde_json::json;
use shared::db::agents::{self, AgentShape};
use simulators::{AuthorKind, HistoryKind, Raw, Said, Say, TranscriptEntry};
use tokio::time::sleep;

/// Generous: the suite may run beside a compiler.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Between two probes of [`Talk::recovers`].
const PROBE_PAUSE: Duration = Duration::from_millis(500);
static COUNT: AtomicU32 = AtomicU32::new(0);
/// Outbox rows, runs and lanes that have an owner or a claim to one.
const HALF_WAY: &str = "select (select count(*) from outbox where tenant_id = $1 and state = 'sending')
    + (select count(*) from runs where tenant_id = $1 and state = 'running')
    + (select count(*) from lanes where tenant_id = $1 and (owner is not null or last_seq > done_seq))";
const SWEPT_WITHIN: Duration = Duration::from_secs(15);
const WAITING: &str = "select count(*) from inbox where tenant_id = $1 and state = 'pending'";
/// Slack tries once and three times more.
const LAST_ATTEMPT: u32 = 3;

/// One tenant's people during a scenario.
pub struct Talk<'a> {
    pub house: &'a House,
    pub tenant: Tenant,
    asked: Mutex<Vec<Asked>>,
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub channel: String,
    pub ts: String,
    pub thread: String,
}

/// How a message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub state: String,
    pub reason: Option<String>,
}

impl<'a> Talk<'a> {
    pub async fn begin(house: &'a House, name: &str) -> Self {
        let tenant = house.tenant(name).await.expect("a tenant moves in");
        Self { house, tenant, asked: Mutex::default() }
    }

    /// Someone mentions the agent and a new thread begins.
    pub fn asks(&self, channel: &str, text: &str) -> Asked {
        self.note(channel, &self.house.slack.say(Say::new(&self.tenant.team, channel, "UADA", text).mentioning()))
    }

    /// Nobody has heard of them: what they say needs their name.
    pub fn a_stranger_asks(&self, stranger: &str, text: &str) -> Asked {
        let say = Say::new(&self.tenant.team, "CGENERAL", stranger, text).mentioning();
        self.note("CGENERAL", &self.house.slack.say(say))
    }

    pub fn says_in(&self, thread: &Asked, text: &str) -> Asked {
        let say =
            Say::new(&self.tenant.team, &thread.channel, "UADA", text).in_thread(&thread.thread).mentioning();
        self.note(&thread.channel, &self.house.slack.say(say))
    }

    fn note(&self, channel: &str, said: &Said) -> Asked {
        let asked = Asked { channel: channel.into(), ts: said.ts.clone(), thread: said.thread_ts.clone() };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
        asked
    }

    /// Someone asks every `pause`, each in a thread of its own, until the returned future is dropped or `count` is reached.
    pub async fn keeps_asking(&self, count: usize, pause: Duration) {
        for number in 0..count {
            self.asks("CGENERAL", &format!("Fact {number}: the launch is on {} March.", number % 28 + 1));
            sleep(pause).await;
        }
    }

    /// One signed event straight from Slack, without retries, and the status it got. It is of a kind that is stored and
    /// not answered.
    pub async fn knocks(&self, padding: &str) -> Option<u16> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let event = json!({ "type": "pin_added", "user": "UADA", "channel_id": "CGENERAL", "padding": padding });
        let body = json!({
            "type": "event_callback", "team_id": self.tenant.team, "api_app_id": "A0SIMULATED", "event": event,
            "event_id": format!("EvKNOCK{number}"), "event_time": 1_700_000_000,
            "authorizations": [{ "team_id": self.tenant.team, "is_bot": true }],
        });
        self.house.slack.send_raw(Raw { body, signed: true, ..Raw::default() }).await.status
    }

    /// Asks again and again until an answer is there and nobody waits; returns how long that took.
    pub async fn recovers(&self) -> Duration {
        let begun = Instant::now();
        let mut probes = Vec::new();
        loop {
            probes.push(self.asks("CPROBE", "The probe is green."));
            let patience = Instant::now();
            while patience.elapsed() < PROBE_PAUSE {
                let is_answered = |probe: &Asked| self.replies(probe).iter().any(|reply| reply.edited);
                if probes.iter().any(is_answered) && self.house.waiting().await.is_ok_and(|waiting| waiting == 0) {
                    return begun.elapsed();
                }
                assert!(begun.elapsed() < PATIENCE, "it does not recover");
                sleep(LOOK_INTERVAL).await;
            }
        }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the agent shows in a thread now.
    pub fn replies(&self, thread: &Asked) -> Vec<TranscriptEntry> {
        let mut entries = self.house.slack.transcript(&self.tenant.team, &thread.channel, Some(&thread.thread));
        entries.retain(|entry| matches!(entry.author_kind, AuthorKind::Bot));
        entries
    }

    /// Waits until Slack is done delivering and every accepted message has ended; returns how long that took.
    pub async fn settles(&self) -> Duration {
        let begun = Instant::now();
        while !self.is_delivered() {
            assert!(begun.elapsed() < PATIENCE, "Slack is not done delivering");
            sleep(LOOK_INTERVAL).await;
        }
        while self.count(WAITING).await > 0 {
            assert!(begun.elapsed() < PATIENCE, "not every message ends");
            sleep(LOOK_INTERVAL).await;
        }
        begun.elapsed()
    }

    /// Everything holds, and every message was answered.
    pub async fn all_answered(&self) {
        let ended = self.all_ended().await;
        let unanswered: Vec<_> = ended.values().filter(|ended| ended.state != "replied").collect();
        assert!(unanswered.is_empty(), "not answered: {unanswered:?}");
    }

    /// Everything holds; how each message ended, by its `ts`.
    pub async fn all_ended(&self) -> HashMap<String, Ended> {
        let ended = self.ended().await;
        let accepted = self.accepted();
        for asked in self.asked() {
            assert!(accepted.contains(&asked.ts), "Slack gave up on {asked:?}");
            let end =
                ended.get(&asked.ts).unwrap_or_else(|| panic!("{asked:?} was answered 200 and is not stored"));
            assert_ne!(end.state, "pending", "{asked:?}");
        }
        self.one_answer_each(&ended);
        self.nothing_left_half_way().await;
        self.in_order().await;
        ended
    }

    /// A thread shows one finished answer for each turn, and no second copy of any.
    fn one_answer_each(&self, ended: &HashMap<String, Ended>) {
        let mut threads: HashMap<String, Vec<Asked>> = HashMap::new();
        for asked in self.asked() {
            threads.entry(asked.thread.clone()).or_default().push(asked);
        }
        for asked in threads.into_values() {
            let shown = self.replies(&asked[0]);
            let silent = asked.iter().all(|asked| is_silent(&ended[&asked.ts]));
            let texts: Vec<_> = shown.iter().map(|entry| entry.text.as_str()).collect();
            assert!(silent || (!shown.is_empty() && shown.len() <= asked.len()), "{asked:?} shows {texts:?}");
            assert!(!texts.iter().any(|text| text.starts_with("_Thinking")), "{asked:?} shows {texts:?}");
            let rows: Vec<_> = shown.iter().filter_map(outbox_id).collect();
            let distinct: HashSet<_> = rows.iter().collect();
            assert_eq!(rows.len(), distinct.len(), "{asked:?} shows one outbox row twice: {texts:?}");
        }
    }

    async fn nothing_left_half_way(&self) {
        let begun = Instant::now();
        // A lane that only holds what nobody answers may be looked at by a sweeper just now.
        while self.count(HALF_WAY).await > 0 {
            assert!(begun.elapsed() < SWEPT_WITHIN, "{} rows are left half-way", self.count(HALF_WAY).await);
            sleep(LOOK_INTERVAL).await;
        }
        let mut connection = self.house.postgres.superuser().await.expect("the database answers");
        let idle: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
              where state like 'idle in transaction%' and state_change < now() - interval '5 seconds'
                and usename in ('konstruct_app', 'konstruct_system')",
        )
        .fetch_one(&mut connection)
        .await
        .expect("a number");
        assert_eq!(idle, 0, "sessions idle in a transaction");
        for process in self.house.processes() {
            assert!(!process.log().contains("A task panicked"), "{} panicked", process.name());
        }
    }

    /// Within a conversation, runs show up in the order of the messages they answer.
    async fn in_order(&self) {
        let mut connection = self.house.postgres.superuser().await.expect("the database answers");
        let overtaken: i64 = sqlx::query_scalar(
            "select count(*)
               from (select r.conversation_id, r.from_seq, o.external_id::numeric as shown,
                            lag(o.external_id::numeric) over (partition by r.conversation_id order by r.from_seq) as before
                       from runs r
                       join outbox o on o.tenant_id = r.tenant_id and o.run_id = r.run_id and o.kind = 'placeholder'
                      where r.tenant_id = $1 and o.external_id is not null) shown
              where shown < before",
        )
        .bind(self.tenant.id.uuid())
        .fetch_one(&mut connection)
        .await
        .expect("a number");
        assert_eq!(overtaken, 0, "answers overtook each other");
    }

    /// How each stored message ended so far, by its `ts`.
    pub async fn ended(&self) -> HashMap<String, Ended> {
        let mut connection = self.house.postgres.superuser().await.expect("the database answers");
        let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(
            "select normalized ->> 'external_id', state::text, reason from inbox
              where tenant_id = $1 and normalized is not null",
        )
        .bind(self.tenant.id.uuid())
        .fetch_all(&mut connection)
        .await
        .expect("rows");
        rows.into_iter().map(|(ts, state, reason)| (ts, Ended { state, reason })).collect()
    }

    /// The messages Slack got a 2xx for, by their `ts`.
    pub fn accepted(&self) -> HashSet<String> {
        let history = self.house.slack.history(Some(&self.tenant.team));
        let results = history.into_iter().filter(|entry| entry.kind == HistoryKind::EventResult);
        results
            .filter(|entry| entry.status.is_some_and(|status| status < 300))
            .filter_map(|entry| entry.ts)
            .collect()
    }

    /// Whether every event of every message got its 2xx or its last refusal.
    fn is_delivered(&self) -> bool {
        let history = self.house.slack.history(Some(&self.tenant.team));
        let sent = history.iter().filter(|entry| entry.kind == HistoryKind::EventSent);
        let sent: HashSet<_> = sent.filter_map(|entry| entry.ts.as_deref()).collect();
        if !self.asked().iter().all(|asked| sent.contains(asked.ts.as_str())) {
            return false;
        }
        let mut open = HashSet::new();
        for entry in &history {
            let Some(event) = &entry.event_id else { continue };
            match entry.kind {
                HistoryKind::EventSent => {
                    open.insert(event);
                }
                HistoryKind::EventResult => {
                    let accepted = entry.status.is_some_and(|status| status < 300);
                    if accepted || entry.attempt >= Some(LAST_ATTEMPT) {
                        open.remove(event);
                    }
                }
                _ => {}
            }
        }
        open.is_empty()
    }

    /// From now on the tenant's agent speaks through this model, which faults can aim at.
    pub async fn uses_model(&self, model: &str) {
        let mut tx = self.house.tenant_db(&self.tenant).begin().await.expect("a transaction");
        let shape = AgentShape { model: Some(model.to_owned()), ..AgentShape::default() };
        agents::shape(&mut tx, "Kona", &shape).await.expect("the agent changes");
        tx.commit().await.expect("committed");
    }

    /// Runs a statement on the tenant's rows, such as letting time pass; `$1` is the tenant.
    pub async fn change(&self, statement: &'static str) {
        let mut connection = self.house.postgres.superuser().await.expect("the database answers");
        let changing = sqlx::query(statement).bind(self.tenant.id.uuid());
        changing.execute(&mut connection).await.expect("a change");
    }

    /// One number from the tenant's rows; `$1` is the tenant.
    pub async fn count(&self, query: &'static str) -> i64 {
        let mut connection = self.house.postgres.superuser().await.expect("the database answers");
        let counting = sqlx::query_scalar(query).bind(self.tenant.id.uuid());
        counting.fetch_one(&mut connection).await.expect("a number")
    }
}

/// Ends that show nothing by design.
fn is_silent(end: &Ended) -> bool {
    end.state == "ignored" || end.state == "dead"
}

pub fn outbox_id(entry: &TranscriptEntry) -> Option<String> {
    Some(entry.metadata.as_ref()?["event_payload"]["outbox_id"].as_str()?.to_owned())
}

/// Polls until `ask` says yes.
pub async fn eventually(what: &str, ask: impl Fn() -> bool) {
    let begun = Instant::now();
    while !ask() {
        assert!(begun.elapsed() < PATIENCE, "it never happened: {what}");
        sleep(LOOK_INTERVAL).await;
    }
}

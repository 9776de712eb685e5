//! Looks at the running system: who owns what, which sessions hang, how much memory and how many files each process has.
//!
//! What holds at all times is judged here, at every look; the verdicts at the end repeat it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use regex::Regex;
use simulators::ModelRequest;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    House,
    ledger::{canaries, foreign_canaries},
};

/// What one process may use. The embedding model alone takes a good 300 MB.
const MEMORY_MEGABYTES_MAX: f64 = 1_200.0;
const FILES_MAX: usize = 4_000;
const SESSIONS_MAX: i64 = 250;
/// A session that is inside a transaction and does nothing.
const IDLE_SECONDS_MAX: i32 = 5;
const VIOLATIONS_MAX: usize = 50;
/// What a role says once it works. A life without it ended before it began, as it must without a database.
const WORKS: [&str; 3] =
    ["The gateway listens", "The orchestrator waits for messages", "The worker waits for jobs"];
/// Owners are remembered for this many leases; then the oldest knowledge goes.
const OWNERS_MAX: usize = 500_000;

/// How long something took to work again.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovery {
    pub what: &'static str,
    pub seconds: f64,
    /// Of one occurrence, if each has to keep it.
    pub seconds_max: f64,
}

#[derive(Default)]
pub struct Samples {
    pub owner_looks: u64,
    pub owner_conflicts: Vec<String>,
    owners: HashMap<(Uuid, i64), String>,
    fences: HashMap<Uuid, i64>,
    pub session_looks: u64,
    pub poisoned: Vec<String>,
    pub process_looks: u64,
    pub out_of_bounds: Vec<String>,
    pub panics: Vec<String>,
    /// Ends of processes that nobody ordered.
    pub crashes: Vec<String>,
    pub refused_starts: u64,
    /// Peaks, by process.
    pub megabytes: BTreeMap<String, f64>,
    pub files: BTreeMap<String, usize>,
    pub queue_seconds: f64,
    pub recoveries: Vec<Recovery>,
    pub drained: bool,
    pub model: Arc<ModelWitness>,
    pub log_leaks: Vec<String>,
    pub log_lines: u64,
}

/// Everything the model was ever asked.
#[derive(Default)]
pub struct ModelWitness {
    pub requests: AtomicU64,
    pub answers: AtomicU64,
    pub with_tools: AtomicU64,
    leaks: Mutex<Vec<String>>,
}

impl ModelWitness {
    pub fn see(&self, request: &ModelRequest) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.answers.fetch_add(u64::from(request.reply.is_some()), Ordering::Relaxed);
        let offers =
            request.body.get("tools").and_then(|tools| tools.as_array()).is_some_and(|tools| !tools.is_empty());
        self.with_tools.fetch_add(u64::from(offers), Ordering::Relaxed);
        let prompt = request.prompt_text();
        // The tenant's name stands in the first sentence.
        let Some(own) = canaries(&prompt).next() else { return };
        let foreign = foreign_canaries(&prompt, own);
        if !foreign.is_empty() {
            let mut leaks = self.leaks();
            if leaks.len() < VIOLATIONS_MAX {
                leaks.push(format!("prompt {} of {own} holds {}", request.seq, foreign.join(", ")));
            }
        }
    }

    pub fn leaks(&self) -> MutexGuard<'_, Vec<String>> {
        self.leaks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Samples {
    /// One look at the database. `disturbed`: a process is frozen or a line is cut, or was a moment ago, so that a session
    /// may hang through nobody's fault but ours.
    pub async fn look_at_database(
        &mut self,
        connection: &mut PgConnection,
        disturbed: bool,
    ) -> anyhow::Result<()> {
        let owned: Vec<(Uuid, i64, String)> = sqlx::query_as(
            "select conversation_id, fence, owner from lanes where ready_at is not null and owner is not null",
        )
        .fetch_all(&mut *connection)
        .await?;
        self.see_owners(owned);
        let idle: Vec<(i32, String, f64)> = sqlx::query_as(
            "select pid, left(query, 80), extract(epoch from clock_timestamp() - state_change)::float8
               from pg_stat_activity
              where usename in ('konstruct_app', 'konstruct_system') and state like 'idle in transaction%'
                and state_change < clock_timestamp() - make_interval(secs => $1)",
        )
        .bind(f64::from(IDLE_SECONDS_MAX))
        .fetch_all(&mut *connection)
        .await?;
        self.session_looks += 1;
        if !disturbed {
            let hanging = idle.into_iter().map(|(pid, query, seconds)| {
                format!("session {pid} is idle in a transaction for {seconds:.1} s after `{query}`")
            });
            self.poisoned.extend(hanging);
            self.poisoned.truncate(VIOLATIONS_MAX);
        }
        let (sessions, oldest): (i64, Option<f64>) = sqlx::query_as(
            "select (select count(*) from pg_stat_activity where usename in ('konstruct_app', 'konstruct_system')),
                    (select extract(epoch from clock_timestamp() - min(i.received_at))::float8
                       from lanes l
                       join inbox i on i.tenant_id = l.tenant_id and i.conversation_id = l.conversation_id
                                   and i.seq = l.done_seq + 1
                      where l.ready_at is not null)",
        )
        .fetch_one(&mut *connection)
        .await?;
        self.queue_seconds = self.queue_seconds.max(oldest.unwrap_or_default());
        if sessions > SESSIONS_MAX {
            self.out_of_bounds.push(format!("{sessions} sessions; at most {SESSIONS_MAX} are right"));
        }
        Ok(())
    }

    pub fn see_owners(&mut self, owned: Vec<(Uuid, i64, String)>) {
        if self.owners.len() > OWNERS_MAX {
            self.owners.clear();
        }
        for (conversation, fence, owner) in owned {
            self.owner_looks += 1;
            let known = self.owners.entry((conversation, fence)).or_insert_with(|| owner.clone());
            if *known != owner {
                let conflict =
                    format!("conversation {conversation}: fence {fence} belongs to {known} and {owner}");
                self.owner_conflicts.push(conflict);
            }
            let highest = self.fences.entry(conversation).or_insert(fence);
            if fence < *highest {
                self.owner_conflicts.push(format!("conversation {conversation}: fence {highest} fell to {fence}"));
            }
            *highest = fence.max(*highest);
        }
        self.owner_conflicts.truncate(VIOLATIONS_MAX);
    }

    /// One look at the processes.
    pub fn look_at_processes(&mut self, house: &House) {
        self.process_looks += 1;
        for process in house.processes() {
            let name = process.name();
            if let Some(megabytes) = process.resident_megabytes() {
                let peak = self.megabytes.entry(name.clone()).or_default();
                if megabytes > MEMORY_MEGABYTES_MAX && *peak <= MEMORY_MEGABYTES_MAX {
                    self.out_of_bounds.push(format!("{name} uses {megabytes:.0} MB"));
                }
                *peak = peak.max(megabytes);
            }
            if let Some(files) = process.open_files() {
                let peak = self.files.entry(name.clone()).or_default();
                if files > FILES_MAX && *peak <= FILES_MAX {
                    self.out_of_bounds.push(format!("{name} has {files} files open"));
                }
                *peak = files.max(*peak);
            }
        }
    }

    /// The logs of all lives, at the end.
    pub fn read_logs(&mut self, house: &House) {
        let ours = house.processes().iter().map(|process| (process.name(), process.log_path()));
        let database = std::iter::once(("postgres".to_owned(), house.postgres.log_path()));
        for (name, path) in ours.chain(database) {
            let log = std::fs::read(path).unwrap_or_default();
            for line in String::from_utf8_lossy(&log).lines() {
                self.see_log_line(&name, line);
            }
        }
        for process in house.processes() {
            let (log, exits) = (process.log(), process.exits());
            let lives = exits.len() + usize::from(process.is_running());
            let working: usize = WORKS.iter().map(|line| log.matches(line).count()).sum();
            let mut refusals = lives.saturating_sub(working);
            for exit in exits.into_iter().filter(|exit| !exit.ordered) {
                if exit.how == "exit status: 1" && refusals > 0 {
                    refusals -= 1;
                    self.refused_starts += 1;
                } else {
                    self.crashes.push(format!("{} ended by itself: {}", process.name(), exit.how));
                }
            }
        }
    }

    pub fn see_log_line(&mut self, name: &str, line: &str) {
        self.log_lines += 1;
        if self.log_leaks.len() < VIOLATIONS_MAX && canaries(&without_ids(line)).next().is_some() {
            self.log_leaks.push(format!("the log of {name} holds a tenant's words: {}", clipped(line)));
        }
        if self.panics.len() < VIOLATIONS_MAX && line.contains("panicked") {
            self.panics.push(format!("{name}: {}", clipped(line)));
        }
    }

    pub fn recovered(&mut self, what: &'static str, seconds: f64, seconds_max: f64) {
        self.recoveries.push(Recovery { what, seconds, seconds_max });
    }
}

/// Ids are so many random letters that in a million log lines one of them spells a canary.
fn without_ids(line: &str) -> String {
    static IDS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[a-z]{2,4}_[0-9a-z]{26}\b").expect("valid"));
    IDS.replace_all(line, "").into_owned()
}

fn clipped(line: &str) -> String {
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_spells_a_canary_by_chance_is_no_leak() {
        let mut samples = Samples::default();
        samples.see_log_line("orchestrator-0", r#"{"conversation.id":"cnv_3595r57j3zx6kc123x95c3by1b"}"#);
        assert_eq!(samples.log_leaks, [""; 0]);
        samples.see_log_line("orchestrator-0", r#"{"text":"kc123x95"}"#);
        assert_eq!(samples.log_leaks.len(), 1);
    }
}

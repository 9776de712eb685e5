//! What PostgreSQL can do to us: stop, throw everybody out, fail to write, hang, run full.

use std::time::{Duration, Instant};

use proof::chaos::{House, Layout, Outcome, Role};
use shared::db::schema;
use simulators::HistoryKind;
use sqlx::{Connection, Executor};
use tokio::time::sleep;

use crate::talk::{Talk, eventually};

const BOUND: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn f07_f08_f09_f12_f14_f15_whatever_the_database_does_no_accepted_message_is_lost() {
    let layout = Layout { gateways: 2, orchestrators: 2, ..Layout::default() };
    let house = House::open(layout).await.expect("a house");
    immediate_restart(&house).await;
    everybody_thrown_out(&house).await;
    a_write_error(&house).await;
    one_statement_holds_everything(&house).await;
    a_long_transaction(&house).await;
    migrations_and_a_rolling_restart_under_load(&house).await;
    for process in house.processes() {
        assert_eq!(process.unordered_exits(), 0, "{} ended by itself: {:?}", process.name(), process.exits());
    }
}

async fn immediate_restart(house: &House) {
    let talk = Talk::begin(house, "f07").await;
    let mut refused = 0;
    let fault = async {
        sleep(Duration::from_secs(1)).await;
        house.postgres.stop_immediately().await.expect("it stops");
        let (down, began) = (Instant::now(), now_ms());
        while down.elapsed() < Duration::from_secs(2) {
            let status = talk.knocks("").await;
            assert!(status.is_none_or(|status| status == 503), "answered {status:?} without a database");
            refused += 1;
        }
        assert_eq!(accepted_between(&talk, began + 200, now_ms()), 0, "200 without a database");
        house.postgres.start().await.expect("it starts");
    };
    tokio::join!(talk.keeps_asking(40, Duration::from_millis(100)), fault);
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    let note =
        format!("{} messages answered once, {refused} requests refused with 503 meanwhile", talk.asked().len());
    Outcome::recovered("F07", "PostgreSQL is stopped immediately under load for 2 s", recovered, BOUND, note);
}

async fn everybody_thrown_out(house: &House) {
    let talk = Talk::begin(house, "f08").await;
    let mut thrown = 0;
    let fault = async {
        for _ in 0..8 {
            sleep(Duration::from_millis(500)).await;
            thrown += house.postgres.terminate_backends().await.expect("it answers");
        }
    };
    tokio::join!(talk.keeps_asking(40, Duration::from_millis(100)), fault);
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    let note = format!("{} messages answered once, {thrown} sessions ended", talk.asked().len());
    Outcome::recovered("F08", "all backends terminated every 0.5 s for 4 s", recovered, BOUND, note);
}

/// A failed fdatasync makes the server panic and start again; what it did is unclear to everybody.
async fn a_write_error(house: &House) {
    const WHAT: &str = "fdatasync fails with EIO";
    let talk = Talk::begin(house, "f09").await;
    talk.recovers().await;
    let mut strace = tokio::process::Command::new("strace");
    strace.args([
        "-f",
        "-e",
        "trace=fdatasync,fsync",
        "-e",
        "inject=fdatasync,fsync:error=EIO:when=2",
        "-o",
        "/dev/null",
    ]);
    for backend in house.postgres.backends() {
        strace.arg("-p").arg(backend.to_string());
    }
    let strace = strace.stderr(std::process::Stdio::null()).kill_on_drop(true).spawn();
    let Ok(mut strace) = strace else { return Outcome::skipped("F09", WHAT, "there is no strace here") };
    let panics =
        || std::fs::read_to_string(house.postgres.log_path()).unwrap_or_default().matches("PANIC").count();
    let load = talk.keeps_asking(30, Duration::from_millis(100));
    let hit = async {
        let begun = Instant::now();
        while panics() == 0 && begun.elapsed() < Duration::from_secs(10) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(load, hit);
    strace.kill().await.expect("strace ends");
    if panics() == 0 {
        return Outcome::skipped("F09", WHAT, "strace may not attach here");
    }
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    let note = format!("{} messages answered once, {} panics of the server", talk.asked().len(), panics());
    Outcome::recovered("F09", WHAT, recovered, BOUND, note);
}

/// Somebody's lock stops every statement of the accept path and of the claim.
async fn one_statement_holds_everything(house: &House) {
    let talk = Talk::begin(house, "f12").await;
    talk.recovers().await;
    let mut holder = house.postgres.superuser().await.expect("a session");
    holder.execute("begin; lock table lanes, inbox_keys in access exclusive mode").await.expect("it locks");
    let held = Instant::now();
    let (mut slowest, mut refused) = (Duration::ZERO, 0);
    while held.elapsed() < Duration::from_secs(4) {
        let asked = Instant::now();
        let status = talk.knocks("").await;
        slowest = slowest.max(asked.elapsed());
        assert_eq!(status, Some(503), "behind a lock");
        refused += 1;
    }
    talk.asks("CGENERAL", "The launch is on 14 March.");
    holder.execute("rollback").await.expect("it lets go");
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    assert!(slowest < Duration::from_secs(3), "Slack had given up: {slowest:?}");
    let note = format!("{refused} requests refused with 503, the slowest after {:.1} s", slowest.as_secs_f64());
    Outcome::recovered("F12", "a lock on lanes and keys holds every session for 4 s", recovered, BOUND, note);
}

async fn a_long_transaction(house: &House) {
    let talk = Talk::begin(house, "f14").await;
    let mut idle = house.postgres.superuser().await.expect("a session");
    idle.execute("begin isolation level repeatable read; select count(*) from inbox").await.expect("a snapshot");
    talk.keeps_asking(30, Duration::from_millis(100)).await;
    let waited = talk.settles().await;
    idle.close().await.expect("it ends");
    talk.all_answered().await;
    let note = format!(
        "30 messages answered once, the last {:.1} s after it was asked (scaled from 30 min)",
        waited.as_secs_f64()
    );
    Outcome::held("F14", "a transaction holds its snapshot for the whole scenario", note);
}

/// There is no older binary to run beside: the migrations run again, and the roles are replaced one by one.
async fn migrations_and_a_rolling_restart_under_load(house: &House) {
    let talk = Talk::begin(house, "f15").await;
    let owner = secrecy::SecretString::from(house.postgres.url("konstruct_owner", house.postgres.address));
    let deploy = async {
        schema::migrate(&owner).await.expect("the migrations run again");
        for role in Role::ALL {
            for process in house.of(role) {
                process.terminate(Duration::from_secs(28)).await.expect("it ends in order");
                process.start().expect("it starts");
                process.ready().await.expect("it is ready");
            }
        }
    };
    tokio::join!(talk.keeps_asking(60, Duration::from_millis(100)), deploy);
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    let note = format!("{} messages answered once, every process replaced", talk.asked().len());
    Outcome::recovered("F15", "migrations run and every role is replaced under load", recovered, BOUND, note);
}

/// Messages of people that Slack got a 2xx for between two moments.
fn accepted_between(talk: &Talk<'_>, from_ms: u64, to_ms: u64) -> usize {
    let history = talk.house.slack.history(Some(&talk.tenant.team));
    let asked: Vec<String> = talk.asked().into_iter().map(|asked| asked.ts).collect();
    let accepted = history.iter().filter(|entry| {
        entry.kind == HistoryKind::EventResult
            && entry.status.is_some_and(|status| status < 300)
            && (from_ms..to_ms).contains(&entry.at_ms)
            && entry.ts.as_ref().is_some_and(|ts| asked.contains(ts))
    });
    accepted.count()
}

fn now_ms() -> u64 {
    let now = shared::clock::Clock::system().now().unix_timestamp_nanos() / 1_000_000;
    u64::try_from(now).expect("after 1970")
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_a_full_disk_refuses_messages_and_takes_them_again_once_there_is_room() {
    const WHAT: &str = "the disk of PostgreSQL is full";
    let layout = Layout { disk_megabytes: Some(160), supervised: true, ..Layout::default() };
    let house = match House::open(layout).await {
        Ok(house) => house,
        Err(error) => return Outcome::skipped("F10", WHAT, &error.to_string()),
    };
    let talk = Talk::begin(&house, "f10").await;
    talk.recovers().await;
    house.postgres.fill_disk().expect("the disk fills");
    let large = "x".repeat(100_000);
    let mut accepted = 0;
    let begun = Instant::now();
    while talk.knocks(&large).await == Some(200) {
        accepted += 1;
        assert!(begun.elapsed() < Duration::from_secs(30), "the disk does not fill");
    }
    let mut refused = 0;
    for _ in 0..10 {
        let status = talk.knocks(&large).await;
        assert!(status.is_none_or(|status| status == 503), "answered {status:?} on a full disk");
        refused += 1;
    }
    house.postgres.empty_disk().expect("there is room again");
    house.postgres.start().await.expect("it starts if it stopped");
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    let stored = talk.count("select count(*) from inbox where tenant_id = $1 and length(raw) > 90000").await;
    assert!(stored >= accepted, "{accepted} accepted, {stored} stored");
    let note =
        format!("{accepted} large messages accepted before, {stored} stored, {refused} refused while it was full");
    Outcome::recovered("F10", WHAT, recovered, Duration::from_secs(30), note);
    eventually("every role lives", || house.processes().iter().all(|process| process.is_running())).await;
}

//! Too little of something (memory, file descriptors, disk for logs, a correct configuration), and what is not tried yet.

use std::time::{Duration, Instant};

use proof::chaos::{House, Layout, Outcome, Role};
use rustix::process::Resource;
use sqlx::Executor;
use tokio::{net::TcpStream, time::sleep};

use crate::talk::Talk;

const BOUND: Duration = Duration::from_secs(20);
const FILES_MAX: u64 = 64;

#[tokio::test(flavor = "multi_thread")]
async fn f11_f34_f35_f36_a_process_short_of_something_harms_no_message() {
    let layout = Layout { gateways: 2, orchestrators: 2, ..Layout::default() };
    let house = House::open(layout).await.expect("a house");
    bad_configurations(&house).await;
    no_room_for_logs(&house).await;
    no_file_descriptors(&house).await;
    no_memory(&house).await;
    not_tried();
}

/// Each refuses to start, says why, and the old process serves on.
async fn bad_configurations(house: &House) {
    let talk = Talk::begin(house, "f36").await;
    let new = house.gateway(1);
    new.kill().await.expect("it is gone");
    let mut owner = house.postgres.superuser().await.expect("a session");
    let other_key = "chaos-1:CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
    let cases = [
        (Some(("SLACK_SIGNING_SECRET", "")), "select 1", "SLACK_SIGNING_SECRET is missing"),
        (Some(("KONSTRUCT_MASTER_KEYS", other_key)), "select 1", "KONSTRUCT_MASTER_KEYS does not fit"),
        (Some(("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")), "select 1", "PostgreSQL can't be used"),
        (Some(("KONSTRUCT_CRASH_AT", "nowhere")), "select 1", "KONSTRUCT_CRASH_AT must be one of"),
        (None, "drop policy tenant_fence on messages", "`messages` lacks one of its two tenant policies"),
    ];
    for (variable, spoil, sentence) in cases {
        owner.execute(spoil).await.expect("it is spoilt");
        new.start_with(variable.as_slice()).expect("it starts");
        new.gone_within(Duration::from_secs(20)).await.expect("it refuses to run");
        assert!(new.log().contains(sentence), "{sentence}: {}", new.log());
        assert_eq!(talk.knocks("").await, Some(200), "the old process serves on");
    }
    let restore = "create policy tenant_fence on messages as restrictive to konstruct_app
        using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
        with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)";
    owner.execute(restore).await.expect("it is restored");
    new.start().expect("it starts");
    new.ready().await.expect("it is ready");
    talk.asks("CGENERAL", "The launch is on 14 March.");
    talk.settles().await;
    talk.all_answered().await;
    Outcome::held(
        "F36",
        "a start with a bad configuration",
        "5 of 5 refused with a sentence; the old process served on",
    );
}

/// Every line a process logs fails with "no space left".
async fn no_room_for_logs(house: &House) {
    let talk = Talk::begin(house, "f11").await;
    for role in Role::ALL {
        for process in house.of(role) {
            process.kill().await.expect("it is gone");
            process.start_logging_to("/dev/full".as_ref()).expect("it starts");
        }
    }
    for process in house.processes() {
        process.ready().await.expect("it is ready");
    }
    talk.keeps_asking(10, Duration::from_millis(100)).await;
    talk.settles().await;
    talk.all_answered().await;
    for process in house.processes() {
        process.kill().await.expect("it is gone");
    }
    house.start().await.expect("they start");
    Outcome::held("F11", "no room for logs", "10 messages answered once; the lines are lost, nothing else");
}

async fn no_file_descriptors(house: &House) {
    let talk = Talk::begin(house, "f35").await;
    let gateway = house.gateway(0);
    gateway.limit(Resource::Nofile, FILES_MAX).expect("it is limited");
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(gateway.address).await.expect("the kernel accepts"));
    }
    sleep(Duration::from_secs(1)).await;
    let (files, memory) = (gateway.open_files().expect("it runs"), gateway.resident_megabytes().expect("it runs"));
    // A few may have higher numbers than the limit allows since.
    assert!(u64::try_from(files).is_ok_and(|files| files < 2 * FILES_MAX), "{files} files open");
    drop(idle);
    let begun = Instant::now();
    let mut probes = 0;
    while talk.knocks("").await != Some(200) || {
        probes += 1;
        probes < 6
    } {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not accept again");
    }
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    let note = format!("200 idle connections against a limit of {FILES_MAX} files; {memory:.0} MB resident");
    Outcome::recovered("F35", "a gateway without file descriptors", recovered, BOUND, note);
    gateway.kill().await.expect("it is gone");
    gateway.start().expect("it starts");
    gateway.ready().await.expect("it is ready");
}

/// Too little address space to load the embedding model: an allocation fails, here or there.
async fn no_memory(house: &House) {
    let talk = Talk::begin(house, "f34").await;
    let starved = house.orchestrator(0);
    starved.kill().await.expect("it is gone");
    let before = starved.unordered_exits();
    for _ in 0..3 {
        if !starved.is_running() {
            starved.start().expect("it starts");
            starved.limit(Resource::As, 300 * 1024 * 1024).expect("it is limited");
        }
        talk.keeps_asking(10, Duration::from_millis(100)).await;
    }
    let died = starved.unordered_exits() - before;
    starved.kill().await.expect("it is gone");
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    let note = format!("{} messages answered once; the starved process ended {died} times", talk.asked().len());
    Outcome::recovered("F34", "an orchestrator with 300 MB of address space", recovered, BOUND, note);
}

/// Said aloud, so that nobody takes silence for proof.
fn not_tried() {
    Outcome::skipped("F11", "no room for media", "the product stores no media yet");
    Outcome::skipped("F17", "PostgreSQL restored from a backup", "the product has no backup and restore yet");
    Outcome::skipped("F28", "WhatsApp messages that come late", "the product has no WhatsApp yet");
    Outcome::skipped("F33", "DNS fails", "the simulated providers have numeric addresses");
}

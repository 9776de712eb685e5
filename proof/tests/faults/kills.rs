//! Processes that die, freeze, drain and come back: at named points, in the middle of a call, again and again.

use std::time::{Duration, Instant};

use proof::chaos::{Fault, House, Layout, Outcome, Role};
use shared::crash::Point;
use simulators::{FaultKind, FaultRule, HistoryKind};
use tokio::time::sleep;

use crate::talk::{Asked, PATIENCE, Talk, eventually};

/// The lease, and what a debug build on a busy machine needs to start and to think.
const TAKEN_OVER: Duration = Duration::from_secs(20);
const CRASH_WITHIN: Duration = PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn f01_f03_killed_at_every_named_point_the_message_is_answered_once() {
    let layout = Layout { orchestrators: 3, ..Layout::default() };
    let house = House::furnish(&layout).await.expect("a house");
    for role in [Role::Gateway, Role::Worker] {
        house.process(role, 0).start().expect("it starts");
        house.process(role, 0).ready().await.expect("it is ready");
    }
    let talk = Talk::begin(&house, "f03").await;
    let points = &Point::ALL[2..11];
    // In groups, so that three of them wait for the end of their lease at the same time.
    for group in points.chunks(3) {
        killed_at(&talk, group).await;
    }
    house.orchestrator(0).start().expect("it starts");
    the_worker_killed_at(&talk, Point::Embedded).await;
    the_worker_killed_at(&talk, Point::JobBegun).await;
    the_gateway_killed_at(&talk, Point::BeforeCommit).await;
    the_gateway_killed_at(&talk, Point::AfterCommit).await;
}

async fn killed_at(talk: &Talk<'_>, group: &[Point]) {
    let mut killed: Vec<(Point, Asked, Instant)> = Vec::new();
    for (index, point) in group.iter().enumerate() {
        let process = talk.house.orchestrator(index);
        process.start_with(&[("KONSTRUCT_CRASH_AT", point.name())]).expect("it starts");
        process.ready().await.expect("it is ready");
        let asked = talk.asks("CGENERAL", &format!("The launch is on {} March.", *point as u8 + 1));
        process.gone_within(CRASH_WITHIN).await.expect("it aborts");
        let how = process.exits().last().map(|exit| exit.how.clone());
        assert!(how.as_deref().is_some_and(|how| how.contains("SIGABRT")), "{point:?}: {how:?}");
        killed.push((*point, asked, Instant::now()));
    }
    let next = talk.house.orchestrator(0);
    next.start().expect("it starts");
    let mut waiting = killed;
    while !waiting.is_empty() {
        waiting.retain(|(point, asked, at)| {
            let answered = talk.replies(asked).iter().any(|reply| reply.edited);
            if answered {
                let what = format!("the orchestrator aborts at `{}`", point.name());
                Outcome::recovered("F03", &what, at.elapsed(), TAKEN_OVER, "answered once");
            }
            assert!(at.elapsed() < PATIENCE, "killed at {point:?}, it is not answered");
            !answered
        });
        sleep(Duration::from_millis(50)).await;
    }
    talk.settles().await;
    talk.all_answered().await;
    next.kill().await.expect("it is gone");
}

async fn the_worker_killed_at(talk: &Talk<'_>, point: Point) {
    let worker = talk.house.worker(0);
    worker.kill().await.expect("it is gone");
    worker.start_with(&[("KONSTRUCT_CRASH_AT", point.name())]).expect("it starts");
    worker.ready().await.expect("it is ready");
    // A memory without its vector, and a job: the stranger's name.
    talk.a_stranger_asks(&format!("U{}", point as u8), "The office is closed on Friday.");
    worker.gone_within(CRASH_WITHIN).await.expect("it aborts");
    let crashed = Instant::now();
    worker.start().expect("it starts");
    let open = "select (select count(*) from memories where tenant_id = $1 and embedding is null)
                     + (select count(*) from people where tenant_id = $1 and profile_fetched_at is null)";
    // A job that was at hand is woken again after two minutes; they pass quicker here.
    let passes =
        "update jobs set run_after = run_after - interval '3 minutes' where tenant_id = $1 and state = 'queued'";
    talk.change(passes).await;
    while talk.count(open).await > 0 {
        assert!(crashed.elapsed() < PATIENCE, "the worker's work is not done");
        sleep(Duration::from_millis(100)).await;
    }
    let what = format!("the worker aborts at `{}`", point.name());
    Outcome::recovered("F03", &what, crashed.elapsed(), TAKEN_OVER, "the work was done by its next life");
}

async fn the_gateway_killed_at(talk: &Talk<'_>, point: Point) {
    let gateway = talk.house.gateway(0);
    gateway.kill().await.expect("it is gone");
    gateway.start_with(&[("KONSTRUCT_CRASH_AT", point.name())]).expect("it starts");
    gateway.ready().await.expect("it is ready");
    let asked = talk.asks("CGENERAL", &format!("The launch is on {} April.", point as u8 + 1));
    gateway.gone_within(CRASH_WITHIN).await.expect("it aborts");
    let crashed = Instant::now();
    let stored = talk.ended().await.contains_key(&asked.ts);
    assert_eq!(stored, point == Point::AfterCommit, "at {point:?}");
    assert!(!talk.accepted().contains(&asked.ts), "answered 200 by a dead process");
    gateway.start().expect("it starts");
    gateway.ready().await.expect("it is ready");
    let ready = crashed.elapsed();
    talk.settles().await;
    talk.all_answered().await;
    let rows = talk.count("select count(*) from inbox where tenant_id = $1 and normalized is not null").await;
    assert_eq!(usize::try_from(rows).expect("a count"), talk.asked().len(), "one row for each message");
    let what = format!("the gateway aborts at `{}`", point.name());
    Outcome::recovered("F01", &what, ready, Duration::from_secs(10), "one row, one answer after Slack's next try");
}

#[tokio::test(flavor = "multi_thread")]
async fn f02_f04_f05_stopped_frozen_and_cut_off_nothing_is_lost_or_said_twice() {
    let layout = Layout { orchestrators: 2, ..Layout::default() };
    let house = House::open(layout).await.expect("a house");
    callers_hang_up(&house).await;
    house.orchestrator(1).kill().await.expect("it is gone");
    frozen_while_the_model_thinks(&house).await;
    frozen_in_the_middle_of_a_send(&house).await;
    stopped_in_long_turns(&house).await;
}

/// At every place of request and answer, several requests at a time.
async fn callers_hang_up(house: &House) {
    let talk = Talk::begin(house, "f02").await;
    talk.recovers().await;
    let (mut cut, mut accepted) = (0, 0);
    for bytes in (50..1_600).step_by(50) {
        house.balancer.set(Fault::ResetAfter(bytes));
        let statuses = futures::future::join_all((0..8).map(|_| talk.knocks(""))).await;
        cut += statuses.iter().filter(|status| status.is_none()).count();
        accepted += statuses.iter().filter(|status| **status == Some(200)).count();
    }
    house.balancer.heal();
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    let stored = talk.count("select count(*) from inbox where tenant_id = $1 and normalized is null").await;
    assert!(
        usize::try_from(stored).is_ok_and(|stored| stored >= accepted),
        "{accepted} accepted, {stored} stored"
    );
    assert!(cut > 100, "only {cut} requests were cut off");
    let note = format!(
        "{cut} requests cut off, {accepted} answered 200, {stored} stored; no session left in a transaction"
    );
    Outcome::recovered(
        "F02",
        "callers hang up at every place of a request",
        recovered,
        Duration::from_secs(5),
        note,
    );
}

/// The zombie wakes up after its lease went to somebody else, with the model's answer at hand.
async fn frozen_while_the_model_thinks(house: &House) {
    let talk = Talk::begin(house, "f05a").await;
    let (zombie, heir) = (house.orchestrator(0), house.orchestrator(1));
    house.model.faults().add(FaultRule::once("completions", FaultKind::DelayMs(1_500)));
    let before = house.model.requests().len();
    let asked = talk.asks("CGENERAL", "The launch is on 14 March.");
    eventually("the placeholder is shown", || !talk.replies(&asked).is_empty()).await;
    zombie.freeze().expect("it freezes");
    let frozen = Instant::now();
    heir.start().expect("it starts");
    eventually("another process answers", || talk.replies(&asked).iter().any(|reply| reply.edited)).await;
    let taken_over = frozen.elapsed();
    let shown = sends(&talk);
    zombie.thaw().expect("it thaws");
    let fenced = || zombie.log().contains("The turn was dropped");
    eventually("the zombie notices", fenced).await;
    talk.settles().await;
    talk.all_answered().await;
    assert_eq!(sends(&talk), shown, "the zombie sent something");
    assert!(house.model.requests().len() > before, "the model was asked");
    let note = "the woken process was fenced and sent nothing";
    Outcome::recovered("F05", "frozen past its lease while the model thinks", taken_over, TAKEN_OVER, note);
    heir.kill().await.expect("it is gone");
}

async fn frozen_in_the_middle_of_a_send(house: &House) {
    let talk = Talk::begin(house, "f05b").await;
    let (zombie, heir) = (house.orchestrator(0), house.orchestrator(1));
    // Slack shows the message at once and answers when the caller is frozen.
    house.slack.faults().add(FaultRule::once("chat.postMessage", FaultKind::DeliverThenTimeout(4_000)));
    let asked = talk.asks("CGENERAL", "The launch is on 14 March.");
    eventually("the placeholder is shown", || !talk.replies(&asked).is_empty()).await;
    zombie.freeze().expect("it freezes");
    let frozen = Instant::now();
    heir.start().expect("it starts");
    eventually("another process answers", || talk.replies(&asked).iter().any(|reply| reply.edited)).await;
    let taken_over = frozen.elapsed();
    zombie.thaw().expect("it thaws");
    talk.settles().await;
    talk.all_answered().await;
    assert_eq!(talk.replies(&asked).len(), 1, "one message, found by its outbox id");
    let note = "no duplicate; the known limit allows one";
    Outcome::recovered("F05", "frozen past its lease inside the call to Slack", taken_over, TAKEN_OVER, note);
    heir.kill().await.expect("it is gone");
}

/// SIGTERM with two turns at hand: one ends while the process drains, one is handed over.
async fn stopped_in_long_turns(house: &House) {
    let talk = Talk::begin(house, "f04").await;
    let (old, new) = (house.orchestrator(0), house.orchestrator(1));
    let limits = |channel, seconds| {
        let busy = FaultKind::Status { code: 429, retry_after: Some(seconds) };
        house.slack.faults().add(FaultRule::once("chat.update", busy).target(channel));
    };
    limits("CSHORT", 6);
    limits("CLONG", 60);
    let short = talk.asks("CSHORT", "The launch is on 14 March.");
    let long = talk.asks("CLONG", "The launch is on 15 March.");
    let is_answered = |asked| talk.replies(asked).iter().any(|reply| reply.edited);
    eventually("both turns wait to send", || refusals(&talk) == 2).await;
    new.start().expect("it starts");
    new.ready().await.expect("it is ready");
    let drained = old.terminate(Duration::from_secs(30)).await.expect("it drains and ends");
    assert!(is_answered(&short), "the short turn ends before the process");
    assert!(!is_answered(&long), "the long one does not");
    let taken_over = talk.settles().await;
    talk.all_answered().await;
    assert!(old.exits().last().is_some_and(|exit| exit.how.contains("status: 0")), "{:?}", old.exits());
    let note = format!("drained in {:.1} s; one turn ended before, one was handed over", drained.as_secs_f64(),);
    Outcome::recovered("F04", "SIGTERM with long turns, a second process beside", taken_over, TAKEN_OVER, note);
}

fn refusals(talk: &Talk<'_>) -> usize {
    let history = talk.house.slack.history(Some(&talk.tenant.team));
    history.iter().filter(|entry| entry.kind == HistoryKind::Refused).count()
}

/// Everything the agent did that anyone could have seen.
fn sends(talk: &Talk<'_>) -> usize {
    let history = talk.house.slack.history(Some(&talk.tenant.team));
    let sent = |kind| matches!(kind, HistoryKind::Post | HistoryKind::Update);
    history.iter().filter(|entry| sent(entry.kind) && entry.method.is_some()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_a_message_that_kills_its_process_is_given_up_and_others_are_served() {
    let poison = ("KONSTRUCT_CRASH_ON_TEXT".to_owned(), "XYZZY".to_owned());
    let layout = Layout { orchestrators: 2, supervised: true, variables: vec![poison], ..Layout::default() };
    let house = House::open(layout).await.expect("a house");
    let (bad, good) = (Talk::begin(&house, "f06a").await, Talk::begin(&house, "f06b").await);
    let asked = bad.asks("CGENERAL", "XYZZY is the word.");
    let begun = Instant::now();
    let given_up = async {
        eventually("an apology is shown", || {
            bad.replies(&asked).iter().any(|reply| reply.text.starts_with("Sorry"))
        })
        .await;
        begun.elapsed()
    };
    let (after, ()) = tokio::join!(given_up, good.keeps_asking(15, Duration::from_secs(2)));
    bad.settles().await;
    good.settles().await;
    good.all_answered().await;
    let ended = bad.all_ended().await;
    assert_eq!(ended[&asked.ts].state, "dead", "{ended:?}");
    assert_eq!(bad.replies(&asked).len(), 1, "one apology");
    let crashes: usize = house.of(Role::Orchestrator).map(|process| process.unordered_exits()).sum();
    let note =
        format!("dead after {crashes} crashes with one apology; 15 messages of another tenant answered meanwhile");
    Outcome::recovered(
        "F06",
        "a message aborts every process that reads it",
        after,
        Duration::from_secs(60),
        note,
    );
}

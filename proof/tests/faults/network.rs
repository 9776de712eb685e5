//! Lines that are slow, silent or half dead, a Redis that comes and goes, and clocks that disagree.

use std::time::{Duration, Instant};

use proof::chaos::{Fault, House, Layout, Outcome, Role, Service};
use shared::{clock::Clock, embedding::Embedder};
use simulators::Raw;
use tokio::{net::TcpListener, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::talk::{Talk, eventually};

const BOUND: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn f13_f16_f32_bad_lines_a_lost_redis_and_wrong_clocks_cost_time_and_no_message() {
    let layout = Layout { orchestrators: 2, ..Layout::default() };
    let house = House::open(layout).await.expect("a house");
    a_slow_database(&house).await;
    a_silent_database(&house).await;
    sessions_that_are_dead_and_do_not_know(&house).await;
    redis_comes_and_goes(&house).await;
    wrong_clocks(&house).await;
    for process in house.processes() {
        assert_eq!(process.unordered_exits(), 0, "{} ended by itself: {:?}", process.name(), process.exits());
    }
}

async fn a_slow_database(house: &House) {
    let talk = Talk::begin(house, "f13a").await;
    talk.recovers().await;
    house.lines_to(Service::Postgres).for_each(|line| line.set(Fault::Delay(Duration::from_millis(500))));
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let asked = Instant::now();
        let status = talk.knocks("").await;
        assert!(matches!(status, Some(200 | 503)), "{status:?}");
        slowest = slowest.max(asked.elapsed());
    }
    talk.asks("CGENERAL", "The launch is on 14 March.");
    talk.settles().await;
    house.lines_to(Service::Postgres).for_each(proof::chaos::Proxy::heal);
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    assert!(slowest < Duration::from_secs(3), "Slack had given up: {slowest:?}");
    let note = format!("answered meanwhile; the slowest 200 or 503 took {:.1} s", slowest.as_secs_f64());
    Outcome::recovered("F13", "every round trip to PostgreSQL takes 500 ms longer", recovered, BOUND, note);
}

async fn a_silent_database(house: &House) {
    let talk = Talk::begin(house, "f13b").await;
    talk.recovers().await;
    let fault = async {
        sleep(Duration::from_millis(500)).await;
        house.lines_to(Service::Postgres).for_each(|line| line.set(Fault::Blackhole));
        let silent = Instant::now();
        let mut slowest = Duration::ZERO;
        while silent.elapsed() < Duration::from_secs(4) {
            let asked = Instant::now();
            assert_eq!(talk.knocks("").await, Some(503), "nothing can be stored");
            slowest = slowest.max(asked.elapsed());
        }
        house.lines_to(Service::Postgres).for_each(proof::chaos::Proxy::heal);
        slowest
    };
    let ((), slowest) = tokio::join!(talk.keeps_asking(10, Duration::from_millis(100)), fault);
    let recovered = talk.recovers().await;
    talk.settles().await;
    talk.all_answered().await;
    assert!(slowest < Duration::from_secs(3), "Slack had given up: {slowest:?}");
    let note = format!("503 meanwhile, the slowest after {:.1} s", slowest.as_secs_f64());
    Outcome::recovered("F13", "PostgreSQL is silent for 4 s (black hole)", recovered, BOUND, note);
}

/// As after a failover: the old sessions never answer again, new ones work at once.
async fn sessions_that_are_dead_and_do_not_know(house: &House) {
    let talk = Talk::begin(house, "f13c").await;
    talk.recovers().await;
    talk.keeps_asking(5, Duration::from_millis(100)).await;
    for line in house.lines_to(Service::Postgres) {
        line.set(Fault::Blackhole);
        line.set_for_new(Fault::None);
    }
    talk.keeps_asking(5, Duration::from_millis(100)).await;
    let recovered = talk.recovers().await;
    talk.settles().await;
    // Let the old sessions go: on the server they hold what they held.
    house.lines_to(Service::Postgres).for_each(proof::chaos::Proxy::cut);
    house.lines_to(Service::Postgres).for_each(proof::chaos::Proxy::heal);
    talk.all_answered().await;
    let note = "every old session dead without a word, new ones work: as after a failover";
    Outcome::recovered("F13", "half-open sessions to PostgreSQL", recovered, Duration::from_secs(30), note);
}

async fn redis_comes_and_goes(house: &House) {
    for (what, slowest) in [
        ("Redis is killed", {
            house.redis.kill().await.expect("it is gone");
            slowest_of_five(house, "f16a").await
        }),
        ("Redis is started, and FLUSHALL", {
            house.redis.start().await.expect("it starts");
            house.redis.flush().await.expect("it forgets");
            slowest_of_five(house, "f16b").await
        }),
        ("Redis hangs", {
            house.redis.freeze().expect("it freezes");
            slowest_of_five(house, "f16c").await
        }),
        ("the line to Redis is cut", {
            house.redis.thaw().expect("it thaws");
            house.lines_to(Service::Redis).for_each(|line| line.set(Fault::Refuse));
            slowest_of_five(house, "f16d").await
        }),
    ] {
        let note = "5 messages answered once each; the time is the slowest answer's";
        Outcome::recovered("F16", what, slowest, Duration::from_secs(10), note);
    }
    house.lines_to(Service::Redis).for_each(proof::chaos::Proxy::heal);
}

async fn slowest_of_five(house: &House, name: &str) -> Duration {
    let talk = Talk::begin(house, name).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let asked = talk.asks("CGENERAL", "The launch is on 14 March.");
        let begun = Instant::now();
        eventually("an answer", || talk.replies(&asked).iter().any(|reply| reply.edited)).await;
        slowest = slowest.max(begun.elapsed());
    }
    talk.settles().await;
    talk.all_answered().await;
    slowest
}

/// A gateway and an orchestrator in this process, whose clocks are ten minutes off.
async fn wrong_clocks(house: &House) {
    let stop = CancellationToken::new();
    let talk = Talk::begin(house, "f32").await;
    for minutes in [10, -10] {
        let clock = Clock::adjustable();
        clock.advance(time::Duration::minutes(minutes));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/webhooks/slack/events", listener.local_addr().expect("an address"));
        let gateway = gateway::Gateway::new(&house.config, &house.db, clock.clone()).await.expect("a gateway");
        tokio::spawn(gateway::serve(listener, gateway::router(gateway), stop.clone().cancelled_owned()));
        let raw = Raw { body: serde_json::json!({}), signed: true, url: Some(url), ..Raw::default() };
        assert_eq!(house.slack.send_raw(raw).await.status, Some(401), "a signature {minutes} minutes off");
        let (config, db, stopped) = (house.config.clone(), house.db.clone(), stop.clone().cancelled_owned());
        let embedder = Embedder::new(&config);
        tokio::spawn(async move { orchestrator::run(&config, &db, &embedder, clock, stopped).await });
    }
    house.process(Role::Orchestrator, 0).kill().await.expect("it is gone");
    talk.keeps_asking(30, Duration::from_millis(100)).await;
    talk.settles().await;
    talk.all_answered().await;
    stop.cancel();
    let note = "signatures refused by the gateways that are off; 30 messages answered once by three orchestrators, leases by PostgreSQL's clock";
    Outcome::held("F32", "clocks ten minutes ahead and behind", note);
    house.process(Role::Orchestrator, 0).start().expect("it starts");
}

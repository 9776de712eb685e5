//! Background jobs: they exist only if their transaction was committed, run once, and end in a state that is on record.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use shared::{
    db::{
        TenantDb,
        audit::Actor,
        suspensions::{self, Waiting},
        system,
    },
    ids::{JobId, PersonId},
    jobs::Job,
    queue::{self, ATTEMPTS_MAX, Handler, JobError},
};
use sqlx::PgConnection;
use tokio::sync::oneshot;

use crate::stage::{Firm, Stage, run};

/// What the handler was asked to do, by person, and what it answers.
#[derive(Clone, Default)]
struct Desk {
    calls: Arc<Mutex<HashMap<PersonId, usize>>>,
}

impl Desk {
    fn handler(&self, answer: fn(usize) -> Result<(), JobError>) -> Handler {
        let calls = self.calls.clone();
        Arc::new(move |_: TenantDb, job: Job| {
            let calls = calls.clone();
            Box::pin(async move {
                let Job::FetchPersonProfile { person } = job else { return Ok(()) };
                let call = {
                    let mut calls = calls.lock().expect("no panic while counting");
                    let count = calls.entry(person).or_default();
                    *count += 1;
                    *count
                };
                tokio::time::sleep(Duration::from_millis(5)).await;
                answer(call)
            })
        })
    }

    fn calls_of(&self, person: PersonId) -> usize {
        self.calls.lock().expect("no panic while counting").get(&person).copied().unwrap_or_default()
    }
}

async fn enqueue(db: &TenantDb, person: PersonId, commit: bool) -> JobId {
    let mut tx = db.begin().await.expect("a transaction begins");
    let job = queue::enqueue(&mut tx, &Job::FetchPersonProfile { person }).await.expect("a job is stored");
    if commit {
        tx.commit().await.expect("the job is stored");
    }
    job
}

async fn ended(firm: &Firm) -> i64 {
    firm.count("select count(*) from jobs where state <> 'queued'").await
}

/// Runs the queue under these names until so many jobs have ended. Pauses of the back-off pass at once.
async fn run_until_ended(stage: &Stage, firm: &Firm, names: &[&str], handler: Handler, wanted: i64) {
    let mut owner = stage.test.owner().await;
    run_until(stage, names, handler, async || {
        hurry(&mut owner).await;
        ended(firm).await >= wanted
    })
    .await;
}

async fn run_until(stage: &Stage, names: &[&str], handler: Handler, mut met: impl AsyncFnMut() -> bool) {
    let (mut stops, mut runners) = (Vec::new(), Vec::new());
    for name in names {
        let (stop, stopped) = oneshot::channel::<()>();
        stops.push(stop);
        runners.push(queue::run(stage.db(), name, handler.clone(), async move {
            // Dropping the sender stops the runner, too.
            let _ = stopped.await;
        }));
    }
    let driver = async move {
        let mut waits = 0;
        while !met().await {
            waits += 1;
            assert!(waits < 900, "the jobs do not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Whatever else would still run has the time to show itself.
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(stops);
    };
    tokio::join!(driver, futures::future::join_all(runners));
}

/// Makes every pause of the back-off pass at once, and tells the runners to look.
async fn hurry(owner: &mut PgConnection) {
    let woken = run(
        owner,
        "update apalis.jobs set run_at = now() - interval '1 second' where status = 'Pending' and run_at > now()",
    )
    .await;
    if woken > 0 {
        let look = "select pg_notify('apalis::job::insert', json_build_object('job_type', job_type, 'id', id, 'run_at', run_at)::text)
                      from apalis.jobs where status = 'Pending'";
        run(owner, look).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_rolled_back_transaction_never_runs() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let (never, always) = (PersonId::new(), PersonId::new());
    enqueue(&acme.db, never, false).await;
    enqueue(&acme.db, always, true).await;
    let desk = Desk::default();
    run_until_ended(&stage, &acme, &["runner"], desk.handler(|_| Ok(())), 1).await;
    assert_eq!((desk.calls_of(never), desk.calls_of(always)), (0, 1));
    assert_eq!(acme.texts("select state || ' ' || attempts from jobs").await, ["done 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runners_with_one_prefix_share_the_jobs_and_run_each_once() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let people: Vec<PersonId> = (0..30).map(|_| PersonId::new()).collect();
    for person in &people {
        enqueue(&acme.db, *person, true).await;
    }
    let desk = Desk::default();
    let names = ["worker-host-1", "worker-host-2"];
    run_until_ended(&stage, &acme, &names, desk.handler(|_| Ok(())), 30).await;
    for person in people {
        assert_eq!(desk.calls_of(person), 1);
    }
    assert_eq!(acme.count("select count(*) from jobs where state = 'done' and attempts = 1").await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_job_is_tried_again_and_then_given_up() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let (hopeless, slow) = (PersonId::new(), PersonId::new());
    enqueue(&acme.db, hopeless, true).await;
    let desk = Desk::default();
    let handler = desk.handler(|_| Err(JobError::Retry("not today".into())));
    run_until_ended(&stage, &acme, &["runner"], handler, 1).await;
    assert_eq!(desk.calls_of(hopeless), ATTEMPTS_MAX as usize);
    let row = "select state || ' ' || attempts || ' ' || error || ' ' || (finished_at is not null) from jobs";
    assert_eq!(acme.texts(row).await, [format!("dead {ATTEMPTS_MAX} not today true")]);
    let wake_ups: i64 = sqlx::query_scalar("select count(*) from apalis.jobs")
        .fetch_one(&mut stage.test.owner().await)
        .await
        .unwrap();
    assert_eq!(wake_ups, i64::from(ATTEMPTS_MAX), "each attempt was a wake-up of its own");

    enqueue(&acme.db, slow, true).await;
    let handler = desk.handler(|call| if call < 3 { Err(JobError::Retry("soon".into())) } else { Ok(()) });
    run_until_ended(&stage, &acme, &["runner again"], handler, 2).await;
    assert_eq!(desk.calls_of(slow), 3);
    assert_eq!(acme.count("select count(*) from jobs where state = 'done' and attempts = 3").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pause_before_another_attempt_doubles() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    for (attempts_before, pause) in [(0, 4), (1, 8), (4, 64)] {
        enqueue(&acme.db, PersonId::new(), true).await;
        let mut tx = acme.db.begin().await.unwrap();
        sqlx::query("update jobs set attempts = $2 where tenant_id = $1 and error is null")
            .bind(acme.tenant)
            .bind(attempts_before)
            .execute(tx.conn())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let handler = Desk::default().handler(|_| Err(JobError::Retry("not now".into())));
        let failed = "select count(*) from jobs where error is not null";
        let before = acme.count(failed).await;
        run_until(&stage, &["runner"], handler, async || acme.count(failed).await > before).await;
        let left = format!(
            "select extract(epoch from run_after - clock_timestamp())::bigint from jobs where attempts = {}",
            attempts_before + 1
        );
        let left = acme.count(&left).await;
        assert!((pause - 2..=pause).contains(&left), "{left} of {pause} seconds are left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_is_asked_to_stop_ends_what_it_began_and_leaves_the_rest() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    for _ in 0..12 {
        enqueue(&acme.db, PersonId::new(), true).await;
    }
    let begun = Arc::new(tokio::sync::Notify::new());
    let telling = begun.clone();
    let handler: Handler = Arc::new(move |_, _| {
        let begun = telling.clone();
        Box::pin(async move {
            begun.notify_one();
            tokio::time::sleep(Duration::from_millis(700)).await;
            Ok(())
        })
    });
    let stop = async move { begun.notified().await };
    let stopped = tokio::time::timeout(Duration::from_secs(15), queue::run(stage.db(), "runner", handler, stop));
    stopped.await.expect("the runner ends");
    assert_eq!(acme.count("select count(*) from jobs where state = 'queued' and attempts > 0").await, 0);
    let done = acme.count("select count(*) from jobs where state = 'done'").await;
    // The next one may have been fetched already when the word came.
    assert!((1..=3).contains(&done), "{done} jobs were done");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_succeed_is_given_up_at_once() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    enqueue(&acme.db, PersonId::new(), true).await;
    let handler = Desk::default().handler(|_| Err(JobError::Fail("no such person".into())));
    run_until_ended(&stage, &acme, &["runner"], handler, 1).await;
    assert_eq!(
        acme.texts("select state || ' ' || attempts || ' ' || error from jobs").await,
        ["dead 1 no such person"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_wake_up_was_lost_is_found_and_runs_once() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let person = PersonId::new();
    let job = enqueue(&acme.db, person, true).await;
    let mut owner = stage.test.owner().await;
    run(&mut owner, "delete from apalis.jobs").await;
    assert_eq!(queue::sweep(stage.db()).await.unwrap(), 0, "not overdue yet");
    let mut tx = acme.db.begin().await.unwrap();
    sqlx::query("update jobs set run_after = now() - interval '2 minutes' where tenant_id = $1")
        .bind(acme.tenant)
        .execute(tx.conn())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(system::overdue_jobs(&stage.db().system()).await.unwrap(), [(acme.tenant, job)]);
    assert_eq!(queue::sweep(stage.db()).await.unwrap(), 1);
    assert_eq!(queue::sweep(stage.db()).await.unwrap(), 0, "woken once");
    let desk = Desk::default();
    run_until_ended(&stage, &acme, &["runner"], desk.handler(|_| Ok(())), 1).await;
    assert_eq!(desk.calls_of(person), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_does_not_stop_the_runner_and_its_job_is_tried_again() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let (explosive, calm) = (PersonId::new(), PersonId::new());
    enqueue(&acme.db, explosive, true).await;
    let desk = Desk::default();
    let handler = desk.handler(|call| if call == 1 { panic!("the handler explodes") } else { Ok(()) });
    // A second runner's job shows that the first one is still at work.
    let later = async {
        while desk.calls_of(explosive) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        enqueue(&acme.db, calm, true).await;
    };
    let first_call_of_calm_explodes_too = run_until_ended(&stage, &acme, &["runner"], handler, 2);
    let overdue = async {
        while desk.calls_of(calm) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // A crashed attempt holds its job for a minute, and is overdue a minute later.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut tx = acme.db.begin().await.unwrap();
        sqlx::query("update jobs set run_after = now() - interval '2 minutes' where tenant_id = $1")
            .bind(acme.tenant)
            .execute(tx.conn())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(queue::sweep(stage.db()).await.unwrap(), 2);
    };
    tokio::join!(first_call_of_calm_explodes_too, async {
        later.await;
        overdue.await;
    });
    assert_eq!((desk.calls_of(explosive), desk.calls_of(calm)), (2, 2));
    assert_eq!(acme.count("select count(*) from jobs where state = 'done' and attempts = 2").await, 2);
}

#[tokio::test]
async fn attack_27_a_listener_hears_opaque_ids_only() {
    let stage = Stage::new().await;
    let (acme, bolt) = (stage.firm("acme").await, stage.firm("bolt").await);
    use secrecy::ExposeSecret;
    let mut listener =
        sqlx::postgres::PgListener::connect(stage.test.config.database_url.expose_secret()).await.unwrap();
    listener.listen("apalis::job::insert").await.unwrap();
    let person = PersonId::new();
    let job = enqueue(&bolt.db, person, true).await;
    let heard = tokio::time::timeout(Duration::from_secs(5), listener.recv()).await.unwrap().unwrap();
    for secret in
        [bolt.tenant.to_string(), bolt.tenant.uuid().to_string(), person.uuid().to_string(), "fetch_person".into()]
    {
        assert!(!heard.payload().contains(&secret), "{} holds {secret}", heard.payload());
    }
    assert!(!heard.payload().contains(&job.uuid().to_string()));
    assert_eq!(acme.count("select count(*) from jobs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_said_waits_while_its_tenant_is_suspended_and_what_is_silent_goes_on() {
    let stage = Stage::new().await;
    let system = stage.db().system();
    for (waiting, name, end) in [(Waiting::Answer, "acme", "done 1"), (Waiting::Drop, "bolt", "discarded 1")] {
        let firm = stage.firm(name).await;
        suspensions::suspend(&system, &Actor::System, firm.tenant, "An invoice is open").await.expect("suspended");
        let person = PersonId::new();
        let mut tx = firm.db.begin().await.expect("a transaction begins");
        queue::enqueue(&mut tx, &Job::PublishHome { person }).await.expect("a job is stored");
        tx.commit().await.expect("the job is stored");
        enqueue(&firm.db, person, true).await;
        let (said, count) =
            (Arc::new(Mutex::new(0)), "select kind || ' ' || state || ' ' || attempts from jobs order by kind");
        let counted = said.clone();
        let handler: Handler = Arc::new(move |_: TenantDb, job: Job| {
            if matches!(job, Job::PublishHome { .. }) {
                *counted.lock().expect("no panic while counting") += 1;
            }
            Box::pin(async { Ok(()) })
        });
        let mut looks = 0;
        let mut owner = stage.test.owner().await;
        run_until(&stage, &["a runner"], handler.clone(), async || {
            hurry(&mut owner).await;
            looks += 1;
            looks > 20 && ended(&firm).await == 1
        })
        .await;
        // However often it was looked at, no attempt was used up.
        assert_eq!(firm.texts(count).await, ["fetch_person_profile done 1", "publish_home queued 0"]);
        assert_eq!(*said.lock().expect("no panic while counting"), 0);
        suspensions::lift(&system, &Actor::System, firm.tenant, waiting).await.expect("it may go on");
        run_until_ended(&stage, &firm, &["another"], handler, 2).await;
        assert_eq!(firm.texts(count).await, ["fetch_person_profile done 1".into(), format!("publish_home {end}")]);
        assert_eq!(*said.lock().expect("no panic while counting"), i32::from(waiting == Waiting::Answer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_falls_due_after_a_suspension_is_no_part_of_what_it_drops() {
    let stage = Stage::new().await;
    let (system, firm) = (stage.db().system(), stage.firm("acme").await);
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    queue::enqueue(&mut tx, &Job::PublishHome { person: PersonId::new() }).await.expect("a job is stored");
    tx.commit().await.expect("the job is stored");
    // Nobody looks at the job meanwhile.
    suspensions::suspend(&system, &Actor::System, firm.tenant, "An invoice is open").await.expect("suspended");
    suspensions::lift(&system, &Actor::System, firm.tenant, Waiting::Drop).await.expect("it may go on");
    let handler: Handler = Arc::new(|_: TenantDb, _: Job| Box::pin(async { Ok(()) }));
    run_until_ended(&stage, &firm, &["a runner"], handler, 1).await;
    assert_eq!(firm.texts("select kind || ' ' || state from jobs").await, ["publish_home done"]);
}

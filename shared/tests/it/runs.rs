//! A run from its first look to its end, with every row it leaves behind; and what a second worker finds after a crash.

use serde_json::{Value, json};
use shared::{
    db::{
        lanes::{self, Lease, Round},
        messages::{self, Place},
        outbox::{self, Operation, Part},
        runs::{self, Answer, End, Finish, Opening, Start},
        usage::{CallStatus, ModelCall},
    },
    ids::{OutboxId, RunId},
    message::{ChannelKind, InboundMessage},
};
use sqlx::Row;

use crate::stage::{Firm, Stage, run};

pub const REQUEST_HASH: [u8; 32] = [7; 32];

/// A run that has begun: its placeholder is about to be sent.
pub struct Begun {
    pub lease: Lease,
    pub run: RunId,
    pub placeholder: OutboxId,
    pub opening: Opening,
}

pub async fn claimed(stage: &Stage) -> Lease {
    let lease = lanes::claim(&stage.db().system(), "worker", Round::default()).await.expect("a claim is answered");
    lease.expect("a lane is ready")
}

/// Claims, opens, stores what was said and starts a run over all of it, as a turn does.
pub async fn begin(stage: &Stage, firm: &Firm) -> Begun {
    let lease = claimed(stage).await;
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    let opening = runs::open(&mut tx, &lease).await.expect("the lease holds");
    let said: Vec<InboundMessage> = opening.pending.iter().map(|pending| pending.message.clone()).collect();
    let place = Place {
        conversation: lease.conversation,
        connection: opening.connection,
        kind: ChannelKind::Public,
        messages: &said,
    };
    messages::store(&mut tx, &place).await.expect("what was said is stored");
    let (run, placeholder) = (RunId::new(), OutboxId::new());
    let start = Start {
        run,
        agent: firm.agent,
        from_seq: opening.pending.first().expect("something waits").seq,
        to_seq: opening.pending.last().expect("something waits").seq,
        trace: Some("00-trace"),
        placeholder: Some((placeholder, "…")),
    };
    runs::start(&mut tx, &lease, &start).await.expect("the run starts");
    tx.commit().await.expect("the start is stored");
    Begun { lease, run, placeholder, opening }
}

pub fn call(model: &str) -> ModelCall {
    ModelCall { input_tokens: 1_000, output_tokens: 50, estimated: false, ..ModelCall::new(model, CallStatus::Ok) }
}

pub fn parts(target: &str) -> Vec<Part> {
    vec![
        Part::new("answer", 0, Operation::Update, "First half".into(), Some(target.into())),
        Part::new("answer", 1, Operation::Post, "Second half".into(), None),
    ]
}

/// Records an answer in a transaction of its own.
pub async fn record(
    firm: &Firm,
    begun: &Begun,
    result: Option<Value>,
    calls: &[ModelCall],
    parts: &[Part],
) -> bool {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let answer = Answer {
        run: begun.run,
        asker: None,
        placeholder: Some("111.1"),
        request_hash: &REQUEST_HASH,
        result,
        calls,
        basis: None,
        parts,
        kind: "answer",
    };
    let held = runs::record_answer(&mut tx, &begun.lease, &answer).await.expect("an answer is recorded");
    tx.commit().await.expect("the record is stored");
    held
}

#[tokio::test]
async fn a_run_leaves_every_row_in_its_end_state() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("100.1", "C1", "Where is my order?")).await;
    stage.hear(acme.says("100.2", "C1", "It is number 17.")).await;
    let begun = begin(&stage, &acme).await;
    let opening = &begun.opening;
    assert_eq!(opening.tenant_name, "acme");
    assert_eq!((opening.pending.len(), opening.last_seq, opening.by_human), (2, 2, false));
    assert_eq!(opening.agent.as_ref().map(|agent| agent.id), Some(acme.agent));
    assert!(opening.connection_active && !opening.takes_part && opening.interrupted.is_none());
    assert_eq!(acme.texts("select state from outbox").await, ["sending"], "written before anything is sent");

    let (priced, unpriced) = (call("simulated-1"), call("model-without-a-price"));
    let parts = parts("111.1");
    assert!(record(&acme, &begun, Some(json!({ "text": "…" })), &[priced, unpriced], &parts).await);
    let costs = "select model || ' ' || coalesce(cost_micro_usd::text, 'unknown') from usage order by model";
    assert_eq!(acme.texts(costs).await, ["model-without-a-price unknown", "simulated-1 0"]);
    let outbox =
        "select kind || part || ' ' || state || ' ' || coalesce(external_id, '-') from outbox order by kind, part";
    assert_eq!(acme.texts(outbox).await, ["answer0 sending -", "answer1 sending -", "placeholder0 sent 111.1"]);

    let sent = [
        (parts[0].id, "sent", Some("111.1".to_owned()), None),
        (parts[1].id, "unknown", None, Some("no clear answer".to_owned())),
    ];
    let finish = Finish { run: Some(begun.run), to_seq: 2, end: End::Replied, reason: None, sent: &sent };
    assert!(!runs::finish_alone(&acme.db, &begun.lease, &finish).await.unwrap(), "nothing arrived meanwhile");
    assert_eq!(acme.texts(outbox).await, ["answer0 sent 111.1", "answer1 unknown -", "placeholder0 sent 111.1"]);
    assert_eq!(acme.texts("select state || ' ' || (finished_at is not null) from runs").await, ["done true"]);
    let inbox = "select state || ' ' || (run_id is not null) || ' ' || (ended_at is not null) from inbox";
    assert_eq!(acme.texts(inbox).await, ["replied true true", "replied true true"]);
    let said = "select author_kind || ': ' || body from messages order by sent_at, message_id";
    assert_eq!(
        acme.texts(said).await,
        ["person: Where is my order?", "person: It is number 17.", "agent: First half"],
        "only what is certainly visible became a message"
    );
    assert_eq!(acme.count("select count(*) from lanes where ready_at is null and owner is null").await, 1);
    assert_eq!(acme.count("select done_seq from lanes").await, 2);
}

#[tokio::test]
async fn after_a_crash_the_paid_answer_is_used_and_nothing_is_charged_twice() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("100.1", "C1", "Hello")).await;
    let begun = begin(&stage, &acme).await;
    let (calls, paid) = ([call("simulated-1")], json!({ "text": "Paid for" }));
    let parts = parts("111.1");
    assert!(record(&acme, &begun, Some(paid.clone()), &calls, &parts).await);
    stage.hear(acme.says("100.2", "C1", "Too late for this run")).await;

    // The worker dies here; another one takes the lane over.
    run(&mut stage.system().await, "update lanes set ready_at = clock_timestamp() - interval '1 second'").await;
    let lease = claimed(&stage).await;
    let mut tx = acme.db.begin().await.unwrap();
    let opening = runs::open(&mut tx, &lease).await.unwrap();
    let interrupted = opening.interrupted.expect("the run is still open");
    assert_eq!((interrupted.run, interrupted.to_seq), (begun.run, 1));
    assert_eq!(opening.pending.len(), 1, "a run keeps the messages it began with");
    assert_eq!(opening.last_seq, 2);
    let progress = outbox::progress(&mut tx, begun.run).await.unwrap();
    assert_eq!(progress.answer, Some(paid.clone()));
    let kinds: Vec<(&str, i32)> = progress.parts.iter().map(|part| (part.kind.as_str(), part.part)).collect();
    assert_eq!(kinds, [("placeholder", 0), ("answer", 0), ("answer", 1)]);
    assert_eq!(progress.parts[1].target.as_deref(), Some("111.1"));
    outbox::count_attempt(&mut tx, &lease, progress.parts[1].id).await.unwrap();
    tx.commit().await.unwrap();

    // The same call and a second answer change nothing: the first ones stand.
    let resumed = Begun { lease, ..begun };
    let others = self::parts("222.2");
    assert!(record(&acme, &resumed, Some(json!({ "text": "Another" })), &calls, &others).await);
    assert_eq!(acme.count("select count(*) from usage").await, 1);
    assert_eq!(acme.count("select count(*) from outbox").await, 3);
    assert_eq!(acme.count("select attempts::bigint from outbox where kind = 'answer' and part = 0").await, 2);
    let rows = acme.rows("select result, request_hash from run_steps").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<Value, _>("result"), paid);
    assert_eq!(rows[0].get::<Vec<u8>, _>("request_hash"), REQUEST_HASH);
}

#[tokio::test]
async fn each_end_is_written_into_the_inbox_and_rows_that_ended_earlier_keep_theirs() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    for (end, state, run_state) in [
        (End::Replied, "replied", "done"),
        (End::Dead, "dead", "failed"),
        (End::Held, "held", "dropped"),
        (End::Ignored, "ignored", "dropped"),
    ] {
        stage.hear(acme.says(state, state, "Hello")).await;
        let begun = begin(&stage, &acme).await;
        let finish = Finish { run: Some(begun.run), to_seq: 1, end, reason: Some("because"), sent: &[] };
        let mut tx = acme.db.begin().await.unwrap();
        runs::finish(&mut tx, &begun.lease, &finish).await.unwrap();
        tx.commit().await.unwrap();
        let run = begun.run.uuid();
        let rows = format!(
            "select i.state || ' ' || i.reason || ' ' || r.state || ' ' || r.failure
               from inbox i join runs r using (tenant_id, run_id) where run_id = '{run}'"
        );
        assert_eq!(acme.texts(&rows).await, [format!("{state} because {run_state} because")]);
        // A later finish of the same lane touches only what is still pending.
        stage.hear(acme.says(&format!("{state} again"), state, "Hello")).await;
        let lease = claimed(&stage).await;
        let finish = Finish { run: None, to_seq: 2, end: End::Dead, reason: None, sent: &[] };
        let mut tx = acme.db.begin().await.unwrap();
        runs::finish(&mut tx, &lease, &finish).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(acme.texts(&rows).await, [format!("{state} because {run_state} because")]);
    }
}

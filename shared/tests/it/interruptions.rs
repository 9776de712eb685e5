//! Stop, takeover and edits: the turn at hand loses the lane at once, what waited ends as the cause says, and the next owner
//! finishes what had been shown.

use shared::db::{
    DbError,
    interruptions::{self, Cause, Interrupted},
    lanes, outbox,
    runs::{self, End, Finish},
};

use crate::{
    runs::{Begun, begin, claimed, parts, record},
    stage::{Firm, Stage},
};

async fn interrupt(firm: &Firm, begun: &Begun, cause: Cause) -> Interrupted {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let found = interruptions::interrupt(&mut tx, begun.lease.conversation, cause).await;
    tx.commit().await.expect("it is stored");
    found.expect("it is interrupted")
}

const OUTBOX: &str =
    "select kind || ' ' || state || ' ' || coalesce(external_id, '-') from outbox order by created_at, kind";

#[tokio::test]
async fn a_takeover_ends_the_turn_at_once_and_nothing_of_it_is_sent_afterwards() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    stage.hear(acme.says("100.1", "C1", "May I speak to somebody?")).await;
    let begun = begin(&stage, &acme).await;
    stage.hear(acme.says("100.2", "C1", "Hello?")).await;

    assert_eq!(interrupt(&acme, &begun, Cause::TakenOver).await, Interrupted::Run(begun.run));
    // The owner finds out wherever it looks next.
    let seen = lanes::watch(&stage.db().system(), &begun.lease).await.unwrap();
    assert!(seen.fence > begun.lease.fence && seen.by_human);
    assert!(!record(&acme, &begun, None, &[], &parts("111.1")).await, "no row may be sent after the takeover");
    let mut tx = acme.db.begin().await.unwrap();
    let late = Finish { run: Some(begun.run), to_seq: 1, end: End::Replied, reason: None, sent: &[] };
    assert!(matches!(runs::finish(&mut tx, &begun.lease, &late).await, Err(DbError::Fenced)));
    drop(tx);
    assert_eq!(acme.texts(OUTBOX).await, ["placeholder dropped -", "notice sending -"]);

    // It knows what it has shown, and says so although the lane is no longer its own.
    let mut tx = acme.db.begin().await.unwrap();
    outbox::mark_sent(&mut tx, begun.placeholder, "111.1").await.unwrap();
    outbox::mark_sent(&mut tx, begun.placeholder, "999.9").await.unwrap();
    tx.commit().await.unwrap();

    let next = claimed(&stage).await;
    let mut tx = acme.db.begin().await.unwrap();
    let opening = runs::open(&mut tx, &next).await.unwrap();
    let [notice] = opening.notices.as_slice() else { panic!("one notice: {:?}", opening.notices) };
    assert_eq!((notice.target.as_deref(), notice.placeholder), (Some("111.1"), Some(begun.placeholder)));
    assert_eq!(notice.body, "_A colleague has taken over._");
    assert!(opening.by_human && opening.interrupted.is_none());
    assert_eq!(opening.pending.len(), 1, "what was written later is held by the next turn");
    let sent = [(notice.id, "sent", Some("111.1".to_owned()), None)];
    assert!(matches!(interruptions::settle(&mut tx, &begun.lease, &sent).await, Err(DbError::Fenced)));
    interruptions::settle(&mut tx, &next, &sent).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(acme.texts(OUTBOX).await, ["placeholder sent 111.1", "notice sent 111.1"]);
    let inbox = "select seq || ' ' || state || ' ' || coalesce(reason, '-') from inbox order by seq";
    assert_eq!(acme.texts(inbox).await, ["1 held a human has this conversation", "2 pending -"]);
}

#[tokio::test]
async fn stop_ends_what_waits_and_an_edit_has_it_answered_again() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    for (cause, inbox) in
        [(Cause::Stopped, "ignored stopped by the person who asked"), (Cause::Edited, "pending -")]
    {
        let lane = format!("{cause:?}");
        stage.hear(acme.says(&format!("{lane} 1"), &lane, "How many?")).await;
        let begun = begin(&stage, &acme).await;
        assert_eq!(interrupt(&acme, &begun, cause).await, Interrupted::Run(begun.run));
        let state = format!(
            "select state || ' ' || coalesce(reason, '-') from inbox where conversation_id = '{}'",
            begun.lease.conversation.uuid()
        );
        assert_eq!(acme.texts(&state).await, [inbox], "{cause:?}");

        let next = claimed(&stage).await;
        assert_eq!(next.conversation, begun.lease.conversation, "{cause:?}: the notice does not wait");
        let mut tx = acme.db.begin().await.unwrap();
        let opening = runs::open(&mut tx, &next).await.unwrap();
        assert_eq!((opening.notices.len(), opening.by_human), (1, false));
        let (again, to_seq) = (opening.pending.len(), 1);
        assert_eq!(again, usize::from(cause == Cause::Edited));
        interruptions::settle(&mut tx, &next, &[(opening.notices[0].id, "unknown", None, None)]).await.unwrap();
        let finish = Finish { run: None, to_seq, end: End::Ignored, reason: Some("over"), sent: &[] };
        if cause == Cause::Stopped {
            runs::finish(&mut tx, &next, &finish).await.unwrap();
        } else {
            lanes::finish(&mut tx, &next, 0).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    // The same message has a run that was dropped and one that answers it.
    let begun = begin(&stage, &acme).await;
    assert!(record(&acme, &begun, None, &[], &parts("111.1")).await);
    let runs = "select from_seq || ' ' || state from runs order by started_at";
    assert_eq!(acme.texts(runs).await, ["1 dropped", "1 dropped", "1 running"]);
}

#[tokio::test]
async fn what_was_not_begun_is_stopped_and_what_is_unknown_is_said_to_be() {
    let stage = Stage::new().await;
    let (acme, other) = (stage.firm("acme").await, stage.firm("other").await);
    let conversation = stage.hear(acme.says("100.1", "C1", "Never mind")).await;
    for (firm, found) in [(&other, Interrupted::Unknown), (&acme, Interrupted::NothingRunning)] {
        let mut tx = firm.db.begin().await.unwrap();
        assert_eq!(interruptions::interrupt(&mut tx, conversation, Cause::Stopped).await.unwrap(), found);
        tx.commit().await.unwrap();
    }
    assert_eq!(acme.texts("select state::text from inbox").await, ["ignored"]);
    assert_eq!(acme.count("select count(*) from outbox").await, 0, "nothing was shown, so nothing is finished");
}

//! What is recorded of an answer beside its words: for whoever asks later why the agent said so.

use shared::db::traces::{self, Sizes};

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_keeps_the_ids_of_what_its_model_was_reminded_of_and_how_much_it_was_shown() {
    let stage = Stage::new().await;
    let _orchestrator = stage.orchestrator();
    let first = stage.asks("My badge number is 4711.").await;
    stage.ended().await;
    let second = stage.asks("What is my badge number?").await;
    assert_eq!(stage.ended().await, ["done", "done"]);

    let mut tx = stage.db.begin_for_all_audiences().await.expect("a transaction begins");
    let steps = traces::steps(&mut tx, stage.conversation(&second), None, 10).await.expect("it is recorded");
    let run = steps[0].run.as_ref().expect("a run answered");
    let ids: Vec<_> = run.recalled.iter().map(|(memory, _)| *memory).collect();
    let reminders = traces::reminders(&mut tx, &ids).await.expect("memories can be read");
    assert_eq!(
        reminders.iter().map(|memory| memory.body.as_str()).collect::<Vec<_>>(),
        ["My badge number is 4711."]
    );
    assert!(run.recalled[0].1 > 0.0, "{:?}", run.recalled);
    let sizes = run.sizes.expect("the model was asked");
    assert!(
        sizes.memories > 24 && sizes.conversation > 24 && sizes.messages == 1 && sizes.files == 0,
        "{sizes:?}"
    );
    assert_eq!(traces::evidence(&mut tx, &[run.id]).await.expect("the ledger can be read").calls.len(), 1);

    let steps = traces::steps(&mut tx, stage.conversation(&first), None, 10).await.expect("it is recorded");
    let run = steps[0].run.as_ref().expect("a run answered");
    assert_eq!(run.recalled, [], "there was nothing to be reminded of");
    assert_eq!(run.sizes.map(|sizes| Sizes { recall_ms: 0, model_ms: 0, ..sizes }.memories), Some(0));
}

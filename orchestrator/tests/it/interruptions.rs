//! Stop and takeover while an answer is being written: it ends within a second, and what was shown is finished.

use std::time::{Duration, Instant};

use shared::db::interruptions::{self, Cause, Interrupted};
use simulators::{ModelOptions, Said, StreamState};

use crate::stage::{Stage, eventually};

async fn interrupt(stage: &Stage, said: &Said, cause: Cause) {
    let mut tx = stage.db.begin().await.expect("a transaction begins");
    let found =
        interruptions::interrupt(&mut tx, stage.conversation(said), cause).await.expect("it is interrupted");
    tx.commit().await.expect("it is stored");
    assert!(matches!(found, Interrupted::Run(_)), "{found:?}");
}

fn talks_on(stage: &Stage) {
    let answer = Some("And on and on it goes, sentence after sentence. ".repeat(400));
    stage.model.set_options(ModelOptions { answer, token_delay_ms: 20, ..ModelOptions::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_in_mid_stream_the_message_ends_where_it_was_within_a_second_or_two() {
    let stage = Stage::new().await;
    talks_on(&stage);
    let asked = stage.asks("Tell me a long story.").await;
    let _orchestrator = stage.orchestrator();
    eventually("it is being told", || stage.calls("chat.appendStream") > 2).await;
    let stopped = Instant::now();
    interrupt(&stage, &asked, Cause::Stopped).await;
    let text = || stage.replies(&asked).first().map(|reply| reply.text.clone()).unwrap_or_default();
    eventually("the notice stands below it", || text().ends_with("_Stopped._")).await;
    assert!(stopped.elapsed() < Duration::from_secs(6), "{:?}", stopped.elapsed());
    let replies = stage.replies(&asked);
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert_eq!(replies[0].streaming, Some(StreamState::Completed));
    let appended = stage.calls("chat.appendStream");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(stage.calls("chat.appendStream"), appended, "nothing follows");
    assert_eq!(stage.ended().await, ["dropped"]);
    assert_eq!(stage.texts("select state::text from inbox").await, ["ignored"]);
    let open = "select count(*)::text from outbox where state = 'sending'";
    eventually_zero(&stage, open).await;

    // The next question is answered.
    stage.model.set_options(ModelOptions { answer: Some("Gladly.".into()), ..ModelOptions::default() });
    let say = simulators::Say::new(crate::stage::TEAM, crate::stage::CHANNEL, "UADA", "Something short, please.");
    stage.says(say.in_thread(&asked.thread_ts)).await;
    eventually("it is answered", || stage.replies(&asked).iter().any(|reply| reply.text.contains("Gladly.")))
        .await;
}

async fn eventually_zero(stage: &Stage, question: &str) {
    let begun = Instant::now();
    while stage.texts(question).await != ["0"] {
        assert!(begun.elapsed() < Duration::from_secs(20), "{question}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn taken_over_while_the_model_thinks_the_placeholder_says_so_and_nothing_else_is_said() {
    let stage = Stage::new().await;
    stage.model.faults().add(simulators::FaultRule::once("completions", simulators::FaultKind::DelayMs(5_000)));
    let asked = stage.asks("Where is my parcel?").await;
    let _orchestrator = stage.orchestrator();
    eventually("the placeholder is shown", || !stage.replies(&asked).is_empty()).await;
    eventually("the model thinks", || stage.calls("chat.postMessage") == 1).await;
    interrupt(&stage, &asked, Cause::TakenOver).await;
    eventually("the placeholder is finished", || {
        stage.replies(&asked).iter().all(|reply| reply.text.contains("A colleague has taken over"))
    })
    .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(stage.replies(&asked).len(), 1);
    assert_eq!(stage.texts("select state::text from inbox").await, ["held"]);
}

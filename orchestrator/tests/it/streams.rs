//! A streamed answer under everything a platform and a dying process do to it: what people see is what is on disk, byte for
//! byte, and it is one answer.

use std::time::Duration;

use simulators::{ChannelSetup, FaultKind, FaultRule, HistoryKind, ModelOptions, Said, StreamState};

use crate::stage::{CHANNEL, Stage, TEAM, eventually};

/// With everything a renderer could stumble over.
fn long_answer(chars: usize) -> String {
    let mut text = String::from("Here is what I know & think.\n\n");
    let mut n = 0;
    while text.chars().count() < chars {
        n += 1;
        match n % 9 {
            0 => text.push_str("\n\n```rust\nfn main() {\n    println!(\"a & b, line by line\");\n}\n```\n\n"),
            4 => text.push_str(&format!("- Größe {n} < {} 日本語のテキスト。\n", n + 1)),
            _ => text.push_str(&format!("Sentence number {n} says a little more than the one before it. ")),
        }
    }
    text.push_str("That is all.");
    text
}

/// What is visible, without escaping and without the marks on record, and what is on disk.
async fn seen_and_stored(stage: &Stage, asked: &Said) -> (String, String) {
    let marks =
        "select external_id || '|' || head || '|' || tail from outbox where operation = 'stream' order by part";
    let mut marks = stage.texts(marks).await.into_iter();
    let mut seen = String::new();
    for reply in stage.replies(asked) {
        let row = marks.next().expect("every visible message has a row");
        let [ts, head, tail] = row.split('|').collect::<Vec<_>>().try_into().expect("three fields");
        assert_eq!(reply.ts, ts, "in this order");
        assert_ne!(reply.streaming, Some(StreamState::InProgress), "no stream is left open");
        let text = reply.text.replace("&lt;", "<").replace("&amp;", "&");
        let text = text.strip_prefix(head).expect("the recorded mark opens it");
        seen.push_str(text.strip_suffix(tail).expect("the recorded mark closes it"));
    }
    assert_eq!(marks.next(), None, "every row is visible");
    let parts = "select coalesce(string_agg(p.text, '' order by o.part, p.n), '')
                   from outbox o join outbox_parts p using (tenant_id, outbox_id)";
    (seen, stage.texts(parts).await.concat())
}

fn says(answer: &str, token_delay_ms: u64) -> ModelOptions {
    ModelOptions { answer: Some(answer.to_owned()), token_delay_ms, ..ModelOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_is_shown_while_it_is_written_in_one_message() {
    let stage = Stage::new().await;
    let answer = long_answer(3_000);
    stage.model.set_options(says(&answer, 10));
    let asked = stage.asks("What do you know?").await;
    let _orchestrator = stage.orchestrator();
    eventually("it begins", || stage.calls("chat.startStream") > 0).await;
    eventually("it grows", || stage.calls("chat.appendStream") > 2).await;
    assert_eq!(stage.texts("select state from runs").await, ["running"], "the model is not done");
    assert_eq!(stage.ended().await, ["done"]);
    let replies = stage.replies(&asked);
    assert_eq!(replies.len(), 1, "the placeholder is gone");
    assert_eq!(stage.calls("chat.delete"), 1, "it was taken away once");
    assert!(replies[0].metadata.is_some(), "it names its row");
    let below = replies[0].blocks.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(below.contains("feedback:out_"), "people can rate it: {below}");
    let (seen, stored) = seen_and_stored(&stage, &asked).await;
    assert_eq!((&seen, &stored), (&answer, &answer));
    let said = "select body from messages where author_kind = 'agent'";
    assert_eq!(stage.texts(said).await, [answer], "it is part of the conversation");
    let outbox = "select kind || ' ' || state from outbox order by kind";
    assert_eq!(stage.texts(outbox).await, ["answer sent", "placeholder sent"]);
    // A piece is on disk before anybody sees it.
    let pieces: usize = stage.texts("select count(*)::text from outbox_parts").await[0].parse().expect("a number");
    let calls =
        stage.calls("chat.appendStream") + stage.calls("chat.startStream") + stage.calls("chat.stopStream");
    assert!(pieces >= calls - 1 && calls > 4, "{pieces} pieces, {calls} calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_words_are_visible_a_moment_after_the_model_says_them() {
    let stage = Stage::new().await;
    stage.model.set_options(says(&long_answer(600), 60));
    let _orchestrator = stage.orchestrator();
    let mut delays = Vec::new();
    for n in 0..5 {
        let asked = stage.asks(&format!("Question {n}")).await;
        eventually("the model is asked", || stage.model.requests().len() > n).await;
        let asked_ms = stage.model.requests()[n].at_ms;
        eventually("the answer is complete", || {
            stage.replies(&asked).iter().any(|reply| reply.streaming == Some(StreamState::Completed))
        })
        .await;
        let history = stage.slack.history(Some(TEAM));
        let first = history.iter().find(|entry| {
            entry.method.as_deref() == Some("chat.startStream")
                && entry.thread_ts.as_ref() == Some(&asked.thread_ts)
        });
        // The model pauses before each token, the first one included.
        delays.push(first.expect("it was streamed").at_ms.saturating_sub(asked_ms + 60));
    }
    delays.sort_unstable();
    // The bar is 150 ms; a debug build beside a compiler gets three times that.
    assert!(delays[2] < 450, "{delays:?} ms after the first token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_answer_takes_the_placeholders_place_at_once() {
    let stage = Stage::new().await;
    stage.model.set_options(says("It is number 17.", 0));
    let asked = stage.asks("Which order?").await;
    let _orchestrator = stage.orchestrator();
    stage.ended().await;
    let replies = stage.replies(&asked);
    assert_eq!(replies.len(), 1);
    assert!(replies[0].text.contains("number 17"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_characters_survive_expiry_429_and_a_killed_process() {
    let stage = Stage::new().await;
    let answer = long_answer(100_000);
    stage.model.set_options(says(&answer, 1));
    let busy = FaultKind::Status { code: 429, retry_after: Some(1) };
    stage.slack.faults().add(FaultRule::always("chat.appendStream", busy.clone()).skip(3).times(2));
    stage.slack.faults().add(FaultRule::once("chat.stopStream", busy));
    stage.slack.faults().add(FaultRule::once("chat.appendStream", FaultKind::DropConnectionAfter).skip(8));
    let asked = stage.asks("Tell me everything.").await;
    let first = stage.orchestrator();
    let shown = || stage.replies(&asked).iter().map(|reply| reply.text.len()).sum::<usize>();
    eventually("some of it is shown", || shown() > 2_000).await;
    assert!(stage.slack.expire_streams(TEAM, CHANNEL) <= 1);
    let appended = stage.calls("chat.appendStream");
    eventually("it goes on", || stage.calls("chat.appendStream") > appended + 3).await;
    // In the middle of whatever it does.
    drop(first);
    let _second = stage.orchestrator();
    assert_eq!(stage.ended().await, ["done"]);
    let (seen, stored) = seen_and_stored(&stage, &asked).await;
    assert_eq!(seen.len(), stored.len());
    assert!(seen == stored, "what is seen is what is on disk");
    assert!(stored == answer, "and it is the answer: nothing is lost, nothing said twice");
    let refused =
        stage.slack.history(Some(TEAM)).iter().filter(|entry| entry.kind == HistoryKind::Refused).count();
    assert!(refused >= 3, "the faults did happen: {refused}");
    let calls = stage.texts("select status from usage order by created_at").await;
    assert_eq!(calls.len(), 1, "the second call is on the ledger; the first one died with its process");
    assert_eq!(stage.model.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_it_knows_where_its_stream_is_the_same_message_is_finished() {
    let stage = Stage::new().await;
    let answer = long_answer(2_000);
    stage.model.set_options(says(&answer, 10));
    // Slack shows the stream; its answer does not come back before the process dies.
    stage.slack.faults().add(FaultRule::once("chat.startStream", FaultKind::DeliverThenTimeout(30_000)));
    let asked = stage.asks("What do you know?").await;
    let first = stage.orchestrator();
    let streaming = || stage.replies(&asked).into_iter().find(|reply| reply.streaming.is_some());
    eventually("the stream is visible", || streaming().is_some()).await;
    let orphan = streaming().expect("seen").ts;
    drop(first);
    let _second = stage.orchestrator();
    assert_eq!(stage.ended().await, ["done"]);
    let replies = stage.replies(&asked);
    assert_eq!(replies.iter().map(|reply| reply.ts.as_str()).collect::<Vec<_>>(), [orphan]);
    let (seen, stored) = seen_and_stored(&stage, &asked).await;
    assert_eq!((&seen, &stored), (&answer, &answer));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_streams_the_placeholder_is_edited_once_a_second() {
    let stage = Stage::new().await;
    let no_streams = ChannelSetup {
        team: TEAM.into(),
        channel: CHANNEL.into(),
        streams: Some(false),
        ..ChannelSetup::default()
    };
    stage.slack.set_channel(no_streams);
    let answer = long_answer(1_500);
    stage.model.set_options(says(&answer, 25));
    let asked = stage.asks("What do you know?").await;
    let _orchestrator = stage.orchestrator();
    assert_eq!(stage.ended().await, ["done"]);
    assert_eq!(stage.replies(&asked).len(), 1);
    let (seen, stored) = seen_and_stored(&stage, &asked).await;
    assert_eq!((&seen, &stored), (&answer, &answer));
    let history = stage.slack.history(Some(TEAM));
    let edits: Vec<u64> = history
        .iter()
        .filter(|entry| entry.method.as_deref() == Some("chat.update") && entry.kind == HistoryKind::Update)
        .map(|entry| entry.at_ms)
        .collect();
    assert!(edits.len() >= 3, "{edits:?}");
    let between = edits.windows(2).map(|pair| pair[1] - pair[0]);
    // The last one ends the message.
    assert!(between.take(edits.len() - 2).all(|pause| pause >= 950), "{edits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_takes_less_than_it_promised_gets_a_second_message() {
    let stage = Stage::new().await;
    let answer = long_answer(4_000);
    stage.model.set_options(says(&answer, 5));
    stage.slack.set_options(simulators::OptionsPatch { stream_text_max: Some(2_000), ..Default::default() });
    let asked = stage.asks("What do you know?").await;
    let _orchestrator = stage.orchestrator();
    assert_eq!(stage.ended().await, ["done"]);
    assert!(stage.replies(&asked).len() >= 2);
    let (seen, stored) = seen_and_stored(&stage, &asked).await;
    assert_eq!((&seen, &stored), (&answer, &answer));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_breaks_off_is_continued_and_nothing_seen_is_taken_back() {
    let stage = Stage::new().await;
    let answer = long_answer(1_500);
    stage.model.set_options(says(&answer, 10));
    stage.model.faults().add(FaultRule::once("completions", FaultKind::CloseMidStream(60)));
    let asked = stage.asks("What do you know?").await;
    let _orchestrator = stage.orchestrator();
    assert_eq!(stage.ended().await, ["done"]);
    let (seen, stored) = seen_and_stored(&stage, &asked).await;
    assert_eq!((&seen, &stored), (&answer, &answer));
    let ledger = stage.texts("select status from usage order by created_at, status desc").await;
    assert_eq!(ledger.len(), 2, "both calls are counted: {ledger:?}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    // If no model goes on, people are told.
    stage.model.faults().add(FaultRule::always("completions", FaultKind::CloseMidStream(60)));
    let asked = stage.asks("And what else?").await;
    assert_eq!(stage.ended().await, ["done", "failed"]);
    let replies = stage.replies(&asked);
    assert_eq!(replies.len(), 1);
    assert!(replies[0].text.starts_with("Here is what I know"), "{}", replies[0].text);
    assert!(replies[0].text.contains("could not finish this answer"), "{}", replies[0].text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_never_ends_is_cut_off_and_people_are_told() {
    let stage = Stage::new().await;
    stage.model.faults().add(FaultRule::always("completions", FaultKind::Endless));
    let asked = stage.asks("Go on.").await;
    let _orchestrator = stage.orchestrator();
    assert_eq!(stage.ended().await, ["failed"]);
    let replies = stage.replies(&asked);
    let last = replies.last().expect("something is shown");
    assert!(last.text.contains("could not finish this answer") || last.text.starts_with("Sorry"), "{}", last.text);
    let inbox = stage.texts("select state || ': ' || reason from inbox").await;
    assert_eq!(inbox, ["dead: the answer does not end"]);
}

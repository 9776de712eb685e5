//! Files that an agent sends: below the answer, once, whatever breaks on the way.

use std::time::Duration;

use simulators::{FaultKind, FaultRule, FileSeen, ModelOptions, Say};

use crate::stage::{CHANNEL, Stage, TEAM, eventually};

const PRICES: &str = r#"{"name":"prices.csv","content":"colour,price\nblue,9.50\n=1+1,2\n"}"#;
const SENT: &str = "colour,price\nblue,9.50\n'=1+1,2\n";
const ROWS: &str =
    "select kind || ' ' || state || ' ' || coalesce(error, '') from outbox order by created_at, part";

impl Stage {
    async fn that_sends_files() -> Self {
        let stage = Self::with_tools(&["send_file"]).await;
        let options = stage.calls_of_model(&[("send_file", PRICES)]);
        stage.model.set_options(ModelOptions { answer: Some("Here are the prices.".into()), ..options });
        stage
    }

    fn shown_files(&self) -> Vec<FileSeen> {
        let mut files = self.slack.files(TEAM);
        files.retain(|file| !file.shared_in.is_empty());
        files
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_out_below_the_answer_and_is_part_of_the_conversation() {
    let stage = Stage::that_sends_files().await;
    let _orchestrator = stage.orchestrator();
    let asked = stage.asks("Send me the prices.").await;
    assert_eq!(stage.ended().await, ["done"]);
    let replies = stage.replies(&asked);
    let seen: Vec<_> = replies.iter().map(|reply| (reply.text.as_str(), reply.files.join(","))).collect();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen[0].0.contains("Here are the prices.") && seen[1].1 == "prices.csv", "{seen:?}");
    let files = stage.shown_files();
    assert_eq!(String::from_utf8_lossy(&files[0].bytes), SENT, "no cell is a formula");
    assert_eq!(files[0].shared_in, [CHANNEL]);
    let said = "select body from messages where author_kind = 'agent' order by sent_at, message_id";
    assert_eq!(stage.texts(said).await.last().map(String::as_str), Some("(sent the file prices.csv)"));
    let kept = "select name || ' ' || content_type || ' ' || size || ' ' || upload_id from sent_files";
    assert_eq!(stage.texts(kept).await, [format!("prices.csv text/csv {} {}", SENT.len(), files[0].id)]);
    assert_eq!(stage.ledger().await.len(), 1);
    assert_eq!(stage.model.requests()[0].body["max_tokens"], 4_500, "there is room for a file");
    let waits =
        "select count(*)::text from jobs where kind = 'erase_file' and run_after > now() + interval '23 hours'";
    assert_eq!(stage.texts(waits).await, ["1"], "its bytes are erased later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_end_is_unclear_is_looked_for_and_not_sent_twice() {
    for kind in [FaultKind::DropConnectionAfter, FaultKind::StatusAfter { code: 503 }, FaultKind::GarbageJson] {
        let stage = Stage::that_sends_files().await;
        stage.slack.faults().add(FaultRule::once("files.completeUploadExternal", kind.clone()));
        let _orchestrator = stage.orchestrator();
        let asked = stage.asks("Send me the prices.").await;
        assert_eq!(stage.ended().await, ["done"], "{kind:?}");
        let shown = stage.replies(&asked).iter().filter(|reply| !reply.files.is_empty()).count();
        assert_eq!(shown, 1, "{kind:?}");
        let files = stage.slack.files(TEAM);
        assert_eq!((files.len(), files[0].shared_in.len()), (1, 1), "{kind:?}: looked up, not repeated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_did_not_get_through_is_brought_again() {
    for (method, kind) in [
        ("files.getUploadURLExternal", FaultKind::DropConnectionAfter),
        ("files.getUploadURLExternal", FaultKind::Status { code: 429, retry_after: Some(1) }),
        ("files.getUploadURLExternal", FaultKind::GarbageJson),
        ("files.completeUploadExternal", FaultKind::DropConnectionBefore),
        ("files.completeUploadExternal", FaultKind::SlackError("file_update_failed".into())),
    ] {
        let stage = Stage::that_sends_files().await;
        stage.slack.faults().add(FaultRule::once(method, kind.clone()));
        let _orchestrator = stage.orchestrator();
        let asked = stage.asks("Send me the prices.").await;
        let states = stage.ended().await;
        let shown = stage.replies(&asked).iter().filter(|reply| !reply.files.is_empty()).count();
        if kind == FaultKind::SlackError("file_update_failed".into()) {
            // Bytes of this moment that Slack refuses won't do better a moment later.
            assert_eq!((shown, states.as_slice()), (0, ["failed".to_owned()].as_slice()));
            continue;
        }
        assert_eq!((shown, states.as_slice()), (1, ["done".to_owned()].as_slice()), "{method} {kind:?}");
        assert_eq!(stage.shown_files()[0].bytes, SENT.as_bytes(), "{method} {kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_slack_refuses_is_excused_in_a_sentence_and_on_record() {
    let stage = Stage::that_sends_files().await;
    stage
        .slack
        .faults()
        .add(FaultRule::once("files.getUploadURLExternal", FaultKind::SlackError("missing_scope".into())));
    let _orchestrator = stage.orchestrator();
    let asked = stage.asks("Send me the prices.").await;
    assert_eq!(stage.ended().await, ["failed"]);
    let replies = stage.replies(&asked);
    assert!(replies[1].text.contains("prices.csv could not be sent"), "{replies:?}");
    let rows = stage.texts(ROWS).await;
    assert!(rows.iter().any(|row| row.starts_with("answer sent")), "{rows:?}");
    assert!(rows.contains(&"file dead the platform refused: missing_scope".to_owned()), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_bringing_and_showing_a_file_the_next_process_shows_it_once() {
    for shown_already in [false, true] {
        let stage = Stage::that_sends_files().await;
        let kind = match shown_already {
            true => FaultKind::DeliverThenTimeout(60_000),
            false => FaultKind::DelayMs(60_000),
        };
        stage.slack.faults().add(FaultRule::once("files.completeUploadExternal", kind));
        let first = stage.orchestrator();
        let asked = stage.asks("Send me the prices.").await;
        let begun = std::time::Instant::now();
        while stage.texts("select upload_id from sent_files where upload_id is not null").await.is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the bytes never arrive");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if shown_already {
            eventually("the file is shown", || !stage.shown_files().is_empty()).await;
        }
        drop(first);
        let _second = stage.orchestrator();
        assert_eq!(stage.ended().await, ["done"], "{shown_already}");
        let shown = stage.replies(&asked).iter().filter(|reply| !reply.files.is_empty()).count();
        assert_eq!(shown, 1, "{shown_already}");
        assert_eq!(stage.model.requests().len(), 2, "no step is paid twice");
        let files = stage.slack.files(TEAM);
        assert_eq!((files.len(), files[0].shared_in.len()), (1, 1), "{shown_already}: the bytes are known");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_without_an_answer_sends_no_file_and_names_that_are_none_are_refused() {
    let stage = Stage::with_tools(&["send_file"]).await;
    let calls = [("send_file", PRICES), ("send_file", r#"{"name":"../x.exe","content":"x"}"#)];
    let options = stage.calls_of_model(&calls);
    stage.model.set_options(ModelOptions { keeps_calling: true, ..options });
    let _orchestrator = stage.orchestrator();
    stage.says(Say::new(TEAM, CHANNEL, "UADA", "Send me everything.")).await;
    assert_eq!(stage.ended().await, ["failed"]);
    let ledger = stage.ledger().await;
    assert_eq!(ledger.iter().filter(|line| line.starts_with("send_file done")).count(), 3, "{ledger:?}");
    assert!(ledger.iter().any(|line| line.contains("failed Only 3 files")), "{ledger:?}");
    assert!(ledger.iter().any(|line| line.contains("failed `name` must be a plain file name")), "{ledger:?}");
    assert!(stage.shown_files().is_empty());
    let rows = stage.texts(ROWS).await;
    let dead = rows.iter().filter(|row| row.starts_with("file dead there was no answer")).count();
    assert_eq!(dead, 3, "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stay_where_the_streamed_answer_was_refused() {
    let stage = Stage::that_sends_files().await;
    let options = stage.calls_of_model(&[("send_file", PRICES)]);
    let answer = "Here are the prices, and a little more about each of them. ".repeat(20);
    stage.model.set_options(ModelOptions { answer: Some(answer), token_delay_ms: 10, ..options });
    // The channel is closed while people read: what is streamed can neither be ended nor replaced.
    let closed = || FaultKind::SlackError("is_archived".into());
    for method in ["chat.appendStream", "chat.stopStream", "chat.update"] {
        stage.slack.faults().add(FaultRule::always(method, closed()));
    }
    let _orchestrator = stage.orchestrator();
    let asked = stage.asks("Send me the prices.").await;
    assert_eq!(stage.ended().await, ["failed"]);
    assert!(stage.calls("chat.startStream") > 0, "it was streamed");
    assert!(stage.replies(&asked).iter().all(|reply| reply.files.is_empty()));
    assert!(stage.shown_files().is_empty() && stage.calls("files.completeUploadExternal") == 0);
    let rows = stage.texts(ROWS).await;
    assert!(rows.iter().any(|row| row == "file dead there was no answer to send it with"), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stay_where_the_whole_answer_was_refused() {
    let stage = Stage::that_sends_files().await;
    for method in ["chat.update", "chat.startStream"] {
        stage.slack.faults().add(FaultRule::always(method, FaultKind::SlackError("is_archived".into())));
    }
    let _orchestrator = stage.orchestrator();
    stage.asks("Send me the prices.").await;
    assert_eq!(stage.ended().await, ["failed"]);
    assert!(stage.shown_files().is_empty());
    let rows = stage.texts(ROWS).await;
    assert!(rows.iter().any(|row| row == "file dead there was no answer to send it with"), "{rows:?}");
}

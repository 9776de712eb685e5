//! What Slack shows while the agent works.

use simulators::{FaultKind, FaultRule, OptionsPatch, Say};

use crate::stage::{CHANNEL, Stage, TEAM, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_says_that_the_agent_thinks_and_no_longer_once_it_has_answered() {
    let stage = Stage::new().await;
    stage.model.faults().add(FaultRule::once("completions", FaultKind::DelayMs(4_000)));
    let asked = stage.asks("How many?").await;
    let _orchestrator = stage.orchestrator();
    let status = || stage.slack.status(TEAM, CHANNEL, &asked.thread_ts);
    eventually("it says so", || status().is_some_and(|line| line.contains("thinking"))).await;
    stage.ended().await;
    eventually("it says so no longer", || status().is_none()).await;
    assert_eq!(stage.calls("agents.sessions.setStatus"), 0, "sessions are for direct messages");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_message_has_a_session_that_works_and_then_waits() {
    let stage = Stage::new().await;
    stage.model.faults().add(FaultRule::once("completions", FaultKind::DelayMs(2_000)));
    let asked = stage.says(Say::new(TEAM, "DUADA", "UADA", "Where is my order number 17?")).await;
    let _orchestrator = stage.orchestrator();
    let session = || stage.slack.session(TEAM, "DUADA", &asked.thread_ts).unwrap_or_default();
    eventually("it works", || session().status == "processing").await;
    assert_eq!(session().title.as_deref(), Some("Where is my order number 17?"));
    stage.ended().await;
    eventually("it waits", || session().status == "active").await;
    assert_eq!(stage.calls("assistant.threads.setTitle"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_of_slacks_is_heeded_and_changes_nothing() {
    let stage = Stage::new().await;
    stage.slack.set_options(OptionsPatch { stop_subscribed: Some(false), ..OptionsPatch::default() });
    let asked = stage.says(Say::new(TEAM, "DUADA", "UADA", "Where is my order number 17?")).await;
    let _orchestrator = stage.orchestrator();
    assert_eq!(stage.ended().await, ["done"]);
    let session = || stage.slack.session(TEAM, "DUADA", &asked.thread_ts).unwrap_or_default();
    eventually("it waits", || session().status == "active").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_slack_finds_too_long_become_plain_text() {
    for method in ["chat.postMessage", "chat.update"] {
        let stage = Stage::new().await;
        let refuses = FaultKind::SlackError("msg_blocks_too_long".into());
        stage.slack.faults().add(FaultRule::once(method, refuses));
        let asked = stage.asks("How many?").await;
        let _orchestrator = stage.orchestrator();
        assert_eq!(stage.ended().await, ["done"], "{method}");
        let replies = stage.replies(&asked);
        assert_eq!(replies.len(), 1, "{method}: {replies:?}");
        assert!(!replies[0].text.starts_with("_Thinking"), "{method}: {replies:?}");
        let blocks =
            replies[0].blocks.as_ref().and_then(|blocks| blocks.as_array().map(Vec::len)).unwrap_or_default();
        assert_eq!(blocks == 0, method == "chat.update", "{method}: {replies:?}");
    }
}

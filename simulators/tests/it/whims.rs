//! Deliveries and calls go astray by seed: late, again, hung up, after the caller gave up, and with a dead token.

use std::time::Duration;

use serde_json::json;
use simulators::{
    DeliveryFaults, FaultKind, FaultRule, HistoryKind, ModelOptions, OptionsPatch, Revoke, Say, SlackOptions,
    SlackSimulator,
};

use crate::harness::*;

fn say(text: &str) -> Say {
    Say::new(TEAM, "CGENERAL", "UADA", text)
}

fn gone_astray(slack: &simulators::SlackSimulator, deliveries: DeliveryFaults) {
    slack.set_options(OptionsPatch { deliveries: Some(deliveries), ..OptionsPatch::default() });
}

async fn nothing_under_way(slack: &simulators::SlackSimulator) {
    let waiting = async {
        while slack.deliveries_under_way() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

#[tokio::test]
async fn an_accepted_event_comes_again_as_slacks_retry() {
    let (slack, receiver) = slack_with_receiver().await;
    gone_astray(&slack, DeliveryFaults { seed: 3, again_percent: 100, ..DeliveryFaults::default() });
    for text in ["one", "two", "three", "four"] {
        slack.say(say(text));
    }
    nothing_under_way(&slack).await;

    let received = receiver.received();
    assert!(received.len() > 8, "each once more at least: {}", received.len());
    for event in &received {
        let retry = (event.header("x-slack-retry-num"), event.header("x-slack-retry-reason"));
        let first_of_its_body = received.iter().find(|other| other.body == event.body).unwrap();
        let first = std::ptr::eq(event, first_of_its_body);
        assert_eq!(retry.0.is_none(), first);
        assert_eq!(retry.1, if first { None } else { Some("http_timeout") });
    }
}

#[tokio::test]
async fn a_late_event_is_overtaken_by_later_ones() {
    let (slack, receiver) = slack_with_receiver().await;
    let late = DeliveryFaults { seed: 5, late_percent: 50, late_ms_max: 400, ..DeliveryFaults::default() };
    gone_astray(&slack, late);
    for number in 0..20 {
        slack.say(say(&format!("{number:02}")));
    }
    let received = receiver.wait_for_exactly(20).await;
    let texts: Vec<String> =
        received.iter().map(|event| event.json()["event"]["text"].as_str().unwrap().to_owned()).collect();
    assert!(!texts.is_sorted(), "{texts:?}");
}

#[tokio::test]
async fn a_hang_up_counts_as_a_time_out_and_is_tried_again() {
    let (slack, receiver) = slack_with_receiver().await;
    receiver.will_answer(std::iter::repeat_n(Answer::Slow(Duration::from_millis(500)), 8));
    let hasty = DeliveryFaults { seed: 1, hang_up_percent: 100, hang_up_ms_max: 5, ..DeliveryFaults::default() };
    gone_astray(&slack, hasty);
    slack.say(say("one"));
    slack.say(say("two"));
    nothing_under_way(&slack).await;
    let mut ends = slack.history(None);
    ends.retain(|entry| entry.kind == HistoryKind::EventResult);
    assert_eq!(ends.len(), 8, "Slack gives up after four attempts: {ends:#?}");
    assert!(ends.iter().all(|entry| entry.error.as_deref() == Some("http_timeout")), "{ends:#?}");
}

#[tokio::test]
async fn a_late_delivery_becomes_visible_after_the_call_failed() {
    let slack = quiet_slack().await;
    let late = FaultKind::LateDelivery { from_ms: 150, to_ms: 300 };
    slack.faults().add(FaultRule::once("chat.postMessage", late));
    let url = format!("{}chat.postMessage", slack.api_url());
    let metadata = json!({ "event_type": "reply", "event_payload": { "outbox_id": "o1" } });
    let body = json!({ "channel": "C1", "text": "x", "metadata": metadata });
    let error = http().post(url).bearer_auth(DEMO).json(&body).send().await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
    assert!(slack.transcript(TEAM, "C1", None).is_empty(), "not yet");

    slack.wait_until(PATIENCE, |slack| slack.transcript(TEAM, "C1", None).pop()).await.unwrap();
    let history = slack.history(None);
    let (unclear, post) = (&history[0], &history[1]);
    assert_eq!((unclear.kind, unclear.error.as_deref()), (HistoryKind::Unclear, Some("late_delivery")));
    assert_eq!((post.kind, &post.metadata), (HistoryKind::Post, &unclear.metadata));
    assert!(post.at_ms >= unclear.at_ms + 150, "{history:?}");
    assert_eq!(slack.history_after(unclear.seq).len(), 1);
}

#[tokio::test]
async fn a_revoked_token_is_refused_everywhere_and_the_app_is_told() {
    let (slack, receiver) = slack_with_receiver().await;
    slack.revoke(&Revoke { team: TEAM.into(), error: Some("token_revoked".into()) }).unwrap();
    let event = receiver.wait_for_exactly(1).await[0].json()["event"].clone();
    assert_eq!((&event["type"], &event["tokens"]["bot"][0]), (&json!("tokens_revoked"), &json!("UBOTDEMO")));
    for method in ["auth.test", "chat.postMessage", "conversations.history", "users.info"] {
        assert_eq!(error_of(&slack, method, json!({ "channel": "C1", "text": "x" })).await, "token_revoked");
    }
    let other = call(&slack, "xoxb-simulated-other", "auth.test", json!({})).await;
    assert_eq!(other["ok"], true, "other workspaces are not concerned");

    let body = json!({ "team": TEAM, "error": "invalid_auth" });
    http().post(format!("http://{}/_sim/revoke", slack.addr)).json(&body).send().await.unwrap();
    assert_eq!(error_of(&slack, "auth.test", json!({})).await, "invalid_auth");
    slack.revoke(&Revoke { team: TEAM.into(), error: None });
    assert_eq!(call(&slack, DEMO, "auth.test", json!({})).await["ok"], true);
}

#[tokio::test]
async fn a_model_shows_each_request_to_its_witness_and_forgets_it() {
    let model = model().await;
    model.set_options(ModelOptions { requests_kept: Some(2), ..ModelOptions::default() });
    let (sender, seen) = std::sync::mpsc::channel();
    model.set_witness(move |request| sender.send(request.prompt_text()).unwrap());
    for text in ["one", "two", "three"] {
        ask(&model, "", &[("user", text)]).await;
    }
    assert_eq!(seen.try_iter().filter(|prompt| prompt.ends_with("three")).count(), 1);
    assert_eq!(model.requests().iter().map(|request| request.seq).collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test]
async fn an_app_whose_answers_fail_is_told_no_more_until_its_address_is_entered_again() {
    let (receiver, url) = Receiver::start().await;
    let options = SlackOptions { retry_time_scale: 0.0, ..SlackOptions::new(url.clone(), SECRET) };
    let slack = SlackSimulator::start(anywhere(), options).await.unwrap();
    // What is taken in the end has failed three times of four, which is allowed.
    for number in 0..10 {
        receiver.will_answer([500, 500, 500, 200].map(Answer::Status));
        slack.say(say(&format!("taken {number}")));
        nothing_under_way(&slack).await;
    }
    assert_eq!(receiver.received().len(), 40);
    receiver.will_answer(std::iter::repeat_with(|| Answer::Status(500)).take(400));
    for number in 0..100 {
        slack.say(say(&format!("refused {number}")));
        nothing_under_way(&slack).await;
    }
    // Ten of them are a twentieth of two hundred.
    let told = receiver.received().len();
    assert!((201..=204).contains(&told), "{told}");
    slack.set_options(OptionsPatch { events_url: Some(url), ..OptionsPatch::default() });
    slack.say(say("somebody mended it"));
    nothing_under_way(&slack).await;
    assert_eq!(receiver.received().len(), told + 4);
}

//! What Slack sends: signed, in twos for a mention, retried, never mixed between workspaces.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use simulators::{ChannelSetup, Delete, Edit, HistoryKind, Raw, Say, SlackOptions, SlackSimulator, signature};

use crate::harness::*;

fn say(text: &str) -> Say {
    Say::new(TEAM, "CGENERAL", "UADA", text)
}

#[test]
fn the_signature_is_that_of_the_vendors_own_example() {
    let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&c\
        hannel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&resp\
        onse_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZR\
        skXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    assert_eq!(signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body), expected);
}

#[tokio::test]
async fn an_event_is_signed_over_its_exact_bytes() {
    let (slack, receiver) = slack_with_receiver().await;
    slack.say(say("hello – größer ✓"));

    let event = &receiver.wait_for_exactly(1).await[0];
    let timestamp = event.header("x-slack-request-timestamp").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(&event.body);
    let expected = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(event.header("x-slack-signature"), Some(expected.as_str()));
    assert_eq!(event.header("content-type"), Some("application/json"));
    assert_eq!(event.header("x-slack-retry-num"), None);
}

#[tokio::test]
async fn the_envelope_names_workspace_app_and_bot() {
    let (slack, receiver) = slack_with_receiver().await;
    let said = slack.say(say("hello"));

    let body = receiver.wait_for_exactly(1).await[0].json();
    assert_eq!(body["type"], "event_callback");
    assert_eq!((&body["team_id"], &body["api_app_id"]), (&json!(TEAM), &json!("A0SIMULATED")));
    assert_eq!(body["authorizations"][0]["team_id"], TEAM);
    assert_eq!(body["authorizations"][0]["user_id"], "UBOTDEMO");
    assert_eq!(body["event_id"], said.event_ids[0]);
    assert!(body["event_id"].as_str().unwrap().starts_with("Ev"));
    assert!(body["event_time"].is_i64());
    let event = &body["event"];
    assert_eq!((&event["type"], &event["channel_type"]), (&json!("message"), &json!("channel")));
    assert_eq!((&event["user"], &event["text"]), (&json!("UADA"), &json!("hello")));
    assert_eq!((&event["ts"], &event["event_ts"]), (&json!(said.ts), &json!(said.ts)));
    assert_eq!(said.thread_ts, said.ts);
    assert!(event.get("thread_ts").is_none());
}

#[tokio::test]
async fn a_mention_arrives_as_two_events_of_one_message() {
    let (slack, receiver) = slack_with_receiver().await;
    let said = slack.say(say("hello").mentioning());
    assert_eq!(said.event_ids.len(), 2);

    let mut bodies: Vec<_> = receiver.wait_for_exactly(2).await.iter().map(|event| event.json()).collect();
    bodies.sort_by_key(|body| body["event"]["type"].as_str().unwrap().to_owned());
    let (mention, message) = (&bodies[0], &bodies[1]);
    assert_eq!((&mention["event"]["type"], &message["event"]["type"]), (&json!("app_mention"), &json!("message")));
    assert_ne!(mention["event_id"], message["event_id"]);
    assert_eq!(mention["event"]["ts"], message["event"]["ts"]);
    assert_eq!(mention["event"]["text"], "<@UBOTDEMO> hello");
    assert!(mention["event"].get("channel_type").is_none());
    assert_eq!(message["event"]["channel_type"], "channel");
}

#[tokio::test]
async fn direct_messages_and_other_bots_mentions_have_no_twin() {
    let (slack, receiver) = slack_with_receiver().await;
    slack.say(Say::new(TEAM, "DADA", "UADA", "<@UBOTDEMO> hi"));
    slack.say(say("<@UBOTOTHER> hi"));
    slack.say(Say::new(TEAM, "GSECRET", "UADA", "just us"));

    let received = receiver.wait_for_exactly(3).await;
    let mut kinds: Vec<_> = received.iter().map(|event| event.json()["event"]["channel_type"].clone()).collect();
    kinds.sort_by_key(|kind| kind.to_string());
    assert_eq!(kinds, ["channel", "group", "im"]);
}

#[tokio::test]
async fn replies_edits_and_deletions_are_told() {
    let (slack, receiver) = slack_with_receiver().await;
    let root = slack.say(say("first"));
    let reply = slack.say(say("second").in_thread(&root.ts));
    assert_eq!(reply.thread_ts, root.ts);
    let received = receiver.wait_for(2).await;
    assert!(received.iter().any(|event| event.json()["event"]["thread_ts"] == root.ts));

    let (team, channel) = (TEAM.to_owned(), "CGENERAL".to_owned());
    let edit = Edit { team: team.clone(), channel: channel.clone(), ts: reply.ts.clone(), text: "third".into() };
    assert_eq!(slack.edit(edit).unwrap().len(), 1);
    let event = receiver.wait_for(3).await[2].json()["event"].clone();
    assert_eq!((&event["subtype"], &event["hidden"]), (&json!("message_changed"), &json!(true)));
    assert_eq!((&event["message"]["text"], &event["message"]["ts"]), (&json!("third"), &json!(reply.ts)));
    assert_eq!(event["previous_message"]["text"], "second");
    assert_ne!(event["ts"], json!(reply.ts));

    let delete = Delete { team, channel, ts: reply.ts.clone() };
    slack.delete(delete.clone()).unwrap();
    let event = receiver.wait_for(4).await[3].json()["event"].clone();
    assert_eq!((&event["subtype"], &event["deleted_ts"]), (&json!("message_deleted"), &json!(reply.ts)));
    assert!(slack.delete(delete).is_none(), "it is gone");
}

#[tokio::test]
async fn failed_deliveries_are_retried_three_times_with_number_and_reason() {
    let (slack, receiver) = slack_with_receiver().await;
    slack.set_options(simulators::OptionsPatch { delivery_timeout_ms: Some(80), ..Default::default() });
    let slow = Answer::Slow(Duration::from_millis(500));
    receiver.will_answer([Answer::Status(500), slow, Answer::Status(503), Answer::Status(500)]);
    slack.say(say("hello"));

    let received = receiver.wait_for_exactly(4).await;
    let retry = |event: &Received| {
        let header = |name| event.header(name).map(str::to_owned);
        (header("x-slack-retry-num"), header("x-slack-retry-reason"))
    };
    let number_and_reason = |number: &str, reason: &str| (Some(number.to_owned()), Some(reason.to_owned()));
    let retries: Vec<_> = received.iter().map(retry).collect();
    let expected = [
        (None, None),
        number_and_reason("1", "http_error"),
        number_and_reason("2", "http_timeout"),
        number_and_reason("3", "http_error"),
    ];
    assert_eq!(retries, expected);
    assert!(received.iter().all(|event| event.body == received[0].body), "the same event each time");

    let results: Vec<_> =
        slack.history(Some(TEAM)).into_iter().filter(|entry| entry.kind == HistoryKind::EventResult).collect();
    let statuses: Vec<_> = results.iter().map(|entry| entry.status).collect();
    assert_eq!(statuses, [Some(500), None, Some(503), Some(500)]);
}

#[tokio::test]
async fn retries_end_with_success_or_when_the_receiver_says_so() {
    let (slack, receiver) = slack_with_receiver().await;
    receiver.will_answer([Answer::Status(500)]);
    slack.say(say("one"));
    receiver.wait_for_exactly(2).await;

    receiver.will_answer([Answer::NoRetry(500)]);
    slack.say(say("two"));
    receiver.wait_for_exactly(3).await;
}

#[tokio::test]
async fn nobody_listening_counts_as_a_failed_connection() {
    let options = SlackOptions { retry_time_scale: 0.0, ..SlackOptions::new("http://127.0.0.1:1/", SECRET) };
    let slack = SlackSimulator::start(anywhere(), options).await.unwrap();
    slack.say(say("hello"));

    let last = slack.wait_until(PATIENCE, |slack| {
        let ended =
            |entry: &simulators::HistoryEntry| entry.kind == HistoryKind::EventResult && entry.attempt == Some(3);
        slack.history(None).into_iter().find(ended)
    });
    assert_eq!(last.await.unwrap().error.as_deref(), Some("connection_failed"));
}

#[tokio::test]
async fn a_bots_messages_come_back_to_it() {
    let (slack, receiver) = slack_with_receiver().await;
    let metadata = json!({ "event_type": "reply", "event_payload": { "outbox_id": "o1" } });
    let body = json!({ "channel": "CGENERAL", "text": "hi", "metadata": metadata });
    let ts = call(&slack, DEMO, "chat.postMessage", body).await["ts"].as_str().unwrap().to_owned();
    let echo = receiver.wait_for_exactly(1).await[0].json()["event"].clone();
    assert_eq!((&echo["type"], &echo["ts"], &echo["metadata"]), (&json!("message"), &json!(ts), &metadata));
    assert_eq!((&echo["user"], &echo["bot_id"]), (&json!("UBOTDEMO"), &json!("BBOTDEMO")));
    assert_eq!((&echo["app_id"], &echo["bot_profile"]["app_id"]), (&json!("A0SIMULATED"), &json!("A0SIMULATED")));

    call(&slack, DEMO, "chat.update", json!({ "channel": "CGENERAL", "ts": ts, "text": "hello" })).await;
    let echo = receiver.wait_for_exactly(2).await[1].json()["event"].clone();
    assert_eq!((&echo["subtype"], &echo["message"]["text"]), (&json!("message_changed"), &json!("hello")));
    assert_eq!(echo["message"]["metadata"], metadata, "an update that does not mention metadata keeps it");

    slack.set_options(simulators::OptionsPatch { self_echo: Some(false), ..Default::default() });
    post_text(&slack, DEMO, "CGENERAL", "quiet").await;
    receiver.wait_for_exactly(2).await;
}

#[tokio::test]
async fn raw_requests_can_be_signed_wrong_in_every_way() {
    let (slack, receiver) = slack_with_receiver().await;
    let body = json!("{\"type\":\"url_verification\",\"challenge\":\"c\"}");
    let unsigned = Raw { body: body.clone(), ..Raw::default() };
    let old = Raw { signed: true, timestamp_offset: Some(-301), ..unsigned.clone() };
    let foreign = Raw { signed: true, secret: Some("other".into()), ..unsigned.clone() };
    let replaced =
        Raw { signed: true, headers: [("X-Slack-Signature".into(), "v1=00".into())].into(), ..unsigned.clone() };
    for raw in [unsigned, old, foreign, replaced] {
        assert_eq!(slack.send_raw(raw).await.status, Some(200));
    }

    let received = receiver.wait_for_exactly(4).await;
    assert_eq!(received[0].header("x-slack-signature"), None);
    assert_eq!(received[0].body, body.as_str().unwrap());
    let old: u64 = received[1].header("x-slack-request-timestamp").unwrap().parse().unwrap();
    let timestamp = received[2].header("x-slack-request-timestamp").unwrap();
    assert!((301..=304).contains(&(timestamp.parse::<u64>().unwrap() - old)));
    assert_eq!(
        received[2].header("x-slack-signature"),
        Some(signature("other", timestamp, &received[2].body).as_str())
    );
    assert_eq!(received[3].headers.get_all("x-slack-signature").iter().collect::<Vec<_>>(), ["v1=00"]);
}

#[tokio::test]
async fn any_inner_event_can_be_sent_and_strangers_hear_nothing() {
    let (slack, receiver) = slack_with_receiver().await;
    let event_id = slack.send_event("TOTHER", json!({ "type": "app_uninstalled" }));
    let body = receiver.wait_for_exactly(1).await[0].json();
    assert_eq!((&body["event_id"], &body["team_id"]), (&json!(event_id), &json!("TOTHER")));
    assert_eq!(body["event"], json!({ "type": "app_uninstalled" }));

    let (team, channel) = (TEAM.to_owned(), "CGENERAL".to_owned());
    slack.set_channel(ChannelSetup { team, channel, member: Some(false), ..ChannelSetup::default() });
    assert!(slack.say(say("the bot is not in here").mentioning()).event_ids.is_empty());
    receiver.wait_for_exactly(1).await;
}

#[tokio::test]
async fn event_ids_and_ts_never_repeat() {
    let slack = quiet_slack().await;
    let said: Vec<_> = (0..200).map(|_| slack.say(say("x").mentioning())).collect();
    let mut ids: Vec<_> = said.iter().flat_map(|one| one.event_ids.clone()).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(said.windows(2).all(|pair| pair[0].ts < pair[1].ts), "growing");
    let (seconds, micros) = said[0].ts.split_once('.').unwrap();
    assert_eq!((seconds.len(), micros.len()), (10, 6));
}

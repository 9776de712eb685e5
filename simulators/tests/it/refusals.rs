//! Slack's Web API refuses what the real one refuses, in its own words.

use serde_json::{Value, json};
use simulators::{ChannelSetup, HistoryKind, OptionsPatch, Say};

use crate::harness::*;

#[tokio::test]
async fn tokens_decide_who_calls() {
    let slack = quiet_slack().await;
    let test = async |token: &str| call(&slack, token, "auth.test", json!({})).await;
    let demo = test(DEMO).await;
    assert_eq!((&demo["team_id"], &demo["user_id"]), (&json!("TDEMO"), &json!("UBOTDEMO")));
    assert_eq!((&demo["bot_id"], &demo["ok"]), (&json!("BBOTDEMO"), &json!(true)));
    assert_eq!(test("xoxb-revoked-demo").await["error"], "token_revoked");
    assert_eq!(test("xoxb-12345").await["error"], "invalid_auth");
    let nobody: Value =
        http().post(format!("{}auth.test", slack.api_url())).send().await.unwrap().json().await.unwrap();
    assert_eq!(nobody["error"], "not_authed");
    assert_eq!(error_of(&slack, "chat.unheardOf", json!({})).await, "unknown_method");
}

#[tokio::test]
async fn channels_that_are_missing_foreign_or_archived_refuse() {
    let slack = quiet_slack().await;
    let post = async |channel: &str| {
        error_of(&slack, "chat.postMessage", json!({ "channel": channel, "text": "x" })).await
    };
    let setup =
        |channel: &str| ChannelSetup { team: TEAM.into(), channel: channel.into(), ..ChannelSetup::default() };
    slack.set_channel(ChannelSetup { exists: Some(false), ..setup("CGONE") });
    slack.set_channel(ChannelSetup { member: Some(false), ..setup("COUTSIDE") });
    slack.set_channel(ChannelSetup { member: Some(false), ..setup("GOUTSIDE") });
    slack.set_channel(ChannelSetup { archived: Some(true), ..setup("COLD") });

    assert_eq!(post("general").await, "channel_not_found");
    assert_eq!(post("CGONE").await, "channel_not_found");
    assert_eq!(post("COUTSIDE").await, "not_in_channel");
    assert_eq!(post("GOUTSIDE").await, "channel_not_found", "a private channel is not even admitted");
    assert_eq!(post("COLD").await, "is_archived");
    assert_eq!(error_of(&slack, "chat.postMessage", json!({ "text": "x" })).await, "channel_not_found");
    assert_eq!(
        error_of(&slack, "conversations.history", json!({ "channel": "COUTSIDE" })).await,
        "not_in_channel"
    );
    let info = call(&slack, DEMO, "conversations.info", json!({ "channel": "COUTSIDE" })).await;
    assert_eq!(info["channel"]["is_member"], false);
}

#[tokio::test]
async fn text_has_to_be_there_and_fit() {
    let slack = quiet_slack().await;
    let post = async |mut body: Value| {
        body["channel"] = json!("C1");
        call(&slack, DEMO, "chat.postMessage", body).await
    };
    for nothing in [json!({}), json!({ "text": "" }), json!({ "text": " \n" }), json!({ "blocks": [] })] {
        assert_eq!(post(nothing).await["error"], "no_text");
    }
    assert_eq!(post(json!({ "text": "ä".repeat(40_000) })).await["ok"], true);
    assert_eq!(post(json!({ "text": "ä".repeat(40_001) })).await["error"], "msg_too_long");
    assert_eq!(post(json!({ "markdown_text": "x".repeat(12_000) })).await["ok"], true);
    assert_eq!(post(json!({ "markdown_text": "x".repeat(12_001) })).await["error"], "msg_too_long");
    assert_eq!(post(json!({ "markdown_text": "x", "text": "x" })).await["error"], "markdown_text_conflict");
    assert_eq!(post(json!({ "text": "x", "thread_ts": "yesterday" })).await["error"], "invalid_thread_ts");
}

#[tokio::test]
async fn an_update_takes_less_text_than_a_post() {
    let slack = quiet_slack().await;
    let ts = post_text(&slack, DEMO, "C1", "x").await;
    let update = json!({ "channel": "C1", "ts": ts, "text": "x".repeat(4_001) });
    assert_eq!(error_of(&slack, "chat.update", update.clone()).await, "msg_too_long");
    slack.set_options(OptionsPatch { update_text_max: Some(40_000), ..OptionsPatch::default() });
    assert_eq!(call(&slack, DEMO, "chat.update", update).await["ok"], true);
}

#[tokio::test]
async fn blocks_and_metadata_are_checked() {
    let slack = quiet_slack().await;
    let post = async |blocks: Value| {
        let body = json!({ "channel": "C1", "text": "fallback", "blocks": blocks });
        call(&slack, DEMO, "chat.postMessage", body).await
    };
    let section = |length: usize| {
        let text = "x".repeat(length);
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
    };
    assert_eq!(post(json!([section(3_000)])).await["ok"], true);
    let refused = post(json!([section(1), section(3_001)])).await;
    assert_eq!(refused["error"], "invalid_blocks");
    let message = refused["response_metadata"]["messages"][0].as_str().unwrap();
    assert_eq!(message, "[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]");
    assert_eq!(post(json!(vec![json!({ "type": "divider" }); 50])).await["ok"], true);
    assert_eq!(post(json!(vec![json!({ "type": "divider" }); 51])).await["error"], "invalid_blocks");
    assert_eq!(post(json!([{ "type": "sektion" }])).await["error"], "invalid_blocks");
    assert_eq!(post(json!([section(0)])).await["error"], "invalid_blocks");
    assert_eq!(post(json!(vec![section(2_700); 5])).await["error"], "msg_blocks_too_long");
    assert_eq!(post(json!("not json")).await["error"], "invalid_blocks_format");

    for metadata in [json!("x"), json!({ "event_type": "a" }), json!({ "event_type": "a", "event_payload": "b" })]
    {
        let body = json!({ "channel": "C1", "text": "x", "metadata": metadata });
        assert_eq!(error_of(&slack, "chat.postMessage", body).await, "invalid_metadata_format");
    }
}

#[tokio::test]
async fn only_its_own_messages_can_be_changed() {
    let slack = quiet_slack().await;
    let theirs = slack.say(Say::new(TEAM, "C1", "UADA", "mine")).ts;
    let touch = async |method: &str, ts: &str| {
        error_of(&slack, method, json!({ "channel": "C1", "ts": ts, "text": "x" })).await
    };
    assert_eq!(touch("chat.update", &theirs).await, "cant_update_message");
    assert_eq!(touch("chat.delete", &theirs).await, "cant_delete_message");
    assert_eq!(touch("chat.update", "1767000000.000001").await, "message_not_found");
    assert_eq!(touch("chat.delete", "1767000000.000001").await, "message_not_found");
    assert_eq!(slack.transcript(TEAM, "C1", None)[0].text, "mine");

    let refused = slack.history(Some(TEAM)).into_iter().rfind(|entry| entry.kind == HistoryKind::Refused).unwrap();
    assert_eq!(
        (refused.method.as_deref(), refused.error.as_deref()),
        (Some("chat.delete"), Some("message_not_found"))
    );
}

#[tokio::test]
async fn a_reaction_counts_once() {
    let slack = quiet_slack().await;
    let ts = slack.say(Say::new(TEAM, "C1", "UADA", "hi")).ts;
    let eyes = json!({ "channel": "C1", "timestamp": ts, "name": "eyes" });
    assert_eq!(call(&slack, DEMO, "reactions.add", eyes.clone()).await["ok"], true);
    assert_eq!(error_of(&slack, "reactions.add", eyes.clone()).await, "already_reacted");
    let seen = slack.transcript(TEAM, "C1", None).remove(0).reactions.remove(0);
    assert_eq!((seen.name.as_str(), seen.count, seen.users), ("eyes", 1, vec!["UBOTDEMO".to_owned()]));
    assert_eq!(call(&slack, DEMO, "reactions.remove", eyes.clone()).await["ok"], true);
    assert_eq!(error_of(&slack, "reactions.remove", eyes).await, "no_reaction");
    let lost = json!({ "channel": "C1", "timestamp": "1767000000.000001", "name": "eyes" });
    assert_eq!(error_of(&slack, "reactions.add", lost).await, "message_not_found");
}

#[tokio::test]
async fn one_message_a_second_when_switched_on() {
    let slack = quiet_slack().await;
    post_text(&slack, DEMO, "C1", "one").await;
    post_text(&slack, DEMO, "C1", "two").await;
    slack.set_options(OptionsPatch { one_message_per_second: Some(true), ..OptionsPatch::default() });

    let url = format!("{}chat.postMessage", slack.api_url());
    let body = json!({ "channel": "C1", "text": "three" });
    let answer = http().post(url).bearer_auth(DEMO).json(&body).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(answer.json::<Value>().await.unwrap()["error"], "ratelimited");
    post_text(&slack, DEMO, "C2", "another channel is free").await;
}

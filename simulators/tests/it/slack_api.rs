//! The parts of the Web API that answer: people, channels, threads, pages; by form, JSON and query alike.

use serde_json::{Value, json};
use simulators::{ChannelType, HistoryKind, Say, SlackSimulator};

use crate::harness::*;

const OTHER: &str = "xoxb-simulated-other";

#[tokio::test]
async fn forms_json_and_queries_say_the_same() {
    let slack = quiet_slack().await;
    let url = |method: &str| format!("{}{method}", slack.api_url());
    let blocks = json!([{ "type": "section", "text": { "type": "mrkdwn", "text": "Hi & bye" } }]).to_string();
    let form = [("channel", "C1"), ("text", "Hi & bye"), ("blocks", &blocks), ("token", DEMO)];
    let answer: Value =
        http().post(url("chat.postMessage")).form(&form).send().await.unwrap().json().await.unwrap();
    assert_eq!((&answer["ok"], &answer["message"]["text"]), (&json!(true), &json!("Hi & bye")));

    let query = [("user", "UADA")];
    let request = http().get(url("users.info")).bearer_auth(DEMO).query(&query);
    let by_query: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(by_query, call(&slack, DEMO, "users.info", json!({ "user": "UADA" })).await);

    let long = "ü".repeat(39_999);
    let form = [("channel", "C1"), ("text", long.as_str())];
    let request = http().post(url("chat.postMessage")).bearer_auth(DEMO).form(&form);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["message"]["text"], long);
}

#[tokio::test]
async fn people_have_names_that_stay() {
    let slack = quiet_slack().await;
    let info = async |user: &str| call(&slack, DEMO, "users.info", json!({ "user": user })).await;
    assert_eq!(info("UADA").await["user"]["real_name"], "Ada Lovelace");
    assert_eq!(info("UGRACE").await["user"]["profile"]["display_name"], "Grace Hopper");
    let somebody = info("U0SOMEONE").await;
    assert!(somebody["user"]["real_name"].as_str().unwrap().contains(' '));
    assert_eq!(somebody, info("U0SOMEONE").await);
    assert_eq!(info("UBOTDEMO").await["user"]["is_bot"], true);
    assert_eq!(info("nobody").await["error"], "user_not_found");
    assert_eq!(info("UBOTOTHER").await["error"], "user_not_found");
    let bot = call(&slack, DEMO, "bots.info", json!({ "bot": "BBOTDEMO" })).await;
    assert_eq!(bot["bot"]["app_id"], "A0SIMULATED");
}

#[tokio::test]
async fn channel_ids_say_what_a_channel_is() {
    let slack = quiet_slack().await;
    let info = async |channel: &str| {
        call(&slack, DEMO, "conversations.info", json!({ "channel": channel })).await["channel"].clone()
    };
    let general = info("CGENERAL").await;
    assert_eq!(
        (&general["is_private"], &general["name"], &general["is_im"]),
        (&json!(false), &json!("general"), &json!(false))
    );
    assert_eq!(info("GSECRET").await["is_private"], true);
    slack.say(Say::new(TEAM, "DADA", "UADA", "hi"));
    let direct = info("DADA").await;
    assert_eq!((&direct["is_im"], &direct["user"]), (&json!(true), &json!("UADA")));
    slack.say(Say { channel_type: Some(ChannelType::Mpim), ..Say::new(TEAM, "GMANY", "UADA", "hi") });
    assert_eq!(info("GMANY").await["is_mpim"], true);

    let opened =
        call(&slack, DEMO, "conversations.open", json!({ "users": "UGRACE" })).await["channel"]["id"].clone();
    let posted = call(&slack, DEMO, "chat.postMessage", json!({ "channel": "UGRACE", "text": "hello" })).await;
    assert_eq!(posted["channel"], opened);
}

/// A thread of one question and five answers, and one message elsewhere; returns the `ts` of all but the last.
async fn a_thread(slack: &SlackSimulator) -> (String, Vec<String>) {
    let root = slack.say(Say::new(TEAM, "C1", "UADA", "root")).ts;
    let mut replies = Vec::new();
    for number in 0..5 {
        let metadata = json!({ "event_type": "reply", "event_payload": { "outbox_id": number } });
        let text = format!("reply {number}");
        let body = json!({ "channel": "C1", "thread_ts": root, "text": text, "metadata": metadata });
        let answer = call(slack, DEMO, "chat.postMessage", body).await;
        replies.push(answer["ts"].as_str().unwrap().to_owned());
    }
    slack.say(Say::new(TEAM, "C1", "UADA", "elsewhere"));
    (root, replies)
}

async fn read_thread(slack: &SlackSimulator, root: &str, mut body: Value) -> Value {
    (body["channel"], body["ts"]) = (json!("C1"), json!(root));
    call(slack, DEMO, "conversations.replies", body).await
}

fn texts(page: &Value) -> Vec<&str> {
    page["messages"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_thread_is_read_with_metadata_on_demand() {
    let slack = quiet_slack().await;
    let (root, replies) = a_thread(&slack).await;

    let whole = read_thread(&slack, &root, json!({})).await;
    assert_eq!(texts(&whole), ["root", "reply 0", "reply 1", "reply 2", "reply 3", "reply 4"]);
    assert_eq!((&whole["has_more"], &whole["messages"][0]["reply_count"]), (&json!(false), &json!(5)));
    assert!(whole["messages"][1].get("metadata").is_none());

    let rest = json!({ "include_all_metadata": true, "oldest": replies[3] });
    let rest = read_thread(&slack, &root, rest).await;
    assert_eq!(texts(&rest), ["root", "reply 4"]);
    assert_eq!(rest["messages"][1]["metadata"]["event_payload"]["outbox_id"], 4);

    let history = call(&slack, DEMO, "conversations.history", json!({ "channel": "C1" })).await;
    assert_eq!(texts(&history), ["elsewhere", "root"]);
    let permalink = json!({ "channel": "C1", "message_ts": root });
    let permalink = call(&slack, DEMO, "chat.getPermalink", permalink).await;
    assert!(permalink["permalink"].as_str().unwrap().ends_with(&root.replace('.', "")));
}

#[tokio::test]
async fn a_thread_is_read_page_by_page() {
    let slack = quiet_slack().await;
    let (root, _) = a_thread(&slack).await;

    let first = read_thread(&slack, &root, json!({ "limit": 3 })).await;
    assert_eq!(texts(&first), ["root", "reply 0", "reply 1", "reply 2"]);
    assert_eq!(first["has_more"], true);
    let cursor = &first["response_metadata"]["next_cursor"];
    let second = read_thread(&slack, &root, json!({ "limit": 3, "cursor": cursor })).await;
    assert_eq!((texts(&second), &second["has_more"]), (vec!["reply 3", "reply 4"], &json!(false)));

    assert_eq!(read_thread(&slack, &root, json!({ "cursor": "zz" })).await["error"], "invalid_cursor");
    assert_eq!(read_thread(&slack, "1767000000.000001", json!({})).await["error"], "thread_not_found");
}

#[tokio::test]
async fn workspaces_do_not_see_each_other() {
    let slack = quiet_slack().await;
    let ts = post_text(&slack, DEMO, "C1", "demo only").await;
    post_text(&slack, OTHER, "C1", "other only").await;

    let history = call(&slack, OTHER, "conversations.history", json!({ "channel": "C1" })).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 1);
    assert_eq!(history["messages"][0]["text"], "other only");
    let replies = call(&slack, OTHER, "conversations.replies", json!({ "channel": "C1", "ts": ts })).await;
    assert_eq!(replies["error"], "thread_not_found");
    for method in ["chat.update", "chat.delete"] {
        let answer = call(&slack, OTHER, method, json!({ "channel": "C1", "ts": ts, "text": "stolen" })).await;
        assert_eq!(answer["error"], "message_not_found");
    }
    assert!(slack.history(Some("TOTHER")).iter().all(|entry| entry.team == "TOTHER"));
    assert_eq!(slack.transcript(TEAM, "C1", None).len(), 1);
}

#[tokio::test]
async fn a_status_shows_until_the_answer_comes() {
    let slack = quiet_slack().await;
    let root = slack.say(Say::new(TEAM, "DADA", "UADA", "hi")).ts;
    let mut status = json!({ "channel_id": "DADA", "thread_ts": root, "status": "is thinking…" });
    status["loading_messages"] = json!(["a"]);
    assert_eq!(call(&slack, DEMO, "assistant.threads.setStatus", status).await["ok"], true);
    assert_eq!(slack.status(TEAM, "DADA", &root).as_deref(), Some("is thinking…"));
    let body = json!({ "channel": "DADA", "thread_ts": root, "text": "done" });
    call(&slack, DEMO, "chat.postMessage", body).await;
    assert_eq!(slack.status(TEAM, "DADA", &root), None);
    assert!(slack.history(None).iter().any(|entry| entry.kind == HistoryKind::Status));
    let incomplete = json!({ "channel_id": "DADA", "status": "x" });
    assert_eq!(error_of(&slack, "assistant.threads.setStatus", incomplete).await, "invalid_arguments");
}

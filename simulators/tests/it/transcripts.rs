//! What users see, what happened in which order, and the control API over HTTP.

use serde_json::{Value, json};
use simulators::{AuthorKind, HistoryKind, Say};

use crate::harness::*;

async fn control(slack: &simulators::SlackSimulator, path: &str, body: Value) -> (u16, Value) {
    let answer = http().post(format!("http://{}/_sim/{path}", slack.addr)).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn look(slack: &simulators::SlackSimulator, path: &str) -> Value {
    http().get(format!("http://{}/_sim/{path}", slack.addr)).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_transcript_shows_the_last_state() {
    let slack = quiet_slack().await;
    let root = slack.say(Say::new(TEAM, "C1", "UADA", "question")).ts;
    let body = json!({ "channel": "C1", "thread_ts": root, "text": "…" });
    let ts = call(&slack, DEMO, "chat.postMessage", body).await["ts"].as_str().unwrap().to_owned();
    call(&slack, DEMO, "chat.update", json!({ "channel": "C1", "ts": ts, "text": "answer" })).await;
    let gone = post_text(&slack, DEMO, "C1", "oops").await;
    call(&slack, DEMO, "chat.delete", json!({ "channel": "C1", "ts": gone })).await;
    let blocks = json!([
        { "type": "header", "text": { "type": "plain_text", "text": "Approve?" } },
        { "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": [
            { "type": "text", "text": "It costs " }, { "type": "text", "text": "5 euros" }] }] },
        { "type": "actions", "elements": [
            { "type": "button", "text": { "type": "plain_text", "text": "Yes" } }] },
    ]);
    call(&slack, DEMO, "chat.postMessage", json!({ "channel": "C1", "blocks": blocks })).await;

    let seen = slack.transcript(TEAM, "C1", None);
    let texts: Vec<_> = seen.iter().map(|entry| (entry.text.as_str(), entry.author_kind, entry.edited)).collect();
    let expected = [
        ("question", AuthorKind::Person, false),
        ("answer", AuthorKind::Bot, true),
        ("Approve?\nIt costs 5 euros", AuthorKind::Bot, false),
    ];
    assert_eq!(texts, expected);
    assert_eq!((seen[0].author.as_str(), seen[0].author_name.as_str()), ("UADA", "Ada Lovelace"));
    assert_eq!(slack.transcript(TEAM, "C1", Some(&root)).len(), 2);

    let over_http = look(&slack, &format!("transcript?team={TEAM}&channel=C1&thread_ts={root}")).await;
    assert_eq!(over_http[1]["text"], "answer");
    assert_eq!(over_http[1]["author_kind"], "bot");
}

#[tokio::test]
async fn history_keeps_every_state_a_user_saw() {
    let slack = quiet_slack().await;
    slack.say(Say::new(TEAM, "C1", "UADA", "question"));
    let ts = post_text(&slack, DEMO, "C1", "one").await;
    call(&slack, DEMO, "chat.update", json!({ "channel": "C1", "ts": ts, "text": "one two" })).await;
    call(&slack, DEMO, "chat.delete", json!({ "channel": "C1", "ts": ts })).await;

    let history = slack.history(Some(TEAM));
    let steps: Vec<_> = history.iter().map(|entry| (entry.kind, entry.text.as_deref().unwrap())).collect();
    let expected = [
        (HistoryKind::Post, "question"),
        (HistoryKind::Post, "one"),
        (HistoryKind::Update, "one two"),
        (HistoryKind::Delete, "one two"),
    ];
    assert_eq!(steps, expected);
    assert!(history.windows(2).all(|pair| pair[0].seq < pair[1].seq && pair[0].at_ms <= pair[1].at_ms));

    let rest = look(&slack, &format!("history?team={TEAM}&after={}", history[2].seq)).await;
    assert_eq!((rest.as_array().unwrap().len(), &rest[0]["kind"]), (1, &json!("delete")));
    assert_eq!(look(&slack, "history?team=TNOBODY").await, json!([]));
}

#[tokio::test]
async fn history_can_be_waited_for() {
    let slack = quiet_slack().await;
    let waiting = look(&slack, "history?wait_ms=8000");
    let later = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        slack.say(Say::new(TEAM, "C1", "UADA", "now"));
    };
    let (news, ()) = tokio::join!(waiting, later);
    assert_eq!(news[0]["text"], "now");
}

#[tokio::test]
async fn a_person_speaks_over_http() {
    let (slack, receiver) = slack_with_receiver().await;
    let say = json!({ "team": TEAM, "channel": "C1", "user": "UADA", "text": "hello", "mention": true });
    let (status, said) = control(&slack, "say", say).await;
    assert_eq!((status, said["event_ids"].as_array().unwrap().len()), (200, 2));
    assert_eq!(said["thread_ts"], said["ts"]);
    receiver.wait_for(2).await;

    let edit = json!({ "team": TEAM, "channel": "C1", "ts": said["ts"], "text": "hallo" });
    assert_eq!(control(&slack, "edit", edit).await.0, 200);
    let delete = json!({ "team": TEAM, "channel": "C1", "ts": said["ts"] });
    assert_eq!(control(&slack, "delete", delete.clone()).await.0, 200);
    let (status, error) = control(&slack, "delete", delete).await;
    assert_eq!(status, 404);
    assert!(error["error"].as_str().unwrap().starts_with("There is no message"));
    assert_eq!(control(&slack, "say", json!({ "team": TEAM })).await.0, 400);

    let (_, outcome) = control(&slack, "raw", json!({ "body": { "type": "x" }, "signed": true })).await;
    assert_eq!(outcome["status"], 200);
    let (_, sent) = control(&slack, "event", json!({ "team": TEAM, "event": { "type": "tokens_revoked" } })).await;
    assert_eq!(sent["event_ids"].as_array().unwrap().len(), 1);
    let (_, options) = control(&slack, "options", json!({ "self_echo": false, "retry_time_scale": 0.5 })).await;
    assert_eq!((&options["self_echo"], &options["retry_time_scale"]), (&json!(false), &json!(0.5)));
    assert!(options.get("signing_secret").is_none());
    let channel = json!({ "team": TEAM, "channel": "C9", "archived": true });
    assert_eq!(control(&slack, "channel", channel).await.0, 200);
    assert_eq!(error_of(&slack, "chat.postMessage", json!({ "channel": "C9", "text": "x" })).await, "is_archived");
}

#[tokio::test]
async fn a_test_can_wait_for_what_it_expects() {
    let slack = quiet_slack().await;
    let found = slack.wait_until(PATIENCE, |slack| slack.transcript(TEAM, "C1", None).pop());
    let later = async { slack.say(Say::new(TEAM, "C1", "UADA", "here")) };
    let (found, _) = tokio::join!(found, later);
    assert_eq!(found.unwrap().text, "here");
    let nothing = slack.wait_until(std::time::Duration::from_millis(20), |_| None::<()>).await;
    assert!(nothing.is_none());
}

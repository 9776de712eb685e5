//! A customer on a phone asks for a human, and a colleague answers in Slack.

use std::time::Duration;

use serde_json::{Value, json};
use simulators::{AuthorKind, Click, FileUp, PersonSetup, Say, SlackSimulator, TranscriptEntry};

use crate::{
    house::PATIENCE,
    phones::{ADA as PHONE, Phones, Shop},
};

const DESK: &str = "CDESK";
const GRACE: &str = "UGRACE";

/// The shop's own workspace, with a desk in it.
async fn desk(shop: &Shop<'_>) -> String {
    let token = "xoxb-simulated-acme";
    let made = shop.call("POST", "connections", json!({ "channel": "slack", "bot_token": token })).await;
    shop.call("PUT", "escalation-desk", json!({ "connection": made["id"], "channel": DESK })).await;
    simulators::team_of(token).expect("a workspace")
}

fn lines(slack: &SlackSimulator, team: &str, thread: Option<&str>) -> Vec<TranscriptEntry> {
    let mut entries = slack.transcript(team, DESK, thread);
    entries.retain(|entry| entry.author_kind == AuthorKind::Bot);
    entries
}

async fn shows(shop: &Shop<'_>, team: &str, thread: Option<&str>, words: &str) -> TranscriptEntry {
    let there = |slack: &SlackSimulator| {
        lines(slack, team, thread).into_iter().find(|entry| {
            entry.text.contains(words)
                || entry.blocks.as_ref().is_some_and(|blocks| blocks.to_string().contains(words))
        })
    };
    let slack = &shop.phones.house.slack;
    let seen = slack.wait_until(PATIENCE, there).await;
    seen.unwrap_or_else(|| panic!("`{words}` is not in {:?}", lines(slack, team, thread)))
}

async fn count(shop: &Shop<'_>, query: &'static str) -> i64 {
    let mut tx = shop.db.begin_for_all_audiences().await.expect("a transaction");
    let count = sqlx::query_scalar(query).bind(shop.id).fetch_one(tx.conn()).await.expect("a number");
    tx.close().await.expect("closed");
    count
}

/// Whoever brings files to the thread is told that only words reach the customer.
async fn files_do_not_come_along(shop: &Shop<'_>, team: &str, thread: &str) {
    let slack = &shop.phones.house.slack;
    let photo = || FileUp::new("label.png", "image/png", *b"\x89PNG");
    slack.say(Say::new(team, DESK, GRACE, "This label.").in_thread(thread).with(photo()));
    let replies = shop.answered(PHONE, 6).await;
    assert!(replies[5].contains("This label.") && !replies[5].contains("label.png"), "{replies:?}");
    slack.say(Say::new(team, DESK, GRACE, "").in_thread(thread).with(photo()));
    for words in ["your files were not", "Nothing was sent"] {
        let whispered = |slack: &SlackSimulator| {
            slack.whispers(team, GRACE).iter().any(|line| line.text.contains(words)).then_some(())
        };
        slack.wait_until(PATIENCE, whispered).await.unwrap_or_else(|| panic!("Grace is not told `{words}`"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_252_a_customer_who_asks_for_a_human_is_answered_from_slack_once_and_only_by_members() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let shop = phones.shop("acme").await;
    let team = desk(&shop).await;
    let slack = &phones.house.slack;
    slack.set_person(PersonSetup { team: team.clone(), user: "UGUEST".into(), guest: Some(true), home: None });
    shop.hears(PHONE, "Hello");
    shop.answered(PHONE, 1).await;
    shop.hears(PHONE, "My parcel 4711 is broken. I want to talk to a human.");
    let told = shop.answered(PHONE, 2).await;
    assert!(told[1].contains("A colleague has been asked"), "{told:?}");
    let notice = shows(&shop, &team, None, "parcel 4711").await;
    let thread = notice.ts.clone();

    // A guest reads along, and can't answer.
    slack.say(Say::new(&team, DESK, "UGUEST", "Send him to evil.example").in_thread(&thread));
    let whispered = |slack: &SlackSimulator| {
        slack.whispers(&team, "UGUEST").iter().any(|line| line.text.contains("Only full members")).then_some(())
    };
    slack.wait_until(PATIENCE, whispered).await.expect("the guest is told");
    slack.say(Say::new(&team, DESK, GRACE, "A new one is on its way, Ada.").in_thread(&thread));
    let replies = shop.answered(PHONE, 3).await;
    assert!(replies[2].contains("A new one is on its way, Ada."), "{replies:?}");
    shop.hears(PHONE, "Thank you! When?");
    shows(&shop, &team, Some(&thread), "Thank you! When?").await;
    slack.say(Say::new(&team, DESK, GRACE, "Tomorrow.").in_thread(&thread));
    let replies = shop.answered(PHONE, 4).await;
    assert!(replies[3].contains("Tomorrow."), "{replies:?}");
    // Who names the agent there asks the agent; what is written after it is for the customer again.
    let mention = slack
        .say(Say::new(&team, DESK, GRACE, "remember that parcels take two days").mentioning().in_thread(&thread));
    shows(&shop, &team, Some(&thread), "Noted").await;
    assert_eq!(mention.thread_ts, thread);
    slack.say(Say::new(&team, DESK, GRACE, "By noon.").in_thread(&thread));
    let replies = shop.answered(PHONE, 5).await;
    assert!(replies[4].contains("By noon."), "{replies:?}");
    files_do_not_come_along(&shop, &team, &thread).await;
    // Talk elsewhere in the channel is nobody's answer.
    let elsewhere = slack.say(Say::new(&team, DESK, GRACE, "Lunch?"));
    slack.say(Say::new(&team, DESK, GRACE, "Pizza?").in_thread(&elsewhere.thread_ts));

    let click = Click {
        team: team.clone(),
        user: GRACE.into(),
        channel: DESK.into(),
        ts: thread.clone(),
        action_id: "close_escalation:".into(),
        ..Click::default()
    };
    slack.click(&click).await.expect("the button is there");
    shows(&shop, &team, None, "the agent has the conversation again").await;
    slack.say(Say::new(&team, DESK, GRACE, "Too late").in_thread(&thread));
    let whispered = |slack: &SlackSimulator| {
        slack.whispers(&team, GRACE).iter().any(|line| line.text.contains("This is closed")).then_some(())
    };
    slack.wait_until(PATIENCE, whispered).await.expect("Grace is told");
    shop.hears(PHONE, "Are you there?");
    let replies = shop.answered(PHONE, 7).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let all: String = shop.replies(PHONE).iter().map(|reply| reply.text.clone()).collect::<Vec<_>>().join("\n");
    assert!(
        !all.contains("evil") && !all.contains("Pizza") && !all.contains("Too late") && !all.contains("two days"),
        "{all}"
    );
    assert_eq!((shop.replies(PHONE).len(), all.matches("Tomorrow.").count()), (7, 1), "{replies:?}");
    let by_person = "select count(*) from audit_events where tenant_id = $1 and actor_kind = 'person'
                       and action in ('conversation.takeover', 'conversation.reply', 'conversation.release', 'escalation.take')";
    assert_eq!(count(&shop, by_person).await, 6, "taken, answered four times, given back");
    let escalations = shop.call("GET", "escalations", Value::Null).await;
    assert_eq!(escalations["items"][0]["state"], json!("closed"));
}

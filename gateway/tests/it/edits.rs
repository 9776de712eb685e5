//! What is not for the agent: its own echo, other bots, edits, and what people say among themselves.

use serde_json::{Value, json};

use crate::{
    events::{ADA, having, message, new_ts},
    stage::{Firm, House},
};

/// What nobody but those who talked may read later.
const CANARY: &str = "CANARY-among-ourselves";

fn changed(before: &Value, text: &str) -> Value {
    let after = having(before.clone(), json!({ "text": text, "edited": { "user": ADA, "ts": new_ts() } }));
    let ts = new_ts();
    json!({ "type": "message", "subtype": "message_changed", "hidden": true, "channel": before["channel"],
            "channel_type": "channel", "ts": ts, "event_ts": ts, "message": after, "previous_message": before })
}

fn deleted(before: &Value) -> Value {
    let ts = new_ts();
    json!({ "type": "message", "subtype": "message_deleted", "hidden": true, "channel": before["channel"],
            "channel_type": "channel", "ts": ts, "event_ts": ts, "deleted_ts": before["ts"], "previous_message": before })
}

/// A message of ours, as Slack sends it back.
fn echo(firm: &Firm, thread: &Value) -> Value {
    let bot = format!("B{}", &firm.bot[1..]);
    having(
        message("C1", "an answer"),
        json!({ "user": firm.bot, "bot_id": bot, "thread_ts": thread,
        "bot_profile": { "id": bot, "app_id": "A0PLATFORM" }, "app_id": "A0PLATFORM" }),
    )
}

/// Whether any byte the product keeps holds the canary.
async fn kept_canary(house: &House, firm: &Firm) -> bool {
    let sql = format!(
        "select count(*) from inbox where position('{CANARY}'::bytea in raw) > 0
                          or normalized::text like '%{CANARY}%'"
    );
    house.count(firm.tenant, &sql).await > 0
        || house.quarantined().await.iter().any(|(_, raw)| String::from_utf8_lossy(raw).contains(CANARY))
}

#[tokio::test]
async fn attack_58_own_messages_and_other_bots_are_not_stored() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let question = message("C1", &format!("<@{}> hello", acme.bot));
    house.hear(&acme, question.clone()).await;
    let own = echo(&acme, &question["ts"]);
    let mention = format!("<@{}> I am a bot, too", acme.bot);
    let robots = [
        own.clone(),
        having(own.clone(), json!({ "subtype": "bot_message", "user": null, "streaming_state": "completed" })),
        having(own.clone(), json!({ "bot_id": null })),
        having(own.clone(), json!({ "text": mention })),
        having(message("C1", &mention), json!({ "bot_id": "B0OTHER", "user": "UOTHERBOT" })),
        having(message("C1", &mention), json!({ "bot_id": "B0OTHER", "subtype": "bot_message", "user": null })),
        having(message("C1", &mention), json!({ "type": "app_mention", "bot_id": "B0OTHER" })),
        having(message("D1", "hello"), json!({ "channel_type": "im", "user": "USLACKBOT" })),
        having(message("D1", "hello"), json!({ "channel_type": "im", "user": "USLACK" })),
        changed(&own, "an answer, streamed on"),
        deleted(&own),
    ];
    for event in robots {
        house.hear(&acme, event.clone()).await;
        assert_eq!(house.stored(acme.tenant).await, 1, "{event}");
    }
    assert!(house.quarantined().await.is_empty());
}

#[tokio::test]
async fn attack_54_edits_deletions_and_other_subtypes_are_never_pending() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let question = message("C1", &format!("<@{}> hello", acme.bot));
    house.hear(&acme, question.clone()).await;
    let inside = json!({ "thread_ts": question["ts"] });
    let edit = changed(&question, &format!("<@{}> hello, edited", acme.bot));
    house.hear(&acme, edit).await;
    house.hear(&acme, changed(&having(message("C1", "more"), inside.clone()), "still more")).await;
    house.hear(&acme, deleted(&question)).await;
    for subtype in ["file_comment", "channel_join", "channel_topic", "reminder_add", "subtype_of_next_year"] {
        let event = having(message("C1", &format!("<@{}> {subtype}", acme.bot)), inside.clone());
        house.hear(&acme, having(event, json!({ "subtype": subtype }))).await;
    }
    let lines = house.inbox(acme.tenant).await;
    assert_eq!(lines[0], "pending - addressed");
    assert_eq!(lines[1..4], ["ignored edits are not followed yet overheard"; 3]);
    assert_eq!(lines[4..], ["ignored message subtype not handled overheard"; 5]);
    assert_eq!(house.count(acme.tenant, "select count(*) from lanes").await, 1, "all in the question's own lane");
}

#[tokio::test]
async fn attack_54_subtypes_that_are_messages_follow_the_rules_of_messages() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for subtype in ["file_share", "thread_broadcast", "me_message"] {
        let of_kind = json!({ "subtype": subtype });
        house.hear(&acme, having(message("C1", "among us"), of_kind.clone())).await;
        house.hear(&acme, having(message("C1", &format!("<@{}> {subtype}", acme.bot)), of_kind)).await;
    }
    assert_eq!(house.texts(acme.tenant).await, ["file_share", "thread_broadcast", "me_message"]);
}

#[tokio::test]
async fn talk_among_people_is_kept_nowhere_in_any_form() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let question = message("C1", &format!("<@{}> hello", acme.bot));
    house.hear(&acme, question.clone()).await;
    let talk = message("C1", CANARY);
    let elsewhere = having(message("C1", CANARY), json!({ "thread_ts": talk["ts"] }));
    // The same thread's number in another channel is another thread.
    let other_channel = having(message("C2", CANARY), json!({ "thread_ts": question["ts"] }));
    let events = [
        talk.clone(),
        elsewhere.clone(),
        other_channel.clone(),
        having(message("G1", CANARY), json!({ "channel_type": "mpim" })),
        having(message("C1", CANARY), json!({ "subtype": "me_message" })),
        having(message("C1", CANARY), json!({ "subtype": "channel_topic" })),
        having(message("C1", CANARY), json!({ "subtype": "subtype_of_next_year" })),
        changed(&talk, &format!("{CANARY}, edited")),
        changed(&elsewhere, "harmless now"),
        deleted(&talk),
        deleted(&other_channel),
    ];
    for event in events {
        house.hear(&acme, event.clone()).await;
        assert!(!kept_canary(&house, &acme).await, "{event}");
    }
    assert_eq!(house.stored(acme.tenant).await, 1);
}

#[tokio::test]
async fn talk_in_a_thread_the_agent_takes_part_in_is_stored_without_being_addressed() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let question = message("C1", &format!("<@{}> where is my order?", acme.bot));
    house.hear(&acme, question.clone()).await;
    let inside = json!({ "thread_ts": question["ts"] });
    house.hear(&acme, having(message("C1", "it is number 17"), inside.clone())).await;
    house.hear(&acme, having(message("C1", "<@U2> do you know?"), inside)).await;
    assert_eq!(
        house.inbox(acme.tenant).await,
        ["pending - addressed", "pending - overheard", "pending - overheard"]
    );
    let others = "select count(*) from inbox where (normalized ->> 'mentions_others')::boolean";
    assert_eq!(house.count(acme.tenant, others).await, 1);
    assert_eq!(house.count(acme.tenant, "select count(*) from lanes").await, 1);
}

//! What is not for the agent (its own echo, other bots, talk among people), and what becomes of edits.

use serde_json::{Value, json};

use crate::{
    events::{ADA, having, mention_of, message, new_ts},
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
        "select (select count(*) from inbox where position('{CANARY}'::bytea in raw) > 0
                                               or normalized::text like '%{CANARY}%')
              + (select count(*) from message_changes where body like '%{CANARY}%')"
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
async fn attack_54_edits_deletions_and_other_subtypes_are_no_questions_of_their_own() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let question = message("C1", &format!("<@{}> hello", acme.bot));
    house.hear(&acme, question.clone()).await;
    let inside = json!({ "thread_ts": question["ts"] });
    house.hear(&acme, changed(&question, &format!("<@{}> hello, edited", acme.bot))).await;
    house.hear(&acme, changed(&having(message("C1", "more"), inside.clone()), "still more")).await;
    assert_eq!(house.texts(acme.tenant).await, ["hello, edited"], "one question, as it reads now");
    house.hear(&acme, deleted(&question)).await;
    for subtype in ["file_comment", "channel_join", "channel_topic", "reminder_add", "subtype_of_next_year"] {
        let event = having(message("C1", &format!("<@{}> {subtype}", acme.bot)), inside.clone());
        house.hear(&acme, having(event, json!({ "subtype": subtype }))).await;
    }
    let lines = house.inbox(acme.tenant).await;
    assert_eq!(lines[0], "ignored deleted by its author addressed");
    assert_eq!(lines[1..], ["ignored message subtype not handled overheard"; 5]);
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

#[tokio::test]
async fn a_preview_or_a_count_of_replies_is_no_edit() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let question = message("C1", &format!("<@{}> see https://example.org", acme.bot));
    house.hear(&acme, question.clone()).await;
    for grown in [
        json!({ "attachments": [{ "title": "Example", "text": "CANARY", "from_url": "https://example.org" }] }),
        json!({ "reply_count": 1, "latest_reply": "1.2" }),
    ] {
        let mut event = changed(&question, "");
        event["message"] = having(question.clone(), grown);
        house.hear(&acme, event).await;
    }
    let mut silent = changed(&question, "another text, but nobody edited it");
    silent.as_object_mut().expect("an object").remove("previous_message");
    silent["message"].as_object_mut().expect("an object").remove("edited");
    house.hear(&acme, silent).await;
    assert_eq!(house.count(acme.tenant, "select count(*) from message_changes").await, 0);
    assert_eq!(house.texts(acme.tenant).await, ["see https://example.org"]);
}

#[tokio::test]
async fn an_edit_that_newly_mentions_the_agent_is_a_question() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let named = format!("<@{}> what do you think?", acme.bot);
    // Talk the agent never heard.
    let talk = message("C1", "what do you think?");
    house.hear(&acme, talk.clone()).await;
    house.hear(&acme, changed(&talk, &named)).await;
    assert_eq!(house.inbox(acme.tenant).await, ["pending - addressed"]);
    // Its own first form comes late.
    house.hear(&acme, talk.clone()).await;
    assert_eq!(house.stored(acme.tenant).await, 1);

    // Something it overheard in its thread, with the twin that Slack sends for the mention.
    let aside = having(message("C1", "we could"), json!({ "thread_ts": talk["ts"] }));
    house.hear(&acme, aside.clone()).await;
    let edit = changed(&aside, &named);
    house.hear(&acme, edit.clone()).await;
    let twin = mention_of(&having(edit["message"].clone(), json!({ "channel": "C1" })));
    house.hear(&acme, twin).await;
    assert_eq!(house.inbox(acme.tenant).await, ["pending - addressed"; 2], "one row each");
}

#[tokio::test]
async fn an_edit_of_what_was_answered_asks_nothing_and_of_what_was_passed_over_asks_once() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let question = message("C1", &format!("<@{}> hello", acme.bot));
    house.hear(&acme, question.clone()).await;
    let aside = |text: &str| having(message("C1", text), json!({ "thread_ts": question["ts"] }));
    let (followed, passed) = (aside("and this one, without a mention?"), aside("not for you"));
    for event in [&followed, &passed] {
        house.hear(&acme, event.clone()).await;
    }
    let turns = [
        "update inbox set state = 'replied' where seq < 3",
        "update inbox set state = 'ignored', reason = 'not addressed' where seq = 3",
        "update lanes set done_seq = last_seq",
        "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, kind)
         select tenant_id, conversation_id, connection_id, 'C1', 'public' from lanes",
        "insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, body, sent_at)
         select tenant_id, gen_random_uuid(), conversation_id, normalized ->> 'external_id', 'person', 'x', now() from inbox",
    ];
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    for sql in turns {
        sqlx::query(sql).execute(tx.conn()).await.expect(sql);
    }
    tx.commit().await.expect("it is committed");

    for event in [&question, &followed, &passed] {
        let edit = changed(event, &format!("<@{}> edited", acme.bot));
        for _ in 0..2 {
            house.hear(&acme, edit.clone()).await;
        }
    }
    let pending = "select count(*) from inbox where state = 'pending'";
    assert_eq!(house.count(acme.tenant, pending).await, 1);
    assert_eq!(house.stored(acme.tenant).await, 4);
    assert_eq!(house.count(acme.tenant, "select count(*) from messages where body = 'edited'").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_before_its_question_is_kept_for_it() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let question = message("C1", &format!("<@{}> hello", acme.bot));
    let deletion = deleted(&question);
    for _ in 0..2 {
        house.hear(&acme, deletion.clone()).await;
    }
    house.hear(&acme, question).await;
    let waiting = "select count(*) from message_changes where kind = 'delete' and applied_at is null";
    assert_eq!(house.count(acme.tenant, waiting).await, 1, "whoever opens the conversation sees it");
    // Of a thread whose first message was deleted, Slack keeps a shell.
    let question = message("C1", &format!("<@{}> hello again", acme.bot));
    house.hear(&acme, question.clone()).await;
    let mut shell = changed(&question, "This message was deleted.");
    shell["message"]["subtype"] = json!("tombstone");
    house.hear(&acme, shell).await;
    let lines = house.inbox(acme.tenant).await;
    assert_eq!(lines, ["pending - addressed", "ignored deleted by its author addressed"]);
}

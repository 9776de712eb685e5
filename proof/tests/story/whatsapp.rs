//! Customers write on WhatsApp, an AI employee answers with what it remembers of them.

use std::time::Duration;

use serde_json::json;
use simulators::{FaultKind, FaultRule, Ids, WhatsAppEcho, WhatsAppOptionsPatch, WhatsAppSay, WhatsAppSimulator};

use crate::{
    house::PATIENCE,
    phones::{ADA, GRACE, Phones},
};

const OUTBOX: &str =
    "select string_agg(kind || ' ' || state, ', ' order by created_at, part) from outbox where tenant_id = $1";

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_remembered_and_nobody_else_learns_of_it() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let (acme, other) = (phones.shop("acme").await, phones.shop("other").await);

    let told = acme.hears(ADA, "My order number is 4711.");
    acme.answered(ADA, 1).await;
    let read = acme.phones.whatsapp.phone(&acme.number, ADA).into_iter().find(|entry| entry.id == told);
    assert_eq!(read.map(|entry| entry.status).as_deref(), Some("read"), "it was marked as read");
    acme.everything_remembered().await;
    acme.change("update messages set sent_at = sent_at - interval '1 day' where tenant_id = $1").await;

    acme.hears(ADA, "What is my order number?");
    let answer = acme.answered(ADA, 2).await;
    assert!(answer[1].contains("4711"), "{answer:?}");
    assert_eq!(answer.len(), 2, "one answer is one message, and there is no placeholder: {answer:?}");

    // Another customer of the same firm, and the same person with another firm.
    acme.hears(GRACE, "What is my order number?");
    let strangers = acme.answered(GRACE, 1).await;
    assert!(!strangers[0].contains("4711"), "{strangers:?}");
    other.hears(ADA, "What is my order number?");
    let elsewhere = other.answered(ADA, 1).await;
    assert!(!elsewhere[0].contains("4711"), "{elsewhere:?}");
    let prompts: Vec<String> = phones.house.model.requests().iter().map(|request| request.prompt_text()).collect();
    assert!(prompts[2..].iter().all(|prompt| !prompt.contains("4711")), "no other prompt holds it");

    acme.eventually(OUTBOX, "answer sent, answer sent, answer sent").await;
    acme.eventually(
        "select string_agg(distinct status, ', ') from delivery_statuses where tenant_id = $1",
        "read",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_shows_that_somebody_types_for_as_long_as_it_takes() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    // Longer than Meta shows it by itself.
    phones.house.model.faults().add(FaultRule::once("*", FaultKind::DelayMs(27_000)));
    acme.hears(ADA, "Take your time");
    let typing = |whatsapp: &WhatsAppSimulator| whatsapp.is_typing(&acme.number, ADA).then_some(());
    phones.whatsapp.wait_until(PATIENCE, typing).await.expect("it is shown at once");
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(26) {
        assert!(phones.whatsapp.is_typing(&acme.number, ADA), "after {:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    acme.answered(ADA, 1).await;
    assert!(!phones.whatsapp.is_typing(&acme.number, ADA), "the answer ends it");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_becomes_known_by_a_user_id_is_still_the_same_person() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    let say = |text: &str, ids: Ids| {
        phones.whatsapp.say(WhatsAppSay::new(&acme.number, ADA, text).named("Ada").known_by(ids));
    };
    say("My badge code is 4712.", Ids::Phone);
    acme.answered(ADA, 1).await;
    acme.everything_remembered().await;
    say("What is my badge code?", Ids::Both);
    let answer = acme.answered(ADA, 2).await;
    assert!(answer[1].contains("4712"), "{answer:?}");
    // Without a number, the answer goes to the user id.
    say("What is my badge code?", Ids::UserId);
    let answer = acme.answered(ADA, 3).await;
    assert!(answer[2].contains("4712"), "{answer:?}");
    acme.eventually("select count(*)::text from people where tenant_id = $1", "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_without_an_answer_is_settled_by_its_status_and_not_doubled() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    phones.whatsapp.faults().add(FaultRule::once("messages", FaultKind::DropConnectionAfter));
    acme.hears(ADA, "The venue is Bletchley Park.");
    acme.answered(ADA, 1).await;
    acme.eventually(OUTBOX, "answer sent").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(acme.replies(ADA).len(), 1, "{:?}", acme.replies(ADA));

    // What never arrived is sent once more.
    phones.whatsapp.faults().add(FaultRule::once("messages", FaultKind::DropConnectionBefore));
    acme.hears(ADA, "Which venue is it?");
    let answers = acme.answered(ADA, 2).await;
    assert!(answers[1].contains("Bletchley Park"), "{answers:?}");
    acme.eventually(OUTBOX, "answer sent, answer sent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retryable_codes_are_tried_again_and_permanent_ones_end_where_an_operator_sees_them() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    for code in [131_056, 130_429] {
        phones.whatsapp.faults().add(FaultRule::once("messages", FaultKind::GraphError(code)));
    }
    acme.hears(ADA, "Hello");
    acme.answered(ADA, 1).await;
    acme.eventually(OUTBOX, "answer sent").await;

    phones.whatsapp.faults().add(FaultRule::once("messages", FaultKind::GraphError(131_026)));
    acme.hears(GRACE, "Hello");
    let error = "select error from outbox where tenant_id = $1 and state = 'dead'";
    acme.eventually(error, "the platform refused: 131026: it can't be delivered to this person").await;
    assert!(acme.replies(GRACE).is_empty());

    // Accepted at first, refused by its status.
    phones.whatsapp.faults().add(FaultRule::once("status", FaultKind::GraphError(131_031)).target(GRACE));
    acme.change("update outbox set state = 'dropped' where tenant_id = $1 and state = 'dead'").await;
    acme.hears(GRACE, "Hello again");
    acme.eventually(
        "select split_part(error, ':', 1) from outbox where tenant_id = $1 and state = 'dead'",
        "131031",
    )
    .await;

    // A token that has ended takes the connection along.
    phones.whatsapp.faults().add(FaultRule::always("messages", FaultKind::GraphError(190)));
    acme.hears(ADA, "Are you there?");
    acme.eventually("select status from channel_connections where tenant_id = $1", "dead").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_of_the_24_hours_nothing_is_tried() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    phones.whatsapp.set_options(WhatsAppOptionsPatch {
        window_refused_at_once: Some(true),
        ..WhatsAppOptionsPatch::default()
    });
    // It waited for a day before it reached us.
    phones.whatsapp.say(WhatsAppSay::new(&acme.number, ADA, "Hello").seconds_ago(24 * 3_600 + 60));
    let error = "select error from outbox where tenant_id = $1 and state = 'dead'";
    acme.eventually(error, "the platform refused: more than 24 hours have passed since the person wrote").await;
    let calls = phones.whatsapp.history_after(0);
    assert!(calls.iter().all(|line| line.what != "call" || line.name != "messages"), "{calls:?}");
    // A moment before the end it still goes out.
    phones.whatsapp.say(WhatsAppSay::new(&acme.number, GRACE, "Hello").seconds_ago(24 * 3_600 - 300));
    acme.answered(GRACE, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_stop_hears_no_more_until_start() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    acme.hears(ADA, "STOP");
    let answers = acme.answered(ADA, 1).await;
    assert!(answers[0].contains("no more messages"), "{answers:?}");
    acme.hears(ADA, "Is anyone there?");
    acme.eventually(
        "select reason from inbox where tenant_id = $1 and state = 'ignored'",
        "the person wants no messages",
    )
    .await;
    // Somebody else is answered all the same.
    acme.hears(GRACE, "Hello");
    acme.answered(GRACE, 1).await;
    acme.hears(ADA, "Start!");
    let answers = acme.answered(ADA, 2).await;
    assert!(answers[1].contains("Welcome back"), "{answers:?}");
    acme.hears(ADA, "The venue is Bletchley Park.");
    acme.answered(ADA, 3).await;
    assert_eq!(phones.house.model.requests().len(), 2, "the words need no model");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_message_that_nobody_can_hear_gets_a_sentence() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    let voice =
        json!({ "type": "audio", "audio": { "id": "1", "mime_type": "audio/ogg", "sha256": "", "voice": true } });
    phones.whatsapp.say(WhatsAppSay::new(&acme.number, ADA, "").message(voice));
    let answers = acme.answered(ADA, 1).await;
    assert!(answers[0].contains("as a text"), "{answers:?}");
    assert!(phones.house.model.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_says_that_it_is_an_ai_and_offers_a_person() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    acme.hears(ADA, "Hello");
    acme.answered(ADA, 1).await;
    acme.hears(ADA, "Hello again");
    acme.answered(ADA, 2).await;
    let replies = acme.replies(ADA);
    assert!(replies[0].text.ends_with("_You are writing with an AI assistant._"), "{replies:?}");
    assert_eq!(replies[0].buttons, ["Talk to a person"]);
    assert!(!replies[1].text.contains("AI assistant") && replies[1].buttons.is_empty(), "{replies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_of_the_24_hours_the_chosen_template_carries_the_answer() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    acme.hears(GRACE, "Hello");
    acme.answered(GRACE, 1).await;
    let path = format!("connections/{}/fallback-template", acme.connection);
    acme.call("PUT", &path, json!({ "template": "answer_ready", "language": "en" })).await;
    phones.whatsapp.say(WhatsAppSay::new(&acme.number, ADA, "Are you a human?").seconds_ago(24 * 3_600 + 60));
    acme.answered(ADA, 1).await;
    let reply = &acme.replies(ADA)[0];
    assert!(
        reply.kind == "template" && reply.text.starts_with("[answer_ready] ") && reply.text.contains("AI"),
        "{reply:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_on_the_business_phone_has_the_conversation() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    acme.hears(ADA, "Hello");
    acme.answered(ADA, 1).await;
    // The phone shows an answer a moment before its turn has ended.
    acme.eventually(
        "select string_agg(state::text, ', ' order by seq) from inbox where tenant_id = $1",
        "replied",
    )
    .await;
    // In the middle of an answer.
    phones.house.model.faults().add(FaultRule::once("*", FaultKind::DelayMs(3_000)));
    acme.hears(ADA, "Can I have a discount?");
    acme.eventually("select count(*)::text from runs where tenant_id = $1 and state = 'running'", "1").await;
    let echo =
        WhatsAppEcho { number: acme.number.clone(), person: ADA.into(), text: "Bruno here: 10 % for you.".into() };
    phones.whatsapp.echo(&echo);
    acme.eventually(
        "select string_agg(state::text, ', ' order by seq) from inbox where tenant_id = $1",
        "replied, held, ignored",
    )
    .await;
    acme.hears(ADA, "Great, thanks!");
    acme.eventually(
        "select string_agg(state::text, ', ' order by seq) from inbox where tenant_id = $1",
        "replied, held, ignored, held",
    )
    .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let shown: Vec<String> = acme.replies(ADA).into_iter().map(|entry| entry.text).collect();
    assert_eq!(shown.len(), 2, "the agent's first answer and the colleague's words: {shown:?}");
    acme.eventually(
        "select count(*)::text from audit_events where tenant_id = $1 and action = 'conversation.takeover'",
        "1",
    )
    .await;

    // Given back, the agent knows what was said meanwhile; a late repetition takes nothing over.
    acme.change("update lanes set by_human = false where tenant_id = $1").await;
    acme.hears(ADA, "How much discount do I get?");
    acme.answered(ADA, 3).await;
    let prompt = phones.house.model.requests().last().map(|request| request.prompt_text()).unwrap_or_default();
    assert!(prompt.contains("10 % for you"), "{prompt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_connects_a_number_and_talks_over_it() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    let tenant = acme.id.to_string();
    let token = "EAAsimulatedsecond";
    let number = simulators::number_of(token).unwrap();
    let connected = phones
        .command(&[
            "connect",
            "whatsapp",
            "--tenant",
            &tenant,
            "--phone-number-id",
            &number,
            "--access-token",
            token,
        ])
        .await;
    assert!(connected.contains("Connected to Simulated business"), "{connected}");
    assert!(connected.contains("/webhooks/whatsapp"), "{connected}");
    let refused = phones
        .command(&[
            "connect",
            "whatsapp",
            "--tenant",
            &tenant,
            "--phone-number-id",
            &number,
            "--access-token",
            "EAAnone",
        ])
        .await;
    assert!(refused.contains("Meta does not accept this access token"), "{refused}");
    let said = phones
        .command(&["chat", "--channel", "whatsapp", "--tenant", &tenant, "--json", "Are you a human?"])
        .await;
    let answer: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert!(answer["reply"].as_str().is_some_and(|reply| reply.contains("AI")), "{answer}");
    assert!(answer["timings"]["complete_ms"].as_u64().is_some_and(|ms| ms > 0), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_person_gets_one_and_the_answer_by_whatsapp() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    acme.hears(ADA, "Hello");
    acme.answered(ADA, 1).await;
    // What the button below the first answer says.
    let reply = json!({ "type": "button_reply", "button_reply": { "id": "human", "title": "Talk to a person" } });
    let pressed = json!({ "type": "interactive", "interactive": reply });
    phones.whatsapp.say(WhatsAppSay::new(&acme.number, ADA, "").message(pressed));
    let told = acme.answered(ADA, 2).await;
    assert!(told[1].contains("A colleague has been asked"), "{told:?}");
    assert_eq!(phones.house.model.requests().len(), 1, "it needs no model");
    assert!(phones.house.slack.history(None).is_empty(), "Slack is told nothing of it");

    let listed = acme.call("GET", "conversations", json!({})).await;
    let id = listed["items"][0]["id"].as_str().expect("a conversation").to_owned();
    acme.call("POST", &format!("conversations/{id}/takeover"), json!({})).await;
    acme.call(
        "POST",
        &format!("conversations/{id}/reply"),
        json!({ "text": "This is **Bruno**. How can I help?" }),
    )
    .await;
    let answers = acme.answered(ADA, 3).await;
    assert!(answers[2].contains("*Bruno*"), "{answers:?}");
    acme.hears(ADA, "I need a bicycle");
    acme.eventually(
        "select string_agg(state::text, ', ' order by seq) from inbox where tenant_id = $1",
        "replied, held, held",
    )
    .await;
}

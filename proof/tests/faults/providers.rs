//! Slack and the model at their worst. Each scenario has a tenant of its own (or a channel), which its faults aim at, so
//! that all of them run side by side, as they would.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use proof::chaos::{House, Layout, Outcome};
use serde_json::{Value, json};
use simulators::{ChannelSetup, FaultKind, FaultRule, HistoryKind, Raw};
use tokio::time::sleep;

use crate::talk::{Asked, Talk, eventually, outbox_id};

#[tokio::test(flavor = "multi_thread")]
async fn f18_to_f27_whatever_providers_answer_each_message_ends_once_and_others_go_on() {
    let layout = Layout { orchestrators: 2, ..Layout::default() };
    let house = House::open(layout).await.expect("a house");
    tokio::join!(
        a_model_that_asks_to_wait(&house),
        a_model_that_fails(&house),
        a_model_that_is_away(&house),
        a_model_that_stalls(&house),
        a_model_that_babbles(&house),
        others_are_served(&house),
    );
    tokio::join!(
        a_channel_that_asks_to_wait(&house),
        an_unclear_answer(&house),
        a_plain_refusal(&house),
        a_history_that_is_not_available(&house),
        the_same_event_again_and_again(&house),
        events_in_the_wrong_order(&house),
    );
    a_revoked_token(&house).await;
    for process in house.processes() {
        assert_eq!(process.unordered_exits(), 0, "{} ended by itself", process.name());
    }
}

async fn asks(talk: &Talk<'_>, kind: FaultKind, times: Option<u64>) -> Asked {
    let rule = FaultRule::always("completions", kind).target(&talk.tenant.name);
    talk.house.model.faults().add(FaultRule { times, ..rule });
    talk.asks("CGENERAL", "The launch is on 14 March.")
}

async fn with_own_model<'a>(house: &'a House, name: &str) -> Talk<'a> {
    let talk = Talk::begin(house, name).await;
    talk.uses_model(name).await;
    talk
}

/// When a tenant's model was asked, in milliseconds.
fn calls(house: &House, model: &str) -> Vec<u64> {
    let requests = house.model.requests();
    requests.iter().filter(|request| request.body["model"] == *model).map(|request| request.at_ms).collect()
}

async fn a_model_that_asks_to_wait(house: &House) {
    const WAIT: u64 = 4;
    let talk = with_own_model(house, "f18").await;
    asks(&talk, FaultKind::Status { code: 429, retry_after: Some(WAIT) }, Some(1)).await;
    talk.settles().await;
    talk.all_answered().await;
    let calls = calls(house, "f18");
    assert!(calls.len() == 2 && calls[1] - calls[0] >= WAIT * 1_000, "asked again too soon: {calls:?}");
    let note = format!(
        "asked again {:.1} s after `Retry-After: {WAIT}`; answered once",
        (calls[1] - calls[0]) as f64 / 1e3
    );
    Outcome::held("F18", "the model answers 429 with Retry-After", note);

    let long = with_own_model(house, "f18long").await;
    asks(&long, FaultKind::Status { code: 429, retry_after: Some(600) }, None).await;
    let begun = Instant::now();
    long.settles().await;
    long.all_answered().await;
    let failed = long.count("select count(*) from usage where tenant_id = $1 and status = 'failed'").await;
    assert_eq!(failed, 1, "the limited model is asked once, not again before its time");
    let note = format!("the fallback model answered after {:.1} s", begun.elapsed().as_secs_f64());
    Outcome::held("F18", "the model wants ten minutes", note);
}

async fn a_model_that_fails(house: &House) {
    for (name, code) in [("f19a", 500), ("f19b", 502), ("f19c", 529)] {
        let talk = with_own_model(house, name).await;
        asks(&talk, FaultKind::Status { code, retry_after: None }, None).await;
        talk.settles().await;
        talk.all_answered().await;
        assert_eq!(calls(house, name).len(), 2, "no try behind our back");
        assert_eq!(
            talk.count("select count(*) from usage where tenant_id = $1").await,
            3,
            "every try is in the ledger"
        );
    }
    Outcome::held(
        "F19",
        "the model answers 500, 502, 529",
        "two tries, then the fallback model answered; each in the ledger",
    );
}

async fn a_model_that_is_away(house: &House) {
    let talk = with_own_model(house, "f19d").await;
    asks(&talk, FaultKind::DropConnectionBefore, None).await;
    talk.settles().await;
    talk.all_answered().await;
    Outcome::held("F19", "the model drops the connection", "the fallback model answered");
}

async fn a_model_that_stalls(house: &House) {
    let begun = Instant::now();
    let (first, idle) = (with_own_model(house, "f20a").await, with_own_model(house, "f20b").await);
    let (closed, error) = (with_own_model(house, "f20c").await, with_own_model(house, "f20d").await);
    asks(&first, FaultKind::StallBeforeFirstToken, Some(1)).await;
    asks(&idle, FaultKind::StallAfterTokens(3), Some(1)).await;
    asks(&closed, FaultKind::CloseMidStream(3), Some(1)).await;
    asks(&error, FaultKind::ErrorBodyWith200, Some(1)).await;
    for talk in [&first, &idle, &closed, &error] {
        talk.settles().await;
        talk.all_answered().await;
        let (ok, all) = (
            talk.count("select count(*) from usage where tenant_id = $1 and status = 'ok'").await,
            talk.count("select count(*) from usage where tenant_id = $1").await,
        );
        assert_eq!((ok, all), (1, 2), "{} pays one answer and one failure", talk.tenant.name);
        // What was shown of a broken stream is gone on with, in the same message.
        assert_eq!(talk.replies(&talk.asked()[0]).len(), 1, "{} shows one answer", talk.tenant.name);
    }
    for hung in ["f20a", "f20b"] {
        assert_eq!(calls(house, hung).len(), 1, "{hung}: whoever waited is not made to wait for the same again");
    }
    let note = format!(
        "30 s for a first word, 20 s between words, then another model; all answered after {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    Outcome::held("F20", "no first token, a stall, a cut stream, an error in a 200", note);
}

async fn a_model_that_babbles(house: &House) {
    // The fallback is the platform's; a rule on every model would hit others, so the fault is on the tenant's own only.
    for (name, kind) in [("f21a", FaultKind::Empty), ("f21c", FaultKind::GarbageJson)] {
        let talk = with_own_model(house, name).await;
        asks(&talk, kind, None).await;
        talk.settles().await;
        talk.all_answered().await;
    }
    Outcome::held("F21", "an empty and an unreadable answer", "bounded tries, then the fallback model answered");
}

/// While all of that goes on, somebody with a working model.
async fn others_are_served(house: &House) {
    let talk = Talk::begin(house, "f18others").await;
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let asked = talk.asks("CGENERAL", "The launch is on 14 March.");
        let begun = Instant::now();
        eventually("others are answered", || talk.replies(&asked).iter().any(|reply| reply.edited)).await;
        slowest = slowest.max(begun.elapsed());
        sleep(Duration::from_millis(500)).await;
    }
    talk.settles().await;
    talk.all_answered().await;
    let note = format!("the slowest of 10 answers took {:.1} s", slowest.as_secs_f64());
    Outcome::held("F18", "another tenant meanwhile", note);
}

async fn a_channel_that_asks_to_wait(house: &House) {
    const WAIT: u64 = 5;
    let talk = Talk::begin(house, "f22").await;
    let busy = FaultKind::Status { code: 429, retry_after: Some(WAIT) };
    house.slack.faults().add(FaultRule::once("chat.update", busy.clone()).target("CBUSY"));
    let first = talk.asks("CBUSY", "The launch is on 14 March.");
    let refused = || limited(&talk).first().copied();
    eventually("Slack asks to wait", || refused().is_some()).await;
    let second = talk.says_in(&first, "The launch is on 15 March.");
    let other = talk.asks("CFREE", "The launch is on 16 March.");
    let begun = Instant::now();
    eventually("the other channel flows", || talk.replies(&other).iter().any(|reply| reply.edited)).await;
    let flowed = begun.elapsed();
    assert!(!talk.replies(&first).iter().any(|reply| reply.edited), "the busy channel waits meanwhile");
    talk.settles().await;
    talk.all_answered().await;
    let refused = refused().expect("seen before");
    let history = house.slack.history(Some(&talk.tenant.team));
    let shown = history.iter().find(|entry| {
        entry.kind == HistoryKind::Update && entry.channel.as_deref() == Some("CBUSY") && entry.method.is_some()
    });
    let waited = shown.expect("it was shown").at_ms - refused;
    assert!((WAIT * 1_000..WAIT * 1_000 + 2_500).contains(&waited), "waited {waited} ms instead of {WAIT} s");
    assert_eq!(talk.replies(&second).len(), 2, "both are answered, in order");
    let note = format!(
        "waited {:.2} s of {WAIT} s; another channel flowed after {:.1} s",
        waited as f64 / 1e3,
        flowed.as_secs_f64()
    );
    Outcome::held("F22", "Slack answers 429 in one channel", note);
}

/// When Slack refused because of its limits.
fn limited(talk: &Talk<'_>) -> Vec<u64> {
    let history = talk.house.slack.history(Some(&talk.tenant.team));
    history.iter().filter(|entry| entry.kind == HistoryKind::Refused).map(|entry| entry.at_ms).collect()
}

async fn an_unclear_answer(house: &House) {
    let talk = Talk::begin(house, "f23").await;
    for (channel, kind) in [
        ("C23A", FaultKind::DeliverThenTimeout(12_000)),
        ("C23B", FaultKind::DropConnectionBefore),
        ("C23C", FaultKind::DelayMs(3_000)),
        ("C23D", FaultKind::StatusAfter { code: 503 }),
    ] {
        house.slack.faults().add(FaultRule::once("chat.postMessage", kind.clone()).target(channel));
        house.slack.faults().add(FaultRule::once("chat.update", kind).target(channel));
        talk.asks(channel, "The launch is on 14 March.");
    }
    talk.settles().await;
    talk.all_answered().await;
    for asked in talk.asked() {
        assert_eq!(talk.replies(&asked).len(), 1, "one message in {}", asked.channel);
    }
    Outcome::held(
        "F23",
        "delivered but no answer, not delivered, late",
        "one visible answer each: looked up before it was sent again",
    );
}

async fn a_plain_refusal(house: &House) {
    let talk = Talk::begin(house, "f24").await;
    for word in ["channel_not_found", "is_archived", "not_in_channel", "msg_too_long", "restricted_action"] {
        let channel = format!("C{}", word.replace('_', "").to_uppercase());
        house
            .slack
            .faults()
            .add(FaultRule::always("chat.postMessage", FaultKind::SlackError(word.into())).target(&channel));
        talk.asks(&channel, "The launch is on 14 March.");
    }
    house
        .slack
        .faults()
        .add(FaultRule::once("chat.postMessage", FaultKind::SlackError("ratelimited".into())).target("CLIMIT"));
    let limited = talk.asks("CLIMIT", "The launch is on 14 March.");
    talk.settles().await;
    let ended = talk.all_ended().await;
    for asked in talk.asked() {
        let end = &ended[&asked.ts];
        let expected = if asked.ts == limited.ts { "replied" } else { "dead" };
        assert_eq!(end.state, expected, "{}: {end:?}", asked.channel);
        assert!(expected == "replied" || end.reason.is_some(), "{end:?}");
    }
    Outcome::held(
        "F24",
        "Slack refuses: the table of `ok:false`",
        "permanent words end dead with the reason, `ratelimited` is tried again",
    );
}

async fn a_history_that_is_not_available(house: &House) {
    let talk = Talk::begin(house, "f25").await;
    house.slack.set_channel(ChannelSetup {
        team: talk.tenant.team.clone(),
        channel: "C25".into(),
        ..ChannelSetup::default()
    });
    // Every post is unclear and was delivered, and nobody can look.
    house
        .slack
        .faults()
        .add(FaultRule::always("chat.postMessage", FaultKind::StatusAfter { code: 500 }).target("C25"));
    let blind = FaultKind::SlackError("missing_scope".into());
    house.slack.faults().add(FaultRule::always("conversations.replies", blind).target("C25"));
    let asked = talk.asks("C25", "The launch is on 14 March.");
    talk.settles().await;
    let shown = talk.replies(&asked);
    let rows: HashSet<_> = shown.iter().filter_map(outbox_id).collect();
    // A second placeholder nobody needs; an answer is sent once more rather than lost.
    assert_eq!((shown.len(), rows.len()), (3, 2), "the placeholder once, the answer at most twice");
    let unknown = talk.count("select count(*) from outbox where tenant_id = $1 and state = 'unknown'").await;
    let note = format!(
        "{} messages visible of {} outbox rows, {unknown} of them `unknown` for a person to look at",
        shown.len(),
        rows.len()
    );
    Outcome::held("F25", "unclear sends while history can't be read", note);
}

async fn the_same_event_again_and_again(house: &House) {
    let talk = Talk::begin(house, "f26").await;
    let asked = talk.asks("CGENERAL", "The launch is on 14 March.");
    talk.settles().await;
    let mut statuses = Vec::new();
    for retry in 1..=4 {
        let body =
            message_event(&talk, &asked, json!({ "text": "<@U0> The launch is on 14 March.", "ts": asked.ts }));
        let headers = [("x-slack-retry-num".to_owned(), retry.to_string())].into();
        statuses.push(house.slack.send_raw(Raw { body, signed: true, headers, ..Raw::default() }).await.status);
    }
    assert!(statuses.iter().all(|status| *status == Some(200)), "{statuses:?}");
    talk.settles().await;
    talk.all_answered().await;
    assert_eq!(talk.replies(&asked).len(), 1);
    assert_eq!(talk.count("select count(*) from inbox where tenant_id = $1").await, 1, "one row");
    Outcome::held(
        "F26",
        "four more deliveries of an event, with retry numbers",
        "200 each time, one row, one answer",
    );
}

async fn events_in_the_wrong_order(house: &House) {
    let talk = Talk::begin(house, "f27").await;
    let thread = talk.asks("CGENERAL", "The launch is on 14 March.");
    talk.settles().await;
    talk.all_answered().await;
    let second = thread.ts.split('.').next().unwrap_or_default();
    let (edited, deleted) = (format!("{second}.000900"), format!("{second}.000901"));
    for event in [
        json!({ "subtype": "message_changed", "hidden": true, "ts": edited,
                "message": { "type": "message", "user": "UADA", "text": "The launch is on 17 March.", "ts": edited,
                             "thread_ts": thread.thread, "edited": { "user": "UADA", "ts": edited } } }),
        json!({ "subtype": "message_deleted", "hidden": true, "ts": deleted, "deleted_ts": deleted,
                "previous_message": { "type": "message", "user": "UADA", "ts": deleted, "thread_ts": thread.thread } }),
        json!({ "text": "The launch is on 15 March.", "ts": edited, "thread_ts": thread.thread }),
        json!({ "text": "The launch is on 16 March.", "ts": deleted, "thread_ts": thread.thread }),
    ] {
        let body = message_event(&talk, &thread, event);
        let outcome = house.slack.send_raw(Raw { body, signed: true, ..Raw::default() }).await;
        assert_eq!(outcome.status, Some(200), "{}", outcome.body);
    }
    let replies = || talk.replies(&thread).iter().filter(|reply| reply.edited).count();
    eventually("the late message is answered", || replies() == 2).await;
    talk.settles().await;
    let ended = talk.ended().await;
    assert!(ended.values().all(|end| end.state != "pending"), "{ended:?}");
    let as_edited = "select count(*) from messages where tenant_id = $1 and body = 'The launch is on 17 March.'";
    let remembered = "select count(*) from memories where tenant_id = $1 and body like '%16 March%'";
    assert_eq!((talk.count(as_edited).await, talk.count(remembered).await), (1, 0));
    Outcome::held(
        "F27",
        "an edit and a deletion before their messages",
        "200 for each; the one is answered as edited, the other not at all",
    );
}

/// A message event of this tenant's workspace with a new event id.
fn message_event(talk: &Talk<'_>, place: &Asked, fields: Value) -> Value {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut event = json!({
        "type": "message", "channel": place.channel, "channel_type": "channel", "user": "UADA", "event_ts": place.ts,
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        event[name] = value.clone();
    }
    json!({
        "type": "event_callback", "team_id": talk.tenant.team, "api_app_id": "A0SIMULATED", "event": event,
        "event_id": format!("EvRAW{number}"), "event_time": 1_700_000_000,
        "authorizations": [{ "team_id": talk.tenant.team, "is_bot": true }],
    })
}

/// Alone, as no channel can aim at it: every call of every workspace is refused.
async fn a_revoked_token(house: &House) {
    let talk = Talk::begin(house, "f24revoked").await;
    house
        .slack
        .faults()
        .add(FaultRule::always("*", FaultKind::SlackError("token_revoked".into())).target("CREVOKED"));
    talk.asks("CREVOKED", "Hello?");
    talk.settles().await;
    let later = talk.asks("COTHER", "Hello again?");
    talk.settles().await;
    let ended = talk.all_ended().await;
    assert!(ended.values().all(|end| end.state == "dead" && end.reason.is_some()), "{ended:?}");
    assert!(talk.replies(&later).is_empty(), "nothing is sent with a dead token");
    let dead = "select count(*) from channel_connections where tenant_id = $1 and status = 'dead'";
    assert_eq!(talk.count(dead).await, 1);
    Outcome::held(
        "F24",
        "the token is revoked",
        "the connection is marked dead; nothing more is sent for this tenant",
    );
}

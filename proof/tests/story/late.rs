//! Messages that waited so long that an answer would surprise: one line asks whether they are still open.

use std::time::Duration;

use serde_json::json;
use simulators::WhatsAppSay;

use crate::phones::{ADA, GRACE, Phones, Shop};

const INBOX: &str =
    "select string_agg(state::text, ', ' order by received_at, seq) from inbox where tenant_id = $1";

fn wrote(shop: &Shop<'_>, person: &str, text: &str, minutes_ago: i64) {
    let say = WhatsAppSay::new(&shop.number, person, text).seconds_ago(minutes_ago * 60);
    shop.phones.whatsapp.say(say);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waited_through_an_outage_is_asked_once_and_answered_when_they_say_so() {
    let phones = Phones::open().await;
    let acme = phones.shop("acme").await;
    wrote(&acme, ADA, "The venue is Bletchley Park.", 50);
    acme.eventually("select count(*)::text from inbox where tenant_id = $1", "1").await;
    phones.house.start_orchestrator();
    let answers = acme.answered(ADA, 1).await;
    assert!(answers[0].starts_with("I was away and see this only now."), "{answers:?}");
    acme.eventually(INBOX, "replied").await;
    // What waited beside it, and arrives now, is not told again.
    wrote(&acme, ADA, "Which venue is it?", 45);
    acme.eventually(INBOX, "replied, ignored").await;
    acme.eventually(
        "select reason from inbox where tenant_id = $1 and state = 'ignored'",
        "it came too late, which was said",
    )
    .await;
    // Whoever wrote a moment ago is answered as ever.
    wrote(&acme, GRACE, "Hello", 5);
    acme.answered(GRACE, 1).await;
    assert_eq!(phones.house.model.requests().len(), 1, "a line costs nothing");
    acme.hears(ADA, "Yes, which venue is it?");
    let answers = acme.answered(ADA, 2).await;
    assert!(answers[1].contains("Bletchley Park"), "what was said meanwhile is known: {answers:?}");
    assert_eq!(answers.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_person_gets_one_however_late_it_is() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    wrote(&acme, ADA, "I want to talk to a human", 120);
    let answers = acme.answered(ADA, 1).await;
    assert!(answers[0].contains("A colleague has been asked"), "{answers:?}");
    // And the words that end it all work, too.
    wrote(&acme, GRACE, "STOP", 120);
    assert!(acme.answered(GRACE, 1).await[0].contains("no more messages"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_lateness_is_off_everything_is_answered() {
    let phones = Phones::open_with(|config| config.answer_within = None).await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    acme.call("PUT", "agents", json!({ "name": "Kona" })).await;
    wrote(&acme, ADA, "Are you a human?", 300);
    let answers = acme.answered(ADA, 1).await;
    assert!(answers[0].contains("AI") && !answers[0].contains("I was away"), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_slack_too_it_is_the_time_of_writing_that_counts() {
    let phones = Phones::open_with(|config| config.answer_within = Some(Duration::from_secs(2))).await;
    let acme = phones.house.tenant("acme").await;
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    let late = "select count(*) from inbox
                 where tenant_id = $1 and (normalized ->> 'sent_at')::timestamptz < now() - interval '3 seconds'";
    acme.until("it has waited for longer than that", late, 1).await;
    phones.house.start_orchestrator();
    let replies = acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    assert!(replies[0].starts_with("I was away"), "{replies:?}");
    assert_eq!(acme.inbox().await, [("replied".into(), None)]);
}

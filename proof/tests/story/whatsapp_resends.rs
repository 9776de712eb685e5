//! Messages that Meta takes, and reports as failed afterwards.

use std::time::Duration;

use serde_json::json;
use shared::{
    db::resends::{self, Begun},
    ids::OutboxId,
};
use simulators::{FaultKind, FaultRule};

use crate::phones::{ADA, GRACE, Phones, Shop};

const ROW: &str =
    "select state || ' ' || resends || coalesce(' ' || split_part(error, ':', 1), '') from outbox where tenant_id = $1
      order by created_at desc limit 1";
const NOTICES: &str = "select string_agg(kind, ', ' order by created_at) from notices where tenant_id = $1";

/// One failure of each message is told by its status only.
fn fails(shop: &Shop<'_>, code: i64, person: &str) {
    shop.phones.whatsapp.faults().add(FaultRule::once("status", FaultKind::GraphError(code)).target(person));
}

async fn soon(shop: &Shop<'_>) {
    shop.change(
        "update jobs set run_after = now() - interval '1 minute' where tenant_id = $1 and kind = 'send_again'",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_for_a_while_is_sent_again_and_seen_once() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    fails(&acme, 131_056, ADA);
    acme.hears(ADA, "The venue is Bletchley Park.");
    acme.eventually(ROW, "sending 0 131056").await;
    assert!(acme.replies(ADA).is_empty());
    soon(&acme).await;
    acme.answered(ADA, 1).await;
    acme.eventually(ROW, "sent 1").await;
    let known =
        "select count(*)::text from messages m join outbox o on o.tenant_id = $1 and o.external_id = m.external_id
                  where m.tenant_id = $1 and m.author_kind = 'agent'";
    acme.eventually(known, "1").await;
    acme.eventually("select count(*)::text from messages where tenant_id = $1 and author_kind = 'agent'", "1")
        .await;
    // The first one is reported as failed once more: that is no news.
    let late = json!({ "statuses": [status(&acme, "failed", first_id(&acme), 131_056)] });
    change(&acme, late);
    tokio::time::sleep(Duration::from_secs(1)).await;
    acme.eventually(ROW, "sent 1").await;
    assert_eq!(acme.replies(ADA).len(), 1, "{:?}", acme.replies(ADA));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_after_all_is_not_sent_again() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    fails(&acme, 130_429, ADA);
    acme.hears(ADA, "Hello");
    acme.eventually(ROW, "sending 0 130429").await;
    change(&acme, json!({ "statuses": [status(&acme, "delivered", first_id(&acme), 0)] }));
    acme.eventually(ROW, "sent 0").await;
    soon(&acme).await;
    acme.eventually("select state from jobs where tenant_id = $1 and kind = 'send_again'", "done").await;
    assert!(acme.replies(ADA).is_empty(), "the phone of the simulation never got it: {:?}", acme.replies(ADA));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_failing_is_given_up_and_told() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    phones.whatsapp.faults().add(FaultRule::always("status", FaultKind::GraphError(131_016)).target(ADA));
    acme.hears(ADA, "Hello");
    // Each failure makes a job with a longer pause: none of them is waited for.
    tokio::select! {
        () = acme.eventually(ROW, "dead 3 131016") => {}
        () = async { loop { soon(&acme).await; tokio::time::sleep(Duration::from_millis(100)).await } } => {}
    }
    acme.eventually(NOTICES, "send_failed").await;

    // What can't work a second time is not tried; the admins are written to once an hour, each conversation is told of.
    fails(&acme, 131_026, GRACE);
    acme.hears(GRACE, "Hello");
    acme.eventually(ROW, "dead 0 131026").await;
    acme.eventually(NOTICES, "send_failed, send_failed").await;
    acme.eventually("select count(*)::text from jobs where tenant_id = $1 and kind = 'tell_admins'", "1").await;
    let listed = acme.call("GET", "conversations", json!({})).await;
    let id = listed["items"][0]["id"].as_str().expect("a conversation").to_owned();
    let said = acme.call("GET", &format!("conversations/{id}/messages"), json!({})).await;
    assert_eq!(said["items"][0]["trouble"]["state"], "failed", "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_taken_over_meanwhile_hears_nothing_of_the_agent_any_more() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    fails(&acme, 131_056, ADA);
    acme.hears(ADA, "Hello");
    acme.eventually(ROW, "sending 0 131056").await;
    let listed = acme.call("GET", "conversations", json!({})).await;
    let id = listed["items"][0]["id"].as_str().expect("a conversation").to_owned();
    acme.call("POST", &format!("conversations/{id}/takeover"), json!({})).await;
    soon(&acme).await;
    acme.eventually(
        "select state || ' ' || error from outbox where tenant_id = $1",
        "dropped a human has this conversation",
    )
    .await;
    assert!(acme.replies(ADA).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_send_without_an_answer_is_looked_for_and_not_repeated() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    fails(&acme, 131_056, ADA);
    acme.hears(ADA, "Hello");
    acme.eventually(ROW, "sending 0 131056").await;
    phones.whatsapp.faults().add(FaultRule::once("messages", FaultKind::DropConnectionAfter));
    soon(&acme).await;
    acme.answered(ADA, 1).await;
    acme.eventually(ROW, "sent 1").await;
    // One that leaves no trace is a human's.
    fails(&acme, 131_056, GRACE);
    acme.hears(GRACE, "Hello");
    acme.eventually(ROW, "sending 0 131056").await;
    phones.whatsapp.faults().add(FaultRule::once("messages", FaultKind::DropConnectionBefore));
    soon(&acme).await;
    acme.eventually(ROW, "unknown 1 no clear answer").await;
    acme.eventually(NOTICES, "send_unclear").await;
    assert_eq!(acme.replies(ADA).len(), 1);
}

/// The only row that waits.
async fn waiting(shop: &Shop<'_>) -> OutboxId {
    let mut tx = shop.db.begin().await.expect("a transaction");
    let found = sqlx::query_scalar("select outbox_id from outbox where tenant_id = $1 and resend_at is not null");
    let id = found.bind(shop.id).fetch_one(tx.conn()).await.expect("a row");
    tx.close().await.expect("closed");
    id
}

/// What a process leaves that dies between sending and noting it, a minute later.
async fn dies_in_between(shop: &Shop<'_>) {
    let id = waiting(shop).await;
    // The turn whose answer failed may still be about to let its conversation go.
    let free = "select (owner is null)::text from lanes where tenant_id = $1 and conversation_id in (
                    select conversation_id from outbox where tenant_id = $1 and resend_at is not null)";
    shop.eventually(free, "true").await;
    let mut tx = shop.db.begin().await.expect("a transaction");
    assert!(matches!(resends::begin(&mut tx, id).await.expect("begun"), Begun::Go(_)));
    tx.commit().await.expect("committed");
    shop.change("update outbox set resend_at = now() - interval '1 second' where tenant_id = $1 and unheard")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_send_whose_process_died_is_looked_for_and_never_repeated() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    // Nobody knows whether it was sent.
    fails(&acme, 131_056, ADA);
    acme.hears(ADA, "Hello");
    acme.eventually(ROW, "sending 0 131056").await;
    dies_in_between(&acme).await;
    soon(&acme).await;
    acme.eventually(ROW, "unknown 1 the process that sent it again ended before it heard an answer").await;
    acme.eventually(NOTICES, "send_unclear").await;
    assert!(acme.replies(ADA).is_empty(), "{:?}", acme.replies(ADA));
    // It was, and its status says so.
    fails(&acme, 131_056, GRACE);
    acme.hears(GRACE, "Hello");
    acme.eventually(ROW, "sending 0 131056").await;
    let second = json!({ "statuses": [of_row("sent", "wamid.second", waiting(&acme).await)] });
    dies_in_between(&acme).await;
    change(&acme, second);
    acme.eventually(
        "select external_id from delivery_statuses where tenant_id = $1 and external_id = 'wamid.second'",
        "wamid.second",
    )
    .await;
    soon(&acme).await;
    acme.eventually(ROW, "sent 1").await;
    assert!(acme.replies(GRACE).is_empty(), "the phone of the simulation never got it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_an_hour_is_not_sent_again() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    fails(&acme, 131_056, ADA);
    acme.hears(ADA, "Hello");
    acme.eventually(ROW, "sending 0 131056").await;
    acme.change("update outbox set created_at = now() - interval '61 minutes' where tenant_id = $1").await;
    soon(&acme).await;
    acme.eventually(ROW, "dead 0 it could not be sent within an hour").await;
    acme.eventually(NOTICES, "send_failed").await;
    assert!(acme.replies(ADA).is_empty(), "{:?}", acme.replies(ADA));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_further_attempts_are_the_last_whatever_stands_in_the_way() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    fails(&acme, 131_056, ADA);
    acme.hears(ADA, "Hello");
    acme.eventually(ROW, "sending 0 131056").await;
    // From here on Meta takes nothing: it says so before it has it.
    phones.whatsapp.faults().add(FaultRule::always("messages", FaultKind::GraphError(130_429)));
    let calls = |shop: &Shop<'_>| {
        let history = shop.phones.whatsapp.history_after(0);
        history.into_iter().filter(|line| line.what == "call" && line.name == "messages").count()
    };
    let before = calls(&acme);
    tokio::select! {
        () = acme.eventually(ROW, "dead 3 the platform asks to wait 2s") => {}
        () = async { loop { soon(&acme).await; tokio::time::sleep(Duration::from_millis(100)).await } } => {}
    }
    acme.eventually(NOTICES, "send_failed").await;
    assert_eq!(calls(&acme) - before, 3);
}

fn first_id(shop: &Shop<'_>) -> String {
    let history = shop.phones.whatsapp.history_after(0);
    let first = history.into_iter().find(|line| line.what == "message").expect("a message was taken");
    first.id.expect("an id")
}

fn status(shop: &Shop<'_>, word: &str, id: String, code: i64) -> serde_json::Value {
    let history = shop.phones.whatsapp.history_after(0);
    let sent = history.iter().find(|line| line.what == "message").expect("a message was taken");
    let mut status = json!({ "id": id, "status": word, "timestamp": "1795000000", "recipient_id": ADA,
                             "biz_opaque_callback_data": sent.body["biz_opaque_callback_data"] });
    if code != 0 {
        status["errors"] = json!([{ "code": code, "title": "simulated" }]);
    }
    status
}

/// A webhook of Meta's with this in it.
fn change(shop: &Shop<'_>, content: serde_json::Value) {
    let mut value = json!({ "messaging_product": "whatsapp",
                            "metadata": { "display_phone_number": "4930", "phone_number_id": shop.number } });
    value.as_object_mut().expect("an object").extend(content.as_object().cloned().expect("fields"));
    shop.phones.whatsapp.send_change(&shop.number, "messages", value);
}

fn of_row(word: &str, id: &str, row: OutboxId) -> serde_json::Value {
    json!({ "id": id, "status": word, "timestamp": "1795000000", "recipient_id": GRACE, "biz_opaque_callback_data": row })
}

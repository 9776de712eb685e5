//! Values that the database refuses: each costs itself, and nothing else of its POST.

use serde_json::{Value, json};
use sqlx::Row;

use crate::phones::{ADA, ADA_ID, Phones, Shop, change, entry, message, post, text};

/// A database that is stricter than the code knows, as after an update of half the processes.
async fn strict(phones: &Phones) {
    let mut owner = phones.house.test.owner().await;
    for sql in [
        "alter table message_changes add constraint odd check (body <> 'poison')",
        "alter table delivery_statuses add constraint odd check (error <> 'poison')",
        "alter table message_templates add constraint odd check (name <> 'poison')",
    ] {
        crate::stage::run(&mut owner, sql).await;
    }
}

async fn first(phones: &Phones, shop: &Shop, sql: &'static str) -> Vec<String> {
    phones.house.rows(shop.tenant, sql).await.iter().map(|row| row.get::<String, _>(0)).collect()
}

fn status(id: &str, word: &str, error: Option<&str>) -> Value {
    let mut status = json!({ "id": id, "status": word, "timestamp": "1767000001", "recipient_id": ADA,
                             "recipient_user_id": ADA_ID });
    if let Some(error) = error {
        status["errors"] = json!([{ "code": 131_026, "title": error }]);
    }
    status
}

fn edit(of: &Value, words: &str) -> Value {
    let edited = json!({ "type": "text", "text": { "body": words } });
    message(json!({ "type": "edit", "edit": { "original_message_id": of["id"], "message": edited } }))
}

fn template(name: &str) -> Value {
    json!({ "field": "message_template_status_update",
            "value": { "event": "APPROVED", "message_template_name": name, "message_template_language": "en" } })
}

#[tokio::test]
async fn a_value_that_is_refused_goes_to_quarantine_and_everything_else_is_stored() {
    let phones = Phones::open().await;
    let (acme, other) = (phones.shop("acme").await, phones.shop("other").await);
    strict(&phones).await;
    let (asked, again) = (text("The launch is on 14 March."), text("The venue is open."));
    let told = json!({ "messages": [asked, again] });
    phones.hear(&post(vec![entry(&acme.account, vec![change(&acme.number, told)])])).await;

    let statuses = [
        status("wamid.1", "delivered", None),
        status("wamid.2", "failed", Some("poison")),
        status("wamid.3", "read", None),
    ];
    let more = json!({ "messages": [edit(&asked, "poison"), text("A third message."), edit(&again, "The venue is shut.")],
                       "statuses": statuses });
    let theirs = json!({ "messages": [text("Of another firm.")], "statuses": [status("wamid.4", "sent", None)] });
    phones
        .hear(&post(vec![
            entry(&acme.account, vec![change(&acme.number, more), template("poison"), template("hello")]),
            entry(&other.account, vec![change(&other.number, theirs)]),
        ]))
        .await;

    let stored = "select normalized ->> 'text' from inbox where normalized is not null order by seq";
    let words = first(&phones, &acme, stored).await;
    assert!(words.iter().any(|text| text == "A third message."), "{words:?}");
    assert!(words.iter().any(|text| text == "The venue is shut."), "{words:?}");
    assert!(
        words.iter().any(|text| text == "The launch is on 14 March."),
        "the refused edit changed nothing: {words:?}"
    );
    let statuses = "select external_id from delivery_statuses order by external_id";
    assert_eq!(first(&phones, &acme, statuses).await, ["wamid.1", "wamid.3"]);
    assert_eq!(first(&phones, &acme, "select name from message_templates order by name").await, ["hello"]);
    assert_eq!(first(&phones, &other, stored).await, ["Of another firm."]);
    assert_eq!(first(&phones, &other, statuses).await, ["wamid.4"]);
    let kept = phones.house.quarantined().await;
    assert!(kept.iter().all(|(reason, _)| reason == "the database refuses it"), "{kept:?}");
    let kept: Vec<String> = kept.iter().map(|(_, raw)| String::from_utf8_lossy(raw).into_owned()).collect();
    assert_eq!(kept.len(), 3, "{kept:?}");
    assert!(kept.iter().all(|raw| raw.contains("poison") && !raw.contains("Of another firm")), "{kept:?}");
}

#[tokio::test]
async fn nothing_that_is_refused_is_lost_and_a_flood_of_it_comes_again() {
    const KEPT_A_MINUTE: usize = 100;
    let mut phones = Phones::open().await;
    let (acme, other) = (phones.shop("acme").await, phones.shop("other").await);
    strict(&phones).await;
    let poison = |shop: &Shop, count: usize| {
        let failed = |n| status(&format!("wamid.{n}"), "failed", Some("poison"));
        let told = json!({ "statuses": (0..count).map(failed).collect::<Vec<_>>(), "messages": [text("Hello")] });
        post(vec![entry(&shop.account, vec![change(&shop.number, told)])])
    };
    let flood = poison(&acme, KEPT_A_MINUTE + 5);
    assert_eq!(phones.deliver(flood.to_string()).await.status, 503, "Meta comes again with what is not kept");
    assert_eq!(phones.house.stored(acme.tenant).await, 1, "what is no poison is stored");
    assert_eq!(phones.house.quarantined().await.len(), KEPT_A_MINUTE);
    // Another tenant has room of its own, and the first one its next minute.
    phones.hear(&poison(&other, 5)).await;
    assert_eq!(phones.deliver(flood.to_string()).await.status, 503);
    phones.house.restart().await;
    phones.hear(&flood).await;
    let kept = phones.house.quarantined().await;
    assert_eq!(kept.len(), KEPT_A_MINUTE + 5 + 5, "all of it, and nothing twice");
    phones.hear(&flood).await;
    assert_eq!(phones.house.quarantined().await.len(), kept.len());
}

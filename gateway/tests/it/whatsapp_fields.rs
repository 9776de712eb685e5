//! Every field that Meta names, and every event of an account: taken, kept once, and what follows from it.

use serde_json::{Value, json};

use crate::phones::{Phones, Shop, messages, news, text};

/// Besides `messages` and `smb_message_echoes`, which have tests of their own; what is kept, and why it is no message.
const FIELDS: [(&str, &str); 12] = [
    ("history", "what the phone knew before"),
    ("smb_app_state_sync", "what the phone knew before"),
    ("account_update", "news of the account"),
    ("user_id_update", "a change of identity"),
    ("message_template_status_update", "the state of a template"),
    ("phone_number_quality_update", "news of the account"),
    ("business_capability_update", "news of the account"),
    ("account_alerts", "news of the account"),
    ("account_review_update", "news of the account"),
    ("security", "news of the account"),
    ("flows", "news of a flow"),
    ("a_field_to_come", "field not handled"),
];

async fn acme(phones: &Phones) -> Shop {
    let shop = phones.shop("acme").await;
    // The account is known from here on: news that name only it find their way.
    phones.hear(&messages(&shop, vec![text("Hello")])).await;
    shop
}

#[tokio::test]
async fn every_field_of_the_contract_is_taken_and_kept() {
    let phones = Phones::open().await;
    let shop = acme(&phones).await;
    for (field, _) in FIELDS {
        // Whatever is in it, and twice.
        for value in
            [json!({ "event": "SOMETHING", "id": 1 }), json!({}), json!({ "event": "SOMETHING", "id": 1 })]
        {
            phones.hear(&news(&shop, field, value)).await;
        }
    }
    let mut expected: Vec<String> =
        FIELDS.iter().flat_map(|(_, reason)| vec![format!("ignored {reason} overheard"); 2]).collect();
    expected.push("pending - addressed".into());
    expected.sort();
    let mut kept = phones.house.inbox(shop.tenant).await;
    kept.sort();
    assert_eq!(kept, expected);
    assert!(phones.house.quarantined().await.is_empty());
}

#[tokio::test]
async fn every_event_of_an_account_ends_the_connection_or_leaves_it_alone() {
    const STATE: &str = "select status || ' ' || coalesce(dead_reason, '-') from channel_connections";
    for (event, ends) in [
        ("PARTNER_ADDED", false),
        ("PARTNER_APP_INSTALLED", false),
        ("ACCOUNT_RECONNECTED", false),
        ("ACCOUNT_DELETED", true),
        ("PARTNER_REMOVED", true),
        ("PARTNER_APP_UNINSTALLED", true),
        ("ACCOUNT_OFFBOARDED", true),
        ("SOMETHING_TO_COME", false),
    ] {
        let phones = Phones::open().await;
        let shop = acme(&phones).await;
        phones.hear(&news(&shop, "account_update", json!({ "event": event }))).await;
        let rows = phones.house.rows(shop.tenant, STATE).await;
        let state: String = sqlx::Row::get(&rows[0], 0);
        let expected = if ends { format!("dead Meta says {event}") } else { "active -".to_owned() };
        assert_eq!(state, expected, "{event}");
    }
}

/// What is due to an advertisement is said by Meta's own word.
#[tokio::test]
async fn what_follows_an_advertisement_within_three_days_is_free() {
    let phones = Phones::open().await;
    let shop = acme(&phones).await;
    let sent = |id: &str, category: &str, kind: &str| {
        json!({ "id": id, "status": "sent", "timestamp": "1791000000", "recipient_id": "4915100000001",
                "pricing": { "pricing_model": "PMP", "category": category, "type": kind } })
    };
    let statuses = json!({ "statuses": [sent("wamid.1", "marketing", "free_entry_point"), sent("wamid.2", "service", "free_entry_point"),
                                        sent("wamid.3", "service", "regular")] });
    let told: Value = crate::phones::post(vec![crate::phones::entry(
        &shop.account,
        vec![crate::phones::change(&shop.number, statuses)],
    )]);
    phones.hear(&told).await;
    let costs = "select cost_micro_usd from delivery_statuses order by external_id";
    let costs: Vec<Option<i64>> =
        phones.house.rows(shop.tenant, costs).await.iter().map(|row| sqlx::Row::get(row, 0)).collect();
    assert_eq!(costs, [Some(0), Some(0), Some(55_000)]);
}

//! Numbers: how one is connected, examined and asked for.

use serde_json::{Value, json};
use simulators::{FaultKind, FaultRule, WhatsAppOptionsPatch, WhatsAppSay, account_of, number_of};

use crate::phones::{ADA, GRACE, Phones, Shop};

const PHONES: &str = "select coalesce(phone, '-') from people where tenant_id = $1 and external_id like '%.%'";

async fn conversation(shop: &Shop<'_>) -> String {
    let listed = shop.call("GET", "conversations", Value::Null).await;
    listed["items"][0]["id"].as_str().expect("a conversation").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_asks_for_the_number_and_the_person_shares_it() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    // Known by a user id only.
    let by_id = simulators::Ids::UserId;
    phones.whatsapp.say(WhatsAppSay::new(&acme.number, ADA, "Hello").known_by(by_id));
    acme.answered(ADA, 1).await;
    acme.eventually(PHONES, "-").await;
    let id = conversation(&acme).await;
    acme.call("POST", &format!("conversations/{id}/takeover"), json!({})).await;
    let asking = json!({ "text": "May we call you?", "name": "Grace", "asks_for_number": true });
    acme.call("POST", &format!("conversations/{id}/reply"), asking).await;
    acme.answered(ADA, 2).await;
    let reply = acme.replies(ADA).remove(1);
    assert_eq!(
        (reply.text.as_str(), reply.buttons.join(",")),
        ("*Grace:* May we call you?", "Share phone number".into())
    );
    // A card of somebody else's says nothing of who wrote.
    let card = |fields: Value| {
        let mut card = json!({ "name": { "formatted_name": "Ada" }, "phones": [{ "phone": "+4915100000001" }] });
        card.as_object_mut().expect("an object").extend(fields.as_object().cloned().expect("fields"));
        let message = json!({ "type": "contacts", "contacts": [card] });
        WhatsAppSay::new(&acme.number, ADA, "").message(message).known_by(by_id)
    };
    phones.whatsapp.say(card(json!({})));
    acme.eventually("select count(*)::text from messages where tenant_id = $1 and author_kind = 'person'", "2")
        .await;
    acme.eventually(PHONES, "-").await;
    phones.whatsapp.say(card(json!({ "origin": "contact_request" })));
    acme.eventually(PHONES, "4915100000001").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_meta_holds_is_taken_and_ends_by_its_status() {
    const ROW: &str =
        "select state || ' ' || resends from outbox where tenant_id = $1 order by created_at desc limit 1";
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let acme = phones.shop("acme").await;
    let holds = Some(true);
    phones
        .whatsapp
        .set_options(WhatsAppOptionsPatch { holds_for_quality: holds, ..WhatsAppOptionsPatch::default() });
    acme.hears(ADA, "Hello");
    acme.answered(ADA, 1).await;
    acme.eventually(ROW, "sent 0").await;
    phones.whatsapp.faults().add(FaultRule::once("status", FaultKind::GraphError(132_015)).target(GRACE));
    acme.hears(GRACE, "Hello");
    acme.eventually(ROW, "dead 0").await;
    assert!(acme.replies(GRACE).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_apps_news_come_to_its_own_address_without_being_entered() {
    let phones = Phones::open().await;
    let acme = phones.shop("acme").await;
    let token = "EAAsimulatedown";
    let number = number_of(token).expect("a number");
    let body = json!({
        "channel": "whatsapp", "phone_number_id": number, "access_token": token, "account_id": account_of(&number),
        "app_secret": "a-secret-of-their-own-app", "verify_token": "a-word-of-their-own-app",
    });
    let connected = acme.call("POST", "connections", body).await;
    let url = connected["events_url"].as_str().expect("an address");
    let history = phones.whatsapp.history_after(0);
    let told: Vec<_> = history.iter().filter(|line| line.name == "subscribed_apps").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].status, &told[0].body["override_callback_uri"]), (Some(200), &json!(url)), "{told:?}");
    let found = phones.house.examined().await;
    let (_, well, detail) = found.iter().find(|(name, ..)| name.contains(&number)).expect("it is examined");
    assert!(well, "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_too_little_is_refused_with_a_sentence() {
    let phones = Phones::open().await;
    let acme = phones.shop("acme").await;
    let few = Some(vec!["whatsapp_business_management".to_owned()]);
    phones.whatsapp.set_options(WhatsAppOptionsPatch { token_scopes: few, ..WhatsAppOptionsPatch::default() });
    let token = "EAAsimulatedfew";
    let number = number_of(token).expect("a number");
    let body = json!({ "channel": "whatsapp", "phone_number_id": number, "access_token": token });
    let refused = acme.try_call("POST", "connections", body).await;
    assert_eq!(refused.0, 400, "{}", refused.1);
    assert!(refused.1.contains("lacks whatsapp_business_messaging"), "{}", refused.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_asks_each_number_and_names_the_screen_where_it_is_mended() {
    let phones = Phones::open().await;
    let acme = phones.shop("acme").await;
    let found = async || {
        let all = phones.house.examined().await;
        let one = all.iter().find(|(name, ..)| name.contains(&acme.number)).cloned();
        one.map(|(_, well, detail)| (well, detail)).unwrap_or_else(|| panic!("{all:?}"))
    };
    let (well, detail) = found().await;
    assert!(well && detail.contains("learned from the first webhook"), "{detail}");
    acme.hears(ADA, "Hello");
    let account = "select coalesce(nullif(account_id, ''), '-') from channel_connections where tenant_id = $1";
    acme.eventually(account, &account_of(&acme.number)).await;
    let (well, detail) = found().await;
    assert!(!well && detail.contains("no app is told") && detail.contains("Callback URL"), "{detail}");
    let soon = shared::clock::Clock::system().now().unix_timestamp() + 3 * 24 * 3_600;
    phones
        .whatsapp
        .set_options(WhatsAppOptionsPatch { token_expires_at: Some(soon), ..WhatsAppOptionsPatch::default() });
    let (well, detail) = found().await;
    assert!(!well && detail.contains("the token ends on") && detail.contains("System users"), "{detail}");
}

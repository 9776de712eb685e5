//! WhatsApp's webhook: who may deliver, what is kept for whom, and that one odd piece costs no other.

use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::Row;

use crate::{
    phones::{
        ADA_ID, APP_SECRET, Phones, VERIFY_TOKEN, WEBHOOK, change, entry, message, messages, news, post, signed,
        text,
    },
    wire::Ask,
};

const OWN_SECRET: &str = "0123456789abcdef0123456789abcdef";
const OWN_TOKEN: &str = "a-word-of-the-customers-own";

fn own_app() -> Value {
    json!({ "app_secret": OWN_SECRET, "verify_token": OWN_TOKEN })
}

fn check(path: &str, token: &str) -> Ask {
    let joint = if path.contains('?') { '&' } else { '?' };
    Ask::get(&format!("{path}{joint}hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}"))
}

#[tokio::test]
async fn attack_59_the_challenge_is_answered_only_with_the_right_verify_token() {
    let phones = Phones::open().await;
    let right = phones.house.ask(&check(WEBHOOK, VERIFY_TOKEN)).await;
    assert_eq!((right.status, right.text().as_str()), (200, "1158201444"));
    assert!(right.header("content-type").starts_with("text/plain"));
    let odd = [
        check(WEBHOOK, "wrong"),
        check(WEBHOOK, ""),
        check(WEBHOOK, APP_SECRET),
        check(WEBHOOK, &format!("{VERIFY_TOKEN}&hub.verify_token={VERIFY_TOKEN}")),
        Ask::get(WEBHOOK),
        Ask::get(&format!("{WEBHOOK}?hub.mode=subscribe&hub.challenge=1&hub.verify_token[]={VERIFY_TOKEN}")),
        Ask::get(&format!("{WEBHOOK}?hub.mode=unsubscribe&hub.challenge=1&hub.verify_token={VERIFY_TOKEN}")),
        Ask::get(&format!("{WEBHOOK}?hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}")),
        Ask::get(&format!(
            "{WEBHOOK}?hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge={}",
            "1".repeat(1_025)
        )),
    ];
    for ask in odd {
        let reply = phones.house.ask(&ask).await;
        assert!(reply.status == 403 && !reply.text().contains("1158201444"), "{}", reply.text());
    }
    // Guessing at length is cut off.
    let guesses = join_all((0..100).map(|n| {
        let (house, token) = (&phones.house, format!("guess{n}"));
        async move { house.ask(&check(WEBHOOK, &token)).await.status }
    }))
    .await;
    assert!(guesses.iter().all(|status| matches!(status, 403 | 429)), "{guesses:?}");
    assert_eq!(phones.house.ask(&check(WEBHOOK, "guess")).await.status, 429);
}

#[tokio::test]
async fn attack_39_a_missing_or_wrong_signature_stores_nothing() {
    let phones = Phones::open().await;
    let shop = phones.shop("acme").await;
    let body = messages(&shop, vec![text("hello")]).to_string();
    let good = signed(APP_SECRET, body.clone());
    let value = good.value_of("x-hub-signature-256");
    let digits = value.trim_start_matches("sha256=").to_owned();
    let refused = [
        good.clone().without("x-hub-signature-256"),
        good.clone().with("x-hub-signature-256", ""),
        good.clone().with("x-hub-signature-256", "sha256="),
        good.clone().with("x-hub-signature-256", digits.clone()),
        good.clone().with("x-hub-signature-256", format!("sha1={digits}")),
        good.clone().with("x-hub-signature-256", format!("sha256={}", &digits[..62])),
        good.clone().with("x-hub-signature-256", format!("sha256={digits}00")),
        good.clone().header("x-hub-signature-256", value.clone()),
        signed(OWN_SECRET, body.clone()),
        signed("", body.clone()),
        good.clone().body(format!("{body} ")),
    ];
    for ask in refused {
        assert_eq!(phones.house.ask(&ask).await.status, 401);
    }
    assert_eq!(phones.house.stored(shop.tenant).await, 0);
    assert!(phones.house.quarantined().await.is_empty());
    assert_eq!(phones.house.ask(&good).await.status, 200);
    assert_eq!(phones.house.inbox(shop.tenant).await, ["pending - addressed"]);
}

#[tokio::test]
async fn attack_46_a_replay_is_stored_once_for_ever() {
    let phones = Phones::open().await;
    let shop = phones.shop("acme").await;
    let body = messages(&shop, vec![text("once")]).to_string();
    let replies = join_all((0..50).map(|_| phones.deliver(body.clone()))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    // The signature in capitals, and the same message in another envelope.
    let capitals = signed(APP_SECRET, body.clone());
    let value = capitals.value_of("x-hub-signature-256").to_uppercase().replace("SHA256", "sha256");
    assert_eq!(phones.house.ask(&capitals.with("x-hub-signature-256", value)).await.status, 200);
    let spaced = body.replace("\"entry\":", "\"entry\" : ");
    assert_eq!(phones.deliver(spaced).await.status, 200);
    assert_eq!(phones.house.stored(shop.tenant).await, 1);
}

#[tokio::test]
async fn one_post_of_several_tenants_gives_each_only_its_own_bytes() {
    let phones = Phones::open().await;
    let (acme, bolt) = (phones.shop("acme").await, phones.shop("bolt").await);
    let (for_acme, for_bolt) = (text("CANARY-A"), text("CANARY-B"));
    let second =
        message(json!({ "from": "447700900001", "from_user_id": "GB.x9", "text": { "body": "CANARY-A2" } }));
    let body = post(vec![
        entry(&acme.account, vec![change(&acme.number, json!({ "messages": [for_acme, second] }))]),
        entry(&bolt.account, vec![change(&bolt.number, json!({ "messages": [for_bolt] }))]),
        entry("2999", vec![change("1999", json!({ "messages": [text("CANARY-NOBODY")] }))]),
    ]);
    phones.hear(&body).await;
    let mut texts = phones.house.texts(acme.tenant).await;
    texts.sort();
    assert_eq!(texts, ["CANARY-A", "CANARY-A2"]);
    assert_eq!(phones.house.texts(bolt.tenant).await, ["CANARY-B"]);
    let raw: Vec<Vec<u8>> =
        phones.house.rows(bolt.tenant, "select raw from inbox").await.iter().map(|row| row.get("raw")).collect();
    assert_eq!(raw, [for_bolt.to_string().into_bytes()], "the row holds its own message, byte by byte");
    let quarantined = phones.house.quarantined().await;
    assert_eq!(quarantined.len(), 1);
    assert_eq!(quarantined[0].0, "no tenant has connected this number");
    let people = phones.house.count(acme.tenant, "select count(distinct conversation_id) from inbox").await;
    assert_eq!(people, 2, "a conversation is one person's with one number");
}

#[tokio::test]
async fn attack_194_one_poison_among_a_thousand_blocks_no_other() {
    let phones = Phones::open().await;
    let shop = phones.shop("acme").await;
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let mut changes: Vec<String> = (0..997)
        .map(|n| change(&shop.number, json!({ "messages": [text(&format!("message {n}"))] })).to_string())
        .collect();
    changes.insert(100, "5".into());
    changes.insert(
        500,
        change(&shop.number, json!({ "messages": [{ "deep": "DEEP" }] })).to_string().replace("\"DEEP\"", &deep),
    );
    changes.insert(900, change(&shop.number, json!({ "messages": ["x"] })).to_string());
    let body =
        json!({ "object": "whatsapp_business_account", "entry": [{ "id": shop.account, "changes": "CHANGES" }] });
    let body = body.to_string().replace("\"CHANGES\"", &format!("[{}]", changes.join(",")));
    assert_eq!(phones.deliver(body.clone()).await.status, 200);
    assert_eq!(phones.house.stored(shop.tenant).await, 997);
    assert_eq!(phones.house.quarantined().await.len(), 3);
    assert_eq!(phones.deliver(body).await.status, 200);
    assert_eq!(phones.house.stored(shop.tenant).await, 997, "sent again, it changes nothing");
}

#[tokio::test]
async fn attack_61_address_and_signature_must_speak_of_the_same_tenant() {
    let phones = Phones::open().await;
    let acme = phones.shop_with("acme", own_app()).await;
    let other_secret = "fedcba9876543210fedcba9876543210";
    let bolt = phones.shop_with("bolt", json!({ "app_secret": other_secret, "verify_token": OWN_TOKEN })).await;
    let plain = phones.shop("plain").await;
    let body = messages(&acme, vec![text("to acme")]).to_string();
    let refused = [
        ("another tenant's address", signed(OWN_SECRET, body.clone()).to(&bolt.path())),
        ("another tenant's secret", signed(other_secret, body.clone()).to(&acme.path())),
        (
            "another tenant's number",
            signed(OWN_SECRET, messages(&bolt, vec![text("x")]).to_string()).to(&acme.path()),
        ),
        ("the platform's number", signed(OWN_SECRET, messages(&plain, vec![text("x")]).to_string())),
        ("nothing at all", signed(OWN_SECRET, "{}").to(&acme.path())),
    ];
    for (what, ask) in refused {
        assert_eq!(phones.house.ask(&ask).await.status, 401, "{what}");
    }
    for shop in [&acme, &bolt, &plain] {
        assert_eq!(phones.house.stored(shop.tenant).await, 0);
    }
    // With others' news among its own, only its own count.
    let mixed = post(vec![
        entry(&acme.account, vec![change(&acme.number, json!({ "messages": [text("to acme")] }))]),
        entry(&bolt.account, vec![change(&bolt.number, json!({ "messages": [text("forged")] }))]),
    ]);
    assert_eq!(phones.house.ask(&signed(OWN_SECRET, mixed.to_string()).to(&acme.path())).await.status, 200);
    assert_eq!((phones.house.stored(acme.tenant).await, phones.house.stored(bolt.tenant).await), (1, 0));
    // The platform's app does not speak for an own app's number.
    assert_eq!(phones.deliver(body).await.status, 200);
    assert_eq!(phones.house.stored(acme.tenant).await, 1);

    assert_eq!(phones.house.ask(&check(&acme.path(), OWN_TOKEN)).await.status, 200);
    assert_eq!(phones.house.ask(&check(&acme.path(), VERIFY_TOKEN)).await.status, 403);
}

#[tokio::test]
async fn attack_38_a_blank_or_half_own_app_is_refused() {
    let phones = Phones::open().await;
    let (_, key) = phones.house.test.tenant("acme").await;
    let number = simulators::number_of("EAAsimulatedacme").expect("a number");
    let base = json!({ "channel": "whatsapp", "phone_number_id": number, "access_token": "EAAsimulatedacme" });
    let odd = [
        json!({ "app_secret": OWN_SECRET }),
        json!({ "verify_token": OWN_TOKEN }),
        json!({ "app_secret": "  ", "verify_token": OWN_TOKEN }),
        json!({ "app_secret": OWN_SECRET, "verify_token": "short" }),
        json!({ "access_token": "" }),
        json!({ "access_token": "two\r\nlines" }),
        json!({ "phone_number_id": "1/../2" }),
        json!({ "phone_number_id": "" }),
        json!({ "surprise": 1 }),
    ];
    for fields in odd {
        let mut body = base.clone();
        body.as_object_mut().expect("an object").extend(fields.as_object().cloned().expect("fields"));
        let reply = phones.house.connect(&key, body).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{fields}");
    }
    assert!(phones.whatsapp.history_after(0).is_empty(), "Meta was not asked");
    for token in ["EAArevokedacme", "EAAsimulatedother"] {
        let body = json!({ "channel": "whatsapp", "phone_number_id": number, "access_token": token });
        assert_eq!(phones.house.connect(&key, body).await.status, 400, "{token}");
    }
    assert_eq!(phones.house.connect(&key, base.clone()).await.status, 201);
    // Nobody else takes the number over; the same tenant may renew its token.
    let (_, stranger) = phones.house.test.tenant("stranger").await;
    assert_eq!(phones.house.connect(&stranger, base.clone()).await.status, 409);
    assert_eq!(phones.house.connect(&key, base).await.status, 201);
}

#[tokio::test]
async fn attack_187_189_bodies_that_are_no_webhook_are_refused_or_put_aside() {
    let phones = Phones::open().await;
    let shop = phones.shop("acme").await;
    for (status, body) in [
        (400, String::new()),
        (400, "[]".into()),
        (400, "{}{}".into()),
        (400, r#"{"entry":[],"entry":[]}"#.into()),
        (200, r#"{"object":"page","entry":[]}"#.into()),
        (200, r#"{"object":"whatsapp_business_account","entry":5}"#.into()),
        (200, r#"{"object":"#.into()),
        (
            200,
            format!(
                r#"{{"object":"whatsapp_business_account","entry":{}1{}}}"#,
                "[".repeat(100_000),
                "]".repeat(100_000)
            ),
        ),
        (413, "x".repeat(3 * 1024 * 1024 + 1)),
    ] {
        let reply = phones.deliver(body.clone()).await;
        assert_eq!(reply.status, status, "{:.60}: {}", body, reply.text());
    }
    let with_mark = format!("\u{feff}{}", messages(&shop, vec![text("marked")]));
    assert_eq!(phones.deliver(with_mark).await.status, 200);
    let half_a_pair = messages(&shop, vec![text("HALF")]).to_string().replace("HALF", "half \\ud800 pair");
    assert_eq!(phones.deliver(half_a_pair).await.status, 200);
    assert_eq!(phones.house.texts(shop.tenant).await, ["marked", "half \u{fffd} pair"]);
}

#[tokio::test]
async fn attack_191_unknown_fields_and_types_are_stored_and_never_answered() {
    let phones = Phones::open().await;
    let shop = phones.shop("acme").await;
    phones.hear(&messages(&shop, vec![message(json!({ "type": "hologram", "hologram": { "id": 1 } }))])).await;
    phones
        .hear(&messages(&shop, vec![message(json!({ "type": "reaction", "reaction": { "emoji": "👍" } }))]))
        .await;
    phones
        .hear(&messages(&shop, vec![message(json!({ "group_id": "G1", "text": { "body": "to a group" } }))]))
        .await;
    // The account was learned from the messages: news that name only it find their way.
    phones.hear(&news(&shop, "brand_new_field", json!({ "a": 1 }))).await;
    phones.hear(&news(&shop, "account_alerts", json!({ "alert_type": "X" }))).await;
    let mut lines = phones.house.inbox(shop.tenant).await;
    lines.sort();
    assert_eq!(
        lines,
        [
            "ignored a reaction to nothing overheard",
            "ignored field not handled overheard",
            "ignored group message overheard",
            "ignored message type not handled overheard",
            "ignored news of the account overheard",
        ]
    );
    assert!(phones.house.quarantined().await.is_empty());
}

#[tokio::test]
async fn a_person_is_known_by_the_user_id_and_else_by_the_number() {
    let phones = Phones::open().await;
    let shop = phones.shop("acme").await;
    let mut only_id = message(json!({ "text": { "body": "by id" } }));
    only_id.as_object_mut().expect("an object").remove("from");
    let mut only_number = message(json!({ "text": { "body": "by number" } }));
    only_number.as_object_mut().expect("an object").remove("from_user_id");
    let mut content = change(&shop.number, json!({ "messages": [only_number] }));
    content["value"]["contacts"] = json!([]);
    phones.hear(&messages(&shop, vec![text("both"), only_id])).await;
    phones.hear(&post(vec![entry(&shop.account, vec![content])])).await;
    let rows = phones
        .house
        .rows(shop.tenant, "select normalized ->> 'author' as author, normalized -> 'profile' ->> 'phone' as phone from inbox order by seq, received_at")
        .await;
    let mut people: Vec<(String, Option<String>)> =
        rows.iter().map(|row| (row.get("author"), row.get("phone"))).collect();
    people.sort();
    let ada = Some(crate::phones::ADA.to_owned());
    assert_eq!(
        people,
        [(crate::phones::ADA.to_owned(), ada.clone()), (ADA_ID.to_owned(), ada.clone()), (ADA_ID.to_owned(), ada)]
    );
}

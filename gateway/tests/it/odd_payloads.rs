//! Odd but genuine: what Slack signed is stored as it came, whatever it looks like.

use serde_json::{Value, json};
use sqlx::Row;

use crate::{
    events::{ADA, EVENTS, envelope, having, message, question, signed},
    stage::{Firm, House},
};

/// A question whose text is written into the JSON as these bytes.
fn question_of_bytes(firm: &Firm, text: &[u8]) -> Vec<u8> {
    let json = question(firm, "PLACE").to_string();
    let (before, after) = json.split_once("PLACE").expect("the place is in the text");
    [before.as_bytes(), text, after.as_bytes()].concat()
}

#[tokio::test]
async fn attack_185_broken_text_is_stored_byte_for_byte() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let marked = [b"\xef\xbb\xbf".to_vec(), question_of_bytes(&acme, b"a mark before it all")].concat();
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("a NUL", question_of_bytes(&acme, br"a\u0000b"), "a\u{fffd}b"),
        ("a high surrogate alone", question_of_bytes(&acme, br"a\ud800b"), "a\u{fffd}b"),
        ("a low surrogate alone", question_of_bytes(&acme, br"a\udc00b"), "a\u{fffd}b"),
        ("surrogates the wrong way round", question_of_bytes(&acme, br"a\ude00\ud83db"), "a\u{fffd}\u{fffd}b"),
        ("a real pair beside half of one", question_of_bytes(&acme, br"\ud83d\ude00\ud83d"), "\u{1f600}\u{fffd}"),
        ("bytes that are no UTF-8", question_of_bytes(&acme, b"a\xff\xfeb"), "a\u{fffd}\u{fffd}b"),
        ("half of a letter", question_of_bytes(&acme, b"a\xc3 b"), "a\u{fffd} b"),
        ("a byte-order mark", marked, "a mark before it all"),
    ];
    for (what, body, _) in &cases {
        let reply = house.deliver(body.clone()).await;
        assert_eq!(reply.status, 200, "{what}: {}", reply.text());
    }
    let rows = house.rows(acme.tenant, "select raw, state::text from inbox order by received_at, seq").await;
    assert_eq!(rows.len(), cases.len());
    for (row, (what, body, _)) in rows.iter().zip(&cases) {
        assert_eq!(&row.get::<Vec<u8>, _>("raw"), body, "{what}");
        assert_eq!(row.get::<&str, _>("state"), "pending", "{what}");
    }
    let texts: Vec<&str> = cases.iter().map(|(_, _, text)| *text).collect();
    assert_eq!(house.texts(acme.tenant).await, texts);
}

#[tokio::test]
async fn attack_185_other_fields_may_be_broken_too() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let bot = &acme.bot;
    let nul = json!("a\u{0}b");
    for field in ["ts", "thread_ts", "subtype", "channel", "channel_type", "user", "type"] {
        let event = having(message("C1", &format!("<@{bot}> {field}")), json!({ field: nul }));
        let reply = house.deliver(envelope(&acme.team, event).to_string()).await;
        assert_eq!(reply.status, 200, "{field}: {}", reply.text());
    }
    for field in ["team_id", "event_id", "api_app_id"] {
        let mut body = having(question(&acme, field), json!({ field: nul, "authorizations": [] }));
        // Without a time of its own, a message falls back on its event's id.
        if let Some(event) = body["event"].as_object_mut() {
            event.remove("ts");
        }
        let reply = house.deliver(body.to_string()).await;
        assert_eq!(reply.status, 200, "{field}: {}", reply.text());
    }
    let reasons: Vec<String> = house.quarantined().await.into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, ["no workspace named"], "only the workspace's own name is needed to find it");
}

#[tokio::test]
async fn attack_186_a_field_named_twice_is_400() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let plain = question(&acme, "twice").to_string();
    let doubled = [
        plain.replacen('{', &format!("{{\"team_id\":\"{}\",", bolt.team), 1),
        plain.replacen(
            "\"authorizations\":[",
            &format!("\"authorizations\":[],\"team_id\":\"{}\",\"authorizations\":[", bolt.team),
            1,
        ),
        plain.replacen("\"channel\":", "\"channel\":\"C9\",\"channel\":", 1),
    ];
    for body in doubled {
        assert_ne!(body, plain);
        let reply = house.deliver(body).await;
        assert_eq!((reply.status, reply.text().as_str()), (400, "The body names a field twice."));
    }
    assert_eq!((house.stored(acme.tenant).await, house.stored(bolt.tenant).await), (0, 0));
}

#[tokio::test]
async fn attack_187_a_hundred_thousand_brackets_are_400() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let place = |field: &str, value: &str| {
        question(&acme, "deep").to_string().replacen(
            "\"channel\":",
            &format!("\"{field}\":{value},\"channel\":"),
            1,
        )
    };
    for body in
        [deep.clone(), objects.clone(), place("blocks", &deep), place("blocks", &objects), place("files", &deep)]
    {
        let reply = house.deliver(body).await;
        assert!(matches!(reply.status, 200 | 400), "{}", reply.status);
    }
    assert_eq!(house.deliver(deep.clone()).await.status, 400);
    assert_eq!(house.deliver(place("blocks", &deep)).await.text(), "The body is nested too deeply.");
    // In a field that nobody reads it does no harm.
    assert_eq!(house.deliver(place("unheard_of", &deep)).await.status, 200);
    assert_eq!(house.stored(acme.tenant).await, 1);
    // Nobody without a secret gets that far, or a stack overflow.
    assert_eq!(house.ask(&signed("not-the-secret-0123456789", place("blocks", &deep))).await.status, 401);
}

#[tokio::test]
async fn attack_189_what_is_no_json_object_is_400() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let event = question(&acme, "hello").to_string();
    let bodies = [
        "",
        " ",
        "{}{}",
        "[]",
        "null",
        "5",
        "\"text\"",
        "payload=%7B%7D",
        &format!("[{event}]"),
        &format!("{event}{event}"),
    ];
    for body in bodies {
        assert_eq!(house.deliver(body).await.status, 400, "{body}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "json"] {
        let ask = signed(house.secret(), event.clone()).with("content-type", kind);
        assert_eq!(house.ask(&ask).await.status, 400, "{kind}");
    }
    let ask = signed(house.secret(), event.clone());
    assert_eq!(house.ask(&ask.clone().without("content-type")).await.status, 400);
    assert_eq!(house.stored(acme.tenant).await, 0);
    for kind in ["application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(house.ask(&ask.clone().with("content-type", kind)).await.status, 200, "{kind}");
    }
    // Before the signature nothing is judged.
    let unsigned = crate::wire::Ask::post(EVENTS).header("content-type", "text/plain").body("[]");
    assert_eq!(house.ask(&unsigned).await.status, 401);
}

#[tokio::test]
async fn attack_191_events_that_nobody_knows_are_stored_as_ignored() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let kinds = ["pin_added", "app_home_opened", "channel_created", "something_of_next_year", ""];
    for kind in kinds {
        house.hear(&acme, json!({ "type": kind, "user": ADA, "item": { "channel": "C1", "ts": "1.1" } })).await;
    }
    assert_eq!(house.inbox(acme.tenant).await, ["ignored event kind not handled overheard"; 5]);
    assert_eq!(house.count(acme.tenant, "select count(*) from lanes where ready_at is not null").await, 0);
    let reply =
        house.deliver(having(question(&acme, "x"), json!({ "type": "event_of_next_year" })).to_string()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(house.quarantined().await[0].0, "unknown envelope");
}

#[tokio::test]
async fn attack_193_times_that_are_none_do_not_cost_the_message() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let times =
        ["1.1", "0", "-1.5", "99999999999.000001", "253402300799.999999", "1.-00005", "yesterday", "", "1 or 1=1"];
    for ts in times {
        let event = having(message("D1", &format!("at {ts}")), json!({ "channel_type": "im", "ts": ts }));
        house.hear(&acme, event).await;
    }
    let mut timeless = having(message("D1", "no time at all"), json!({ "channel_type": "im" }));
    timeless.as_object_mut().expect("an object").remove("ts");
    house.hear(&acme, timeless).await;
    assert_eq!(house.inbox(acme.tenant).await, vec!["pending - addressed"; times.len() + 1]);
    let future = "select count(*) from inbox
                   where (normalized ->> 'sent_at')::timestamptz not between '1970-01-01' and now() + interval '5 minutes'";
    assert_eq!(house.count(acme.tenant, future).await, 0);
}

#[tokio::test]
async fn attack_193_the_same_time_is_the_same_message_only_in_one_channel() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for channel in ["D1", "D2", "D1"] {
        let event = having(message(channel, "twins"), json!({ "channel_type": "im", "ts": "1767000000.000100" }));
        house.hear(&acme, event).await;
    }
    assert_eq!(house.stored(acme.tenant).await, 2);
    // Without time and id nothing says that two messages are one.
    for text in ["first", "second"] {
        let mut body = envelope(&acme.team, having(message("D3", text), json!({ "channel_type": "im" })));
        body["event"]["ts"] = Value::Null;
        body["event_id"] = Value::Null;
        assert_eq!(house.deliver(body.to_string()).await.status, 200);
    }
    assert_eq!(house.stored(acme.tenant).await, 4);
}

#[tokio::test]
async fn attack_195_messages_without_text_say_what_they_consist_of() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let blocks = json!([{ "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": [
        { "type": "user", "user_id": acme.bot }, { "type": "text", "text": " only in blocks" } ] }] }]);
    house.hear(&acme, having(message("C1", ""), json!({ "blocks": blocks }))).await;
    let files = json!([{ "id": "F1", "name": "plan.pdf" }, { "id": "F2", "name": null }, { "id": "F3" }]);
    let direct = json!({ "channel_type": "im", "channel": "D1", "subtype": "file_share", "files": files });
    house.hear(&acme, having(message("D1", ""), direct)).await;
    let voice = json!([{ "id": "F4", "name": "audio_message.m4a", "subtype": "slack_audio" }]);
    house.hear(&acme, having(message("D1", "listen"), json!({ "channel_type": "im", "files": voice }))).await;
    let shared =
        json!([{ "is_share": true, "text": format!("<@{}> the build is red", acme.bot), "author_id": "U2" }]);
    let forwarded = json!({ "channel_type": "im", "attachments": shared });
    house.hear(&acme, having(message("D1", ""), forwarded.clone())).await;
    // Passing on a mention is not mentioning.
    house.hear(&acme, having(having(message("C2", ""), forwarded), json!({ "channel_type": "channel" }))).await;
    assert_eq!(house.inbox(acme.tenant).await, ["pending - addressed"; 4]);
    assert_eq!(
        house.texts(acme.tenant).await,
        [
            "only in blocks",
            "[attached file: plan.pdf]\n[attached file: without a name]\n[attached file: without a name]",
            "listen\n[attached file: audio_message.m4a]",
            "[forwarded] the build is red",
        ]
    );
}

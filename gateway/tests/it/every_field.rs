//! Each field of an event, spoilt in each way: the answer is 200 or 400, the process lives, and what got a 200 is kept.

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{
    events::{envelope, having, mention_of, message, next},
    stage::{Firm, House},
};

const AT_ONCE: usize = 8;
const HUGE: usize = 300_000;

/// Every field Slack documents for these events, as a path.
const FIELDS: [&str; 44] = [
    "/token",
    "/type",
    "/team_id",
    "/context_team_id",
    "/context_enterprise_id",
    "/api_app_id",
    "/event_id",
    "/event_time",
    "/event_context",
    "/is_ext_shared_channel",
    "/authorizations",
    "/authorizations/0",
    "/authorizations/0/enterprise_id",
    "/authorizations/0/team_id",
    "/authorizations/0/user_id",
    "/authorizations/0/is_bot",
    "/authorizations/0/is_enterprise_install",
    "/event",
    "/event/type",
    "/event/subtype",
    "/event/user",
    "/event/bot_id",
    "/event/app_id",
    "/event/bot_profile",
    "/event/text",
    "/event/ts",
    "/event/event_ts",
    "/event/thread_ts",
    "/event/channel",
    "/event/channel_type",
    "/event/team",
    "/event/edited",
    "/event/metadata",
    "/event/message",
    "/event/previous_message",
    "/event/blocks",
    "/event/blocks/0",
    "/event/blocks/0/elements",
    "/event/blocks/0/elements/0/text",
    "/event/blocks/0/elements/0/user_id",
    "/event/files",
    "/event/files/0",
    "/event/files/0/name",
    "/event/attachments",
];

/// Who sees nothing but these may take the event for a bot's, or for a kind that is kept only in known threads.
const MAY_BE_DROPPED: [&str; 2] = ["/event/subtype", "/event/bot_id"];

/// `None`: the field is missing.
fn odd_values() -> Vec<Option<Value>> {
    let unique = next();
    vec![
        None,
        Some(Value::Null),
        Some(json!(true)),
        Some(json!(0)),
        Some(json!(-1)),
        Some(json!(i64::MAX)),
        Some(json!(u64::MAX)),
        Some(json!(1.5e300)),
        Some(json!("")),
        Some(json!(" ")),
        Some(json!(format!("odd{unique}"))),
        Some(json!(format!("nul\u{0}{unique}"))),
        Some(json!(format!("{unique}\r\nx-evil: 1"))),
        Some(json!(format!("\u{202e}\u{1f600}{unique}'; drop table inbox; --"))),
        Some(json!(format!("{unique}{}", "x".repeat(HUGE)))),
        Some(json!([])),
        Some(json!([null, 1, "x", {}, []])),
        Some(json!({})),
        Some(json!({ "id": { "id": [1] }, "ts": 5, "user": [], "name": false })),
    ]
}

/// A direct message that also mentions the agent: no single field is what makes it addressed.
fn full_event(firm: &Firm) -> Value {
    let rich = json!([{ "type": "rich_text", "elements": [{ "type": "text", "text": "hi", "user_id": "U2" }] }]);
    let full = json!({
        "channel_type": "im", "team": firm.team, "blocks": rich, "files": [{ "id": "F1", "name": "a.txt" }],
    });
    having(message("D1", &format!("<@{}> hello", firm.bot)), full)
}

fn spoilt(mut body: Value, path: &str, value: Option<Value>) -> Value {
    let (parent, name) = path.rsplit_once('/').expect("a path has a slash");
    match (body.pointer_mut(parent), value) {
        (Some(Value::Object(fields)), Some(value)) => {
            fields.insert(name.to_owned(), value);
        }
        (Some(Value::Object(fields)), None) => {
            fields.remove(name);
        }
        (Some(Value::Array(items)), value) => items[0] = value.unwrap_or_default(),
        (parent, _) => panic!("{path} has no place: {parent:?}"),
    }
    body
}

/// Sends all bodies; returns how many were accepted.
async fn deliver_all(house: &House, bodies: Vec<(String, String)>) -> i64 {
    let sending = stream::iter(bodies).map(|(what, body)| async move {
        let reply = house.deliver(body).await;
        assert!(matches!(reply.status, 200 | 400), "{what}: {} {}", reply.status, reply.text());
        i64::from(reply.status == 200)
    });
    sending.buffer_unordered(AT_ONCE).fold(0, |sum, one| async move { sum + one }).await
}

async fn kept(house: &House, firm: &Firm) -> i64 {
    let quarantined = i64::try_from(house.quarantined().await.len()).expect("a small number");
    house.stored(firm.tenant).await + quarantined
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_190_every_field_spoilt_in_every_way_is_200_or_400() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let mut bodies = Vec::new();
    let mut droppable = Vec::new();
    for path in FIELDS {
        let plain = odd_values().into_iter().map(|value| (full_event(&acme), value));
        let mentions = odd_values().into_iter().map(|value| (mention_of(&full_event(&acme)), value));
        for (event, value) in plain.chain(mentions) {
            let what = format!("{path} = {:.60}", value.as_ref().map_or("(missing)".into(), Value::to_string));
            let body = spoilt(envelope(&acme.team, event), path, value).to_string();
            let list = if MAY_BE_DROPPED.contains(&path) { &mut droppable } else { &mut bodies };
            list.push((what, body));
        }
    }
    let accepted = deliver_all(&house, bodies).await;
    assert_eq!(kept(&house, &acme).await, accepted, "200 means that it is kept");
    deliver_all(&house, droppable).await;
    assert_eq!(house.ask(&crate::wire::Ask::get("/healthz")).await.status, 200);
}

#[tokio::test]
async fn attack_190_a_field_that_decides_nothing_costs_no_message() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let beside = [
        "/token",
        "/context_team_id",
        "/api_app_id",
        "/event_time",
        "/event_context",
        "/is_ext_shared_channel",
        "/authorizations/0/user_id",
        "/event/event_ts",
        "/event/team",
        "/event/blocks",
        "/event/files",
        "/event/ts",
        "/event/thread_ts",
        "/event/files/0/name",
        "/event/previous_message",
    ];
    let mut sent = 0;
    for path in beside {
        for value in [None, Some(Value::Null), Some(json!(5)), Some(json!({ "a": [1] })), Some(json!("odd"))] {
            // The workspace and the app are read as text, or not at all.
            if path == "/api_app_id" && value.as_ref().is_some_and(|value| !value.is_string() && !value.is_null())
            {
                continue;
            }
            let body = spoilt(envelope(&acme.team, full_event(&acme)), path, value);
            assert_eq!(house.deliver(body.to_string()).await.status, 200, "{path}");
            sent += 1;
        }
    }
    let lines = house.inbox(acme.tenant).await;
    assert_eq!((lines.len(), lines.iter().all(|line| line == "pending - addressed")), (sent, true), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_190_an_event_cut_at_any_length_is_200_or_400() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let whole = envelope(&acme.team, full_event(&acme)).to_string();
    let cut = (0..whole.len()).map(|length| (length.to_string(), whole[..length].to_owned())).collect();
    let accepted = deliver_all(&house, cut).await;
    assert_eq!(usize::try_from(accepted).expect("a number of events"), whole.len() - 1, "all but the empty one");
    assert_eq!(house.stored(acme.tenant).await, 0);
    let reasons = house.quarantined().await;
    assert_eq!(reasons.len(), whole.len() - 1);
    assert!(reasons.iter().all(|(reason, _)| reason == "not readable as JSON"));
}

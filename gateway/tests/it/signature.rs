//! Slack's signature: what is no exact HMAC of these bytes at this minute is refused, and leaves no trace.

use serde_json::json;
use shared::clock::Clock;

use crate::{
    events::{question, signed, signed_at},
    stage::{Firm, House},
    wire::{Ask, Reply},
};

const SIGNATURE: &str = "x-slack-signature";
const TIMESTAMP: &str = "x-slack-request-timestamp";

async fn refused(house: &House, firm: &Firm, ask: Ask, what: &str) {
    let reply = house.ask(&ask).await;
    assert_eq!(reply.status, 401, "{what}: {}", reply.text());
    assert_eq!(reply.text(), "The signature is missing, wrong or too old.", "{what}");
    assert_eq!(house.stored(firm.tenant).await, 0, "{what}");
}

/// A good request, to be spoilt.
fn good(house: &House, firm: &Firm) -> Ask {
    signed(house.secret(), question(firm, "is this genuine?").to_string())
}

#[tokio::test]
async fn attack_39_a_missing_or_malformed_signature_is_401() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ask = good(&house, &acme);
    refused(&house, &acme, ask.clone().without(SIGNATURE), "no signature").await;
    refused(&house, &acme, ask.clone().without(TIMESTAMP), "no timestamp").await;
    refused(&house, &acme, ask.clone().without(SIGNATURE).without(TIMESTAMP), "neither").await;

    let value = ask.value_of(SIGNATURE);
    let hex = value.strip_prefix("v0=").expect("the simulator signs as v0").to_owned();
    let other_digit = if hex.starts_with('0') { "1" } else { "0" };
    let spoilt = [
        ("empty", String::new()),
        ("only the version", "v0=".to_owned()),
        ("another version", format!("v1={hex}")),
        ("no version", hex.clone()),
        ("an upper-case version", format!("V0={hex}")),
        ("half of it", format!("v0={}", &hex[..32])),
        ("a digit less", format!("v0={}", &hex[..63])),
        ("a digit more", format!("v0={hex}0")),
        ("twice as long", format!("v0={hex}{hex}")),
        ("no hexadecimal", format!("v0={}", "g".repeat(64))),
        ("one digit wrong", format!("v0={other_digit}{}", &hex[1..])),
        ("zeros", format!("v0={}", "0".repeat(64))),
        ("two in one header", format!("{value}, {value}")),
        ("a bad and a good one", format!("v0={},{value}", "0".repeat(64))),
        ("base64 instead", "v0=n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=".to_owned()),
    ];
    for (what, spoilt) in spoilt {
        refused(&house, &acme, ask.clone().with(SIGNATURE, spoilt), what).await;
    }
    assert_eq!(house.ask(&ask).await.status, 200);
    assert_eq!(house.stored(acme.tenant).await, 1);
}

#[tokio::test]
async fn attack_39_a_signature_of_other_bytes_is_401() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ask = good(&house, &acme);
    let body = String::from_utf8(ask.body.clone()).expect("the body is text");
    refused(&house, &acme, ask.clone().body(body.replace("genuine", "altered")), "an altered body").await;
    refused(&house, &acme, ask.clone().body(&body[..body.len() - 1]), "a shortened body").await;
    refused(&house, &acme, ask.clone().body(format!("{body} ")), "a longer body").await;
    refused(&house, &acme, ask.clone().body(""), "no body").await;
    let timestamp: i64 = ask.value_of(TIMESTAMP).parse().expect("seconds");
    refused(&house, &acme, ask.clone().with(TIMESTAMP, (timestamp + 1).to_string()), "another second").await;
    refused(&house, &acme, signed("some-other-secret-0123456789", body), "another secret").await;
    for blank in ["", " "] {
        refused(&house, &acme, signed(blank, ask.body.clone()), "a blank secret").await;
    }
}

#[tokio::test]
async fn attack_39_doubled_headers_are_401() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ask = good(&house, &acme);
    for name in [SIGNATURE, TIMESTAMP] {
        let twice = ask.clone().header(name, ask.value_of(name));
        refused(&house, &acme, twice, name).await;
    }
    let zeros = format!("v0={}", "0".repeat(64));
    refused(&house, &acme, ask.clone().header(SIGNATURE, zeros), "good, then bad").await;
}

#[tokio::test]
async fn attack_47_an_upper_case_signature_makes_no_second_row() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ask = good(&house, &acme);
    assert_eq!(house.ask(&ask).await.status, 200);
    let value = ask.value_of(SIGNATURE);
    let shouted = format!("v0={}", value.trim_start_matches("v0=").to_uppercase());
    let padded = format!("  {value}\t ");
    for other in [shouted, padded] {
        let reply = house.ask(&ask.clone().with(SIGNATURE, &other)).await;
        assert!(matches!(reply.status, 200 | 401), "{other}: {}", reply.status);
    }
    assert_eq!(house.stored(acme.tenant).await, 1);
}

/// Sends a fresh question dated `offset` seconds from now, all within one second of the clock.
async fn dated(house: &House, firm: &Firm, offset: i64) -> Reply {
    loop {
        let now = Clock::system().now().unix_timestamp();
        let body = question(firm, "is this fresh?").to_string();
        let reply = house.ask(&signed_at(house.secret(), now + offset, body)).await;
        if Clock::system().now().unix_timestamp() == now {
            return reply;
        }
    }
}

#[tokio::test]
async fn attack_42_a_signature_of_five_minutes_ago_is_stale() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for (offset, status) in [(-301, 401), (-3_600, 401), (-299, 200), (-300, 200), (0, 200)] {
        assert_eq!(dated(&house, &acme, offset).await.status, status, "{offset} s");
    }
}

#[tokio::test]
async fn attack_43_a_signature_of_the_future_is_refused() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for (offset, status) in [(301, 401), (86_400, 401), (299, 200)] {
        assert_eq!(dated(&house, &acme, offset).await.status, status, "{offset} s");
    }
}

#[tokio::test]
async fn attack_42_a_timestamp_that_is_no_number_is_401() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let body = question(&acme, "when is this?").to_string();
    let now = Clock::system().now().unix_timestamp();
    let odd = [
        "".to_owned(),
        "now".to_owned(),
        format!("{now}.5"),
        format!("{now}e0"),
        format!("0x{now:x}"),
        "-1".to_owned(),
        "0".to_owned(),
        i64::MIN.to_string(),
        i64::MAX.to_string(),
        "9".repeat(40),
    ];
    for timestamp in odd {
        let signature = simulators::signature(house.secret(), &timestamp, body.as_bytes());
        let ask = signed(house.secret(), body.clone()).with(TIMESTAMP, &timestamp).with(SIGNATURE, signature);
        refused(&house, &acme, ask, &timestamp).await;
    }
}

#[tokio::test]
async fn attack_46_a_replay_after_the_tolerance_is_refused() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let now = Clock::system().now().unix_timestamp();
    let captured = signed_at(house.secret(), now - 400, question(&acme, "captured").to_string());
    refused(&house, &acme, captured, "a captured request").await;
}

#[tokio::test]
async fn nothing_of_a_forged_request_comes_back() {
    let house = House::open().await;
    house.firm("acme").await;
    let body = json!({ "type": "url_verification", "challenge": "<script>alert(1)</script>" }).to_string();
    let reply = house.ask(&signed("not-the-secret-0123456789", body)).await;
    assert_eq!(reply.status, 401);
    assert!(!reply.text().contains("script"));
}

//! What Slack is told about trying again, and that nothing a workspace sends is a failure: of those Slack takes note, and an app
//! whose answers fail too often is told no more.

use serde_json::{Value, json};

use crate::{
    events::{envelope, having, message, question, signed, signed_at},
    stage::House,
    wire::Reply,
};

fn tells_to_stop(reply: &Reply) -> bool {
    reply.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("x-slack-no-retry") && value == "1")
}

#[tokio::test]
async fn what_will_do_no_better_is_not_tried_again_by_slack() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let good = question(&acme, "Hello").to_string();
    let final_ones = [
        ("[]".to_owned(), 400),
        (format!("{{\"type\":\"event_callback\",{}", &good[1..]), 400),
        ("x".repeat(1024 * 1024 + 1), 413),
    ];
    for (body, status) in final_ones {
        let reply = house.deliver(body.clone()).await;
        assert_eq!((reply.status, tells_to_stop(&reply)), (status, true), "{:.60}", body);
    }
    let as_text = signed(house.secret(), good.clone()).with("content-type", "text/plain");
    let reply = house.ask(&as_text).await;
    assert_eq!((reply.status, tells_to_stop(&reply)), (400, true));
    // Another time, or another secret, may do better.
    for forged in
        [signed("another secret of sixteen", good.clone()), signed_at(house.secret(), 1_700_000_000, good.clone())]
    {
        let reply = house.ask(&forged).await;
        assert_eq!((reply.status, tells_to_stop(&reply)), (401, false));
    }
    assert!(!tells_to_stop(&house.deliver(good).await));
}

#[tokio::test]
async fn nothing_that_a_workspace_can_send_counts_as_a_failure() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let odd: Vec<Value> = vec![
        json!({ "type": "an_event_to_come" }),
        json!({}),
        json!(null),
        json!({ "type": "message" }),
        message("C1", &"x".repeat(200_000)),
        message("C1", "\u{0} and \u{202e}"),
        having(message("C1", "a time that is none"), json!({ "ts": "soon", "event_ts": [] })),
        having(message("C1", "files"), json!({ "files": [null, 1, { "id": {} }] })),
        having(message("C1", "blocks"), json!({ "blocks": { "elements": "none" } })),
        having(message("C1", "a subtype to come"), json!({ "subtype": "to_come" })),
        json!({ "type": "reaction_added", "reaction": 1, "item": [] }),
        json!({ "type": "tokens_revoked", "tokens": "all" }),
        json!({ "type": "app_home_opened", "user": null }),
        json!({ "type": "agent_session_stopped" }),
    ];
    for team in [acme.team.as_str(), "TNOBODY"] {
        for event in &odd {
            let reply = house.deliver(envelope(team, event.clone()).to_string()).await;
            assert_eq!(reply.status, 200, "{:.80}: {}", event.to_string(), reply.text());
        }
    }
    for body in
        [json!({ "type": "an_envelope_to_come", "team_id": acme.team }), json!({ "type": "app_rate_limited" })]
    {
        assert_eq!(house.deliver(body.to_string()).await.status, 200, "{body}");
    }
}

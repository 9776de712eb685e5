//! Stop: it reaches the conversation it was pressed in, at once, and no other one.

use serde_json::json;

use crate::{
    events::{message, new_ts},
    stage::House,
};

#[tokio::test]
async fn what_waits_in_a_thread_is_stopped_there_and_answered_elsewhere() {
    let house = House::open().await;
    let (acme, other) = (house.firm("acme").await, house.firm("other").await);
    for firm in [&acme, &other] {
        let first = message("C1", &format!("<@{}> tell me a long story", firm.bot));
        house.hear(firm, first.clone()).await;
        house.hear(firm, message("C1", &format!("<@{}> and what is for lunch?", firm.bot))).await;
        if firm.team == other.team {
            continue;
        }
        let ts = new_ts();
        let stop = json!({ "type": "agent_session_stopped", "channel": "C1", "thread_ts": first["ts"], "user": "UADA",
                           "streaming_message_ts": [], "event_ts": ts });
        // Another workspace's thread of the same name is not this one.
        house.hear(&other, stop.clone()).await;
        house.hear(firm, stop.clone()).await;
        house.hear(firm, stop).await;
    }
    let states =
        "select count(*) from inbox where state = 'ignored' and reason = 'stopped by the person who asked'";
    assert_eq!(house.count(acme.tenant, states).await, 1);
    assert_eq!(house.count(other.tenant, states).await, 0);
    let waiting = "select count(*) from inbox where state = 'pending'";
    assert_eq!((house.count(acme.tenant, waiting).await, house.count(other.tenant, waiting).await), (1, 2));
    let fences = "select max(fence) from lanes";
    assert!(house.count(acme.tenant, fences).await > 0, "the owner of a turn would have lost its lane");
    assert_eq!(house.count(other.tenant, fences).await, 0);
}

//! What the database says stays inside: no answer names a table, a constraint, a plan or another tenant's value.

use serde_json::json;

use crate::{
    events::{message, question, signed},
    stage::{House, run},
    wire::{Ask, Reply},
};

/// Words that only the server or its driver would say.
const SERVERS_WORDS: [&str; 14] = [
    "agents",
    "channel_connections",
    "connection_routes",
    "inbox",
    "_pkey",
    "_key",
    "column",
    "relation",
    "constraint",
    "duplicate",
    "violates",
    "sqlx",
    "SQL",
    "error returned",
];

fn opaque(reply: &Reply, status: u16, what: &str) {
    let text = reply.text();
    assert_eq!(reply.status, status, "{what}: {text}");
    // The problem's own address may name the resource that was asked for.
    let said = text.replace("/api/v1/agents", "").replace("/api/v1/connections", "");
    for word in SERVERS_WORDS {
        assert!(!said.contains(word), "{what} says `{word}`: {text}");
    }
}

#[tokio::test]
async fn attack_30_errors_of_the_database_are_never_shown() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    // A key that another tenant holds: one sentence, whoever holds it.
    let taken = json!({ "channel": "slack", "bot_token": "xoxb-simulated-bolt" });
    let refused = house.connect(&acme.key, taken).await;
    opaque(&refused, 409, "a workspace of another tenant");
    for secret in [&bolt.team, &bolt.bot, &bolt.connection, &bolt.tenant.to_string()] {
        assert!(!refused.text().contains(secret.as_str()), "{}", refused.text());
    }

    // Statements that the server refuses, with names and values in its own words.
    let mut owner = house.test.owner().await;
    run(&mut owner, "alter table agents rename column tone to voice").await;
    run(&mut owner, "alter table inbox add constraint nothing_at_all check (false) not valid").await;
    let shape = json!({ "name": "CANARY-A", "instructions": "CANARY-A" });
    opaque(&house.ask(&Ask::get("/api/v1/agents").key(&acme.key)).await, 500, "a list");
    opaque(&house.ask(&Ask::put("/api/v1/agents").key(&acme.key).json(&shape)).await, 500, "a change");
    let event = signed(house.secret(), question(&acme, "CANARY-A").to_string());
    opaque(&house.ask(&event).await, 503, "an event");
    run(&mut owner, "alter table inbox drop constraint nothing_at_all").await;
    assert_eq!(house.ask(&event).await.status, 200);
}

/// The agent's own bots and others' are in `edits.rs`; what outsiders may be reminded of is in `proof/tests/canary.rs`.
#[tokio::test]
async fn attack_55_a_channel_with_outsiders_is_marked_and_robots_that_mention_the_agent_are_not_stored() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let mention = format!("<@{}> who reads along?", acme.bot);
    for (shared, expected) in [(json!(true), "true"), (json!(false), "false"), (json!("yes"), "false")] {
        let mut event = crate::events::envelope(&acme.team, message("C1", &mention));
        event["is_ext_shared_channel"] = shared;
        event["event"]["user_team"] = json!("TOTHER");
        assert_eq!(house.deliver(event.to_string()).await.status, 200);
        let marks = "select normalized ->> 'with_outsiders' from inbox order by received_at desc limit 1";
        let mark: String = sqlx::Row::get(&house.rows(acme.tenant, marks).await[0], 0);
        assert_eq!(mark, expected);
    }
    let before = house.stored(acme.tenant).await;
    for kind in ["message", "app_mention"] {
        let mut robot = message("C1", &mention);
        robot["type"] = json!(kind);
        robot["bot_id"] = json!("BOTHER");
        house.hear(&acme, robot).await;
    }
    assert_eq!(house.stored(acme.tenant).await, before, "robots are not answered, however they ask");

    let mut group = message("G1", &mention);
    group["channel_type"] = json!("mpim");
    house.hear(&acme, group).await;
    let kind = "select normalized ->> 'channel_kind' from inbox order by received_at desc limit 1";
    let kind: String = sqlx::Row::get(&house.rows(acme.tenant, kind).await[0], 0);
    assert_eq!(kind, "group_direct", "what a few say to each other is kept to them");
}

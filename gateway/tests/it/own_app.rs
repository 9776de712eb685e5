//! A customer's own Slack app: its secret speaks for that app in that workspace, for nothing else.

use serde_json::{Value, json};

use crate::{
    events::{envelope, having, message, question, signed},
    stage::{Firm, House},
    wire::{Ask, Reply},
};

pub const APP: &str = "A0OWNAPP";
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OTHER_SECRET: &str = "fedcba9876543210fedcba9876543210";

/// A question as the firm's own app delivers it.
fn asked(firm: &Firm, app: &str) -> Value {
    having(question(firm, "who sent this?"), json!({ "api_app_id": app }))
}

async fn sent(house: &House, secret: &str, body: &Value) -> Reply {
    house.ask(&signed(secret, body.to_string())).await
}

#[tokio::test]
async fn attack_38_a_blank_secret_can_not_be_set() {
    let house = House::open().await;
    let (_, key) = house.test.tenant("acme").await;
    for secret in ["", " ", "\t\n", "                ", "0123456789abcde"] {
        let body = json!({ "channel": "slack", "bot_token": "xoxb-simulated-acme", "app_id": APP, "signing_secret": secret });
        let reply = house.connect(&key, body).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{secret:?}");
    }
    let half = [
        json!({ "app_id": APP }),
        json!({ "signing_secret": SECRET }),
        json!({ "app_id": APP, "signing_secret": null }),
    ];
    for half in half {
        let body = having(json!({ "channel": "slack", "bot_token": "xoxb-simulated-acme" }), half);
        assert_eq!(house.connect(&key, body).await.status, 400);
    }
    for app in ["", " ", "A0/../B", "A0\u{0}", &"A".repeat(33)] {
        let body = json!({ "channel": "slack", "bot_token": "xoxb-simulated-acme", "app_id": app, "signing_secret": SECRET });
        assert_eq!(house.connect(&key, body).await.status, 400, "{app:?}");
    }
}

#[tokio::test]
async fn an_own_app_is_heard_with_its_own_secret() {
    let house = House::open().await;
    let acme = house.firm_with_app("acme", APP, SECRET).await;
    assert_eq!(sent(&house, SECRET, &asked(&acme, APP)).await.status, 200);
    assert_eq!(house.inbox(acme.tenant).await, ["pending - addressed"]);
    // Slack may write what strict readers of JSON refuse; that is no forgery.
    let with_mark = format!("\u{feff}{}", asked(&acme, APP));
    let with_half_a_pair = asked(&acme, APP).to_string().replace("who sent", "who \\ud800 sent");
    for body in [with_mark, with_half_a_pair] {
        assert_eq!(house.ask(&signed(SECRET, body.clone())).await.status, 200, "{body}");
    }
    assert_eq!(house.stored(acme.tenant).await, 3);
}

#[tokio::test]
async fn attack_61_an_own_secret_is_refused_for_other_apps_and_teams() {
    let house = House::open().await;
    let acme = house.firm_with_app("acme", APP, SECRET).await;
    let bolt = house.firm("bolt").await;
    let refused = [
        ("the platform's app", asked(&acme, "A0PLATFORM")),
        ("no app", having(question(&acme, "x"), json!({ "api_app_id": null }))),
        ("a blank app", asked(&acme, "")),
        ("another firm's workspace", asked(&bolt, APP)),
        ("an unknown workspace", having(envelope("TNOBODY", message("C1", "x")), json!({ "api_app_id": APP }))),
        ("no workspace", having(asked(&acme, APP), json!({ "authorizations": [], "team_id": null }))),
        (
            "a workspace with a NUL",
            having(asked(&acme, APP), json!({ "authorizations": [], "team_id": "T\u{0}" })),
        ),
        ("an app with a NUL", asked(&acme, "A0\u{0}")),
        ("an endless app", asked(&acme, &"A".repeat(100_000))),
        ("an app with SQL", asked(&acme, "' or 1=1 --")),
    ];
    for (what, body) in refused {
        assert_eq!(sent(&house, SECRET, &body).await.status, 401, "{what}");
    }
    for firm in [&acme, &bolt] {
        assert_eq!(house.stored(firm.tenant).await, 0);
    }
    assert!(house.quarantined().await.is_empty());
}

/// Anybody may claim any app id when connecting: the claim must not make their secret good for others' workspaces.
#[tokio::test]
async fn attack_61_another_tenants_secret_for_the_same_app_is_refused() {
    let house = House::open().await;
    let acme = house.firm_with_app("acme", APP, SECRET).await;
    let mallory = house.firm_with_app("mallory", APP, OTHER_SECRET).await;
    assert_eq!(sent(&house, OTHER_SECRET, &asked(&acme, APP)).await.status, 401);
    assert_eq!(house.stored(acme.tenant).await, 0);
    // The outer team is Mallory's, the installation is not.
    let disguised = having(asked(&acme, APP), json!({ "team_id": mallory.team }));
    assert_eq!(sent(&house, OTHER_SECRET, &disguised).await.status, 401);
    assert_eq!(house.stored(acme.tenant).await, 0);

    assert_eq!(sent(&house, OTHER_SECRET, &asked(&mallory, APP)).await.status, 200);
    assert_eq!(sent(&house, SECRET, &asked(&acme, APP)).await.status, 200);
    assert_eq!((house.stored(acme.tenant).await, house.stored(mallory.tenant).await), (1, 1));
}

/// Slack's check of the address names neither app nor workspace.
#[tokio::test]
async fn the_address_of_an_own_app_passes_slacks_check_and_is_good_for_nothing_else() {
    let house = House::open().await;
    let acme = house.firm_with_app("acme", APP, SECRET).await;
    let bolt = house.firm_with_app("bolt", APP, OTHER_SECRET).await;
    let listed = house.ask(&Ask::get("/api/v1/connections").key(&acme.key)).await.json();
    let url = listed["items"][0]["events_url"].as_str().expect("an address is named").to_owned();
    let address = url.split_once("/webhooks").map(|(_, rest)| format!("/webhooks{rest}")).expect("a path");
    let check = json!({ "type": "url_verification", "token": "x", "challenge": "3eZbrw1aB" });
    let sent_to =
        async |path: &str, secret: &str, body: &Value| house.ask(&signed(secret, body.to_string()).to(path)).await;
    let passed = sent_to(&address, SECRET, &check).await;
    assert_eq!((passed.status, passed.text().as_str()), (200, "3eZbrw1aB"));

    let elsewhere = address.replace(&acme.connection, &bolt.connection);
    let nowhere = address.replace("con_", "agt_");
    for (what, path, secret) in [
        ("somebody else's secret", address.as_str(), OTHER_SECRET),
        ("another tenant's connection", &elsewhere, OTHER_SECRET),
        ("no connection", &nowhere, SECRET),
        ("no address", "/webhooks/slack/events", SECRET),
        ("half an address", &format!("/webhooks/slack/events?connection={}", acme.connection), SECRET),
    ] {
        assert_eq!(sent_to(path, secret, &check).await.status, 401, "{what}");
    }
    let nameless = having(asked(&acme, APP), json!({ "api_app_id": null }));
    assert_eq!(sent_to(&address, SECRET, &nameless).await.status, 401, "an event needs its app");
    assert_eq!(sent_to(&address, SECRET, &asked(&acme, APP)).await.status, 200);
    assert_eq!(house.stored(acme.tenant).await, 1);
}

#[tokio::test]
async fn many_claims_of_an_app_do_not_push_its_owner_out() {
    let house = House::open().await;
    for squatter in 0..12 {
        house.firm_with_app(&format!("squatter{squatter}"), APP, OTHER_SECRET).await;
    }
    // The last in any order the routes may be read in.
    let acme = house.firm_with_app("zulu", APP, SECRET).await;
    assert_eq!(sent(&house, SECRET, &asked(&acme, APP)).await.status, 200);
    assert_eq!(house.stored(acme.tenant).await, 1);
}

#[tokio::test]
async fn the_platforms_secret_does_not_reach_a_connection_of_an_own_app() {
    let house = House::open().await;
    let acme = house.firm_with_app("acme", APP, SECRET).await;
    let reply = house.deliver(asked(&acme, APP).to_string()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(house.stored(acme.tenant).await, 0);
    let reasons: Vec<String> = house.quarantined().await.into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, ["no tenant has connected this workspace"]);
}

#[tokio::test]
async fn one_workspace_with_two_apps_is_told_apart_by_who_signed() {
    let house = House::open().await;
    let platform = house.firm("acme").await;
    let own = house.firm_with_app("acme", APP, SECRET).await;
    assert_eq!(platform.team, own.team);
    for claimed in [APP, "A0PLATFORM", "A0FOREIGN"] {
        assert_eq!(house.deliver(asked(&platform, claimed).to_string()).await.status, 200);
    }
    assert_eq!((house.stored(platform.tenant).await, house.stored(own.tenant).await), (3, 0));
    assert_eq!(sent(&house, SECRET, &asked(&own, APP)).await.status, 200);
    assert_eq!((house.stored(platform.tenant).await, house.stored(own.tenant).await), (3, 1));
}

#[tokio::test]
async fn attack_50_a_renewed_secret_replaces_the_old_one_at_once() {
    let house = House::open().await;
    let acme = house.firm_with_app("acme", APP, SECRET).await;
    assert_eq!(sent(&house, SECRET, &asked(&acme, APP)).await.status, 200);
    // A copied value with a line break is the same secret.
    let body = json!({ "channel": "slack", "bot_token": "xoxb-simulated-acme\n", "app_id": APP,
                       "signing_secret": format!(" {OTHER_SECRET}\n") });
    let renewed = house.connect(&acme.key, body).await;
    assert_eq!(renewed.status, 201, "{}", renewed.text());
    assert_eq!(renewed.json()["id"], acme.connection);
    assert_eq!(sent(&house, SECRET, &asked(&acme, APP)).await.status, 401);
    assert_eq!(sent(&house, OTHER_SECRET, &asked(&acme, APP)).await.status, 200);
    assert_eq!(house.stored(acme.tenant).await, 2);
}

//! Connecting a workspace: asked of Slack first, stored whole or not at all, and its secrets never come out again.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;
use shared::{
    db::{connections, dead_connections},
    ids::ConnectionId,
};
use simulators::{FaultKind, FaultRule};
use sqlx::Row;

use crate::{
    stage::{Firm, House},
    wire::Ask,
};

const APP: &str = "A0OWNAPP";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Rows of everything that connecting writes.
async fn written(house: &House, firm: &Firm) -> [i64; 3] {
    let audits = "select count(*) from audit_events where action = 'connection.connect'";
    [
        house.count(firm.tenant, "select count(*) from channel_connections").await,
        house.count(firm.tenant, "select count(*) from connection_routes").await,
        house.count(firm.tenant, audits).await,
    ]
}

/// A tenant that has connected nothing.
async fn newcomer(house: &House, name: &str) -> Firm {
    let (tenant, key) = house.test.tenant(name).await;
    Firm { tenant, key, team: String::new(), bot: String::new(), connection: String::new() }
}

fn slack(token: &str) -> serde_json::Value {
    json!({ "channel": "slack", "bot_token": token })
}

#[tokio::test]
async fn a_connection_is_stored_with_its_route_and_its_audit_row_in_one_transaction() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    assert_eq!(written(&house, &acme).await, [1, 1, 1]);
    let sql = "select a.actor_kind, a.actor_id, a.target_kind, a.target_id, a.detail::text as detail,
                      c.connection_id, a.transaction_id::text = c.xmin::text as together,
                      a.transaction_id::text = r.xmin::text as route_together
                 from audit_events a, channel_connections c, connection_routes r where a.action = 'connection.connect'";
    let row = &house.rows(acme.tenant, sql).await[0];
    assert!(row.get::<bool, _>("together") && row.get::<bool, _>("route_together"));
    assert_eq!(row.get::<&str, _>("actor_kind"), "api_key");
    assert_eq!((row.get("target_kind"), row.get("target_id")), ("connection", acme.connection.as_str()));
    let detail: &str = row.get("detail");
    assert!(detail.contains("TACME") && !detail.contains("xoxb"), "{detail}");
}

#[tokio::test]
async fn attack_121_the_token_is_sealed_in_its_row_and_opens_only_there() {
    let house = House::open().await;
    let acme = house.firm_with_app("acme", APP, SECRET).await;
    let sql = "select access_token, signing_secret, to_jsonb(c)::text as whole, connection_id from channel_connections c";
    let rows = house.rows(acme.tenant, sql).await;
    let row = &rows[0];
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    for column in ["access_token", "signing_secret"] {
        let sealed: Vec<u8> = row.get(column);
        assert!(!holds(&sealed, "xoxb-simulated-acme") && !holds(&sealed, SECRET), "{column}");
    }
    assert!(!row.get::<&str, _>("whole").contains("xoxb") && !row.get::<&str, _>("whole").contains(SECRET));

    let (keys, id) = (&house.test.config.master_keys, row.get::<ConnectionId, _>("connection_id"));
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    let token = connections::token(&mut tx, keys, id).await.expect("the token opens");
    assert_eq!(token.expose_secret(), "xoxb-simulated-acme");
    let secret = connections::signing_secret(&mut tx, keys, id).await.expect("the secret opens");
    assert_eq!(secret.expect("there is one").expose_secret(), SECRET);
    // In the other column, or under another tenant, the same bytes are worth nothing.
    let sealed: Vec<u8> = row.get("signing_secret");
    assert!(connections::open_token(&mut tx, keys, id, &sealed).await.is_err());
    let sealed: Vec<u8> = row.get("access_token");
    let bolt = house.test.tenant("bolt").await.0;
    let mut tx = house.test.db.tenant(bolt).begin().await.expect("a transaction begins");
    assert!(connections::open_token(&mut tx, keys, id, &sealed).await.is_err());
}

#[tokio::test]
async fn no_answer_and_no_list_holds_a_secret() {
    let house = House::open().await;
    let acme = newcomer(&house, "acme").await;
    let body =
        json!({ "channel": "slack", "bot_token": "xoxb-simulated-acme", "app_id": APP, "signing_secret": SECRET });
    let connected = house.connect(&acme.key, body.clone()).await;
    let refused = [
        json!({ "channel": "slack", "bot_token": "xoxb-revoked-secretive", "app_id": APP, "signing_secret": SECRET }),
        json!({ "channel": "slack", "bot_token": "xoxb-secretive", "surprise": SECRET }),
        json!({ "channel": "slack", "bot_token": ["xoxb-secretive"], "signing_secret": { "xoxb-secretive": SECRET } }),
        json!({ "channel": "slack", "bot_token": "xoxb-secretive\r\n\r\nGET /", "signing_secret": 5 }),
    ];
    let mut answers = vec![connected.text(), house.connect(&acme.key, body).await.text()];
    for body in refused {
        let reply = house.connect(&acme.key, body).await;
        assert_eq!(reply.status, 400);
        answers.push(reply.text());
    }
    for path in ["/api/v1/connections", "/api/v1/me", "/api/v1/agents"] {
        answers.push(house.ask(&Ask::get(path).key(&acme.key)).await.text());
    }
    for answer in answers {
        assert!(!answer.contains("xoxb-s") && !answer.contains("xoxb-r") && !answer.contains(SECRET), "{answer}");
        assert!(!answer.contains(&acme.key), "{answer}");
    }
}

#[tokio::test]
async fn a_token_that_slack_refuses_is_400_with_a_sentence_and_nothing_is_stored() {
    let house = House::open().await;
    let acme = newcomer(&house, "acme").await;
    for token in ["xoxb-revoked-acme", "xoxp-a-person", "nonsense"] {
        let reply = house.connect(&acme.key, slack(token)).await;
        assert_eq!(reply.status, 400);
        assert!(reply.detail().starts_with("Slack does not accept this bot token ("), "{}", reply.text());
    }
    house.slack.faults().add(FaultRule::once("auth.test", FaultKind::SlackError("missing_scope".into())));
    let reply = house.connect(&acme.key, slack("xoxb-simulated-acme")).await;
    assert_eq!((reply.status, reply.detail().as_str()), (400, "Slack refused the check: missing_scope."));
    assert_eq!(written(&house, &acme).await, [0, 0, 0]);
}

#[tokio::test]
async fn attack_197_a_token_that_would_break_out_of_its_header_is_never_sent() {
    let house = House::open().await;
    let acme = newcomer(&house, "acme").await;
    let long = "x".repeat(513);
    for token in ["", " ", "xoxb-a\r\nx-evil: 1", "xoxb-a b", "xoxb-\u{e9}", "xoxb-a\u{0}", &long] {
        let reply = house.connect(&acme.key, slack(token)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{token:?}");
    }
    assert!(house.slack.history(None).is_empty(), "Slack was never asked");
    // What comes along when a person copies is taken off.
    assert_eq!(house.connect(&acme.key, slack(" xoxb-simulated-acme\r\n")).await.status, 201);
}

#[tokio::test]
async fn without_an_answer_of_slack_it_is_502_and_nothing_is_stored() {
    let house = House::open().await;
    let acme = newcomer(&house, "acme").await;
    let faults = [
        FaultKind::DropConnectionBefore,
        FaultKind::DropConnectionAfter,
        FaultKind::Status { code: 503, retry_after: None },
        FaultKind::Status { code: 429, retry_after: Some(30) },
        FaultKind::GarbageJson,
        FaultKind::Empty,
    ];
    for fault in faults {
        house.slack.faults().add(FaultRule::once("auth.test", fault.clone()));
        let reply = house.connect(&acme.key, slack("xoxb-simulated-acme")).await;
        assert_eq!((reply.status, reply.problem().as_str()), (502, "provider_unavailable"), "{fault:?}");
    }
    assert_eq!(written(&house, &acme).await, [0, 0, 0]);

    let nowhere = House::open_with(|config| {
        config.slack.api_url = "http://127.0.0.1:1/api/".parse().expect("a URL");
    })
    .await;
    let acme = newcomer(&nowhere, "acme").await;
    let reply = nowhere.connect(&acme.key, slack("xoxb-simulated-acme")).await;
    assert_eq!((reply.status, reply.problem().as_str()), (502, "provider_unavailable"));
    assert_eq!(written(&nowhere, &acme).await, [0, 0, 0]);
}

/// No transaction is open while Slack thinks.
#[tokio::test]
async fn a_slow_slack_holds_no_database_connection() {
    let house = House::open().await;
    let acme = newcomer(&house, "acme").await;
    house.slack.faults().add(FaultRule::once("auth.test", FaultKind::DelayMs(600)));
    let connecting = house.connect(&acme.key, slack("xoxb-simulated-acme"));
    let looking = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut app = house.test.app().await;
        let busy = "select count(*) from pg_stat_activity where datname = current_database()
                       and usename = current_user and state <> 'idle' and pid <> pg_backend_pid()";
        sqlx::query_scalar::<_, i64>(busy).fetch_one(&mut app).await.expect("a role sees its own sessions")
    };
    let (connected, busy) = tokio::join!(connecting, looking);
    assert_eq!((connected.status, busy), (201, 0));
}

#[tokio::test]
async fn a_workspace_of_another_tenant_is_409_and_stays_theirs() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let mallory = newcomer(&house, "mallory").await;
    let reply = house.connect(&mallory.key, slack("xoxb-simulated-acme")).await;
    assert_eq!((reply.status, reply.problem().as_str()), (409, "conflict"));
    assert!(!reply.text().contains("acme") && !reply.text().contains("constraint"), "{}", reply.text());
    assert_eq!(written(&house, &mallory).await, [0, 0, 0]);
    assert_eq!(written(&house, &acme).await, [1, 1, 1]);
    house
        .hear(&acme, crate::events::having(crate::events::message("D1", "x"), json!({ "channel_type": "im" })))
        .await;
    assert_eq!((house.stored(acme.tenant).await, house.stored(mallory.tenant).await), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_two_tenants_connect_one_workspace_at_once_one_of_them_gets_it() {
    let house = House::open().await;
    let mut tenants = Vec::new();
    for name in ["acme", "bolt", "core", "dune"] {
        tenants.push(newcomer(&house, name).await);
    }
    let racing = tenants.iter().map(|firm| house.connect(&firm.key, slack("xoxb-simulated-wanted")));
    let mut statuses: Vec<u16> =
        futures::future::join_all(racing).await.into_iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
}

#[tokio::test]
async fn ones_own_workspace_is_renewed_and_revived() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    let id: ConnectionId = sqlx::query_scalar("select connection_id from channel_connections")
        .fetch_one(tx.conn())
        .await
        .expect("there is one");
    assert!(dead_connections::bury(&mut tx, id, "token_revoked", None).await.expect("it can be buried"));
    tx.commit().await.expect("it is committed");
    let listed = || async { house.ask(&Ask::get("/api/v1/connections").key(&acme.key)).await.json() };
    assert_eq!(listed().await["items"][0]["status"], "dead");

    let again = house.connect(&acme.key, slack("xoxb-simulated-acme")).await;
    assert_eq!(again.status, 201);
    assert_eq!(again.json()["id"], acme.connection);
    let items = listed().await["items"].clone();
    assert_eq!((items.as_array().map(Vec::len), &items[0]["status"]), (Some(1), &json!("active")));
    assert_eq!(written(&house, &acme).await, [1, 1, 2]);
}

#[tokio::test]
async fn attack_75_fields_that_are_not_asked_for_are_400() {
    let house = House::open().await;
    let acme = newcomer(&house, "acme").await;
    let token = json!("xoxb-simulated-acme");
    let bodies = [
        json!({ "channel": "slack", "bot_token": token, "tenant_id": "ten_01k9z3w6h8f2m5x7q4r1t0v9sb" }),
        json!({ "channel": "slack", "bot_token": token, "status": "active" }),
        json!({ "channel": "slack", "bot_token": token, "team_id": "TOTHER" }),
        json!({ "channel": "teams", "bot_token": token }),
        json!({ "channel": "Slack", "bot_token": token }),
        json!({ "channel": null, "bot_token": token }),
        json!({ "bot_token": token }),
        json!({ "channel": "slack" }),
        json!({ "channel": "slack", "bot_token": null }),
        json!({ "channel": "slack", "bot_token": token, "app_id": 5, "signing_secret": SECRET }),
        json!([]),
        json!("slack"),
        json!(null),
    ];
    for body in bodies {
        let reply = house.connect(&acme.key, body.clone()).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{body}");
    }
    assert_eq!(written(&house, &acme).await, [0, 0, 0]);
}

#[tokio::test]
async fn another_tenants_connections_are_never_listed() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    for (own, foreign) in [(&acme, &bolt), (&bolt, &acme)] {
        let reply = house.ask(&Ask::get("/api/v1/connections").key(&own.key)).await;
        let (text, list) = (reply.text(), reply.json());
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(list["items"][0]["id"], own.connection);
        for secret in [&foreign.connection, &foreign.team, &foreign.bot, &foreign.tenant.to_string()] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

//! Installations that end: by an event, in any order with installing anew, and what people learn of it.

use serde_json::{Value, json};
use shared::clock::Clock;
use sqlx::Row;

use crate::{
    events::{envelope, having, message},
    install,
    stage::{Firm, House},
    wire::Ask,
};

/// An event of the firm's workspace that happened so many seconds from now.
fn reported(firm: &Firm, event: Value, seconds: i64) -> String {
    let at = Clock::system().now().unix_timestamp() + seconds;
    having(envelope(&firm.team, event), json!({ "event_time": at })).to_string()
}

fn revoked(bots: &[&str], people: &[&str]) -> Value {
    json!({ "type": "tokens_revoked", "tokens": { "oauth": people, "bot": bots } })
}

async fn status(house: &House, firm: &Firm) -> String {
    let sql = "select status || ' ' || coalesce(dead_reason, '-') as status from channel_connections";
    house.rows(firm.tenant, sql).await[0].get("status")
}

async fn notices(house: &House, firm: &Firm) -> Value {
    house.ask(&Ask::get("/api/v1/notices").key(&firm.key)).await.json()["items"].clone()
}

async fn run(house: &House, firm: &Firm, sql: &str) -> u64 {
    let mut tx = house.test.db.tenant(firm.tenant).begin().await.expect("a transaction begins");
    let done = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(tx.conn()).await.expect("it is valid");
    tx.commit().await.expect("it is committed");
    done.rows_affected()
}

#[tokio::test]
async fn each_way_in_which_slack_says_that_it_is_over_ends_the_connection_once_and_tells_the_admins() {
    for (name, event, reason) in [
        ("acme", json!({ "type": "app_uninstalled" }), "app_uninstalled"),
        ("bolt", revoked(&["UBOTBOLT"], &["UADA"]), "token_revoked"),
        ("core", json!({ "type": "app_uninstalled_team" }), "app_uninstalled_team"),
    ] {
        let house = House::open().await;
        let firm = house.firm(name).await;
        let event = reported(&firm, event, 0);
        for _ in 0..3 {
            assert_eq!(house.deliver(event.clone()).await.status, 200);
        }
        assert_eq!(status(&house, &firm).await, format!("dead {reason}"));
        let audits = "select count(*) from audit_events where action = 'connection.dead'";
        assert_eq!(house.count(firm.tenant, audits).await, 1);
        let told = notices(&house, &firm).await;
        assert_eq!((told.as_array().map(Vec::len), &told[0]["kind"]), (Some(1), &json!("connection_dead")));
        let body = told[0]["body"].as_str().expect("a sentence").to_lowercase();
        assert!(body.contains(&format!("the connection to {name}")) && body.contains(reason), "{body}");
        assert_eq!(told[0]["connection_id"], firm.connection);
        // Kept as events, too: what happened can be read in one place.
        assert!(house.inbox(firm.tenant).await[0].starts_with("ignored"));
    }
}

#[tokio::test]
async fn the_act_its_record_and_its_notice_are_one_transaction() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    assert_eq!(house.deliver(reported(&acme, json!({ "type": "app_uninstalled" }), 0)).await.status, 200);
    let sql = "select a.transaction_id::text = c.xmin::text and a.transaction_id::text = n.xmin::text as together
                 from audit_events a, channel_connections c, notices n where a.action = 'connection.dead'";
    assert!(house.rows(acme.tenant, sql).await[0].get::<bool, _>("together"));
}

/// It is sent again, or arrives late.
#[tokio::test]
async fn attack_52_a_report_of_an_earlier_installation_changes_nothing() {
    let house = install::house().await;
    let acme = house.firm("acme").await;
    for event in [json!({ "type": "app_uninstalled" }), revoked(&[&acme.bot], &[])] {
        assert_eq!(house.deliver(reported(&acme, event, -30)).await.status, 200);
    }
    assert_eq!(status(&house, &acme).await, "active -");
    let old = reported(&acme, json!({ "type": "app_uninstalled" }), 0);
    assert_eq!(house.deliver(old.clone()).await.status, 200);
    assert!(status(&house, &acme).await.starts_with("dead"));
    // A second later it is installed again by a click, and the reports of before come once more.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(install::install(&house, &acme.key, "TACME").await.status, 200);
    for event in [old, reported(&acme, revoked(&[&acme.bot], &[]), -20)] {
        assert_eq!(house.deliver(event).await.status, 200);
    }
    assert_eq!(status(&house, &acme).await, "active -");
    assert_eq!(notices(&house, &acme).await.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn tokens_of_people_and_of_other_bots_are_none_of_ours() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    for event in [revoked(&[], &["UADA"]), revoked(&[&bolt.bot], &[]), revoked(&[], &[&acme.bot])] {
        assert_eq!(house.deliver(reported(&acme, event, 0)).await.status, 200);
    }
    assert_eq!((status(&house, &acme).await, status(&house, &bolt).await), ("active -".into(), "active -".into()));
}

#[tokio::test]
async fn what_a_dead_connection_had_not_sent_ends_with_a_reason() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let open = "with c as (
            insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id, kind)
            select tenant_id, gen_random_uuid(), connection_id, 'C1', '1.1', 'public' from channel_connections
            returning tenant_id, conversation_id)
        insert into outbox (tenant_id, outbox_id, conversation_id, kind, operation, body, fence, state)
        select tenant_id, gen_random_uuid(), conversation_id, 'answer', 'post', 'x', 1, state
          from c, unnest(array['sending', 'sent', 'dead']) as state";
    assert_eq!(run(&house, &acme, open).await, 3);
    assert_eq!(house.deliver(reported(&acme, json!({ "type": "app_uninstalled" }), 0)).await.status, 200);
    let rows =
        house.rows(acme.tenant, "select state || coalesce(' ' || error, '') as line from outbox order by 1").await;
    let lines: Vec<String> = rows.iter().map(|row| row.get("line")).collect();
    assert_eq!(lines, ["dead", "sent", "unknown the connection is dead: app_uninstalled"]);
}

#[tokio::test]
async fn an_organization_that_removes_one_workspace_keeps_its_installation() {
    let house = install::house().await;
    let (tenant, key) = house.test.tenant("acme").await;
    assert_eq!(install::install(&house, &key, "E0ACME").await.status, 200);
    let sql = "select connection_id::text as id from channel_connections";
    let connection = house.rows(tenant, sql).await[0].get("id");
    let acme = Firm { tenant, key, team: "TONE".into(), bot: "UBOT".into(), connection };
    let organization = json!({ "authorizations": [{ "enterprise_id": "E0ACME", "team_id": "TONE", "is_enterprise_install": true }] });
    let deliver = |event: Value| having(envelope("TONE", event), organization.clone()).to_string();
    assert_eq!(house.deliver(deliver(json!({ "type": "app_uninstalled_team" }))).await.status, 200);
    assert_eq!(status(&house, &acme).await, "active -");
    assert_eq!(notices(&house, &acme).await[0]["kind"], "workspace_removed");
    assert_eq!(house.deliver(deliver(json!({ "type": "app_uninstalled" }))).await.status, 200);
    assert!(status(&house, &acme).await.starts_with("dead"));
}

#[tokio::test]
async fn a_click_or_a_token_by_hand_revives_a_dead_connection_as_the_same_one() {
    let house = install::house().await;
    let acme = house.firm("acme").await;
    for by_click in [true, false] {
        assert_eq!(house.deliver(reported(&acme, json!({ "type": "app_uninstalled" }), 1)).await.status, 200);
        assert!(status(&house, &acme).await.starts_with("dead"), "{by_click}");
        if by_click {
            assert_eq!(install::install(&house, &acme.key, "TACME").await.status, 200);
        } else {
            let token = json!({ "channel": "slack", "bot_token": "xoxb-simulated-acme" });
            assert_eq!(house.connect(&acme.key, token).await.json()["id"], acme.connection);
        }
        assert_eq!(status(&house, &acme).await, "active -", "{by_click}");
    }
    assert_eq!(house.count(acme.tenant, "select count(*) from channel_connections").await, 1);
    house.hear(&acme, having(message("D1", "again"), json!({ "channel_type": "im" }))).await;
    assert_eq!(house.texts(acme.tenant).await, ["again"]);
}

#[tokio::test]
async fn notices_come_by_pages_are_marked_as_seen_and_are_nobody_elses() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let many = "insert into notices (tenant_id, notice_id, kind, body)
                select tenant_id, ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'token_refused', 'notice ' || n
                  from tenants, generate_series(1, 120) as n";
    assert_eq!(run(&house, &acme, many).await, 120);
    let (mut path, mut bodies, mut ids) = ("/api/v1/notices".to_owned(), Vec::new(), Vec::new());
    loop {
        let page = house.ask(&Ask::get(&path).key(&acme.key)).await.json();
        for item in page["items"].as_array().expect("a list") {
            bodies.push(item["body"].as_str().expect("a text").to_owned());
            ids.push(item["id"].clone());
        }
        let Some(cursor) = page["cursor"].as_str() else { break };
        path = format!("/api/v1/notices?cursor={cursor}");
    }
    let expected: Vec<String> = (1..=120).rev().map(|n| format!("notice {n}")).collect();
    assert_eq!(bodies, expected);
    assert_eq!(notices(&house, &bolt).await, json!([]));
    let seen = |key: &str, ids: &[Value]| Ask::post("/api/v1/notices/seen").key(key).json(&json!({ "ids": ids }));
    assert_eq!(house.ask(&seen(&bolt.key, &ids[..3])).await.json()["new"], 0, "another tenant's are not there");
    assert_eq!(house.ask(&seen(&acme.key, &ids[..3])).await.json()["new"], 3);
    assert_eq!(house.ask(&seen(&acme.key, &ids[..4])).await.json()["new"], 1);
    assert!(notices(&house, &acme).await[0]["seen_at"].is_string());
    for query in ["?cursor=x", "?page=2", "?cursor=ten_01k9z3w6h8f2m5x7q4r1t0v9sb"] {
        assert_eq!(house.ask(&Ask::get(&format!("/api/v1/notices{query}")).key(&acme.key)).await.status, 400);
    }
}

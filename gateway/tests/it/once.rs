//! `Idempotency-Key`: asked again, nothing is done twice.

use serde_json::{Value, json};
use shared::{crypto::data_key_of, db::idempotency, ids::TenantId};
use sqlx::{Connection, Executor, PgConnection, Row};

use crate::{
    stage::House,
    wire::{Ask, Reply},
};

const BUDGETS: &str = "/api/v1/budgets";

fn budget(limit: f64) -> Value {
    json!({ "scope": "tenant", "period": "month", "budget_limit_usd": limit })
}

fn ask(key: &str, once: &str, body: &Value) -> Ask {
    Ask::post(BUDGETS).key(key).header("idempotency-key", once).json(body)
}

async fn count(house: &House, tenant: TenantId) -> usize {
    house.rows(tenant, "select 1 from budgets").await.len()
}

fn told(reply: &Reply) -> (u16, String) {
    (reply.status, reply.problem())
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_and_another_one_none() {
    let house = House::open().await;
    let (acme, key) = house.test.tenant("acme").await;
    let (bolt, other) = house.test.tenant("bolt").await;
    let first = house.ask(&ask(&key, "once", &budget(10.0))).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let again = house.ask(&ask(&key, "once", &budget(10.0))).await;
    assert_eq!((again.status, again.body.clone()), (201, first.body.clone()));
    assert_eq!((again.header("idempotency-replayed"), again.header("content-type")), ("true", "application/json"));
    assert_eq!(told(&house.ask(&ask(&key, "once", &budget(11.0))).await), (422, "idempotency_key_reused".into()));
    let elsewhere = ask(&key, "once", &budget(10.0)).to("/api/v1/escalation-rules");
    assert_eq!(told(&house.ask(&elsewhere).await), (422, "idempotency_key_reused".into()));
    assert_eq!(count(&house, acme).await, 1);
    // Another tenant's key is another key, and so is another caller's.
    assert_eq!(house.ask(&ask(&other, "once", &budget(10.0))).await.status, 201);
    assert_eq!(count(&house, bolt).await, 1);
    let (_, mut person) = house.person(acme, "owner").await;
    let reply = person.ask(&house, Ask::post(BUDGETS).header("idempotency-key", "once").json(&budget(10.0))).await;
    assert_eq!(told(&reply), (409, "conflict".into()), "there is one already: it was tried");
    // What can't be a key.
    for bad in ["", " ", &"k".repeat(256)] {
        assert_eq!(
            told(&house.ask(&ask(&key, bad, &budget(10.0))).await),
            (400, "invalid_request".into()),
            "{bad}"
        );
    }
    let twice = ask(&key, "one", &budget(10.0)).header("idempotency-key", "two");
    assert_eq!(house.ask(&twice).await.status, 400);
    assert_eq!(house.ask(&ask("kst_nobody", "once", &budget(10.0))).await.status, 401);
}

#[tokio::test]
async fn a_secret_comes_back_and_is_kept_sealed() {
    let house = House::open().await;
    let (acme, key) = house.test.tenant("acme").await;
    let ask = Ask::post("/api/v1/api-keys").key(&key).header("idempotency-key", "for the robot");
    let ask = ask.json(&json!({ "name": "robot", "role": "customer_operator" }));
    let [first, again] = [house.ask(&ask).await, house.ask(&ask).await];
    assert_eq!(first.status, 201, "{}", first.text());
    let secret = first.json()["key"].as_str().expect("as it is described").to_owned();
    assert_eq!(again.json()["key"], secret.as_str());
    let rows = house.rows(acme, "select answer, key_hash from idempotency_keys").await;
    let answer: Vec<u8> = rows[0].get("answer");
    assert!(!answer.windows(8).any(|window| window == &secret.as_bytes()[..8]));
    assert!(
        data_key_of(&answer).is_some(),
        "under the tenant's own key, as `konstruct key rotate` would leave it"
    );
}

#[tokio::test]
async fn a_refusal_is_no_answer() {
    let house = House::open().await;
    let (acme, key) = house.test.tenant("acme").await;
    let wrong = json!({ "scope": "tenant", "period": "month", "time_zone": "Nowhere", "budget_limit_usd": 1.0 });
    for _ in 0..2 {
        assert_eq!(told(&house.ask(&ask(&key, "once", &wrong)).await), (400, "invalid_request".into()));
    }
    assert!(house.rows(acme, "select 1 from idempotency_keys").await.is_empty(), "nothing is left of it");
    assert_eq!(house.ask(&ask(&key, "once", &budget(10.0))).await.status, 201, "the key was not used up");
}

/// Somebody who keeps a table, so that whoever writes to it waits.
async fn keeper(house: &House) -> PgConnection {
    let mut keeper = house.test.owner().await;
    keeper.execute("begin; lock table budgets in exclusive mode").await.expect("it is free");
    keeper
}

/// Until the request has its claim and waits for the table.
async fn until_it_waits(house: &House) {
    let mut owner = house.test.owner().await;
    for _ in 0..200 {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_locks where relation = 'budgets'::regclass and not granted and
                    database = (select oid from pg_database where datname = current_database())",
        )
        .fetch_one(&mut owner)
        .await
        .expect("locks can be seen");
        if waiting > 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("nobody waits");
}

#[tokio::test]
async fn what_is_being_done_is_not_begun_twice_and_a_late_first_try_makes_nothing() {
    let house = House::open().await;
    let (acme, key) = house.test.tenant("acme").await;
    let mut keeper = keeper(&house).await;
    let first = {
        let (ask, address) = (ask(&key, "once", &budget(10.0)), house.address);
        tokio::spawn(async move { ask.send(address).await })
    };
    until_it_waits(&house).await;
    let meanwhile = house.ask(&ask(&key, "once", &budget(10.0))).await;
    assert_eq!(told(&meanwhile), (409, "in_flight".into()));
    assert_eq!(meanwhile.header("retry-after"), "1");
    // A minute later somebody else may: the first is taken for dead. It is not.
    let mut tx = house.test.db.tenant(acme).begin().await.expect("it begins");
    tx.conn()
        .execute("update idempotency_keys set begun_at = clock_timestamp() - interval '2 minutes'")
        .await
        .expect("it is moved");
    tx.commit().await.expect("it is stored");
    let second = {
        let (ask, address) = (ask(&key, "once", &budget(10.0)), house.address);
        tokio::spawn(async move { ask.send(address).await })
    };
    for _ in 0..200 {
        let fresh =
            house.rows(acme, "select 1 from idempotency_keys where begun_at > now() - interval '1 minute'").await;
        if !fresh.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    keeper.execute("rollback").await.expect("it lets go");
    let (first, second) = (first.await.expect("it ends"), second.await.expect("it ends"));
    assert_eq!(told(&first), (409, "conflict".into()), "{}", first.text());
    assert_eq!(second.status, 201, "{}", second.text());
    assert_eq!(count(&house, acme).await, 1);
    assert_eq!(house.ask(&ask(&key, "once", &budget(10.0))).await.body, second.body);
    keeper.close().await.expect("it ends");
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let house = House::open().await;
    let (acme, key) = house.test.tenant("acme").await;
    assert_eq!(house.ask(&ask(&key, "once", &budget(10.0))).await.status, 201);
    let rule = json!({ "name": "Money", "condition": "keyword = \"refund\"" });
    let rule = ask(&key, "a rule", &rule).to("/api/v1/escalation-rules");
    let made = house.ask(&rule).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let system = house.test.db.system();
    assert_eq!(idempotency::sweep(&system).await.expect("it sweeps"), 0);
    let mut tx = house.test.db.tenant(acme).begin().await.expect("it begins");
    tx.conn()
        .execute("update idempotency_keys set begun_at = clock_timestamp() - interval '25 hours'")
        .await
        .expect("it is moved");
    tx.commit().await.expect("it is stored");
    // Also before the sweep came by: what is refused now was tried.
    assert_eq!(told(&house.ask(&ask(&key, "once", &budget(11.0))).await), (409, "conflict".into()));
    assert_eq!(idempotency::sweep(&system).await.expect("it sweeps"), 1);
    assert!(house.rows(acme, "select 1 from idempotency_keys").await.is_empty());
}

/// A document is read by the handler, and is not held for anybody who is not known.
#[tokio::test]
async fn an_upload_is_kept_once() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let give = |once: &str, text: &str| {
        Ask::post("/api/v1/knowledge?name=a.txt")
            .key(&acme.key)
            .header("idempotency-key", once)
            .body(text.as_bytes())
    };
    let first = house.ask(&give("once", "the words")).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let again = house.ask(&give("once", "the words")).await;
    assert_eq!(
        (again.status, again.body.clone(), again.header("idempotency-replayed")),
        (202, first.body.clone(), "true")
    );
    assert_eq!(told(&house.ask(&give("once", "other words")).await), (422, "idempotency_key_reused".into()));
    let elsewhere = give("once", "the words").to("/api/v1/knowledge?name=b.txt");
    assert_eq!(told(&house.ask(&elsewhere).await), (422, "idempotency_key_reused".into()));
    assert_eq!(house.count(acme.tenant, "select count(*) from documents").await, 1);
    // What is refused uses no key up, and large bodies have keys as well.
    assert_eq!(house.ask(&give("another", "")).await.status, 400);
    assert_eq!(house.ask(&give("another", &"x".repeat(1024 * 1024))).await.status, 202);
    assert_eq!(house.count(acme.tenant, "select count(*) from idempotency_keys").await, 2);
    assert_eq!(house.ask(&give("", "the words")).await.status, 400);
    let stranger = Ask::post("/api/v1/knowledge?name=a.txt").header("idempotency-key", "once").body("the words");
    assert_eq!(house.ask(&stranger).await.status, 401);
}

#[tokio::test]
async fn connections_and_install_links_are_made_once() {
    let house = House::open_with(|config| {
        let client = simulators::SlackOptions::default();
        let (id, secret) = (client.client_id, client.client_secret.into());
        config.slack.client = Some(shared::channels::slack_oauth::SlackClient { id, secret });
    })
    .await;
    let (acme, key) = house.test.tenant("acme").await;
    let post = |path: &str, once: &str, body: &Value| {
        Ask::post(path).key(&key).header("idempotency-key", once).json(body)
    };
    let new = json!({ "channel": "slack", "bot_token": "xoxb-simulated-acme" });
    let connect = post("/api/v1/connections", "a connection", &new);
    let [first, again] = [house.ask(&connect).await, house.ask(&connect).await];
    assert_eq!((first.status, again.status), (201, 201), "{}", first.text());
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    let acts = "select count(*) from audit_events where action = 'connection.connect'";
    assert_eq!(house.count(acme, acts).await, 1);
    let link = post("/api/v1/connections/slack/install", "a link", &json!({}));
    let [first, again] = [house.ask(&link).await, house.ask(&link).await];
    assert_eq!((first.status, &again.body), (201, &first.body), "{}", first.text());
    assert_eq!(house.count(acme, "select count(*) from install_links").await, 1);
    // A key that was used to connect makes no link.
    let other = house.ask(&post("/api/v1/connections/slack/install", "a connection", &json!({}))).await;
    assert_eq!(told(&other), (422, "idempotency_key_reused".into()));
}

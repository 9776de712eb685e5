//! API keys: only an exact, living key opens anything, and whoever has none learns nothing.

use crate::{
    stage::{Firm, House, run},
    wire::{Ask, Reply},
};

const ME: &str = "/api/v1/me";

async fn refused(house: &House, ask: Ask, what: &str) -> Reply {
    let reply = house.ask(&ask).await;
    assert_eq!((reply.status, reply.problem().as_str()), (401, "unauthorized"), "{what}: {}", reply.text());
    reply
}

/// Keys that were never given out, from almost right to absurd.
fn wrong_keys(firm: &Firm) -> Vec<String> {
    let key = &firm.key;
    let (last, rest) = (&key[key.len() - 1..], &key[..key.len() - 1]);
    let other = if last == "A" { "B" } else { "A" };
    vec![
        String::new(),
        " ".to_owned(),
        "kst_".to_owned(),
        rest.to_owned(),
        format!("{key}A"),
        format!("{rest}{other}"),
        format!("kst_{}", "A".repeat(43)),
        format!("kst_{}", "=".repeat(43)),
        format!("kst_{}", "\u{e9}".repeat(21)),
        format!("xyz_{}", &key[4..]),
        key.to_uppercase(),
        key[4..].to_owned(),
        format!("{key} {key}"),
        format!("{key},{key}"),
        "' or 1=1 --".to_owned(),
        "null".to_owned(),
        "A".repeat(8_000),
    ]
}

#[tokio::test]
async fn attack_119_no_other_key_is_let_in_and_all_get_the_same_answer() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    assert_eq!(house.ask(&Ask::get(ME).key(&acme.key)).await.status, 200);
    let nobody = refused(&house, Ask::get(ME), "no key").await;
    for key in wrong_keys(&acme) {
        let reply = refused(&house, Ask::get(ME).key(&key), &key).await;
        assert_eq!(reply.body, nobody.body, "{key}");
        assert_eq!(reply.header("content-length"), nobody.header("content-length"));
    }
    let key = &acme.key;
    let other_ways = [
        format!("Basic {key}"),
        format!("Token {key}"),
        key.clone(),
        format!("Bearer{key}"),
        "Bearer".to_owned(),
        format!("Bearer Bearer {key}"),
    ];
    for value in other_ways {
        let reply = refused(&house, Ask::get(ME).header("authorization", &value), &value).await;
        assert_eq!(reply.body, nobody.body);
    }
    // A key belongs into one place only.
    refused(&house, Ask::get(&format!("{ME}?key={key}&api_key={key}")), "in the address").await;
    refused(&house, Ask::get(ME).header("cookie", format!("key={key}")), "in a cookie").await;
    refused(&house, Ask::get(ME).header("x-api-key", key), "in another header").await;
}

#[tokio::test]
async fn two_authorization_headers_are_401_whichever_is_good() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let good = || Ask::get(ME).key(&acme.key);
    refused(&house, good().key(&acme.key), "the same twice").await;
    refused(&house, good().key("kst_nonsense"), "the good one first").await;
    refused(&house, Ask::get(ME).key("kst_nonsense").key(&acme.key), "the good one last").await;
}

#[tokio::test]
async fn attack_90_a_revoked_or_expired_key_is_dead_at_once() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let nobody = refused(&house, Ask::get(ME), "no key").await;
    let endings = [
        ("revoked_at = now()", 401),
        ("expires_at = now() - interval '1 second'", 401),
        ("expires_at = now() + interval '1 hour'", 200),
    ];
    for (ending, status) in endings {
        let key = house.new_key(acme.tenant, "customer_admin").await;
        assert_eq!(house.ask(&Ask::get(ME).key(&key)).await.status, 200);
        let end = format!("update api_keys set {ending} where key_hash = sha256('{key}'::bytea)");
        assert_eq!(run(&mut house.test.system().await, &end).await, 1);
        let reply = house.ask(&Ask::get(ME).key(&key)).await;
        assert_eq!(reply.status, status, "{ending}");
        if status == 401 {
            assert_eq!(reply.body, nobody.body, "{ending}");
        }
    }
    assert_eq!(house.ask(&Ask::get(ME).key(&acme.key)).await.status, 200, "the other keys live on");
}

#[tokio::test]
async fn attack_107_an_operators_key_may_look_and_not_change() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let operator = house.new_key(acme.tenant, "customer_operator").await;
    let body = serde_json::json!({ "name": "Mallory" });
    let connect = serde_json::json!({ "channel": "slack", "bot_token": "xoxb-simulated-other" });
    let changes = [
        Ask::put("/api/v1/agents").json(&body),
        Ask::put("/api/v1/agents").body("no JSON at all"),
        Ask::post("/api/v1/connections").json(&connect),
        Ask::post("/api/v1/connections"),
    ];
    for ask in changes {
        let reply = house.ask(&ask.key(&operator)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"));
    }
    for path in [ME, "/api/v1/agents", "/api/v1/connections"] {
        assert_eq!(house.ask(&Ask::get(path).key(&operator)).await.status, 200, "{path}");
    }
    let me = house.ask(&Ask::get(ME).key(&operator)).await.json();
    assert_eq!(me["role"], "customer_operator");
    assert_eq!(house.count(acme.tenant, "select count(*) from agents").await, 0);
    // Taken from an admin, the right is gone with the next request.
    let demote =
        format!("update api_keys set role = 'customer_operator' where key_hash = sha256('{}'::bytea)", acme.key);
    run(&mut house.test.system().await, &demote).await;
    let reply = house.ask(&Ask::put("/api/v1/agents").key(&acme.key).json(&body)).await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn attack_121_no_table_holds_a_key() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let dump = "select count(*) from api_keys k where to_jsonb(k)::text like '%' || $1 || '%'";
    let mut system = house.test.system().await;
    let found: i64 =
        sqlx::query_scalar(dump).bind(&acme.key[4..]).fetch_one(&mut system).await.expect("it can ask");
    assert_eq!(found, 0);
}

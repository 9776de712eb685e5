//! Model keys, budgets and reports through the API: what is refused, what is never shown, and what is written with it.

use serde_json::{Value, json};
use shared::ids::LlmKeyId;

use crate::{
    stage::{Firm, House},
    wire::{Ask, Reply},
};

async fn post(house: &House, firm: &Firm, path: &'static str, body: &Value) -> Reply {
    house.ask(&Ask::new("POST", path).key(&firm.key).json(body)).await
}

/// Attack case 158: nothing is called, and nothing stored.
#[tokio::test]
async fn attack_158_a_key_for_an_address_inside_is_refused() {
    let house = House::open_with(|config| config.egress_allow = Vec::new()).await;
    let acme = house.firm("acme").await;
    for (base_url, code) in [
        ("http://127.0.0.1:11434/v1", "address_refused"),
        ("https://127.0.0.1/v1", "address_refused"),
        ("https://2130706433/v1", "address_refused"),
        ("https://localhost/v1", "address_refused"),
        ("https://[::ffff:10.0.0.1]/v1", "address_refused"),
        ("http://169.254.169.254/latest/meta-data", "address_refused"),
        ("http://models.example.com/v1", "address_refused"),
        ("https://user:word@models.example.com/v1", "address_refused"),
        ("file:///etc/passwd", "invalid_request"),
        ("https://models.example.com/v1?to=elsewhere", "invalid_request"),
        ("not an address", "invalid_request"),
    ] {
        let body =
            json!({ "name": "ours", "base_url": base_url, "key": "sk-0123456789abcdef", "default_model": "m" });
        let reply = post(&house, &acme, "/api/v1/llm-keys", &body).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, code), "{base_url}");
    }
    let listed = house.ask(&Ask::get("/api/v1/llm-keys").key(&acme.key)).await.json();
    assert_eq!(listed["items"], json!([]));
    for (field, value) in [("key", json!("with space")), ("name", json!("")), ("more", json!(1))] {
        let mut body = json!({ "name": "ours", "base_url": "https://models.example.com/v1", "key": "sk-0123456789",
                               "default_model": "m" });
        body[field] = value;
        let reply = post(&house, &acme, "/api/v1/llm-keys", &body).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{field}");
        assert!(!reply.text().contains("with space"), "a key is not repeated");
    }
}

#[tokio::test]
async fn a_budget_is_set_changed_and_taken_away_with_a_line_in_the_audit_log() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let budget = |limit: Value| {
        json!({ "scope": "tenant", "period": "day", "time_zone": "Europe/Berlin",
                                        "budget_limit_usd": limit })
    };
    let created = post(&house, &acme, "/api/v1/budgets", &budget(Value::Null)).await.json();
    assert_eq!((&created["limit"], &created["budget_limit_usd"]), (&json!("No limit set"), &Value::Null));
    let again = post(&house, &acme, "/api/v1/budgets", &budget(json!(5))).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "conflict"));
    let path = format!("/api/v1/budgets/{}", created["id"].as_str().expect("an id"));
    let change = Ask::new("PATCH", &path).key(&acme.key).json(&json!({ "budget_limit_usd": 12.34 }));
    let changed = house.ask(&change).await.json();
    assert_eq!((&changed["limit"], &changed["budget_limit_usd"]), (&json!("$12.34 a day"), &json!(12.34)));
    for wrong in [
        json!({ "scope": "tenant", "period": "month" }),
        budget(json!(-1)),
        budget(json!("5")),
        json!({ "scope": "agent", "period": "month", "budget_limit_usd": 1 }),
        json!({ "scope": "tenant", "target": "agt_01k9z3w6h8f2m5x7q4r1t0v9sb", "period": "month", "budget_limit_usd": 1 }),
        json!({ "scope": "tenant", "period": "month", "time_zone": "Mars/Olympus", "budget_limit_usd": 1 }),
        json!({ "scope": "tenant", "period": "week", "budget_limit_usd": 1 }),
    ] {
        let reply = post(&house, &acme, "/api/v1/budgets", &wrong).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{wrong}");
    }
    let nobodys = json!({ "scope": "agent", "target": "agt_01k9z3w6h8f2m5x7q4r1t0v9sb", "period": "month",
                          "budget_limit_usd": 1 });
    assert_eq!(post(&house, &acme, "/api/v1/budgets", &nobodys).await.status, 404);
    assert_eq!(house.ask(&Ask::new("DELETE", &path).key(&acme.key)).await.status, 204);
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    let acts: Vec<String> = sqlx::query_scalar(
        "select action from audit_events where tenant_id = $1 and action like 'budget.%' order by n",
    )
    .bind(acme.tenant)
    .fetch_all(tx.conn())
    .await
    .expect("the log can be read");
    assert_eq!(acts, ["budget.create", "budget.change", "budget.delete"]);
}

#[tokio::test]
async fn a_tenant_says_its_budgets_in_its_own_currency() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let choose = async |currency: &str| {
        house.ask(&Ask::put("/api/v1/currency").key(&acme.key).json(&json!({ "currency": currency }))).await
    };
    for (wrong, code) in [("EUR", "no_exchange_rate"), ("eur", "invalid_request"), ("EURO", "invalid_request")] {
        let reply = choose(wrong).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, code), "{wrong}");
    }
    assert!(choose("EUR").await.text().contains("konstruct rate --currency EUR"), "it says what to do");
    shared::db::system::set_rate(&house.test.db.system(), "EUR", "1.25", None).await.expect("a rate");
    let chosen = choose("EUR").await.json();
    assert_eq!((&chosen["currency"], &chosen["usd_per_unit"]), (&json!("EUR"), &json!("1.25")));
    assert_eq!(chosen["rates"][0]["currency"], json!("EUR"));
    let me = house.ask(&Ask::get("/api/v1/me").key(&acme.key)).await.json();
    assert_eq!(me["currency"], json!("EUR"));
    let body = json!({ "scope": "tenant", "period": "month", "budget_limit": 100.5 });
    let budget = post(&house, &acme, "/api/v1/budgets", &body).await.json();
    assert_eq!((&budget["limit"], &budget["currency"]), (&json!("100.50 EUR a month"), &json!("EUR")));
    assert_eq!((&budget["budget_limit"], &budget["budget_limit_usd"]), (&json!(100.5), &json!(125.625)));
    let path = format!("/api/v1/budgets/{}", budget["id"].as_str().expect("an id"));
    for (change, limit) in [("budget_limit_usd", "$7.00 a month"), ("budget_limit", "7.00 EUR a month")] {
        let ask = Ask::new("PATCH", &path).key(&acme.key).json(&json!({ change: 7 }));
        assert_eq!(house.ask(&ask).await.json()["limit"], json!(limit));
    }
    for wrong in [json!({}), json!({ "budget_limit": 1, "budget_limit_usd": 1 }), json!({ "budget_limit": -1 })] {
        let reply = house.ask(&Ask::new("PATCH", &path).key(&acme.key).json(&wrong)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{wrong}");
    }
    let report = house.ask(&Ask::get("/api/v1/usage?by=day").key(&acme.key)).await.json();
    assert_eq!((&report["currency"], &report["usd_per_unit"]), (&json!("EUR"), &json!("1.25")));
}

#[tokio::test]
async fn a_price_for_a_key_is_said_once_and_never_for_the_past() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let id = LlmKeyId::new();
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    sqlx::query(
        "insert into llm_keys (tenant_id, llm_key_id, name, base_url, sealed, key_hint, default_model, created_by)
         values ($1, $2, 'ours', 'https://models.example.com/v1', '', '', 'm', 'a test')",
    )
    .bind(acme.tenant)
    .bind(id)
    .execute(tx.conn())
    .await
    .expect("a key is stored");
    tx.commit().await.expect("it is stored");
    let path = format!("/api/v1/llm-keys/{id}/prices");
    let say = async |body: Value| house.ask(&Ask::new("POST", &path).key(&acme.key).json(&body)).await;
    let said = say(json!({ "model": "llama", "input_usd": 0.2, "cached_usd": 0.05, "output_usd": 0.6 })).await;
    assert_eq!(said.status, 201);
    for wrong in [
        json!({ "model": "llama", "input_usd": 0.2 }),
        json!({ "model": "", "input_usd": 0.2, "output_usd": 0.6 }),
        json!({ "model": "llama", "input_usd": -0.2, "output_usd": 0.6 }),
        json!({ "model": "llama", "input_usd": 0.2, "cached_usd": 0.3, "output_usd": 0.6 }),
        json!({ "model": "llama", "input_usd": 0.2, "output_usd": 0.6, "effective_from": "2020-01-01T00:00:00Z" }),
        json!({ "model": "llama", "input_usd": 0.2, "output_usd": 0.6, "effective_from": "tomorrow" }),
    ] {
        let reply = say(wrong.clone()).await;
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid_request"), "{wrong}");
    }
    let later =
        json!({ "model": "llama", "input_usd": 1, "output_usd": 1, "effective_from": "2099-01-01T00:00:00Z" });
    assert_eq!((say(later.clone()).await.status, say(later).await.status), (201, 409));
    let listed = house.ask(&Ask::get(&path).key(&acme.key)).await.json();
    let of = |n: usize, field: &str| listed["items"][n][field].clone();
    assert_eq!((of(0, "effective_from"), of(1, "input_usd")), (json!("2099-01-01T00:00:00Z"), json!(0.2)));
    assert_eq!((of(1, "cached_usd"), of(2, "model")), (json!(0.05), Value::Null));
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    let acts: i64 = sqlx::query_scalar("select count(*) from audit_events where action = 'llm_key.price'")
        .fetch_one(tx.conn())
        .await
        .expect("the log can be read");
    assert_eq!(acts, 2);
}

#[tokio::test]
async fn an_agent_names_models_by_keys_of_its_own_tenant_only() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let shape = async |models: Value| {
        house
            .ask(&Ask::put("/api/v1/agents").key(&acme.key).json(&json!({ "name": "Kona", "models": models })))
            .await
    };
    let reply =
        shape(json!([{ "llm_key": null, "model": "simulated-1" }, { "model": "simulated-2" }])).await.json();
    assert_eq!(reply["models"][1], json!({ "llm_key": null, "model": "simulated-2" }));
    let foreign = shape(json!([{ "llm_key": "lky_01k9z3w6h8f2m5x7q4r1t0v9sb", "model": "m" }])).await;
    assert_eq!((foreign.status, foreign.problem().as_str()), (404, "not_found"));
    assert_eq!(shape(json!([{ "llm_key": "key", "model": "m" }])).await.status, 400);
    assert_eq!(shape(json!([{ "model": "" }])).await.status, 400);
    let listed = house.ask(&Ask::get("/api/v1/agents").key(&acme.key)).await.json();
    assert_eq!(listed["items"][0]["models"].as_array().map(Vec::len), Some(2), "what was refused changed nothing");
}
